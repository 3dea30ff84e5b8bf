//  mcp_session - calls of the session machine; losing and gaining a session.
//  SPDX-License-Identifier: Apache-2.0

#include "common/net/mcp_part.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>


//  --- leaving and entering `active`

void
mcp_session_leave_active (mcp_t *self, mcp_state_t state, const char *reason)
{
    if (self->state == MCP_ACTIVE) {
        self->gap_from_ms = self->alive_ms;
        if (self->now_ms - self->active_since_ms >= STREAM_GOOD_MS)
            self->session_failures = 0;
    }
    self->ping_ms = self->list_ms = INT64_MAX;
    mcp_slot_error (self, reason);
    mcp_slot_set_state (self, state, reason);
}

void
mcp_session_enter_active (mcp_t *self)
{
    self->alive_ms = self->listed_ms = self->now_ms;
    self->ping_misses = self->subscribe_tries = 0;
    self->wait_ms = INT64_MAX;
    self->ping_ms = self->now_ms + PING_EVERY_MS;
    self->list_ms = self->tools.list ? self->now_ms + LIST_EVERY_MS : INT64_MAX;
    if (self->state != MCP_ACTIVE) {
        self->active_since_ms = self->now_ms;
        if (self->gap_from_ms)
            mcp_slot_gap (self, self->gap_from_ms, self->last_error);
        self->gap_from_ms = 0;
        self->last_error [0] = 0;
        mcp_slot_set_state (self, MCP_ACTIVE, "subscribed");
    }
}

void
mcp_session_wait (mcp_t *self, mcp_state_t state, const char *reason, int64_t delay_ms,
                  bool resume_init)
{
    mcp_session_leave_active (self, state, reason);
    self->wait_ms = self->now_ms + delay_ms;
    self->resume_init = resume_init;
}

static void
s_reinit (mcp_t *self, const char *reason, int64_t delay_ms, bool delete_session)
{
    mcp_slot_abort_all (self);
    mcp_slot_timers_off (self);
    mcp_state_t state = delay_ms >= PROBE_MS ? MCP_UNSUPPORTED : MCP_WAITING;
    mcp_session_wait (self, state, reason, delay_ms, true);
    if (delete_session && self->session [0])
        (void) mcp_slot_request (self, CALL_ASIDE, MCP_DELETE, NULL, DELETE_MS);
    if (self->session [0])
        mcp_slot_out_text (self, MCP_OUT_SESSION, "");
    self->session [0] = self->version [0] = self->subscription [0] = 0;
    self->level_done = self->tools_done = self->tools_stale = self->stream_once = false;
    self->conflicts = self->ping_misses = self->subscribe_tries = 0;
    sse_forget_id (self->stream);
}

void
mcp_session_again (mcp_t *self, const char *reason, bool delete_session)
{
    if (self->state == MCP_ACTIVE && self->now_ms - self->active_since_ms >= STREAM_GOOD_MS)
        self->session_failures = 0;
    int64_t delay =
        self->session_failures ? mcp_slot_backoff (self, self->session_failures - 1) : 0;
    mcp_slot_count_up (&self->session_failures);
    s_reinit (self, reason, delay, delete_session);
}

void
mcp_session_failed (mcp_t *self, const char *reason, int64_t at_least_ms)
{
    int64_t delay = mcp_slot_backoff (self, self->session_failures);
    mcp_slot_count_up (&self->session_failures);
    if (delay < at_least_ms)
        delay = at_least_ms > RETRY_AFTER_MAX_MS - 1 ? RETRY_AFTER_MAX_MS - 1 : at_least_ms;
    s_reinit (self, reason, delay, true);
}


//  --- calls

void
mcp_session_open_stream (mcp_t *self)
{
    self->wait_ms = INT64_MAX;
    sse_restart (self->stream);
    self->stream_resumed = *sse_last_id (self->stream) != 0;
    if (mcp_slot_request (self, CALL_STREAM, MCP_GET, NULL, 0))
        self->stream_head_ms = self->now_ms + STREAM_HEAD_MS;
    else
        mcp_session_failed (self, "out of memory", 0);
}

static json_t *
s_subscribe_arguments (mcp_t *self)
{
    json_t *arguments = json_pack ("{s:s}", "mode", self->mode);
    if (*self->type)
        json_object_set_new (arguments, "type", json_string (self->type));
    if (mcp_rpc_context_sent (self->tools.context))
        json_object_set_new (arguments, "context", json_string (self->context));
    return arguments;
}

