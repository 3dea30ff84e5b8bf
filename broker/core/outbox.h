//  outbox - effects: rows committed with what calls for them, then handed to delivery.
//
//  One channel is one queue in commit order with one request in flight.  A message that waits for
//  its incident's upload is passed over; one that was begun, or is tried again, holds its channel.
//  An upload that has failed is passed over until its next try; it takes turns with those that have
//  not.  What cannot be repeated without harm is SENDING in the store before delivery sees it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

//  An effect that has ended, or that is to be done after all.
typedef struct {
    char key [ROW_ALERT]; //  "" = none
    row_effect_state_t state;
} outbox_end_t;

//  Asked for twice by one key, it is one effect (run again if the first is under way).
void
outbox_add (step_t *self, row_channel_t channel, const char *key, const ident_t *incident,
            clk_now_t now);
//  Key "<kind>/<incident>".
void
outbox_add_incident (step_t *self, row_channel_t channel, const char *kind, const entry_t *entry,
                     clk_now_t now);
//  An alert, and the effect of its key that sends it.
void
outbox_alert (step_t *self, const row_alert_t *alert, clk_now_t now);
//  Give up an effect that is to be done, unless it is under way.
void
outbox_drop (step_t *self, const char *key, const char *reason);
//  Delivery's report; one that was not asked for means nothing.  Returns what ended by it.
outbox_end_t
outbox_done (step_t *self, const step_in_t *in, clk_now_t now) must_check;
//  Operator: a dead one is due again, its tries forgotten; one that waits for its next try is due
//  now.  row: the store's, NULL = there is none.  *ret_text says how it went; *ret_end is the one
//  that was dead, untouched otherwise.  Err: ERR_NONE; ERR_STALE it is neither; -ENOMEM.
int
outbox_retry (step_t *self, const row_effect_t *row, clk_now_t now, outbox_end_t *ret_end,
              const char **ret_text) must_check;
//  Operator: it is not wanted any more, dead or still to be done.  row, *ret_text as above;
//  *ret_end is one that was still to be done, untouched otherwise.
//  Err: ERR_NONE; ERR_STALE it is under way, or over.
int
outbox_cancel (step_t *self, const row_effect_t *row, outbox_end_t *ret_end,
               const char **ret_text) must_check;
//  Hand out what is due.
void
outbox_schedule (step_t *self, clk_now_t now);
int64_t
outbox_wake (const step_t *self);
//  Err: -ENOMEM.
int
outbox_load (step_t *self, const row_effect_t *row) must_check;
void
outbox_arm (step_t *self, clk_now_t now);
//  Effects that are to be done.
int64_t
outbox_count (const step_t *self);
//  What each channel is at.
void
outbox_heads (const step_t *self, clk_now_t now, step_head_t ret_heads [ROW_CHANNELS]);
void
outbox_clear (step_t *self);
