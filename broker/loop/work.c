//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/work.h"

#include "broker/loop/sender.h"
#include "broker/loop/turn_step.h"
#include "common/base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

//  --- messages to inputs

static bool
s_fence (codec_text_t incident, int64_t attempt, step_fence_t *ret_fence)
{
    return codec_copy (incident, ret_fence->incident.text, sizeof ret_fence->incident.text)
           && ident_valid (ret_fence->incident.text) && (ret_fence->attempt = attempt) > 0;
}

static void
s_malformed (loop_t *self, peer_t *peer, const char *text)
{
    sender_bad (self, self->work, peer, &self->work_msg, "malformed", text);
}

static void
s_step (loop_t *self, const step_in_t *in)
{
    const int rc = turn_step (self, in);
    if (rc < 0) //  the worker sends it again, or HELLO after its silence limit
        log_debug ("input refused", kv ("peer", in->peer.identity), kv ("error", err_str (rc)));
}

//  Append the fences of a list; false when one is not a fence or there are too many.
static bool
s_fences (loop_t *self, codec_list_t list, size_t *count)
{
    const msg_fence_t *items = list.items;
    for (size_t i = 0; i < list.count; i++) {
        if (*count >= LIMIT_MSGPACK_ITEMS
            || !s_fence (items [i].incident, items [i].attempt, &self->fences [*count]))
            return false;
        (*count)++;
    }
    return true;
}

//  The identity of a worker: its key, or without keys the id that it keeps in its folder.
static bool
s_hello_identity (const link_msg_t *msg, char ret_identity [ROW_IDENTITY])
{
    if (msg->identity [0]) {
        snprintf (ret_identity, ROW_IDENTITY, "%s", msg->identity);
        return true;
    }
    ident_t id;
    if (!codec_copy (msg->msg.hello.worker_id, id.text, sizeof id.text) || !ident_valid (id.text))
        return false;
    snprintf (ret_identity, ROW_IDENTITY, "local:%s", id.text);
    return true;
}

//  Send a PING to the other session of this identity.  Returns false when there is none or it
//  cannot answer: its connection is closed, or it is the one that sent this HELLO.
//  A PING promises nothing, so it need not wait for the commit.
static bool
s_ask_holder (loop_t *self, const link_msg_t *msg, const step_peer_t *peer)
{
    const uint64_t holder = step_session (self->step, peer->identity);
    const msg_ping_t ping = {.now_ms = self->now.wall_ms};
    if (!holder || holder == peer->session)
        return false;
    const link_route_t *route = peers_route (self->work_peers, peer->identity, holder);
    return route && !link_route_equal (route, &msg->route)
           && link_send (self->work, route, MSG_PING, &ping, 0) != -EHOSTUNREACH;
}

static void
s_hello (loop_t *self, peer_t *peer, step_in_t *in)
{
    const link_msg_t *msg = &self->work_msg;
    const msg_hello_t *hello = &msg->msg.hello;
    size_t running = 0, all = 0;
    if (hello->proto_min > 1 || hello->proto_max < 1) {
        sender_error (self, self->work, msg, "version", "this broker speaks protocol 1", true);
        return;
    }
    bool good = msg->frame.session != 0 && s_hello_identity (msg, in->peer.identity)
                && s_fences (self, hello->running, &running);
    all = running;
    if (!good || !s_fences (self, hello->spooled, &all) || hello->slots < 1
        || hello->slots > LIMIT_SLOTS) {
        s_malformed (self, peer,
                     "HELLO needs a session, worker_id (UUID) without keys, slots of 1 "
                     "to 256 and valid fences");
        return;
    }
    in->kind = STEP_IN_HELLO;
    codec_copy (hello->name, in->as.hello.name, sizeof in->as.hello.name);
    codec_copy (hello->agent, in->as.hello.agent, sizeof in->as.hello.agent);
    in->as.hello.slots = hello->slots;
    in->as.hello.running = self->fences;
    in->as.hello.running_count = running;
    in->as.hello.spooled = self->fences + running;
    in->as.hello.spooled_count = all - running;
    in->as.hello.holder_asked = s_ask_holder (self, msg, &in->peer);
    peers_bind (self->work_peers, peer, in->peer.identity, in->peer.session,
                link_peer_address (msg));
    if (turn_step (self, in) == ERR_LIMIT)
        sender_error (self, self->work, msg, "limit", "too many workers", false);
}

