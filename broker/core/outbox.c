//  outbox - commit order per channel, one in flight, backoff with full jitter.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/outbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

//  WAITING: for its upload; DELAYED: an upload, until its next try.
typedef enum { PLACE_WAITING, PLACE_CHANNEL, PLACE_DELAYED } place_t;

struct effect {
    int64_t id;
    row_effect_t row;
    written_t written;
    int64_t next_ms;
    int64_t failing_ms; //  since its first try that failed, 0 = none has
    place_t place;
    effect_t *prev, *next; //  in its channel, or among the delayed
    UT_hash_handle hh, hk; //  by id, by key
};

static effect_t *
s_find (const outbox_t *self, int64_t id)
{
    effect_t *effect = NULL;
    HASH_FIND (hh, self->effects, &id, sizeof id, effect);
    return effect;
}

static effect_t *
s_find_key (const outbox_t *self, const char *key)
{
    effect_t *effect = NULL;
    HASH_FIND (hk, self->by_key, key, strlen (key), effect);
    return effect;
}

static bool
s_in_flight (const outbox_t *self, const effect_t *effect)
{
    return self->flight.id [effect->row.channel] == effect->id;
}

//  An upload can be repeated without harm.  A message that was sent cannot be taken back.
static bool
s_is_message (const effect_t *effect)
{
    return effect->row.channel == ROW_CHANNEL_MESSAGE;
}

//  Do the others of its channel wait for it?  In flight, tried again, or in flight at a crash.
static bool
s_holds (const outbox_t *self, const effect_t *effect)
{
    return s_in_flight (self, effect)
           || (s_is_message (effect)
               && (effect->row.tries > 0 || effect->row.state == ROW_EFFECT_SENDING));
}

//  A message about an incident waits for its upload.  One that was tried before does not: its
//  upload had ended.
static bool
s_must_wait (const outbox_t *self, const effect_t *effect)
{
    char key [sizeof effect->row.key];
    if (!s_is_message (effect) || !effect->row.incident.text [0] || effect->row.unsure
        || s_holds (self, effect))
        return false;
    snprintf (key, sizeof key, "storage/%s", effect->row.incident.text);
    return s_find_key (self, key) != NULL;
}

//  The message about this upload's incident, NULL = none.
static effect_t *
s_message (const outbox_t *self, const row_effect_t *upload)
{
    char key [sizeof upload->key];
    if (upload->channel != ROW_CHANNEL_STORAGE)
        return NULL;
    snprintf (key, sizeof key, "incident/%s", upload->incident.text);
    return s_find_key (self, key);
}

//  Insert it into its channel, in commit order, but never before one that blocks the channel.
static void
s_enqueue (outbox_t *self, effect_t *effect)
{
    effect_t **head = &self->channels [effect->row.channel];
    effect_t *after = *head ? (*head)->prev : NULL;
    while (after && after != *head && after->id > effect->id)
        after = after->prev;
    effect->place = PLACE_CHANNEL;
    if (!after)
        DL_APPEND (*head, effect);
    else if (after->id > effect->id && !s_holds (self, after))
        DL_PREPEND (*head, effect);
    else
        DL_APPEND_ELEM (*head, after, effect);
}

//  Remove it from its list.
static void
s_leave (outbox_t *self, effect_t *effect)
{
    if (effect->place == PLACE_CHANNEL)
        DL_DELETE (self->channels [effect->row.channel], effect);
    else if (effect->place == PLACE_DELAYED)
        DL_DELETE (self->delayed, effect);
    effect->place = PLACE_WAITING;
}

//  Move a failed upload to the delayed ones, so that it does not block others until its next try.
static void
s_delay (outbox_t *self, effect_t *effect)
{
    s_leave (self, effect);
    effect_t *after = self->delayed ? self->delayed->prev : NULL;
    while (after && after->next_ms > effect->next_ms)
        after = after == self->delayed ? NULL : after->prev;
    if (after)
        DL_APPEND_ELEM (self->delayed, after, effect);
    else
        DL_PREPEND (self->delayed, effect);
    effect->place = PLACE_DELAYED;
}

