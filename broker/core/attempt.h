//  attempt - one attempt in memory, and the lists that hold it.
//
//  An incident lists all of its attempts.  A worker lists those that are bound to it.  A third list
//  holds all open ones: LIVE or SUPERSEDED.  No function here writes a row.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

//  The data of an attempt that its row does not hold.  A rollback keeps them (lease_rollback).
typedef struct {
    //  The session that has it, by its ASSIGN or by its HELLO.  0 = none yet.
    uint64_t session;
    bool accepted;
    bool spared;      //  step_spare, or open during a hold
    bool unreflected; //  not yet in the worker's credit
    bool probe;       //  issued while the breaker was open
    int64_t order;    //  of issue since the start, 0 = before it
    int64_t accept_ms, lease_ms, deadline_ms, superseded_ms;
} attempt_term_t;

struct attempt {
    row_attempt_t row;
    written_t written;
    entry_t *entry;
    //  The worker it counts for: from its issue, or after a load from its HELLO.  NULL = none.
    worker_t *worker;
    attempt_term_t term;
    attempt_t *prev, *next;   //  of the incident
    attempt_t *oprev, *onext; //  all that are open
    attempt_t *wprev, *wnext; //  of the worker
};

typedef struct {
    attempt_t *open;
} attempts_t;

//  Add the row to the incident, which owns the attempt.
//  NULL: no memory; nothing is added, and `failed` is set.
attempt_t *
attempt_hold (attempts_t *self, state_t *state, entry_t *entry, const row_attempt_t *row);
//  Remove it from all lists and free it.
void
attempt_forget (attempts_t *self, attempt_t *attempt);
//  Count it for this worker, and for no other.
void
attempt_bind (attempt_t *attempt, worker_t *worker);
//  Count it for no worker.
void
attempt_unbind (attempt_t *attempt);
//  Make an open attempt ENDED with this outcome: neither open nor bound.
void
attempt_close (attempts_t *self, attempt_t *attempt, verdict_outcome_t outcome);
//  Make an ENDED attempt SUPERSEDED, and open: it reports after all.
void
attempt_reopen (attempts_t *self, attempt_t *attempt);
