//  mailbox - a bounded ring of pointers between two threads, with an eventfd to wait on.
//
//  The fd is readable exactly while the ring is not empty (level-triggered), so it works in
//  zmq_poll, epoll and curl_multi_poll.  After mailbox_wake it stays readable forever.
//  Many senders, one receiver.  A send never waits.
//  Own: a sent item belongs to the receiver; on ERR_FULL the sender keeps it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>

typedef struct mailbox mailbox_t;

//  capacity: items, > 0.  item_destroy frees items left in the ring at destroy; may be NULL.  Own:
//  fresh, NULL when out of memory or descriptors.
mailbox_t *
mailbox_new (size_t capacity, void (*item_destroy) (void *item_p));
void
mailbox_destroy (mailbox_t **self_p);

//  Own: takes *item_p and nulls it.  Err: ERR_FULL; *item_p is untouched.
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
//  Make the fd readable forever, even while the ring is empty, so that the receiver checks why.
//  Sending and receiving still work.  Threads: any.
void
mailbox_wake (mailbox_t *self);
