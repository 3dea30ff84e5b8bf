//  outbox - the effects: rows committed together with their cause, then sent to delivery.
//
//  Each channel (channel.h) hands out one effect at a time.
//  A message waits for its incident's upload, and later messages may overtake it.  It waits for
//  LIMIT_MESSAGE_WAIT_MS at most, and a bot's until the upload has failed: it can be edited.
//  Between two messages of a channel is the setting `pace_ms`.  A Retry-After stops the channel.
//  A message is SENDING in the store before delivery gets it, because a repetition does harm.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/channel.h"
#include "broker/core/entry.h"

typedef struct {
    effect_t *effects, *by_key; //  owned; those not yet done
    channel_t *channels;        //  owned; those that have effects, and the others once used
    uint64_t turn;              //  number of the turn
    bool sweep;                 //  a channel may be of no use any more
    int64_t last_effect;
} outbox_t;

//  An effect that has ended, or that is due after all.
typedef struct {
    char key [ROW_ALERT]; //  "" = none
    row_effect_state_t state;
    bool posted;      //  a bot's message, which stands in its channel
    ident_t sent;     //  incident of a message that was just sent; "" = none
    ident_t uploaded; //  incident of an upload that has just succeeded; "" = none
    ident_t retired;  //  incident that has just been removed; "" = none
} outbox_end_t;

//  Begin a turn.  outbox_rollback undoes changes since then.  An effect that the turn handed out
//  has not left, and a report that it took is stepped again.
void
outbox_begin (outbox_t *self, const state_t *state);
void
outbox_rollback (outbox_t *self);
//  Note that the receivers may have changed.
void
outbox_recheck (outbox_t *self);
//  Add an upload or a removal with the key "<kind>/<incident>".  A key has one effect; if it is in
//  flight, it runs once more afterwards.  No memory: `failed` is set.
void
outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                     const ident_t *incident, clk_now_t now);
//  Let this receiver hear of the present state of an incident.  A message that is not yet begun
//  covers it; one in flight is followed by another.
void
outbox_add_message (outbox_t *self, state_t *state, const char *receiver, const ident_t *incident,
                    clk_now_t now);
//  The same for what is not urgent: not before wait_ms have passed, and after all other messages.
void
outbox_add_later (outbox_t *self, state_t *state, const char *receiver, const ident_t *incident,
                  int64_t wait_ms, clk_now_t now);
//  Write an alert, and add the message with its key to the default receiver.
void
outbox_alert (outbox_t *self, state_t *state, const row_alert_t *alert, clk_now_t now);
//  Make an effect that is not yet done dead, unless it is in flight.
void
outbox_drop (outbox_t *self, state_t *state, const char *key, const char *reason);
//  Handle delivery's report on the effect in flight, and write the rows that it brings.
//  Returns the effect that it ended.  A report on any other effect is ignored.
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
outbox_cancel (outbox_t *self, state_t *state, const row_effect_t *row, clk_now_t now,
               outbox_end_t *ret_end, const char **ret_text) must_check;
//  An operator's command: what a channel waits for is due now, and a pause that a server asked for
//  is over.  Returns how many wait for a try or behind one; -1: there is no such channel.
int64_t
outbox_due (outbox_t *self, const char *channel, clk_now_t now);
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
outbox_arm (outbox_t *self, const state_t *state, int64_t last_effect, clk_now_t now);
//  The number of effects that are not yet done; of them, the removals.
int64_t
outbox_count (const outbox_t *self);
int64_t
outbox_retiring (const outbox_t *self);
//  Is an effect of this incident not yet done?
bool
outbox_waits (const outbox_t *self, const char *incident);
//  The row of the effect in flight with this id; NULL: there is none.
const row_effect_t *
outbox_flight (const outbox_t *self, int64_t id);
//  The number of effects at delivery.
int
outbox_flights (const outbox_t *self);
//  Copy the figures of at most max channels: those that something has failed in first.  Returns how
//  many there are.
size_t
outbox_lanes (const outbox_t *self, clk_now_t now, step_lane_t *ret_lanes, size_t max);
//  Forget all effects; flights stay.
void
outbox_clear (outbox_t *self);
//  Forget the channels too.
void
outbox_fini (outbox_t *self);
