//  fuzz_mcp - the session machine against a server that may say anything, at any time.
//
//  Input: steps, each a letter and its text up to the byte 0x1E (a record separator).
//  "The call" is the youngest POST or DELETE that is under way; without a text an answer
//  is what a good server says.
//      a TEXT  answer the call with a result, as an event stream    j TEXT  the same as one JSON
//      e TEXT  answer it with a JSON-RPC error      s N,MS TEXT  with an HTTP
//      status and Retry-After
//      h TEXT  its headers only: "type;session"                     b TEXT  bytes of its body
//      f, x    its transfer ends, complete or broken
//      o TEXT  the stream opens: "status;type", 200 and right       d TEXT  bytes of the stream
//      m TEXT  one message on it                                    c,
//      C    it ends, complete or broken
//      t N     N ms pass        w  time passes until the machine wants to be woken
//      S       as the first step: a session of an earlier life is remembered
//      z TEXT  bytes and an end for transfers that are long gone    q  stop
//  Holds: what mcp.h says of outputs (one stream, one call, no line breaks in headers,
//  aborts only of what is under way); there is always a timer; timers do not spin, and initialize
//  is not repeated without pause; the outputs do not depend on how bytes are cut;
//  it stops within its time.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/net/mcp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIVE = 16,         //  transfers at a time; the machine promises fewer
    BACKOFF_MS = 1000, //
    STOP_MS = 3000,    //  DELETE of the session
    ADVANCE_MAX_MS = 600000,
};

#define SESSION "3KZMEU4QPY2O5PKKCNVQ4HBT35"
#define SSE_TYPE "text/event-stream"

typedef struct {
    uint64_t cookie;
    mcp_verb_t verb;
    int64_t id;       //  JSON-RPC id, 0 = none
    char method [64]; //  or the tool
} transfer_t;

typedef struct {
    mcp_t *mcp;
    fuzz_cut_t cut;
    fuzz_chance_t chance;
    int64_t now_ms, started_ms;
    transfer_t live [LIVE];
    size_t live_count;
    uint64_t last_cookie;
    int64_t initializes; //  how often it said initialize
    mcp_state_t state;
    buf_t seen; //  all outputs as text
} world_t;


//  --- outputs

static transfer_t *
s_find (world_t *self, uint64_t cookie)
{
    for (size_t i = 0; i < self->live_count; i++) {
        if (self->live [i].cookie == cookie)
            return &self->live [i];
    }
    return NULL;
}

static void
s_forget (world_t *self, uint64_t cookie)
{
    transfer_t *transfer = s_find (self, cookie);
    if (transfer)
        *transfer = self->live [--self->live_count];
}

//  The youngest of a kind: the stream, or what is no stream.
static transfer_t *
s_youngest (world_t *self, bool stream)
{
    transfer_t *youngest = NULL;
    for (size_t i = 0; i < self->live_count; i++) {
        transfer_t *transfer = &self->live [i];
        if ((transfer->verb == MCP_GET) == stream
            && (!youngest || transfer->cookie > youngest->cookie))
            youngest = transfer;
    }
    return youngest;
}

static void
s_on_post (world_t *self, const mcp_out_t *out, transfer_t *transfer)
{
    own (json_drop) json_t *doc = NULL;
    assert (json_parse (out->text, out->text_size, &doc, NULL) == 0);
    assert (strcmp (json_member_text (doc, "jsonrpc", ""), "2.0") == 0);
    const char *method = json_member_text (doc, "method", "");
    const json_t *params = json_object_get (doc, "params");
    if (strcmp (method, "initialize") == 0)
        self->initializes++;
    if (strcmp (method, "tools/call") == 0) {
        assert (json_is_object (json_object_get (params, "arguments")));
        method = json_member_text (params, "name", "");
        assert (*method);
    }
    assert (*method || json_object_get (doc, "result") || json_object_get (doc, "error"));
    snprintf (transfer->method, sizeof transfer->method, "%s", method);
    transfer->id = json_member_int (doc, "id", 0);
}