static void
s_undelay (outbox_t *self, effect_t *effect)
{
    if (effect->place != PLACE_DELAYED)
        return;
    s_leave (self, effect);
    s_enqueue (self, effect);
}

static effect_t *
s_hold (outbox_t *self, const row_effect_t *row)
{
    effect_t *effect = calloc (1, sizeof *effect);
    if (!effect)
        return NULL;
    effect->id = row->id;
    effect->row = *row;
    effect->place = PLACE_WAITING;
    HASH_ADD (hh, self->effects, id, sizeof effect->id, effect);
    HASH_ADD_KEYPTR (hk, self->by_key, effect->row.key, strlen (effect->row.key), effect);
    return effect;
}

//  Put it into its channel, unless it must wait.  A message that waits for it leaves its channel.
static void
s_place (outbox_t *self, effect_t *effect)
{
    if (!s_must_wait (self, effect))
        s_enqueue (self, effect);
    effect_t *message = s_message (self, &effect->row);
    if (!message || message->place != PLACE_CHANNEL || !s_must_wait (self, message))
        return;
    s_leave (self, message);
}

static void
s_forget (outbox_t *self, effect_t *effect)
{
    s_leave (self, effect);
    HASH_DELETE (hk, self->by_key, effect);
    HASH_DELETE (hh, self->effects, effect);
    free (effect);
}

static void
s_write (outbox_t *self, state_t *state, effect_t *effect)
{
    state_write_row (state, STEP_WRITE_EFFECT, &effect->written)->as.effect = effect->row;
}

void
outbox_begin (outbox_t *self)
{
    self->flight_before = self->flight;
}

void
outbox_rollback (outbox_t *self)
{
    self->flight = self->flight_before;
}

void
outbox_add (outbox_t *self, state_t *state, row_channel_t channel, const char *key,
            const ident_t *incident, clk_now_t now)
{
    row_effect_t row = {.channel = channel, .next_ms = now.wall_ms};
    if (incident)
        row.incident = *incident;
    if (channel == ROW_CHANNEL_MESSAGE)
        state_text (row.receiver, row_default_receiver);
    state_text (row.key, key);
    effect_t *known = s_find_key (self, row.key);
    if (known) {
        if (s_in_flight (self, known))
            self->flight.again [known->row.channel] = true;
        known->row.tries = 0;
        known->row.next_ms = now.wall_ms;
        known->next_ms = now.boot_ms;
        s_undelay (self, known);
        s_write (self, state, known);
        return;
    }
    row.id = ++self->last_effect;
    effect_t *effect = s_hold (self, &row);
    if (!effect) {
        state->failed = true;
        return;
    }
    effect->next_ms = now.boot_ms;
    s_write (self, state, effect);
    s_place (self, effect);
}

void
outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                     const entry_t *entry, clk_now_t now)
{
    char key [ROW_ALERT];
    snprintf (key, sizeof key, "%s/%s", kind, entry->id.text);
    outbox_add (self, state, channel, key, &entry->id, now);
}

void
outbox_alert (outbox_t *self, state_t *state, const row_alert_t *alert, clk_now_t now)
{
    state_write (state, STEP_WRITE_ALERT)->as.alert = *alert;
    outbox_add (self, state, ROW_CHANNEL_MESSAGE, alert->key, NULL, now);
}

//  The wait before the next try, with full jitter: a random time up to the exponential bound.
static int64_t
s_backoff (outbox_t *self, state_t *state, int64_t tries)
{
    int64_t bound = LIMIT_EFFECT_RETRY_MIN_MS;
    for (int64_t i = 0; i < tries && bound < LIMIT_EFFECT_RETRY_MAX_MS; i++)
        bound *= 2;
    if (bound > LIMIT_EFFECT_RETRY_MAX_MS)
        bound = LIMIT_EFFECT_RETRY_MAX_MS;
    return LIMIT_EFFECT_RETRY_MIN_MS / 2 + state_random_below (state, bound);
}

