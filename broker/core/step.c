//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/step_part.h"

#include "broker/core/book.h"
#include "broker/core/breaker.h"
#include "broker/core/dedup.h"
#include "broker/core/dispatch.h"
#include "broker/core/fleet.h"
#include "broker/core/journal.h"
#include "broker/core/lapse.h"
#include "broker/core/lease.h"
#include "broker/core/message.h"
#include "broker/core/outbox.h"
#include "broker/core/pack.h"
#include "broker/core/queue.h"
#include "broker/core/route.h"
#include "broker/core/settle.h"
#include "broker/core/tally.h"

#include "common/base/least.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

step_t *
step_new (const step_settings_t *settings, uint64_t random64)
{
    assert (settings);
    step_t *self = calloc (1, sizeof *self);
    if (!self)
        return NULL;
    self->tallies.sources = self->queue.sources = self->journal.sources = &self->sources;
    self->book.queue = &self->queue;
    self->book.returned = &self->returned;
    self->book.attempts = &self->attempts;
    self->book.tallies = &self->tallies;
    self->book.sources = &self->sources;
    self->fleet.journal = &self->journal;
    self->asked_ms = INT64_MAX;
    if (!state_init (&self->state, settings, random64))
        step_destroy (&self);
    return self;
}

void
step_destroy (step_t **self_p)
{
    step_t *self = *self_p;
    if (!self)
        return;
    step_clear (self);
    outbox_fini (&self->outbox);
    fleet_clear (&self->fleet);
    lease_loaded (self);
    tally_clear (&self->tallies);
    state_fini (&self->state);
    free (self);
    *self_p = NULL;
}

void
step_configure (step_t *self, const step_settings_t *settings)
{
    self->state.settings = *settings;
    book_recheck (&self->book);
    outbox_recheck (&self->outbox);
}

void
step_begin (step_t *self, clk_now_t now)
{
    state_begin (&self->state);
    outbox_begin (&self->outbox, &self->state);
    breaker_begin (self);
    revive_begin (self);
    retain_begin (self, now);
    fleet_begin (&self->fleet);
    book_expire (&self->book, &self->state, now);
}

static void
s_lease (step_t *self, const step_in_t *in, const step_fence_t *fence, int64_t ms)
{
    step_out_t *out = state_out (&self->state, STEP_OUT_LEASE, &in->peer);
    out->as.lease.fence = *fence;
    out->as.lease.ms = ms;
}

//  ACCEPT, STARTED, PROGRESS: renew the sender's live attempt.
//  NULL: it is not live, or not the sender's.  The answer is LEASE 0.
static attempt_t *
s_renew (step_t *self, const step_in_t *in, const step_fence_t *fence, worker_t *worker,
         clk_now_t now)
{
    attempt_t *attempt = book_attempt (&self->book, fence);
    if (!attempt || attempt->row.state != ROW_ATTEMPT_LIVE
        || strcmp (attempt->row.identity, worker->identity) != 0) {
        s_lease (self, in, fence, 0);
        return NULL;
    }
    lease_renew (self, attempt, worker, now);
    return attempt;
}

static void
s_progress (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now)
{
    const step_fence_t *fence = &in->as.progress.fence;
    attempt_t *attempt = s_renew (self, in, fence, worker, now);
    if (!attempt)
        return;
    int64_t left = attempt->term.deadline_ms - now.boot_ms;
    int64_t ttl = self->state.settings.lease_ttl_ms;
    s_lease (self, in, fence, left < ttl ? (left > 1 ? left : 1) : ttl);
    row_incident_t row;
    pack_row (attempt->entry, &row);
    row_record_t *record = &state_out (&self->state, STEP_OUT_PROGRESS, NULL)->as.progress;
    journal_describe (record, &row);
    state_text (record->kind, "progress");
    state_text (record->change, in->as.progress.phase);
    record->at_ms = now.wall_ms;
    record->attempt = fence->attempt;
    state_text (record->worker, worker->name);
}

static int
s_command_worker (step_t *self, const step_in_t *in, const char **ret_text, clk_now_t now)
{
    const char *name = in->as.command.worker;
    bool drain = in->as.command.command == STEP_COMMAND_DRAIN;
    int held = 0;
    const int found = fleet_drain_named (&self->fleet, &self->state, name, drain, now, &held);
    *ret_text = !found  ? "no such worker"
                : drain ? "gets no more work"
                : held ? "gets work again once it can run agents; triagectl workers says what to do"
                       : "gets work again";
    return found ? 0 : ERR_NONE;
}

static const char s_retires [] = "it is being removed, as retain_incidents says";

