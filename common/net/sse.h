//  sse - a pure parser of event streams (text/event-stream); takes bytes in pieces of any size.
//
//  Only events with data are reported.  Comments, priming events and unknown fields only move the
//  counters.
//  An event over the limit is dropped and counted, and the stream goes on with the next one.
//  Src: WHATWG HTML, "Server-sent events", 9.2.6.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sse sse_t;

//  One event, valid during the call.  type is "message" when the stream gave none.  data ends with
//  a NUL that size does not count.
typedef struct {
    const char *type;
    const char *data;
    size_t size;
} sse_event_t;

typedef void (sse_fn) (void *arg, const sse_event_t *event);

//  event_max_bytes limits one line, and the data of one event.  Own: fresh, NULL when out of
//  memory.
sse_t *
sse_new (size_t event_max_bytes);
void
sse_destroy (sse_t **self_p);
//  Parse bytes; calls fn for each complete event.
void
sse_feed (sse_t *self, const char *bytes, size_t size, sse_fn *fn, void *arg);
//  A new stream begins: drop a partial event and its id, keep the last id.
void
sse_restart (sse_t *self);
//  Id of the last complete event that has one, fit for a header; "" when there is none.  Own:
//  borrowed.
const char *
sse_last_id (const sse_t *self);
//  Forget the last id, so that the next stream starts without one.
void
sse_forget_id (sse_t *self);
//  The server's reconnection time, clamped to a day; -1 when it sent none.  Units: ms.
int64_t
sse_retry_ms (const sse_t *self);
//  Number of events dropped for their size.
int64_t
sse_dropped (const sse_t *self);