//  End an effect.  A message that waited for it may be sent now.
static void
s_finish (outbox_t *self, state_t *state, effect_t *effect, row_effect_state_t to,
          outbox_end_t *ret_end)
{
    effect->row.state = to;
    s_write (self, state, effect);
    row_effect_t row = effect->row;
    s_forget (self, effect);
    effect_t *message = s_message (self, &row);
    if (message && message->place == PLACE_WAITING)
        s_enqueue (self, message);
    ret_end->state = to;
    state_text (ret_end->key, row.key);
}

void
outbox_drop (outbox_t *self, state_t *state, const char *key, const char *reason)
{
    effect_t *effect = s_find_key (self, key);
    if (!effect || s_in_flight (self, effect))
        return;
    state_text (effect->row.error, reason);
    outbox_end_t end;
    s_finish (self, state, effect, ROW_EFFECT_DEAD, &end);
}

//  Schedule the next try of a failed effect.
static void
s_again (outbox_t *self, state_t *state, effect_t *effect, const step_in_t *in, clk_now_t now)
{
    int64_t wait = s_backoff (self, state, effect->row.tries);
    if (in->as.effect.unreached && wait > LIMIT_EFFECT_UNREACHED_MS)
        wait = LIMIT_EFFECT_UNREACHED_MS / 2 + wait % (LIMIT_EFFECT_UNREACHED_MS / 2);
    int64_t asked = in->as.effect.retry_after_ms;
    if (asked > LIMIT_EFFECT_RETRY_MAX_MS)
        asked = LIMIT_EFFECT_RETRY_MAX_MS;
    if (wait < asked)
        wait = asked;
    effect->next_ms = now.boot_ms + wait;
    effect->row.next_ms = now.wall_ms + wait;
    effect->row.state = ROW_EFFECT_READY;
    if (!effect->failing_ms)
        effect->failing_ms = now.boot_ms;
    if (!s_is_message (effect))
        s_delay (self, effect);
    s_write (self, state, effect);
}

//  Count the result and the duration of a try.
static void
s_counted (outbox_t *self, state_t *state, const row_effect_t *row, step_effect_result_t result,
           clk_now_t now)
{
    state->stats.tries_total [row->channel][result]++;
    step_histogram_add (&state->stats.effect_time [row->channel],
                        now.boot_ms - self->flight_ms [row->channel]);
}

//  Keep what delivery wants to find again at the next try.
static void
s_keep (state_t *state, const step_in_t *in)
{
    if (in->as.effect.message.key [0])
        state_write (state, STEP_WRITE_MESSAGE)->as.message = in->as.effect.message;
    if (in->as.effect.folder.incident.text [0])
        state_write (state, STEP_WRITE_FOLDER)->as.folder = in->as.effect.folder;
}

outbox_end_t
outbox_done (outbox_t *self, state_t *state, const step_in_t *in, clk_now_t now)
{
    outbox_end_t end = {.key = ""};
    effect_t *effect = s_find (self, in->as.effect.id);
    if (!effect || !s_in_flight (self, effect))
        return end;
    s_counted (self, state, &effect->row, in->as.effect.result, now);
    s_keep (state, in);
    if (s_is_message (effect) && in->as.effect.result == STEP_EFFECT_OK)
        end.sent = effect->row.incident;
    self->flight.id [effect->row.channel] = 0;
    if (self->flight.again [effect->row.channel]) { //  it was added again: run it once more
        self->flight.again [effect->row.channel] = false;
        return end;
    }
    state_text (effect->row.error, in->as.effect.error);
    if (!state->held || effect->row.channel != ROW_CHANNEL_STORAGE) //  a full disk is no try
        effect->row.tries++;
    if (in->as.effect.result == STEP_EFFECT_UNSURE)
        effect->row.unsure = true;
    if (in->as.effect.result == STEP_EFFECT_OK) {
        effect->row.error [0] = 0;
        s_finish (self, state, effect, ROW_EFFECT_DONE, &end);
    }
    else if (in->as.effect.result == STEP_EFFECT_PERMANENT
             || (effect->row.tries >= LIMIT_EFFECT_TRIES && !in->as.effect.unreached))
        s_finish (self, state, effect, ROW_EFFECT_DEAD, &end);
    else
        s_again (self, state, effect, in, now);
    return end;
}

