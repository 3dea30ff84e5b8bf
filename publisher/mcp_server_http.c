//  mcp_server_http - handles requests by the rules of HTTP, Streamable HTTP and JSON-RPC.
//  SPDX-License-Identifier: Apache-2.0
#include "publisher/mcp_server_part.h"

#include "common/base/log.h"
#include "common/base/own.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    CODE_PARSE = -32700,
    CODE_REQUEST = -32600,
    CODE_METHOD = -32601,
    CODE_PARAMS = -32602,
    CODE_SERVER = -32603
};

static const char newest_version [] = "2025-11-25";
static const char type_text [] = "text/plain; charset=utf-8";
static const char type_json [] = "application/json";
static const char type_sse [] = "text/event-stream";

//  --- answers

static void
s_answer_text (mcp_server_answer_t *answer, unsigned status, const char *text)
{
    answer->status = status;
    answer->type = type_text;
    answer->body = strdup (text);
    answer->size = answer->body ? strlen (text) : 0;
}

//  Own: steals id (NULL = null) and outcome.
static char *
s_response (json_t *id, const char *key, json_t *outcome)
{
    own (json_drop) json_t *doc =
        json_pack ("{s:s, s:o, s:o}", "jsonrpc", "2.0", "id", id ? id : json_null (), key, outcome);
    return doc ? json_line (doc) : NULL;
}

//  A JSON-RPC error outside a stream: the request was not understood.
static void
s_answer_error (mcp_server_answer_t *answer, unsigned status, int code, const char *message)
{
    answer->status = status;
    answer->type = type_json;
    answer->body =
        s_response (NULL, "error", json_pack ("{s:i, s:s}", "code", code, "message", message));
    answer->size = answer->body ? strlen (answer->body) : 0;
}

//  The answer to a request: one event, then the stream ends.
static void
s_answer_event (mcp_server_answer_t *answer, const json_t *id, const char *key, json_t *outcome)
{
    own (own_mem) char *line = s_response (json_deep_copy (id), key, outcome);
    int size = line ? asprintf (&answer->body, "event: message\ndata: %s\n\n", line) : -1;
    answer->status = size > 0 ? 200 : 500;
    answer->type = type_sse;
    answer->size = size > 0 ? (size_t) size : 0;
    if (size <= 0)
        answer->body = NULL;
}

//  --- headers

//  Does the comma-separated Accept contain the type?
static bool
s_accepts (const char *accept, const char *type)
{
    size_t kind = strcspn (type, "/") + 1;
    for (const char *at = accept; *at; at += strcspn (at, ",")) {
        at += strspn (at, ", \t");
        size_t size = strcspn (at, ",; \t");
        if ((size == strlen (type) && strncasecmp (at, type, size) == 0)
            || (size == 3 && strncmp (at, "*/*", 3) == 0)
            || (size == kind + 1 && strncasecmp (at, type, kind) == 0 && at [kind] == '*'))
            return true;
    }
    return false;
}

//  Is it safe from web pages?  A page cannot hide its Origin, and with DNS rebinding its Host
//  header is not plain.
static bool
s_trusted (const mcp_server_t *self, const mcp_server_request_t *request)
{
    return !*request->origin && (request->host_plain || !self->settings.local);
}

static bool
s_version_known (const char *version)
{
    static const char *const known [] = {"2024-11-05", "2025-03-26", "2025-06-18", newest_version};
    for (size_t at = 0; at < sizeof (known) / sizeof (known [0]); at++) {
        if (strcmp (version, known [at]) == 0)
            return true;
    }
    return false;
}

//  --- methods

static json_t *
s_initialize (const json_t *params)
{
    const char *version = json_member_text (params, "protocolVersion", "");
    return json_pack ("{s:s, s:{s:{}, s:{s:b}}, s:{s:s, s:s}}", "protocolVersion",
                      s_version_known (version) ? version : newest_version, "capabilities",
                      "logging", "tools", "listChanged", 0, "serverInfo", "name",
                      "k8s-triage-replay", "version", TRIAGE_VERSION);
}