static void
s_progress (loop_t *self, peer_t *peer, step_in_t *in)
{
    const msg_progress_t *progress = &self->work_msg.msg.progress;
    in->kind = STEP_IN_PROGRESS;
    if (!s_fence (progress->incident, progress->attempt, &in->as.progress.fence)) {
        s_malformed (self, peer, "incident and attempt are not valid");
        return;
    }
    codec_copy (progress->phase, in->as.progress.phase, sizeof in->as.progress.phase);
    s_step (self, in);
}

//  A success counts only when its files are on disk: the artifact thread checks and sends CHECKED.
static void
s_verdict_check (loop_t *self, const step_in_t *in)
{
    const msg_verdict_t *verdict = &self->work_msg.msg.verdict;
    const msg_file_t *files = verdict->files.items;
    mail_t *mail = mail_new (MAIL_CHECK);
    if (!mail)
        return;
    mail->as.check.peer = in->peer;
    mail->as.check.verdict = *in;
    for (size_t i = 0; i < verdict->files.count; i++) {
        verdict_file_t *file = &mail->as.check.files [mail->as.check.file_count++];
        codec_copy (files [i].path, file->path, sizeof file->path);
        codec_copy (files [i].sha256, file->sha256, sizeof file->sha256);
        file->size = files [i].size;
    }
    if (mailbox_send (artifact_inbox (self->threads.artifact), &mail) < 0)
        mail_destroy (&mail); //  the worker sends VERDICT again
}

static usage_t
s_usage (const msg_verdict_t *verdict)
{
    usage_t usage = usage_none ();
    if (!verdict->usage.count)
        return usage;
    const msg_usage_t *from = verdict->usage.items;
    codec_copy (from->agent, usage.agent, sizeof usage.agent);
    codec_copy (from->version, usage.version, sizeof usage.version);
    codec_copy (from->model, usage.model, sizeof usage.model);
    usage.calls = from->calls;
    usage.turns = from->turns;
    usage.input = from->input;
    usage.output = from->output;
    usage.cache_read = from->cache_read;
    usage.cache_write = from->cache_write;
    usage.cost_micro_usd = from->cost_micro_usd;
    usage.duration_ms = from->duration_ms;
    usage_bound (&usage);
    return usage;
}

static void
s_verdict (loop_t *self, peer_t *peer, step_in_t *in)
{
    const msg_verdict_t *verdict = &self->work_msg.msg.verdict;
    in->kind = STEP_IN_VERDICT;
    if (!s_fence (verdict->incident, verdict->attempt, &in->as.verdict.fence)
        || !verdict_outcome_parse (verdict->outcome.data, verdict->outcome.size,
                                   &in->as.verdict.outcome)
        || in->as.verdict.outcome >= VERDICT_LOST || verdict->files.count > LIMIT_ATTEMPT_FILES
        || verdict->exit_code < -1 || verdict->exit_code > 255) {
        s_malformed (self, peer, "incident, attempt, outcome, exit_code or files are not valid");
        return;
    }
    codec_copy (verdict->reason, in->as.verdict.reason, sizeof in->as.verdict.reason);
    in->as.verdict.exit_code = (int) verdict->exit_code;
    in->as.verdict.started_ms = verdict->started_ms;
    in->as.verdict.completed_ms = verdict->completed_ms;
    in->as.verdict.stored = STEP_NOT_CHECKED;
    in->as.verdict.class =
        run_class_of_verdict (verdict->class.data, verdict->class.size, in->as.verdict.outcome);
    in->as.verdict.retry_ms = verdict->retry_ms;
    in->as.verdict.usage = s_usage (verdict);
    if (in->as.verdict.outcome == VERDICT_SUCCESS || verdict->files.count > 0)
        s_verdict_check (self, in);
    else
        s_step (self, in);
}