static void
s_on_request (world_t *self, const mcp_out_t *out)
{
    transfer_t transfer = {.cookie = out->cookie, .verb = out->verb};
    assert (out->cookie > self->last_cookie);
    assert (self->live_count < LIVE);
    assert ((out->total_ms == 0) == (out->verb == MCP_GET));
    assert (out->verb != MCP_GET || !s_youngest (self, true));
    assert (out->verb == MCP_POST || out->text_size == 0);
    if (out->verb == MCP_POST)
        s_on_post (self, out, &transfer);
    for (size_t i = 0; i < out->header_count; i++) {
        for (const char *at = out->headers [i]; *at; at++)
            assert (*at >= ' ' && *at <= '~');
        assert (strchr (out->headers [i], ':'));
    }
    self->last_cookie = out->cookie;
    self->live [self->live_count++] = transfer;
}

static void
s_on_out (world_t *self, const mcp_out_t *out)
{
    switch (out->kind) {
        case MCP_OUT_REQUEST: s_on_request (self, out); break;
        case MCP_OUT_ABORT:
            assert (s_find (self, out->cookie));
            s_forget (self, out->cookie);
            break;
        case MCP_OUT_EVENT: assert (out->text_size > 0); break;
        case MCP_OUT_STATE:
            assert (out->state != self->state && self->state != MCP_STOPPED);
            assert (json_utf8_valid (out->text, out->text_size));
            assert (*mcp_state_name (out->state));
            self->state = out->state;
            break;
        case MCP_OUT_GAP:
            assert (out->from_ms <= out->to_ms);
            assert (json_utf8_valid (out->text, out->text_size));
            break;
        case MCP_OUT_LARGE: assert (out->dropped > 0); break;
        case MCP_OUT_SESSION:
            for (size_t i = 0; i < out->text_size; i++)
                assert (out->text [i] > ' ' && out->text [i] <= '~');
            break;
        case MCP_OUT_TOKEN: break;
        case MCP_OUT_SEVERAL: assert (json_utf8_valid (out->text, out->text_size)); break;
    }
}

static void
s_take (world_t *self)
{
    mcp_out_t out;
    while (mcp_next (self->mcp, &out)) {
        assert (out.text && strlen (out.text) <= out.text_size && out.text [out.text_size] == 0);
        assert (buf_printf (&self->seen, "%d %" PRIu64 " %d %d ", (int) out.kind, out.cookie,
                            (int) out.verb, (int) out.state)
                == 0);
        assert (buf_append (&self->seen, out.text, out.text_size + 1) == 0);
        s_on_out (self, &out);
        mcp_out_fini (&out);
    }
    assert (mcp_state (self->mcp) == self->state);
    if (self->state != MCP_STOPPED)
        assert (mcp_wake (self->mcp) < INT64_MAX);
}


//  --- inputs

static void
s_head (world_t *self, uint64_t cookie, int status, const char *type, const char *session)
{
    mcp_on_head (self->mcp, cookie, status, type, session, 0, self->now_ms);
    s_take (self);
}

static void
s_body (world_t *self, uint64_t cookie, const char *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t piece = fuzz_piece (self->cut, &self->chance, size - at);
        mcp_on_body (self->mcp, cookie, bytes + at, piece, self->now_ms);
        s_take (self);
        at += piece;
    }
}

static void
s_end (world_t *self, uint64_t cookie, int rc)
{
    s_forget (self, cookie);
    mcp_on_end (self->mcp, cookie, rc, rc ? "broken" : "", self->now_ms);
    s_take (self);
}

static void
s_time (world_t *self, int64_t ms)
{
    self->now_ms += ms;
    mcp_on_time (self->mcp, self->now_ms);
    s_take (self);
}