static json_t *
s_rpc_error (int code, const char *what, const char *name)
{
    return json_pack ("{s:i, s:o}", "code", code, "message", json_sprintf ("%s: %s", what, name));
}

//  Returns {}, or in *ret_error why not.
static json_t *
s_set_level (mcp_server_session_t *session, const json_t *params, json_t **ret_error)
{
    static const char *const levels [] = {"debug", "info",     "notice", "warning",
                                          "error", "critical", "alert",  "emergency"};
    const char *level = json_member_text (params, "level", "");
    for (size_t at = 0; at < sizeof (levels) / sizeof (levels [0]); at++) {
        if (strcmp (level, levels [at]) == 0) {
            session->level = (int) at;
            return json_object ();
        }
    }
    *ret_error = s_rpc_error (CODE_PARAMS, "invalid level", level);
    return NULL;
}

//  The result of a request, or an error in *ret_error.  NULL and no error: never answer.
static json_t *
s_call (mcp_server_t *self, mcp_server_session_t *session, const json_t *message,
        json_t **ret_error)
{
    const json_t *params = json_object_get (message, "params");
    const char *method = json_member_text (message, "method", "");
    if (strcmp (method, "ping") == 0)
        return json_object ();
    if (strcmp (method, "logging/setLevel") == 0)
        return s_set_level (session, params, ret_error);
    if (strcmp (method, "tools/list") == 0)
        return mcp_server_tools_list (self, session);
    if (strcmp (method, "tools/call") == 0)
        return mcp_server_tools_call (self, session, params, ret_error);
    if (strcmp (method, "initialize") == 0 && session->legacy)
        return s_initialize (params);
    *ret_error = strcmp (method, "initialize") == 0
                     ? s_rpc_error (CODE_REQUEST, "the session is initialized already", session->id)
                     : s_rpc_error (CODE_METHOD, "unknown method", method);
    return NULL;
}

static void
s_on_call (mcp_server_t *self, mcp_server_session_t *session, const json_t *message,
           mcp_server_answer_t *answer)
{
    const json_t *id = json_object_get (message, "id");
    json_t *error = NULL;
    json_t *result = s_call (self, session, message, &error);
    if (error) {
        s_answer_event (answer, id, "error", error);
    }
    else if (result) {
        s_answer_event (answer, id, "result", result);
    }
}

static void
s_on_initialize (mcp_server_t *self, const json_t *message, mcp_server_cluster_t *cluster,
                 mcp_server_answer_t *answer)
{
    if (HASH_COUNT (self->sessions) >= LIMIT_SERVE_SESSIONS) {
        s_answer_text (answer, 503, "too many sessions; DELETE those that are not used\n");
        return;
    }
    mcp_server_session_t *session = mcp_server_session_new (self, cluster);
    if (!session) {
        s_answer_error (answer, 500, CODE_SERVER, "out of memory");
        return;
    }
    memcpy (answer->session, session->id, sizeof (answer->session));
    s_answer_event (answer, json_object_get (message, "id"), "result",
                    s_initialize (json_object_get (message, "params")));
}

//  --- verbs

static mcp_server_session_t *
s_session (mcp_server_t *self, const mcp_server_request_t *request,
           const mcp_server_cluster_t *cluster, mcp_server_answer_t *answer)
{
    mcp_server_session_t *session = NULL;
    HASH_FIND_STR (self->sessions, request->session, session);
    if (!*request->session) {
        s_answer_text (answer, 400, "Mcp-Session-Id header is required\n");
    }
    else if (!session || session->cluster != cluster || session->legacy) {
        s_answer_text (answer, 404, "session not found\n");
        session = NULL;
    }
    else {
        session->used_ms = self->now.boot_ms;
    }
    return session;
}

static bool
s_is_id (const json_t *id)
{
    return json_is_string (id) || json_is_number (id);
}

