//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/asked.h"

#include "broker/loop/turn_step.h"

#include <assert.h>
#include <errno.h>

asked_t *
asked_add (loop_t *self, const asked_t *asked)
{
    assert (self->asked_count < LIMIT_TURN_MESSAGES);
    self->asked [self->asked_count] = *asked;
    return &self->asked [self->asked_count++];
}

uint64_t
asked_cookie (const loop_t *self, const asked_t *asked)
{
    return (uint64_t) (asked - self->asked) + 1;
}

static void
s_answer (loop_t *self, asked_t *asked, const asked_answer_t *answer)
{
    asked->answered = true;
    asked->answer (self, asked, answer);
}

void
asked_answer (loop_t *self, uint64_t cookie, const asked_answer_t *answer)
{
    assert (cookie > 0 && cookie <= self->asked_count);
    s_answer (self, &self->asked [cookie - 1], answer);
}

//  Nothing was committed for this asker; it asks again.
static void
s_refuse (loop_t *self, asked_t *asked, const char *reason, int64_t retry_ms)
{
    s_answer (self, asked, &(asked_answer_t){.refused = reason, .retry_ms = retry_ms});
}

void
asked_refuse_rest (loop_t *self, const char *reason)
{
    for (size_t i = 0; i < self->asked_count; i++) {
        if (!self->asked [i].answered)
            s_refuse (self, &self->asked [i], reason, LIMIT_STORE_REFUSE_MS);
    }
}

bool
asked_looks (const loop_t *self)
{
    for (size_t i = 0; i < self->asked_count; i++)
        if (self->asked [i].looks)
            return true;
    return false;
}

void
asked_event (loop_t *self, row_event_t *row, const fault_t *fault, bool triage_enabled,
             const asked_t *asked)
{
    asked_t *entry = asked_add (self, asked);
    if (self->draining || store_refusing (self->args.store)) {
        s_refuse (self, entry, self->draining ? "draining" : "store", LIMIT_STORE_REFUSE_MS);
        return;
    }
    row->incident.text [0] = '\0';
    const int known = store_known_event (self->args.store, row, &row->incident);
    if (known == -ENOENT) {
        s_refuse (self, entry, "upload", 0);
        return;
    }
    if (known < 0) {
        self->failed = known;
        return;
    }
    const step_in_t in = {
        .kind = STEP_IN_EVENT,
        .as.event = {.row = *row,
                     .fault = fault,
                     .cookie = asked_cookie (self, entry),
                     .triage_enabled = triage_enabled},
    };
    if (turn_step (self, &in) < 0)
        s_refuse (self, entry, "overload", LIMIT_STORE_REFUSE_MS);
}
