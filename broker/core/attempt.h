//  attempt - one attempt in memory, and the lists that it stands in.
//
//  An incident lists all of its attempts.  A worker lists those that are bound to it.  One more
//  list has all that are open: LIVE or SUPERSEDED.  No function here writes a row.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

//  What the row does not hold.  A rollback keeps it (lease_rollback).
typedef struct {
    //  The session that knows of it: it was assigned there, or its HELLO names it.  0 = none yet.
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
    worker_t *worker; //  LIVE and bound; NULL until its worker speaks of it
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
//  Take it out of all lists and free it.
void
attempt_forget (attempts_t *self, attempt_t *attempt);
//  It counts for this worker, and for no other.
void
attempt_bind (attempt_t *attempt, worker_t *worker);
//  It counts for no worker.
void
attempt_unbind (attempt_t *attempt);
//  It is ENDED with this outcome: neither open nor bound.  It was open before.
void
attempt_close (attempts_t *self, attempt_t *attempt, verdict_outcome_t outcome);
//  It is SUPERSEDED, and open.  It was ENDED before, and reports after all.
void
attempt_reopen (attempts_t *self, attempt_t *attempt);
