//  Unit tests of common/net/mcp: recorded exchanges, time by hand, no I/O.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "common/net/mcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION "3KZMEU4QPY2O5PKKCNVQ4HBT35"
#define SSE_TYPE "text/event-stream"
#define TOOLS                                                                                      \
    "{\"tools\":[{\"name\":\"events_subscribe\",\"inputSchema\":{\"type\":\"object\","             \
    "\"properties\":{\"mode\":{}%s}}},{\"name\":\"events_unsubscribe\"},"                          \
    "{\"name\":\"events_list_subscriptions\"}]}"

#define NOTICE(params)                                                                             \
    "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{" params "}}\n\n"

typedef struct {
    mcp_t *mcp;
    int64_t now;
    mcp_out_t request;   //  the last POST, DELETE taken
    uint64_t stream;     //  cookie of the last GET
    mcp_out_t get;       //  the last GET
    buf_t notes;         //  outputs as text: "POST initialize;GET;state active;..."
    int64_t last_gap_ms; //  length of the last gap
} s_world_t;

//  The method, or for a tool call the tool, of the last request.
static void
s_note_post (s_world_t *self, const mcp_out_t *out)
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

//  Take all outputs, note them, remember the last requests.
static void
s_take (s_world_t *self)
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

//  What happened since the last look.
static void
s_expect (s_world_t *self, const char *notes)
{
    s_take (self);
    assert_string_equal (self->notes.data, notes);
    buf_reset (&self->notes);
}

static bool
s_has_header (const mcp_out_t *out, const char *line)
{
    for (size_t i = 0; i < out->header_count; i++) {
        if (strcmp (out->headers [i], line) == 0)
            return true;
    }
    return false;
}

//  Answer the last POST with a result, as an event stream of one event.
static void
s_answer (s_world_t *self, const char *result)
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

//  A tool's result: one text block.
static void
s_answer_tool (s_world_t *self, const char *text)
{
    own (json_drop) json_t *doc =
        json_pack ("{s:[{s:s, s:s}]}", "content", "type", "text", "text", text);
    own (own_mem) char *line = json_line (doc);
    s_answer (self, line);
}

static void
s_answer_status (s_world_t *self, int status, const char *body)
{
    uint64_t cookie = self->request.cookie;
    mcp_on_head (self->mcp, cookie, status, "text/plain", "", 0, self->now);
    mcp_on_body (self->mcp, cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, cookie, 0, "", self->now);
}

static void
s_stream_opens (s_world_t *self)
{
    mcp_on_head (self->mcp, self->stream, 200, SSE_TYPE, "", 0, self->now);
}

static void
s_stream_says (s_world_t *self, const char *text)
{
    mcp_on_body (self->mcp, self->stream, text, strlen (text), self->now);
}

static void
s_time (s_world_t *self, int64_t ms)
{
    self->now += ms;
    mcp_on_time (self->mcp, self->now);
}

static const char OURS [] =
    "# Active Subscriptions\n\n{\"subscriptions\":[{\"cluster\":\"dev\",\"degraded\":false,"
    "\"filters\":{},\"mode\":\"faults\",\"subscriptionId\":\"sub-1\"}],\"total\":1}";
static const char NONE [] = "# Active Subscriptions\n\n{\"subscriptions\":[],\"total\":0}";
static const char CREATED [] =
    "# Event Subscription Created\n\n{\n  \"cluster\": \"dev\",\n  \"filters\": {},\n  \"mode\": "
    "\"faults\",\n  \"status\": \"active\",\n  \"subscriptionId\": \"sub-1\"\n}\n\nYou will "
    "receive";

static void
s_answer_init (s_world_t *self)
{
    s_answer (self, "{\"capabilities\":{\"logging\":{}},\"protocolVersion\":\"2025-06-18\","
                    "\"serverInfo\":{}}");
}

static void
s_initialize (s_world_t *self)
{
    s_answer_init (self);
    s_take (self);
    s_answer_status (self, 202, "");
    s_take (self);
}

