//  intake_queue - events on their way from intake to the loop: bounded, offered until acknowledged.
//
//  Each source has a share.  Offered in the order they came, the sources in turn; a refusal
//  holds what was not offered yet.  At the limit whoever has most waiting loses its oldest, which
//  is counted as that source's.  What is offered, and the copy that the loop has of it, counts
//  too, and is never dropped.  A body over LIMIT_EVENT_INLINE_BYTES is a durable file before it
//  is offered; it stays in memory until it is acknowledged, in case the file goes meanwhile.
//  Threads: intake only.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"

typedef struct intake_queue intake_queue_t;

//  state_path: the store, beside which large bodies are kept; copied.
intake_queue_t *
intake_queue_new (const char *state_path);
void
intake_queue_destroy (intake_queue_t **self_p);
//  Keep one event, read from its body; fault and body are copied.  Another one may be dropped
//  for it, or this one; false: there is no memory even to count it.
bool
intake_queue_event (intake_queue_t *self, const char *source, const fault_t *fault,
                    bool triage_enabled, const char *body, size_t size, int64_t wall_ms) must_check;
//  Keep one SOURCE notice: it is told after what the source has said before.
void
intake_queue_notice (intake_queue_t *self, const char *source, const char *cluster,
                     const char *change, const char *reason);
//  How many events of this source were dropped since it was asked last.
int64_t
intake_queue_take_dropped (intake_queue_t *self, const char *source);
//  Send what may be sent; returns when to try again (boot ms, INT64_MAX = when something happens).
int64_t
intake_queue_offer (intake_queue_t *self, mailbox_t *loop, mailbox_t *reply, int64_t boot_ms);
//  The loop's answer.
void
intake_queue_reply (intake_queue_t *self, uint64_t cookie, bool accepted, int64_t retry_ms,
                    int64_t boot_ms);
//  When the oldest unacknowledged event of a source was received, wall clock; INT64_MAX for none.
int64_t
intake_queue_oldest (intake_queue_t *self, const char *source);
//  Events kept, unacknowledged.
size_t
intake_queue_count (const intake_queue_t *self);
