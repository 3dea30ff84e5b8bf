//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/fleet.h"

#include "broker/core/journal.h"
#include "broker/core/rival.h"

#include "common/base/least.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { SILENT_MS = 3 * LIMIT_PING_MS };

//  Has it sent nothing for three pings?  It then gets no work, and a new session replaces it at
//  once.
static bool
s_silent (const worker_t *worker, clk_now_t now)
{
    return now.boot_ms - worker->seen_ms > SILENT_MS;
}

worker_t *
fleet_find (const fleet_t *self, const char *identity)
{
    worker_t *worker = NULL;
    HASH_FIND_STR (self->workers, identity, worker);
    return worker;
}

worker_t *
fleet_current (fleet_t *self, state_t *state, const step_peer_t *peer, clk_now_t now)
{
    worker_t *worker = fleet_find (self, peer->identity);
    if (!worker || !worker->connected || worker->session != peer->session)
        return NULL;
    worker->seen_ms = now.boot_ms;
    rival_heard (worker, self->journal, state, now);
    return worker;
}

//  Keep the records before a change, for fleet_rollback.
static void
s_telling (const state_t *state, worker_t *worker)
{
    if (worker->told_turn != state->turn)
        worker->told_before = worker->told;
    worker->told_turn = state->turn;
}

//  The state that a record would report now.
static bool
s_is (const worker_t *worker, const told_state_t *told)
{
    if (told == &worker->told.here)
        return worker->connected;
    return told == &worker->told.held ? worker->held [0] != '\0' : worker->told.drained;
}

static const char *
s_change (const worker_t *worker, const told_state_t *told)
{
    const bool is = s_is (worker, told);
    if (told == &worker->told.here)
        return is ? "joined" : "left";
    if (told == &worker->told.held)
        return is ? "held" : "ready";
    return is ? "draining" : "resumed";
}

static void
s_record (fleet_t *self, state_t *state, worker_t *worker, told_state_t *told, const char *reason,
          clk_now_t now)
{
    s_telling (state, worker);
    *told = (told_state_t){
        .ever = true, .state = s_is (worker, told), .at_ms = now.boot_ms, .reason = ""};
    journal_worker (self->journal, state, worker, s_change (worker, told), reason, now);
}

static bool
s_due (const worker_t *worker, const told_state_t *told, clk_now_t now)
{
    return told->ever && told->state != s_is (worker, told)
           && now.boot_ms - told->at_ms >= LIMIT_WORKER_RECORD_MS;
}

//  Send the records that had to wait.
static void
s_tell (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now)
{
    told_state_t *here = &worker->told.here, *draining = &worker->told.draining;
    if (s_due (worker, here, now))
        s_record (self, state, worker, here, worker->connected ? "" : here->reason, now);
    if (s_due (worker, draining, now))
        s_record (self, state, worker, draining, "", now);
    if (s_due (worker, &worker->told.held, now))
        s_record (self, state, worker, &worker->told.held, worker->held, now);
}

//  A worker may change as often as it likes.  It has at most one record in LIMIT_WORKER_RECORD_MS,
//  and one of its last change.
static void
s_changed (fleet_t *self, state_t *state, worker_t *worker, told_state_t *told, const char *reason,
           clk_now_t now)
{
    if (!told->ever || now.boot_ms - told->at_ms >= LIMIT_WORKER_RECORD_MS)
        s_record (self, state, worker, told, reason, now);
    else
        told->reason = reason;
}

//  Make room for a worker: forget the one without attempts that has been gone for longest.
static bool
s_make_room (fleet_t *self, clk_now_t now)
{
    if (HASH_COUNT (self->workers) < LIMIT_WORKERS)
        return true;
    worker_t *oldest = NULL;
    for (worker_t *worker = self->workers; worker; worker = worker->hh.next)
        if (!worker->connected && !worker->attempts
            && now.boot_ms - worker->told.here.at_ms >= LIMIT_WORKER_RECORD_MS
            && (!oldest || worker->seen_ms < oldest->seen_ms))
            oldest = worker;
    if (!oldest)
        return false;
    HASH_DEL (self->workers, oldest);
    free (oldest);
    return true;
}

