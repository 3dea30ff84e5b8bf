//  outbox_load - rows back into memory, and what others ask about the effects.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/outbox.h"

#include "broker/core/outbox_place.h"

#include <errno.h>
#include <stdlib.h>

int
outbox_load (outbox_t *self, const row_effect_t *row)
{
    if ((row->state != ROW_EFFECT_READY && row->state != ROW_EFFECT_SENDING)
        || outbox_place_find (self, row->id))
        return 0;
    effect_t *effect = outbox_place_hold (self, row);
    if (!effect)
        return -ENOMEM;
    if (row->state == ROW_EFFECT_SENDING && !channel_in_flight (effect))
        effect->row.unsure = true; //  it was in flight when the broker died
    return 0;
}

static int
s_by_id (const effect_t *a, const effect_t *b)
{
    return (a->id > b->id) - (a->id < b->id);
}

//  Set the times of a loaded effect; the row has them by the wall clock.
static void
s_arm_times (effect_t *effect, const state_t *state, clk_now_t now)
{
    int64_t wait = effect->row.next_ms - now.wall_ms;
    int64_t patience = wait + LIMIT_MESSAGE_WAIT_MS;
    if (channel_is_message (effect) && !channel_blocks (effect)
        && (wait > LIMIT_MESSAGE_RECURRED_MS || !outbox_place_shows (state, effect)))
        wait = 0; //  the clock was set back
    if (wait > LIMIT_EFFECT_RETRY_MAX_MS)
        wait = LIMIT_EFFECT_RETRY_MAX_MS;
    if (patience > LIMIT_MESSAGE_WAIT_MS)
        patience = LIMIT_MESSAGE_WAIT_MS;
    effect->next_ms = now.boot_ms + (wait > 0 ? wait : 0);
    effect->wait_ms = now.boot_ms + (patience > 0 ? patience : 0);
    effect->failing_ms = effect->row.tries > 0 ? now.boot_ms : 0;
}

//  Those that block their channels go first into its queue.
static void
s_arm (outbox_t *self, const state_t *state, bool blocks, clk_now_t now)
{
    for (effect_t *effect = self->effects; effect; effect = effect->hh.next) {
        if (effect->list != CHANNEL_NOWHERE || channel_blocks (effect) != blocks)
            continue;
        if (effect->next_ms > now.boot_ms && !blocks)
            channel_put_delayed (effect);
        else
            outbox_place (self, state, effect, now);
    }
}

void
outbox_arm (outbox_t *self, const state_t *state, int64_t last_effect, clk_now_t now)
{
    self->last_effect = last_effect;
    HASH_SRT (hh, self->effects, s_by_id);
    for (effect_t *effect = self->effects; effect; effect = effect->hh.next)
        s_arm_times (effect, state, now);
    s_arm (self, state, true, now);
    s_arm (self, state, false, now);
}

int64_t
outbox_count (const outbox_t *self)
{
    return (int64_t) HASH_COUNT (self->effects);
}

int64_t
outbox_retiring (const outbox_t *self)
{
    int64_t count = 0;
    for (const channel_t *channel = self->channels; channel; channel = channel->hh.next)
        count += channel->kind == ROW_CHANNEL_RETIRE ? channel->effects : 0;
    return count;
}

bool
outbox_waits (const outbox_t *self, const char *incident)
{
    if (outbox_place_find_of (self, "storage", incident)
        || outbox_place_find_of (self, "retire", incident))
        return true;
    for (const channel_t *channel = self->channels; channel; channel = channel->hh.next)
        if (outbox_place_message (self, channel, incident))
            return true;
    return false;
}

const row_effect_t *
outbox_flight (const outbox_t *self, int64_t id)
{
    const effect_t *effect = outbox_place_find (self, id);
    return effect && channel_in_flight (effect) ? &effect->row : NULL;
}

int
outbox_flights (const outbox_t *self)
{
    int count = 0;
    for (const channel_t *channel = self->channels; channel; channel = channel->hh.next)
        count += channel->run.flight != 0;
    return count;
}

size_t
outbox_lanes (const outbox_t *self, clk_now_t now, step_lane_t *ret_lanes, size_t max)
{
    size_t count = 0;
    for (int failing = 1; failing >= 0; failing--)
        for (const channel_t *channel = self->channels; channel; channel = channel->hh.next) {
            step_lane_t lane = {.name = ""};
            channel_figures (channel, now, &lane);
            if ((lane.blocked_ms != 0) != failing)
                continue;
            if (count < max)
                ret_lanes [count] = lane;
            count++;
        }
    return count;
}

void
outbox_clear (outbox_t *self)
{
    effect_t *effect, *next;
    HASH_ITER (hh, self->effects, effect, next)
        outbox_place_forget (self, effect);
}

void
outbox_fini (outbox_t *self)
{
    channel_t *channel, *next;
    outbox_clear (self);
    HASH_ITER (hh, self->channels, channel, next) {
        HASH_DEL (self->channels, channel);
        free (channel);
    }
}
