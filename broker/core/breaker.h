//  breaker - counts investigations that fail in a row, in commit order; opens, tells, closes.
//
//  Closed -> failure_threshold incidents in a row without a report -> open: one "degraded" alert,
//  further failures are counted silently; a success closes it, with one "recovered" alert if its
//  "degraded" was asked for and has not failed for good.  A closed breaker forgets its failures
//  at a success.  Pause: while it is open the queue is held but for single probes, each after
//  a longer wait, and only an attempt issued after the opening closes it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"
#include "broker/core/outbox.h"

//  Pause: the single probes.
typedef struct {
    int64_t probe_ms;   //  none before
    int64_t backoff_ms; //  wait after the next one that fails
} breaker_pace_t;

typedef struct {
    row_breaker_t row;
    breaker_pace_t pace, pace_before; //  before: when the turn began
} breaker_t;

void
breaker_begin (step_t *self);
void
breaker_rollback (step_t *self);
//  An incident ended without a report, by its agents or for lack of a host; lost ones do not count.
void
breaker_failed (step_t *self, const char *reason, clk_now_t now);
//  An incident has its report, by this attempt.
void
breaker_succeeded (step_t *self, const attempt_t *attempt, clk_now_t now);
//  How many incidents may be assigned now; 0: again at breaker_wake.
int64_t
breaker_room (step_t *self, clk_now_t now);
//  Boot time of the next probe, INT64_MAX: not by time.
int64_t
breaker_wake (const step_t *self);
//  An attempt was issued.
void
breaker_issued (step_t *self, attempt_t *attempt, clk_now_t now);
//  An attempt was loaded: was it issued while the breaker was open?
bool
breaker_is_probe (const step_t *self, const row_attempt_t *row);
//  An effect ended or is due again: a "degraded" that never arrives has no "recovered".
void
breaker_effect (step_t *self, const outbox_end_t *effect);
void
breaker_stats (const step_t *self, step_stats_t *ret_stats);