//  Is this incident being removed, or gone since this turn began?  A row is as the last turn left
//  it.
static bool
s_goes (const step_t *self, const char *incident)
{
    return retain_busy (self, incident)
           || (self->retired_turn == self->state.turn
               && strcmp (self->retired.text, incident) == 0);
}

//  Execute a command on an incident.  One that ended long ago is in memory for the command only, or
//  longer if it opens again.
static int
s_command_incident (step_t *self, const step_in_t *in, const char **ret_text, clk_now_t now)
{
    const row_incident_t *row = in->as.command.incident;
    if (!row) {
        *ret_text = "no such incident";
        return ERR_NONE;
    }
    if (s_goes (self, row->id.text)) {
        *ret_text = s_retires;
        return ERR_STALE;
    }
    entry_t *known = book_find (&self->book, row->id.text);
    entry_t *entry = known ? known : book_add (&self->book, &self->state, row, now);
    if (!entry)
        return -ENOMEM;
    int rc = in->as.command.command == STEP_COMMAND_RETRY
                 ? settle_retry (self, entry, SETTLE_RETRY_ASKED, now, ret_text)
                 : settle_cancel (self, entry, now, ret_text);
    if (!known && incident_terminal (entry->state))
        book_remove (&self->book, entry);
    return rc;
}

static int
s_command_effect (step_t *self, const step_in_t *in, const char **ret_text, clk_now_t now)
{
    const row_effect_t *row = in->as.command.effect;
    outbox_end_t ended = {.key = ""};
    const bool retires = row && s_goes (self, row->incident.text);
    if (row && retires != (row->channel == ROW_CHANNEL_RETIRE)) {
        *ret_text = retires ? s_retires : "the broker removes it by itself when it is due";
        return ERR_STALE;
    }
    int rc = in->as.command.command == STEP_COMMAND_EFFECT_RETRY
                 ? outbox_retry (&self->outbox, &self->state, row, now, &ended, ret_text)
                 : outbox_cancel (&self->outbox, &self->state, row, now, &ended, ret_text);
    breaker_effect (self, &ended);
    return rc;
}

//  Execute a command on a channel of effects.
static int
s_command_channel (step_t *self, const step_in_t *in, char *ret_text, size_t size, clk_now_t now)
{
    const char *name = in->as.command.channel, *text;
    const int64_t waiting = outbox_due (&self->outbox, name, now); //  without the dead
    size_t dead = 0;
    for (size_t i = 0; i < in->as.command.dead_count; i++) {
        outbox_end_t ended = {.key = ""};
        const row_effect_t *row = &in->as.command.dead [i];
        //  Retention asks for a removal again by itself.
        if (row->channel == ROW_CHANNEL_RETIRE || s_goes (self, row->incident.text))
            continue;
        const int rc = outbox_retry (&self->outbox, &self->state, row, now, &ended, &text);
        if (rc == -ENOMEM)
            return rc;
        dead += rc == 0;
        breaker_effect (self, &ended);
    }
    route_target_t target;
    if (!dead && waiting < 0 && row_lane_channel (name) == ROW_CHANNEL_MESSAGE
        && !route_receiver (&self->state.settings, name, &target)) {
        snprintf (ret_text, size, "no such channel");
        return ERR_NONE;
    }
    snprintf (ret_text, size, "%zu dead due again, %" PRId64 " waiting tried now%s%s", dead,
              waiting > 0 ? waiting : 0, waiting > 1 ? ", in order" : "",
              dead && dead == LIMIT_CHANNEL_RETRY ? "; there may be more dead ones: say it again"
                                                  : "");
    return 0;
}

static void
s_command (step_t *self, const step_in_t *in, clk_now_t now)
{
    char words [128] = "";
    const char *text = words;
    int rc = ERR_NONE;
    switch (in->as.command.command) {
        case STEP_COMMAND_RETRY:
        case STEP_COMMAND_CANCEL: rc = s_command_incident (self, in, &text, now); break;
        case STEP_COMMAND_DRAIN:
        case STEP_COMMAND_RESUME: rc = s_command_worker (self, in, &text, now); break;
        case STEP_COMMAND_EFFECT_RETRY:
        case STEP_COMMAND_EFFECT_CANCEL: rc = s_command_effect (self, in, &text, now); break;
        case STEP_COMMAND_RETIRE:
            retain_now (self, now, &text);
            rc = 0;
            break;
        case STEP_COMMAND_PROBE: rc = breaker_probe (self, now, &text); break;
        case STEP_COMMAND_CHANNEL_RETRY:
            rc = s_command_channel (self, in, words, sizeof words, now);
            break;
        case STEP_COMMANDS: assert (false && "no command");
    }
    step_out_t *out = state_out (&self->state, STEP_OUT_COMMAND_REPLY, &in->peer);
    out->as.reply.cookie = in->as.command.cookie;
    out->as.reply.rc = rc;
    state_text (out->as.reply.text, text);
}

