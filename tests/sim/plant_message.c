//  Wrappers around outbox_done and outbox_add_message.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/plant_part.h"

#include "broker/core/outbox.h"

#include <string.h>

bool plant_forget_posts, plant_no_change;

//  The linker's names: the core's calls reach __wrap_*; __real_* is the function itself.
outbox_end_t
__real_outbox_done (outbox_t *self, state_t *state, const step_in_t *in, clk_now_t now);
outbox_end_t
__wrap_outbox_done (outbox_t *self, state_t *state, const step_in_t *in, clk_now_t now);
void
__real_outbox_add_message (outbox_t *self, state_t *state, const char *receiver,
                           const ident_t *incident, clk_now_t now);
void
__wrap_outbox_add_message (outbox_t *self, state_t *state, const char *receiver,
                           const ident_t *incident, clk_now_t now);

//  Keep the row of a message only when all has succeeded.
outbox_end_t
__wrap_outbox_done (outbox_t *self, state_t *state, const step_in_t *in, clk_now_t now)
{
    step_in_t done = *in;
    if (plant_forget_posts && done.as.effect.result != STEP_EFFECT_OK)
        done.as.effect.message.key [0] = 0;
    return __real_outbox_done (self, state, &done, now);
}

//  Take it that a message which is being sent shows the change.
void
__wrap_outbox_add_message (outbox_t *self, state_t *state, const char *receiver,
                           const ident_t *incident, clk_now_t now)
{
    const channel_t *channel = channel_of (self->channels, receiver);
    const row_effect_t *sent = channel ? outbox_flight (self, channel->run.flight) : NULL;
    if (!plant_no_change || !sent || strcmp (sent->incident.text, incident->text) != 0)
        __real_outbox_add_message (self, state, receiver, incident, now);
}
