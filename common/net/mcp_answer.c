//  mcp_answer - handles messages and results for the session machine.
//  SPDX-License-Identifier: Apache-2.0

#include "common/base/utf8.h"
#include "common/net/mcp_part.h"

#include "common/base/own.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>


//  --- answers

static void
s_on_init (mcp_t *self, const json_t *result)
{
    const char *version = json_member_text (result, "protocolVersion", "");
    if (!mcp_rpc_version_known (version)) {
        mcp_session_unsupported (self, "the server speaks no protocol version that we know");
        return;
    }
    utf8_copy (self->version, sizeof self->version, version);
    mcp_slot_out_text (self, MCP_OUT_SESSION, self->session);
    mcp_session_start_call (self, CALL_INITIALIZED);
}

//  Without a context name the server picks one of its clusters; report that.
static void
s_tell_several (mcp_t *self)
{
    if (self->tools.context == MCP_RPC_CONTEXT_DEFAULT && mcp_rpc_several (self->tools.contexts))
        mcp_slot_out_text (self, MCP_OUT_SEVERAL, self->tools.contexts);
}

static void
s_on_tools (mcp_t *self, const json_t *result)
{
    mcp_rpc_read_tools (result, self->context, &self->tools_read);
    if (self->tools_read.cursor [0] && ++self->tool_pages < TOOL_PAGES) {
        mcp_session_start_call (self, CALL_TOOLS);
        return;
    }
    self->tools = self->tools_read;
    self->tools_done = true;
    if (!self->tools.subscribe)
        mcp_session_unsupported (
            self, "the server has no event tools (events_subscribe); looked at again every 5 "
                  "minutes");
    else if (self->tools.context == MCP_RPC_CONTEXT_UNKNOWN)
        mcp_session_no_context (self, self->tools.contexts);
    else {
        s_tell_several (self);
        mcp_session_advance (self);
    }
}

//  result NULL: the tool failed; the subscribe call will show whether that matters.
static void
s_on_contexts (mcp_t *self, const json_t *result)
{
    char names [MCP_RPC_NAMES];
    const mcp_rpc_context_t found = mcp_rpc_read_contexts (result, self->context, names);
    self->tools.contexts_list = false; //  it has been called
    if (self->tools.context == MCP_RPC_CONTEXT_DEFAULT) {
        utf8_copy (self->tools.contexts, sizeof self->tools.contexts, names);
        s_tell_several (self);
    }
    else if (found == MCP_RPC_CONTEXT_UNKNOWN) {
        mcp_session_no_context (self, names);
        return;
    }
    else
        self->tools.context = MCP_RPC_CONTEXT_KNOWN;
    mcp_session_advance (self);
}

static void
s_subscribe (mcp_t *self, const char *reason)
{
    self->subscription [0] = 0;
    if (self->subscribe_tries++ < SUBSCRIBE_TRIES) {
        mcp_session_leave_active (self, MCP_CONNECTING, reason);
        mcp_session_start_call (self, CALL_SUBSCRIBE);
    }
    else {
        self->subscribe_tries = 0;
        mcp_session_wait (self, MCP_WAITING, reason,
                          mcp_slot_backoff (self, self->session_failures), false);
        mcp_slot_count_up (&self->session_failures);
    }
}

static void
s_on_list (mcp_t *self, const json_t *result)
{
    own (json_drop) json_t *value = NULL;
    char reason [MCP_RPC_REASON] = "";
    if (mcp_rpc_tool_value (result, &value, reason) != 0) {
        mcp_session_failed (self, reason, 0);
        return;
    }
    mcp_rpc_list_t list;
    const char *context = mcp_rpc_context_sent (self->tools.context) ? self->context : "";
    mcp_rpc_read_list (value, self->mode, self->type, context, self->subscription, &list);
    for (int i = 0; i < list.drop_count && self->tools.unsubscribe; i++)
        (void) mcp_slot_request (
            self, CALL_ASIDE, MCP_POST,
            mcp_rpc_request (
                ++self->last_rpc_id, "tools/call",
                mcp_rpc_tool_call ("events_unsubscribe",
                                   json_pack ("{s:s}", "subscriptionId", list.drop [i]))),
            CALL_MS);
    if (list.keep [0]) {
        utf8_copy (self->subscription, sizeof self->subscription, list.keep);
        mcp_session_enter_active (self);
    }
    else {
        bool vanished = self->state == MCP_ACTIVE;
        s_subscribe (self, "the server has no subscription of ours");
        if (vanished) //  it may have vanished at any time since the last list that showed it
            self->gap_from_ms = self->listed_ms;
    }
}