static bool
s_release_reason (codec_text_t text, step_release_t *ret_reason)
{
    static const char *const names [] = {
        [STEP_RELEASE_DRAIN] = "drain",
        [STEP_RELEASE_BUSY] = "busy",
        [STEP_RELEASE_HOST] = "host",
        [STEP_RELEASE_CANCELLED] = "cancelled",
    };
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++) {
        if (codec_is (text, names [i])) {
            *ret_reason = (step_release_t) i;
            return true;
        }
    }
    return false;
}

static void
s_release (loop_t *self, peer_t *peer, step_in_t *in)
{
    const msg_end_t *end = &self->work_msg.msg.end;
    in->kind = STEP_IN_RELEASE;
    if (!s_fence (end->incident, end->attempt, &in->as.release.fence)
        || !s_release_reason (end->reason, &in->as.release.reason)) {
        s_malformed (self, peer, "incident, attempt or reason are not valid");
        return;
    }
    codec_copy (end->detail, in->as.release.detail, sizeof in->as.release.detail);
    s_step (self, in);
}

static void
s_credit (loop_t *self, peer_t *peer, step_in_t *in)
{
    const msg_credit_t *credit = &self->work_msg.msg.credit;
    if (credit->total < 0 || credit->total > LIMIT_SLOTS || credit->free < 0
        || credit->free > credit->total) {
        s_malformed (self, peer, "CREDIT needs 0 <= free <= total <= 256");
        return;
    }
    in->kind = STEP_IN_CREDIT;
    in->as.credit.number = credit->number;
    in->as.credit.total = credit->total;
    in->as.credit.free = credit->free;
    codec_copy (credit->held, in->as.credit.held, sizeof in->as.credit.held);
    (void) run_class_parse (credit->class.data, credit->class.size, &in->as.credit.class);
    s_step (self, in);
}

static void
s_fenced (loop_t *self, peer_t *peer, step_in_t *in, step_in_kind_t kind)
{
    const msg_fence_t *fence = &self->work_msg.msg.fence;
    in->kind = kind;
    if (s_fence (fence->incident, fence->attempt, &in->as.fence))
        s_step (self, in);
    else
        s_malformed (self, peer, "incident and attempt are not valid");
}

static void
s_dispatch (loop_t *self, peer_t *peer, step_in_t *in)
{
    switch (self->work_msg.frame.type) {
        case MSG_CREDIT: s_credit (self, peer, in); break;
        case MSG_ACCEPT: s_fenced (self, peer, in, STEP_IN_ACCEPT); break;
        case MSG_STARTED: s_fenced (self, peer, in, STEP_IN_STARTED); break;
        case MSG_PROGRESS: s_progress (self, peer, in); break;
        case MSG_VERDICT: s_verdict (self, peer, in); break;
        case MSG_RELEASE: s_release (self, peer, in); break;
        case MSG_PING:
            in->kind = STEP_IN_PING;
            s_step (self, in);
            break;
        case MSG_PONG:
            in->kind = STEP_IN_PONG;
            s_step (self, in);
            break;
        case MSG_BYE:
            in->kind = STEP_IN_BYE;
            s_step (self, in);
            break;
        case MSG_ERROR: break; //  the worker has found an error of ours and deals with it
        default:
            sender_bad (self, self->work, peer, &self->work_msg, "unknown_type",
                        "this message does not belong on the work socket");
    }
}

