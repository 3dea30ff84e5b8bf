//  poller - one event a call of epoll_wait, so that no stale pointer is left in a list of events.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/poller.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

enum { S_TURN_EVENTS = 512 }; //  then the owner looks at its other sources

int
poller_init (poller_t *self)
{
    self->fd = epoll_create1 (EPOLL_CLOEXEC);
    return self->fd < 0 ? -errno : 0;
}

void
poller_fini (poller_t *self)
{
    if (self->fd >= 0)
        close (self->fd);
    self->fd = -1;
}

int
poller_add (poller_t *self, poller_item_t *item, int fd, uint32_t events)
{
    assert (item->ready);

    struct epoll_event event = {.events = events, .data.ptr = item};
    if (epoll_ctl (self->fd, EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    item->fd = fd;
    item->events = events;
    return 0;
}

void
poller_want (poller_t *self, poller_item_t *item, uint32_t events)
{
    if (item->fd < 0 || item->events == events)
        return;
    struct epoll_event event = {.events = events, .data.ptr = item};
    (void) epoll_ctl (self->fd, EPOLL_CTL_MOD, item->fd, &event); //  an added fd cannot fail
    item->events = events;
}

void
poller_remove (poller_t *self, poller_item_t *item)
{
    if (item->fd >= 0)
        (void) epoll_ctl (self->fd, EPOLL_CTL_DEL, item->fd, NULL);
    item->fd = -1;
}

void
poller_run (poller_t *self)
{
    struct epoll_event event;
    for (int at = 0; at < S_TURN_EVENTS && epoll_wait (self->fd, &event, 1, 0) == 1; at++) {
        poller_item_t *item = event.data.ptr;
        item->ready (item, event.events);
    }
}
