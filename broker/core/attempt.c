//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/attempt.h"

#include <assert.h>
#include <stdlib.h>
#include <utlist.h>

void
attempt_unbind (attempt_t *attempt)
{
    worker_t *worker = attempt->worker;
    if (!worker)
        return;
    DL_DELETE2 (worker->attempts, attempt, wprev, wnext);
    worker->live--;
    worker->unreflected -= attempt->term.unreflected;
    attempt->worker = NULL;
}

void
attempt_bind (attempt_t *attempt, worker_t *worker)
{
    if (attempt->worker == worker)
        return;
    attempt_unbind (attempt);
    attempt->worker = worker;
    DL_APPEND2 (worker->attempts, attempt, wprev, wnext);
    worker->live++;
    worker->unreflected += attempt->term.unreflected;
}

attempt_t *
attempt_hold (attempts_t *self, state_t *state, entry_t *entry, const row_attempt_t *row)
{
    attempt_t *attempt = calloc (1, sizeof *attempt);
    if (!attempt) {
        state->failed = true;
        return NULL;
    }
    attempt->row = *row;
    attempt->entry = entry;
    DL_APPEND (entry->attempts, attempt);
    entry->attempt_count++;
    if (row->state != ROW_ATTEMPT_ENDED)
        DL_APPEND2 (self->open, attempt, oprev, onext);
    else if (row->outcome == VERDICT_HOST)
        entry->host_count++;
    return attempt;
}

void
attempt_forget (attempts_t *self, attempt_t *attempt)
{
    entry_t *entry = attempt->entry;
    attempt_unbind (attempt);
    if (attempt->row.state != ROW_ATTEMPT_ENDED)
        DL_DELETE2 (self->open, attempt, oprev, onext);
    else if (attempt->row.outcome == VERDICT_HOST)
        entry->host_count--;
    DL_DELETE (entry->attempts, attempt);
    entry->attempt_count--;
    free (attempt);
}

void
attempt_close (attempts_t *self, attempt_t *attempt, verdict_outcome_t outcome)
{
    assert (attempt->row.state != ROW_ATTEMPT_ENDED);
    attempt_unbind (attempt);
    DL_DELETE2 (self->open, attempt, oprev, onext);
    attempt->row.state = ROW_ATTEMPT_ENDED;
    attempt->row.outcome = outcome;
    if (outcome == VERDICT_HOST)
        attempt->entry->host_count++;
}

void
attempt_reopen (attempts_t *self, attempt_t *attempt)
{
    assert (attempt->row.state == ROW_ATTEMPT_ENDED);
    attempt->row.state = ROW_ATTEMPT_SUPERSEDED;
    DL_APPEND2 (self->open, attempt, oprev, onext);
}