//  Is the channel stopped now?
static bool
s_stands (const outbox_t *self, const state_t *state, int channel)
{
    return state->drained || (state->held && channel == ROW_CHANNEL_STORAGE);
}

//  The next of the channel that is due, NULL = none.  Uploads that have failed and those
//  that have not take turns.
static effect_t *
s_next (outbox_t *self, int channel, clk_now_t now)
{
    effect_t *fresh = self->channels [channel], *again = self->delayed;
    if (fresh && fresh->next_ms > now.boot_ms)
        fresh = NULL;
    if (channel != ROW_CHANNEL_STORAGE)
        return fresh;
    if (again && again->next_ms > now.boot_ms)
        again = NULL;
    if (!again || (fresh && self->fresh_next)) {
        self->fresh_next = false;
        return fresh;
    }
    self->fresh_next = true;
    return again;
}

void
outbox_schedule (outbox_t *self, state_t *state, clk_now_t now)
{
    for (int i = 0; i < ROW_CHANNELS; i++) {
        effect_t *effect =
            s_stands (self, state, i) || self->flight.id [i] ? NULL : s_next (self, i, now);
        if (!effect)
            continue;
        if (s_is_message (effect)) {
            effect->row.state = ROW_EFFECT_SENDING;
            s_write (self, state, effect);
        }
        self->flight.id [i] = effect->id;
        self->flight_ms [i] = now.boot_ms;
        state_out (state, STEP_OUT_EFFECT, NULL)->as.effect = effect->row;
    }
}

int64_t
outbox_wake (const outbox_t *self, const state_t *state)
{
    int64_t wake = INT64_MAX;
    for (int i = 0; i < ROW_CHANNELS; i++) {
        if (s_stands (self, state, i) || self->flight.id [i])
            continue;
        const effect_t *heads [] = {self->channels [i],
                                    i == ROW_CHANNEL_STORAGE ? self->delayed : NULL};
        for (size_t k = 0; k < sizeof heads / sizeof heads [0]; k++)
            if (heads [k] && heads [k]->next_ms < wake)
                wake = heads [k]->next_ms;
    }
    return wake;
}

static int
s_by_id (const effect_t *a, const effect_t *b)
{
    return (a->id > b->id) - (a->id < b->id);
}

static void
s_due (outbox_t *self, state_t *state, effect_t *effect, clk_now_t now)
{
    effect->row.next_ms = now.wall_ms;
    effect->next_ms = now.boot_ms;
    s_undelay (self, effect);
    s_write (self, state, effect);
}

//  Is the effect dead?  The row is as the last turn left it; this turn may have added it again.
static bool
s_is_dead (const outbox_t *self, const row_effect_t *row)
{
    return row->state == ROW_EFFECT_DEAD && !s_find (self, row->id) && !s_find_key (self, row->key);
}

int
outbox_retry (outbox_t *self, state_t *state, const row_effect_t *row, clk_now_t now,
              outbox_end_t *ret_end, const char **ret_text)
{
    if (!row) {
        *ret_text = "no such effect";
        return ERR_NONE;
    }
    effect_t *waits = s_find (self, row->id);
    if (waits && !s_in_flight (self, waits) && waits->next_ms > now.boot_ms) {
        s_due (self, state, waits, now);
        *ret_text = "due now";
        return 0;
    }
    if (!s_is_dead (self, row)) {
        *ret_text = "only a dead effect, or one that waits for its next try, can be retried";
        return ERR_STALE;
    }
    effect_t *effect = s_hold (self, row);
    if (!effect)
        return -ENOMEM;
    effect->row.state = ROW_EFFECT_READY;
    effect->row.tries = 0;
    s_due (self, state, effect, now);
    s_place (self, effect); //  the place that it had
    ret_end->state = ROW_EFFECT_READY;
    state_text (ret_end->key, row->key);
    *ret_text = "due again";
    return 0;
}

