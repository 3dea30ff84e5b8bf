//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/json.h"
#include "common/base/own.h"
#include "tests/unit/common/net/mcp_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  The method of the last request, or the tool of a tool call.
static void
s_note_post (mcp_case_t *self, const mcp_out_t *out)
{
    own (json_drop) json_t *doc = NULL;
    assert_int_equal (json_parse (out->text, out->text_size, &doc, NULL), 0);
    const char *method = json_member_text (doc, "method", "answer");
    if (strcmp (method, "tools/call") == 0) {
        const json_t *params = json_object_get (doc, "params");
        assert_true (json_is_object (json_object_get (params, "arguments")));
        method = json_member_text (params, "name", "?");
    }
    buf_printf (&self->notes, "%s;", method);
}

//  Take all outputs, note them, keep the last requests.
void
mcp_case_take (mcp_case_t *self)
{
    mcp_out_t out;
    while (mcp_next (self->mcp, &out)) {
        mcp_out_t *keep = NULL;
        if (out.kind == MCP_OUT_REQUEST && out.verb == MCP_GET) {
            buf_text (&self->notes, "GET;");
            keep = &self->get;
            self->stream = out.cookie;
        }
        else if (out.kind == MCP_OUT_REQUEST) {
            if (out.verb == MCP_POST)
                s_note_post (self, &out);
            else
                buf_text (&self->notes, "DELETE;");
            keep = &self->request;
        }
        else if (out.kind == MCP_OUT_EVENT) {
            buf_printf (&self->notes, "event %s;", out.text);
        }
        else if (out.kind == MCP_OUT_STATE) {
            buf_printf (&self->notes, "=%s%s;", mcp_state_name (out.state),
                        out.again ? " again" : "");
        }
        else if (out.kind == MCP_OUT_GAP) {
            buf_text (&self->notes, "gap;");
            self->last_gap_ms = out.to_ms - out.from_ms;
        }
        else if (out.kind == MCP_OUT_LARGE) {
            buf_printf (&self->notes, "large %d;", (int) out.dropped);
        }
        else if (out.kind == MCP_OUT_SESSION) {
            buf_printf (&self->notes, "session %s;", out.text);
        }
        else if (out.kind == MCP_OUT_SEVERAL) {
            buf_printf (&self->notes, "several %s;", out.text);
        }
        else if (out.kind == MCP_OUT_TOKEN) {
            buf_text (&self->notes, "token;");
        }
        if (keep) {
            mcp_out_fini (keep);
            *keep = out;
        }
        else {
            mcp_out_fini (&out);
        }
    }
}

//  Compare with the outputs since the last call.
void
mcp_case_expect (mcp_case_t *self, const char *notes)
{
    mcp_case_take (self);
    assert_string_equal (self->notes.data, notes);
    buf_reset (&self->notes);
}

bool
mcp_case_has_header (const mcp_out_t *out, const char *line)
{
    for (size_t i = 0; i < out->header_count; i++) {
        if (strcmp (out->headers [i], line) == 0)
            return true;
    }
    return false;
}

//  Answer the last POST with a result, as an event stream with one event.
void
mcp_case_answer (mcp_case_t *self, const char *result)
{
    own (json_drop) json_t *doc = NULL;
    assert_int_equal (json_parse (self->request.text, self->request.text_size, &doc, NULL), 0);
    buf_t text = buf_init (LIMIT_KIB (64));
    buf_printf (&text, "event: message\ndata: {\"result\":%s,\"id\":%d,\"jsonrpc\":\"2.0\"}\n\n",
                result, (int) json_member_int (doc, "id", 0));
    uint64_t cookie = self->request.cookie;
    mcp_on_head (self->mcp, cookie, 200, SSE_TYPE, SESSION, 0, self->now);
    mcp_on_body (self->mcp, cookie, text.data, text.size, self->now);
    mcp_on_end (self->mcp, cookie, 0, "", self->now);
    buf_fini (&text);
}