//  Let time pass until the machine wants to be woken; then it must have something
//  to wait for again.
static void
s_wake (world_t *self)
{
    int64_t wake_ms = mcp_wake (self->mcp);
    if (wake_ms == INT64_MAX)
        return;
    s_time (self, wake_ms > self->now_ms ? wake_ms - self->now_ms : 0);
    for (int i = 0; mcp_wake (self->mcp) <= self->now_ms; i++) {
        assert (i < 4);
        s_time (self, 0);
    }
}

//  What a good server says to a method or tool.
static const char *
s_good (const char *method)
{
    static const struct {
        const char *method, *result;
    } answers [] = {
        {"initialize", "{\"capabilities\":{\"logging\":{}},\"protocolVersion\":\"2025-06-18\"}"},
        {"tools/list", "{\"tools\":[{\"name\":\"events_subscribe\"},{\"name\":"
                       "\"events_unsubscribe\"},{\"name\":\"events_list_subscriptions\"}]}"},
        {"events_list_subscriptions",
         "{\"content\":[{\"type\":\"text\",\"text\":\"# Active Subscriptions\\n\\n{\\"
         "\"subscriptions\\\":[{\\\"cluster\\\":\\\"dev\\\",\\\"degraded\\\":false,\\\"filters\\\""
         ":{},\\\"mode\\\":\\\"faults\\\",\\\"subscriptionId\\\":\\\"sub-1\\\"}]}\"}]}"},
        {"events_subscribe", "{\"content\":[{\"type\":\"text\",\"text\":\"# Event Subscription "
                             "Created\\n\\n{\\\"subscriptionId\\\":\\\"sub-1\\\"}\"}]}"},
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers [0]; i++) {
        if (strcmp (answers [i].method, method) == 0)
            return answers [i].result;
    }
    return "{}";
}

//  A whole response to the call.
static void
s_answer (world_t *self, const char *member, const char *text, size_t size, bool sse)
{
    const transfer_t *found = s_youngest (self, false);
    if (!found)
        return;
    const transfer_t call = *found;
    if (!call.id) { //  DELETE, a notification, an answer to the server: nothing to say
        s_head (self, call.cookie, 202, "", "");
        s_end (self, call.cookie, 0);
        return;
    }
    own (buf_fini) buf_t body = buf_init (LIMIT_MIB (2));
    buf_printf (&body, "%s{\"jsonrpc\":\"2.0\",\"id\":%" PRId64 ",\"%s\":",
                sse ? "event: message\ndata: " : "", call.id, member);
    if (size)
        buf_append (&body, text, size);
    else
        buf_text (&body, s_good (call.method));
    buf_text (&body, sse ? "}\n\n" : "}");
    s_head (self, call.cookie, 200, sse ? SSE_TYPE : "application/json",
            strcmp (call.method, "initialize") == 0 ? SESSION : "");
    s_body (self, call.cookie, body.data, body.size);
    s_end (self, call.cookie, 0);
}

//  What follows the first `mark` in text; "" when it is not there.
static const char *
s_after (const char *text, char mark)
{
    const char *found = strchr (text, mark);
    return found ? found + 1 : "";
}

static void
s_status (world_t *self, const char *text)
{
    const transfer_t *call = s_youngest (self, false);
    if (!call)
        return;
    uint64_t cookie = call->cookie;
    const char *body = s_after (text, ' ');
    const char *retry = strchr (text, ',') < body ? s_after (text, ',') : "";
    mcp_on_head (self->mcp, cookie, (int) fuzz_number (text, 999), "text/plain", "",
                 fuzz_number (retry, ADVANCE_MAX_MS), self->now_ms);
    s_take (self);
    s_body (self, cookie, body, strlen (body));
    s_end (self, cookie, 0);
}

static void
s_on_call (world_t *self, char letter, const char *text, size_t size)
{
    const transfer_t *call = s_youngest (self, false);
    uint64_t cookie = call ? call->cookie : 0;
    char type [64];
    if (!call)
        return;
    if (letter == 'h') {
        snprintf (type, sizeof type, "%.*s", (int) strcspn (text, ";"), text);
        s_head (self, cookie, 200, type, s_after (text, ';'));
    }
    else if (letter == 'b') {
        s_body (self, cookie, text, size);
    }
    else {
        s_end (self, cookie, letter == 'x' ? -1 : 0);
    }
}

