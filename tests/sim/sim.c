//  sim - drives the real step through loss, repetition, reordering, crashes and clock jumps.
//
//  TRIAGE_SIM_SEED and TRIAGE_SIM_STEPS set the run; the seed is printed.  An argument plants a bug
//  (plant.h), and the run must then break that bug's invariant.
//  Invariants checked here; disk.h lists where the others are:
//  I11  The running counts of a worker equal a fresh count.
//  I12  While the artifacts' disk is in trouble, nothing is assigned, no folder is saved and no
//       time runs out.
//  I13  Of two live workers with one key the first stays.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/attempt.h"
#include "broker/core/book.h"
#include "broker/core/pack.h"
#include "broker/core/step_part.h"
#include "tests/sim/bot.h"
#include "tests/sim/courier.h"
#include "tests/sim/orders.h"
#include "tests/sim/peers.h"
#include "tests/sim/revival.h"
#include "tests/sim/plan.h"
#include "tests/sim/plant.h"
#include "tests/sim/retires.h"
#include "tests/sim/returns.h"
#include "tests/sim/shares.h"
#include "tests/sim/voice.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t s_year_ms = INT64_C (365) * 86400 * 1000;

enum {
    PATIENCE = 10,
    QUIET_TURNS = 200000,
    MAX_OUTPUTS = 5000,
    MAX_WRITES = 20000,
    DRAIN_TURNS = 50,
    LONG_RUN = 100000 //  steps after which each kind of input must have occurred
};

typedef struct {
    disk_t disk;
    peers_t peers;
    step_t *step;
    step_settings_t settings;
    clk_now_t now;
    step_in_t dones [PEERS_LANES]; //  delivery's reports in this turn, one for each lane
    int done_count;
    bool early;            //  a planted bug: outputs leave before the commit
    int draining;          //  turns since the drain began; 0 = none
    int64_t held_until_ms; //  boot time until which the artifacts' disk is in trouble
    int64_t holds, steps, turns, crashes, stops, rollbacks, jumps, reloads, stale;
    int64_t rivals;  //  sessions superseded because they did not answer
    int64_t refused; //  sessions refused in favour of another one
    int64_t by_kind [STEP_IN_RETIRE + 1];
    int64_t commands [STEP_COMMANDS];
    int64_t dispositions [STEP_FILES_MISSING + 1];
} sim_t;

//  After a restart or a jump, each lease and hard deadline has at least the grace left.
static void
s_grace (sim_t *self)
{
    self->disk.lease_floor_ms = self->now.boot_ms + self->settings.reconnect_grace_ms;
    if (self->disk.hard_floor_ms < self->disk.lease_floor_ms)
        self->disk.hard_floor_ms = self->disk.lease_floor_ms;
}

static void
s_boot (sim_t *self)
{
    step_destroy (&self->step);
    self->step = step_new (&self->settings, peers_random (&self->peers, UINT64_MAX));
    if (!self->step)
        abort ();
    disk_load (&self->disk, self->step, self->now);
    s_grace (self);
    returns_forget (&self->disk);
    self->draining = 0;
}

//  The process dies; the disk and the peers stay.
static void
s_crash (sim_t *self)
{
    courier_crash (&self->peers);
    peers_broker_died (&self->peers);
    disk_restarted (&self->disk);
    self->crashes++;
    s_boot (self);
}

static bool
s_chance (sim_t *self, uint64_t per_myriad)
{
    return !self->peers.calm && peers_random (&self->peers, 10000) < per_myriad;
}

