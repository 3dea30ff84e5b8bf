//  outbox - when an effect is added, tried, tried again and ended.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/outbox.h"

#include "broker/core/outbox_place.h"
#include "broker/core/route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void
s_write (state_t *state, effect_t *effect)
{
    state_write_row (state, STEP_WRITE_EFFECT, &effect->written)->as.effect = effect->row;
}

static channel_run_t *
s_run (outbox_t *self, effect_t *effect)
{
    return channel_edit (effect->channel, self->turn);
}

//  Forget channels without effects, but for those of receivers that exist.
static void
s_sweep (outbox_t *self, const state_t *state)
{
    channel_t *channel, *next;
    HASH_ITER (hh, self->channels, channel, next) {
        route_target_t target;
        if (channel->effects > 0 || channel->run.flight || channel->kind != ROW_CHANNEL_MESSAGE
            || route_receiver (&state->settings, channel_name (channel), &target))
            continue;
        HASH_DEL (self->channels, channel);
        free (channel);
    }
}

//  The turn before was committed or taken back, so nothing refers to a channel that it emptied.
void
outbox_begin (outbox_t *self, const state_t *state)
{
    self->turn++;
    if (self->sweep)
        s_sweep (self, state);
    self->sweep = false;
}

void
outbox_rollback (outbox_t *self)
{
    for (channel_t *channel = self->channels; channel; channel = channel->hh.next)
        channel_rollback (channel, self->turn);
}

void
outbox_recheck (outbox_t *self)
{
    self->sweep = true;
}


//  --- adding

//  A known effect covers what is added, unless it may have looked already.
static void
s_add_again (outbox_t *self, state_t *state, effect_t *known, clk_now_t now)
{
    if (channel_in_flight (known)) {
        s_run (self, known)->again = true;
        return;
    }
    if (channel_blocks (known)) //  it is retried anyway, at the server's pace
        return;
    known->row.tries = 0;
    known->row.next_ms = now.wall_ms;
    known->next_ms = now.boot_ms;
    if (known->list != CHANNEL_WAITING)
        known->wait_ms = now.boot_ms + LIMIT_MESSAGE_WAIT_MS;
    if (known->list != CHANNEL_QUEUE || outbox_place_must_wait (self, state, known, now)) {
        channel_leave (known);
        outbox_place (self, state, known, now);
    }
    s_write (state, known);
}

//  Returns the effect if it is a new one.
static effect_t *
s_new (outbox_t *self, state_t *state, row_effect_t *row, clk_now_t now)
{
    row->id = self->last_effect + 1;
    effect_t *effect = outbox_place_hold (self, row);
    if (!effect) {
        state->failed = true;
        return NULL;
    }
    self->last_effect++;
    effect->next_ms = now.boot_ms + (row->next_ms - now.wall_ms);
    effect->wait_ms = now.boot_ms + LIMIT_MESSAGE_WAIT_MS;
    s_write (state, effect);
    return effect;
}

static void
s_add (outbox_t *self, state_t *state, row_effect_t *row, clk_now_t now)
{
    effect_t *effect = outbox_place_find_key (self, row->key);
    row->next_ms = now.wall_ms;
    if (effect)
        s_add_again (self, state, effect, now);
    else if ((effect = s_new (self, state, row, now)) != NULL)
        outbox_place (self, state, effect, now);
    if (row->channel == ROW_CHANNEL_STORAGE)
        outbox_place_messages (self, state, row->incident.text, now);
}

void
outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                     const ident_t *incident, clk_now_t now)
{
    row_effect_t row = {.channel = channel, .incident = *incident};
    snprintf (row.key, sizeof row.key, "%s/%s", kind, incident->text);
    s_add (self, state, &row, now);
}

static row_effect_t
s_message_row (const char *receiver, const ident_t *incident)
{
    row_effect_t row = {.channel = ROW_CHANNEL_MESSAGE, .incident = *incident};
    state_text (row.receiver, receiver);
    outbox_place_key (row.key, receiver, incident->text);
    return row;
}

void
outbox_add_message (outbox_t *self, state_t *state, const char *receiver, const ident_t *incident,
                    clk_now_t now)
{
    row_effect_t row = s_message_row (receiver, incident);
    s_add (self, state, &row, now);
}

