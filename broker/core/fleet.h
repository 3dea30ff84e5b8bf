//  fleet - the workers: sessions, credit, liveness, quarantine.
//
//  The identity of a worker is its key.  A session is one life of it; a newer session supersedes
//  the older one for good.
//
//  A worker comes into quarantine by LIMIT_QUARANTINE_STREAK failures in a row while others
//  succeed, by as many times unable to start an agent, or by as many rounds of assignments that it
//  did not take.  Then it gets one assignment at a time, with backoff, until one succeeds.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/journal.h"

//  A rollback takes back how workers have done and what was said of them (worker.h).  It keeps
//  credit and attempts.  A session that began in the turn must say HELLO again.
typedef struct {
    worker_t *workers;                   //  owned
    int64_t successes, successes_before; //  before: when the turn began
    int64_t assigned_order;              //  of the last attempt that was issued
    bool changed;                        //  somebody came or went
    journal_t *journal;                  //  borrowed
} fleet_t;

//  The turn begins: from here on fleet_rollback takes back.
void
fleet_begin (fleet_t *self);
void
fleet_rollback (fleet_t *self, const state_t *state);
//  Forget all workers.  Their attempts are forgotten before.
void
fleet_clear (fleet_t *self);

//  The worker whose current session this is, which is heard now.  NULL = unknown or superseded.
worker_t *
fleet_current (fleet_t *self, state_t *state, const step_peer_t *peer, clk_now_t now);
//  NULL = unknown.
worker_t *
fleet_find (const fleet_t *self, const char *identity);
//  HELLO: its session is the current one now.  *ret_worker is set on success only.
//  Err: ERR_LIMIT too many workers; -ENOMEM; ERR_STALE a superseded session; -EAGAIN the current
//  session has been asked whether it is there.
int
fleet_hello (fleet_t *self, state_t *state, const step_in_t *in, clk_now_t now,
             worker_t **ret_worker) must_check;
//  Take over credit, unless it is older than what is known.
void
fleet_credit (worker_t *worker, int64_t number, int64_t total, int64_t free);
//  Its process ended in order: its session and a drain of it are over.
void
fleet_bye (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now);
//  Drain it, or resume.
void
fleet_drain (fleet_t *self, state_t *state, worker_t *worker, bool drain, clk_now_t now);

//  How many more incidents it may get now.
int64_t
fleet_available (const worker_t *worker, clk_now_t now);
//  Connected, not drained, not silent.
bool
fleet_ready (const worker_t *worker, clk_now_t now);
//  Not heard for three pings: it gets nothing, and a new session takes its place at once.
bool
fleet_silent (const worker_t *worker, clk_now_t now);
//  Has each connected worker failed to start an agent for this incident?
bool
fleet_exhausted (const fleet_t *self, const state_t *state, const entry_t *entry, clk_now_t now);
//  Did the worker of this identity fail as a host on it?
bool
fleet_excluded (const entry_t *entry, const char *identity);

//  It made a report: it leaves quarantine.
void
fleet_succeeded (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now);
//  An attempt of it failed, by this outcome.
void
fleet_failed (fleet_t *self, state_t *state, worker_t *worker, verdict_outcome_t outcome,
              clk_now_t now);
//  It ran nothing of an assignment, which costs the incident nothing.  All that was under way
//  together counts as one round.  why: static.
void
fleet_unwanted (fleet_t *self, state_t *state, worker_t *worker, const attempt_t *attempt,
                const char *why, clk_now_t now);

//  End silent sessions, and send the records that had to wait.
void
fleet_timers (fleet_t *self, state_t *state, clk_now_t now);
//  Boot time of the next of these, INT64_MAX = none.  waiting: incidents are queued, so the next
//  probe of a worker in quarantine counts too.
int64_t
fleet_wake (const fleet_t *self, bool waiting, clk_now_t now);
