//  intake_spool - events on their way from intake to the loop: bounded, offered until acknowledged.
//
//  Offered in the order they came; a refusal holds what was not offered yet.  At the limit the oldest event is dropped and
//  counted.  A body over LIMIT_EVENT_INLINE_BYTES is a durable file before it is offered; it stays in memory
//  until it is acknowledged, in case the file goes meanwhile.
//  Threads: intake only.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/io/mail.h"

typedef struct intake_spool intake_spool_t;

//  state_path: the store, beside which large bodies are kept; copied.
intake_spool_t *
intake_spool_new (const char *state_path);
void
intake_spool_destroy (intake_spool_t **self_p);
//  Keep one event; body is copied.  Returns how many events were dropped to make room.
int64_t
intake_spool_event (intake_spool_t *self, const char *source, const char *cluster,
                    bool triage_enabled, const char *body, size_t size, int64_t wall_ms);
//  Keep one SOURCE notice.
void
intake_spool_notice (intake_spool_t *self, const char *cluster, const char *change,
                     const char *reason);
//  Send what may be sent; returns when to try again (boot ms, INT64_MAX = when something happens).
int64_t
intake_spool_offer (intake_spool_t *self, mailbox_t *loop, mailbox_t *reply, int64_t boot_ms);
//  The loop's answer.
void
intake_spool_reply (intake_spool_t *self, uint64_t cookie, bool accepted, int64_t retry_ms,
                    int64_t boot_ms);
//  When the oldest unacknowledged event of a source was received, wall clock; INT64_MAX for none.
int64_t
intake_spool_oldest (const intake_spool_t *self, const char *source);
//  Events kept, unacknowledged.
size_t
intake_spool_count (const intake_spool_t *self);