void
outbox_add_later (outbox_t *self, state_t *state, const char *receiver, const ident_t *incident,
                  int64_t wait_ms, clk_now_t now)
{
    row_effect_t row = s_message_row (receiver, incident);
    effect_t *effect = outbox_place_find_key (self, row.key);
    if (effect && channel_in_flight (effect))
        s_run (self, effect)->again = true;
    if (effect)
        return;
    row.next_ms = now.wall_ms + wait_ms;
    effect = s_new (self, state, &row, now);
    if (effect && wait_ms > 0)
        channel_put_delayed (effect);
    else if (effect)
        channel_put_later (effect);
}

void
outbox_alert (outbox_t *self, state_t *state, const row_alert_t *alert, clk_now_t now)
{
    row_effect_t row = {.channel = ROW_CHANNEL_MESSAGE};
    state_write (state, STEP_WRITE_ALERT)->as.alert = *alert;
    state_text (row.receiver, row_default_receiver);
    state_text (row.key, alert->key);
    s_add (self, state, &row, now);
}


//  --- ends

//  The wait before the next try, with full jitter: a random time up to the exponential bound.
static int64_t
s_backoff (state_t *state, int64_t tries)
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
s_finish (outbox_t *self, state_t *state, effect_t *effect, row_effect_state_t to, clk_now_t now,
          outbox_end_t *ret_end)
{
    effect->row.state = to;
    if (to == ROW_EFFECT_DONE)
        effect->row.error [0] = 0;
    s_write (state, effect);
    ret_end->posted = effect->posted;
    row_effect_t row = effect->row;
    outbox_place_forget (self, effect);
    if (row.channel == ROW_CHANNEL_STORAGE)
        outbox_place_messages (self, state, row.incident.text, now);
    ret_end->state = to;
    state_text (ret_end->key, row.key);
}

void
outbox_drop (outbox_t *self, state_t *state, const char *key, const char *reason)
{
    effect_t *effect = outbox_place_find_key (self, key);
    if (!effect || channel_in_flight (effect))
        return;
    state_text (effect->row.error, reason);
    //  Messages wait for uploads only, and no upload is dropped: the time does not matter.
    outbox_end_t end;
    s_finish (self, state, effect, ROW_EFFECT_DEAD, (clk_now_t){0}, &end);
}

//  Schedule the next try of a failed effect.
static void
s_again (outbox_t *self, state_t *state, effect_t *effect, const step_in_t *in, clk_now_t now)
{
    channel_run_t *run = s_run (self, effect);
    int64_t wait = s_backoff (state, effect->row.tries);
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
    effect->unreached = in->as.effect.unreached;
    if (!effect->failing_ms)
        effect->failing_ms = now.boot_ms;
    if (!run->failing_ms)
        run->failing_ms = now.boot_ms;
    if (channel_is_message (effect) && asked > 0)
        run->not_before_ms = now.boot_ms + asked;
    if (!channel_is_message (effect)) {
        channel_leave (effect);
        channel_put_delayed (effect);
    }
    s_write (state, effect);
    if (effect->row.channel == ROW_CHANNEL_STORAGE)
        outbox_place_messages (self, state, effect->row.incident.text, now);
}

//  The server answers again: what was delayed because it did not is due.  They stay delayed, so
//  that new ones take turns with them.
static void
s_reached (channel_t *channel, clk_now_t now)
{
    effect_t *effect, *next, *due = NULL;
    DL_FOREACH_SAFE (channel->delayed, effect, next) {
        if (effect->unreached) {
            DL_DELETE (channel->delayed, effect);
            effect->next_ms = now.boot_ms;
            DL_APPEND (due, effect);
        }
    }
    DL_CONCAT (due, channel->delayed);
    channel->delayed = due;
}

static void
s_succeeded (outbox_t *self, const effect_t *effect, clk_now_t now)
{
    channel_t *channel = effect->channel;
    channel_run_t *run = channel_edit (channel, self->turn);
    if (run->failing_ms)
        s_reached (channel, now);
    run->failing_ms = 0;
    run->ok_ms = now.wall_ms;
}

//  Count the result and the duration of a try, and keep the rows that delivery wants to find again.
static void
s_counted (outbox_t *self, state_t *state, effect_t *effect, const step_in_t *in, clk_now_t now)
{
    channel_run_t *run = s_run (self, effect);
    state->stats.tries_total [effect->row.channel][in->as.effect.result]++;
    step_histogram_add (&state->stats.effect_time [effect->row.channel],
                        now.boot_ms - run->flight_ms);
    run->flight = 0;
    if (channel_is_message (effect))
        run->not_before_ms = now.boot_ms + state->settings.pace_ms;
    effect->posted = in->as.effect.message.ts [0] != 0;
    if (in->as.effect.message.key [0])
        state_write (state, STEP_WRITE_MESSAGE)->as.message = in->as.effect.message;
    if (in->as.effect.folder.incident.text [0])
        state_write (state, STEP_WRITE_FOLDER)->as.folder = in->as.effect.folder;
}