//  initialize .. tools/list answered.
static void
s_connect (s_world_t *self, const char *context_schema)
{
    s_initialize (self);
    s_stream_opens (self);
    s_take (self);
    s_answer (self, "{}");
    s_take (self);
    char tools [512];
    snprintf (tools, sizeof tools, TOOLS, context_schema);
    s_answer (self, tools);
    s_take (self);
}

static void
s_activate (s_world_t *self)
{
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_connect (self, "");
    s_answer_tool (self, NONE);
    s_take (self);
    s_answer_tool (self, CREATED);
    s_take (self);
    s_answer_tool (self, OURS);
    s_take (self);
    assert_int_equal (mcp_state (self->mcp), MCP_ACTIVE);
    buf_reset (&self->notes);
}

static int
setup (void **state)
{
    s_world_t *self = calloc (1, sizeof (s_world_t));
    mcp_settings_t settings = {.mode = "faults",
                               .context = "prod",
                               .backoff_min_ms = 1000,
                               .backoff_max_ms = 60000,
                               .random64 = 42};
    self->mcp = mcp_new (&settings);
    self->now = 1000000;
    self->notes = buf_init (LIMIT_KIB (64));
    *state = self;
    return self->mcp ? 0 : -1;
}

static int
teardown (void **state)
{
    s_world_t *self = *state;
    mcp_destroy (&self->mcp);
    mcp_destroy (&self->mcp);
    mcp_out_fini (&self->request);
    mcp_out_fini (&self->get);
    buf_fini (&self->notes);
    free (self);
    return 0;
}


//  --- tests

static void
test_golden_exchange_in_its_order (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "old-session", self->now);
    s_expect (self, "=connecting;DELETE;session ;");
    assert_true (s_has_header (&self->request, "Mcp-Session-Id: old-session"));
    s_answer_status (self, 404, "session not found");
    s_expect (self, "initialize;");
    assert_int_equal (self->request.header_count, 2);
    s_answer_init (self);
    s_expect (self, "session " SESSION ";notifications/initialized;");
    assert_true (s_has_header (&self->request, "Mcp-Session-Id: " SESSION));
    assert_true (s_has_header (&self->request, "MCP-Protocol-Version: 2025-06-18"));
    assert_true (s_has_header (&self->request, "Accept: application/json, text/event-stream"));
    s_answer_status (self, 202, "");
    s_expect (self, "GET;");
    assert_int_equal (self->get.total_ms, 0);
    assert_int_equal (self->get.header_count, 3);
    s_stream_opens (self);
    s_expect (self, "logging/setLevel;");
    s_answer (self, "{}");
    s_expect (self, "tools/list;");
    char tools [512];
    snprintf (tools, sizeof tools, TOOLS, "");
    s_answer (self, tools);
    s_expect (self, "events_list_subscriptions;");
    s_answer_tool (self, NONE);
    s_expect (self, "events_subscribe;");
    assert_non_null (strstr (self->request.text, "\"arguments\":{\"mode\":\"faults\"}"));
    s_answer_tool (self, CREATED);
    s_expect (self, "events_list_subscriptions;");
    s_answer_tool (self, OURS);
    s_expect (self, "=active;");
    s_stream_says (
        self, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
              "\"params\":{\"data\":{\"faultId\":\"f\"},\"level\":\"warning\",\"logger\":"
              "\"kubernetes/faults\"}}\n\n");
    s_expect (self, "event {\"faultId\":\"f\"};");
    mcp_stop (self->mcp, self->now);
    s_expect (self, "=stopping;DELETE;");
    s_answer_status (self, 204, "");
    s_expect (self, "session ;=stopped;");
}

static void
test_matching_subscription_is_adopted_and_extras_are_dropped (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_connect (self, "");
    buf_reset (&self->notes);
    s_answer_tool (self, "{\"subscriptions\":["
                         "{\"subscriptionId\":\"sub-1\",\"mode\":\"faults\",\"degraded\":true},"
                         "{\"subscriptionId\":\"sub-2\",\"mode\":\"faults\",\"filters\":{}},"
                         "{\"subscriptionId\":\"sub-3\",\"mode\":\"events\"}]}");
    s_expect (self, "events_unsubscribe;events_unsubscribe;=active;");
}

