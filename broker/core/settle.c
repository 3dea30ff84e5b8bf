//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/settle.h"

#include "broker/core/book.h"
#include "broker/core/breaker.h"
#include "broker/core/fleet.h"
#include "broker/core/journal.h"
#include "broker/core/lease.h"
#include "broker/core/message.h"
#include "broker/core/outbox.h"
#include "broker/core/overflow.h"
#include "broker/core/pack.h"
#include "broker/core/queue.h"
#include "broker/core/returned.h"
#include "broker/core/step_part.h"
#include "broker/core/tally.h"

#include "common/base/least.h"

#include <string.h>
#include <utlist.h>

//  End an open attempt whose incident is over.  An attempt that was lost before stays lost.
static void
s_end_attempt (step_t *self, attempt_t *attempt, bool cancelled, clk_now_t now)
{
    lease_cancel (self, attempt, cancelled ? "cancelled" : "superseded");
    if (!cancelled || attempt->row.state != ROW_ATTEMPT_LIVE) {
        lease_end (self, attempt, VERDICT_LOST, "the incident ended", "ended", now);
        return;
    }
    self->state.stats.outcomes_total [VERDICT_CANCELLED] += attempt->row.started;
    lease_end (self, attempt, VERDICT_CANCELLED, "cancelled by an operator", "ended", now);
}

//  A partial report is what an incident without a full one has: its attempt decides.
static void
s_decide (const entry_t *entry, row_incident_t *row)
{
    const attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt)
        if (attempt->row.number == row->partial) {
            row->exit_code = attempt->row.exit_code;
            state_text (row->reason, attempt->row.reason);
        }
}

//  End an incident: its attempts, its row, its effects and its record.  Nothing else does that.
static void
s_end (step_t *self, entry_t *entry, row_incident_t *row, incident_event_t event, clk_now_t now)
{
    attempt_t *attempt, *next;
    DL_FOREACH_SAFE (entry->attempts, attempt, next)
        if (attempt->row.state != ROW_ATTEMPT_ENDED)
            s_end_attempt (self, attempt, event == INCIDENT_ON_CANCEL, now);
    entry->held_until_ms = 0;
    if (row->partial && (event == INCIDENT_ON_AGENT_END || event == INCIDENT_ON_LOST_END))
        s_decide (entry, row);
    if (event == INCIDENT_ON_AGENT_END)
        breaker_failed (self, row, now);
    book_move (row, event);
    row->completed_ms = now.wall_ms;
    row->ended_occurrences = row->occurrences;
    row->not_before_ms = 0;
    book_save (&self->book, &self->state, entry, row);
    //  A failed incident has a folder too; storage decides whether its files move to the top.
    if (row->state != INCIDENT_SUPPRESSED)
        outbox_add_incident (&self->outbox, &self->state, ROW_CHANNEL_STORAGE, "storage",
                             &entry->id, now);
    message_ended (self, row, now);
    journal_incident (&self->journal, &self->state, row, incident_state_name (row->state), now);
}

//  Boot time until which a superseded attempt may still report.
static int64_t
s_last_chance (const step_t *self, const entry_t *entry, bool lost)
{
    int64_t until = 0;
    const attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt) {
        if (attempt->row.state != ROW_ATTEMPT_SUPERSEDED)
            continue;
        int64_t chance = attempt->term.deadline_ms;
        if (lost && chance > attempt->term.superseded_ms + self->state.settings.reconnect_grace_ms)
            chance = attempt->term.superseded_ms + self->state.settings.reconnect_grace_ms;
        if (chance > until)
            until = chance;
    }
    return until;
}

//  The end that is due; INCIDENT_EVENTS: none.
static incident_event_t
s_due (const step_t *self, const entry_t *entry, clk_now_t now)
{
    if (entry->charged >= self->state.settings.agent_attempts)
        return INCIDENT_ON_AGENT_END;
    //  Attempts that were returned before anything ran cost nothing, whatever their number.
    int64_t tries = entry->charged + entry->lost + entry->host_count;
    if (entry->lost >= self->state.settings.max_deliveries || tries >= LIMIT_ATTEMPTS)
        return INCIDENT_ON_LOST_END;
    if (returned_over (&self->state, entry, now))
        return INCIDENT_ON_AGENT_END;
    return fleet_exhausted (&self->fleet, &self->state, entry, now) ? INCIDENT_ON_AGENT_END
                                                                    : INCIDENT_EVENTS;
}