static int
s_enter (fleet_t *self, const step_in_t *in, clk_now_t now, worker_t **ret_worker)
{
    worker_t *worker = fleet_find (self, in->peer.identity);
    if (!worker) {
        if (!s_make_room (self, now))
            return ERR_LIMIT;
        worker = calloc (1, sizeof *worker);
        if (!worker)
            return -ENOMEM;
        state_text (worker->identity, in->peer.identity);
        HASH_ADD_STR (self->workers, identity, worker);
    }
    else if (worker->session != in->peer.session) {
        for (int i = 0; i < WORKER_RETIRED; i++)
            if (worker->retired [i] == in->peer.session)
                return ERR_STALE;
        if (!s_silent (worker, now) && !rival_may_enter (worker, in, now))
            return -EAGAIN;
        worker->retired [worker->retired_next++ % WORKER_RETIRED] = worker->session;
    }
    *ret_worker = worker;
    return 0;
}

int
fleet_hello (fleet_t *self, state_t *state, const step_in_t *in, clk_now_t now,
             worker_t **ret_worker)
{
    worker_t *worker = NULL;
    int rc = s_enter (self, in, now, &worker);
    if (rc)
        return rc;
    bool fresh = !worker->connected || worker->session != in->peer.session;
    if (fresh) {
        worker->session = in->peer.session;
        worker->credit_number = 0;
        worker->credit_free = 0;
        worker->connected = true;
        worker->entered = state->turn;
        worker->rival = 0;
        worker->held [0] = '\0';
    }
    else
        rival_heard (worker, self->journal, state, now);
    state_text (worker->name, in->as.hello.name);
    state_text (worker->agent, in->as.hello.agent);
    int64_t slots = in->as.hello.slots;
    worker->slots = slots < 0 ? 0 : slots > LIMIT_SLOTS ? LIMIT_SLOTS : slots;
    worker->seen_ms = now.boot_ms;
    if (fresh) {
        s_changed (self, state, worker, &worker->told.here, "", now);
        self->changed = true;
    }
    *ret_worker = worker;
    return 0;
}

//  Note whether it can run agents, as it says itself.
static void
s_says (fleet_t *self, state_t *state, worker_t *worker, const step_in_t *in, clk_now_t now)
{
    const char *held = in->as.credit.held;
    const run_class_t class = in->as.credit.class;
    const bool was = worker->held [0], is = held [0];
    utf8_copy (worker->held, sizeof worker->held, held);
    worker->held_class = is && run_class_may_hold (class) ? class : RUN_CLASS_NONE;
    if (was == is)
        return;
    s_telling (state, worker);
    s_changed (self, state, worker, &worker->told.held, worker->held, now);
    if (was)
        fleet_lift (self, state, worker, now);
}

void
fleet_credit (fleet_t *self, state_t *state, worker_t *worker, const step_in_t *in, clk_now_t now)
{
    const int64_t total = in->as.credit.total, free = in->as.credit.free;
    if (in->as.credit.number <= worker->credit_number)
        return;
    s_says (self, state, worker, in, now);
    worker->credit_number = in->as.credit.number;
    worker->slots = total < 0 ? 0 : total > LIMIT_SLOTS ? LIMIT_SLOTS : total;
    worker->credit_free = free < 0 ? 0 : free > worker->slots ? worker->slots : free;
    //  Messages of one session come in order: what was accepted before this number is in it.
    attempt_t *attempt = worker->attempts ? worker->attempts->wprev : NULL; //  the youngest
    for (int64_t left = worker->unreflected; left > 0; attempt = attempt->wprev) {
        left -= attempt->term.unreflected;
        if (!attempt->term.accepted || !attempt->term.unreflected)
            continue;
        attempt->term.unreflected = false;
        worker->unreflected--;
    }
}

static void
s_left (fleet_t *self, state_t *state, worker_t *worker, const char *reason, clk_now_t now)
{
    worker->connected = false;
    worker->rival = 0;
    worker->credit_free = 0;
    self->changed = true;
    s_changed (self, state, worker, &worker->told.here, reason, now);
}

void
fleet_bye (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now)
{
    //  Its process has ended; the next one gets work.
    worker->told.drained = worker->told.draining.state = false;
    fleet_lift (self, state, worker, now);
    s_left (self, state, worker, "bye", now);
}