static void
s_on_message (mcp_server_t *self, const mcp_server_request_t *request, const json_t *message,
              mcp_server_cluster_t *cluster, mcp_server_answer_t *answer)
{
    const json_t *id = json_object_get (message, "id");
    const char *method = json_member_text (message, "method", "");
    bool response = json_object_get (message, "result") || json_object_get (message, "error");
    if (json_is_array (message)) {
        s_answer_error (answer, 400, CODE_REQUEST, "batches are not taken");
        return;
    }
    if (strcmp (json_member_text (message, "jsonrpc", ""), "2.0") != 0 || (!*method && !response)
        || (id && !s_is_id (id))) {
        s_answer_error (answer, 400, CODE_REQUEST, "not a JSON-RPC 2.0 message");
        return;
    }
    if (id && strcmp (method, "initialize") == 0 && !*request->session) {
        s_on_initialize (self, message, cluster, answer);
        return;
    }
    mcp_server_session_t *session = s_session (self, request, cluster, answer);
    if (!session)
        return;
    if (id && *method) {
        s_on_call (self, session, message, answer);
    }
    else {
        answer->status = 202; //  a notification, or an answer to a request that was never made
    }
}

//  The body as JSON.  Own: fresh; NULL when the request has been answered.
static json_t *
s_body (const mcp_server_request_t *request, mcp_server_answer_t *answer)
{
    json_t *message = NULL;
    err_diag_t diag = {.text = ""};
    size_t type = strcspn (request->content_type, "; \t");
    if (request->too_large) {
        s_answer_text (answer, 413, "body over 1 MiB\n");
    }
    else if (type != strlen (type_json)
             || strncasecmp (request->content_type, type_json, type) != 0) {
        s_answer_text (answer, 415, "Content-Type must be application/json\n");
    }
    else if (json_parse (request->body, request->body_size, &message, &diag) != 0) {
        s_answer_error (answer, 400, CODE_PARSE, diag.text);
    }
    return message;
}

static void
s_on_post (mcp_server_t *self, const mcp_server_request_t *request, mcp_server_cluster_t *cluster,
           mcp_server_answer_t *answer)
{
    own (json_drop) json_t *message = s_body (request, answer);
    if (message && s_accepts (request->accept, type_json)
        && s_accepts (request->accept, type_sse)) {
        s_on_message (self, request, message, cluster, answer);
    }
    else if (message) {
        s_answer_text (answer, 406,
                       "Accept must contain both application/json and text/event-stream\n");
    }
}

static void
s_on_get (mcp_server_t *self, const mcp_server_request_t *request, mcp_server_cluster_t *cluster,
          mcp_server_answer_t *answer)
{
    if (!s_accepts (request->accept, type_sse)) {
        s_answer_text (answer, 406, "Accept must contain text/event-stream\n");
        return;
    }
    mcp_server_session_t *session = s_session (self, request, cluster, answer);
    if (!session)
        return;
    if (*request->last_event_id) {
        s_answer_text (answer, 400, "stream replay unsupported\n");
        return;
    }
    if (session->stream) {
        s_answer_text (answer, 409, "stream ID conflicts with ongoing stream\n");
        return;
    }
    answer->stream = mcp_server_stream_new (self, session);
    if (!answer->stream) {
        s_answer_error (answer, 500, CODE_SERVER, "out of memory");
        return;
    }
    answer->status = 200;
    answer->type = type_sse;
    if (!self->settings.faithful) //  a first byte, for proxies that hold headers back
        (void) mcp_server_write (self, answer->stream, ": ok\n\n", strlen (": ok\n\n"));
    log_info ("stream opened", kv ("session", session->id));
}

static void
s_on_delete (mcp_server_t *self, const mcp_server_request_t *request, mcp_server_cluster_t *cluster,
             mcp_server_answer_t *answer)
{
    mcp_server_session_t *session = s_session (self, request, cluster, answer);
    if (!session)
        return;
    mcp_server_session_end (self, &session, "deleted by its client");
    answer->status = 204;
}

//  --- /sse, the transport before Streamable HTTP: answers come on the session's stream

