//  SPDX-License-Identifier: Apache-2.0

#include "common/base/utf8.h"
#include "common/net/mcp_part.h"

#include "common/base/own.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>


//  --- the stream

static void
s_stream_ready (mcp_t *self)
{
    self->stream_head_ms = INT64_MAX;
    self->stream_once = true;
    self->conflicts = 0;
    if (self->state == MCP_CONNECTING || self->state == MCP_REOPENING)
        mcp_session_advance (self);
}

static void
s_reopen (mcp_t *self, const char *reason, int64_t delay_ms)
{
    int64_t retry_ms = sse_retry_ms (self->stream);
    if (retry_ms > self->settings.backoff_max_ms)
        retry_ms = self->settings.backoff_max_ms;
    if (delay_ms < retry_ms)
        delay_ms = retry_ms;
    mcp_slot_abort_pending (self);
    mcp_session_leave_active (self, MCP_REOPENING, reason);
    self->stream_head_ms = INT64_MAX;
    self->wait_ms = self->now_ms + delay_ms;
}

static void
s_stream_conflict (mcp_t *self)
{
    if (self->conflicts++ < CONFLICT_TRIES)
        s_reopen (self, "the server still holds the old stream",
                  (int64_t) CONFLICT_MS << (self->conflicts - 1));
    else
        mcp_session_failed (self, "the server never let go of the old stream", 0);
}

static void
s_stream_ended (mcp_t *self, const mcp_part_slot_t *ended, const char *reason)
{
    int status = ended->status;
    bool lived = self->stream_open && self->now_ms - self->stream_since_ms >= STREAM_GOOD_MS;
    self->stream_open = false;
    if (status == 404
        || (status == 400 && !self->stream_resumed && mcp_rpc_session_lost (ended->body.data))
        || (status == 405 && self->stream_once)) {
        mcp_session_again (self, "the server forgot the session", false);
        return;
    }
    if (status == 405) {
        mcp_session_unsupported (self, "the server offers no stream");
        return;
    }
    if (status == 409) {
        s_stream_conflict (self);
        return;
    }
    if (status == 401)
        mcp_slot_out_text (self, MCP_OUT_TOKEN, "");
    if (status == 400 && self->stream_resumed)
        sse_forget_id (self->stream);
    if (lived)
        self->stream_failures = 0;
    int64_t delay = mcp_slot_backoff (self, self->stream_failures);
    if (lived && delay > STREAM_FIRST_MS)
        delay = (int64_t) mcp_slot_random (self, STREAM_FIRST_MS);
    else
        mcp_slot_count_up (&self->stream_failures);
    int64_t told_ms =
        ended->retry_after_ms < RETRY_AFTER_MAX_MS ? ended->retry_after_ms : RETRY_AFTER_MAX_MS;
    s_reopen (self, reason, delay < told_ms ? told_ms : delay);
}


//  --- failures of calls

static void
s_missed (mcp_t *self, const char *reason)
{
    self->ping_ms = self->now_ms + PING_AGAIN_MS;
    if (self->list_ms != INT64_MAX)
        self->list_ms = self->now_ms + LIST_EVERY_MS;
    if (++self->ping_misses >= PING_MISSES)
        mcp_session_failed (self, reason, 0);
}

static void
s_wedged (mcp_t *self, int64_t rpc_id)
{
    (void) mcp_slot_request (
        self, CALL_ASIDE, MCP_POST,
        mcp_rpc_notification (
            "notifications/cancelled",
            json_pack ("{s:I, s:s}", "requestId", (json_int_t) rpc_id, "reason", "timeout")),
        CALL_MS);
    mcp_session_wait (self, MCP_WEDGED, "the server does not answer events_subscribe", PROBE_MS,
                      false);
    self->ping_ms = self->now_ms + PING_EVERY_MS;
}

static void
s_call_failed (mcp_t *self, mcp_part_call_t call, int64_t rpc_id, const char *reason, bool timeout,
               int64_t retry_after_ms)
{
    if (call == CALL_FORGET)
        mcp_session_begin (self);
    else if (call == CALL_BYE)
        mcp_slot_set_state (self, MCP_STOPPED, "stopped");
    else if ((call == CALL_SUBSCRIBE && timeout)
             //  a hanging subscribe blocks the list too
             || (call == CALL_LIST && self->state == MCP_WEDGED))
        s_wedged (self, rpc_id);
    else if (call == CALL_PING || (call == CALL_LIST && self->state == MCP_ACTIVE))
        s_missed (self, reason);
    else if (call == CALL_SUBSCRIBE) //  it may have worked: the list shows it
        mcp_answer_subscribe_refused (self, "the answer to events_subscribe was lost");
    else
        mcp_session_failed (self, reason, retry_after_ms);
}

