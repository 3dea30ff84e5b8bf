//  lease - the life of an attempt: issued, confirmed, renewed, superseded, ended.
//
//  LIVE: its lease runs; an incident has at most one such attempt.  SUPERSEDED: the lease is lost,
//  but a report may arrive until the attempt's own deadline.  ENDED: no report is expected.
//
//  An attempt has four timers: to be accepted, to renew its lease, to end by its hard deadline, and
//  the reconnect grace for a late report.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

//  The timers of an attempt whose row is being loaded again.
typedef struct kept kept_t;

typedef struct {
    kept_t *kept; //  owned; from lease_rollback to lease_loaded
} lease_t;

//  The live attempt of an incident; NULL: none.
attempt_t *
lease_live (const entry_t *entry);
//  Issue a new attempt to the worker, and send ASSIGN.  No memory: `failed` is set.
void
lease_issue (step_t *self, entry_t *entry, worker_t *worker, clk_now_t now);
//  The worker has named its LIVE attempt: bind it to this session and renew its lease.
void
lease_renew (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
//  Note that its agent has started.
void
lease_started (step_t *self, attempt_t *attempt, clk_now_t now);
//  Supersede it: the lease is lost, but a report may still arrive.  Its worker gets CANCEL.
void
lease_supersede (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now);
//  End it, with a record `change`.
void
lease_end (step_t *self, attempt_t *attempt, verdict_outcome_t outcome, const char *reason,
           const char *change, clk_now_t now);
//  Send CANCEL to its worker, if it is connected.  reason: static.
void
lease_cancel (step_t *self, const attempt_t *attempt, const char *reason);

//  Give each attempt at least the reconnect grace, after a jump of the clock.
void
lease_extend (step_t *self, clk_now_t now);
//  Do not blame its worker for giving it back.  finished: also move its hard deadline.
void
lease_spare (step_t *self, attempt_t *attempt, bool finished, clk_now_t now);
//  Do the same for all attempts.  Call it in each turn of a hold.
void
lease_spare_all (step_t *self, clk_now_t now);
//  Boot time at which the next attempt ends; INT64_MAX: none.
int64_t
lease_wake (const step_t *self);

//  Load a row, unless a retry has forgiven it; no write.  Err: -ENOMEM.
int
lease_load (step_t *self, entry_t *entry, const row_attempt_t *row) must_check;
//  Set the timers of a loaded attempt: those from before a rollback, or else the reconnect grace.
void
lease_arm (step_t *self, attempt_t *attempt, clk_now_t now);
//  Keep the timers of all attempts, which are about to be forgotten and loaded again.
//  No memory: some are not kept, and get the reconnect grace.
void
lease_rollback (step_t *self);
//  All attempts are armed: forget the kept timers.
void
lease_loaded (step_t *self);