static void
s_worker_message (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now)
{
    attempt_t *attempt = NULL;
    switch (in->kind) {
        case STEP_IN_CREDIT: fleet_credit (&self->fleet, &self->state, worker, in, now); break;
        case STEP_IN_ACCEPT: (void) s_renew (self, in, &in->as.fence, worker, now); break;
        case STEP_IN_STARTED:
            attempt = s_renew (self, in, &in->as.fence, worker, now);
            if (attempt)
                lease_started (self, attempt, now);
            break;
        case STEP_IN_PROGRESS: s_progress (self, in, worker, now); break;
        case STEP_IN_VERDICT: settle_verdict (self, in, now); break;
        case STEP_IN_RELEASE: settle_release (self, in, worker, now); break;
        case STEP_IN_PING: (void) state_out (&self->state, STEP_OUT_PONG, &in->peer); break;
        case STEP_IN_PONG: break; //  fleet_current has noted it
        case STEP_IN_BYE: fleet_bye (&self->fleet, &self->state, worker, now); break;
        case STEP_IN_EVENT:
        case STEP_IN_HELLO:
        case STEP_IN_EFFECT_DONE:
        case STEP_IN_COMMAND:
        case STEP_IN_REVIVE:
        case STEP_IN_SOURCE:
        case STEP_IN_RETIRE: assert (false);
    }
}

//  The row of an effect's incident: of memory, or else what the loop has found in the store.
static bool
s_incident (const step_t *self, const ident_t *id, const step_in_t *in, row_incident_t *ret_row)
{
    const entry_t *entry = book_find (&self->book, id->text);
    if (entry)
        pack_row (entry, ret_row);
    else if (in->as.effect.incident)
        *ret_row = *in->as.effect.incident;
    return entry || in->as.effect.incident;
}

//  Its files are gone: forget it.
static void
s_retired (step_t *self, const ident_t *id)
{
    entry_t *entry = book_find (&self->book, id->text);
    if (entry && !incident_terminal (entry->state))
        return;
    self->retired = *id;
    self->retired_turn = self->state.turn;
    state_write (&self->state, STEP_WRITE_RETIRE)->as.retire = *id;
    self->state.stats.retention.retired_total++;
    if (entry)
        book_remove (&self->book, entry);
}

static void
s_effect_done (step_t *self, const step_in_t *in, clk_now_t now)
{
    const outbox_end_t ended = outbox_done (&self->outbox, &self->state, in, now);
    row_incident_t row;
    entry_t *entry = book_find (&self->book, ended.sent.text);
    if (entry && entry->state == INCIDENT_REPORTED && !entry->noticed) {
        entry->noticed = true;
        pack_row (entry, &row);
        step_histogram_add (&self->state.stats.notice_time, now.wall_ms - row.created_ms);
    }
    if (ended.uploaded.text [0] && s_incident (self, &ended.uploaded, in, &row))
        message_uploaded (self, &row, now);
    if (ended.retired.text [0])
        s_retired (self, &ended.retired);
    breaker_effect (self, &ended);
}

int
step (step_t *self, const step_in_t *in, clk_now_t now)
{
    assert (self->loaded);
    int rc = 0;
    worker_t *worker = NULL;
    switch (in->kind) {
        case STEP_IN_EVENT: dedup_event (self, in, now); break;
        case STEP_IN_HELLO:
            rc = fleet_hello (&self->fleet, &self->state, in, now, &worker);
            if (!rc)
                rc = lapse_hello (self, worker, in, now);
            break;
        case STEP_IN_CREDIT:
        case STEP_IN_ACCEPT:
        case STEP_IN_STARTED:
        case STEP_IN_PROGRESS:
        case STEP_IN_VERDICT:
        case STEP_IN_RELEASE:
        case STEP_IN_PING:
        case STEP_IN_PONG:
        case STEP_IN_BYE:
            worker = fleet_current (&self->fleet, &self->state, &in->peer, now);
            if (!worker)
                return ERR_STALE;
            s_worker_message (self, in, worker, now);
            break;
        case STEP_IN_EFFECT_DONE: s_effect_done (self, in, now); break;
        case STEP_IN_COMMAND: s_command (self, in, now); break;
        case STEP_IN_REVIVE: rc = revive_next (self, in->as.revive, now); break;
        case STEP_IN_SOURCE:
            journal_source (&self->journal, &self->state, in->as.source.cluster,
                            in->as.source.change, in->as.source.reason, now);
            break;
        case STEP_IN_RETIRE: retain (self, in, now); break;
    }
    return self->state.failed ? -ENOMEM : rc;
}