static void
test_context_is_sent_when_the_schema_lists_our_name (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_connect (self, ",\"context\":{\"type\":\"string\",\"enum\":[\"dev\",\"prod\"]}");
    s_answer_tool (self, NONE);
    s_take (self);
    assert_non_null (strstr (self->request.text, "\"context\":\"prod\""));
}

static void
test_context_is_not_sent_when_the_schema_does_not_list_our_name (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_connect (self, ",\"context\":{\"type\":\"string\",\"enum\":[\"dev\",\"test\"]}");
    s_answer_tool (self, NONE);
    s_take (self);
    assert_null (strstr (self->request.text, "context"));
}

//  Events of the server's default cluster must not come under our name for any error of ours.
static void
test_context_is_left_out_only_when_the_server_does_not_know_it (void **state)
{
    static const char refused [] = "{\"isError\":true,\"content\":[{\"text\":\"%s\"}]}";
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_connect (self, ",\"context\":{\"type\":\"string\"}");
    s_answer_tool (self, NONE);
    s_take (self);
    char text [256];
    snprintf (text, sizeof text, refused, "failed to list events: context deadline exceeded");
    s_answer (self, text);
    s_take (self);
    assert_int_equal (mcp_state (self->mcp), MCP_WAITING);
    s_time (self, 1300);
    s_take (self);
    s_answer_tool (self, NONE);
    s_take (self);
    assert_non_null (strstr (self->request.text, "\"context\":\"prod\""));
    snprintf (text, sizeof text, refused, "unknown target: context \\\"prod\\\" does not exist");
    s_answer (self, text);
    s_take (self);
    assert_null (strstr (self->request.text, "context"));
}

static void
test_ends_of_the_stream_back_off_and_wait_as_they_are_told (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    int64_t least = 800, waited = 0;
    for (int round = 0; round < 8; round++) {
        mcp_on_end (self->mcp, self->stream, 0, "", self->now);
        s_take (self);
        assert_int_equal (mcp_state (self->mcp), MCP_REOPENING);
        waited = mcp_wake (self->mcp) - self->now;
        assert_true (waited >= least && waited <= 72000);
        s_time (self, waited - 1);
        buf_reset (&self->notes);
        s_expect (self, "");
        s_time (self, 1);
        s_expect (self, "GET;");
        least = least * 2 > 48000 ? 48000 : least * 2;
        s_stream_opens (self); //  at once, but it does not live
        s_take (self);
    }
    assert_true (waited >= 48000);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    s_time (self, 72000);
    s_take (self);
    mcp_on_head (self->mcp, self->stream, 503, "text/plain", "", 120000, self->now);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    assert_int_equal (mcp_retry_ms (self->mcp), self->now + 120000);
}

static void
test_a_stream_that_lived_long_is_reopened_at_once_and_the_gap_is_told (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    s_time (self, 19999);
    s_time (self, 19999); //  ping came due
    s_take (self);
    s_answer (self, "{}");
    s_take (self);
    buf_reset (&self->notes);
    s_time (self, 5000);
    mcp_on_end (self->mcp, self->stream, -5, "reset by peer", self->now);
    s_expect (self, "=reopening;");
    s_time (self, 100);
    s_expect (self, "GET;");
    s_stream_opens (self);
    s_expect (self, "events_list_subscriptions;");
    s_answer_tool (self, NONE);
    s_expect (self, "=connecting;events_subscribe;");
    s_answer_tool (self, CREATED);
    s_expect (self, "events_list_subscriptions;");
    s_answer_tool (self, OURS);
    s_expect (self, "gap;=active;");
    assert_int_equal (self->last_gap_ms, 5100);
}

static void
test_404_makes_one_new_session (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    s_time (self, 20000);
    s_expect (self, "ping;");
    s_answer_status (self, 404, "session not found");
    s_expect (self, "=waiting;session ;");
    s_time (self, 0);
    s_expect (self, "=connecting;initialize;");
    s_time (self, 1);
    s_expect (self, "");
    mcp_on_end (self->mcp, self->stream, 0, "", self->now); //  the old stream's end is not ours
    s_expect (self, "");
}