//  How long an incident waits because its attempts were given back unstarted.
static int64_t
s_release_wait (const entry_t *entry)
{
    if (entry->free_count <= 1)
        return 0;
    const int shift = entry->free_count < 10 ? entry->free_count - 2 : 8;
    return least (LIMIT_RELEASE_BACKOFF_MIN_MS * (INT64_C (1) << shift),
                  LIMIT_RELEASE_BACKOFF_MAX_MS);
}

static void
s_requeue (step_t *self, entry_t *entry, row_incident_t *row, clk_now_t now)
{
    entry->held_until_ms = 0;
    entry_list_t list = entry->host_count ? ENTRY_WATCHED : ENTRY_NOWHERE;
    if (entry->list != list)
        book_list (&self->book, entry, list);
    if (row->state == INCIDENT_INVESTIGATING) {
        const int64_t at = now.boot_ms + s_release_wait (entry);
        if (entry->not_before_ms < at) //  it waits for its provider otherwise
            entry->not_before_ms = at;
        const int64_t wait = entry->not_before_ms - now.boot_ms;
        entry->prefer_until_ms = now.boot_ms + LIMIT_PREFER_MS;
        row->not_before_ms = wait ? now.wall_ms + wait : 0;
        book_move (row, INCIDENT_ON_REQUEUE);
        book_save (&self->book, &self->state, entry, row);
        journal_incident (&self->journal, &self->state, row, incident_state_name (row->state), now);
    }
    queue_push (&self->queue, &self->state, entry);
}

static void
s_hold (step_t *self, entry_t *entry, row_incident_t *row, int64_t until_ms, clk_now_t now)
{
    queue_remove (&self->queue, entry);
    entry->held_until_ms = until_ms;
    if (entry->list != ENTRY_WATCHED)
        book_list (&self->book, entry, ENTRY_WATCHED);
    if (row->state != INCIDENT_INVESTIGATING)
        return;
    book_move (row, INCIDENT_ON_REQUEUE);
    book_save (&self->book, &self->state, entry, row);
    journal_incident (&self->journal, &self->state, row, incident_state_name (row->state), now);
}

void
settle (step_t *self, entry_t *entry, clk_now_t now)
{
    if (incident_terminal (entry->state) || lease_live (entry))
        return;
    row_incident_t row;
    pack_row (entry, &row);
    incident_event_t event = s_due (self, entry, now);
    if (event == INCIDENT_EVENTS) {
        s_requeue (self, entry, &row, now);
        return;
    }
    int64_t until = s_last_chance (self, entry, event == INCIDENT_ON_LOST_END);
    if (now.boot_ms < until) {
        s_hold (self, entry, &row, until, now);
        return;
    }
    if (!row.reason [0])
        state_text (row.reason, "no delivery came to a verdict");
    s_end (self, entry, &row, event, now);
}

//  The class of a reported run; RUN_CLASS_NONE: an older worker, whose agent failed.
static run_class_t
s_class (const step_in_t *in)
{
    switch (in->as.verdict.outcome) {
        case VERDICT_SUCCESS: return RUN_CLASS_SUCCESS;
        case VERDICT_HOST: return RUN_CLASS_INFRA;
        case VERDICT_AGENT: return in->as.verdict.class;
        case VERDICT_LOST:
        case VERDICT_CANCELLED:
        case VERDICT_OUTCOMES: break;
    }
    return RUN_CLASS_NONE;
}

//  Note what the worker says of a run, before lease_end writes it.
static void
s_note_run (attempt_t *attempt, const step_in_t *in)
{
    attempt->row.exit_code = in->as.verdict.exit_code;
    attempt->row.class = s_class (in);
    attempt->row.usage = in->as.verdict.usage;
    attempt->row.ended_ms = 0;
}

//  Handle a success, in time or late, of an attempt that was issued to this peer.
static step_disposition_t
s_win (step_t *self, attempt_t *attempt, const step_in_t *in, clk_now_t now)
{
    entry_t *entry = attempt->entry;
    bool live = attempt->row.state == ROW_ATTEMPT_LIVE;
    s_note_run (attempt, in);
    attempt->row.reason [0] = 0;
    if (attempt->row.state == ROW_ATTEMPT_ENDED)
        attempt_reopen (&self->attempts, attempt);
    lease_end (self, attempt, VERDICT_SUCCESS, "", "ended", now);
    row_incident_t row;
    pack_row (entry, &row);
    row.winner = attempt->row.number;
    row.partial = 0;
    row.exit_code = in->as.verdict.exit_code;
    row.reason [0] = 0;
    if (!row.started_ms)
        row.started_ms = in->as.verdict.started_ms;
    breaker_succeeded (self, attempt, now); //  before s_end: its message goes before the incident's
    s_end (self, entry, &row, INCIDENT_ON_SUCCESS, now);
    step_histogram_add (&self->state.stats.report_time, now.wall_ms - row.created_ms);
    if (!live)
        self->state.stats.verdicts_late_total++;
    return live ? STEP_COMMITTED : STEP_LATE_WIN;
}

