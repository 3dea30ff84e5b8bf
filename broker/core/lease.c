//  lease - the life of one attempt and its four deadlines: accept, lease, hard end, late report.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/lease.h"

#include "broker/core/breaker.h"
#include "broker/core/fleet.h"
#include "broker/core/journal.h"
#include "broker/core/settle.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static int64_t
s_min (int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t
s_hard_ms (const step_t *self)
{
    return self->settings.agent_timeout_ms + self->settings.agent_grace_ms
           + self->settings.revoke_slack_ms;
}

attempt_t *
lease_find (const step_t *self, const step_fence_t *fence)
{
    const entry_t *entry = state_find (self, fence->incident.text);
    attempt_t *attempt = NULL;
    if (entry)
        DL_FOREACH (entry->attempts, attempt)
            if (attempt->row.number == fence->attempt)
                break;
    return attempt;
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

static void
s_unbind (attempt_t *attempt)
{
    worker_t *worker = attempt->worker;
    if (!worker)
        return;
    DL_DELETE2 (worker->attempts, attempt, wprev, wnext);
    worker->live--;
    worker->unreflected -= attempt->unreflected;
    attempt->worker = NULL;
}

static void
s_bind (attempt_t *attempt, worker_t *worker)
{
    if (attempt->worker == worker)
        return;
    s_unbind (attempt);
    attempt->worker = worker;
    DL_APPEND2 (worker->attempts, attempt, wprev, wnext);
    worker->live++;
    worker->unreflected += attempt->unreflected;
}

static attempt_t *
s_hold (step_t *self, entry_t *entry, const row_attempt_t *row)
{
    attempt_t *attempt = calloc (1, sizeof *attempt);
    if (!attempt) {
        self->failed = true;
        return NULL;
    }
    attempt->row = *row;
    attempt->entry = entry;
    DL_APPEND (entry->attempts, attempt);
    entry->attempt_count++;
    if (row->state != ROW_ATTEMPT_ENDED)
        DL_APPEND2 (self->open_attempts, attempt, oprev, onext);
    else if (row->outcome == VERDICT_HOST)
        entry->host_count++;
    return attempt;
}

void
lease_forget (step_t *self, attempt_t *attempt)
{
    entry_t *entry = attempt->entry;
    s_unbind (attempt);
    if (attempt->row.state != ROW_ATTEMPT_ENDED)
        DL_DELETE2 (self->open_attempts, attempt, oprev, onext);
    else if (attempt->row.outcome == VERDICT_HOST)
        entry->host_count--;
    DL_DELETE (entry->attempts, attempt);
    entry->attempt_count--;
    free (attempt);
}

//  The oldest that came to nothing and is over (ended), or whose report is still waited for.
static attempt_t *
s_oldest_lost (entry_t *entry, row_attempt_state_t state)
{
    attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt)
        if (attempt->row.state == state && attempt->row.outcome >= VERDICT_LOST)
            break;
    return attempt;
}

//  Attempts that cost nothing have no end: the oldest are forgotten, those that ended first.
static void
s_make_room (step_t *self, entry_t *entry, clk_now_t now)
{
    while (entry->attempt_count >= LIMIT_ATTEMPTS) {
        attempt_t *oldest = s_oldest_lost (entry, ROW_ATTEMPT_ENDED);
        if (!oldest) {
            oldest = s_oldest_lost (entry, ROW_ATTEMPT_SUPERSEDED);
            if (!oldest)
                return;
            lease_end (self, oldest, VERDICT_LOST, "", "ended", now);
        }
        lease_forget (self, oldest);
    }
}

static void
s_write (step_t *self, attempt_t *attempt)
{
    state_write_row (self, STEP_WRITE_ATTEMPT, &attempt->written)->as.attempt = attempt->row;
}

void
lease_issue (step_t *self, entry_t *entry, worker_t *worker, clk_now_t now)
{
    row_incident_t row;
    s_make_room (self, entry, now);
    state_row (entry, &row);
    row_attempt_t issued = {.incident = entry->id,
                            .number = row.attempts + 1,
                            .state = ROW_ATTEMPT_LIVE,
                            .assigned_ms = now.wall_ms,
                            .deadline_ms = now.wall_ms + s_hard_ms (self),
                            .exit_code = -1};
    state_text (issued.identity, worker->identity);
    state_text (issued.worker, worker->name);
    attempt_t *attempt = s_hold (self, entry, &issued);
    if (!attempt)
        return;
    attempt->unreflected = true;
    s_bind (attempt, worker);
    attempt->session = worker->session;
    attempt->accept_ms = now.boot_ms + LIMIT_ACCEPT_MS;
    attempt->lease_ms = now.boot_ms + self->settings.lease_ttl_ms;
    attempt->deadline_ms = now.boot_ms + s_hard_ms (self);
    row.attempts++;
    row.not_before_ms = 0;
    state_move (&row, INCIDENT_ON_ASSIGN);
    state_save (self, entry, &row);
    s_write (self, attempt);
    journal_incident (self, &row, incident_state_name (row.state), now);
    journal_attempt (self, attempt, "assigned", now);
    breaker_issued (self, attempt, now);
    attempt->order = worker->last_assigned = ++self->assigned_order;

    step_out_t *out = state_out_worker (self, STEP_OUT_ASSIGN, worker);
    out->as.assign.fence = (step_fence_t){.incident = entry->id, .attempt = issued.number};
    state_text (out->as.assign.cluster, row.fault.cluster);
    state_text (out->as.assign.fault_type, row.fault.fault_type);
    out->as.assign.severity = row.fault.severity;
    out->as.assign.timeout_ms = self->settings.agent_timeout_ms;
    out->as.assign.lease_ms = self->settings.lease_ttl_ms;
}

void
lease_renew (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now)
{
    s_bind (attempt, worker);
    attempt->session = worker->session;
    attempt->accepted = true;
    attempt->lease_ms = now.boot_ms + self->settings.lease_ttl_ms;
}

void
lease_started (step_t *self, attempt_t *attempt, clk_now_t now)
{
    if (attempt->row.started)
        return;
    attempt->row.started = true;
    attempt->row.started_ms = now.wall_ms;
    row_incident_t row;
    state_row (attempt->entry, &row);
    if (!row.started_ms) {
        row.started_ms = now.wall_ms;
        state_save (self, attempt->entry, &row);
    }
    s_write (self, attempt);
    journal_attempt (self, attempt, "started", now);
}

void
lease_end (step_t *self, attempt_t *attempt, verdict_outcome_t outcome, const char *reason,
           const char *change, clk_now_t now)
{
    assert (attempt->row.state != ROW_ATTEMPT_ENDED);
    s_unbind (attempt);
    DL_DELETE2 (self->open_attempts, attempt, oprev, onext);
    attempt->row.state = ROW_ATTEMPT_ENDED;
    attempt->row.outcome = outcome;
    if (!attempt->row.ended_ms)
        attempt->row.ended_ms = now.wall_ms;
    if (*reason)
        state_text (attempt->row.reason, reason);
    if (outcome == VERDICT_HOST)
        attempt->entry->host_count++;
    s_write (self, attempt);
    journal_attempt (self, attempt, change, now);
    if (attempt->entry->held_until_ms)
        self->watch_dirty = true;
}

//  The lease is gone; a report may still come.
static void
s_supersede (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now)
{
    lease_cancel (self, attempt, "superseded");
    s_unbind (attempt);
    attempt->row.state = ROW_ATTEMPT_SUPERSEDED;
    attempt->row.outcome = VERDICT_LOST;
    attempt->row.ended_ms = now.wall_ms;
    attempt->superseded_ms = now.boot_ms;
    state_text (attempt->row.reason, reason);
    s_write (self, attempt);
    journal_attempt (self, attempt, "lost", now);
}

void
lease_cancel (step_t *self, const attempt_t *attempt, const char *reason)
{
    const worker_t *worker = fleet_find (self, attempt->row.identity);
    if (!worker || !worker->connected)
        return;
    step_out_t *out = state_out_worker (self, STEP_OUT_CANCEL, worker);
    out->as.cancel.fence =
        (step_fence_t){.incident = attempt->row.incident, .attempt = attempt->row.number};
    out->as.cancel.reason = reason;
}

static bool
s_listed (const step_fence_t *list, size_t count, const attempt_t *attempt)
{
    for (size_t i = 0; i < count; i++)
        if (list [i].attempt == attempt->row.number
            && strcmp (list [i].incident.text, attempt->row.incident.text) == 0)
            return true;
    return false;
}

//  Attempts issued to this identity in earlier sessions: kept, or gone for good.
static void
s_reconcile_own (step_t *self, worker_t *worker, const step_in_t *in, clk_now_t now)
{
    attempt_t *attempt, *next;
    DL_FOREACH_SAFE2 (self->open_attempts, attempt, next, onext) {
        if (strcmp (attempt->row.identity, worker->identity) != 0
            || attempt->session == worker->session)
            continue;
        if (s_listed (in->as.hello.running, in->as.hello.running_count, attempt)
            || s_listed (in->as.hello.spooled, in->as.hello.spooled_count, attempt)) {
            attempt->session = worker->session;
            if (attempt->row.state == ROW_ATTEMPT_LIVE)
                lease_renew (self, attempt, worker, now);
            continue;
        }
        settle_forgotten (self, attempt, worker, now);
        next = self->open_attempts; //  it may have ended its siblings: start over
    }
}

int
lease_reconcile (step_t *self, worker_t *worker, const step_in_t *in, clk_now_t now)
{
    s_reconcile_own (self, worker, in, now);
    size_t count = in->as.hello.running_count;
    step_fence_t *revoke = calloc (count ? count : 1, sizeof *revoke);
    step_fence_t **lists =
        realloc (self->revokes, (self->revoke_count + 1) * sizeof *self->revokes);
    if (lists)
        self->revokes = lists;
    if (!revoke || !lists) {
        free (revoke);
        self->failed = true;
        return -ENOMEM;
    }
    self->revokes [self->revoke_count++] = revoke;
    size_t revoked = 0;
    for (size_t i = 0; i < count; i++) {
        const attempt_t *attempt = lease_find (self, &in->as.hello.running [i]);
        if (!attempt || attempt->row.state != ROW_ATTEMPT_LIVE
            || strcmp (attempt->row.identity, worker->identity) != 0)
            revoke [revoked++] = in->as.hello.running [i];
    }
    step_out_t *out = state_out (self, STEP_OUT_WELCOME, &in->peer);
    out->as.welcome.revoke = revoke;
    out->as.welcome.revoke_count = revoked;
    out->as.welcome.lease_ms = self->settings.lease_ttl_ms;
    return 0;
}

//  Its worker was heard since, and did not begin it.  One that is silent is judged by its silence.
static void
s_unwanted (step_t *self, const attempt_t *attempt, clk_now_t now)
{
    worker_t *worker = attempt->worker;
    if (worker && worker->connected && attempt->session == worker->session
        && worker->seen_ms > attempt->accept_ms - LIMIT_ACCEPT_MS)
        fleet_unwanted (self, worker, attempt,
                        attempt->accepted ? "it does not begin what it is assigned"
                                          : "it does not accept what it is assigned",
                        now);
}

static void
s_expire (step_t *self, attempt_t *attempt, clk_now_t now)
{
    if (now.boot_ms >= attempt->deadline_ms) {
        bool live = attempt->row.state == ROW_ATTEMPT_LIVE;
        if (live)
            lease_cancel (self, attempt, "deadline");
        settle_lost (self, attempt, live ? "no verdict by its deadline" : "", now);
        return;
    }
    if (attempt->row.state != ROW_ATTEMPT_LIVE)
        return;
    bool unaccepted = !attempt->accepted && now.boot_ms >= attempt->accept_ms;
    if (!unaccepted && now.boot_ms < attempt->lease_ms)
        return;
    if (!unaccepted)
        self->stats.leases_expired_total++;
    bool charge = attempt->row.started;
    if (!charge)
        s_unwanted (self, attempt, now);
    s_supersede (self, attempt, unaccepted ? "assignment not accepted" : "lease expired", now);
    settle_superseded (self, attempt->entry, charge, now);
}

void
lease_timers (step_t *self, clk_now_t now)
{
    int changed = 0;
    attempt_t *attempt, *next;
    DL_FOREACH_SAFE2 (self->open_attempts, attempt, next, onext) {
        bool live = attempt->row.state == ROW_ATTEMPT_LIVE;
        bool due = now.boot_ms >= attempt->deadline_ms
                   || (live
                       && (now.boot_ms >= attempt->lease_ms
                           || (!attempt->accepted && now.boot_ms >= attempt->accept_ms)));
        if (!due)
            continue;
        if (++changed > LIMIT_TURN_TIMERS)
            return;
        //  Ending one attempt may end its siblings: start over rather than trust `next`.
        s_expire (self, attempt, now);
        next = self->open_attempts;
    }
}

void
lease_extend (step_t *self, clk_now_t now)
{
    int64_t floor = now.boot_ms + self->settings.reconnect_grace_ms;
    attempt_t *attempt;
    DL_FOREACH2 (self->open_attempts, attempt, onext) {
        if (attempt->lease_ms < floor)
            attempt->lease_ms = floor;
        if (attempt->deadline_ms < floor)
            attempt->deadline_ms = floor;
        if (attempt->accept_ms < now.boot_ms + LIMIT_ACCEPT_MS)
            attempt->accept_ms = now.boot_ms + LIMIT_ACCEPT_MS;
    }
    for (worker_t *worker = self->workers; worker; worker = worker->hh.next)
        if (worker->connected)
            worker->seen_ms = now.boot_ms;
}

void
lease_spare (step_t *self, attempt_t *attempt, bool finished, clk_now_t now)
{
    const int64_t floor = now.boot_ms + self->settings.revoke_slack_ms;
    attempt->spared = true;
    if (finished && attempt->deadline_ms < floor)
        attempt->deadline_ms = floor;
}

void
lease_spare_all (step_t *self, clk_now_t now)
{
    attempt_t *attempt;
    DL_FOREACH2 (self->open_attempts, attempt, onext) {
        lease_spare (self, attempt, true, now);
        attempt->superseded_ms =
            now.boot_ms; //  the grace for its late report begins when the hold ends
    }
}

int64_t
lease_wake (const step_t *self)
{
    int64_t wake = INT64_MAX;
    const attempt_t *attempt;
    DL_FOREACH2 (self->open_attempts, attempt, onext) {
        wake = s_min (wake, attempt->deadline_ms);
        if (attempt->row.state != ROW_ATTEMPT_LIVE)
            continue;
        wake = s_min (wake, attempt->lease_ms);
        if (!attempt->accepted)
            wake = s_min (wake, attempt->accept_ms);
    }
    return wake;
}

int
lease_load (step_t *self, entry_t *entry, const row_attempt_t *row)
{
    row_incident_t incident;
    state_row (entry, &incident);
    if (row->number <= incident.forgiven)
        return 0;
    attempt_t *ended =
        entry->attempt_count < LIMIT_ATTEMPTS ? NULL : s_oldest_lost (entry, ROW_ATTEMPT_ENDED);
    if (ended)
        lease_forget (self, ended);
    return s_hold (self, entry, row) ? 0 : -ENOMEM;
}

void
lease_arm (step_t *self, attempt_t *attempt, clk_now_t now)
{
    //  It may have passed while we were away or our disk was full:
    //  its worker gets the time to say so.
    int64_t left = s_min (attempt->row.deadline_ms - now.wall_ms, s_hard_ms (self));
    if (left < self->settings.reconnect_grace_ms)
        left = self->settings.reconnect_grace_ms;
    attempt->deadline_ms = now.boot_ms + left;
    attempt->lease_ms = now.boot_ms + self->settings.reconnect_grace_ms;
    attempt->superseded_ms = now.boot_ms;
    attempt->accepted = true;
    attempt->probe = breaker_is_probe (self, &attempt->row);
    char fence [IDENT_SIZE + 24];
    snprintf (fence, sizeof fence, "%s/%lld", attempt->row.incident.text,
              (long long) attempt->row.number);
    kept_t *kept = NULL;
    HASH_FIND_STR (self->kept, fence, kept);
    if (!kept)
        return;
    attempt->session = kept->session;
    attempt->accepted = kept->accepted;
    attempt->unreflected = kept->unreflected;
    attempt->probe = kept->probe;
    attempt->spared = kept->spared;
    attempt->order = kept->order;
    attempt->accept_ms = kept->accept_ms;
    attempt->lease_ms = kept->lease_ms;
    attempt->deadline_ms = kept->deadline_ms;
    attempt->superseded_ms = kept->superseded_ms;
    worker_t *worker = fleet_find (self, attempt->row.identity);
    if (worker && worker->session == kept->session && attempt->row.state == ROW_ATTEMPT_LIVE)
        s_bind (attempt, worker);
}
