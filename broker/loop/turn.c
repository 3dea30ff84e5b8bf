//  turn - one turn of the loop: drain, step, commit, and only then send.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/turn.h"

#include "broker/loop/ingest.h"
#include "broker/loop/stream.h"
#include "broker/loop/work.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

struct turn_held {
    mailbox_t *to;
    mail_t *mail;
    turn_held_t *next, *prev;
};

//  --- messages of peers, good and bad

void
turn_error (loop_t *self, link_t *link, const link_msg_t *msg, const char *code, const char *text,
            bool fatal)
{
    const msg_error_t error = {
        .code = codec_text (code), .text = codec_text (text), .fatal = fatal};
    (void) link_send (link, &msg->route, MSG_ERROR, &error, msg->frame.seq);
}

void
turn_bad (loop_t *self, link_t *link, peer_t *peer, const link_msg_t *msg, const char *code,
          const char *text)
{
    self->bad_messages_total++;
    self->strikes_total++;
    turn_error (self, link, msg, code, text, false);
    peers_strike (peer, link == self->work ? "work" : "ingest", msg->identity, code, text,
                  self->now.boot_ms);
}

peer_t *
turn_peer (loop_t *self, link_t *link, peers_t *peers, const link_msg_t *msg, int rc,
           const err_diag_t *diag, curve_role_t role)
{
    if (msg->route.size == 0) {
        self->bad_messages_total++;
        return NULL;
    }
    peer_t *peer = peers_get (peers, &msg->route);
    if (!peer || peers_muted (peer, self->now.boot_ms)) {
        self->bad_messages_total++;
        return NULL;
    }
    if (rc == ERR_LIMIT) { //  one connection too many of its key, and told so
        self->bad_messages_total++;
        return NULL;
    }
    if (!peers_allowed (self->args.zap, msg->identity, role)) {
        turn_bad (self, link, peer, msg, "role", "this key may not do that, or not any more");
        return NULL;
    }
    if (rc == ERR_NONE)
        turn_error (self, link, msg, "unknown_type", diag->text, false);
    else if (rc < 0 && msg->frame.version != 0 && msg->frame.version != FRAME_VERSION)
        turn_bad (self, link, peer, msg, "version", diag->text);
    else if (rc < 0)
        turn_bad (self, link, peer, msg, "malformed", diag->text);
    return rc == 0 ? peer : NULL;
}

//  --- stepping

//  At once: a repeat in the same turn must be known, and their bodies are
//  borrowed from the message.
static void
s_apply_events (loop_t *self)
{
    size_t count = 0;
    const step_write_t *writes = step_writes (self->step, &count);
    for (; self->failed == 0 && self->applied < count; self->applied++)
        if (writes [self->applied].kind == STEP_WRITE_EVENT)
            self->failed = store_apply (self->args.store, &writes [self->applied]);
}

//  The rest, at the end: a row that changes twice in a turn is written once.
static void
s_apply (loop_t *self)
{
    size_t count = 0;
    const step_write_t *writes = step_writes (self->step, &count);
    for (size_t i = 0; self->failed == 0 && i < count; i++)
        if (writes [i].kind != STEP_WRITE_EVENT)
            self->failed = store_apply (self->args.store, &writes [i]);
}

int
turn_step (loop_t *self, const step_in_t *in)
{
    if (self->failed < 0)
        return 0;
    const int rc = step (self->step, in, self->now);
    s_apply_events (self);
    return rc;
}

static void
s_mail_reply (const turn_asked_t *asked, bool accepted, step_event_t disposition,
              const ident_t *incident, int64_t retry_ms)
{
    mail_t *mail = mail_new (MAIL_REPLY);
    if (!mail)
        return;
    mail->as.reply.cookie = asked->cookie;
    mail->as.reply.accepted = accepted;
    mail->as.reply.disposition = disposition;
    mail->as.reply.retry_ms = retry_ms;
    if (incident)
        mail->as.reply.incident = *incident;
    if (mailbox_send (asked->reply, &mail) < 0) {
        log_warn ("reply lost, mailbox full", kv ("accepted", accepted));
        mail_destroy (&mail);
    }
}

static void
s_command_reply (const turn_asked_t *asked, int rc, const char *text)
{
    mail_t *mail = mail_new (MAIL_COMMAND_REPLY);
    if (!mail)
        return;
    mail->as.command_reply.cookie = asked->cookie;
    mail->as.command_reply.rc = rc;
    snprintf (mail->as.command_reply.text, sizeof mail->as.command_reply.text, "%s", text);
    if (mailbox_send (asked->reply, &mail) < 0)
        mail_destroy (&mail);
}

