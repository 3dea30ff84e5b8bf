//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/lease.h"

#include "broker/core/book.h"
#include "broker/core/breaker.h"
#include "broker/core/fleet.h"
#include "broker/core/journal.h"
#include "broker/core/message.h"
#include "broker/core/pack.h"
#include "broker/core/step_part.h"

#include "common/base/least.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { S_FENCE = IDENT_SIZE + 24 };

struct kept {
    char fence [S_FENCE];
    attempt_term_t term;
    UT_hash_handle hh;
};

static int64_t
s_hard_ms (const step_t *self)
{
    return self->state.settings.agent_timeout_ms + self->state.settings.agent_grace_ms
           + self->state.settings.revoke_slack_ms;
}

attempt_t *
lease_live (const entry_t *entry)
{
    attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt)
        if (attempt->row.state == ROW_ATTEMPT_LIVE)
            break;
    return attempt;
}

static bool
s_cost_nothing (const row_attempt_t *row)
{
    const run_class_rule_t *rule = run_class_rule_of (row->class, row->outcome);
    return row->outcome >= VERDICT_LOST || rule->given_back || rule->holds;
}

//  The oldest attempt in this state that cost nothing or was lost.
static attempt_t *
s_oldest_free (entry_t *entry, row_attempt_state_t state)
{
    attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt)
        if (attempt->row.state == state && s_cost_nothing (&attempt->row))
            break;
    return attempt;
}

//  Forget the oldest attempts that cost nothing, ended ones first: their number is not limited.
static void
s_make_room (step_t *self, entry_t *entry, clk_now_t now)
{
    while (entry->attempt_count >= LIMIT_ATTEMPTS) {
        attempt_t *oldest = s_oldest_free (entry, ROW_ATTEMPT_ENDED);
        if (!oldest) {
            oldest = s_oldest_free (entry, ROW_ATTEMPT_SUPERSEDED);
            if (!oldest)
                return;
            lease_end (self, oldest, VERDICT_LOST, "", "ended", now);
        }
        attempt_forget (&self->attempts, oldest);
    }
}

static void
s_write (step_t *self, attempt_t *attempt)
{
    state_write_row (&self->state, STEP_WRITE_ATTEMPT, &attempt->written)->as.attempt =
        attempt->row;
}

void
lease_issue (step_t *self, entry_t *entry, worker_t *worker, clk_now_t now)
{
    row_incident_t row;
    s_make_room (self, entry, now);
    pack_row (entry, &row);
    row_attempt_t issued = {.incident = entry->id,
                            .number = row.attempts + 1,
                            .state = ROW_ATTEMPT_LIVE,
                            .assigned_ms = now.wall_ms,
                            .deadline_ms = now.wall_ms + s_hard_ms (self),
                            .exit_code = -1,
                            .usage = usage_none ()};
    state_text (issued.identity, worker->identity);
    state_text (issued.worker, worker->name);
    attempt_t *attempt = attempt_hold (&self->attempts, &self->state, entry, &issued);
    if (!attempt)
        return;
    attempt->term.unreflected = true;
    attempt_bind (attempt, worker);
    attempt->term.session = worker->session;
    attempt->term.accept_ms = now.boot_ms + LIMIT_ACCEPT_MS;
    attempt->term.lease_ms = now.boot_ms + self->state.settings.lease_ttl_ms;
    attempt->term.deadline_ms = now.boot_ms + s_hard_ms (self);
    row.attempts++;
    row.not_before_ms = 0;
    book_move (&row, INCIDENT_ON_ASSIGN);
    book_save (&self->book, &self->state, entry, &row);
    s_write (self, attempt);
    journal_incident (&self->journal, &self->state, &row, incident_state_name (row.state), now);
    journal_attempt (&self->journal, &self->state, attempt, "assigned", now);
    breaker_issued (self, attempt, now);
    attempt->term.order = fleet_assigned (&self->fleet, worker);

    step_out_t *out = state_out_worker (&self->state, STEP_OUT_ASSIGN, worker);
    out->as.assign.fence = (step_fence_t){.incident = entry->id, .attempt = issued.number};
    state_text (out->as.assign.cluster, row.fault.cluster);
    state_text (out->as.assign.fault_type, row.fault.fault_type);
    state_text (out->as.assign.agent, worker->agent);
    out->as.assign.severity = row.fault.severity;
    out->as.assign.timeout_ms = self->state.settings.agent_timeout_ms;
    out->as.assign.lease_ms = self->state.settings.lease_ttl_ms;
}