static char *
s_call_text (mcp_t *self, mcp_part_call_t call, int64_t id)
{
    if (call == CALL_INIT)
        return mcp_rpc_request (id, "initialize", mcp_rpc_initialize ());
    if (call == CALL_INITIALIZED)
        return mcp_rpc_notification ("notifications/initialized", NULL);
    if (call == CALL_LEVEL)
        return mcp_rpc_request (id, "logging/setLevel", json_pack ("{s:s}", "level", "info"));
    if (call == CALL_TOOLS)
        return mcp_rpc_request (id, "tools/list",
                                self->tools_read.cursor [0]
                                    ? json_pack ("{s:s}", "cursor", self->tools_read.cursor)
                                    : json_object ());
    if (call == CALL_CONTEXTS)
        return mcp_rpc_request (id, "tools/call",
                                mcp_rpc_tool_call ("configuration_contexts_list", NULL));
    if (call == CALL_LIST)
        return mcp_rpc_request (id, "tools/call",
                                mcp_rpc_tool_call ("events_list_subscriptions", NULL));
    if (call == CALL_SUBSCRIBE)
        return mcp_rpc_request (
            id, "tools/call", mcp_rpc_tool_call ("events_subscribe", s_subscribe_arguments (self)));
    return mcp_rpc_request (id, "ping", NULL);
}

void
mcp_session_start_call (mcp_t *self, mcp_part_call_t call)
{
    assert (!mcp_slot_pending (self));

    int64_t limit_ms = call == CALL_INIT        ? INIT_MS
                       : call == CALL_SUBSCRIBE ? SUBSCRIBE_MS
                       : call == CALL_PING      ? PING_MS
                                                : CALL_MS;
    int64_t id = ++self->last_rpc_id;
    self->unread [0] = 0;
    mcp_part_slot_t *slot =
        mcp_slot_request (self, call, MCP_POST, s_call_text (self, call, id), limit_ms);
    if (slot)
        slot->rpc_id = call == CALL_INITIALIZED ? 0 : id; //  a notification has no answer
    else
        mcp_session_failed (self, "too many transfers at a time", 0);
}

void
mcp_session_begin (mcp_t *self)
{
    mcp_slot_timers_off (self);
    if (self->state != MCP_CONNECTING)
        mcp_slot_set_state (self, MCP_CONNECTING, "initialize");
    mcp_session_start_call (self, CALL_INIT);
}

//  Can another tool list the contexts, which the schema does not?
static bool
s_asks_contexts (const mcp_rpc_tools_t *tools)
{
    return tools->contexts_list
           && (tools->context == MCP_RPC_CONTEXT_OPEN
               || (tools->context == MCP_RPC_CONTEXT_DEFAULT && !tools->contexts [0]));
}

void
mcp_session_advance (mcp_t *self)
{
    self->wait_ms = INT64_MAX;
    if (mcp_slot_pending (self))
        return;
    if (!self->level_done) {
        mcp_session_start_call (self, CALL_LEVEL);
    }
    else if (!self->tools_done) {
        self->tools_read = (mcp_rpc_tools_t){0};
        self->tool_pages = 0;
        mcp_session_start_call (self, CALL_TOOLS);
    }
    else if (s_asks_contexts (&self->tools)) {
        mcp_session_start_call (self, CALL_CONTEXTS);
    }
    else {
        mcp_session_start_call (self, self->tools.list ? CALL_LIST : CALL_SUBSCRIBE);
    }
}

void
mcp_session_unsupported (mcp_t *self, const char *reason)
{
    s_reinit (self, reason, PROBE_MS, true);
}

//  The server does not know our cluster, so its events would be another cluster's.  Keep the
//  session: it reports when the tools change.  They are read again then, and after a backoff.
void
mcp_session_no_context (mcp_t *self, const char *known)
{
    char reason [LIMIT_REASON_BYTES];
    snprintf (reason, sizeof reason, "the server has no context \"%.80s\"%s%s", self->context,
              *known ? "; it has " : "", known);
    self->tools_done = self->tools_stale = false;
    mcp_session_wait (self, MCP_UNSUPPORTED, reason,
                      mcp_slot_backoff (self, self->session_failures), false);
    mcp_slot_count_up (&self->session_failures);
}