int
outbox_cancel (outbox_t *self, state_t *state, const row_effect_t *row, outbox_end_t *ret_end,
               const char **ret_text)
{
    if (!row) {
        *ret_text = "no such effect";
        return ERR_NONE;
    }
    effect_t *held = s_find (self, row->id);
    if (held && s_in_flight (self, held)) {
        *ret_text = "it is under way; ask again when it has ended";
        return ERR_STALE;
    }
    if (!held && !s_is_dead (self, row)) {
        *ret_text = "only an effect that is dead, or still to be done, can be cancelled";
        return ERR_STALE;
    }
    if (held)
        s_finish (self, state, held, ROW_EFFECT_CANCELLED, ret_end);
    else {
        step_write_t *write = state_write (state, STEP_WRITE_EFFECT);
        write->as.effect = *row;
        write->as.effect.state = ROW_EFFECT_CANCELLED;
    }
    *ret_text = "cancelled";
    return 0;
}

int
outbox_load (outbox_t *self, const row_effect_t *row)
{
    if ((row->state != ROW_EFFECT_READY && row->state != ROW_EFFECT_SENDING)
        || s_find (self, row->id))
        return 0;
    effect_t *effect = s_hold (self, row);
    if (!effect)
        return -ENOMEM;
    if (row->state == ROW_EFFECT_SENDING && !s_in_flight (self, effect))
        effect->row.unsure = true; //  it was in flight when the broker died
    return 0;
}

static void
s_arm (outbox_t *self, bool holds)
{
    for (effect_t *effect = self->effects; effect; effect = effect->hh.next)
        if (effect->place == PLACE_WAITING && s_holds (self, effect) == holds
            && !s_must_wait (self, effect))
            s_enqueue (self, effect);
}

void
outbox_arm (outbox_t *self, int64_t last_effect, clk_now_t now)
{
    self->last_effect = last_effect;
    HASH_SRT (hh, self->effects, s_by_id);
    for (effect_t *effect = self->effects; effect; effect = effect->hh.next) {
        int64_t wait = effect->row.next_ms - now.wall_ms;
        if (wait > LIMIT_EFFECT_RETRY_MAX_MS)
            wait = LIMIT_EFFECT_RETRY_MAX_MS;
        effect->next_ms = now.boot_ms + (wait > 0 ? wait : 0);
        effect->failing_ms = effect->row.tries > 0 ? now.boot_ms : 0;
        if (wait > 0 && !s_is_message (effect))
            s_delay (self, effect);
    }
    s_arm (self, true);
    s_arm (self, false);
}

int64_t
outbox_count (const outbox_t *self)
{
    return (int64_t) HASH_COUNT (self->effects);
}

int
outbox_flights (const outbox_t *self)
{
    int count = 0;
    for (int i = 0; i < ROW_CHANNELS; i++)
        count += self->flight.id [i] != 0;
    return count;
}

static void
s_head (const outbox_t *self, const effect_t *effect, clk_now_t now, step_head_t *ret_head)
{
    ret_head->row = effect->row;
    ret_head->failing_ms = now.boot_ms - effect->failing_ms;
    if (!s_in_flight (self, effect) && effect->next_ms > now.boot_ms)
        ret_head->next_ms = effect->next_ms - now.boot_ms;
}

void
outbox_figures (const outbox_t *self, clk_now_t now, step_stats_t *ret_stats)
{
    step_head_t *heads = ret_stats->heads;
    memset (heads, 0, sizeof ret_stats->heads);
    ret_stats->effects_ready = outbox_count (self);
    for (const effect_t *effect = self->effects; effect; effect = effect->hh.next) {
        step_head_t *head = &heads [effect->row.channel];
        head->failing += effect->failing_ms != 0;
        head->behind += s_is_message (effect) && effect->place == PLACE_CHANNEL;
    }
    const effect_t *message = self->channels [ROW_CHANNEL_MESSAGE];
    if (message && message->failing_ms) {
        s_head (self, message, now, &heads [ROW_CHANNEL_MESSAGE]);
        heads [ROW_CHANNEL_MESSAGE].behind--;
    }
    else
        heads [ROW_CHANNEL_MESSAGE].behind = 0;
    if (self->delayed)
        s_head (self, self->delayed, now, &heads [ROW_CHANNEL_STORAGE]);
}

void
outbox_clear (outbox_t *self)
{
    effect_t *effect, *next;
    HASH_ITER (hh, self->effects, effect, next)
        s_forget (self, effect);
}