//  What a failed run costs its incident, by its class.
static void
s_charge (step_t *self, attempt_t *attempt, row_incident_t *row, const step_in_t *in, clk_now_t now)
{
    const run_class_rule_t *rule = run_class_rule_of (attempt->row.class, attempt->row.outcome);
    row->charged += rule->charged;
    if (attempt->row.class == RUN_CLASS_PARTIAL && in->as.verdict.stored == STEP_STORED)
        row->partial = attempt->row.number;
    if (rule->given_back || rule->holds)
        returned_give (&self->returned, &self->state, attempt->entry, row, rule,
                       in->as.verdict.retry_ms, now);
    if (rule->counts)
        breaker_failed (self, row, now);
    if (rule->charged)
        breaker_probed (self, attempt, row);
}

static step_disposition_t
s_fail (step_t *self, attempt_t *attempt, const step_in_t *in, clk_now_t now)
{
    entry_t *entry = attempt->entry;
    verdict_outcome_t outcome = in->as.verdict.outcome;
    bool live = attempt->row.state == ROW_ATTEMPT_LIVE;
    s_note_run (attempt, in);
    lease_end (self, attempt, outcome, in->as.verdict.reason, "ended", now);
    if (!live) //  its loss is counted already, and a late failure changes nothing
        return STEP_STALE;
    self->state.stats.failures_total [verdict_kind (in->as.verdict.reason)]++;
    row_incident_t row;
    pack_row (entry, &row);
    row.exit_code = in->as.verdict.exit_code;
    state_text (row.reason, in->as.verdict.reason);
    if (!row.started_ms && outcome == VERDICT_AGENT)
        row.started_ms = in->as.verdict.started_ms;
    s_charge (self, attempt, &row, in, now);
    book_save (&self->book, &self->state, entry, &row);
    settle (self, entry, now);
    return STEP_COMMITTED;
}

//  Fencing: a verdict counts for the attempt that it names, from its own worker, and once.
static step_disposition_t
s_judge_verdict (step_t *self, const step_in_t *in, clk_now_t now)
{
    const step_fence_t *fence = &in->as.verdict.fence;
    entry_t *entry = book_find (&self->book, fence->incident.text);
    attempt_t *attempt = book_attempt (&self->book, fence);
    if (!entry || !attempt || strcmp (attempt->row.identity, in->peer.identity) != 0) {
        row_incident_t row;
        if (!entry || attempt)
            return STEP_STALE;
        pack_row (entry, &row);
        return row.winner && row.winner == fence->attempt ? STEP_DUPLICATE : STEP_STALE;
    }
    bool ended = attempt->row.state == ROW_ATTEMPT_ENDED;
    if (ended && attempt->row.outcome < VERDICT_LOST)
        return STEP_DUPLICATE;
    if (incident_terminal (entry->state) || in->as.verdict.outcome >= VERDICT_LOST)
        return STEP_STALE;
    if (in->as.verdict.outcome == VERDICT_SUCCESS) {
        if (in->as.verdict.stored != STEP_STORED)
            return STEP_FILES_MISSING;
        return s_win (self, attempt, in, now);
    }
    if (in->as.verdict.class == RUN_CLASS_PARTIAL && in->as.verdict.stored == STEP_MISSING)
        return STEP_FILES_MISSING;
    return ended ? STEP_STALE : s_fail (self, attempt, in, now);
}

//  How long the agent ran, by the worker's clock, which may be wrong: at most the longest run.
static int64_t
s_run_ms (const step_in_t *in)
{
    const int64_t run_ms = in->as.verdict.completed_ms - in->as.verdict.started_ms;
    return run_ms < LIMIT_AGENT_TIMEOUT_MS ? run_ms : LIMIT_AGENT_TIMEOUT_MS;
}

//  Judge the worker by its run.
static void
s_blame (step_t *self, worker_t *worker, const step_in_t *in, clk_now_t now)
{
    const run_class_t class = s_class (in);
    if (in->as.verdict.outcome == VERDICT_SUCCESS) {
        fleet_succeeded (&self->fleet, &self->state, worker, now);
        return;
    }
    if (run_class_rule (class)->holds) {
        fleet_hold (&self->fleet, &self->state, worker, class, in->as.verdict.reason, now);
        return;
    }
    if (run_class_rule (class)->charged) //  its key and its configuration are good
        fleet_lift (&self->fleet, &self->state, worker, now);
    fleet_failed (&self->fleet, &self->state, worker, in->as.verdict.outcome, now);
}