static void
s_http_failed (mcp_t *self, mcp_part_slot_t *ended)
{
    const char *body = ended->body.data;
    char reason [96];
    snprintf (reason, sizeof reason, "HTTP status %d", ended->status);
    bool unknown_method = ended->status == 404 && strstr (body, "-32601");
    bool lost = ended->call != CALL_INIT && self->session [0]
                && ((ended->status == 404 && !unknown_method)
                    || (ended->status == 400 && mcp_rpc_session_lost (body)));
    if (lost) {
        mcp_session_again (self, "the server forgot the session", false);
    }
    else if (ended->status == 401) {
        mcp_slot_out_text (self, MCP_OUT_TOKEN, "");
        mcp_session_again (self, "HTTP status 401", true);
    }
    else if (ended->call == CALL_INIT && ended->status == 405) {
        mcp_session_unsupported (self, "the endpoint does not take initialize");
    }
    else {
        s_call_failed (self, ended->call, ended->rpc_id, reason, false, ended->retry_after_ms);
    }
}

//  A POST or DELETE has ended; its slot is already free for the next one.
static void
s_post_ended (mcp_t *self, mcp_part_slot_t *ended, int rc, const char *reason)
{
    mcp_part_call_t call = ended->call;
    if (call == CALL_BYE && rc == 0) //  otherwise the next start tries again
        mcp_slot_out_text (self, MCP_OUT_SESSION, "");
    if (call == CALL_FORGET || call == CALL_BYE || rc != 0) {
        s_call_failed (self, call, ended->rpc_id, reason, false, 0);
    }
    else if (ended->status < 200 || ended->status > 299) {
        s_http_failed (self, ended);
    }
    else if (call == CALL_INITIALIZED) {
        mcp_session_open_stream (self);
    }
    else {
        const char *why = *self->unread ? self->unread : "the response ended without an answer";
        s_call_failed (self, call, ended->rpc_id, why, false, 0);
    }
}


//  --- the module: inputs

mcp_t *
mcp_new (const mcp_settings_t *settings)
{
    assert (settings && settings->mode && settings->context);

    mcp_t *self = calloc (1, sizeof (mcp_t));
    if (!self)
        return NULL;
    self->settings = *settings;
    utf8_copy (self->mode, sizeof self->mode, settings->mode);
    utf8_copy (self->type, sizeof self->type, settings->type ? settings->type : "");
    utf8_copy (self->context, sizeof self->context, settings->context);
    mcp_set_backoff (self, settings->backoff_min_ms, settings->backoff_max_ms);
    self->random = settings->random64 ? settings->random64 : 1;
    mcp_slot_timers_off (self);
    self->stream = sse_new (LIMIT_EVENT_BYTES + LIMIT_KIB (64)); //  the event and its envelope
    if (!self->stream)
        mcp_destroy (&self);
    return self;
}

void
mcp_destroy (mcp_t **self_p)
{
    mcp_t *self = *self_p;
    if (!self)
        return;
    for (int i = 0; i < SLOTS; i++)
        mcp_slot_free (&self->slots [i]);
    mcp_out_t out;
    while (mcp_next (self, &out))
        mcp_out_fini (&out);
    sse_destroy (&self->stream);
    free (self);
    *self_p = NULL;
}

void
mcp_set_backoff (mcp_t *self, int64_t min_ms, int64_t max_ms)
{
    self->settings.backoff_min_ms = min_ms < 1 ? 1 : min_ms;
    self->settings.backoff_max_ms = max_ms < min_ms ? min_ms : max_ms;
}

void
mcp_start (mcp_t *self, const char *stored_session, int64_t now_ms)
{
    assert (self && self->state == MCP_IDLE && stored_session);

    self->now_ms = now_ms;
    mcp_slot_set_state (self, MCP_CONNECTING, "start");
    if (mcp_rpc_session_valid (stored_session)) {
        utf8_copy (self->session, sizeof self->session, stored_session);
        (void) mcp_slot_request (self, CALL_FORGET, MCP_DELETE, NULL, DELETE_MS);
        self->session [0] = 0;
        mcp_slot_out_text (self, MCP_OUT_SESSION, "");
    }
    if (!mcp_slot_pending (self))
        mcp_session_begin (self);
}