void
fleet_drain (fleet_t *self, state_t *state, worker_t *worker, bool drain, clk_now_t now)
{
    if (worker->told.drained == drain)
        return;
    s_telling (state, worker);
    worker->told.drained = drain;
    s_changed (self, state, worker, &worker->told.draining, "", now);
}

bool
fleet_ready (const worker_t *worker, clk_now_t now)
{
    return worker->connected && !worker->told.drained && !worker->held [0]
           && !s_silent (worker, now);
}

int64_t
fleet_available (const worker_t *worker, clk_now_t now)
{
    if (!fleet_ready (worker, now))
        return 0;
    int64_t free = worker->credit_free - worker->unreflected;
    if (free > worker->slots - worker->live)
        free = worker->slots - worker->live;
    if (worker->trial.quarantined && free > 0)
        return worker->live == 0 && now.boot_ms >= worker->trial.probe_ms;
    return free > 0 ? free : 0;
}

//  Keep the results before a change, for fleet_rollback: the same verdict comes again.
static void
s_judged (const state_t *state, worker_t *worker)
{
    if (worker->trial_turn != state->turn)
        worker->trial_before = worker->trial;
    worker->trial_turn = state->turn;
}

void
fleet_begin (fleet_t *self)
{
    self->successes_before = self->successes;
}

void
fleet_rollback (fleet_t *self, const state_t *state)
{
    self->successes = self->successes_before;
    for (worker_t *worker = self->workers; worker; worker = worker->hh.next) {
        if (worker->trial_turn == state->turn)
            worker->trial = worker->trial_before;
        if (worker->told_turn == state->turn) //  its records are lost, and so is a drain command
            worker->told = worker->told_before;
        if (worker->entered == state->turn) //  what its HELLO settled is lost: it says HELLO again
            worker->connected = false;
    }
}

int64_t
fleet_assigned (fleet_t *self, worker_t *worker)
{
    return worker->last_assigned = ++self->assigned_order;
}

static void
s_restore (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now)
{
    worker->trial.quarantined = false;
    worker->trial.class = RUN_CLASS_NONE;
    worker->trial.backoff_ms = 0;
    journal_worker (self->journal, state, worker, "restored", "", now);
}

void
fleet_succeeded (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now)
{
    s_judged (state, worker);
    self->successes++;
    worker->trial.streak = worker->trial.refusals = 0;
    if (!worker->trial.quarantined)
        return;
    s_restore (self, state, worker, now);
}

//  An operator says that it is well: end its drain and any quarantine.
static void
s_resume (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now)
{
    fleet_drain (self, state, worker, false, now);
    s_judged (state, worker);
    worker->trial.streak = worker->trial.refusals = 0;
    if (worker->trial.quarantined)
        s_restore (self, state, worker, now);
}

int
fleet_drain_named (fleet_t *self, state_t *state, const char *name, bool drain, clk_now_t now,
                   int *ret_held)
{
    int found = 0;
    *ret_held = 0;
    for (worker_t *worker = self->workers; worker; worker = worker->hh.next) {
        if (strcmp (worker->name, name) != 0 && strcmp (worker->identity, name) != 0)
            continue;
        found++;
        *ret_held += worker->connected && worker->held [0];
        if (drain)
            fleet_drain (self, state, worker, true, now);
        else
            s_resume (self, state, worker, now);
    }
    return found;
}

void
fleet_lift (fleet_t *self, state_t *state, worker_t *worker, clk_now_t now)
{
    if (!worker->trial.quarantined || worker->trial.class == RUN_CLASS_NONE)
        return;
    s_judged (state, worker);
    s_restore (self, state, worker, now);
}

//  why: NULL = as before.
static void
s_set_aside (fleet_t *self, state_t *state, worker_t *worker, const char *why, clk_now_t now)
{
    bool first = !worker->trial.quarantined;
    worker->trial.quarantined = true;
    if (why)
        utf8_copy (worker->trial.why, sizeof worker->trial.why, why);
    worker->trial.backoff_ms = first ? LIMIT_QUARANTINE_MIN_MS : worker->trial.backoff_ms * 2;
    if (worker->trial.backoff_ms > LIMIT_QUARANTINE_MAX_MS)
        worker->trial.backoff_ms = LIMIT_QUARANTINE_MAX_MS;
    worker->trial.probe_ms = now.boot_ms + worker->trial.backoff_ms;
    if (first)
        journal_worker (self->journal, state, worker, "quarantined", worker->trial.why, now);
}