static void
s_clock (sim_t *self)
{
    int64_t delta = (int64_t) peers_random (&self->peers, 400);
    int64_t wake = step_wake (self->step) - self->now.boot_ms;
    if (peers_random (&self->peers, 4) == 0 && wake > 0 && wake < 3000)
        delta = wake;
    self->now.boot_ms += delta;
    self->now.wall_ms += delta;
    if (s_chance (self, 8)) { //  suspend, or SIGSTOP
        int64_t jump = (int64_t) peers_random (&self->peers, 600000);
        self->now.boot_ms += jump;
        self->now.wall_ms += jump;
        self->disk.slack_ms += jump + self->settings.reconnect_grace_ms;
        s_grace (self);
        self->jumps++;
    }
    if (s_chance (self, 8)) { //  the wall clock is set
        int64_t set = (int64_t) peers_random (&self->peers, 7200000) - 3600000;
        if (peers_random (&self->peers, 16) == 0)
            set += (peers_random (&self->peers, 2) ? 1 : -1) * s_year_ms;
        if (set > LIMIT_RETAIN_NOTICE_MS)
            self->disk.ahead_ms = self->now.boot_ms;
        self->now.wall_ms += set;
        self->disk.set_back += set < 0;
        self->disk.sets++;
        self->jumps++;
    }
    self->peers.now = self->now;
}

//  Find a known event, as the store does: in the open transaction too.
static void
s_known_event (sim_t *self, step_in_t *in)
{
    row_event_t *row = &in->as.event.row;
    const disk_event_t *known = disk_event (&self->disk, row->source, row->event_id);
    if (known)
        row->incident = known->incident;
    size_t count;
    const step_write_t *writes = step_writes (self->step, &count);
    for (size_t i = 0; i < count; i++)
        if (writes [i].kind == STEP_WRITE_EVENT
            && strcmp (writes [i].as.event.event_id, row->event_id) == 0
            && strcmp (writes [i].as.event.source, row->source) == 0)
            row->incident = writes [i].as.event.incident;
}

//  Note the attempts that a worker's message renews.
static void
s_renewed (sim_t *self, const step_in_t *in)
{
    const char *identity = in->peer.identity;
    if (in->kind == STEP_IN_ACCEPT || in->kind == STEP_IN_STARTED)
        disk_renewed (&self->disk, &in->as.fence, identity, self->now);
    else if (in->kind == STEP_IN_PROGRESS)
        disk_renewed (&self->disk, &in->as.progress.fence, identity, self->now);
    else if (in->kind == STEP_IN_HELLO) {
        for (size_t i = 0; i < in->as.hello.running_count; i++)
            disk_renewed (&self->disk, &in->as.hello.running [i], identity, self->now);
        for (size_t i = 0; i < in->as.hello.spooled_count; i++)
            disk_renewed (&self->disk, &in->as.hello.spooled [i], identity, self->now);
    }
}

//  Check I13: a live session that can be asked is not superseded.
static void
s_check_rival (sim_t *self, const step_in_t *in, uint64_t holder)
{
    const peer_worker_t *first = peers_worker (&self->peers, in->peer.identity, holder);
    if (in->as.hello.holder_asked && first && first->told_ms
        && self->now.boot_ms - first->told_ms < LIMIT_RIVAL_MS)
        disk_break (&self->disk, "I13 a live session of %s is superseded", in->peer.identity);
    self->rivals += in->as.hello.holder_asked;
}

//  The incident of an upload's end, if it is not in memory.
static const row_incident_t *
s_unknown (const sim_t *self, int64_t effect)
{
    const char *id = step_unknown (self->step, effect);
    const disk_incident_t *incident = id ? disk_incident (&self->disk, id) : NULL;
    return incident ? incident->row : NULL;
}

static void
s_step (sim_t *self, step_in_t *in)
{
    uint64_t holder = in->kind == STEP_IN_HELLO ? step_session (self->step, in->peer.identity) : 0;
    if (holder && holder != in->peer.session)
        in->as.hello.holder_asked = peers_ping (&self->peers, in->peer.identity, holder);
    shares_t shares = {.source_count = 0};
    if (in->kind == STEP_IN_EVENT) {
        in->as.event.fault = peers_fault (&self->peers, (int) in->peer.seq);
        s_known_event (self, in);
        shares = shares_before (self->step, in->as.event.row.source, in->as.event.fault->cluster);
    }
    if (in->kind == STEP_IN_EFFECT_DONE)
        in->as.effect.incident = s_unknown (self, in->as.effect.id);
    int rc = step (self->step, in, self->now);
    if (shares.source_count > 0)
        shares_after (&shares, self->step, &self->disk);
    self->steps++;
    self->by_kind [in->kind]++;
    peer_worker_t *sender = peers_worker (&self->peers, in->peer.identity, in->peer.session);
    if (!rc && sender)
        sender->told_ms = self->now.boot_ms;
    if (!rc && in->kind == STEP_IN_HELLO && holder && holder != in->peer.session)
        s_check_rival (self, in, holder);
    if (!rc)
        s_renewed (self, in);
    if (rc == -EAGAIN && in->kind == STEP_IN_HELLO)
        return; //  the worker sends it again
    if (rc == ERR_STALE && in->kind != STEP_IN_HELLO) {
        self->stale++;
        peers_unknown (&self->peers, &in->peer);
    }
    else if (rc && rc != ERR_STALE)
        disk_break (&self->disk, "step failed: %s", err_str (rc));
}