void
mcp_stop (mcp_t *self, int64_t now_ms)
{
    assert (self);

    if (self->state == MCP_STOPPING || self->state == MCP_STOPPED)
        return;
    self->now_ms = now_ms;
    mcp_slot_abort_all (self);
    mcp_slot_timers_off (self);
    mcp_slot_set_state (self, MCP_STOPPING, "stop");
    if (!self->session [0] || !mcp_slot_request (self, CALL_BYE, MCP_DELETE, NULL, DELETE_MS))
        mcp_slot_set_state (self, MCP_STOPPED, "stopped");
}

void
mcp_on_head (mcp_t *self, uint64_t cookie, int status, const char *content_type,
             const char *session, int64_t retry_after_ms, int64_t now_ms)
{
    assert (self && content_type && session);

    self->now_ms = now_ms;
    mcp_part_slot_t *slot = mcp_slot_find (self, cookie);
    if (!slot || slot->status)
        return;
    slot->status = status;
    slot->retry_after_ms = retry_after_ms;
    slot->is_sse = strncasecmp (content_type, "text/event-stream", 17) == 0;
    if (status < 200 || status > 299 || (slot->call == CALL_STREAM && !slot->is_sse)) {
        buf_fini (&slot->body);
        slot->body = buf_init (ERROR_BODY_BYTES);
        slot->is_sse = false;
        return;
    }
    self->alive_ms = now_ms;
    if (slot->call == CALL_INIT)
        utf8_copy (self->session, sizeof self->session,
                   mcp_rpc_session_valid (session) ? session : "");
    if (slot->call == CALL_STREAM) {
        self->stream_open = true;
        self->stream_since_ms = now_ms;
        s_stream_ready (self);
    }
    else if (slot->is_sse) {
        slot->sse = sse_new (LIMIT_MCP_ANSWER_BYTES);
    }
}

static void
s_too_large (mcp_t *self)
{
    self->bad_messages++;
    snprintf (self->unread, sizeof self->unread, "the answer is not read: over %d bytes",
              LIMIT_MCP_ANSWER_BYTES);
}

void
mcp_on_body (mcp_t *self, uint64_t cookie, const char *bytes, size_t size, int64_t now_ms)
{
    assert (self);

    self->now_ms = now_ms;
    mcp_part_slot_t *slot = mcp_slot_find (self, cookie);
    if (!slot)
        return;
    if (slot->call == CALL_STREAM && slot->is_sse) {
        self->alive_ms = now_ms;
        sse_feed (self->stream, bytes, size, mcp_answer_on_sse, self);
        int64_t dropped = sse_dropped (self->stream) - self->dropped_seen;
        if (dropped > 0)
            mcp_slot_large (self, dropped);
        self->dropped_seen += dropped;
    }
    else if (slot->sse) {
        //  Take the parser out of the slot: an answer may make the machine abort this very slot.
        own (sse_destroy) sse_t *sse = own_take (slot->sse);
        const int64_t before = sse_dropped (sse);
        sse_feed (sse, bytes, size, mcp_answer_on_sse, self);
        if (sse_dropped (sse) > before)
            s_too_large (self);
        slot = mcp_slot_find (self, cookie);
        if (slot)
            slot->sse = own_take (sse);
    }
    else if (slot->call != CALL_ASIDE && !slot->body.failed
             && buf_append (&slot->body, bytes, size) != 0
             && slot->body.max == LIMIT_MCP_ANSWER_BYTES) {
        s_too_large (self); //  an error text may be cut instead
    }
}

void
mcp_on_end (mcp_t *self, uint64_t cookie, int rc, const char *reason, int64_t now_ms)
{
    assert (self && reason);

    self->now_ms = now_ms;
    mcp_part_slot_t *slot = mcp_slot_find (self, cookie);
    if (!slot)
        return;
    mcp_part_slot_t ended = *slot; //  free the slot first: the code below may need it
    *slot = (mcp_part_slot_t){0};
    if (ended.call == CALL_STREAM) {
        const char *why = rc ? reason : "the server closed the stream";
        char text [96];
        if (ended.status && !ended.is_sse) {
            snprintf (text, sizeof text, "HTTP status %d on the stream", ended.status);
            why = text;
        }
        s_stream_ended (self, &ended, why);
    }
    else if (ended.call != CALL_ASIDE) {
        //  A JSON answer is complete only now.  The slot is put back so that the answer can be
        //  matched.
        bool json = rc == 0 && !ended.is_sse && ended.status >= 200 && ended.status <= 299
                    && ended.body.size > 0 && !ended.body.failed && ended.call != CALL_INITIALIZED;
        if (json) {
            *slot = ended;
            slot->cookie = COOKIE_ENDED;
            slot->body = buf_init (1);
            mcp_answer_on_text (self, ended.body.data, ended.body.size);
            slot = mcp_slot_find (self, COOKIE_ENDED);
            json = !slot || slot->call == CALL_ASIDE;
            if (slot)
                mcp_slot_free (slot);
        }
        if (!json)
            s_post_ended (self, &ended, rc, reason);
    }
    mcp_slot_free (&ended);
}

