//  held - messages of one ROUTER that their peers have no room for yet.  Each peer's stay in order.
//
//  The room is shared by key: one key has at most LIMIT_HELD_KEY_, on however many connections.
//  When all of it is taken, who holds less gets room from who holds most: that key's newest
//  messages go.  Without keys each connection is somebody of its own.
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

//  Is there anything at all; is there anything for this peer, so that what comes
//  next must wait behind it?
bool
held_any (const held_t *self);
bool
held_for (const held_t *self, const link_route_t *route);

//  Keep a copy of one message.  header: FRAME_BYTES.  identity: whose connection,
//  "" when nobody knows.
//  *dropped: messages of others that made room, counted up.  Err: -EAGAIN:
//  there is no room, nobody lost anything;
//  -ENOMEM.
int
held_add (held_t *self, const link_route_t *route, const char *identity, const uint8_t *header,
          const void *body, size_t size, int64_t *dropped) must_check;

//  Offer what waits: each peer's in order, until send says -EAGAIN.  Whatever else it says,
//  the message is done with.
typedef int (held_send_f) (void *context, const link_route_t *route, const uint8_t *header,
                           const void *body, size_t size);
void
held_flush (held_t *self, held_send_f *send, void *context);