int64_t
work_receive (loop_t *self)
{
    err_diag_t diag = {{0}};
    link_msg_t *msg = &self->work_msg;
    const int rc = link_recv (self->work, msg, &diag);
    if (rc == -EAGAIN)
        return rc;
    peer_t *peer =
        sender_judge (self, self->work, self->work_peers, msg, rc, &diag, CURVE_ROLE_WORKER);
    if (!peer)
        return (int64_t) msg->bytes;
    step_in_t in = {.peer = {.session = msg->frame.session, .seq = msg->frame.seq}};
    const char *identity = peers_identity (peer, msg->frame.session);
    if (msg->frame.type == MSG_HELLO)
        s_hello (self, peer, &in);
    else if (!identity)
        sender_error (self, self->work, msg, "hello_first", "say HELLO before anything else",
                      false);
    else {
        snprintf (in.peer.identity, sizeof in.peer.identity, "%s", identity);
        s_dispatch (self, peer, &in);
    }
    return (int64_t) msg->bytes;
}

//  --- outputs to messages

static void
s_send (loop_t *self, const step_peer_t *peer, uint8_t type, const void *from)
{
    const link_route_t *route = peers_route (self->work_peers, peer->identity, peer->session);
    if (!route)
        return;
    const int64_t rc = link_send (self->work, route, type, from, peer->seq);
    if (rc < 0) //  the worker is gone or does not read: the protocol repeats what matters
        log_debug ("message not sent", kv ("type", msg_name (type)), kv ("peer", peer->identity),
                   kv ("error", err_str ((int) rc)));
}

static void
s_send_welcome (loop_t *self, const step_out_t *out)
{
    size_t count = 0;
    for (; count < out->as.welcome.revoke_count && count < LIMIT_MSGPACK_ITEMS; count++) {
        const step_fence_t *fence = &out->as.welcome.revoke [count];
        self->revokes [count] =
            (msg_fence_t){.incident = codec_text (fence->incident.text), .attempt = fence->attempt};
    }
    const msg_welcome_t welcome = {
        .proto = 1,
        .now_ms = self->now.wall_ms,
        .ping_ms = LIMIT_PING_MS,
        .lease_ms = out->as.welcome.lease_ms,
        .revoke = {.items = self->revokes, .count = count},
    };
    s_send (self, &out->peer, MSG_WELCOME, &welcome);
}

static void
s_send_assign (loop_t *self, const step_out_t *out)
{
    const msg_assign_t assign = {
        .incident = codec_text (out->as.assign.fence.incident.text),
        .attempt = out->as.assign.fence.attempt,
        .cluster = codec_text (out->as.assign.cluster),
        .fault_type = codec_text (out->as.assign.fault_type),
        .severity = codec_text (fault_severity_name (out->as.assign.severity)),
        .timeout_ms = out->as.assign.timeout_ms,
        .lease_ms = out->as.assign.lease_ms,
        .model = codec_text (
            settings_model (self->settings, out->as.assign.agent, out->as.assign.severity)),
        .allowed_tools = codec_text (self->settings->agent_allowed_tools),
    };
    s_send (self, &out->peer, MSG_ASSIGN, &assign);
}

static void
s_send_ack (loop_t *self, const step_out_t *out)
{
    const msg_verdict_ack_t ack = {
        .incident = codec_text (out->as.verdict_ack.fence.incident.text),
        .attempt = out->as.verdict_ack.fence.attempt,
        .disposition = codec_text (step_disposition_name (out->as.verdict_ack.disposition)),
    };
    s_send (self, &out->peer, MSG_VERDICT_ACK, &ack);
}

static void
s_send_lease (loop_t *self, const step_out_t *out)
{
    const msg_lease_t lease = {
        .incident = codec_text (out->as.lease.fence.incident.text),
        .attempt = out->as.lease.fence.attempt,
        .ms = out->as.lease.ms,
    };
    s_send (self, &out->peer, MSG_LEASE, &lease);
}

static void
s_send_cancel (loop_t *self, const step_out_t *out)
{
    const msg_end_t cancel = {
        .incident = codec_text (out->as.cancel.fence.incident.text),
        .attempt = out->as.cancel.fence.attempt,
        .reason = codec_text (out->as.cancel.reason),
    };
    s_send (self, &out->peer, MSG_CANCEL, &cancel);
}

