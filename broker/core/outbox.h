//  outbox - effects: rows committed with what calls for them, then handed to delivery.
//
//  One channel is one queue in commit order with one request in flight.  A message that waits for
//  its incident's upload is passed over; one that was begun, or is tried again, holds its channel.
//  An upload that has failed is passed over until its next try; it takes turns with those that have
//  not.  What cannot be repeated without harm is SENDING in the store before delivery sees it.
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
    effect_t *effects, *by_key;        //  that are to be done
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

//  An effect handed out in a turn that is rolled back never left; a report on one comes again.
void
outbox_begin (outbox_t *self);
void
outbox_rollback (outbox_t *self);
//  Asked for twice by one key, it is one effect (run again if the first is under way).
void
outbox_add (outbox_t *self, state_t *state, row_channel_t channel, const char *key,
            const ident_t *incident, clk_now_t now);
//  Key "<kind>/<incident>".
void
outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                     const entry_t *entry, clk_now_t now);
//  An alert, and the effect of its key that sends it.
void
outbox_alert (outbox_t *self, state_t *state, const row_alert_t *alert, clk_now_t now);
//  Give up an effect that is to be done, unless it is under way.
void
outbox_drop (outbox_t *self, state_t *state, const char *key, const char *reason);
//  Delivery's report; one that was not asked for means nothing.  Returns what ended by it.
outbox_end_t
outbox_done (outbox_t *self, state_t *state, const step_in_t *in, clk_now_t now) must_check;
//  Operator: a dead one is due again, its tries forgotten; one that waits for its next try is due
//  now.  row: the store's, NULL = there is none.  *ret_text says how it went; *ret_end is the one
//  that was dead, untouched otherwise.  Err: ERR_NONE; ERR_STALE it is neither; -ENOMEM.
int
outbox_retry (outbox_t *self, state_t *state, const row_effect_t *row, clk_now_t now,
              outbox_end_t *ret_end, const char **ret_text) must_check;
//  Operator: it is not wanted any more, dead or still to be done.  row, *ret_text as above;
//  *ret_end is one that was still to be done, untouched otherwise.
//  Err: ERR_NONE; ERR_STALE it is under way, or over.
int
outbox_cancel (outbox_t *self, state_t *state, const row_effect_t *row, outbox_end_t *ret_end,
               const char **ret_text) must_check;
//  Hand out what is due.
void
outbox_schedule (outbox_t *self, state_t *state, clk_now_t now);
int64_t
outbox_wake (const outbox_t *self, const state_t *state);
//  Err: -ENOMEM.
int
outbox_load (outbox_t *self, const row_effect_t *row) must_check;
void
outbox_arm (outbox_t *self, clk_now_t now);
//  Effects that are to be done.
int64_t
outbox_count (const outbox_t *self);
//  What each channel is at.
void
outbox_heads (const outbox_t *self, clk_now_t now, step_head_t ret_heads [ROW_CHANNELS]);
void
outbox_clear (outbox_t *self);
