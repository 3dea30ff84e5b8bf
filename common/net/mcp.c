//  mcp - one session with an MCP server that sends fault events, as a pure state machine.
//  SPDX-License-Identifier: Apache-2.0

#include "common/net/mcp.h"

#include "common/base/buf.h"
#include "common/base/own.h"
#include "common/net/mcp_rpc.h"
#include "common/net/sse.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

enum {
    INIT_MS = 15000,
    CALL_MS = 30000,
    SUBSCRIBE_MS = 60000, //  a server whose rights are short hangs here for ever
    DELETE_MS = 3000,     //  a silent peer must not hold the end up
    PING_EVERY_MS = 20000,
    PING_MS = 10000,
    PING_MISSES = 2,
    PING_AGAIN_MS = 2000, //  after a miss
    LIST_EVERY_MS = 60000,
    STREAM_HEAD_MS = 10000, //  proxies may hold headers back until the first byte
    STREAM_GOOD_MS = 30000, //  a stream that lived this long starts the backoff anew
    STREAM_FIRST_MS = 100,  //  first reopening of such a stream
    CONFLICT_TRIES = 3,     //  409: the server still holds the old stream
    CONFLICT_MS = 250,      //  x 2 each
    SUBSCRIBE_TRIES = 3,    //  in a row, then backoff
    PROBE_MS = 300000,      //  unsupported, wedged
    RETRY_AFTER_MAX_MS = 300000,
    TOOL_PAGES = 16,
    SLOTS = 8, //  transfers at a time: stream, call, and what is sent aside
    ERROR_BODY_BYTES = 4096,
    SESSION_BYTES = 1025
};

typedef enum {
    CALL_FREE,   //  the slot is not in use
    CALL_ASIDE,  //  fire and forget
    CALL_FORGET, //  DELETE of the session of an earlier life
    CALL_INIT,
    CALL_INITIALIZED,
    CALL_STREAM,
    CALL_LEVEL,
    CALL_TOOLS,
    CALL_LIST,
    CALL_SUBSCRIBE,
    CALL_PING,
    CALL_BYE //  DELETE at the end
} s_call_t;

typedef struct {
    s_call_t call;
    uint64_t cookie;
    int64_t rpc_id;
    int status; //  0 = no headers yet
    bool is_sse;
    sse_t *sse;          //  POST answered by an event stream; owned
    buf_t body;          //  JSON or error text
    int64_t deadline_ms; //  INT64_MAX = none
    int64_t retry_after_ms;
} s_slot_t;

typedef struct s_node {
    mcp_out_t out;
    struct s_node *next, *prev;
} s_node_t;

struct mcp {
    mcp_settings_t settings;
    char mode [16], context [64];
    mcp_state_t state;
    s_slot_t slots [SLOTS];
    s_node_t *outs;
    sse_t *stream; //  parser of the stream; outlives one GET: it has the last id
    uint64_t last_cookie, random;
    int64_t last_rpc_id, now_ms;
    char session [SESSION_BYTES], version [32], subscription [MCP_RPC_TEXT];
    char last_error [LIMIT_REASON_BYTES];
    mcp_rpc_tools_t tools, tools_read;
    bool level_done, tools_done, tools_stale, stream_open, stream_once, stream_resumed;
    bool without_context, resume_init, token_retried;
    int tool_pages, conflicts, ping_misses, subscribe_tries;
    int stream_failures, session_failures; //  exponents of the backoffs
    int64_t stream_since_ms, active_since_ms, alive_ms, gap_from_ms;
    int64_t wait_ms, stream_head_ms, ping_ms, list_ms; //  timers, INT64_MAX = off
    int64_t dropped_seen, bad_messages;
};

static void
s_start_call (mcp_t *self, s_call_t call);
static void
s_reinit (mcp_t *self, const char *reason, int64_t delay_ms, bool delete_session);


//  --- outputs

static mcp_out_t *
s_out (mcp_t *self, mcp_out_kind_t kind, const char *text, size_t size)
{
    s_node_t *node = calloc (1, sizeof (s_node_t));
    if (!node)
        return NULL;
    node->out.kind = kind;
    node->out.text = malloc (size + 1);
    if (!node->out.text) {
        free (node);
        return NULL;
    }
    memcpy (node->out.text, text, size);
    node->out.text [size] = 0;
    node->out.text_size = size;
    DL_APPEND (self->outs, node);
    return &node->out;
}

static void
s_out_text (mcp_t *self, mcp_out_kind_t kind, const char *text)
{
    (void) s_out (self, kind, text, strlen (text));
}