void
fleet_hold (fleet_t *self, state_t *state, worker_t *worker, run_class_t class, const char *reason,
            clk_now_t now)
{
    char why [LIMIT_REASON_BYTES * 2];
    s_judged (state, worker);
    //  The streak compares it with others.  Its key says nothing of that.
    worker->trial.refusals = 0; //  it runs what it gets
    worker->trial.class = class;
    snprintf (why, sizeof why, "%s: %s", run_class_name (class), reason);
    s_set_aside (self, state, worker, why, now);
}

void
fleet_unwanted (fleet_t *self, state_t *state, worker_t *worker, const attempt_t *attempt,
                const char *why, clk_now_t now)
{
    worker->unwanted_total++;
    state->stats.assignments_returned_total++;
    if (attempt->term.spared || attempt->term.order <= worker->trial.refusal_mark)
        return;
    s_judged (state, worker);
    worker->trial.refusal_mark = self->assigned_order;
    worker->trial.refusals++;
    if (!worker->trial.quarantined && worker->trial.refusals < LIMIT_QUARANTINE_STREAK)
        return;
    worker->trial.class = RUN_CLASS_NONE;
    s_set_aside (self, state, worker, why, now);
}

void
fleet_failed (fleet_t *self, state_t *state, worker_t *worker, verdict_outcome_t outcome,
              clk_now_t now)
{
    s_judged (state, worker);
    if (outcome == VERDICT_AGENT) //  it runs what it gets
        worker->trial.refusals = 0;
    if (worker->trial.streak++ == 0)
        worker->trial.streak_mark = self->successes;
    //  A host that cannot start agents fails in no time.  It would empty the queue before any other
    //  worker succeeds.
    bool alone = outcome != VERDICT_HOST && self->successes == worker->trial.streak_mark;
    if (!worker->trial.quarantined && (worker->trial.streak < LIMIT_QUARANTINE_STREAK || alone))
        return;
    const char *why =
        outcome == VERDICT_HOST ? "it cannot run agents" : "what others can run fails here";
    s_set_aside (self, state, worker, worker->trial.class == RUN_CLASS_NONE ? why : NULL, now);
}

bool
fleet_excluded (const entry_t *entry, const char *identity)
{
    if (!entry->host_count)
        return false;
    const attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt)
        if (attempt->row.state == ROW_ATTEMPT_ENDED && attempt->row.outcome == VERDICT_HOST
            && strcmp (attempt->row.identity, identity) == 0)
            return true;
    return false;
}

bool
fleet_avoided (const entry_t *entry, const worker_t *worker)
{
    if (!worker->trial.quarantined || worker->trial.class == RUN_CLASS_NONE)
        return false;
    const attempt_t *attempt;
    DL_FOREACH (entry->attempts, attempt)
        if (attempt->row.state == ROW_ATTEMPT_ENDED && run_class_rule (attempt->row.class)->holds
            && strcmp (attempt->row.identity, worker->identity) == 0)
            return true;
    return false;
}

bool
fleet_exhausted (const fleet_t *self, const state_t *state, const entry_t *entry, clk_now_t now)
{
    if (!entry->host_count || now.boot_ms < state->start_ms + state->settings.reconnect_grace_ms)
        return false;
    bool any = false;
    for (const worker_t *worker = self->workers; worker; worker = worker->hh.next) {
        if (!worker->connected)
            continue;
        if (!fleet_excluded (entry, worker->identity))
            return false;
        any = true;
    }
    return any;
}

int64_t
fleet_free (const fleet_t *self, clk_now_t now)
{
    int64_t free = 0;
    for (const worker_t *worker = self->workers; worker; worker = worker->hh.next)
        free += fleet_available (worker, now);
    return free;
}

//  A worker in quarantine gets single probes only.
static bool
s_takes_work (const worker_t *worker, clk_now_t now)
{
    return fleet_ready (worker, now) && !worker->trial.quarantined;
}