//  Nothing was committed for this asker: it is to ask again.
static void
s_refuse (loop_t *self, turn_asked_t *asked, const char *reason, int64_t retry_ms)
{
    asked->answered = true;
    switch (asked->origin) {
        case TURN_INGEST: ingest_nack (self, asked, reason, retry_ms); break;
        case TURN_MAIL: s_mail_reply (asked, false, STEP_EVENT_NEW, NULL, retry_ms); break;
        case TURN_COMMAND:
            s_command_reply (asked, -EAGAIN, "the store refused; try again soon");
            break;
    }
}

static turn_asked_t *
s_ask (loop_t *self, const turn_asked_t *asked)
{
    assert (self->asked_count < LIMIT_TURN_MESSAGES);
    self->asked [self->asked_count] = *asked;
    return &self->asked [self->asked_count++];
}

void
turn_event (loop_t *self, row_event_t *row, const fault_t *fault, bool triage_enabled,
            const turn_asked_t *asked)
{
    turn_asked_t *entry = s_ask (self, asked);
    if (self->draining || store_refusing (self->args.store)) {
        s_refuse (self, entry, self->draining ? "draining" : "store", LIMIT_STORE_REFUSE_MS);
        return;
    }
    row->incident.text [0] = '\0';
    const int known = store_known_event (self->args.store, row, &row->incident);
    if (known == -ENOENT) {
        s_refuse (self, entry, "upload", 0);
        return;
    }
    if (known < 0) {
        self->failed = known;
        return;
    }
    const step_in_t in = {
        .kind = STEP_IN_EVENT,
        .as.event = {.row = *row,
                     .fault = fault,
                     .cookie = self->asked_count,
                     .triage_enabled = triage_enabled},
    };
    if (turn_step (self, &in) < 0)
        s_refuse (self, entry, "overload", LIMIT_STORE_REFUSE_MS);
}

//  --- mails of other threads

static void
s_mail_event (loop_t *self, mail_t *mail)
{
    turn_asked_t asked = {
        .origin = TURN_MAIL, .reply = mail->as.event.reply, .cookie = mail->as.event.cookie};
    mail->as.event.row.body = mail->as.event.body;
    turn_event (self, &mail->as.event.row, &mail->as.event.fault, mail->as.event.triage_enabled,
                &asked);
}

static void
s_mail_command (loop_t *self, const mail_t *mail)
{
    const turn_asked_t asked = {
        .origin = TURN_COMMAND, .reply = mail->as.command.reply, .cookie = mail->as.command.cookie};
    turn_asked_t *entry = s_ask (self, &asked);
    row_incident_t incident;
    row_effect_t effect;
    step_in_t in = {.kind = STEP_IN_COMMAND};
    in.as.command.command = mail->as.command.command;
    in.as.command.cookie = self->asked_count;
    snprintf (in.as.command.worker, sizeof in.as.command.worker, "%s", mail->as.command.worker);
    int rc = ERR_NONE;
    switch (in.as.command.command) {
        case STEP_COMMAND_RETRY:
        case STEP_COMMAND_CANCEL:
            rc = store_incident (self->args.store, mail->as.command.incident.text, &incident);
            in.as.command.incident = rc == 0 ? &incident : NULL;
            break;
        case STEP_COMMAND_EFFECT_RETRY:
        case STEP_COMMAND_EFFECT_CANCEL:
            rc = store_effect (self->args.store, mail->as.command.effect, &effect);
            in.as.command.effect = rc == 0 ? &effect : NULL;
            break;
        case STEP_COMMAND_DRAIN:
        case STEP_COMMAND_RESUME: break;
        case STEP_COMMANDS: assert (false && "no command");
    }
    if (rc < 0 && rc != ERR_NONE) {
        self->failed = rc;
        return;
    }
    rc = turn_step (self, &in);
    if (rc < 0) {
        entry->answered = true;
        s_command_reply (entry, rc, err_str (rc));
    }
}

static void
s_step_again (loop_t *self, const step_in_t *in)
{
    if (turn_step (self, in) < 0)
        log_warn (in->kind == STEP_IN_SOURCE ? "source change not recorded"
                                             : "end of an effect not recorded",
                  kv ("cluster", in->kind == STEP_IN_SOURCE ? in->as.source.cluster : ""),
                  kv ("effect", in->kind == STEP_IN_SOURCE ? 0 : in->as.effect.id));
}