void
lease_renew (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now)
{
    attempt_bind (attempt, worker);
    attempt->term.session = worker->session;
    attempt->term.accepted = true;
    attempt->term.lease_ms = now.boot_ms + self->state.settings.lease_ttl_ms;
}

void
lease_started (step_t *self, attempt_t *attempt, clk_now_t now)
{
    if (attempt->row.started)
        return;
    attempt->row.started = true;
    attempt->row.started_ms = now.wall_ms;
    row_incident_t row;
    pack_row (attempt->entry, &row);
    if (!row.started_ms) {
        row.started_ms = now.wall_ms;
        book_save (&self->book, &self->state, attempt->entry, &row);
        message_started (self, &row, now);
    }
    s_write (self, attempt);
    journal_attempt (&self->journal, &self->state, attempt, "started", now);
}

void
lease_end (step_t *self, attempt_t *attempt, verdict_outcome_t outcome, const char *reason,
           const char *change, clk_now_t now)
{
    attempt_close (&self->attempts, attempt, outcome);
    if (!attempt->row.ended_ms)
        attempt->row.ended_ms = now.wall_ms;
    if (*reason)
        state_text (attempt->row.reason, reason);
    s_write (self, attempt);
    journal_attempt (&self->journal, &self->state, attempt, change, now);
    if (attempt->entry->held_until_ms)
        book_recheck (&self->book);
}

void
lease_supersede (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now)
{
    lease_cancel (self, attempt, "superseded");
    attempt_unbind (attempt);
    attempt->row.state = ROW_ATTEMPT_SUPERSEDED;
    attempt->row.outcome = VERDICT_LOST;
    attempt->row.ended_ms = now.wall_ms;
    attempt->term.superseded_ms = now.boot_ms;
    state_text (attempt->row.reason, reason);
    s_write (self, attempt);
    journal_attempt (&self->journal, &self->state, attempt, "lost", now);
}

void
lease_cancel (step_t *self, const attempt_t *attempt, const char *reason)
{
    const worker_t *worker = fleet_find (&self->fleet, attempt->row.identity);
    if (!worker || !worker->connected)
        return;
    step_out_t *out = state_out_worker (&self->state, STEP_OUT_CANCEL, worker);
    out->as.cancel.fence =
        (step_fence_t){.incident = attempt->row.incident, .attempt = attempt->row.number};
    out->as.cancel.reason = reason;
}

void
lease_extend (step_t *self, clk_now_t now)
{
    int64_t floor = now.boot_ms + self->state.settings.reconnect_grace_ms;
    attempt_t *attempt;
    DL_FOREACH2 (self->attempts.open, attempt, onext) {
        if (attempt->term.lease_ms < floor)
            attempt->term.lease_ms = floor;
        if (attempt->term.deadline_ms < floor)
            attempt->term.deadline_ms = floor;
        if (attempt->term.accept_ms < now.boot_ms + LIMIT_ACCEPT_MS)
            attempt->term.accept_ms = now.boot_ms + LIMIT_ACCEPT_MS;
    }
}

void
lease_spare (step_t *self, attempt_t *attempt, bool finished, clk_now_t now)
{
    const int64_t floor = now.boot_ms + self->state.settings.revoke_slack_ms;
    attempt->term.spared = true;
    if (finished && attempt->term.deadline_ms < floor)
        attempt->term.deadline_ms = floor;
}