//  Does the server say that it knows no cluster of that name?  Other errors mention contexts too
//  ("context deadline exceeded").
static bool
s_context_unknown (const mcp_t *self, const char *reason)
{
    char quoted [sizeof self->context + 16];
    snprintf (quoted, sizeof quoted, "context \"%s\"", self->context);
    return strstr (reason, quoted) != NULL;
}

void
mcp_answer_subscribe_refused (mcp_t *self, const char *reason)
{
    if (strstr (reason, "require an HTTP") || strstr (reason, "unknown tool")) {
        mcp_session_unsupported (self, reason);
    }
    else if (mcp_rpc_context_sent (self->tools.context) && s_context_unknown (self, reason)) {
        mcp_session_no_context (self, "");
    }
    else {
        mcp_session_wait (self, MCP_WAITING, reason,
                          mcp_slot_backoff (self, self->session_failures), false);
        mcp_slot_count_up (&self->session_failures);
    }
}

static void
s_on_subscribe (mcp_t *self, const json_t *result)
{
    own (json_drop) json_t *value = NULL;
    char reason [MCP_RPC_REASON] = "";
    if (mcp_rpc_tool_value (result, &value, reason) != 0) {
        mcp_answer_subscribe_refused (self, reason);
        return;
    }
    const char *id = json_member_text (value, "subscriptionId", "");
    if (strlen (id) >= sizeof self->subscription) {
        mcp_answer_subscribe_refused (self, "the subscription id is too long");
        return;
    }
    utf8_copy (self->subscription, sizeof self->subscription, id);
    if (self->tools.list)
        mcp_session_start_call (self, CALL_LIST);
    else
        mcp_session_enter_active (self);
}

static void
s_on_result (mcp_t *self, mcp_part_call_t call, const json_t *result)
{
    self->alive_ms = self->now_ms;
    self->ping_misses = 0;
    if (call == CALL_INIT) {
        s_on_init (self, result);
    }
    else if (call == CALL_LEVEL) {
        self->level_done = true;
        mcp_session_advance (self);
    }
    else if (call == CALL_TOOLS) {
        s_on_tools (self, result);
    }
    else if (call == CALL_CONTEXTS) {
        s_on_contexts (self, result);
    }
    else if (call == CALL_LIST) {
        s_on_list (self, result);
    }
    else if (call == CALL_SUBSCRIBE) {
        s_on_subscribe (self, result);
    }
    else if (call == CALL_PING) {
        self->ping_ms = self->now_ms + PING_EVERY_MS;
    }
}

static void
s_on_rpc_error (mcp_t *self, mcp_part_call_t call, const json_t *error)
{
    const char *reason = json_member_text (error, "message", "error without a message");
    if (mcp_rpc_session_lost (reason)) {
        mcp_session_again (self, reason, false);
    }
    else if (call == CALL_INIT) {
        if (json_member_int (error, "code", 0) == -32022)
            mcp_session_unsupported (self, "the server has no sessions (modern protocol only)");
        else
            mcp_session_failed (self, reason, 0);
    }
    else if (call == CALL_LEVEL || call == CALL_PING || call == CALL_CONTEXTS) {
        s_on_result (self, call, NULL); //  the method is unknown, but the server is alive
    }
    else if (call == CALL_SUBSCRIBE) {
        mcp_answer_subscribe_refused (self, reason);
    }
    else {
        mcp_session_failed (self, reason, 0);
    }
}


//  --- messages

//  An event is known by its logger or, under any other logger, by its members.
static bool
s_is_event (const json_t *params)
{
    const char *logger = json_member_text (params, "logger", "");
    const json_t *data = json_object_get (params, "data");
    return strcmp (logger, "kubernetes/faults") == 0 || strcmp (logger, "kubernetes/events") == 0
           || strcmp (logger, "kubernetes/resource-faults") == 0
           || json_object_get (data, "faultId") || json_object_get (data, "faultType")
           || json_object_get (data, "event");
}