//  Step an input that is said once, and keep it: the turn may be rolled back.
static void
s_step_once (loop_t *self, const step_in_t *in)
{
    assert (self->again_count < LIMIT_TURN_MESSAGES); //  s_mail_receive sees to it
    self->again [self->again_count++] = *in;
    s_step_again (self, in);
}

static void
s_mail_source (loop_t *self, const mail_t *mail)
{
    step_in_t in = {.kind = STEP_IN_SOURCE};
    snprintf (in.as.source.cluster, sizeof in.as.source.cluster, "%s", mail->as.source.cluster);
    snprintf (in.as.source.change, sizeof in.as.source.change, "%s", mail->as.source.change);
    snprintf (in.as.source.reason, sizeof in.as.source.reason, "%s", mail->as.source.reason);
    s_step_once (self, &in);
}

static void
s_mail_effect_done (loop_t *self, const mail_t *mail)
{
    step_in_t in = {.kind = STEP_IN_EFFECT_DONE};
    in.as.effect.id = mail->as.effect_done.id;
    in.as.effect.result = mail->as.effect_done.result;
    in.as.effect.unreached = mail->as.effect_done.unreached;
    in.as.effect.retry_after_ms = mail->as.effect_done.retry_after_ms;
    snprintf (in.as.effect.error, sizeof in.as.effect.error, "%s", mail->as.effect_done.error);
    s_step_once (self, &in);
}

//  Take one mail.  Err: -EAGAIN none there; else the bytes it had.
static int64_t
s_mail_receive (loop_t *self)
{
    const bool room = self->again_count < LIMIT_TURN_MESSAGES;
    own (mail_destroy) mail_t *mail = room ? mailbox_recv (self->args.inbox) : NULL;
    if (!mail)
        return -EAGAIN;
    switch (mail->kind) {
        case MAIL_EVENT: s_mail_event (self, mail); return mail->as.event.row.body_bytes;
        case MAIL_COMMAND: s_mail_command (self, mail); break;
        case MAIL_SOURCE: s_mail_source (self, mail); break;
        case MAIL_EFFECT_DONE: s_mail_effect_done (self, mail); break;
        case MAIL_CHECKED:
            if (turn_step (self, &mail->as.check.verdict) < 0)
                log_debug ("verdict refused", kv ("peer", mail->as.check.verdict.peer.identity));
            break;
        case MAIL_SPARE:
            step_spare (self->step, &mail->as.spare.fence, mail->as.spare.finished, self->now);
            break;
        case MAIL_REPLY:
        case MAIL_CHECK:
        case MAIL_EFFECT:
        case MAIL_COMMAND_REPLY:
        case MAIL_CONFIG:
        case MAIL_STOP: assert (false && "a mail that is not for the loop");
    }
    return (int64_t) sizeof (mail_t);
}

//  --- the phases of a turn

typedef int64_t (s_receive_fn) (loop_t *self);

//  One message of each source in turn, so that none starves the others.  One that is found empty
//  is left alone until the next turn: to ask libzmq in vain costs two system calls.
static size_t
s_drain (loop_t *self)
{
    s_receive_fn *sources [] = {s_mail_receive, work_receive, ingest_receive};
    const int64_t until_ms = self->now.boot_ms + LIMIT_TURN_MS;
    size_t count = 0, left = sizeof sources / sizeof sources [0];
    int64_t bytes = 0;
    for (size_t i = 0;
         left > 0 && count < LIMIT_TURN_MESSAGES && bytes < LIMIT_TURN_BYTES && self->failed == 0;
         i++) {
        const int64_t rc = sources [i % left](self);
        if (rc == -EAGAIN) {
            sources [i % left] = sources [left - 1];
            left--;
            continue;
        }
        count++;
        bytes += rc > 0 ? rc : 0;
        if (clk_now (self->args.clk).boot_ms >= until_ms)
            break;
    }
    self->messages_total += (int64_t) count;
    return count;
}

static void
s_held_drop (loop_t *self, turn_held_t *held)
{
    DL_DELETE (self->held, held);
    mail_destroy (&held->mail);
    free (held);
}

void
turn_held_fini (loop_t *self)
{
    while (self->held)
        s_held_drop (self, self->held);
}

//  Offer again what did not fit, in order.  There is one effect a channel and one
//  CONFIG a thread at most.
static void
s_held_retry (loop_t *self)
{
    while (self->held && mailbox_send (self->held->to, &self->held->mail) == 0)
        s_held_drop (self, self->held);
}

