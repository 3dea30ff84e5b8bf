//  intake_queue - holds events until the loop has acknowledged them, in bounded memory.
//
//  To offer an event is to send it to the loop.  Events of one source are offered in their order,
//  and the sources take turns.  After a refusal nothing more is offered for a while.
//  When memory is full, the source with the most waiting bytes loses its oldest event; the loss is
//  counted for that source.  Offered events are never dropped; the loop's copies of them count too.
//  A body over LIMIT_EVENT_INLINE_BYTES is written to a durable file before its event is offered.
//  It also stays in memory until the acknowledgement, in case the file disappears.
//  Threads: intake only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"

typedef struct intake_queue intake_queue_t;

//  state_path: of the store; large bodies are kept beside it; copied.
//  Own: fresh; NULL when out of memory.
intake_queue_t *
intake_queue_new (const char *state_path);
void
intake_queue_destroy (intake_queue_t **self_p);
//  Add one event; fault is read from body, both are copied.  Older events, or this one, may be
//  dropped and counted.  False: out of memory, the event is neither kept nor counted.
bool
intake_queue_event (intake_queue_t *self, const char *source, const fault_t *fault,
                    bool triage_enabled, const char *body, size_t size, int64_t wall_ms) must_check;
//  Add one SOURCE notice.  It is sent after the earlier events of its source.
//  Out of memory it is lost; over a limit it drops the oldest notice.
void
intake_queue_notice (intake_queue_t *self, const char *source, const char *cluster,
                     const char *change, const char *reason);
//  The events of this source that were dropped since the last call.
int64_t
intake_queue_take_dropped (intake_queue_t *self, const char *source);
//  Offer as many events as possible.  reply: receives the loop's answers.
//  Returns the boot time in ms of the next call; INT64_MAX: after a new event or an answer.
int64_t
intake_queue_offer (intake_queue_t *self, mailbox_t *loop, mailbox_t *reply, int64_t boot_ms);
//  Handle the loop's answer to an offered event: forget it, or keep it and offer it again.
void
intake_queue_reply (intake_queue_t *self, uint64_t cookie, bool accepted, int64_t retry_ms,
                    int64_t boot_ms);
//  Wall clock at which the oldest unacknowledged event of a source arrived; INT64_MAX: none.
int64_t
intake_queue_oldest (intake_queue_t *self, const char *source);
//  The number of unacknowledged events.
size_t
intake_queue_count (const intake_queue_t *self);
