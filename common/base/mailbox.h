//  mailbox - a bounded ring of pointers between two threads, with an eventfd to wait on.
//
//  Level-triggered: the fd is readable exactly while the ring is not empty, so it works
//  in zmq_poll, epoll and curl_multi_poll.  After mailbox_wake it is readable for good.
//  Many senders, one receiver.  Send never waits.
//  Own: a sent item belongs to the receiver; on ERR_FULL the sender keeps it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>

typedef struct mailbox mailbox_t;

//  capacity in items, > 0; item_destroy frees what is left in the ring at destroy (may be NULL).
mailbox_t *
mailbox_new (size_t capacity, void (*item_destroy) (void *item_p));
void
mailbox_destroy (mailbox_t **self_p);

//  Takes *item_p and nulls it.  Err: ERR_FULL, *item_p untouched.
int
mailbox_send (mailbox_t *self, void *item_p) must_check;
//  The oldest item, or NULL when empty.  Own: fresh to the caller.
void *
mailbox_recv (mailbox_t *self);
//  Readable while there is an item.  Own: borrowed.
int
mailbox_fd (const mailbox_t *self);
size_t
mailbox_count (mailbox_t *self);
//  Make the fd readable for good, also while the ring is empty: its receiver looks up and finds
//  out why.  Sending and receiving go on as before.  Threads: any.
void
mailbox_wake (mailbox_t *self);
