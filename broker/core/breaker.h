//  breaker - counts the incidents in a row that fail, in commit order.
//
//  An incident counts once, when its first attempt fails by the agent, its key or its provider,
//  whatever follows.  It also counts when it ends without a report and no attempt of it did so.
//
//  failure_threshold of them open it, with one "degraded" alert.  Further failures are counted; a
//  bot shows the count in the same message, a webhook sends nothing more.  A success closes it,
//  with one "recovered" alert if its "degraded" was queued and has not failed for good.  A success
//  also resets the failures of a closed breaker.
//
//  Mode pause: while it is open, only single probes are assigned, each after a longer wait.  Only
//  an attempt that was issued after the opening closes it.
//
//  The failures between two resets are a streak.  Their incidents, and those of failed probes, bear
//  its number, so that they can be put back into the queue at the closing (revive.h).  Until they
//  are, only a closing ends a streak: those to put back are all of [reviving, streak).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"
#include "broker/core/outbox.h"

//  When probes may be issued.  Boot clock.
typedef struct {
    int64_t probe_ms;   //  none before
    int64_t backoff_ms; //  how long the next one waits if this one fails
} breaker_pace_t;

typedef struct {
    row_breaker_t row;
    breaker_pace_t pace, pace_before; //  before: when the turn began
} breaker_t;

//  Begin a turn.  breaker_rollback undoes changes since then that no row holds.
void
breaker_begin (step_t *self);
void
breaker_rollback (step_t *self);
//  Count an incident, unless it is counted already: its agent failed, or no host could run it.
//  Lost attempts do not count.  The caller saves the row.
void
breaker_failed (step_t *self, row_incident_t *incident, clk_now_t now);
//  Note that this attempt has failed: if it is a probe, its incident belongs to the streak, also
//  when it was counted before.  The caller saves the row.
void
breaker_probed (step_t *self, const attempt_t *attempt, row_incident_t *incident);
//  Note that this attempt has made a report.
void
breaker_succeeded (step_t *self, const attempt_t *attempt, clk_now_t now);
//  Note that all of the streaks that it was closed after have been put back.
void
breaker_revived (step_t *self);
//  Is it open, and holds the queue?
bool
breaker_paused (const step_t *self);
//  The number of incidents that may be assigned now.  If it is 0, call again at breaker_wake.
int64_t
breaker_room (step_t *self, clk_now_t now);
//  Boot time of the next probe; INT64_MAX: it does not depend on time.
int64_t
breaker_wake (const step_t *self);
//  Mark a new attempt if it is a probe.
void
breaker_issued (step_t *self, attempt_t *attempt, clk_now_t now);
//  Was a loaded attempt issued while the breaker was open?
bool
breaker_is_probe (const step_t *self, const row_attempt_t *row);
//  An effect ended, or is due again.  If it was a "degraded" that will never arrive, its
//  "recovered" is dropped.
void
breaker_effect (step_t *self, const outbox_end_t *effect);
//  Write its row.
void
breaker_save (step_t *self);
//  Load its row, or forget it.
void
breaker_load (step_t *self, const row_breaker_t *row);
void
breaker_clear (step_t *self);
//  An operator's command: let the next probe go now.  *ret_text is the answer.
//  Err: ERR_STALE: nothing is held, or a probe is under way; nothing has changed.
int
breaker_probe (step_t *self, clk_now_t now, const char **ret_text) must_check;
//  Fill in the figures of the breaker.
void
breaker_figures (const step_t *self, clk_now_t now, step_stats_t *ret_stats);