void
lease_spare_all (step_t *self, clk_now_t now)
{
    attempt_t *attempt;
    DL_FOREACH2 (self->attempts.open, attempt, onext) {
        lease_spare (self, attempt, true, now);
        //  The grace for its late report begins when the hold ends.
        attempt->term.superseded_ms = now.boot_ms;
    }
}

int64_t
lease_wake (const step_t *self)
{
    int64_t wake = INT64_MAX;
    const attempt_t *attempt;
    DL_FOREACH2 (self->attempts.open, attempt, onext) {
        wake = least (wake, attempt->term.deadline_ms);
        if (attempt->row.state != ROW_ATTEMPT_LIVE)
            continue;
        wake = least (wake, attempt->term.lease_ms);
        if (!attempt->term.accepted)
            wake = least (wake, attempt->term.accept_ms);
    }
    return wake;
}

static void
s_fence (const attempt_t *attempt, char ret_fence [S_FENCE])
{
    snprintf (ret_fence, S_FENCE, "%s/%lld", attempt->row.incident.text,
              (long long) attempt->row.number);
}

static bool
s_keep (step_t *self, const attempt_t *attempt)
{
    kept_t *kept = calloc (1, sizeof *kept);
    if (!kept)
        return false;
    s_fence (attempt, kept->fence);
    kept->term = attempt->term;
    HASH_ADD_STR (self->lease.kept, fence, kept);
    return true;
}

void
lease_rollback (step_t *self)
{
    lease_loaded (self);
    //  All of them: attempts that the lost turn has ended are open again afterwards.
    for (const entry_t *entry = self->book.entries; entry; entry = entry->hh.next)
        for (const attempt_t *attempt = entry->attempts; attempt; attempt = attempt->next)
            if (!s_keep (self, attempt))
                return;
}

void
lease_loaded (step_t *self)
{
    kept_t *kept, *next;
    HASH_ITER (hh, self->lease.kept, kept, next) {
        HASH_DEL (self->lease.kept, kept);
        free (kept);
    }
}

int
lease_load (step_t *self, entry_t *entry, const row_attempt_t *row)
{
    row_incident_t incident;
    pack_row (entry, &incident);
    if (row->number <= incident.forgiven)
        return 0;
    attempt_t *ended =
        entry->attempt_count < LIMIT_ATTEMPTS ? NULL : s_oldest_free (entry, ROW_ATTEMPT_ENDED);
    if (ended)
        attempt_forget (&self->attempts, ended);
    return attempt_hold (&self->attempts, &self->state, entry, row) ? 0 : -ENOMEM;
}

void
lease_arm (step_t *self, attempt_t *attempt, clk_now_t now)
{
    //  It may have passed while the broker was down or its disk was full: the worker gets the
    //  reconnect grace to report.
    int64_t left = least (attempt->row.deadline_ms - now.wall_ms, s_hard_ms (self));
    if (left < self->state.settings.reconnect_grace_ms)
        left = self->state.settings.reconnect_grace_ms;
    attempt->term.deadline_ms = now.boot_ms + left;
    attempt->term.lease_ms = now.boot_ms + self->state.settings.reconnect_grace_ms;
    attempt->term.superseded_ms = now.boot_ms;
    attempt->term.accepted = true;
    attempt->term.probe = breaker_is_probe (self, &attempt->row);
    char fence [S_FENCE];
    s_fence (attempt, fence);
    kept_t *kept = NULL;
    HASH_FIND_STR (self->lease.kept, fence, kept);
    if (!kept)
        return;
    attempt->term = kept->term;
    worker_t *worker = fleet_find (&self->fleet, attempt->row.identity);
    if (worker && worker->session == kept->term.session && attempt->row.state == ROW_ATTEMPT_LIVE)
        attempt_bind (attempt, worker);
}
