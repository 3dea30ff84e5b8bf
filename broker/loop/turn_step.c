//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/turn_step.h"

#include "common/base/log.h"

#include <assert.h>

//  Events are written at once: a repeat in the same turn must be found, and the body belongs to
//  the message.
static void
s_apply_events (loop_t *self)
{
    size_t count = 0;
    const step_write_t *writes = step_writes (self->step, &count);
    for (; self->failed == 0 && self->applied < count; self->applied++)
        if (writes [self->applied].kind == STEP_WRITE_EVENT)
            self->failed = store_apply (self->args.store, &writes [self->applied]);
}

int
turn_step (loop_t *self, const step_in_t *in)
{
    if (self->failed < 0)
        return 0;
    const int rc = step (self->step, in, self->now);
    s_apply_events (self);
    return rc;
}

//  Step the end of an effect, with the incident that the core does not have in memory.
static int
s_effect_done (loop_t *self, const step_in_t *in)
{
    const char *incident = step_unknown (self->step, in->as.effect.id);
    row_incident_t row;
    step_in_t whole = *in;
    const int rc = incident && self->failed == 0 ? store_incident (self->args.store, incident, &row)
                                                 : ERR_NONE;
    if (rc < 0 && rc != ERR_NONE)
        self->failed = rc;
    whole.as.effect.incident = rc == 0 ? &row : NULL;
    return turn_step (self, &whole);
}

static void
s_again (loop_t *self, const step_in_t *in)
{
    if ((in->kind == STEP_IN_EFFECT_DONE ? s_effect_done : turn_step) (self, in) < 0)
        log_warn (in->kind == STEP_IN_SOURCE ? "source change not recorded"
                                             : "end of an effect not recorded",
                  kv ("cluster", in->kind == STEP_IN_SOURCE ? in->as.source.cluster : ""),
                  kv ("effect", in->kind == STEP_IN_SOURCE ? 0 : in->as.effect.id));
}

void
turn_step_once (loop_t *self, const step_in_t *in)
{
    assert (self->again_count < LIMIT_TURN_MESSAGES); //  turn_step_room
    self->again [self->again_count++] = *in;
    s_again (self, in);
}

bool
turn_step_room (const loop_t *self)
{
    return self->again_count < LIMIT_TURN_MESSAGES;
}

void
turn_step_again (loop_t *self)
{
    for (size_t i = 0; i < self->again_count; i++)
        s_again (self, &self->again [i]);
}

void
turn_step_apply (loop_t *self)
{
    size_t count = 0;
    const step_write_t *writes = step_writes (self->step, &count);
    for (size_t i = 0; self->failed == 0 && i < count; i++)
        if (writes [i].kind != STEP_WRITE_EVENT)
            self->failed = store_apply (self->args.store, &writes [i]);
}