//  A tool's result with one text block.
void
mcp_case_answer_tool (mcp_case_t *self, const char *text)
{
    own (json_drop) json_t *doc =
        json_pack ("{s:[{s:s, s:s}]}", "content", "type", "text", "text", text);
    own (own_mem) char *line = json_line (doc);
    mcp_case_answer (self, line);
}

void
mcp_case_answer_status (mcp_case_t *self, int status, const char *body)
{
    uint64_t cookie = self->request.cookie;
    mcp_on_head (self->mcp, cookie, status, "text/plain", "", 0, self->now);
    mcp_on_body (self->mcp, cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, cookie, 0, "", self->now);
}

void
mcp_case_stream_opens (mcp_case_t *self)
{
    mcp_on_head (self->mcp, self->stream, 200, SSE_TYPE, "", 0, self->now);
}

void
mcp_case_stream_says (mcp_case_t *self, const char *text)
{
    mcp_on_body (self->mcp, self->stream, text, strlen (text), self->now);
}

void
mcp_case_time (mcp_case_t *self, int64_t ms)
{
    self->now += ms;
    mcp_on_time (self->mcp, self->now);
}

const char mcp_case_ours [] =
    "# Active Subscriptions\n\n{\"subscriptions\":[{\"cluster\":\"dev\",\"degraded\":false,"
    "\"filters\":{},\"mode\":\"faults\",\"subscriptionId\":\"sub-1\"}],\"total\":1}";
const char mcp_case_none [] = "# Active Subscriptions\n\n{\"subscriptions\":[],\"total\":0}";
const char mcp_case_created [] =
    "# Event Subscription Created\n\n{\n  \"cluster\": \"dev\",\n  \"filters\": {},\n  \"mode\": "
    "\"faults\",\n  \"status\": \"active\",\n  \"subscriptionId\": \"sub-1\"\n}\n\nYou will "
    "receive";

void
mcp_case_answer_init (mcp_case_t *self)
{
    mcp_case_answer (self, "{\"capabilities\":{\"logging\":{}},\"protocolVersion\":\"2025-06-18\","
                           "\"serverInfo\":{}}");
}

void
mcp_case_initialize (mcp_case_t *self)
{
    mcp_case_answer_init (self);
    mcp_case_take (self);
    mcp_case_answer_status (self, 202, "");
    mcp_case_take (self);
}

//  Answer initialize .. tools/list.
void
mcp_case_connect (mcp_case_t *self, const char *context_schema)
{
    mcp_case_initialize (self);
    mcp_case_stream_opens (self);
    mcp_case_take (self);
    mcp_case_answer (self, "{}");
    mcp_case_take (self);
    char tools [512];
    snprintf (tools, sizeof tools, TOOLS, context_schema);
    mcp_case_answer (self, tools);
    mcp_case_take (self);
}

void
mcp_case_activate (mcp_case_t *self)
{
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, "");
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_take (self);
    mcp_case_answer_tool (self, mcp_case_created);
    mcp_case_take (self);
    mcp_case_answer_tool (self, mcp_case_ours);
    mcp_case_take (self);
    assert_int_equal (mcp_state (self->mcp), MCP_ACTIVE);
    buf_reset (&self->notes);
}

static int
s_setup (void **state, const char *context)
{
    mcp_case_t *self = calloc (1, sizeof (mcp_case_t));
    mcp_settings_t settings = {.mode = "faults",
                               .context = context,
                               .backoff_min_ms = 1000,
                               .backoff_max_ms = 60000,
                               .random64 = 42};
    self->mcp = mcp_new (&settings);
    self->now = 1000000;
    self->notes = buf_init (LIMIT_KIB (64));
    *state = self;
    return self->mcp ? 0 : -1;
}

int
mcp_case_setup (void **state)
{
    return s_setup (state, "prod");
}

int
mcp_case_setup_nameless (void **state)
{
    return s_setup (state, "");
}

int
mcp_case_teardown (void **state)
{
    mcp_case_t *self = *state;
    mcp_destroy (&self->mcp);
    mcp_destroy (&self->mcp);
    mcp_out_fini (&self->request);
    mcp_out_fini (&self->get);
    buf_fini (&self->notes);
    free (self);
    return 0;
}