void
step_schedule (step_t *self, clk_now_t now)
{
    //  The turn is far too late (suspend, SIGSTOP).  Messages that have arrived are stepped; for
    //  those that were lost each attempt gets more time.
    if (self->asked_ms != INT64_MAX && now.boot_ms - self->asked_ms > LIMIT_CLOCK_JUMP_MS) {
        lease_extend (self, now);
        fleet_extend (&self->fleet, now);
    }
    if (self->state.held)
        lease_spare_all (self, now);
    fleet_timers (&self->fleet, &self->state, now);
    lapse_timers (self, now);
    settle_watched (self, now);
    settle_returned (self, now);
    dispatch (self, now);
    outbox_schedule (&self->outbox, &self->state, now);
    self->asked_ms =
        least (least (fleet_wake (&self->fleet, self->queue.queued > 0, now), lease_wake (self)),
               least (settle_wake (self, now), outbox_wake (&self->outbox, &self->state)));
    self->asked_ms = least (self->asked_ms, least (dispatch_wake (self), revive_wake (self, now)));
}

bool
step_failed (const step_t *self)
{
    return self->state.failed;
}

int64_t
step_wake (const step_t *self)
{
    return self->asked_ms;
}

const step_write_t *
step_writes (const step_t *self, size_t *ret_count)
{
    *ret_count = self->state.write_count;
    return self->state.writes;
}

const step_out_t *
step_outputs (const step_t *self, size_t *ret_count)
{
    *ret_count = self->state.out_count;
    return self->state.outs;
}

void
step_drain (step_t *self)
{
    self->state.drained = true;
}

void
step_hold (step_t *self, bool held)
{
    self->state.held = held;
}

void
step_spare (step_t *self, const step_fence_t *fence, bool finished, clk_now_t now)
{
    attempt_t *attempt = book_attempt (&self->book, fence);
    if (attempt && attempt->row.state != ROW_ATTEMPT_ENDED)
        lease_spare (self, attempt, finished, now);
}

const char *
step_unknown (const step_t *self, int64_t effect)
{
    const row_effect_t *row = outbox_flight (&self->outbox, effect);
    return row && row->channel == ROW_CHANNEL_STORAGE
                   && !book_find (&self->book, row->incident.text)
               ? row->incident.text
               : NULL;
}

step_revive_t
step_reviving (const step_t *self, clk_now_t now)
{
    return revive_wanted (self, now);
}

int
step_flights (const step_t *self)
{
    return outbox_flights (&self->outbox);
}

uint64_t
step_session (const step_t *self, const char *identity)
{
    const worker_t *worker = fleet_find (&self->fleet, identity);
    return worker && worker->connected ? worker->session : 0;
}

const char *
step_worker_name (const step_t *self, const char *identity)
{
    const worker_t *worker = fleet_find (&self->fleet, identity);
    return worker ? worker->name : "";
}

void
step_stats (const step_t *self, clk_now_t now, step_stats_t *ret_stats)
{
    *ret_stats = self->state.stats;
    tally_figures (&self->tallies, ret_stats);
    queue_figures (&self->queue, now, ret_stats);
    returned_figures (&self->returned, ret_stats);
    ret_stats->effects_ready = outbox_count (&self->outbox);
    fleet_figures (&self->fleet, now, ret_stats);
    journal_figures (&self->journal, ret_stats);
    breaker_figures (self, now, ret_stats);
    retain_figures (self, now, &ret_stats->retention);
}

step_retention_t
step_retention (const step_t *self, clk_now_t now)
{
    step_retention_t retention = self->state.stats.retention;
    retain_figures (self, now, &retention);
    return retention;
}

size_t
step_workers (const step_t *self, clk_now_t now, step_worker_t *ret_workers, size_t max)
{
    return fleet_workers (&self->fleet, now, ret_workers, max);
}

size_t
step_lanes (const step_t *self, clk_now_t now, step_lane_t *ret_lanes, size_t max)
{
    return outbox_lanes (&self->outbox, now, ret_lanes, max);
}

size_t
step_clusters (const step_t *self, step_cluster_t *ret_clusters, size_t max)
{
    return tally_clusters (&self->tallies, ret_clusters, max);
}
