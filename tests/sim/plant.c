//  plant - wrappers around outbox_add_incident, outbox_schedule, lease_find and settle_verdict.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/plant.h"

#include "broker/core/lease.h"
#include "broker/core/outbox.h"
#include "broker/core/settle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

//  The linker's names: the core's calls arrive at __wrap_*, __real_* is the function itself.
void
__real_outbox_add_incident (step_t *self, row_channel_t channel, const char *kind,
                            const entry_t *entry, clk_now_t now);
void
__wrap_outbox_add_incident (step_t *self, row_channel_t channel, const char *kind,
                            const entry_t *entry, clk_now_t now);
void
__real_outbox_schedule (step_t *self, clk_now_t now);
void
__wrap_outbox_schedule (step_t *self, clk_now_t now);
attempt_t *
__real_lease_find (const step_t *self, const step_fence_t *fence);
attempt_t *
__wrap_lease_find (const step_t *self, const step_fence_t *fence);
void
__real_settle_verdict (step_t *self, const step_in_t *in, clk_now_t now);
void
__wrap_settle_verdict (step_t *self, const step_in_t *in, clk_now_t now);

static bool s_no_key, s_no_fence, s_no_intent, s_judging;

bool
plant (const char *name)
{
    s_no_key = strcmp (name, "effect_without_key") == 0;
    s_no_fence = strcmp (name, "lease_without_fence") == 0;
    s_no_intent = strcmp (name, "message_without_intent") == 0;
    return s_no_key || s_no_fence || s_no_intent;
}

//  The number of the effect becomes a part of its key: the next one is another.
void
__wrap_outbox_add_incident (step_t *self, row_channel_t channel, const char *kind,
                            const entry_t *entry, clk_now_t now)
{
    char key [96];
    if (!s_no_key) {
        __real_outbox_add_incident (self, channel, kind, entry, now);
        return;
    }
    snprintf (key, sizeof key, "%s/%s/%" PRId64, kind, entry->id.text, self->last_effect);
    outbox_add (self, channel, key, &entry->id, now);
}

void
__wrap_outbox_schedule (step_t *self, clk_now_t now)
{
    size_t before = self->write_count;
    __real_outbox_schedule (self, now);
    for (size_t i = before; s_no_intent && i < self->write_count; i++)
        if (self->writes [i].kind == STEP_WRITE_EFFECT)
            self->writes [i].as.effect.state = ROW_EFFECT_READY;
}

attempt_t *
__wrap_lease_find (const step_t *self, const step_fence_t *fence)
{
    const entry_t *entry = state_find (self, fence->incident.text);
    attempt_t *live = s_no_fence && s_judging && entry ? lease_live (entry) : NULL;
    return live ? live : __real_lease_find (self, fence);
}

void
__wrap_settle_verdict (step_t *self, const step_in_t *in, clk_now_t now)
{
    s_judging = true;
    const step_fence_t *fence = &in->as.verdict.fence;
    const attempt_t *attempt = __wrap_lease_find (self, fence);
    bool known = attempt && attempt->row.state == ROW_ATTEMPT_ENDED
                 && attempt->row.outcome == VERDICT_SUCCESS;
    step_in_t taken = *in;
    if (s_no_fence && attempt)
        snprintf (taken.peer.identity, sizeof taken.peer.identity, "%s", attempt->row.identity);
    __real_settle_verdict (self, &taken, now);
    const entry_t *entry = state_find (self, fence->incident.text);
    if (s_no_key && known && entry)
        __wrap_outbox_add_incident (self, ROW_CHANNEL_STORAGE, "storage", entry, now);
    s_judging = false;
}