static void
s_expire (mcp_t *self, mcp_part_slot_t *slot)
{
    mcp_part_call_t call = slot->call;
    int64_t rpc_id = slot->rpc_id;
    mcp_slot_abort (self, slot);
    if (call != CALL_ASIDE)
        s_call_failed (self, call, rpc_id, "the server did not answer in time", true, 0);
}

static void
s_on_wait_over (mcp_t *self)
{
    self->wait_ms = INT64_MAX;
    if (self->state == MCP_REOPENING)
        mcp_session_open_stream (self);
    else if (self->resume_init)
        mcp_session_begin (self);
    else
        mcp_session_advance (self);
}

//  Did the server report that its tools have changed?
static bool
s_tools_to_read (const mcp_t *self)
{
    const bool no_context = self->state == MCP_UNSUPPORTED && !self->resume_init;
    return self->tools_stale && (self->state == MCP_ACTIVE || no_context);
}

void
mcp_on_time (mcp_t *self, int64_t now_ms)
{
    assert (self);

    self->now_ms = now_ms;
    for (int i = 0; i < SLOTS; i++) {
        if (self->slots [i].call != CALL_FREE && self->slots [i].deadline_ms <= now_ms)
            s_expire (self, &self->slots [i]);
    }
    if (self->stream_head_ms <= now_ms) //  headers are held back: continue without waiting for them
        s_stream_ready (self);
    if (self->wait_ms <= now_ms && !mcp_slot_pending (self))
        s_on_wait_over (self);
    if (mcp_slot_pending (self))
        return;
    if (s_tools_to_read (self)) {
        self->tools_stale = self->tools_done = false;
        mcp_session_advance (self);
    }
    else if (self->list_ms <= now_ms) {
        mcp_session_start_call (self, CALL_LIST);
    }
    else if (self->ping_ms <= now_ms) {
        mcp_session_start_call (self, CALL_PING);
    }
}

int64_t
mcp_wake (const mcp_t *self)
{
    bool pending = false;
    int64_t wake = self->stream_head_ms;
    for (int i = 0; i < SLOTS; i++) {
        const mcp_part_slot_t *slot = &self->slots [i];
        if (slot->call == CALL_FREE)
            continue;
        pending = pending || (slot->call != CALL_ASIDE && slot->call != CALL_STREAM);
        wake = slot->deadline_ms < wake ? slot->deadline_ms : wake;
    }
    if (pending) //  other timers wait until it ends
        return wake;
    wake = self->wait_ms < wake ? self->wait_ms : wake;
    wake = self->list_ms < wake ? self->list_ms : wake;
    wake = self->ping_ms < wake ? self->ping_ms : wake;
    return s_tools_to_read (self) ? self->now_ms : wake;
}


//  --- the module: outputs

bool
mcp_next (mcp_t *self, mcp_out_t *ret_out)
{
    assert (self && ret_out);

    mcp_part_node_t *node = self->outs;
    if (!node)
        return false;
    DL_DELETE (self->outs, node);
    *ret_out = node->out;
    free (node);
    return true;
}

void
mcp_out_fini (mcp_out_t *out)
{
    for (size_t i = 0; i < out->header_count; i++)
        free (out->headers [i]);
    free (out->text);
    *out = (mcp_out_t){0};
}

mcp_state_t
mcp_state (const mcp_t *self)
{
    return self->state;
}

const char *
mcp_state_name (mcp_state_t state)
{
    static const char *const names [] = {"idle",      "connecting", "active",
                                         "reopening", "waiting",    "unsupported",
                                         "wedged",    "stopping",   "stopped"};
    assert (state <= MCP_STOPPED);
    return names [state];
}

const char *
mcp_last_error (const mcp_t *self)
{
    return self->last_error;
}

int64_t
mcp_alive_ms (const mcp_t *self)
{
    return self->alive_ms;
}

int64_t
mcp_retry_ms (const mcp_t *self)
{
    return self->wait_ms == INT64_MAX ? 0 : self->wait_ms;
}

int64_t
mcp_bad_messages (const mcp_t *self)
{
    return self->bad_messages;
}