void
turn_post (loop_t *self, mailbox_t *to, mail_t **mail_p)
{
    assert (to && mail_p && *mail_p);
    turn_held_t *held, *next;
    DL_FOREACH_SAFE (self->held, held, next) {
        if ((*mail_p)->kind == MAIL_CONFIG && held->mail->kind == MAIL_CONFIG && held->to == to)
            s_held_drop (self, held);
    }
    if (!self->held && mailbox_send (to, mail_p) == 0)
        return;
    held = calloc (1, sizeof (turn_held_t));
    if (!held) {
        log_error ("mail not handed over, out of memory");
        mail_destroy (mail_p);
        return;
    }
    held->to = to;
    held->mail = *mail_p;
    *mail_p = NULL;
    DL_APPEND (self->held, held);
}

static void
s_effect_hand (loop_t *self, const row_effect_t *row)
{
    mail_t *mail = mail_new (MAIL_EFFECT);
    if (!mail) {
        //  It stays READY in the store and goes out after the next start.
        log_error ("effect not handed over, out of memory", kv ("effect", row->id));
        return;
    }
    mail->as.effect.row = *row;
    turn_post (self, delivery_inbox (self->threads.delivery), &mail);
}

static turn_asked_t *
s_asked (loop_t *self, uint64_t cookie)
{
    assert (cookie > 0 && cookie <= self->asked_count);
    turn_asked_t *asked = &self->asked [cookie - 1];
    asked->answered = true;
    return asked;
}

static void
s_send_ack (loop_t *self, const step_out_t *out)
{
    const turn_asked_t *asked = s_asked (self, out->as.ack.cookie);
    if (asked->origin == TURN_INGEST)
        ingest_ack (self, asked, out->as.ack.disposition, &out->as.ack.incident);
    else
        s_mail_reply (asked, true, out->as.ack.disposition, &out->as.ack.incident, 0);
}

static void
s_send_one (loop_t *self, const step_out_t *out)
{
    switch (out->kind) {
        case STEP_OUT_EVENT_ACK: s_send_ack (self, out); break;
        case STEP_OUT_EVENT_NACK:
            s_refuse (self, s_asked (self, out->as.nack.cookie), out->as.nack.reason,
                      out->as.nack.retry_ms);
            break;
        case STEP_OUT_EFFECT: s_effect_hand (self, &out->as.effect); break;
        case STEP_OUT_PROGRESS: stream_publish (self, &out->as.progress); break;
        case STEP_OUT_COMMAND_REPLY:
            s_command_reply (s_asked (self, out->as.reply.cookie), out->as.reply.rc,
                             out->as.reply.text);
            break;
        case STEP_OUT_WELCOME:
        case STEP_OUT_ASSIGN:
        case STEP_OUT_LEASE:
        case STEP_OUT_VERDICT_ACK:
        case STEP_OUT_CANCEL:
        case STEP_OUT_PONG:
        case STEP_OUT_REFUSE: work_send (self, out); break;
    }
}

static void
s_refuse_rest (loop_t *self, const char *reason)
{
    for (size_t i = 0; i < self->asked_count; i++) {
        if (!self->asked [i].answered)
            s_refuse (self, &self->asked [i], reason, LIMIT_STORE_REFUSE_MS);
    }
}

static void
s_log_breaker (const row_record_t *record)
{
    if (strcmp (record->kind, "breaker") != 0)
        return;
    if (strcmp (record->change, "opened") == 0)
        log_warn ("circuit breaker threshold reached, system degraded",
                  kv ("failure_count", record->occurrences), kv ("reason", record->reason));
    else if (strcmp (record->change, "closed") == 0)
        log_info ("circuit breaker closed, system recovered",
                  kv ("failure_count", record->occurrences));
    else
        log_info ("circuit breaker open, one probe is assigned",
                  kv ("failure_count", record->occurrences));
}

static void
s_log_worker (const row_record_t *record)
{
    if (strcmp (record->kind, "worker") != 0)
        return;
    if (strcmp (record->change, "quarantined") == 0)
        log_warn ("worker set aside, it gets single probes until one succeeds",
                  kv ("worker", record->worker), kv ("reason", record->reason));
    else if (strcmp (record->change, "restored") == 0)
        log_info ("worker gets work as before", kv ("worker", record->worker));
}

//  Everything that may be said now that the turn is durable.
static void
s_send (loop_t *self)
{
    size_t out_count = 0, write_count = 0;
    const step_out_t *outs = step_outputs (self->step, &out_count);
    const step_write_t *writes = step_writes (self->step, &write_count);
    for (size_t i = 0; i < self->asked_count; i++)
        if (self->asked [i].origin == TURN_COMMAND) { //  its effect is seen by who has its answer
            loop_snapshot (self, self->now);
            break;
        }
    for (size_t i = 0; i < out_count; i++)
        s_send_one (self, &outs [i]);
    for (size_t i = 0; i < write_count; i++) {
        if (writes [i].kind != STEP_WRITE_RECORD)
            continue;
        stream_publish (self, &writes [i].as.record);
        s_log_breaker (&writes [i].as.record);
        s_log_worker (&writes [i].as.record);
    }
    s_refuse_rest (self, "overload");
}