static void
s_on_notification (mcp_t *self, const json_t *message)
{
    const char *method = json_member_text (message, "method", "");
    const json_t *params = json_object_get (message, "params");
    if (strcmp (method, "notifications/tools/list_changed") == 0) {
        self->tools_stale = true;
    }
    else if (strcmp (method, "notifications/message") == 0) {
        if (s_is_event (params)) {
            const json_t *data = json_object_get (params, "data");
            char *text = data ? json_line (data) : strdup ("null");
            if (text)
                mcp_slot_out_take (self, MCP_OUT_EVENT, text);
            else
                mcp_slot_large (self, 1);
        }
        else if (strcmp (json_member_text (params, "logger", ""), "kubernetes/subscription_error")
                     == 0
                 && self->state == MCP_ACTIVE) {
            //  the list shows it as degraded
            self->list_ms = self->tools.list ? self->now_ms : INT64_MAX;
        }
    }
}

static void
s_on_response (mcp_t *self, const json_t *message)
{
    mcp_part_slot_t *slot = mcp_slot_pending (self);
    const json_t *id = json_object_get (message, "id");
    if (!slot || !slot->rpc_id || !json_is_number (id)
        || json_number_value (id) != (double) slot->rpc_id)
        return; //  late, cancelled or never called
    mcp_part_call_t call = slot->call;
    slot->call = CALL_ASIDE; //  its transfer may go on; nothing waits for it
    const json_t *error = json_object_get (message, "error");
    const json_t *result = json_object_get (message, "result");
    if (json_is_object (error))
        s_on_rpc_error (self, call, error);
    else if (json_is_object (result))
        s_on_result (self, call, result);
    else
        mcp_session_failed (self, "answer without a result", 0);
}

static void
s_on_message (mcp_t *self, const json_t *message)
{
    if (!json_is_object (message)) {
        self->bad_messages++;
    }
    else if (!json_object_get (message, "method")) {
        s_on_response (self, message);
    }
    else if (json_object_get (message, "id")) {
        (void) mcp_slot_request (self, CALL_ASIDE, MCP_POST, mcp_rpc_answer (message), CALL_MS);
    }
    else {
        s_on_notification (self, message);
    }
}

//  A message that is not parsed.  A broken event is still an event: it is kept raw.
static void
s_on_unread (mcp_t *self, const char *text, size_t size, const char *why)
{
    self->bad_messages++;
    snprintf (self->unread, sizeof self->unread, "the answer is not read: %.70s", why);
    if (memmem (text, size, "notifications/message", 21) && memmem (text, size, "kubernetes/", 11))
        (void) mcp_slot_out (self, MCP_OUT_EVENT, text, size);
}

static void
s_read (mcp_t *self, const char *text, size_t size)
{
    own (json_drop) json_t *doc = NULL;
    err_diag_t diag = {""};
    if (json_parse (text, size, &doc, &diag) != 0) {
        s_on_unread (self, text, size, diag.text);
        return;
    }
    if (!json_is_array (doc)) {
        s_on_message (self, doc);
        return;
    }
    for (size_t i = 0; i < json_array_size (doc); i++)
        s_on_message (self, json_array_get (doc, i));
}

void
mcp_answer_on_text (mcp_t *self, const char *text, size_t size)
{
    static const char *const calls [] = {
        [CALL_INIT] = "initialize",
        [CALL_LEVEL] = "logging/setLevel",
        [CALL_TOOLS] = "tools/list",
        [CALL_CONTEXTS] = "configuration_contexts_list",
        [CALL_LIST] = "events_list_subscriptions",
        [CALL_SUBSCRIBE] = "events_subscribe",
        [CALL_PING] = "ping",
        [CALL_BYE] = NULL,
    };
    const mcp_settings_t *settings = &self->settings;
    const mcp_part_slot_t *slot = mcp_slot_pending (self);
    const char *call = slot && calls [slot->call] ? calls [slot->call] : "stream";
    if (settings->read_begin && settings->read_begin (settings->read_arg, call, text, size)) {
        s_on_unread (self, text, size, "the broker died three times while it read this");
        return;
    }
    s_read (self, text, size);
    if (settings->read_end)
        settings->read_end (settings->read_arg);
}

void
mcp_answer_on_sse (void *arg, const sse_event_t *event)
{
    if (strcmp (event->type, "message") == 0)
        mcp_answer_on_text (arg, event->data, event->size);
}