static void
s_set_state (mcp_t *self, mcp_state_t state, const char *reason)
{
    if (self->state == state)
        return;
    self->state = state;
    mcp_out_t *out = s_out (self, MCP_OUT_STATE, reason, strlen (reason));
    if (out)
        out->state = state;
}

static void
s_gap (mcp_t *self, int64_t from_ms, const char *reason)
{
    mcp_out_t *out = s_out (self, MCP_OUT_GAP, reason, strlen (reason));
    if (out) {
        out->from_ms = from_ms;
        out->to_ms = self->now_ms;
    }
}

static void
s_error (mcp_t *self, const char *reason)
{
    mcp_rpc_copy (self->last_error, sizeof self->last_error, reason);
}


//  --- time and chance

static uint64_t
s_random (mcp_t *self, uint64_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random % below;
}

//  min x 2^failures, at most max, +-20 %.
static int64_t
s_backoff (mcp_t *self, int failures)
{
    int64_t delay = self->settings.backoff_min_ms;
    for (int i = 0; i < failures && delay < self->settings.backoff_max_ms; i++)
        delay *= 2;
    if (delay > self->settings.backoff_max_ms)
        delay = self->settings.backoff_max_ms;
    int64_t spread = delay * 2 / 5;
    return delay - delay / 5 + (int64_t) s_random (self, (uint64_t) spread + 1);
}

static void
s_count_up (int *failures)
{
    if (*failures < 30)
        ++*failures;
}

static void
s_timers_off (mcp_t *self)
{
    self->wait_ms = self->stream_head_ms = self->ping_ms = self->list_ms = INT64_MAX;
}


//  --- slots

static s_slot_t *
s_find (mcp_t *self, uint64_t cookie)
{
    for (int i = 0; i < SLOTS; i++) {
        if (self->slots [i].call != CALL_FREE && self->slots [i].cookie == cookie)
            return &self->slots [i];
    }
    return NULL;
}

static s_slot_t *
s_find_call (mcp_t *self, s_call_t call)
{
    for (int i = 0; i < SLOTS; i++) {
        if (self->slots [i].call == call)
            return &self->slots [i];
    }
    return NULL;
}

//  The one call that the machine waits for, if any.
static s_slot_t *
s_pending (mcp_t *self)
{
    for (int i = 0; i < SLOTS; i++) {
        s_call_t call = self->slots [i].call;
        if (call != CALL_FREE && call != CALL_ASIDE && call != CALL_STREAM)
            return &self->slots [i];
    }
    return NULL;
}

static void
s_free_slot (s_slot_t *slot)
{
    sse_destroy (&slot->sse);
    buf_fini (&slot->body);
    *slot = (s_slot_t){0};
}

static void
s_abort (mcp_t *self, s_slot_t *slot)
{
    mcp_out_t *out = s_out (self, MCP_OUT_ABORT, "", 0);
    if (out)
        out->cookie = slot->cookie;
    s_free_slot (slot);
}

static void
s_abort_pending (mcp_t *self)
{
    s_slot_t *slot = s_pending (self);
    if (slot)
        s_abort (self, slot);
}

static void
s_abort_all (mcp_t *self)
{
    for (int i = 0; i < SLOTS; i++) {
        if (self->slots [i].call != CALL_FREE)
            s_abort (self, &self->slots [i]);
    }
    self->stream_open = false;
}

static void __attribute__ ((format (printf, 2, 3)))
s_header (mcp_out_t *out, const char *format, ...)
{
    va_list args;
    va_start (args, format);
    char *line = NULL;
    if (out->header_count < MCP_HEADERS && vasprintf (&line, format, args) >= 0)
        out->headers [out->header_count++] = line;
    va_end (args);
}

//  Ask for a transfer.  Own: steals body.
static s_slot_t *
s_request (mcp_t *self, s_call_t call, mcp_verb_t verb, char *body, int64_t limit_ms)
{
    own (own_mem) char *text = body;
    s_slot_t *slot = s_find_call (self, CALL_FREE);
    if (!slot)
        return NULL; //  only what is sent aside can come here: the calls are one at a time
    mcp_out_t *out = s_out (self, MCP_OUT_REQUEST, text ? text : "", text ? strlen (text) : 0);
    if (!out)
        return NULL;
    slot->call = call;
    slot->cookie = out->cookie = ++self->last_cookie;
    slot->deadline_ms = limit_ms ? self->now_ms + limit_ms : INT64_MAX;
    slot->body = buf_init (LIMIT_HTTP_RESPONSE_BYTES);
    out->verb = verb;
    out->total_ms = limit_ms ? limit_ms + 1000 : 0; //  our own deadline comes first
    if (verb == MCP_POST) {
        s_header (out, "Content-Type: application/json");
        s_header (out, "Accept: application/json, text/event-stream");
    }
    if (verb == MCP_GET)
        s_header (out, "Accept: text/event-stream");
    if (call != CALL_INIT && self->session [0])
        s_header (out, "Mcp-Session-Id: %s", self->session);
    if (call != CALL_INIT && self->version [0])
        s_header (out, "MCP-Protocol-Version: %s", self->version);
    if (verb == MCP_GET && *sse_last_id (self->stream))
        s_header (out, "Last-Event-ID: %s", sse_last_id (self->stream));
    return slot;
}