static void
test_409_is_tried_again_and_then_the_session_is_replaced (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    mcp_on_end (self->mcp, self->stream, -5, "reset", self->now);
    s_expect (self, "=reopening;");
    int64_t delay = 1300;
    for (int i = 0; i < 4; i++) {
        s_time (self, delay);
        s_expect (self, "GET;");
        mcp_on_head (self->mcp, self->stream, 409, "text/plain", "", 0, self->now);
        mcp_on_end (self->mcp, self->stream, 0, "", self->now);
        delay = 250 << i;
        if (i < 3)
            s_expect (self, "");
    }
    s_expect (self, "=waiting;DELETE;session ;");
}

static void
test_two_missed_pings_make_a_new_session (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    s_time (self, 20000);
    s_expect (self, "ping;");
    s_time (self, 10000);
    s_expect (self, "");
    s_time (self, 2000);
    s_expect (self, "ping;");
    s_time (self, 10000);
    s_expect (self, "=waiting;DELETE;session ;");
}

static void
test_a_vanished_subscription_is_found_by_the_list (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    for (int i = 0; i < 3; i++) {
        s_time (self, 20000);
        s_take (self);
        if (i < 2)
            s_answer (self, "{}");
    }
    assert_non_null (strstr (self->request.text, "events_list_subscriptions"));
    buf_reset (&self->notes);
    s_answer_tool (self, NONE);
    s_expect (self, "=connecting;events_subscribe;");
    s_answer_tool (self, CREATED);
    s_answer_tool (self, OURS);
    s_take (self);
    s_answer_tool (self, OURS);
    s_expect (self, "events_list_subscriptions;gap;=active;");
    assert_int_equal (self->last_gap_ms, 60000); //  since the list showed it last
}

static void
test_a_subscribe_without_an_answer_is_wedged (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_connect (self, "");
    s_answer_tool (self, NONE);
    s_take (self);
    buf_reset (&self->notes);
    s_time (self, 60000);
    s_expect (self, "notifications/cancelled;=wedged;");
    for (int i = 0; i < 14; i++) {
        s_time (self, 20000);
        s_expect (self, "ping;");
        s_answer (self, "{}");
    }
    for (int probe = 0; probe < 2; probe++) { //  the list hangs behind the subscribe: again later
        s_time (self, 20000);
        s_expect (self, "events_list_subscriptions;");
        s_time (self, 30000);
        s_expect (self, "notifications/cancelled;");
        assert_int_equal (mcp_retry_ms (self->mcp), self->now + 300000);
        for (int i = 0; i < 14; i++) {
            s_time (self, 20000);
            s_expect (self, "ping;");
            s_answer (self, "{}");
        }
    }
}

static void
test_405_is_unsupported_and_probed_slowly (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_initialize (self);
    buf_reset (&self->notes);
    mcp_on_head (self->mcp, self->stream, 405, "text/plain", "", 0, self->now);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    s_expect (self, "=unsupported;DELETE;session ;");
    s_answer_status (self, 204, "");
    assert_int_equal (mcp_retry_ms (self->mcp), self->now + 300000);
    s_time (self, 299999);
    s_expect (self, "");
    s_time (self, 1);
    s_expect (self, "=connecting;initialize;");
    assert_int_equal (mcp_retry_ms (self->mcp), 0);
}

//  initialize .. tools/list of a server that has no tools for us.
static void
s_answer_without_tools (s_world_t *self)
{
    s_initialize (self);
    mcp_on_head (self->mcp, self->stream, 200, SSE_TYPE, "", 0, self->now);
    s_take (self);
    s_answer (self, "{}");
    s_take (self);
    s_answer (self, "{\"tools\":[{\"name\":\"pods_list\"}]}");
}

static void
test_a_probe_that_ends_as_the_last_one_is_told_as_again (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_answer_without_tools (self);
    buf_reset (&self->notes);
    s_expect (self, "=unsupported;DELETE;session ;");
    assert_non_null (strstr (mcp_last_error (self->mcp), "the server has no event tools"));
    for (int probe = 0; probe < 3; probe++) {
        s_answer_status (self, 204, "");
        s_time (self, 300000);
        s_take (self);
        s_answer_without_tools (self);
        buf_reset (&self->notes);
        s_expect (self, "=unsupported again;DELETE;session ;");
    }
    s_answer_status (self, 204, "");
    s_time (self, 300000);
    s_take (self);
    s_initialize (self);
    buf_reset (&self->notes);
    mcp_on_head (self->mcp, self->stream, 405, "text/plain", "", 0, self->now);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    s_expect (self, "=unsupported;DELETE;session ;"); //  for another reason
}