//  It was added again while it was in flight, and this try has ended it: run it once more.
static void
s_once_more (outbox_t *self, state_t *state, effect_t *effect, clk_now_t now)
{
    effect->row.tries = 0;
    effect->row.error [0] = 0;
    effect->row.state = ROW_EFFECT_READY;
    effect->row.next_ms = now.wall_ms;
    effect->next_ms = now.boot_ms;
    effect->failing_ms = 0;
    effect->wait_ms = now.boot_ms + LIMIT_MESSAGE_WAIT_MS;
    channel_leave (effect);
    outbox_place (self, state, effect, now);
    s_write (state, effect);
}

//  Does this try end the effect, and how?  READY: it is tried again.
static row_effect_state_t
s_judge (const effect_t *effect, const step_in_t *in)
{
    if (in->as.effect.result == STEP_EFFECT_OK)
        return ROW_EFFECT_DONE;
    const int64_t tries = in->as.effect.down ? LIMIT_EFFECT_DOWN_TRIES : LIMIT_EFFECT_TRIES;
    if (in->as.effect.result == STEP_EFFECT_PERMANENT
        || (effect->row.tries >= tries && !in->as.effect.unreached))
        return ROW_EFFECT_DEAD;
    return ROW_EFFECT_READY;
}

//  An effect has succeeded: say what that means.
static void
s_said (const effect_t *effect, outbox_end_t *ret_end)
{
    switch (effect->row.channel) {
        case ROW_CHANNEL_STORAGE: ret_end->uploaded = effect->row.incident; break;
        case ROW_CHANNEL_MESSAGE: ret_end->sent = effect->row.incident; break;
        case ROW_CHANNEL_RETIRE: ret_end->retired = effect->row.incident; break;
        case ROW_CHANNELS: break;
    }
}

outbox_end_t
outbox_done (outbox_t *self, state_t *state, const step_in_t *in, clk_now_t now)
{
    outbox_end_t end = {.key = ""};
    const step_effect_result_t result = in->as.effect.result;
    effect_t *effect = outbox_place_find (self, in->as.effect.id);
    if (!effect || !channel_in_flight (effect))
        return end;
    s_counted (self, state, effect, in, now);
    if (result == STEP_EFFECT_OK) {
        s_said (effect, &end);
        s_succeeded (self, effect, now);
    }
    state_text (effect->row.error, in->as.effect.error);
    if (!state->held || effect->row.channel != ROW_CHANNEL_STORAGE) //  a full disk is no try
        effect->row.tries++;
    effect->row.unsure =
        result == STEP_EFFECT_UNSURE || (effect->row.unsure && result != STEP_EFFECT_OK);
    const bool again = effect->channel->run.again;
    const row_effect_state_t to = s_judge (effect, in);
    s_run (self, effect)->again = false;
    if (to == ROW_EFFECT_READY)
        s_again (self, state, effect, in, now);
    else if (again)
        s_once_more (self, state, effect, now);
    else
        s_finish (self, state, effect, to, now, &end);
    return end;
}


//  --- handing out

//  Is the channel stopped now?  Removals go on while the disk is full: they help.
static bool
s_stands (const state_t *state, const channel_t *channel)
{
    return state->drained || (state->held && channel->kind == ROW_CHANNEL_STORAGE);
}

void
outbox_schedule (outbox_t *self, state_t *state, clk_now_t now)
{
    for (channel_t *channel = self->channels; channel; channel = channel->hh.next) {
        effect_t *effect =
            s_stands (state, channel) ? NULL : channel_next (channel, self->turn, now);
        if (!effect)
            continue;
        if (channel_is_message (effect)) {
            effect->row.state = ROW_EFFECT_SENDING;
            s_write (state, effect);
        }
        channel_run_t *run = channel_edit (channel, self->turn);
        run->flight = effect->id;
        run->flight_ms = now.boot_ms;
        state_out (state, STEP_OUT_EFFECT, NULL)->as.effect = effect->row;
    }
}