static void
s_command (sim_t *self)
{
    order_t order;
    orders_next (&self->peers, &order);
    self->commands [order.in.as.command.command]++;
    s_step (self, &order.in);
}

static void
s_source (sim_t *self)
{
    step_in_t in;
    memset (&in, 0, sizeof in);
    in.kind = STEP_IN_SOURCE;
    snprintf (in.as.source.cluster, sizeof in.as.source.cluster, "c1");
    snprintf (in.as.source.change, sizeof in.as.source.change, "lost");
    s_step (self, &in);
}

static void
s_retire (sim_t *self)
{
    step_retire_t chosen [RETIRES];
    step_in_t in = retires_input (&self->peers, &self->disk, chosen);
    s_step (self, &in);
}

//  SIGHUP: change settings, except those that the models of the disk depend on.
static void
s_configure (sim_t *self)
{
    step_settings_t *settings = &self->settings;
    settings->agent_attempts = 1 + (int64_t) peers_random (&self->peers, 3);
    settings->max_deliveries = 1 + (int64_t) peers_random (&self->peers, 4);
    settings->global_queue_size =
        PLAN_QUEUE - (int64_t) peers_random (&self->peers, PLAN_QUEUE / 2);
    settings->overflow_reject = peers_random (&self->peers, 2);
    step_configure (self->step, settings);
    self->reloads++;
}

static void
s_resume_all (sim_t *self)
{
    for (uint64_t i = 0; i < PEERS_WORKERS; i++) {
        step_in_t in;
        memset (&in, 0, sizeof in);
        in.kind = STEP_IN_COMMAND;
        in.as.command.command = STEP_COMMAND_RESUME;
        peers_worker_name (&self->peers, i, in.as.command.worker);
        s_step (self, &in);
    }
}

//  Let the artifacts' disk be in trouble, often for longer than any attempt may live.
static void
s_hold (sim_t *self)
{
    if (!self->peers.held && s_chance (self, 12)) {
        self->held_until_ms = self->now.boot_ms + (int64_t) peers_random (&self->peers, 300000);
        self->holds++;
    }
    self->peers.held = !self->peers.calm && self->now.boot_ms < self->held_until_ms;
    step_hold (self->step, self->peers.held);
    if (self->peers.held)
        self->disk.hard_floor_ms = self->now.boot_ms + self->settings.revoke_slack_ms;
}

//  Answer what the broker looks for in the store.
static void
s_revive (sim_t *self)
{
    step_revive_t wanted;
    while ((wanted = step_reviving (self->step, self->now)).streak) {
        step_in_t in = {.kind = STEP_IN_REVIVE, .as.revive = revival_find (&self->disk, &wanted)};
        s_step (self, &in);
    }
}

static void
s_inputs (sim_t *self)
{
    uint64_t count = peers_random (&self->peers, 12);
    if (s_chance (self, 60)) //  the loop looks between turns, so it is the first input
        s_retire (self);
    for (uint64_t i = 0; i < count; i++) {
        mail_t *mail = peers_next (&self->peers);
        if (!mail)
            break;
        if (mail->in.kind == STEP_IN_HELLO) {
            mail->in.as.hello.running = mail->running;
            mail->in.as.hello.spooled = mail->spooled;
        }
        if (mail->in.kind == STEP_IN_EFFECT_DONE) {
            assert (self->done_count < PEERS_LANES);
            self->dones [self->done_count++] = mail->in;
        }
        s_step (self, &mail->in);
        free (mail);
    }
    if (self->peers.calm && self->turns % 64 == 0)
        s_resume_all (self); //  a drain would leave incidents waiting forever
    if (s_chance (self, 30))
        s_command (self);
    if (s_chance (self, 10))
        s_source (self);
    if (s_chance (self, 10))
        s_configure (self);
    if (!self->draining && s_chance (self, 5)) { //  SIGTERM
        step_drain (self->step);
        self->draining = 1;
        self->stops++;
    }
}

