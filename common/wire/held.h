//  held - messages of one ROUTER that wait until their peers have room.  Each peer's stay in order.
//
//  The room is shared by key.  One key holds at most LIMIT_HELD_KEY_, over all its connections.
//  When the room is full, a key that holds less takes room from the key that holds most, whose
//  newest messages are dropped.
//  Without keys each connection counts as a key of its own.
//  Pure.  Threads: the owner's only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/link.h"

typedef struct held held_t;

//  Own: fresh, NULL when out of memory.
held_t *
held_new (void);
void
held_destroy (held_t **self_p);

//  held_any: is anything held?  held_for: is anything held for this peer, so that its next message
//  must wait behind it?
bool
held_any (const held_t *self);
bool
held_for (const held_t *self, const link_route_t *route);

//  Keep a copy of one message.  header: FRAME_BYTES.  identity: the connection's, "" when unknown.
//  *dropped is raised by the number of other messages that made room.
//  Err: -EAGAIN: no room, and nothing was dropped; -ENOMEM.
int
held_add (held_t *self, const link_route_t *route, const char *identity, const uint8_t *header,
          const void *body, size_t size, int64_t *dropped) must_check;

//  Offer the held messages to send, each peer's in order, until send returns -EAGAIN.  After any
//  other result the message is dropped from here.
typedef int (held_send_f) (void *context, const link_route_t *route, const uint8_t *header,
                           const void *body, size_t size);
void
held_flush (held_t *self, held_send_f *send, void *context);