void
settle_verdict (step_t *self, const step_in_t *in, clk_now_t now)
{
    verdict_outcome_t outcome = in->as.verdict.outcome;
    step_disposition_t disposition = s_judge_verdict (self, in, now);
    if (disposition == STEP_STALE)
        self->state.stats.verdicts_stale_total++;
    if (disposition == STEP_COMMITTED || disposition == STEP_LATE_WIN) {
        self->state.stats.outcomes_total [outcome]++;
        if (outcome < VERDICT_LOST)
            step_histogram_add (&self->state.stats.run_time [outcome], s_run_ms (in));
        self->state.stats.classes_total [s_class (in)]++;
        usage_add (&self->state.stats.used, &in->as.verdict.usage);
        worker_t *worker = fleet_find (&self->fleet, in->peer.identity);
        if (worker)
            s_blame (self, worker, in, now);
    }
    step_out_t *out = state_out (&self->state, STEP_OUT_VERDICT_ACK, &in->peer);
    out->as.verdict_ack.fence = in->as.verdict.fence;
    out->as.verdict_ack.disposition = disposition;
}

void
settle_release (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now)
{
    attempt_t *attempt = book_attempt (&self->book, &in->as.release.fence);
    if (!attempt || attempt->row.state == ROW_ATTEMPT_ENDED
        || strcmp (attempt->row.identity, worker->identity) != 0)
        return;
    entry_t *entry = attempt->entry;
    bool live = attempt->row.state == ROW_ATTEMPT_LIVE;
    //  If we could not give the worker what it needs, its host has not failed.
    bool denied = (attempt->term.spared || self->state.held) && !attempt->row.started;
    bool host = in->as.release.reason == STEP_RELEASE_HOST && !denied;
    attempt->row.class = host ? RUN_CLASS_INFRA : RUN_CLASS_NONE;
    lease_end (self, attempt, host ? VERDICT_HOST : VERDICT_LOST, in->as.release.detail, "released",
               now);
    if (host && live) {
        self->state.stats.outcomes_total [VERDICT_HOST]++;
        self->state.stats.classes_total [RUN_CLASS_INFRA]++;
        self->state.stats.failures_total [verdict_kind (in->as.release.detail)]++;
        row_incident_t row;
        pack_row (entry, &row);
        state_text (row.reason, in->as.release.detail);
        book_save (&self->book, &self->state, entry, &row);
        fleet_failed (&self->fleet, &self->state, worker, VERDICT_HOST, now);
    }
    else if (live) {
        entry->free_count++;
        fleet_unwanted (&self->fleet, &self->state, worker, attempt,
                        "it gives back what it is assigned", now);
    }
    settle (self, entry, now);
}

//  Count an attempt without a result.  charge: it counts as lost.
static void
s_count_loss (step_t *self, entry_t *entry, bool charge)
{
    if (!charge) {
        entry->free_count++;
        return;
    }
    row_incident_t row;
    pack_row (entry, &row);
    row.lost++;
    book_save (&self->book, &self->state, entry, &row);
    self->state.stats.outcomes_total [VERDICT_LOST]++;
}

void
settle_forgotten (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now)
{
    if (attempt->row.state == ROW_ATTEMPT_LIVE && !attempt->row.started)
        fleet_unwanted (&self->fleet, &self->state, worker, attempt,
                        "it forgets what it is assigned", now);
    settle_lost (self, attempt, "the worker came back without it", now);
}

void
settle_lost (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now)
{
    entry_t *entry = attempt->entry;
    bool live = attempt->row.state == ROW_ATTEMPT_LIVE;
    bool charge = attempt->row.started;
    lease_end (self, attempt, VERDICT_LOST, reason, "lost", now);
    if (live)
        s_count_loss (self, entry, charge);
    settle (self, entry, now);
}

void
settle_superseded (step_t *self, entry_t *entry, bool charge, clk_now_t now)
{
    s_count_loss (self, entry, charge);
    settle (self, entry, now);
}

void
settle_watched (step_t *self, clk_now_t now)
{
    int64_t grace = self->state.start_ms + self->state.settings.reconnect_grace_ms;
    bool due = book_take_recheck (&self->book);
    due = fleet_take_changed (&self->fleet) || due;
    //  A worker that has not returned by now no longer counts.
    if (now.boot_ms >= grace && !self->settle.grace_over)
        self->settle.grace_over = due = true;
    if (!due && now.boot_ms < settle_wake (self, now))
        return;
    int count = book_watched_count (&self->book);
    if (count > LIMIT_TURN_TIMERS) {
        count = LIMIT_TURN_TIMERS;
        book_recheck (&self->book); //  the others: next turn
    }
    for (int i = 0; i < count; i++) {
        entry_t *entry = book_watched_next (&self->book);
        if (entry)
            settle (self, entry, now);
    }
}

