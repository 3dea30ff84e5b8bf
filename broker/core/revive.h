//  revive - puts failed incidents back into the queue when the circuit breaker has closed.
//
//  Ensures: each incident of a streak that opened the breaker and ended without a report is put
//  back once, oldest first.  One that is still open is looked at again until it ends.  One whose
//  fault has a newer open incident is left as it is.  While the queue is full, the rest waits;
//  while the share of a cluster is full, those of that cluster do.  When the breaker closes again
//  meanwhile, the next streak joins.  The first streak stands in the breaker's row, so a restart
//  goes on.
//
//  An open breaker in mode pause needs an incident to try.  While nothing waits, one of the failed
//  is put back for each probe, in turn.  That does not count: the closing may put it back as well.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"

typedef struct {
    bool probes;           //  it looks for a probe, while the breaker is open
    int64_t first;         //  streak with which the breaker's row begins; that the others are about
    int64_t streak;        //  that the search is in
    int64_t after;         //  number of the last incident of it that was looked at
    int64_t not_before_ms; //  boot time; the queue was full, or one was left for later
    bool passed;           //  one was left for later: it is open, or its cluster had no room
} revive_cursor_t;

typedef struct {
    revive_cursor_t cursor, before; //  before: when the turn began
} revive_t;

//  Begin a turn.  revive_rollback undoes changes since then that no row holds.
void
revive_begin (step_t *self);
void
revive_rollback (step_t *self);
//  The incident to look for now.
step_revive_t
revive_wanted (const step_t *self, clk_now_t now);
//  Put back this incident, the one that was looked for; NULL: its streak has no more.
//  Err: -ENOMEM: nothing has changed.
int
revive_next (step_t *self, const row_incident_t *row, clk_now_t now) must_check;
//  Boot time of the next call of revive_wanted; INT64_MAX: there is nothing to put back, or
//  retry_after_recovery is off.
int64_t
revive_wake (const step_t *self, clk_now_t now);