//  --- leaving and entering `active`

static void
s_leave_active (mcp_t *self, mcp_state_t state, const char *reason)
{
    if (self->state == MCP_ACTIVE) {
        self->gap_from_ms = self->alive_ms;
        if (self->now_ms - self->active_since_ms >= STREAM_GOOD_MS)
            self->session_failures = 0;
    }
    self->ping_ms = self->list_ms = INT64_MAX;
    s_error (self, reason);
    s_set_state (self, state, reason);
}

static void
s_enter_active (mcp_t *self)
{
    self->alive_ms = self->now_ms;
    self->ping_misses = self->subscribe_tries = 0;
    self->token_retried = false;
    self->wait_ms = INT64_MAX;
    self->ping_ms = self->now_ms + PING_EVERY_MS;
    self->list_ms = self->tools.list ? self->now_ms + LIST_EVERY_MS : INT64_MAX;
    if (self->state != MCP_ACTIVE) {
        self->active_since_ms = self->now_ms;
        if (self->gap_from_ms)
            s_gap (self, self->gap_from_ms, self->last_error);
        self->gap_from_ms = 0;
        s_set_state (self, MCP_ACTIVE, "subscribed");
    }
}

//  Wait in a state, then initialize anew or only reconcile.
static void
s_wait (mcp_t *self, mcp_state_t state, const char *reason, int64_t delay_ms, bool resume_init)
{
    s_leave_active (self, state, reason);
    self->wait_ms = self->now_ms + delay_ms;
    self->resume_init = resume_init;
}

static void
s_reinit (mcp_t *self, const char *reason, int64_t delay_ms, bool delete_session)
{
    s_abort_all (self);
    s_timers_off (self);
    mcp_state_t state = delay_ms >= PROBE_MS ? MCP_UNSUPPORTED : MCP_WAITING;
    s_wait (self, state, reason, delay_ms, true);
    if (delete_session && self->session [0])
        (void) s_request (self, CALL_ASIDE, MCP_DELETE, NULL, DELETE_MS);
    if (self->session [0])
        s_out_text (self, MCP_OUT_SESSION, "");
    self->session [0] = self->version [0] = self->subscription [0] = 0;
    self->level_done = self->tools_done = self->tools_stale = self->stream_once = false;
    self->without_context = false;
    self->conflicts = self->ping_misses = self->subscribe_tries = 0;
    sse_forget_id (self->stream);
}

//  The session is gone: the first time at once, then with backoff.
static void
s_session_lost (mcp_t *self, const char *reason)
{
    if (self->state == MCP_ACTIVE && self->now_ms - self->active_since_ms >= STREAM_GOOD_MS)
        self->session_failures = 0;
    int64_t delay = self->session_failures ? s_backoff (self, self->session_failures - 1) : 0;
    s_count_up (&self->session_failures);
    s_reinit (self, reason, delay, false);
}

static void
s_session_failed (mcp_t *self, const char *reason, int64_t at_least_ms)
{
    int64_t delay = s_backoff (self, self->session_failures);
    s_count_up (&self->session_failures);
    if (delay < at_least_ms)
        delay = at_least_ms > RETRY_AFTER_MAX_MS - 1 ? RETRY_AFTER_MAX_MS - 1 : at_least_ms;
    s_reinit (self, reason, delay, true);
}


//  --- calls

static void
s_open_stream (mcp_t *self)
{
    self->wait_ms = INT64_MAX;
    sse_restart (self->stream);
    self->stream_resumed = *sse_last_id (self->stream) != 0;
    if (s_request (self, CALL_STREAM, MCP_GET, NULL, 0))
        self->stream_head_ms = self->now_ms + STREAM_HEAD_MS;
    else
        s_session_failed (self, "out of memory", 0);
}

