//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/relay.h"

#include "common/base/own.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef struct {
    poller_item_t item;
    relay_t *relay;
    int fd;
    char bytes [RELAY_BYTES]; //  for this side
    size_t from, to;          //  of bytes: what waits
    bool ended;               //  this side sends no more
    bool shut;                //  and has learned that the other one does not
} side_t;

struct relay {
    poller_t *poller;
    side_t sides [2];
    void (*ended) (void *arg);
    void *arg;
    bool moved, done;
};

static side_t *
s_other (side_t *side)
{
    return &side->relay->sides [side == &side->relay->sides [0]];
}

//  Wait for what each side can do now.  A side that can do nothing is not watched at all: epoll
//  would report its end again and again.
static bool
s_watch (side_t *side)
{
    const side_t *other = s_other (side);
    const uint32_t events = (!side->ended && other->to < RELAY_BYTES ? (uint32_t) EPOLLIN : 0)
                            | (side->from < side->to ? (uint32_t) EPOLLOUT : 0);
    if (events == 0)
        poller_remove (side->relay->poller, &side->item);
    else if (side->item.fd >= 0)
        poller_want (side->relay->poller, &side->item, events);
    else
        return poller_add (side->relay->poller, &side->item, side->fd, events) == 0;
    return true;
}

//  Returns false: the connection is broken.
static bool
s_read (side_t *side)
{
    side_t *other = s_other (side);
    if (side->ended || other->to == RELAY_BYTES)
        return true;
    const ssize_t got =
        recv (side->fd, other->bytes + other->to, RELAY_BYTES - other->to, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR || errno == ENOTCONN;
    side->ended = got == 0;
    other->to += (size_t) got;
    side->relay->moved = side->relay->moved || got > 0;
    return true;
}

static bool
s_write (side_t *side)
{
    while (side->from < side->to) {
        const ssize_t sent = send (side->fd, side->bytes + side->from, side->to - side->from,
                                   MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == ENOTCONN;
        side->from += (size_t) sent;
        side->relay->moved = true;
    }
    side->from = side->to = 0;
    if (s_other (side)->ended && !side->shut) {
        side->shut = true;
        shutdown (side->fd, SHUT_WR);
    }
    return true;
}

static void
s_on_ready (poller_item_t *item, uint32_t events)
{
    side_t *side = item->arg, *other = s_other (side);
    relay_t *self = side->relay;
    bool good = !(events & EPOLLERR);
    if (good && (events & (EPOLLIN | EPOLLHUP)))
        good = s_read (side) && s_write (other);
    if (good && (events & EPOLLOUT))
        good = s_write (side);
    good = good && s_watch (side) && s_watch (other);
    const bool over = side->shut && other->shut;
    if ((good && !over) || self->done)
        return;
    self->done = true;
    poller_remove (self->poller, &side->item);
    poller_remove (self->poller, &other->item);
    self->ended (self->arg);
}

relay_t *
relay_new (poller_t *poller, int *a_p, int *b_p, void (*ended) (void *arg), void *arg)
{
    relay_t *self = calloc (1, sizeof (relay_t));
    if (!self)
        return NULL;
    self->poller = poller;
    self->ended = ended;
    self->arg = arg;
    for (int i = 0; i < 2; i++) {
        side_t *side = &self->sides [i];
        side->relay = self;
        side->item = (poller_item_t){.fd = -1, .ready = s_on_ready, .arg = side};
        side->fd = i == 0 ? *a_p : *b_p;
    }
    if (!s_watch (&self->sides [0]) || !s_watch (&self->sides [1])) {
        self->sides [0].fd = self->sides [1].fd = -1;
        relay_destroy (&self);
        return NULL;
    }
    *a_p = *b_p = -1;
    return self;
}

void
relay_destroy (relay_t **self_p)
{
    relay_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < 2; i++) {
        poller_remove (self->poller, &self->sides [i].item);
        own_fd (&self->sides [i].fd);
    }
    free (self);
    *self_p = NULL;
}

bool
relay_add (relay_t *self, int at, const char *bytes, size_t size)
{
    side_t *side = &self->sides [at];
    if (size > RELAY_BYTES - side->to)
        return false;
    memcpy (side->bytes + side->to, bytes, size);
    side->to += size;
    return s_watch (side);
}

bool
relay_moved (relay_t *self)
{
    const bool moved = self->moved;
    self->moved = false;
    return moved;
}