static void
s_check_event (sim_t *self, const step_out_t *out)
{
    char source [16], event_id [32];
    peers_event (&self->peers, out->as.ack.cookie, source, event_id);
    const disk_event_t *event = disk_event (&self->disk, source, event_id);
    if (!event)
        disk_break (&self->disk, "I1 event %s is acknowledged and not on disk", event_id);
    else if (strcmp (event->incident.text, out->as.ack.incident.text) != 0
             || !disk_incident (&self->disk, event->incident.text))
        disk_break (&self->disk, "I1 event %s is acknowledged as another incident", event_id);
}

static void
s_check_verdict (sim_t *self, const step_out_t *out)
{
    const step_fence_t *fence = &out->as.verdict_ack.fence;
    step_disposition_t disposition = out->as.verdict_ack.disposition;
    const disk_incident_t *incident = disk_incident (&self->disk, fence->incident.text);
    const disk_attempt_t *attempt =
        disk_attempt (&self->disk, fence->incident.text, fence->attempt);
    if (disposition == STEP_STALE || disposition == STEP_FILES_MISSING
        || (incident && !incident->row)) //  long over, its attempts are forgotten
        return;
    if (!attempt || attempt->row.state != ROW_ATTEMPT_ENDED)
        disk_break (&self->disk, "I1 a verdict of %s/%" PRId64 " is acknowledged and not on disk",
                    fence->incident.text, fence->attempt);
}

//  Check the main rule: every message that leaves the broker is justified by the disk.
static void
s_check_out (sim_t *self, const step_out_t *out)
{
    const step_fence_t *fence = &out->as.assign.fence;
    if (out->kind == STEP_OUT_EVENT_ACK)
        s_check_event (self, out);
    else if (out->kind == STEP_OUT_VERDICT_ACK)
        s_check_verdict (self, out);
    else if (out->kind == STEP_OUT_ASSIGN
             && !disk_attempt (&self->disk, fence->incident.text, fence->attempt))
        disk_break (&self->disk, "I1 an attempt was sent that is not on disk");
    if (self->peers.held
        && (out->kind == STEP_OUT_ASSIGN
            || (out->kind == STEP_OUT_EFFECT && out->as.effect.channel == ROW_CHANNEL_STORAGE)))
        disk_break (&self->disk, "I12 something was begun that wants the artifacts' disk");
    if (self->draining && (out->kind == STEP_OUT_ASSIGN || out->kind == STEP_OUT_EFFECT))
        disk_break (&self->disk, "I6 something was begun while the broker stops");
}

static void
s_send (sim_t *self, size_t count)
{
    size_t all;
    const step_out_t *outs = step_outputs (self->step, &all);
    for (size_t i = 0; i < count && i < all; i++) {
        self->refused += outs [i].kind == STEP_OUT_REFUSE;
        if (outs [i].kind == STEP_OUT_VERDICT_ACK)
            self->dispositions [outs [i].as.verdict_ack.disposition]++;
        s_check_out (self, &outs [i]);
        peers_receive (&self->peers, &outs [i]);
    }
}

static void
s_commit (sim_t *self)
{
    size_t count;
    const step_write_t *writes = step_writes (self->step, &count);
    if (count > MAX_WRITES)
        disk_break (&self->disk, "I6 %zu writes in one turn", count);
    for (size_t i = 0; i < count; i++) {
        disk_apply (&self->disk, &writes [i], self->now);
        if (self->peers.held && writes [i].kind == STEP_WRITE_ATTEMPT
            && strcmp (writes [i].as.attempt.reason, "no verdict by its deadline") == 0)
            disk_break (&self->disk, "I12 an attempt's time ran out during a hold");
    }
    disk_check_turn (&self->disk, writes, count);
}

