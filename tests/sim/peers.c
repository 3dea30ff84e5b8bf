//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/courier.h"
#include "tests/sim/luck.h"
#include "tests/sim/voice.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { FAULTS = 60, FIRST_RESEND_MS = 2000, LINK_MAX = 512 };

uint64_t
peers_random (peers_t *self, uint64_t below)
{
    uint64_t z = (self->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (z ^ (z >> 31)) % below;
}

static bool
s_chance (peers_t *self, uint64_t per_mille)
{
    return !self->calm && peers_random (self, 1000) < per_mille;
}

void
peers_init (peers_t *self, disk_t *disk, uint64_t seed)
{
    memset (self, 0, sizeof *self);
    self->random = seed;
    self->disk = disk;
    for (int i = 0; i < PEERS_WORKERS; i++)
        snprintf (self->workers [i].identity, ROW_IDENTITY, "worker:%d", i);
    for (int i = 0; i < PEERS_PUBLISHERS; i++)
        snprintf (self->publishers [i].source, sizeof self->publishers [i].source, "pub%d", i);
    snprintf (self->workers [PEERS_TWIN].identity, ROW_IDENTITY, "%s",
              self->workers [PEERS_TWINNED].identity);
    self->workers [0].bad = true;
}

void
peers_fini (peers_t *self)
{
    mail_t *mail, *next;
    DL_FOREACH_SAFE (self->link, mail, next)
        free (mail);
    self->link = NULL;
}

void
peers_worker_name (const peers_t *self, uint64_t number, char ret_name [ROW_NAME])
{
    snprintf (ret_name, ROW_NAME, "%s", self->workers [number].identity);
}

const fault_t *
peers_fault (peers_t *self, int number)
{
    fault_t *fault = &self->fault;
    memset (fault, 0, sizeof *fault);
    snprintf (fault->cluster, sizeof fault->cluster, "c%d", number % 5 ? number % 5 : 1);
    snprintf (fault->key, sizeof fault->key, "key-%d", number);
    snprintf (fault->fault_type, sizeof fault->fault_type, "CrashLoop");
    snprintf (fault->name, sizeof fault->name, "pod-%d", number);
    fault->severity = (enum fault_severity) (number % FAULT_SEVERITIES);
    fault->parsed = number % 17 != 0;
    return fault;
}

peer_worker_t *
peers_worker (peers_t *self, const char *identity, uint64_t session)
{
    for (int i = 0; i < PEERS_WORKERS; i++)
        if (strcmp (self->workers [i].identity, identity) == 0
            && self->workers [i].session == session)
            return &self->workers [i];
    return NULL;
}

//  Send a message to the broker: it is lost, arrives once or twice, or out of order.
static void
s_send (peers_t *self, const mail_t *mail)
{
    if (s_chance (self, 30) || self->link_count >= LINK_MAX)
        return;
    int copies = s_chance (self, 20) ? 2 : 1;
    for (int i = 0; i < copies; i++) {
        mail_t *copy = malloc (sizeof *copy);
        if (!copy)
            abort ();
        *copy = *mail;
        if (s_chance (self, 10))
            DL_PREPEND (self->link, copy);
        else
            DL_APPEND (self->link, copy);
        self->link_count++;
    }
}

static mail_t
s_mail (peer_worker_t *worker, step_in_kind_t kind)
{
    mail_t mail;
    memset (&mail, 0, sizeof mail);
    mail.in.kind = kind;
    snprintf (mail.in.peer.identity, ROW_IDENTITY, "%s", worker->identity);
    mail.in.peer.session = worker->session;
    mail.in.peer.seq = ++worker->seq;
    return mail;
}

static void
s_send_fence (peers_t *self, peer_worker_t *worker, step_in_kind_t kind, const step_fence_t *fence)
{
    mail_t mail = s_mail (worker, kind);
    mail.in.as.fence = *fence;
    s_send (self, &mail);
}

//  Note the outcome that an attempt's own worker sends.
static void
s_say (peers_t *self, const peer_worker_t *worker, const step_fence_t *fence, const spooled_t *said)
{
    disk_attempt_t *attempt = disk_attempt (self->disk, fence->incident.text, fence->attempt);
    if (!attempt || strcmp (attempt->row.identity, worker->identity) != 0)
        return;
    attempt->said |= 1U << said->outcome;
    attempt->said_class = said->class;
    attempt->said_retry_ms = said->retry_ms;
    if (said->outcome == VERDICT_SUCCESS)
        snprintf (attempt->made_by, ROW_IDENTITY, "%s", worker->identity);
}

static void
s_release_as (peers_t *self, peer_worker_t *worker, const step_fence_t *fence,
              step_release_t reason)
{
    mail_t mail = s_mail (worker, STEP_IN_RELEASE);
    mail.in.as.release.fence = *fence;
    mail.in.as.release.reason = reason;
    snprintf (mail.in.as.release.detail, LIMIT_REASON_BYTES, "agent execution error: sim");
    s_send (self, &mail);
}

static void
s_release (peers_t *self, peer_worker_t *worker, const step_fence_t *fence, step_release_t reason)
{
    if (reason == STEP_RELEASE_HOST)
        s_say (self, worker, fence,
               &(spooled_t){.outcome = VERDICT_HOST, .class = RUN_CLASS_INFRA});
    s_release_as (self, worker, fence, reason);
}

static void
s_credit (peers_t *self, peer_worker_t *worker)
{
    mail_t mail = s_mail (worker, STEP_IN_CREDIT);
    mail.in.as.credit.number = ++worker->credit_number;
    mail.in.as.credit.total = PEERS_JOBS;
    for (int i = 0; i < PEERS_JOBS; i++)
        mail.in.as.credit.free += !worker->jobs [i].used;
    if (worker->spool_count > PEERS_SPOOL - 2 * PEERS_JOBS)
        mail.in.as.credit.free = 0;
    if (!self->calm && self->now.boot_ms < worker->held_ms)
        mail.in.as.credit.held [0] = '!';
    s_send (self, &mail);
}

static void
s_hello (peers_t *self, peer_worker_t *worker)
{
    mail_t mail = s_mail (worker, STEP_IN_HELLO);
    snprintf (mail.in.as.hello.name, ROW_NAME, "%s", worker->identity);
    mail.in.as.hello.slots = PEERS_JOBS;
    for (int i = 0; i < PEERS_JOBS; i++)
        if (worker->jobs [i].used)
            mail.running [mail.in.as.hello.running_count++] = worker->jobs [i].fence;
    for (int i = 0; i < worker->spool_count; i++)
        mail.spooled [mail.in.as.hello.spooled_count++] = worker->spool [i].fence;
    s_send (self, &mail);
    worker->hello_ms = self->now.boot_ms;
}

//  Begin a new session; the process may be the same.
static void
s_session (peers_t *self, peer_worker_t *worker)
{
    worker->session = peers_random (self, UINT64_MAX - 1) + 1;
    worker->welcomed = false;
    worker->credit_number = 0;
    worker->heard_ms = self->now.boot_ms;
    s_hello (self, worker);
}

static void
s_finish (peers_t *self, peer_worker_t *worker, job_t *job)
{
    job->used = false;
    if (s_chance (self, 80)) {
        s_release (self, worker, &job->fence,
                   s_chance (self, 500) ? STEP_RELEASE_DRAIN : STEP_RELEASE_HOST);
        return;
    }
    if (worker->spool_count == PEERS_SPOOL)
        return;
    spooled_t *spooled = &worker->spool [worker->spool_count++];
    *spooled = luck_run (self, worker);
    spooled->fence = job->fence;
    s_say (self, worker, &job->fence, spooled);
    self->reports_made++;
}

static void
s_run (peers_t *self, peer_worker_t *worker, job_t *job)
{
    int64_t now = self->now.boot_ms;
    if (!job->started && self->held) { //  no prompt: wait, or give it back as a failure of the host
        job->start_ms = now + 1500;
        job->finish_ms = job->start_ms + 3000;
        if (s_chance (self, 30)) {
            disk_attempt_t *attempt =
                disk_attempt (self->disk, job->fence.incident.text, job->fence.attempt);
            if (attempt)
                attempt->denied = true;
            job->used = false;
            s_release_as (self, worker, &job->fence, STEP_RELEASE_HOST);
            s_credit (self, worker);
            return;
        }
    }
    if (!job->started && now >= job->start_ms) {
        if (worker->bad && !self->calm) {
            job->used = false;
            s_release (self, worker, &job->fence, STEP_RELEASE_HOST);
            s_credit (self, worker);
            return;
        }
        job->started = true;
        s_send_fence (self, worker, STEP_IN_STARTED, &job->fence);
    }
    if (now >= job->finish_ms) {
        s_finish (self, worker, job);
        s_credit (self, worker);
    }
    else if (now >= job->progress_ms) {
        mail_t mail = s_mail (worker, STEP_IN_PROGRESS);
        mail.in.as.progress.fence = job->fence;
        s_send (self, &mail);
        job->progress_ms = now + 3000;
    }
}

static void
s_verdicts (peers_t *self, peer_worker_t *worker)
{
    for (int i = 0; i < worker->spool_count; i++) {
        spooled_t *spooled = &worker->spool [i];
        if (self->now.boot_ms < spooled->send_ms)
            continue;
        spooled->send_ms = self->now.boot_ms + LIMIT_VERDICT_RETRY_MS;
        mail_t mail = s_mail (worker, STEP_IN_VERDICT);
        mail.in.as.verdict.fence = spooled->fence;
        mail.in.as.verdict.outcome = spooled->outcome;
        mail.in.as.verdict.stored = spooled->stored ? STEP_STORED : STEP_MISSING;
        mail.in.as.verdict.class = spooled->class;
        mail.in.as.verdict.retry_ms = spooled->retry_ms;
        s_send (self, &mail);
    }
}

//  Send a message about another worker's attempt.
static void
s_forge (peers_t *self, peer_worker_t *worker)
{
    static const step_in_kind_t kinds [] = {STEP_IN_VERDICT, STEP_IN_RELEASE, STEP_IN_STARTED,
                                            STEP_IN_PROGRESS};
    const peer_worker_t *other = &self->workers [peers_random (self, PEERS_WORKERS)];
    const job_t *job = &other->jobs [peers_random (self, PEERS_JOBS)];
    if (strcmp (other->identity, worker->identity) == 0 || !job->used)
        return;
    mail_t mail = s_mail (worker, kinds [peers_random (self, sizeof kinds / sizeof kinds [0])]);
    if (mail.in.kind == STEP_IN_VERDICT) {
        mail.in.as.verdict.fence = job->fence;
        mail.in.as.verdict.outcome = peers_random (self, 2) ? VERDICT_SUCCESS : VERDICT_AGENT;
        mail.in.as.verdict.stored = STEP_STORED;
    }
    else if (mail.in.kind == STEP_IN_RELEASE) {
        mail.in.as.release.fence = job->fence;
        mail.in.as.release.reason = STEP_RELEASE_HOST;
    }
    else if (mail.in.kind == STEP_IN_PROGRESS)
        mail.in.as.progress.fence = job->fence;
    else
        mail.in.as.fence = job->fence;
    s_send (self, &mail);
}

//  Stop in order: running jobs are given back.
static void
s_bye (peers_t *self, peer_worker_t *worker)
{
    for (int i = 0; i < PEERS_JOBS; i++)
        if (worker->jobs [i].used)
            s_release (self, worker, &worker->jobs [i].fence, STEP_RELEASE_DRAIN);
    memset (worker->jobs, 0, sizeof worker->jobs);
    mail_t mail = s_mail (worker, STEP_IN_BYE);
    s_send (self, &mail);
    worker->up = false;
    worker->down_until_ms = self->now.boot_ms + (int64_t) peers_random (self, 40000);
}

static void
s_worker_act (peers_t *self, peer_worker_t *worker)
{
    int64_t now = self->now.boot_ms;
    if (!worker->up) {
        if (now < worker->down_until_ms && !self->calm)
            return;
        worker->up = true;
        s_session (self, worker);
        return;
    }
    if (s_chance (self, 2)) { //  kill -9: the spool stays, the agents end
        memset (worker->jobs, 0, sizeof worker->jobs);
        worker->up = false;
        worker->down_until_ms = now + (int64_t) peers_random (self, 40000);
        return;
    }
    if (s_chance (self, 1)) { //  stopped or disconnected: its jobs go on
        worker->up = false;
        worker->down_until_ms = now + (int64_t) peers_random (self, 60000);
        return;
    }
    if (worker->welcomed && s_chance (self, 1)) {
        s_bye (self, worker);
        return;
    }
    if (s_chance (self, 3))
        s_forge (self, worker);
    luck_trouble (self, &worker->keyless_ms);
    luck_trouble (self, &worker->held_ms);
    if (now - worker->heard_ms > 16000)
        s_session (self, worker);
    if (!worker->welcomed && now - worker->hello_ms > 3000)
        s_hello (self, worker);
    if (now >= worker->ping_ms) {
        mail_t mail = s_mail (worker, STEP_IN_PING);
        s_send (self, &mail);
        s_credit (self, worker);
        worker->ping_ms = now + LIMIT_PING_MS;
    }
    for (int i = 0; i < PEERS_JOBS; i++)
        if (worker->jobs [i].used)
            s_run (self, worker, &worker->jobs [i]);
    if (worker->welcomed && !self->held) //  in a hold their files are not stored yet
        s_verdicts (self, worker);
}

static void
s_send_event (peers_t *self, const peer_publisher_t *publisher, unacked_t *event, size_t slot)
{
    mail_t mail;
    memset (&mail, 0, sizeof mail);
    mail.in.kind = STEP_IN_EVENT;
    snprintf (mail.in.as.event.row.source, ROW_IDENTITY, "%s", publisher->source);
    snprintf (mail.in.as.event.row.event_id, LIMIT_EVENT_ID_BYTES, "%s", event->event_id);
    size_t number = (size_t) (publisher - self->publishers);
    mail.in.as.event.cookie =
        (uint64_t) event->number * PEERS_SLOTS + number * PEERS_UNACKED + slot;
    mail.in.peer.seq = (uint64_t) event->fault; //  the number of the fault, which peers_fault reads
    mail.in.as.event.triage_enabled = event->fault % 23 != 0;
    s_send (self, &mail);
    event->send_ms = self->now.boot_ms + FIRST_RESEND_MS;
}

static void
s_publisher_act (peers_t *self, peer_publisher_t *publisher)
{
    for (size_t i = 0; i < PEERS_UNACKED; i++) {
        unacked_t *event = &publisher->unacked [i];
        if (!event->used && s_chance (self, i < 2 ? 25 : 2)) {
            event->used = true;
            event->send_ms = 0;
            event->fault = (int) peers_random (self, FAULTS);
            event->number = self->events_made++;
            snprintf (event->event_id, sizeof event->event_id, "e%" PRId64, event->number);
        }
        if (event->used && self->now.boot_ms >= event->send_ms)
            s_send_event (self, publisher, event, i);
    }
}

//  Delivery is a thread of the broker, so its mailbox loses nothing.
void
peers_again (peers_t *self, const step_in_t *done)
{
    mail_t *copy = calloc (1, sizeof *copy);
    if (!copy)
        abort ();
    copy->in = *done;
    DL_PREPEND (self->link, copy);
    self->link_count++;
}

void
peers_ambiguous (peers_t *self, const step_in_t *done)
{
    disk_effect_t *effect = NULL;
    HASH_FIND (hh, self->disk->effects, &done->as.effect.id, sizeof done->as.effect.id, effect);
    if (effect && effect->row.channel == ROW_CHANNEL_STORAGE
        && done->as.effect.result == STEP_EFFECT_OK)
        disk_incident (self->disk, effect->row.incident.text)->ambiguous++;
}

void
peers_act (peers_t *self)
{
    for (int i = 0; i < PEERS_WORKERS; i++)
        s_worker_act (self, &self->workers [i]);
    for (int i = 0; i < PEERS_PUBLISHERS; i++)
        s_publisher_act (self, &self->publishers [i]);
    courier_act (self);
}

mail_t *
peers_next (peers_t *self)
{
    mail_t *mail = self->link;
    if (mail) {
        DL_DELETE (self->link, mail);
        self->link_count--;
    }
    return mail;
}

static void
s_assign (peers_t *self, peer_worker_t *worker, const step_fence_t *fence)
{
    for (int i = 0; i < PEERS_JOBS; i++) {
        job_t *job = &worker->jobs [i];
        if (job->used)
            continue;
        int64_t now = self->now.boot_ms;
        *job = (job_t){.used = true, .fence = *fence};
        job->start_ms = now + (int64_t) peers_random (self, 1500);
        job->finish_ms =
            job->start_ms + (int64_t) peers_random (self, s_chance (self, 20) ? 200000 : 9000);
        job->progress_ms = now + 2000;
        s_send_fence (self, worker, STEP_IN_ACCEPT, fence);
        s_credit (self, worker);
        return;
    }
    s_release (self, worker, fence, STEP_RELEASE_BUSY);
}

static void
s_stop (peers_t *self, peer_worker_t *worker, const step_fence_t *fence)
{
    for (int i = 0; i < PEERS_JOBS; i++) {
        job_t *job = &worker->jobs [i];
        if (!job->used || job->fence.attempt != fence->attempt
            || strcmp (job->fence.incident.text, fence->incident.text) != 0)
            continue;
        job->used = false;
        s_release (self, worker, fence, STEP_RELEASE_CANCELLED);
        s_credit (self, worker);
    }
}

//  Check that a good report was rightly refused: the incident has ended, or a new attempt is
//  requested.
static void
s_check_stale (peers_t *self, const spooled_t *spooled)
{
    const disk_incident_t *incident = disk_incident (self->disk, spooled->fence.incident.text);
    if (spooled->outcome == VERDICT_SUCCESS && incident && incident->row
        && !incident_terminal (incident->state) && spooled->fence.attempt > incident->row->forgiven)
        disk_break (self->disk, "I1 a good report of %s/%" PRId64 " is thrown away",
                    incident->id.text, spooled->fence.attempt);
}

static void
s_acked (peers_t *self, peer_worker_t *worker, const step_out_t *out)
{
    for (int i = 0; i < worker->spool_count; i++) {
        spooled_t *spooled = &worker->spool [i];
        if (spooled->fence.attempt != out->as.verdict_ack.fence.attempt
            || strcmp (spooled->fence.incident.text, out->as.verdict_ack.fence.incident.text) != 0)
            continue;
        if (out->as.verdict_ack.disposition == STEP_STALE)
            s_check_stale (self, spooled);
        if (out->as.verdict_ack.disposition == STEP_FILES_MISSING)
            spooled->stored = true;
        else
            *spooled = worker->spool [--worker->spool_count];
        return;
    }
}

static void
s_to_worker (peers_t *self, peer_worker_t *worker, const step_out_t *out)
{
    worker->heard_ms = self->now.boot_ms;
    if (out->kind == STEP_OUT_WELCOME) {
        worker->welcomed = true;
        worker->refused = false;
        for (size_t i = 0; i < out->as.welcome.revoke_count; i++)
            s_stop (self, worker, &out->as.welcome.revoke [i]);
        s_credit (self, worker);
    }
    else if (out->kind == STEP_OUT_REFUSE) { //  try again later, with a new session
        worker->session = peers_random (self, UINT64_MAX - 1) + 1;
        worker->welcomed = false;
        worker->refused = true;
        worker->hello_ms = self->now.boot_ms + 5000;
    }
    else if (out->kind == STEP_OUT_ASSIGN)
        s_assign (self, worker, &out->as.assign.fence);
    else if (out->kind == STEP_OUT_CANCEL)
        s_stop (self, worker, &out->as.cancel.fence);
    else if (out->kind == STEP_OUT_LEASE && !out->as.lease.ms)
        s_stop (self, worker, &out->as.lease.fence);
    else if (out->kind == STEP_OUT_VERDICT_ACK)
        s_acked (self, worker, out);
}

static void
s_event_acked (peers_t *self, uint64_t cookie)
{
    uint64_t slot = cookie % PEERS_SLOTS;
    peer_publisher_t *publisher = &self->publishers [slot / PEERS_UNACKED];
    unacked_t *event = &publisher->unacked [slot % PEERS_UNACKED];
    if (!event->used || (uint64_t) event->number != cookie / PEERS_SLOTS)
        return;
    event->used = false;
    self->events_acked++;
}

void
peers_event (const peers_t *self, uint64_t cookie, char ret_source [16], char ret_event_id [32])
{
    const peer_publisher_t *publisher = &self->publishers [cookie % PEERS_SLOTS / PEERS_UNACKED];
    snprintf (ret_source, 16, "%s", publisher->source);
    snprintf (ret_event_id, 32, "e%" PRIu64, cookie / PEERS_SLOTS);
}

void
peers_receive (peers_t *self, const step_out_t *out)
{
    if (out->kind == STEP_OUT_EFFECT) {
        courier_take (self, &out->as.effect);
        return;
    }
    if (out->kind == STEP_OUT_EVENT_ACK) {
        if (!s_chance (self, 50))
            s_event_acked (self, out->as.ack.cookie);
        return;
    }
    peer_worker_t *worker = peers_worker (self, out->peer.identity, out->peer.session);
    if (worker && worker->up && !s_chance (self, 30))
        s_to_worker (self, worker, out);
}

bool
peers_ping (peers_t *self, const char *identity, uint64_t session)
{
    peer_worker_t *worker = peers_worker (self, identity, session);
    if (!worker || !worker->up) //  half of the time the broker has not noticed it
        return peers_random (self, 2) == 0;
    if (worker->welcomed) {
        mail_t mail = s_mail (worker, STEP_IN_PONG);
        s_send (self, &mail);
    }
    return true;
}

void
peers_unknown (peers_t *self, const step_peer_t *peer)
{
    peer_worker_t *worker = peers_worker (self, peer->identity, peer->session);
    if (worker && worker->up && worker->welcomed)
        s_session (self, worker);
}

void
peers_broker_died (peers_t *self)
{
    mail_t *mail, *next;
    DL_FOREACH_SAFE (self->link, mail, next)
        if (mail->in.kind == STEP_IN_EFFECT_DONE || peers_random (self, 2)) {
            if (mail->in.kind == STEP_IN_EFFECT_DONE)
                peers_ambiguous (self, &mail->in);
            DL_DELETE (self->link, mail);
            self->link_count--;
            free (mail);
        }
    memset (self->flight, 0, sizeof self->flight);
}

//  Does this worker run an attempt that the broker counts on?
static bool
s_holds (const peers_t *self, const peer_worker_t *worker)
{
    for (int i = 0; i < PEERS_JOBS; i++) {
        const job_t *job = &worker->jobs [i];
        const disk_attempt_t *attempt =
            job->used ? disk_attempt (self->disk, job->fence.incident.text, job->fence.attempt)
                      : NULL;
        if (attempt && attempt->row.state == ROW_ATTEMPT_LIVE
            && strcmp (attempt->row.identity, worker->identity) == 0)
            return true;
    }
    return false;
}

void
peers_check_twins (const peers_t *self)
{
    const peer_worker_t *first = &self->workers [PEERS_TWINNED];
    if (s_holds (self, first) && s_holds (self, &self->workers [PEERS_TWIN]))
        disk_break (self->disk, "I16 two processes with the key of %s have live attempts",
                    first->identity);
}

bool
peers_idle (const peers_t *self)
{
    for (int i = 0; i < PEERS_WORKERS; i++)
        if (self->workers [i].spool_count && !self->workers [i].refused)
            return false; //  a refused worker keeps its spool
    for (int i = 0; i < PEERS_PUBLISHERS; i++)
        for (int k = 0; k < PEERS_UNACKED; k++)
            if (self->publishers [i].unacked [k].used)
                return false;
    for (int i = 0; i < PEERS_LANES; i++)
        if (self->flight [i].id)
            return false;
    return !self->link;
}