int64_t
outbox_wake (const outbox_t *self, const state_t *state)
{
    int64_t wake = INT64_MAX;
    for (const channel_t *channel = self->channels; channel; channel = channel->hh.next) {
        const int64_t due = s_stands (state, channel) ? INT64_MAX : channel_wake (channel);
        if (due < wake)
            wake = due;
    }
    return wake;
}


//  --- an operator's commands

static void
s_due (outbox_t *self, effect_t *effect, clk_now_t now)
{
    effect->row.next_ms = now.wall_ms;
    effect->next_ms = now.boot_ms;
    s_run (self, effect)->not_before_ms = 0;
    if (effect->list == CHANNEL_DELAYED || effect->list == CHANNEL_LATER) {
        channel_leave (effect);
        channel_put_queue (effect);
    }
}

//  Is the effect dead?  The row is as the last turn left it; this turn may have added it again.
static bool
s_is_dead (const outbox_t *self, const row_effect_t *row)
{
    return row->state == ROW_EFFECT_DEAD && !outbox_place_find (self, row->id)
           && !outbox_place_find_key (self, row->key);
}

int
outbox_retry (outbox_t *self, state_t *state, const row_effect_t *row, clk_now_t now,
              outbox_end_t *ret_end, const char **ret_text)
{
    if (!row) {
        *ret_text = "no such effect";
        return ERR_NONE;
    }
    effect_t *waits = outbox_place_find (self, row->id);
    if (waits && !channel_in_flight (waits) && waits->next_ms > now.boot_ms) {
        s_due (self, waits, now);
        s_write (state, waits);
        *ret_text = "due now";
        return 0;
    }
    if (!s_is_dead (self, row)) {
        *ret_text = "only a dead effect, or one that waits for its next try, can be retried";
        return ERR_STALE;
    }
    effect_t *effect = outbox_place_hold (self, row);
    if (!effect)
        return -ENOMEM;
    effect->row.state = ROW_EFFECT_READY;
    effect->row.tries = 0;
    effect->wait_ms = now.boot_ms + LIMIT_MESSAGE_WAIT_MS;
    s_due (self, effect, now);
    s_write (state, effect);
    outbox_place (self, state, effect, now); //  the place that it had
    if (row->channel == ROW_CHANNEL_STORAGE)
        outbox_place_messages (self, state, row->incident.text, now);
    ret_end->state = ROW_EFFECT_READY;
    state_text (ret_end->key, row->key);
    *ret_text = "due again";
    return 0;
}

int
outbox_cancel (outbox_t *self, state_t *state, const row_effect_t *row, clk_now_t now,
               outbox_end_t *ret_end, const char **ret_text)
{
    if (!row) {
        *ret_text = "no such effect";
        return ERR_NONE;
    }
    effect_t *held = outbox_place_find (self, row->id);
    if (held && channel_in_flight (held)) {
        *ret_text = "it is under way; ask again when it has ended";
        return ERR_STALE;
    }
    if (!held && !s_is_dead (self, row)) {
        *ret_text = "only an effect that is dead, or still to be done, can be cancelled";
        return ERR_STALE;
    }
    if (held)
        s_finish (self, state, held, ROW_EFFECT_CANCELLED, now, ret_end);
    else {
        step_write_t *write = state_write (state, STEP_WRITE_EFFECT);
        write->as.effect = *row;
        write->as.effect.state = ROW_EFFECT_CANCELLED;
    }
    *ret_text = "cancelled";
    return 0;
}

//  Make it due in memory; its row may stay behind.
static void
s_now (effect_t *effect, clk_now_t now)
{
    if (effect->next_ms > now.boot_ms)
        effect->next_ms = now.boot_ms;
}

int64_t
outbox_due (outbox_t *self, const char *name, clk_now_t now)
{
    int64_t count = 0;
    bool found = false;
    for (channel_t *channel = self->channels; channel; channel = channel->hh.next) {
        if (strcmp (channel_name (channel), name) != 0)
            continue;
        found = true;
        channel_edit (channel, self->turn)->not_before_ms = 0;
        if (channel->queue)
            s_now (channel->queue, now);
        effect_t *effect; //  the order stays: those that were due before come first
        DL_FOREACH (channel->queue, effect)
            count++;
        DL_FOREACH (channel->later, effect)
            count++;
        DL_FOREACH (channel->delayed, effect) {
            s_now (effect, now);
            count++;
        }
    }
    return found ? count : -1;
}