//  Are the deciding fields of a row in memory those of the disk?
static bool
s_same (const row_incident_t *row, const row_incident_t *kept)
{
    return row->state == kept->state && row->suppress == kept->suppress
           && row->attempts == kept->attempts && row->forgiven == kept->forgiven
           && row->charged == kept->charged && row->lost == kept->lost
           && row->counted == kept->counted && row->streak == kept->streak
           && row->revived == kept->revived && row->given_back == kept->given_back
           && row->given_back_ms == kept->given_back_ms && row->partial == kept->partial
           && row->winner == kept->winner && row->occurrences == kept->occurrences
           && row->last_seen_ms == kept->last_seen_ms && row->not_before_ms == kept->not_before_ms
           && strcmp (row->reason, kept->reason) == 0;
}

static void
s_check_memory (sim_t *self)
{
    for (const entry_t *entry = self->step->book.entries; entry; entry = entry->hh.next) {
        const disk_incident_t *incident = disk_incident (&self->disk, entry->id.text);
        row_incident_t row;
        pack_row (entry, &row);
        if (incident && !incident->row)
            continue; //  long over, and forgotten
        if (!incident || !s_same (&row, incident->row))
            disk_break (&self->disk, "I7 memory and disk disagree on %s", entry->id.text);
        for (const attempt_t *attempt = entry->attempts; attempt; attempt = attempt->next) {
            const disk_attempt_t *other =
                disk_attempt (&self->disk, entry->id.text, attempt->row.number);
            if (!other || attempt->row.state != other->row.state
                || attempt->row.outcome != other->row.outcome
                || attempt->row.started != other->row.started
                || attempt->row.exit_code != other->row.exit_code)
                disk_break (&self->disk, "I7 memory and disk disagree on an attempt of %s",
                            entry->id.text);
        }
    }
}

static void
s_check_workers (sim_t *self)
{
    for (const worker_t *worker = self->step->fleet.workers; worker; worker = worker->hh.next) {
        int64_t live = 0, unreflected = 0;
        for (const attempt_t *attempt = worker->attempts; attempt; attempt = attempt->wnext) {
            live += attempt->worker == worker && attempt->row.state == ROW_ATTEMPT_LIVE;
            unreflected += attempt->term.unreflected;
        }
        if (worker->live != live || worker->unreflected != unreflected)
            disk_break (&self->disk,
                        "I11 %s has %" PRId64 " attempts, %" PRId64 " of them not in its credit, "
                        "and they are counted as %" PRId64 " and %" PRId64,
                        worker->name, live, unreflected, worker->live, worker->unreflected);
    }
}

static void
s_check_turn (sim_t *self)
{
    disk_check_deadlines (&self->disk, self->now);
    peers_check_twins (&self->peers);
    s_check_workers (self);
    returns_check (&self->disk, self->step, self->peers.held, self->now);
    if (self->turns % 64 == 0)
        s_check_memory (self);
    if (self->turns % 512)
        return;
    disk_check_all (&self->disk);
    disk_tidy (&self->disk, self->now);
    step_stats_t stats;
    step_stats (self->step, self->now, &stats);
    int64_t open = stats.incidents [INCIDENT_PENDING] + stats.incidents [INCIDENT_INVESTIGATING];
    if (open != self->disk.open)
        disk_break (&self->disk, "I1 memory holds %" PRId64 " open incidents, the disk %" PRId64,
                    open, self->disk.open);
    if (stats.assigned != self->disk.live)
        disk_break (&self->disk, "I4 memory and disk disagree on live attempts");
    if (stats.effects_ready != HASH_COUNT (self->disk.effects))
        disk_break (&self->disk, "I7 memory and disk disagree on effects");
    if (stats.queued > PLAN_QUEUE + PEERS_WORKERS * PEERS_JOBS * 4)
        disk_break (&self->disk, "I6 %" PRId64 " incidents queued", stats.queued);
}

