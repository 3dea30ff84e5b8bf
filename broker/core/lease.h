//  lease - the life of an attempt: issued, confirmed, renewed, superseded, ended.
//
//  LIVE: its lease runs; an incident has at most one.  SUPERSEDED: the lease is lost, a report may
//  still come until its own deadline.  ENDED: nothing more is expected of it.
//
//  It has four times: it must be accepted, its lease must be renewed, it must be over at its hard
//  deadline, and a late report is awaited for the reconnect grace.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

//  The term of an attempt whose row is being loaded again.
typedef struct kept kept_t;

typedef struct {
    kept_t *kept; //  owned; from lease_rollback to lease_loaded
} lease_t;

//  The live attempt of an incident, NULL = none.
attempt_t *
lease_live (const entry_t *entry);
//  A new attempt for the worker, and its ASSIGN.  No memory: `failed` is set.
void
lease_issue (step_t *self, entry_t *entry, worker_t *worker, clk_now_t now);
//  The worker spoke of its LIVE attempt: it is bound to this session, and its lease runs anew.
void
lease_renew (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
//  The agent runs.
void
lease_started (step_t *self, attempt_t *attempt, clk_now_t now);
//  The lease is lost; a report may still come.  Its worker gets CANCEL.
void
lease_supersede (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now);
//  It is over, with a record that says `change`.
void
lease_end (step_t *self, attempt_t *attempt, verdict_outcome_t outcome, const char *reason,
           const char *change, clk_now_t now);
//  Send CANCEL to its worker, if that one is connected.  reason: static.
void
lease_cancel (step_t *self, const attempt_t *attempt, const char *reason);

//  After a jump of the clock: each attempt has at least the reconnect grace left.
void
lease_extend (step_t *self, clk_now_t now);
//  It is not held against its worker that it gives this one back.  finished: its hard deadline
//  moves away too.
void
lease_spare (step_t *self, attempt_t *attempt, bool finished, clk_now_t now);
//  The artifacts' disk takes nothing: so for all attempts.  Call it in each turn of a hold.
void
lease_spare_all (step_t *self, clk_now_t now);
//  Boot time of the next end of an attempt, INT64_MAX = none.
int64_t
lease_wake (const step_t *self);

//  Hold a row, unless a retry has forgiven it; no write.  Err: -ENOMEM.
int
lease_load (step_t *self, entry_t *entry, const row_attempt_t *row) must_check;
//  Give a loaded attempt its term: as it was before a rollback, else with the reconnect grace.
void
lease_arm (step_t *self, attempt_t *attempt, clk_now_t now);
//  Keep the terms of all attempts, which are about to be forgotten and loaded again.
//  No memory: some are not kept, and have the grace of a restart.
void
lease_rollback (step_t *self);
//  All are armed: forget the kept terms.
void
lease_loaded (step_t *self);