int
turn_load (loop_t *self)
{
    return store_load (self->args.store, self->step, clk_now (self->args.clk),
                       self->settings->dedup_window_seconds);
}

int
turn_reload (loop_t *self)
{
    step_begin (self->step, clk_now (self->args.clk));
    step_reload (self->step);
    return turn_load (self);
}

//  The turn did not become durable.  Full, busy or out of memory: forget it,
//  read the state back, go on.
static void
s_fail (loop_t *self)
{
    if (self->failed != -ENOSPC && self->failed != -EBUSY && self->failed != -ENOMEM) {
        log_error ("store failed, nothing is sent, the restart recovers",
                   kv ("error", err_str (self->failed)));
        self->exit_code = store_exit (self->args.store);
        return;
    }
    log_warn ("turn rolled back", kv ("error", err_str (self->failed)),
              kv ("inputs", self->asked_count));
    store_rollback (self->args.store);
    step_reload (self->step);
    const int rc = turn_load (self);
    if (rc < 0) {
        log_error ("state cannot be read back", kv ("error", err_str (rc)));
        self->exit_code = store_exit (self->args.store);
        return;
    }
    s_refuse_rest (self, "store");
    self->pause_until_ms = self->now.boot_ms + LIMIT_STORE_RETRY_MS;
}

static int64_t
s_clock_us (void)
{
    struct timespec ts;
    clock_gettime (CLOCK_MONOTONIC, &ts);
    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

//  Peers whose keys are gone; a turn that is rolled back comes here later.
static void
s_cut (loop_t *self)
{
    if (self->revoked & 1U << CURVE_ROLE_WORKER)
        work_revoke (self, true);
    if (self->revoked & 1U << CURVE_ROLE_TAP)
        stream_revoke (self);
    self->revoked = 0;
    stream_bind (self);
}

//  The artifacts' disk: while it takes nothing, nothing is assigned and nobody is judged.
static void
s_hold (loop_t *self)
{
    const artifact_trouble_t trouble = artifact_trouble (self->threads.artifact, self->now.boot_ms);
    if (trouble != ARTIFACT_FINE && self->trouble == ARTIFACT_FINE) {
        self->trouble_ms = self->now.boot_ms;
        char path [PATH_MAX];
        log_warn ("artifacts refused, assignments and deadlines wait",
                  kv ("reason", artifact_trouble_text (trouble)),
                  kv ("workspace_root", path_absolute (self->settings->workspace_root, path)));
    }
    else if (trouble == ARTIFACT_FINE && self->trouble != ARTIFACT_FINE)
        log_info ("artifacts are taken again",
                  kv ("after_ms", self->now.boot_ms - self->trouble_ms));
    self->trouble = trouble;
    step_hold (self->step, trouble != ARTIFACT_FINE);
}

size_t
turn_run (loop_t *self)
{
    const int64_t from_us = s_clock_us ();
    self->now = clk_now (self->args.clk);
    self->asked_count = 0;
    self->applied = 0;
    self->failed = 0;
    step_begin (self->step, self->now);
    s_held_retry (self);
    for (size_t i = 0; i < self->again_count; i++) //  of a turn that was rolled back
        s_step_again (self, &self->again [i]);
    const size_t count = s_drain (self);
    if (self->revoked & 1U << CURVE_ROLE_WORKER)
        work_revoke (self, false);
    if (self->failed == 0) {
        s_hold (self);
        step_schedule (self->step, self->now);
        s_apply (self);
    }
    if (self->failed == 0 && step_failed (self->step))
        self->failed = -ENOMEM;
    if (self->failed == 0)
        self->failed = store_commit (self->args.store);
    stream_drain (self); //  who has subscribed by now gets this turn's records
    if (self->failed < 0)
        s_fail (self);
    else {
        self->again_count = 0;
        s_send (self);
        s_cut (self);
        if (store_checkpoint (self->args.store) < 0)
            self->exit_code = store_exit (self->args.store);
    }
    self->turns_total++;
    const int64_t took_us = s_clock_us () - from_us;
    if (took_us > self->turn_us_max)
        self->turn_us_max = took_us;
    return count;
}
