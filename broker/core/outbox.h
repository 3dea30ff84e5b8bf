//  outbox - effects: rows that are committed with what calls for them, then handed to delivery.
//
//  One channel is one queue in commit order, with one request in flight.  A message that waits for
//  its incident's upload is passed over.  A message that was begun, or is tried again, blocks its
//  channel.  An upload that has failed is passed over until its next try, and takes turns with
//  those that have not.  A message is SENDING in the store before delivery sees it, because it
//  cannot be repeated without harm.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

typedef struct effect effect_t;

//  What delivery has.
typedef struct {
    int64_t id [ROW_CHANNELS]; //  0 = nothing
    bool again [ROW_CHANNELS]; //  asked for once more meanwhile
} outbox_flight_t;

typedef struct {
    effect_t *effects, *by_key;        //  owned; those that are to be done
    effect_t *channels [ROW_CHANNELS]; //  in order; of messages at most the first has been begun
    effect_t *delayed;                 //  uploads that have failed, by their next try
    bool fresh_next;                   //  uploads: the next one is none of these, if there is one
    int64_t last_effect;
    outbox_flight_t flight, flight_before; //  before: when the turn began
    int64_t flight_ms [ROW_CHANNELS];      //  since when
} outbox_t;

//  An effect that has ended, or that is to be done after all.
typedef struct {
    char key [ROW_ALERT]; //  "" = none
    row_effect_state_t state;
    ident_t sent; //  a message about this incident was sent just now, "" = none
} outbox_end_t;

//  The turn begins: from here on outbox_rollback takes back.  An effect that the turn handed out
//  has not left, and a report that it took comes again.
void
outbox_begin (outbox_t *self);
void
outbox_rollback (outbox_t *self);
//  Ask for an effect.  Asked for twice by one key, it is one effect; it runs again if it is in
//  flight.  incident: NULL = none.  No memory: `failed` is set.
void
outbox_add (outbox_t *self, state_t *state, row_channel_t channel, const char *key,
            const ident_t *incident, clk_now_t now);
//  The same with the key "<kind>/<incident>".
void
outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                     const entry_t *entry, clk_now_t now);
//  Write an alert, and ask for the message of its key.
void
outbox_alert (outbox_t *self, state_t *state, const row_alert_t *alert, clk_now_t now);
//  An effect that is to be done is dead, unless it is in flight.
void
outbox_drop (outbox_t *self, state_t *state, const char *key, const char *reason);
//  Delivery's report on the effect in flight.  Returns what it ended.  Another report means
//  nothing.
outbox_end_t
outbox_done (outbox_t *self, state_t *state, const step_in_t *in, clk_now_t now) must_check;
//  An operator's command: a dead effect is due again, with its tries forgotten; one that waits for
//  its next try is due now.  row: of the store, NULL = there is none.  *ret_text says how it went.
//  *ret_end is the one that was dead, else untouched.  Err: ERR_NONE; ERR_STALE neither; -ENOMEM.
int
outbox_retry (outbox_t *self, state_t *state, const row_effect_t *row, clk_now_t now,
              outbox_end_t *ret_end, const char **ret_text) must_check;
//  An operator's command: it is not wanted any more, dead or still to be done.  row and *ret_text
//  as above.  *ret_end is one that was still to be done, else untouched. Err: ERR_NONE; ERR_STALE
//  it is in flight, or over.
int
outbox_cancel (outbox_t *self, state_t *state, const row_effect_t *row, outbox_end_t *ret_end,
               const char **ret_text) must_check;
//  Hand out the next effect of each channel that has none in flight.
void
outbox_schedule (outbox_t *self, state_t *state, clk_now_t now);
//  Boot time of the next one, INT64_MAX = none.
int64_t
outbox_wake (const outbox_t *self, const state_t *state);
//  Hold a row that is to be done; no write.  Err: -ENOMEM.
int
outbox_load (outbox_t *self, const row_effect_t *row) must_check;
//  All are loaded: put them into their channels.
void
outbox_arm (outbox_t *self, clk_now_t now);
//  How many effects are to be done.
int64_t
outbox_count (const outbox_t *self);
//  What each channel waits for.
void
outbox_heads (const outbox_t *self, clk_now_t now, step_head_t ret_heads [ROW_CHANNELS]);
//  Forget all effects; flights stay.
void
outbox_clear (outbox_t *self);
