//  fleet - the workers: sessions, credit, liveness, quarantine.
//
//  The identity of a worker is its key.  A session is one continuous connection of its process.
//  One session of an identity is the current one.  A newer one supersedes it if it is gone or
//  silent, or does not answer (rival.h).  A superseded session never becomes current again.
//
//  A worker is quarantined after LIMIT_QUARANTINE_STREAK failures in a row: failed runs while other
//  workers succeed, or agents that it cannot start.  It is also quarantined after as many rounds in
//  a row in which it ran no assignment, and at once when its key, its quota or its configuration
//  fails.  It then gets one assignment at a time, with backoff, until
//  one succeeds.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/journal.h"

//  A rollback undoes the results of workers and their records (worker.h).  It keeps credit and
//  attempts.  A session that began in the turn must say HELLO again.
typedef struct {
    worker_t *workers;                   //  owned
    int64_t successes, successes_before; //  before: when the turn began
    int64_t assigned_order;              //  of the last attempt that was issued
    bool changed;                        //  a worker has joined or left (fleet_take_changed)
    journal_t *journal;                  //  borrowed
} fleet_t;

//  Begin a turn.  fleet_rollback undoes changes since then.
void
fleet_begin (fleet_t *self);
void
fleet_rollback (fleet_t *self, const state_t *state);
//  Forget all workers, after all attempts.
void
fleet_clear (fleet_t *self);

//  Find the worker of a message, and note that it is alive.  NULL: its session is unknown or
//  superseded.
worker_t *
fleet_current (fleet_t *self, state_t *state, const step_peer_t *peer, clk_now_t now);
//  Find a worker; NULL: unknown.
worker_t *
fleet_find (const fleet_t *self, const char *identity);
//  Handle HELLO: its session becomes the current one.  *ret_worker is set on success only.
//  Err: ERR_LIMIT: too many workers; -ENOMEM; ERR_STALE: a superseded session; -EAGAIN: the current
//  session got a PING and may still answer.
int
fleet_hello (fleet_t *self, state_t *state, const step_in_t *in, clk_now_t now,
             worker_t **ret_worker) must_check;
//  Store credit, unless it is older than the stored one.  A worker that takes work again is no
//  longer held for a run.
void
fleet_credit (fleet_t *self, state_t *state, worker_t *worker, const step_in_t *in, clk_now_t now);
//  Handle BYE: the session ends, and so does a drain of the worker, or a hold for a run.
void
fleet_bye (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now);
//  Drain it, or resume.
void
fleet_drain (fleet_t *self, state_t *state, worker_t *worker, bool drain, clk_now_t now);
//  Do that with each worker of this name or identity.  Resume also ends a quarantine.
//  Returns how many there are; *ret_held: how many of them say that they cannot run agents.
int
fleet_drain_named (fleet_t *self, state_t *state, const char *name, bool drain, clk_now_t now,
                   int *ret_held);

//  The number of incidents that it may get now.
int64_t
fleet_available (const worker_t *worker, clk_now_t now);
//  Is it connected, not drained, not silent, and can it run agents, as it says?
bool
fleet_ready (const worker_t *worker, clk_now_t now);
//  Has each connected worker failed to start an agent for this incident?
bool
fleet_exhausted (const fleet_t *self, const state_t *state, const entry_t *entry, clk_now_t now);
//  Did the worker of this identity fail as a host on it?
bool
fleet_excluded (const entry_t *entry, const char *identity);
//  Is it held for a run like one of this incident on it?  Another incident is the better probe.
bool
fleet_avoided (const entry_t *entry, const worker_t *worker);

//  Count an assignment to it.  Returns the order of the assignment.
int64_t
fleet_assigned (fleet_t *self, worker_t *worker);
//  Note that it has made a report: it leaves quarantine.
void
fleet_succeeded (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now);
//  Count a failed attempt of it.
void
fleet_failed (fleet_t *self, state_t *state, worker_t *worker, verdict_outcome_t outcome,
              clk_now_t now);
//  Quarantine it at once: a run of this class has shown that its agent cannot work.  It does not
//  count as a failure in a row.  reason: the sentence of that run.
void
fleet_hold (fleet_t *self, state_t *state, worker_t *worker, run_class_t class, const char *reason,
            clk_now_t now);
//  End such a quarantine: its agent works again.  Does nothing in any other.
void
fleet_lift (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now);
//  Count an assignment of which it ran nothing; that costs the incident nothing.  All assignments
//  that were under way together count as one round.  why: static.
void
fleet_unwanted (fleet_t *self, state_t *state, worker_t *worker, const attempt_t *attempt,
                const char *why, clk_now_t now);

//  The number of incidents that all workers together may get now.
int64_t
fleet_free (const fleet_t *self, clk_now_t now);
//  Fill in the figures of the workers.
void
fleet_figures (const fleet_t *self, clk_now_t now, step_stats_t *ret_stats);
//  Copy at most max connected workers.  Returns how many there are.
size_t
fleet_workers (const fleet_t *self, clk_now_t now, step_worker_t *ret_workers, size_t max);

//  Has a worker joined or left since the last call?
bool
fleet_take_changed (fleet_t *self);
//  After a jump of the clock: no connected worker counts as silent.
void
fleet_extend (fleet_t *self, clk_now_t now);
//  End silent sessions, and send the records that had to wait.
void
fleet_timers (fleet_t *self, state_t *state, clk_now_t now);
//  Boot time of the next call of fleet_timers; INT64_MAX: none.  waiting: incidents are queued, so
//  the next probe of a quarantined worker counts too.
int64_t
fleet_wake (const fleet_t *self, bool waiting, clk_now_t now);
