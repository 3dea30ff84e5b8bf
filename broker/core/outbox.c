//  outbox - commit order per channel, one in flight, backoff with full jitter.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static effect_t *
s_find (const step_t *self, int64_t id)
{
    effect_t *effect = NULL;
    HASH_FIND (hh, self->effects, &id, sizeof id, effect);
    return effect;
}

//  The effect of this key that is not finished; there are few of them.
static effect_t *
s_find_key (const step_t *self, const char *key)
{
    for (effect_t *effect = self->effects; effect; effect = effect->hh.next)
        if (strcmp (effect->row.key, key) == 0)
            return effect;
    return NULL;
}

static int
s_by_id (const effect_t *a, const effect_t *b)
{
    return (a->id > b->id) - (a->id < b->id);
}

static effect_t *
s_hold (step_t *self, const row_effect_t *row)
{
    effect_t *effect = calloc (1, sizeof *effect);
    if (!effect)
        return NULL;
    effect->id = row->id;
    effect->row = *row;
    HASH_ADD (hh, self->effects, id, sizeof effect->id, effect);
    return effect;
}

static bool
s_in_flight (const step_t *self, const effect_t *effect)
{
    return self->flight_id [effect->row.channel] == effect->id;
}

void
outbox_add (step_t *self, row_channel_t channel, const char *kind, const entry_t *entry,
            clk_now_t now)
{
    row_effect_t row = {.channel = channel, .incident = entry->id, .next_ms = now.wall_ms};
    snprintf (row.key, sizeof row.key, "%s/%s", kind, entry->id.text);
    effect_t *known = s_find_key (self, row.key);
    if (known) {
        known->again = s_in_flight (self, known);
        known->row.tries = 0;
        known->row.next_ms = now.wall_ms;
        known->next_ms = now.boot_ms;
        state_write (self, STEP_WRITE_EFFECT)->as.effect = known->row;
        return;
    }
    row.id = ++self->last_effect;
    effect_t *effect = s_hold (self, &row);
    if (!effect) {
        self->failed = true;
        return;
    }
    effect->next_ms = now.boot_ms;
    state_write (self, STEP_WRITE_EFFECT)->as.effect = row;
}

//  Full jitter: anywhere between the least and the exponential bound.
static int64_t
s_backoff (step_t *self, int64_t tries)
{
    int64_t bound = LIMIT_EFFECT_RETRY_MIN_MS;
    for (int64_t i = 0; i < tries && bound < LIMIT_EFFECT_RETRY_MAX_MS; i++)
        bound *= 2;
    if (bound > LIMIT_EFFECT_RETRY_MAX_MS)
        bound = LIMIT_EFFECT_RETRY_MAX_MS;
    return LIMIT_EFFECT_RETRY_MIN_MS / 2 + state_random_below (self, bound);
}

static void
s_finish (step_t *self, effect_t *effect, row_effect_state_t state)
{
    effect->row.state = state;
    state_write (self, STEP_WRITE_EFFECT)->as.effect = effect->row;
    HASH_DEL (self->effects, effect);
    free (effect);
}

void
outbox_done (step_t *self, const step_in_t *in, clk_now_t now)
{
    effect_t *effect = s_find (self, in->as.effect.id);
    if (!effect || !s_in_flight (self, effect))
        return;
    self->flight_id [effect->row.channel] = 0;
    if (effect->again) { //  what it did is out of date: once more
        effect->again = false;
        return;
    }
    state_text (effect->row.error, in->as.effect.error);
    effect->row.tries++;
    if (in->as.effect.result == STEP_EFFECT_OK) {
        effect->row.error [0] = 0;
        s_finish (self, effect, ROW_EFFECT_DONE);
        return;
    }
    if (in->as.effect.result == STEP_EFFECT_PERMANENT || effect->row.tries >= LIMIT_EFFECT_TRIES) {
        s_finish (self, effect, ROW_EFFECT_DEAD);
        return;
    }
    int64_t wait = s_backoff (self, effect->row.tries);
    int64_t asked = in->as.effect.retry_after_ms;
    if (asked > LIMIT_EFFECT_RETRY_MAX_MS)
        asked = LIMIT_EFFECT_RETRY_MAX_MS;
    if (wait < asked)
        wait = asked;
    effect->next_ms = now.boot_ms + wait;
    effect->row.next_ms = now.wall_ms + wait;
    state_write (self, STEP_WRITE_EFFECT)->as.effect = effect->row;
}

//  Effects are added and loaded in commit order, and uthash iterates in order of insertion.
static effect_t *
s_head (const step_t *self, int channel)
{
    for (effect_t *effect = self->effects; effect; effect = effect->hh.next)
        if ((int) effect->row.channel == channel)
            return effect;
    return NULL;
}

void
outbox_schedule (step_t *self, clk_now_t now)
{
    for (int i = 0; i < ROW_CHANNELS; i++) {
        effect_t *effect = s_head (self, i);
        if (!effect || self->flight_id [i] || effect->next_ms > now.boot_ms)
            continue;
        self->flight_id [i] = effect->id;
        state_out (self, STEP_OUT_EFFECT, NULL)->as.effect = effect->row;
    }
}

int64_t
outbox_wake (const step_t *self)
{
    int64_t wake = INT64_MAX;
    for (int i = 0; i < ROW_CHANNELS; i++) {
        const effect_t *effect = s_head (self, i);
        if (effect && !self->flight_id [i] && effect->next_ms < wake)
            wake = effect->next_ms;
    }
    return wake;
}

int
outbox_retry (step_t *self, const row_effect_t *row, clk_now_t now, const char **ret_text)
{
    if (!row) {
        *ret_text = "no such effect";
        return ERR_NONE;
    }
    if (row->state != ROW_EFFECT_DEAD || s_find (self, row->id)) {
        *ret_text = "only a dead effect can be retried";
        return ERR_STALE;
    }
    effect_t *effect = s_hold (self, row);
    if (!effect)
        return -ENOMEM;
    HASH_SORT (self->effects, s_by_id); //  it takes its old place again
    effect->row.state = ROW_EFFECT_READY;
    effect->row.tries = 0;
    effect->row.next_ms = now.wall_ms;
    effect->next_ms = now.boot_ms;
    state_write (self, STEP_WRITE_EFFECT)->as.effect = effect->row;
    *ret_text = "due again";
    return 0;
}

int
outbox_load (step_t *self, const row_effect_t *row)
{
    if (row->state != ROW_EFFECT_READY || s_find (self, row->id))
        return 0;
    return s_hold (self, row) ? 0 : -ENOMEM;
}

void
outbox_arm (step_t *self, clk_now_t now)
{
    HASH_SORT (self->effects, s_by_id);
    for (effect_t *effect = self->effects; effect; effect = effect->hh.next) {
        int64_t wait = effect->row.next_ms - now.wall_ms;
        if (wait > LIMIT_EFFECT_RETRY_MAX_MS)
            wait = LIMIT_EFFECT_RETRY_MAX_MS;
        effect->next_ms = now.boot_ms + (wait > 0 ? wait : 0);
    }
}