static void
s_turn (sim_t *self)
{
    self->turns++;
    s_clock (self);
    peers_act (&self->peers);
    step_begin (self->step, self->now);
    self->done_count = 0;
    s_hold (self);
    s_revive (self);
    s_inputs (self);
    step_schedule (self->step, self->now);
    size_t outs;
    (void) step_outputs (self->step, &outs);
    if (outs > MAX_OUTPUTS)
        disk_break (&self->disk, "I6 %zu outputs in one turn", outs);
    if (self->early)
        s_send (self, outs);
    if (s_chance (self, 15)) { //  crash before the commit
        for (int i = 0; i < self->done_count; i++)
            peers_ambiguous (&self->peers, &self->dones [i]);
        s_crash (self);
        return;
    }
    if (s_chance (self, 15)) { //  the disk is full: roll back and load the state again
        step_reload (self->step);
        disk_load (&self->disk, self->step, self->now);
        self->rollbacks++;
        for (int i = 0; i < self->done_count; i++)
            peers_again (&self->peers, &self->dones [i]);
        return;
    }
    s_commit (self);
    if (s_chance (self, 15)) { //  crash between the commit and some of the sends
        s_send (self, outs ? peers_random (&self->peers, outs) : 0);
        s_crash (self);
        return;
    }
    if (!self->early)
        s_send (self, outs);
    s_check_turn (self);
    if (self->draining && (++self->draining > DRAIN_TURNS || !step_flights (self->step)))
        s_crash (self); //  stopped; most of delivery's reports are back
}

//  Stop all faults: everything must now finish.
static void
s_quiesce (sim_t *self)
{
    self->peers.calm = true;
    int64_t turns = 0;
    while (!self->disk.broken [0] && turns < QUIET_TURNS
           && (self->disk.open || self->disk.effects || self->disk.breaker.reviving
               || !peers_idle (&self->peers))) {
        turns++;
        s_turn (self);
    }
    if (self->disk.open)
        disk_break (&self->disk, "%" PRId64 " incidents never ended", self->disk.open);
    if (self->disk.effects)
        disk_break (&self->disk, "an effect was never finished");
    if (self->disk.breaker.reviving)
        disk_break (&self->disk, "I22 the revival never ended");
    if (self->peers.events_acked != self->peers.events_made)
        disk_break (&self->disk, "%" PRId64 " of %" PRId64 " events acknowledged",
                    self->peers.events_acked, self->peers.events_made);
    disk_check_all (&self->disk);
}

//  Check that a long run has covered every kind of input.
static void
s_check_run (sim_t *self)
{
    for (size_t i = 0; i < sizeof self->by_kind / sizeof self->by_kind [0]; i++)
        if (!self->by_kind [i])
            disk_break (&self->disk, "input %zu never came up", i);
    for (size_t i = 0; i < sizeof self->commands / sizeof self->commands [0]; i++)
        if (!self->commands [i])
            disk_break (&self->disk, "command %zu never came up", i);
    for (size_t i = 0; i < sizeof self->dispositions / sizeof self->dispositions [0]; i++)
        if (!self->dispositions [i])
            disk_break (&self->disk, "disposition %zu never came up", i);
    if (!self->disk.gone)
        disk_break (&self->disk, "no incident was ever removed");
    if (!self->rivals || !self->refused)
        disk_break (&self->disk, "two workers with one key never met");
    if (!self->crashes || !self->rollbacks || !self->jumps || !self->stops || !self->reloads
        || !self->holds)
        disk_break (&self->disk, "a kind of fault never came up");
}