static void
s_on_sse_get (mcp_server_t *self, mcp_server_cluster_t *cluster, mcp_server_answer_t *answer)
{
    char event [96];
    mcp_server_session_t *session = HASH_COUNT (self->sessions) < LIMIT_SERVE_SESSIONS
                                        ? mcp_server_session_new (self, cluster)
                                        : NULL;
    answer->stream = session ? mcp_server_stream_new (self, session) : NULL;
    if (!answer->stream) {
        if (session)
            mcp_server_session_end (self, &session, "out of memory");
        s_answer_text (answer, 503, "too many sessions\n");
        return;
    }
    session->legacy = true;
    snprintf (event, sizeof (event), "event: endpoint\ndata: /sse?sessionid=%s\n\n", session->id);
    (void) mcp_server_write (self, answer->stream, event, strlen (event));
    answer->status = 200;
    answer->type = type_sse;
}

static void
s_on_sse_post (mcp_server_t *self, const mcp_server_request_t *request, mcp_server_answer_t *answer)
{
    mcp_server_session_t *session = NULL;
    own (json_drop) json_t *message = s_body (request, answer);
    HASH_FIND_STR (self->sessions, request->query_session, session);
    if (!message)
        return;
    if (!session || !session->legacy || !session->stream) {
        s_answer_text (answer, 404, "session not found\n");
        return;
    }
    if (s_is_id (json_object_get (message, "id")) && *json_member_text (message, "method", ""))
        s_on_call (self, session, message, answer);
    if (answer->body)
        (void) mcp_server_write (self, session->stream, answer->body, answer->size);
    free (answer->body);
    *answer = (mcp_server_answer_t){.status = 202};
}

//  --- routing

//  Returns false when there is no such path.  *ret_cluster NULL: all clusters.
static bool
s_route (mcp_server_t *self, const char *path, mcp_server_cluster_t **ret_cluster)
{
    *ret_cluster = self->cluster_count == 1 ? &self->clusters [0] : NULL;
    if (strcmp (path, "/mcp") == 0 || (self->settings.faithful && strcmp (path, "/sse") == 0))
        return true;
    for (size_t at = 0; at < self->cluster_count && strncmp (path, "/mcp/", 5) == 0; at++) {
        *ret_cluster = &self->clusters [at];
        if (strcmp (path + 5, self->clusters [at].recorded->name) == 0)
            return true;
    }
    return false;
}

static void
s_on_verb (mcp_server_t *self, const mcp_server_request_t *request, mcp_server_cluster_t *cluster,
           mcp_server_answer_t *answer)
{
    bool legacy = strcmp (request->path, "/sse") == 0;
    if (strcmp (request->method, "POST") == 0 && legacy) {
        s_on_sse_post (self, request, answer);
    }
    else if (strcmp (request->method, "POST") == 0) {
        s_on_post (self, request, cluster, answer);
    }
    else if (strcmp (request->method, "GET") == 0 && legacy) {
        s_on_sse_get (self, cluster, answer);
    }
    else if (strcmp (request->method, "GET") == 0) {
        s_on_get (self, request, cluster, answer);
    }
    else if (strcmp (request->method, "DELETE") == 0 && !legacy) {
        s_on_delete (self, request, cluster, answer);
    }
    else {
        answer->allow = legacy ? "GET, POST" : "GET, POST, DELETE";
        s_answer_text (answer, 405, "this method is not taken here\n");
    }
}

void
mcp_server_ask (mcp_server_t *self, const mcp_server_request_t *request, clk_now_t now,
                mcp_server_answer_t *ret_answer)
{
    mcp_server_cluster_t *cluster = NULL;
    *ret_answer = (mcp_server_answer_t){0};
    self->now = now;
    if (!s_trusted (self, request)) {
        s_answer_text (ret_answer, 403, "Forbidden: invalid Host or Origin header\n");
    }
    else if (!s_route (self, request->path, &cluster)) {
        s_answer_text (ret_answer, 404,
                       "not found; /mcp has all recorded clusters, /mcp/NAME one of them\n");
    }
    else if (*request->version && !s_version_known (request->version)) {
        s_answer_text (ret_answer, 400, "unsupported MCP-Protocol-Version\n");
    }
    else {
        s_on_verb (self, request, cluster, ret_answer);
    }
}
