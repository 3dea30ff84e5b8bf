//  ingest - the ingest socket: publishers' events in, acknowledgements out after the commit.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/turn.h"

//  Take and step one message.  Err: -EAGAIN nothing there; else the bytes it had.
int64_t
ingest_receive (loop_t *self);
void
ingest_ack (loop_t *self, const turn_asked_t *asked, step_event_t disposition,
            const ident_t *incident);
//  reason: "store", "overload" or "draining".
void
ingest_nack (loop_t *self, const turn_asked_t *asked, const char *reason, int64_t retry_ms);
