//  sse - a pure parser of event streams (text/event-stream), fed with bytes in pieces of any size.
//
//  Only events with data are reported; comments, priming events and unknown fields only move the
//  counters.  An event over the limit is dropped and counted, and the stream goes on with the next.
//  Src: WHATWG HTML, "Server-sent events", 9.2.6.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sse sse_t;

//  One event, valid during the call.  type is "message" when the stream named none; data ends with
//  a NUL that size does not count.
typedef struct {
    const char *type;
    const char *data;
    size_t size;
} sse_event_t;

typedef void (sse_fn) (void *arg, const sse_event_t *event);

//  event_max_bytes: of one line, and of the data of one event.
//  Own: fresh, NULL when out of memory.
sse_t *
sse_new (size_t event_max_bytes);
void
sse_destroy (sse_t **self_p);
//  Parse bytes; fn is called for each complete event.
void
sse_feed (sse_t *self, const char *bytes, size_t size, sse_fn *fn, void *arg);
//  A new stream begins: a partial event and its id are dropped, the last id is kept.
void
sse_restart (sse_t *self);
//  Last event id of a complete event, fit for a header; "" when there is none.  Own: borrowed.
const char *
sse_last_id (const sse_t *self);
void
sse_forget_id (sse_t *self);
//  The server's reconnection time, clamped to a day; -1 when it sent none.  Units: ms.
int64_t
sse_retry_ms (const sse_t *self);
//  Events dropped for their size so far.
int64_t
sse_dropped (const sse_t *self);
