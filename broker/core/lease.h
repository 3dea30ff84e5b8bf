//  lease - attempts: issued, confirmed, renewed, superseded, ended; each with its deadlines.
//
//  LIVE: its lease runs; at most one of an incident.  SUPERSEDED: the lease is lost, a report may
//  still come until its own deadline.  ENDED: nothing more is expected of it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

//  The term of an attempt whose row is being loaded again.
typedef struct kept kept_t;

typedef struct {
    kept_t *kept; //  from lease_rollback to lease_loaded
} lease_t;

attempt_t *
lease_live (const entry_t *entry);
//  A new attempt for the worker, and its ASSIGN.
void
lease_issue (step_t *self, entry_t *entry, worker_t *worker, clk_now_t now);
//  The worker spoke of its LIVE attempt: bind it to this session, the lease runs anew.
void
lease_renew (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
void
lease_started (step_t *self, attempt_t *attempt, clk_now_t now);
void
lease_end (step_t *self, attempt_t *attempt, verdict_outcome_t outcome, const char *reason,
           const char *change, clk_now_t now);
//  After a jump of the clock: everybody gets one more term to be heard.
void
lease_extend (step_t *self, clk_now_t now);
//  The lease is gone; a report may still come.
void
lease_supersede (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now);
//  Nobody's time runs out while our disk takes nothing; call each turn of a hold.
void
lease_spare_all (step_t *self, clk_now_t now);
//  Is its hard deadline to move away, or only not to be held against its worker?
void
lease_spare (step_t *self, attempt_t *attempt, bool finished, clk_now_t now);
int64_t
lease_wake (const step_t *self);
//  Hold a row, unless a retry has forgiven it; no write.  Err: -ENOMEM.
int
lease_load (step_t *self, entry_t *entry, const row_attempt_t *row) must_check;
//  Arm it after loading.
void
lease_arm (step_t *self, attempt_t *attempt, clk_now_t now);
//  Keep deadlines and sessions of what is under way, until it is loaded and armed again.
//  Without memory for it the grace of a restart applies.
void
lease_rollback (step_t *self);
void
lease_loaded (step_t *self);
//  Tell its worker, where it is heard, to stop.  reason: static.
void
lease_cancel (step_t *self, const attempt_t *attempt, const char *reason);