static void
test_server_requests_are_answered (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    s_stream_says (self, "data: {\"jsonrpc\":\"2.0\",\"id\":\"p1\",\"method\":\"ping\"}\n\n");
    s_expect (self, "answer;");
    assert_non_null (strstr (self->request.text, "\"id\":\"p1\""));
    assert_non_null (strstr (self->request.text, "\"result\":{}"));
    s_stream_says (
        self, "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"sampling/createMessage\"}\n\n");
    s_expect (self, "answer;");
    assert_non_null (strstr (self->request.text, "-32601"));
}

static void
test_last_event_id_is_sent_only_when_one_was_seen (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    s_stream_says (self, "id: 17\ndata: {}\n\n");
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    s_time (self, 1300);
    s_take (self);
    assert_true (s_has_header (&self->get, "Last-Event-ID: 17"));
    mcp_on_head (self->mcp, self->stream, 400, "text/plain", "", 0, self->now);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    s_time (self, 2600);
    s_take (self);
    assert_int_equal (self->get.header_count, 3);
}

static void
test_401_asks_for_the_token_once_and_then_backs_off (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_expect (self, "=connecting;initialize;");
    s_answer_status (self, 401, "");
    s_expect (self, "token;=waiting;");
    s_time (self, 0);
    s_expect (self, "=connecting;initialize;");
    s_answer_status (self, 401, "");
    s_expect (self, "token;=waiting;");
    assert_true (mcp_wake (self->mcp) - self->now >= 800);
}

//  A server that takes each new token and refuses it right after must not be asked without pause.
static void
test_401_of_an_active_session_backs_off_until_one_lived (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    for (int64_t least_ms = 0; least_ms < 3000; least_ms += least_ms ? least_ms : 800) {
        s_time (self, 20000);
        s_take (self); //  the ping
        s_answer_status (self, 401, "");
        assert_int_equal (mcp_state (self->mcp), MCP_WAITING);
        assert_true (mcp_wake (self->mcp) - self->now >= least_ms);
        s_time (self, 10000);
        s_take (self);
        s_connect (self, "");
        s_answer_tool (self, OURS);
        assert_int_equal (mcp_state (self->mcp), MCP_ACTIVE);
    }
    buf_reset (&self->notes);
}

static void
test_withheld_stream_headers_do_not_hold_up_the_rest (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    s_initialize (self);
    buf_reset (&self->notes);
    s_time (self, 10000);
    s_expect (self, "logging/setLevel;");
}

static void
test_a_broken_event_is_kept_raw_and_other_broken_messages_are_counted (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    s_stream_says (self, "data: {oops\n\n");
    s_expect (self, "");
    s_stream_says (self, "data: {\"method\":\"notifications/message\",\"params\":{\"logger\":"
                         "\"kubernetes/faults\",\"data\":{\"context\":\"\\ud800\"}}}\n\n");
    s_take (self);
    assert_non_null (strstr (self->notes.data, "event {\"method\""));
    assert_int_equal (mcp_bad_messages (self->mcp), 2);
}

static void
test_events_of_a_new_logger_or_without_data_are_not_lost (void **state)
{
    s_world_t *self = *state;
    s_activate (self);
    s_stream_says (self,
                   NOTICE ("\"logger\":\"kubernetes/node-faults\",\"data\":{\"faultType\":\"N\"}"));
    s_expect (self, "event {\"faultType\":\"N\"};");
    s_stream_says (self, NOTICE ("\"logger\":\"kubernetes/faults\""));
    s_expect (self, "event null;");
    s_stream_says (self, NOTICE ("\"logger\":\"kubernetes-mcp-server\",\"data\":\"text\""));
    s_stream_says (self, NOTICE ("\"logger\":\"other\",\"data\":{\"x\":1}"));
    s_expect (self, "");
}