static void
s_report (const sim_t *self)
{
    printf ("steps %" PRId64 " turns %" PRId64 " crashes %" PRId64 " rollbacks %" PRId64
            " jumps %" PRId64 " stops %" PRId64 " reloads %" PRId64 " holds %" PRId64
            " stale sessions %" PRId64 "\n",
            self->steps, self->turns, self->crashes, self->rollbacks, self->jumps, self->stops,
            self->reloads, self->holds, self->stale);
    printf ("commands: retry %" PRId64 " cancel %" PRId64 " drain %" PRId64 " resume %" PRId64
            " effect retry %" PRId64 " effect cancel %" PRId64 " channel retry %" PRId64 "\n",
            self->commands [STEP_COMMAND_RETRY], self->commands [STEP_COMMAND_CANCEL],
            self->commands [STEP_COMMAND_DRAIN], self->commands [STEP_COMMAND_RESUME],
            self->commands [STEP_COMMAND_EFFECT_RETRY], self->commands [STEP_COMMAND_EFFECT_CANCEL],
            self->commands [STEP_COMMAND_CHANNEL_RETRY]);
    printf ("events %" PRId64 " incidents %" PRId64 " reports %" PRId64 " records %" PRId64 "\n",
            self->peers.events_made, self->disk.number, self->peers.reports_made, self->disk.seq);
    printf ("verdicts: committed %" PRId64 " late wins %" PRId64 " duplicates %" PRId64
            " stale %" PRId64 " upload again %" PRId64 "\n",
            self->dispositions [STEP_COMMITTED], self->dispositions [STEP_LATE_WIN],
            self->dispositions [STEP_DUPLICATE], self->dispositions [STEP_STALE],
            self->dispositions [STEP_FILES_MISSING]);
    printf ("twins: refused %" PRId64 ", let in after silence %" PRId64 "\n", self->refused,
            self->rivals);
    voice_report (&self->disk);
    returns_report (&self->disk);
    retires_report (&self->disk);
    int64_t states [INCIDENT_STATES] = {0};
    const disk_incident_t *tables [] = {self->disk.incidents, self->disk.over};
    for (size_t i = 0; i < sizeof tables / sizeof tables [0]; i++)
        for (const disk_incident_t *item = tables [i]; item; item = item->hh.next)
            states [item->state]++;
    for (int i = 1; i < INCIDENT_STATES; i++)
        printf ("%s %" PRId64 " ", incident_state_name ((incident_state_t) i), states [i]);
    puts ("");
}

int
main (int argc, char **argv)
{
    static sim_t sim;
    const char *breaks = argc > 1 ? plant (argv [1]) : "";
    if (!breaks) {
        fprintf (stderr, "unknown bug: %s\n", argv [1]);
        return EXIT_USAGE;
    }
    sim.early = argc > 1 && strcmp (argv [1], "send_before_commit") == 0;
    uint64_t seed = plan_number ("TRIAGE_SIM_SEED", (uint64_t) time (NULL));
    int64_t steps = (int64_t) plan_number ("TRIAGE_SIM_STEPS", 100000);
    printf ("seed %" PRIu64 " (TRIAGE_SIM_SEED)\n", seed);
    fflush (stdout);
    sim.settings = plan_settings (seed);
    sim.disk.threshold = sim.settings.failure_threshold;
    sim.settings.breaker_pause = plant_pauses () || sim.settings.breaker_pause;
    sim.disk.pause = sim.settings.breaker_pause;
    sim.disk.shows = sim.settings.slack_shows;
    bot_default (sim.settings.slack_shows);
    sim.disk.give_back_ms = sim.settings.give_back_ms;
    sim.disk.lease_ms = sim.settings.lease_ttl_ms;
    sim.disk.hard_ms =
        sim.settings.agent_timeout_ms + sim.settings.agent_grace_ms + sim.settings.revoke_slack_ms;
    sim.now = (clk_now_t){.boot_ms = 1000, .wall_ms = INT64_C (1768000000000)};
    peers_init (&sim.peers, &sim.disk, seed);
    sim.peers.now = sim.now;
    s_boot (&sim);
    const int64_t end = argc > 1 ? PATIENCE * steps : steps; //  a bug needs some time to show
    while (sim.steps < end && !sim.disk.broken [0])
        s_turn (&sim);
    s_quiesce (&sim);
    if (steps >= LONG_RUN)
        s_check_run (&sim);
    s_report (&sim);
    const char *broken = sim.disk.broken;
    printf ("%s\n", broken [0] ? broken : "all invariants hold");
    bool good = argc > 1 ? strncmp (broken, breaks, strlen (breaks)) == 0 : !broken [0];
    step_destroy (&sim.step);
    peers_fini (&sim.peers);
    disk_fini (&sim.disk);
    return good ? 0 : 1;
}
