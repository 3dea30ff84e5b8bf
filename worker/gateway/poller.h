//  poller - descriptors and what to call when they are ready; epoll under it.
//
//  An item may remove and free itself, or any other, while it is called.
//  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdint.h>
#include <sys/epoll.h>

typedef struct poller_item poller_item_t;

struct poller_item {
    int fd;          //  -1 = not added
    uint32_t events; //  EPOLLIN, EPOLLOUT ...; level-triggered
    void (*ready) (poller_item_t *item, uint32_t events);
    void *arg; //  the owner's
};

typedef struct {
    int fd; //  readable while an item is ready
} poller_t;

//  Own: embedded; init, then fini.  Err: -errno.
int
poller_init (poller_t *self) must_check;
void
poller_fini (poller_t *self);
//  Add an item; its memory must stay where it is until poller_remove.  Own: borrows fd.
//  Err: -errno; the item is not added.
int
poller_add (poller_t *self, poller_item_t *item, int fd, uint32_t events) must_check;
//  Change what an item waits for; 0 = only for errors and the other side's end.
void
poller_want (poller_t *self, poller_item_t *item, uint32_t events);
//  Accepts an item that is not added.
void
poller_remove (poller_t *self, poller_item_t *item);
//  Call what is ready, without waiting; each item gets its turn.
void
poller_run (poller_t *self);