static void
test_a_session_id_unfit_for_a_header_is_not_used (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "two words", self->now);
    s_expect (self, "=connecting;initialize;");
    mcp_on_head (self->mcp, self->request.cookie, 200, "application/json", "a b", 0, self->now);
    const char *body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"
                       "\"2025-03-26\"}}";
    mcp_on_body (self->mcp, self->request.cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, self->request.cookie, 0, "", self->now);
    s_expect (self, "session ;notifications/initialized;");
    assert_int_equal (self->request.header_count, 3);
}

static void
test_headers_told_twice_count_once (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    buf_reset (&self->notes);
    mcp_on_head (self->mcp, self->request.cookie, 200, SSE_TYPE, SESSION, 0, self->now);
    mcp_on_head (self->mcp, self->request.cookie, 200, SSE_TYPE, "other", 0, self->now);
    const char *body = "data: {\"id\":1,\"result\":{\"protocolVersion\":\"2025-03-26\"}}\n\n";
    mcp_on_body (self->mcp, self->request.cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, self->request.cookie, 0, "", self->now);
    s_expect (self, "session " SESSION ";notifications/initialized;");
}

static void
test_a_body_behind_a_delete_answers_nothing (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, SESSION, self->now);
    s_expect (self, "=connecting;DELETE;session ;");
    const char *body = "{\"id\":0,\"result\":{}}";
    mcp_on_head (self->mcp, self->request.cookie, 200, "application/json", "", 0, self->now);
    mcp_on_body (self->mcp, self->request.cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, self->request.cookie, 0, "", self->now);
    s_expect (self, "initialize;");
}

static void
test_a_transfer_that_ended_is_not_aborted (void **state)
{
    s_world_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    s_take (self);
    const char *body = "{\"id\":1,\"result\":{\"protocolVersion\":\"1999-01-01\"}}";
    mcp_on_head (self->mcp, self->request.cookie, 200, "application/json", "", 0, self->now);
    mcp_on_body (self->mcp, self->request.cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, self->request.cookie, 0, "", self->now);
    assert_int_equal (mcp_state (self->mcp), MCP_UNSUPPORTED);
    mcp_out_t out;
    while (mcp_next (self->mcp, &out)) {
        assert_int_not_equal (out.kind, MCP_OUT_ABORT);
        mcp_out_fini (&out);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_golden_exchange_in_its_order),
        TEST (test_matching_subscription_is_adopted_and_extras_are_dropped),
        TEST (test_context_is_sent_when_the_schema_lists_our_name),
        TEST (test_context_is_not_sent_when_the_schema_does_not_list_our_name),
        TEST (test_context_is_left_out_only_when_the_server_does_not_know_it),
        TEST (test_ends_of_the_stream_back_off_and_wait_as_they_are_told),
        TEST (test_a_stream_that_lived_long_is_reopened_at_once_and_the_gap_is_told),
        TEST (test_404_makes_one_new_session),
        TEST (test_409_is_tried_again_and_then_the_session_is_replaced),
        TEST (test_two_missed_pings_make_a_new_session),
        TEST (test_a_vanished_subscription_is_found_by_the_list),
        TEST (test_a_subscribe_without_an_answer_is_wedged),
        TEST (test_405_is_unsupported_and_probed_slowly),
        TEST (test_a_probe_that_ends_as_the_last_one_is_told_as_again),
        TEST (test_server_requests_are_answered),
        TEST (test_last_event_id_is_sent_only_when_one_was_seen),
        TEST (test_401_asks_for_the_token_once_and_then_backs_off),
        TEST (test_401_of_an_active_session_backs_off_until_one_lived),
        TEST (test_withheld_stream_headers_do_not_hold_up_the_rest),
        TEST (test_a_broken_event_is_kept_raw_and_other_broken_messages_are_counted),
        TEST (test_events_of_a_new_logger_or_without_data_are_not_lost),
        TEST (test_a_session_id_unfit_for_a_header_is_not_used),
        TEST (test_headers_told_twice_count_once),
        TEST (test_a_body_behind_a_delete_answers_nothing),
        TEST (test_a_transfer_that_ended_is_not_aborted),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
