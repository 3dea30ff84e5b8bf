//  fleet - the workers: sessions, credit, liveness, quarantine.
//
//  Identity is the key, a session is one incarnation; a newer session supersedes the older one
//  for good.  Quarantine: three failures in a row while others succeed (or three times unable
//  to start an agent at all, or three rounds of assignments that it did not take); then one
//  assignment at a time, with backoff, until one succeeds.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/journal.h"

//  A rollback takes back how workers have done and what was said of them (worker.h); sessions,
//  credit and attempts stay.
typedef struct {
    worker_t *workers;
    int64_t successes, successes_before; //  before: when the turn began
    int64_t assigned_order;              //  of the last attempt that was issued
    bool changed;                        //  somebody came or went
    journal_t *journal;                  //  borrowed
} fleet_t;

//  The worker whose current session this is; NULL = unknown or superseded.
worker_t *
fleet_current (fleet_t *self, state_t *state, const step_peer_t *peer, clk_now_t now);
worker_t *
fleet_find (const fleet_t *self, const char *identity);
//  HELLO: its session is the current one now.  Err: ERR_LIMIT, -ENOMEM; ERR_STALE for a superseded
//  session; -EAGAIN the current one is asked whether it is there.
int
fleet_hello (fleet_t *self, state_t *state, const step_in_t *in, clk_now_t now,
             worker_t **ret_worker) must_check;
void
fleet_credit (worker_t *worker, int64_t number, int64_t total, int64_t free);
//  Its process ended in order: a drain of it is over.
void
fleet_bye (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now);
//  How many more incidents it may be given now.
int64_t
fleet_available (const worker_t *worker, clk_now_t now);
bool
fleet_ready (const worker_t *worker, clk_now_t now);
//  Not heard for three pings: it gets nothing, and who comes in its name takes its place at once.
bool
fleet_silent (const worker_t *worker, clk_now_t now);
//  Drain, or resume.
void
fleet_drain (fleet_t *self, state_t *state, worker_t *worker, bool drain, clk_now_t now);
void
fleet_succeeded (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now);
void
fleet_failed (fleet_t *self, state_t *state, worker_t *worker, verdict_outcome_t outcome,
              clk_now_t now);
//  It ran nothing of an assignment that it was given, which costs the incident nothing.
//  What was under way together counts once.  LIMIT_QUARANTINE_STREAK times in a row:
//  set aside.  why: static.
void
fleet_unwanted (fleet_t *self, state_t *state, worker_t *worker, const attempt_t *attempt,
                const char *why, clk_now_t now);
void
fleet_begin (fleet_t *self);
//  Forget how workers have done in this turn, and who came in it.
void
fleet_rollback (fleet_t *self, const state_t *state);
//  Has each connected worker failed to start an agent for this incident?
bool
fleet_exhausted (const fleet_t *self, const state_t *state, const entry_t *entry, clk_now_t now);
//  Did the worker fail as a host on it?
bool
fleet_excluded (const entry_t *entry, const char *identity);
//  Silent sessions end.
void
fleet_timers (fleet_t *self, state_t *state, clk_now_t now);
//  waiting: incidents are queued, so that a worker in quarantine may get its next one.
int64_t
fleet_wake (const fleet_t *self, bool waiting, clk_now_t now);
void
fleet_clear (fleet_t *self);
