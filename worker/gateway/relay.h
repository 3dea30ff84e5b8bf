//  relay - two sockets whose bytes go to each other, until both have ended.
//
//  Each side has a buffer of fixed size; a full one stops its reader.  Each side may end alone.
//  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/gateway/poller.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct relay relay_t;

enum { RELAY_BYTES = 64 * 1024 }; //  of each direction

//  a and b do not block; b may still be connecting.  The first bytes to each side, at most
//  RELAY_BYTES, have come already.  ended is called once, from the poller.  Own: fresh; takes both
//  sockets and sets them to -1; NULL on failure, the caller keeps them.
relay_t *
relay_new (poller_t *poller, int *a_p, int *b_p, void (*ended) (void *arg), void *arg);
void
relay_destroy (relay_t **self_p);
//  Bytes for side 0 (a) or 1 (b) that the caller has read itself.  Returns false: too many.
bool
relay_add (relay_t *self, int side, const char *bytes, size_t size);
//  Have bytes moved since the last call?
bool
relay_moved (relay_t *self);