static json_t *
s_subscribe_arguments (mcp_t *self)
{
    json_t *arguments = json_pack ("{s:s}", "mode", self->mode);
    if (self->tools.context && !self->without_context)
        json_object_set_new (arguments, "context", json_string (self->context));
    return arguments;
}

static char *
s_call_text (mcp_t *self, s_call_t call, int64_t id)
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
    if (call == CALL_LIST)
        return mcp_rpc_request (id, "tools/call",
                                mcp_rpc_tool_call ("events_list_subscriptions", NULL));
    if (call == CALL_SUBSCRIBE)
        return mcp_rpc_request (
            id, "tools/call", mcp_rpc_tool_call ("events_subscribe", s_subscribe_arguments (self)));
    return mcp_rpc_request (id, "ping", NULL);
}

static void
s_start_call (mcp_t *self, s_call_t call)
{
    assert (!s_pending (self));

    int64_t limit_ms = call == CALL_INIT        ? INIT_MS
                       : call == CALL_SUBSCRIBE ? SUBSCRIBE_MS
                       : call == CALL_PING      ? PING_MS
                                                : CALL_MS;
    int64_t id = ++self->last_rpc_id;
    s_slot_t *slot = s_request (self, call, MCP_POST, s_call_text (self, call, id), limit_ms);
    if (slot)
        slot->rpc_id = id;
    else
        s_session_failed (self, "too many transfers at a time", 0);
}

static void
s_begin_session (mcp_t *self)
{
    s_timers_off (self);
    if (self->state != MCP_CONNECTING)
        s_set_state (self, MCP_CONNECTING, "initialize");
    s_start_call (self, CALL_INIT);
}

//  Go on with whatever the open session still needs.
static void
s_advance (mcp_t *self)
{
    self->wait_ms = INT64_MAX;
    if (s_pending (self))
        return;
    if (!self->level_done) {
        s_start_call (self, CALL_LEVEL);
    }
    else if (!self->tools_done) {
        self->tools_read = (mcp_rpc_tools_t){0};
        self->tool_pages = 0;
        s_start_call (self, CALL_TOOLS);
    }
    else {
        s_start_call (self, self->tools.list ? CALL_LIST : CALL_SUBSCRIBE);
    }
}

static void
s_unsupported (mcp_t *self, const char *reason)
{
    s_reinit (self, reason, PROBE_MS, true);
}


//  --- answers

static void
s_on_init (mcp_t *self, const json_t *result)
{
    const char *version = json_member_text (result, "protocolVersion", "");
    if (!mcp_rpc_version_known (version)) {
        s_unsupported (self, "the server speaks no protocol version that we know");
        return;
    }
    mcp_rpc_copy (self->version, sizeof self->version, version);
    s_out_text (self, MCP_OUT_SESSION, self->session);
    s_start_call (self, CALL_INITIALIZED);
}

static void
s_on_tools (mcp_t *self, const json_t *result)
{
    mcp_rpc_read_tools (result, self->context, &self->tools_read);
    if (self->tools_read.cursor [0] && ++self->tool_pages < TOOL_PAGES) {
        s_start_call (self, CALL_TOOLS);
        return;
    }
    self->tools = self->tools_read;
    self->tools_done = true;
    if (!self->tools.subscribe)
        s_unsupported (self, "the server has no event tools");
    else
        s_advance (self);
}

static void
s_subscribe (mcp_t *self, const char *reason)
{
    self->subscription [0] = 0;
    if (self->subscribe_tries++ < SUBSCRIBE_TRIES) {
        s_leave_active (self, MCP_CONNECTING, reason);
        s_start_call (self, CALL_SUBSCRIBE);
    }
    else {
        self->subscribe_tries = 0;
        s_wait (self, MCP_WAITING, reason, s_backoff (self, self->session_failures), false);
        s_count_up (&self->session_failures);
    }
}

static void
s_on_list (mcp_t *self, const json_t *result)
{
    own (json_drop) json_t *value = NULL;
    char reason [MCP_RPC_REASON] = "";
    if (mcp_rpc_tool_value (result, &value, reason) != 0) {
        s_session_failed (self, reason, 0);
        return;
    }
    mcp_rpc_list_t list;
    const char *context = self->tools.context && !self->without_context ? self->context : "";
    mcp_rpc_read_list (value, self->mode, context, self->subscription, &list);
    for (int i = 0; i < list.drop_count && self->tools.unsubscribe; i++)
        (void) s_request (self, CALL_ASIDE, MCP_POST,
                          mcp_rpc_request (++self->last_rpc_id, "tools/call",
                                           mcp_rpc_tool_call ("events_unsubscribe",
                                                              json_pack ("{s:s}", "subscriptionId",
                                                                         list.drop [i]))),
                          CALL_MS);
    if (list.keep [0]) {
        mcp_rpc_copy (self->subscription, sizeof self->subscription, list.keep);
        s_enter_active (self);
    }
    else {
        s_subscribe (self, "the server has no subscription of ours");
    }
}