void
fleet_figures (const fleet_t *self, clk_now_t now, step_stats_t *ret_stats)
{
    for (const worker_t *worker = self->workers; worker; worker = worker->hh.next) {
        if (!worker->connected)
            continue;
        ret_stats->workers++;
        ret_stats->workers_ready += s_takes_work (worker, now);
        ret_stats->workers_quarantined += worker->trial.quarantined;
        ret_stats->workers_draining += worker->told.drained && !worker->trial.quarantined;
        ret_stats->workers_held += worker->held [0] != '\0';
        ret_stats->slots += worker->slots;
    }
    ret_stats->slots_free = fleet_free (self, now);
}

static void
s_show (const worker_t *worker, clk_now_t now, step_worker_t *ret_shown)
{
    *ret_shown = (step_worker_t){.ready = s_takes_work (worker, now),
                                 .quarantined = worker->trial.quarantined,
                                 .held = worker->held [0] != '\0',
                                 .refused_total = worker->refused_total,
                                 .refused_ms_ago =
                                     worker->refused_total ? now.boot_ms - worker->refused_ms : -1,
                                 .returned_total = worker->unwanted_total,
                                 .draining = worker->told.drained,
                                 .slots = worker->slots,
                                 .free = fleet_available (worker, now),
                                 .running = worker->live,
                                 .streak = worker->trial.streak,
                                 .last_seen_ms_ago = now.boot_ms - worker->seen_ms};
    state_text (ret_shown->identity, worker->identity);
    state_text (ret_shown->name, worker->name);
    if (worker->held [0]) {
        ret_shown->class = worker->held_class;
        state_text (ret_shown->why, worker->held);
    }
    else if (worker->trial.quarantined) {
        ret_shown->class = worker->trial.class;
        state_text (ret_shown->why, worker->trial.why);
    }
}

size_t
fleet_workers (const fleet_t *self, clk_now_t now, step_worker_t *ret_workers, size_t max)
{
    size_t count = 0;
    for (const worker_t *worker = self->workers; worker; worker = worker->hh.next)
        if (worker->connected && count++ < max)
            s_show (worker, now, &ret_workers [count - 1]);
    return count;
}

bool
fleet_take_changed (fleet_t *self)
{
    const bool changed = self->changed;
    self->changed = false;
    return changed;
}

void
fleet_extend (fleet_t *self, clk_now_t now)
{
    for (worker_t *worker = self->workers; worker; worker = worker->hh.next)
        if (worker->connected)
            worker->seen_ms = now.boot_ms;
}

void
fleet_timers (fleet_t *self, state_t *state, clk_now_t now)
{
    for (worker_t *worker = self->workers; worker; worker = worker->hh.next) {
        if (worker->connected && now.boot_ms - worker->seen_ms >= LIMIT_SESSION_DEAD_MS)
            s_left (self, state, worker, "silent", now);
        s_tell (self, state, worker, now);
    }
}

static int64_t
s_tell_ms (const worker_t *worker, const told_state_t *told)
{
    return told->ever && told->state != s_is (worker, told) ? told->at_ms + LIMIT_WORKER_RECORD_MS
                                                            : INT64_MAX;
}

int64_t
fleet_wake (const fleet_t *self, bool waiting, clk_now_t now)
{
    int64_t wake = INT64_MAX;
    for (const worker_t *worker = self->workers; worker; worker = worker->hh.next) {
        wake = least (wake, s_tell_ms (worker, &worker->told.here));
        wake = least (wake, s_tell_ms (worker, &worker->told.draining));
        wake = least (wake, s_tell_ms (worker, &worker->told.held));
        if (!worker->connected)
            continue;
        if (worker->seen_ms + LIMIT_SESSION_DEAD_MS < wake)
            wake = worker->seen_ms + LIMIT_SESSION_DEAD_MS;
        if (worker->trial.quarantined && waiting && worker->trial.probe_ms > now.boot_ms
            && worker->trial.probe_ms < wake)
            wake = worker->trial.probe_ms;
    }
    return wake;
}

void
fleet_clear (fleet_t *self)
{
    worker_t *worker, *next;
    HASH_ITER (hh, self->workers, worker, next) {
        HASH_DEL (self->workers, worker);
        free (worker);
    }
}