static void
s_on_stream (world_t *self, char letter, const char *text, size_t size)
{
    const transfer_t *stream = s_youngest (self, true);
    if (!stream)
        return;
    uint64_t cookie = stream->cookie;
    if (letter == 'o') {
        int status = size ? (int) fuzz_number (text, 999) : 200;
        s_head (self, cookie, status, size ? s_after (text, ';') : SSE_TYPE, "");
    }
    else if (letter == 'd') {
        s_body (self, cookie, text, size);
    }
    else if (letter == 'm') {
        own (buf_fini) buf_t body = buf_init (LIMIT_MIB (2));
        buf_text (&body, "id: 7\ndata: ");
        buf_append (&body, text, size);
        buf_text (&body, "\n\n");
        s_body (self, cookie, body.data, body.size);
    }
    else {
        s_end (self, cookie, letter == 'C' ? -1 : 0);
    }
}

static void
s_step (void *arg, char letter, const char *text, size_t size)
{
    world_t *self = arg;
    const char *error = mcp_last_error (self->mcp);
    assert (json_utf8_valid (error, strlen (error)));
    switch (letter) {
        case 'a': s_answer (self, "result", text, size, true); break;
        case 'j': s_answer (self, "result", text, size, false); break;
        case 'e': s_answer (self, "error", text, size, true); break;
        case 's': s_status (self, text); break;
        case 'h':
        case 'b':
        case 'f':
        case 'x': s_on_call (self, letter, text, size); break;
        case 'o':
        case 'd':
        case 'm':
        case 'c':
        case 'C': s_on_stream (self, letter, text, size); break;
        case 't': s_time (self, fuzz_number (text, ADVANCE_MAX_MS)); break;
        case 'w': s_wake (self); break;
        case 'z':
            for (uint64_t cookie = 0; cookie < self->last_cookie; cookie++) {
                if (s_find (self, cookie))
                    continue;
                s_head (self, cookie, 200, SSE_TYPE, SESSION);
                s_body (self, cookie, text, size);
                s_end (self, cookie, 0);
            }
            break;
        case 'q':
            mcp_stop (self->mcp, self->now_ms);
            s_take (self);
            break;
        default: break;
    }
}

static buf_t
s_run (const uint8_t *data, size_t size, fuzz_cut_t cut)
{
    mcp_settings_t settings = {.mode = "faults",
                               .context = "dev",
                               .backoff_min_ms = BACKOFF_MS,
                               .backoff_max_ms = 60 * BACKOFF_MS,
                               .random64 = 7};
    world_t self = {.mcp = mcp_new (&settings),
                    .cut = cut,
                    .chance = fuzz_chance (data, size),
                    .now_ms = 1000000,
                    .started_ms = 1000000,
                    .seen = buf_init (LIMIT_MIB (256))};
    mcp_start (self.mcp, size > 0 && data [0] == 'S' ? SESSION : "", self.now_ms);
    s_take (&self);
    fuzz_steps (data, size, s_step, &self);
    //  one at once, one more as a first try, then never faster than the backoff
    assert (self.initializes <= 3 + (self.now_ms - self.started_ms) / (BACKOFF_MS * 8 / 10));
    mcp_stop (self.mcp, self.now_ms);
    s_take (&self);
    s_time (&self, STOP_MS);
    assert (self.state == MCP_STOPPED && self.live_count == 0);
    mcp_destroy (&self.mcp);
    return self.seen;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    own (buf_fini) buf_t whole = s_run (data, size, FUZZ_WHOLE);
    own (buf_fini) buf_t pieces = s_run (data, size, FUZZ_PIECES);
    assert (whole.size == pieces.size);
    assert (memcmp (whole.data, pieces.data, whole.size) == 0);
    return 0;
}
