//  attempt - one attempt in memory: whose it is, and the lists it stands in.
//
//  An incident lists all of its attempts, a worker those that are bound to it.  One more list has
//  all that are open: LIVE or SUPERSEDED.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

//  What its row does not hold.  A rollback keeps it (lease_rollback).
typedef struct {
    uint64_t session; //  that knows of it: assigned in it, or listed in its HELLO; 0 = none yet
    bool accepted, spared; //  spared: step_spare, or open during a hold
    bool unreflected;      //  not yet in the worker's credit
    bool probe;            //  issued while the breaker was open
    int64_t order;         //  of issue since the start, 0 = before it
    int64_t accept_ms, lease_ms, deadline_ms, superseded_ms;
} attempt_term_t;

struct attempt {
    row_attempt_t row;
    written_t written;
    entry_t *entry;
    worker_t *worker; //  LIVE and bound; NULL until its worker speaks of it
    attempt_term_t term;
    attempt_t *prev, *next;   //  of the incident
    attempt_t *oprev, *onext; //  all that are not ENDED
    attempt_t *wprev, *wnext; //  of the worker
};

//  Incidents own their attempts.
typedef struct {
    attempt_t *open; //  all that are not ENDED
} attempts_t;

//  Hold a row for the incident; no write.  NULL when out of memory (`failed` is set).
attempt_t *
attempt_hold (attempts_t *self, state_t *state, entry_t *entry, const row_attempt_t *row);
//  Free it; no write.
void
attempt_forget (attempts_t *self, attempt_t *attempt);
//  It counts for this worker, and for no other.
void
attempt_bind (attempt_t *attempt, worker_t *worker);
void
attempt_unbind (attempt_t *attempt);
//  Nothing more is expected of it; no write.
void
attempt_close (attempts_t *self, attempt_t *attempt, verdict_outcome_t outcome);
//  It has ended, and reports after all: as one whose lease is lost; no write.
void
attempt_reopen (attempts_t *self, attempt_t *attempt);