void
settle_returned (step_t *self, clk_now_t now)
{
    for (int i = 0; i < LIMIT_TURN_TIMERS && !self->state.held; i++) {
        entry_t *entry = returned_due (&self->returned, &self->state, now);
        if (!entry)
            return;
        settle (self, entry, now);
    }
}

int64_t
settle_wake (const step_t *self, clk_now_t now)
{
    int64_t wake = self->book.recheck || self->fleet.changed ? now.boot_ms : INT64_MAX;
    const int64_t returned = returned_wake (&self->returned, &self->state);
    if (!self->state.held) //  one from before now is due now, and is no jump of the clock
        wake = least (wake, returned < now.boot_ms ? now.boot_ms : returned);
    int64_t grace = self->state.start_ms + self->state.settings.reconnect_grace_ms;
    const entry_t *entry;
    DL_FOREACH2 (self->book.watched, entry, lnext) {
        if (entry->held_until_ms && entry->held_until_ms < wake)
            wake = entry->held_until_ms;
        if (entry->host_count && now.boot_ms < grace && grace < wake)
            wake = grace;
    }
    return wake;
}

void
settle_suppress (step_t *self, entry_t *entry, incident_suppress_t reason, clk_now_t now)
{
    row_incident_t row;
    pack_row (entry, &row);
    row.suppress = reason;
    tally_suppressed (entry->tally, &self->state, reason);
    overflow_announce (self, entry->cluster, row.source, now);
    s_end (self, entry, &row, INCIDENT_ON_SUPPRESS, now);
}

int
settle_cancel (step_t *self, entry_t *entry, clk_now_t now, const char **ret_text)
{
    if (incident_terminal (entry->state)) {
        *ret_text = "the incident has ended already";
        return ERR_STALE;
    }
    row_incident_t row;
    pack_row (entry, &row);
    state_text (row.reason, "cancelled by an operator");
    s_end (self, entry, &row, INCIDENT_ON_CANCEL, now);
    *ret_text = "cancelled";
    return 0;
}

//  May an incident be put back into the queue?
static int
s_may_retry (const step_t *self, const entry_t *entry, const char **ret_text)
{
    const entry_t *other = book_find_key (&self->book, entry->key);
    if (incident_next (entry->state, INCIDENT_ON_RETRY) == INCIDENT_STATES) {
        *ret_text = "only an incident that ended without a report can be retried";
        return ERR_STALE;
    }
    if (other && other != entry && !incident_terminal (other->state)) {
        *ret_text = "a newer incident of the same fault is open";
        return ERR_STALE;
    }
    if (book_full (&self->book) || queue_full (&self->queue, &self->state, NULL)
        || queue_full (&self->queue, &self->state, entry->cluster)) {
        *ret_text = "the queue is full";
        return ERR_FULL;
    }
    return 0;
}

int
settle_retry (step_t *self, entry_t *entry, settle_retry_t why, clk_now_t now,
              const char **ret_text)
{
    const int rc = s_may_retry (self, entry, ret_text);
    if (rc < 0)
        return rc;
    while (entry->attempts) //  all have ended; a retry starts anew
        attempt_forget (&self->attempts, entry->attempts);
    entry->free_count = 0;
    entry->noticed = false;
    entry->not_before_ms = 0;
    entry->queued_ms = now.boot_ms;
    row_incident_t row;
    pack_row (entry, &row);
    book_move (&row, INCIDENT_ON_RETRY);
    row.suppress = INCIDENT_SUPPRESS_NONE;
    row.charged = row.lost = row.partial = 0;
    if (why != SETTLE_RETRY_PROBE) {
        row.counted = false;
        row.streak = 0;
        row.revived = why == SETTLE_RETRY_REVIVED;
    }
    row.given_back = row.given_back_ms = 0;
    row.forgiven = row.attempts;
    row.completed_ms = row.started_ms = 0;
    row.ended_occurrences = 0;
    row.exit_code = -1;
    row.reason [0] = 0;
    book_save (&self->book, &self->state, entry, &row);
    journal_incident (&self->journal, &self->state, &row, incident_state_name (row.state), now);
    queue_push (&self->queue, &self->state, entry);
    *ret_text = "queued again";
    return 0;
}