//  Refuse the second of two live workers with one key.
static void
s_send_refuse (loop_t *self, const step_out_t *out)
{
    const step_peer_t *peer = &out->peer;
    const char *here = peers_address (self->work_peers, peer->identity, out->as.refuse.holder);
    char text [256];
    snprintf (
        text, sizeof text,
        "another worker with the same key, or without keys the same folder, is connected from "
        "%s; give each host its own",
        here);
    const msg_error_t error = {
        .code = codec_text ("identity_in_use"), .text = codec_text (text), .fatal = true};
    if (out->as.refuse.log)
        log_warn ("two live workers have one key: the second is refused; give each host its own",
                  kv ("peer", peer->identity), kv ("session", out->as.refuse.holder),
                  kv ("address", here), kv ("refused_session", peer->session),
                  kv ("refused_address",
                      peers_address (self->work_peers, peer->identity, peer->session)));
    s_send (self, peer, MSG_ERROR, &error);
}

void
work_send (loop_t *self, const step_out_t *out)
{
    const msg_ping_t pong = {.now_ms = self->now.wall_ms};
    switch (out->kind) {
        case STEP_OUT_WELCOME: s_send_welcome (self, out); break;
        case STEP_OUT_ASSIGN: s_send_assign (self, out); break;
        case STEP_OUT_LEASE: s_send_lease (self, out); break;
        case STEP_OUT_VERDICT_ACK: s_send_ack (self, out); break;
        case STEP_OUT_CANCEL: s_send_cancel (self, out); break;
        case STEP_OUT_PONG: s_send (self, &out->peer, MSG_PONG, &pong); break;
        case STEP_OUT_REFUSE: s_send_refuse (self, out); break;
        case STEP_OUT_EVENT_ACK:
        case STEP_OUT_EVENT_NACK:
        case STEP_OUT_EFFECT:
        case STEP_OUT_PROGRESS:
        case STEP_OUT_COMMAND_REPLY: break;
    }
}

//  Is the key of this worker deleted?  Sets *ret_peer to the worker in any case.
static bool
s_revoked (loop_t *self, const peer_t *peer, step_peer_t *ret_peer)
{
    const link_route_t *route;
    const char *identity;
    peers_bound (peer, &identity, &ret_peer->session, &route);
    snprintf (ret_peer->identity, sizeof ret_peer->identity, "%s", identity);
    return !peers_allowed (self->args.zap, identity, CURVE_ROLE_WORKER);
}

static void
s_leave (void *ctx, peer_t *peer)
{
    loop_t *self = ctx;
    step_in_t in = {.kind = STEP_IN_BYE};
    if (s_revoked (self, peer, &in.peer))
        s_step (self, &in);
}

static void
s_cut (void *ctx, peer_t *peer)
{
    loop_t *self = ctx;
    step_peer_t gone = {.seq = 0};
    if (!s_revoked (self, peer, &gone))
        return;
    log_warn ("worker cut, its key is not enrolled any more",
              kv ("worker", step_worker_name (self->step, gone.identity)),
              kv ("peer", gone.identity));
    peers_unbind (self->work_peers, peer);
}

void
work_revoke (loop_t *self, bool cut)
{
    peers_each (self->work_peers, cut ? s_cut : s_leave, self);
}

static void
s_bye (void *ctx, peer_t *peer)
{
    loop_t *self = ctx;
    const link_route_t *route;
    const char *identity;
    uint64_t session;
    peers_bound (peer, &identity, &session, &route);
    const msg_bye_t bye = {.reason = codec_text ("draining"), .retry_ms = LIMIT_DRAIN_RETRY_MS};
    (void) link_send (self->work, route, MSG_BYE, &bye, 0);
}

void
work_bye (loop_t *self)
{
    peers_each (self->work_peers, s_bye, self);
}
