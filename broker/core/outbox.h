//  outbox - the effects: rows committed together with their cause, then sent to delivery.
//
//  Each channel is a queue in commit order, with one request in flight.
//  A message waits for its incident's upload, and later messages may overtake it.  A message that
//  was begun or is being retried blocks its channel.
//  A failed upload waits for its next try without blocking others; then failed and new uploads
//  take turns.
//  A message is SENDING in the store before delivery gets it, because a repetition does harm.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

typedef struct effect effect_t;

//  The effects at delivery.
typedef struct {
    int64_t id [ROW_CHANNELS]; //  0 = nothing
    bool again [ROW_CHANNELS]; //  added again while in flight
} outbox_flight_t;

typedef struct {
    effect_t *effects, *by_key;        //  owned; those not yet done
    effect_t *channels [ROW_CHANNELS]; //  in order; only the first message may have been begun
    effect_t *delayed;                 //  failed uploads, earliest next try first
    bool fresh_next;                   //  the next upload is not a failed one, if there is a choice
    int64_t last_effect;
    outbox_flight_t flight, flight_before; //  before: when the turn began
    int64_t flight_ms [ROW_CHANNELS];      //  boot time at which it was handed out
} outbox_t;

//  An effect that has ended, or that is due after all.
typedef struct {
    char key [ROW_ALERT]; //  "" = none
    row_effect_state_t state;
    ident_t sent; //  incident of a message that was just sent; "" = none
} outbox_end_t;

//  Begin a turn.  outbox_rollback undoes changes since then.  An effect that the turn handed out
//  has not left, and a report that it took is stepped again.
void
outbox_begin (outbox_t *self);
void
outbox_rollback (outbox_t *self);
//  Add an effect.  A key has one effect; if it is in flight, it runs once more afterwards.
//  incident: NULL = none.  No memory: `failed` is set.
void
outbox_add (outbox_t *self, state_t *state, row_channel_t channel, const char *key,
            const ident_t *incident, clk_now_t now);
//  Add an effect with the key "<kind>/<incident>".
void
outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                     const entry_t *entry, clk_now_t now);
//  Write an alert, and add the message with its key.
void
outbox_alert (outbox_t *self, state_t *state, const row_alert_t *alert, clk_now_t now);
//  Make an effect that is not yet done dead, unless it is in flight.
void
outbox_drop (outbox_t *self, state_t *state, const char *key, const char *reason);
//  Handle delivery's report on the effect in flight.  Returns the effect that it ended.  A report
//  on any other effect is ignored.
outbox_end_t
outbox_done (outbox_t *self, state_t *state, const step_in_t *in, clk_now_t now) must_check;
//  An operator's command: a dead effect is due again, and its tries are reset.  One that waits for
//  its next try is due now.  row: the store's, NULL: there is none.  *ret_text is the answer.
//  *ret_end is the effect that was dead, else untouched.
//  Err: ERR_NONE; ERR_STALE: neither dead nor waiting; -ENOMEM.
int
outbox_retry (outbox_t *self, state_t *state, const row_effect_t *row, clk_now_t now,
              outbox_end_t *ret_end, const char **ret_text) must_check;
//  An operator's command: cancel an effect that is dead or not yet done.  row and *ret_text: as for
//  outbox_retry.  *ret_end is the effect that was not yet done, else untouched.
//  Err: ERR_NONE; ERR_STALE: it is in flight or has ended.
int
outbox_cancel (outbox_t *self, state_t *state, const row_effect_t *row, outbox_end_t *ret_end,
               const char **ret_text) must_check;
//  Hand out the next effect of each channel that has none in flight.
void
outbox_schedule (outbox_t *self, state_t *state, clk_now_t now);
//  Boot time at which the next effect is due; INT64_MAX: none.
int64_t
outbox_wake (const outbox_t *self, const state_t *state);
//  Load a row that is not yet done; no write.  Err: -ENOMEM.
int
outbox_load (outbox_t *self, const row_effect_t *row) must_check;
//  All rows are loaded: put the effects into their channels.
//  last_effect: the highest id that was ever used.
void
outbox_arm (outbox_t *self, int64_t last_effect, clk_now_t now);
//  The number of effects that are not yet done.
int64_t
outbox_count (const outbox_t *self);
//  The number of effects at delivery.
int
outbox_flights (const outbox_t *self);
//  Fill in the figures of the effects: how many there are, and what each channel waits for.
void
outbox_figures (const outbox_t *self, clk_now_t now, step_stats_t *ret_stats);
//  Forget all effects; flights stay.
void
outbox_clear (outbox_t *self);