static void
s_subscribe_refused (mcp_t *self, const char *reason)
{
    if (strstr (reason, "require an HTTP") || strstr (reason, "unknown tool")) {
        s_unsupported (self, reason);
    }
    else if (strstr (reason, "context") && self->tools.context && !self->without_context) {
        self->without_context = true;
        s_subscribe (self, reason);
    }
    else {
        s_wait (self, MCP_WAITING, reason, s_backoff (self, self->session_failures), false);
        s_count_up (&self->session_failures);
    }
}

static void
s_on_subscribe (mcp_t *self, const json_t *result)
{
    own (json_drop) json_t *value = NULL;
    char reason [MCP_RPC_REASON] = "";
    if (mcp_rpc_tool_value (result, &value, reason) != 0) {
        s_subscribe_refused (self, reason);
        return;
    }
    const char *id = json_member_text (value, "subscriptionId", "");
    mcp_rpc_copy (self->subscription, sizeof self->subscription, id);
    if (self->tools.list)
        s_start_call (self, CALL_LIST);
    else
        s_enter_active (self);
}

static void
s_on_result (mcp_t *self, s_call_t call, const json_t *result)
{
    self->alive_ms = self->now_ms;
    self->ping_misses = 0;
    if (call == CALL_INIT) {
        s_on_init (self, result);
    }
    else if (call == CALL_LEVEL) {
        self->level_done = true;
        s_advance (self);
    }
    else if (call == CALL_TOOLS) {
        s_on_tools (self, result);
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
s_on_rpc_error (mcp_t *self, s_call_t call, const json_t *error)
{
    const char *reason = json_member_text (error, "message", "error without a message");
    if (mcp_rpc_session_lost (reason)) {
        s_session_lost (self, reason);
    }
    else if (call == CALL_INIT) {
        if (json_member_int (error, "code", 0) == -32022)
            s_unsupported (self, "the server has no sessions (modern protocol only)");
        else
            s_session_failed (self, reason, 0);
    }
    else if (call == CALL_LEVEL || call == CALL_PING) {
        s_on_result (self, call, NULL); //  it does not know the method, but it lives
    }
    else if (call == CALL_SUBSCRIBE) {
        s_subscribe_refused (self, reason);
    }
    else {
        s_session_failed (self, reason, 0);
    }
}


//  --- messages

static bool
s_is_event (const json_t *params)
{
    const char *logger = json_member_text (params, "logger", "");
    if (!*logger) {
        const json_t *data = json_object_get (params, "data");
        return json_object_get (data, "faultId") || json_object_get (data, "event");
    }
    return strcmp (logger, "kubernetes/faults") == 0 || strcmp (logger, "kubernetes/events") == 0
           || strcmp (logger, "kubernetes/resource-faults") == 0;
}

static void
s_on_notification (mcp_t *self, const json_t *message)
{
    const char *method = json_member_text (message, "method", "");
    const json_t *params = json_object_get (message, "params");
    const json_t *data = json_object_get (params, "data");
    if (strcmp (method, "notifications/tools/list_changed") == 0) {
        self->tools_stale = true;
    }
    else if (strcmp (method, "notifications/message") == 0 && data) {
        if (s_is_event (params)) {
            own (own_mem) char *text = json_dumps (data, JSON_COMPACT | JSON_ENCODE_ANY);
            s_out_text (self, MCP_OUT_EVENT, text ? text : "");
        }
        else if (strcmp (json_member_text (params, "logger", ""), "kubernetes/subscription_error")
                     == 0
                 && self->state == MCP_ACTIVE) {
            self->list_ms = self->tools.list ? self->now_ms : INT64_MAX; //  shows it as degraded
        }
    }
}

static void
s_on_response (mcp_t *self, const json_t *message)
{
    s_slot_t *slot = s_pending (self);
    const json_t *id = json_object_get (message, "id");
    if (!slot || !json_is_number (id) || json_number_value (id) != (double) slot->rpc_id)
        return; //  late, cancelled or never asked
    s_call_t call = slot->call;
    slot->call = CALL_ASIDE; //  its transfer may go on; nobody waits for it
    const json_t *error = json_object_get (message, "error");
    const json_t *result = json_object_get (message, "result");
    if (json_is_object (error))
        s_on_rpc_error (self, call, error);
    else if (json_is_object (result))
        s_on_result (self, call, result);
    else
        s_session_failed (self, "answer without a result", 0);
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
        (void) s_request (self, CALL_ASIDE, MCP_POST, mcp_rpc_answer (message), CALL_MS);
    }
    else {
        s_on_notification (self, message);
    }
}

static void
s_on_text (mcp_t *self, const char *text, size_t size)
{
    own (json_drop) json_t *doc = NULL;
    if (json_parse (text, size, &doc, NULL) != 0) {
        self->bad_messages++;
        //  A broken event is still an event: it is kept raw.
        if (memmem (text, size, "notifications/message", 21)
            && memmem (text, size, "kubernetes/", 11))
            (void) s_out (self, MCP_OUT_EVENT, text, size);
        return;
    }
    if (!json_is_array (doc)) {
        s_on_message (self, doc);
        return;
    }
    for (size_t i = 0; i < json_array_size (doc); i++)
        s_on_message (self, json_array_get (doc, i));
}

static void
s_on_sse (void *arg, const sse_event_t *event)
{
    if (strcmp (event->type, "message") == 0)
        s_on_text (arg, event->data, event->size);
}


//  --- the stream

static void
s_stream_ready (mcp_t *self)
{
    self->stream_head_ms = INT64_MAX;
    self->stream_once = true;
    self->conflicts = 0;
    if (self->state == MCP_CONNECTING || self->state == MCP_REOPENING)
        s_advance (self);
}

static void
s_reopen (mcp_t *self, const char *reason, int64_t delay_ms)
{
    int64_t retry_ms = sse_retry_ms (self->stream);
    if (retry_ms > self->settings.backoff_max_ms)
        retry_ms = self->settings.backoff_max_ms;
    if (delay_ms < retry_ms)
        delay_ms = retry_ms;
    s_abort_pending (self);
    s_leave_active (self, MCP_REOPENING, reason);
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
        s_session_failed (self, "the server never let go of the old stream", 0);
}

static void
s_stream_ended (mcp_t *self, int status, const char *body, const char *reason)
{
    bool lived = self->stream_open && self->now_ms - self->stream_since_ms >= STREAM_GOOD_MS;
    self->stream_open = false;
    if (status == 404 || (status == 400 && !self->stream_resumed && mcp_rpc_session_lost (body))
        || (status == 405 && self->stream_once)) {
        s_session_lost (self, "the server forgot the session");
        return;
    }
    if (status == 405) {
        s_unsupported (self, "the server offers no stream");
        return;
    }
    if (status == 409) {
        s_stream_conflict (self);
        return;
    }
    if (status == 401)
        s_out_text (self, MCP_OUT_TOKEN, "");
    if (status == 400 && self->stream_resumed)
        sse_forget_id (self->stream);
    if (lived)
        self->stream_failures = 0;
    int64_t delay = s_backoff (self, self->stream_failures);
    if (lived && delay > STREAM_FIRST_MS)
        delay = (int64_t) s_random (self, STREAM_FIRST_MS);
    else
        s_count_up (&self->stream_failures);
    s_reopen (self, reason, delay);
}


//  --- failures of calls

static void
s_missed (mcp_t *self, const char *reason)
{
    self->ping_ms = self->now_ms + PING_AGAIN_MS;
    if (self->list_ms != INT64_MAX)
        self->list_ms = self->now_ms + LIST_EVERY_MS;
    if (++self->ping_misses >= PING_MISSES)
        s_session_failed (self, reason, 0);
}

static void
s_wedged (mcp_t *self, int64_t rpc_id)
{
    (void) s_request (self, CALL_ASIDE, MCP_POST,
                      mcp_rpc_notification ("notifications/cancelled",
                                            json_pack ("{s:I, s:s}", "requestId",
                                                       (json_int_t) rpc_id, "reason", "timeout")),
                      CALL_MS);
    s_wait (self, MCP_WEDGED, "the server does not answer events_subscribe", PROBE_MS, false);
    self->ping_ms = self->now_ms + PING_EVERY_MS;
}

static void
s_call_failed (mcp_t *self, s_call_t call, int64_t rpc_id, const char *reason, bool timeout,
               int64_t retry_after_ms)
{
    bool watching = self->state == MCP_ACTIVE || self->state == MCP_WEDGED;
    if (call == CALL_FORGET)
        s_begin_session (self);
    else if (call == CALL_BYE)
        s_set_state (self, MCP_STOPPED, "stopped");
    else if (call == CALL_PING || (call == CALL_LIST && watching))
        s_missed (self, reason);
    else if (call == CALL_SUBSCRIBE && timeout)
        s_wedged (self, rpc_id);
    else if (call == CALL_SUBSCRIBE) //  it may have worked: the list will tell
        s_subscribe_refused (self, "the answer to events_subscribe was lost");
    else
        s_session_failed (self, reason, retry_after_ms);
}

static void
s_http_failed (mcp_t *self, s_slot_t *ended)
{
    const char *body = ended->body.data;
    char reason [96];
    snprintf (reason, sizeof reason, "HTTP status %d", ended->status);
    bool unknown_method = ended->status == 404 && strstr (body, "-32601");
    bool lost = ended->call != CALL_INIT && self->session [0]
                && ((ended->status == 404 && !unknown_method)
                    || (ended->status == 400 && mcp_rpc_session_lost (body)));
    if (lost) {
        s_session_lost (self, "the server forgot the session");
    }
    else if (ended->status == 401 && !self->token_retried) {
        self->token_retried = true;
        s_out_text (self, MCP_OUT_TOKEN, "");
        s_reinit (self, "HTTP status 401", 0, true);
    }
    else if (ended->call == CALL_INIT && ended->status == 405) {
        s_unsupported (self, "the endpoint does not take initialize");
    }
    else {
        if (ended->status == 401)
            s_out_text (self, MCP_OUT_TOKEN, "");
        s_call_failed (self, ended->call, ended->rpc_id, reason, false, ended->retry_after_ms);
    }
}

//  A POST or DELETE is over and its slot is already free for the next.
static void
s_post_ended (mcp_t *self, s_slot_t *ended, int rc, const char *reason)
{
    s_call_t call = ended->call;
    if (call == CALL_BYE && rc == 0) //  otherwise the next start tries again
        s_out_text (self, MCP_OUT_SESSION, "");
    if (call == CALL_FORGET || call == CALL_BYE || rc != 0) {
        s_call_failed (self, call, ended->rpc_id, reason, false, 0);
    }
    else if (ended->status < 200 || ended->status > 299) {
        s_http_failed (self, ended);
    }
    else if (call == CALL_INITIALIZED) {
        s_open_stream (self);
    }
    else {
        s_call_failed (self, call, ended->rpc_id, "the response ended without an answer", false, 0);
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
    mcp_rpc_copy (self->mode, sizeof self->mode, settings->mode);
    mcp_rpc_copy (self->context, sizeof self->context, settings->context);
    mcp_set_backoff (self, settings->backoff_min_ms, settings->backoff_max_ms);
    self->random = settings->random64 ? settings->random64 : 1;
    s_timers_off (self);
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
        s_free_slot (&self->slots [i]);
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
    s_set_state (self, MCP_CONNECTING, "start");
    if (mcp_rpc_session_valid (stored_session)) {
        mcp_rpc_copy (self->session, sizeof self->session, stored_session);
        (void) s_request (self, CALL_FORGET, MCP_DELETE, NULL, DELETE_MS);
        self->session [0] = 0;
        s_out_text (self, MCP_OUT_SESSION, "");
    }
    if (!s_pending (self))
        s_begin_session (self);
}

void
mcp_stop (mcp_t *self, int64_t now_ms)
{
    assert (self);

    if (self->state == MCP_STOPPING || self->state == MCP_STOPPED)
        return;
    self->now_ms = now_ms;
    s_abort_all (self);
    s_timers_off (self);
    s_set_state (self, MCP_STOPPING, "stop");
    if (!self->session [0] || !s_request (self, CALL_BYE, MCP_DELETE, NULL, DELETE_MS))
        s_set_state (self, MCP_STOPPED, "stopped");
}

void
mcp_on_head (mcp_t *self, uint64_t cookie, int status, const char *content_type,
             const char *session, int64_t retry_after_ms, int64_t now_ms)
{
    assert (self && content_type && session);

    self->now_ms = now_ms;
    s_slot_t *slot = s_find (self, cookie);
    if (!slot)
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
        mcp_rpc_copy (self->session, sizeof self->session,
                      mcp_rpc_session_valid (session) ? session : "");
    if (slot->call == CALL_STREAM) {
        self->stream_open = true;
        self->stream_since_ms = now_ms;
        s_stream_ready (self);
    }
    else if (slot->is_sse) {
        slot->sse = sse_new (LIMIT_HTTP_RESPONSE_BYTES);
    }
}

void
mcp_on_body (mcp_t *self, uint64_t cookie, const char *bytes, size_t size, int64_t now_ms)
{
    assert (self);

    self->now_ms = now_ms;
    s_slot_t *slot = s_find (self, cookie);
    if (!slot)
        return;
    if (slot->call == CALL_STREAM && slot->is_sse) {
        self->alive_ms = now_ms;
        sse_feed (self->stream, bytes, size, s_on_sse, self);
        if (sse_dropped (self->stream) > self->dropped_seen)
            s_gap (self, now_ms, "an event was over the limit and dropped");
        self->dropped_seen = sse_dropped (self->stream);
    }
    else if (slot->sse) {
        //  The parser is taken out: an answer may make the machine abort this very slot.
        own (sse_destroy) sse_t *sse = own_take (slot->sse);
        sse_feed (sse, bytes, size, s_on_sse, self);
        slot = s_find (self, cookie);
        if (slot)
            slot->sse = own_take (sse);
    }
    else {
        (void) buf_append (&slot->body, bytes, size); //  an error text may be cut
    }
}

void
mcp_on_end (mcp_t *self, uint64_t cookie, int rc, const char *reason, int64_t now_ms)
{
    assert (self && reason);

    self->now_ms = now_ms;
    s_slot_t *slot = s_find (self, cookie);
    if (!slot)
        return;
    s_slot_t ended = *slot; //  free the slot first: what follows may need it
    *slot = (s_slot_t){0};
    if (ended.call == CALL_STREAM) {
        const char *why = rc ? reason : "the server closed the stream";
        char text [96];
        if (ended.status && !ended.is_sse) {
            snprintf (text, sizeof text, "HTTP status %d on the stream", ended.status);
            why = text;
        }
        s_stream_ended (self, ended.status, ended.body.data, why);
    }
    else if (ended.call != CALL_ASIDE) {
        //  A JSON answer is whole only now; the slot goes back so that it can be matched.
        bool json = rc == 0 && !ended.is_sse && ended.status >= 200 && ended.status <= 299
                    && ended.body.size > 0 && ended.call != CALL_INITIALIZED;
        if (json) {
            *slot = ended;
            slot->body = buf_init (1);
            s_on_text (self, ended.body.data, ended.body.size);
            json = !s_find (self, cookie) || slot->call == CALL_ASIDE;
            if (s_find (self, cookie))
                s_free_slot (slot);
        }
        if (!json)
            s_post_ended (self, &ended, rc, reason);
    }
    s_free_slot (&ended);
}

static void
s_expire (mcp_t *self, s_slot_t *slot)
{
    s_call_t call = slot->call;
    int64_t rpc_id = slot->rpc_id;
    s_abort (self, slot);
    if (call != CALL_ASIDE)
        s_call_failed (self, call, rpc_id, "the server did not answer in time", true, 0);
}

static void
s_on_wait_over (mcp_t *self)
{
    self->wait_ms = INT64_MAX;
    if (self->state == MCP_REOPENING)
        s_open_stream (self);
    else if (self->resume_init)
        s_begin_session (self);
    else
        s_advance (self);
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
    if (self->stream_head_ms <= now_ms) //  headers held back: go on without the proof
        s_stream_ready (self);
    if (self->wait_ms <= now_ms && !s_pending (self))
        s_on_wait_over (self);
    if (s_pending (self))
        return;
    if (self->state == MCP_ACTIVE && self->tools_stale) {
        self->tools_stale = self->tools_done = false;
        s_advance (self);
    }
    else if (self->list_ms <= now_ms) {
        s_start_call (self, CALL_LIST);
    }
    else if (self->ping_ms <= now_ms) {
        s_start_call (self, CALL_PING);
    }
}

int64_t
mcp_wake (const mcp_t *self)
{
    bool pending = false;
    int64_t wake = self->stream_head_ms;
    for (int i = 0; i < SLOTS; i++) {
        const s_slot_t *slot = &self->slots [i];
        if (slot->call == CALL_FREE)
            continue;
        pending = pending || (slot->call != CALL_ASIDE && slot->call != CALL_STREAM);
        wake = slot->deadline_ms < wake ? slot->deadline_ms : wake;
    }
    if (pending) //  the others wait for its end
        return wake;
    wake = self->wait_ms < wake ? self->wait_ms : wake;
    wake = self->list_ms < wake ? self->list_ms : wake;
    wake = self->ping_ms < wake ? self->ping_ms : wake;
    return self->state == MCP_ACTIVE && self->tools_stale ? self->now_ms : wake;
}


//  --- the module: outputs

bool
mcp_next (mcp_t *self, mcp_out_t *ret_out)
{
    assert (self && ret_out);

    s_node_t *node = self->outs;
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
mcp_bad_messages (const mcp_t *self)
{
    return self->bad_messages;
}
