//  Tests of publisher/mcp_server in friendly mode: requests and time in, answers and stream bytes
//  out.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/own.h"
#include "server_world.h"

#include <stdio.h>
#include <string.h>

//  --- HTTP

static void
test_what_http_wants_is_checked_first (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    static const struct {
        const char *method, *path, *origin, *accept, *type, *version;
        unsigned status;
    } table [] = {
        {"POST", "/", "", "*/*", "application/json", "", 404},
        {"POST", "/mcp/", "", "*/*", "application/json", "", 404},
        {"POST", "/mcp/c1", "", "*/*", "application/json", "", 404},
        {"POST", "/sse", "", "*/*", "application/json", "", 404},
        {"PUT", "/mcp", "", "*/*", "application/json", "", 405},
        {"POST", "/mcp", "http://evil.example", "*/*", "application/json", "", 403},
        {"POST", "/mcp", "null", "*/*", "application/json", "", 403},
        {"POST", "/mcp", "", "application/json", "application/json", "", 406},
        {"POST", "/mcp", "", "text/event-stream", "application/json", "", 406},
        {"POST", "/mcp", "", "", "application/json", "", 406},
        {"POST", "/mcp", "", "text/*;q=1, application/*", "application/json", "", 200},
        {"POST", "/mcp", "", "*/*", "text/plain", "", 415},
        {"POST", "/mcp", "", "*/*", "application/json5", "", 415},
        {"POST", "/mcp", "", "*/*", "application/json; charset=utf-8", "", 200},
        {"POST", "/mcp", "", "*/*", "application/json", "2026-07-28", 400},
        {"POST", "/mcp/c0", "", "*/*", "application/json", "2025-11-25", 200},
        {"GET", "/mcp", "", "application/json", "", "", 406},
        {"GET", "/mcp", "", "text/event-stream", "", "", 400},
        {"DELETE", "/mcp", "", "", "", "", 400},
    };
    for (size_t at = 0; at < sizeof (table) / sizeof (table [0]); at++) {
        mcp_server_request_t request = self->request;
        request.method = table [at].method;
        request.path = table [at].path;
        request.origin = table [at].origin;
        request.accept = table [at].accept;
        request.content_type = table [at].type;
        request.version = table [at].version;
        request.body = INIT;
        request.body_size = strlen (INIT);
        if (server_world_ask (self, &request) != table [at].status)
            fail_msg ("row %zu: %u %s", at, self->answer.status, server_world_body (self));
    }
}

static void
test_other_hosts_large_bodies_and_unknown_methods_are_refused (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    mcp_server_request_t rebound = self->request;
    rebound.host_plain = false;
    assert_int_equal (server_world_ask (self, &rebound), 403);
    mcp_server_request_t large = self->request;
    large.too_large = true;
    assert_int_equal (server_world_ask (self, &large), 413);
    mcp_server_request_t wrong = self->request;
    wrong.method = "PATCH";
    assert_int_equal (server_world_ask (self, &wrong), 405);
    assert_string_equal (self->answer.allow, "GET, POST, DELETE");
}

static void
test_bodies_that_are_no_message_are_refused (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    static const char *const bad [] = {"",
                                       "{",
                                       "nothing",
                                       "null",
                                       "7",
                                       "[]",
                                       "[" INIT "]",
                                       "{}",
                                       "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}",
                                       "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
                                       "{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}",
                                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
                                       "{\"jsonrpc\":\"2.0\",\"id\":1}",
                                       INIT "x",
                                       "\xff\xfe"};
    for (size_t at = 0; at < sizeof (bad) / sizeof (bad [0]); at++) {
        if (server_world_post (self, bad [at]) != 400)
            fail_msg ("%s: %u", bad [at], self->answer.status);
        assert_non_null (strstr (server_world_body (self), "\"id\":null,\"error\":{\"code\":-32"));
    }
}

static void
test_methods_answer_or_say_what_is_wrong (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_expect (
        self, RPC ("\"text\"", "ping", "{}"),
        "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"text\",\"result\":{}}\n\n");
    server_world_expect (self, RPC ("1.5", "no/such", "{}"), "\"code\":-32601");
    server_world_expect (self, LEVEL ("loud"),
                         "\"code\":-32602,\"message\":\"invalid level: loud\"");
    server_world_expect (self, LEVEL ("warning"), "\"result\":{}");
    server_world_expect (self, INIT, "initialized already");
    server_world_expect (self, CALL ("pods_list", "{}"), "unknown tool \\\"pods_list\\\"");
    server_world_expect (self, RPC ("1", "tools/call", "[]"), "unknown tool");
    assert_int_equal (
        server_world_post (self, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"),
        202);
    assert_null (self->answer.body);
    assert_int_equal (server_world_post (self, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{}}"),
                      202);
}

//  --- sessions

static void
test_versions_are_agreed_on (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_expect (self, INIT, "\"protocolVersion\":\"2025-06-18\"");
    server_world_expect (self, RPC ("1", "initialize", "{\"protocolVersion\":\"2030-01-01\"}"),
                         "\"protocolVersion\":\"2025-11-25\"");
    server_world_expect (self, RPC ("1", "initialize", "{}"),
                         "\"capabilities\":{\"logging\":{},\"tools\":");
}

static void
test_requests_need_a_session_that_exists_at_this_path (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 2);
    assert_int_equal (server_world_post (self, RPC ("1", "ping", "{}")), 400);
    snprintf (self->session, sizeof (self->session), "NOSUCHSESSION");
    assert_int_equal (server_world_post (self, RPC ("1", "ping", "{}")), 404);
    assert_string_equal (server_world_body (self), "session not found\n");
    assert_int_equal (server_world_verb (self, "GET"), 404);
    server_world_initialize (self);
    assert_int_equal (server_world_post (self, RPC ("1", "ping", "{}")), 200);
    self->request.path = "/mcp/c1";
    assert_int_equal (server_world_post (self, RPC ("1", "ping", "{}")), 404);
    self->request.path = "/mcp";
    assert_int_equal (server_world_verb (self, "DELETE"), 204);
    assert_int_equal (server_world_verb (self, "DELETE"), 404);
    assert_int_equal (server_world_post (self, RPC ("1", "ping", "{}")), 404);
}

static void
test_sessions_are_bounded_and_forgotten_ones_end (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    for (int at = 0; at < LIMIT_SERVE_SESSIONS; at++)
        server_world_initialize (self);
    char last [MCP_SERVER_SESSION];
    memcpy (last, self->session, sizeof (last));
    self->session [0] = 0;
    assert_int_equal (server_world_post (self, INIT), 503);
    assert_int_equal (mcp_server_wake (self->server), self->now.boot_ms + LIMIT_SERVE_IDLE_MS);
    self->now.boot_ms += LIMIT_SERVE_IDLE_MS - 1;
    memcpy (self->session, last, sizeof (last));
    assert_int_equal (server_world_post (self, RPC ("1", "ping", "{}")), 200);
    server_world_play (self, 1);
    assert_int_equal (server_world_post (self, RPC ("1", "ping", "{}")),
                      200); //  the one in use
    self->session [0] = 0;
    assert_int_equal (server_world_post (self, INIT), 200);
}

//  --- streams

static void
test_a_session_has_one_stream_without_replay (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    self->request.last_event_id = "7";
    assert_int_equal (server_world_verb (self, "GET"), 400);
    assert_string_equal (server_world_body (self), "stream replay unsupported\n");
    self->request.last_event_id = "";
    server_world_open (self);
    assert_int_equal (server_world_verb (self, "GET"), 409);
    assert_int_equal (mcp_server_streams (self->server), 1);
    mcp_server_gone (self->server, &self->stream, self->now);
    assert_int_equal (mcp_server_streams (self->server), 0);
    server_world_open (self);
}

static void
test_a_stream_ends_in_order_with_its_session (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_open (self);
    server_world_play (self, 0);
    char byte;
    assert_int_equal (mcp_server_read (self->stream, &byte, 1), 0);
    assert_int_equal (server_world_verb (self, "DELETE"), 204);
    assert_ptr_equal (mcp_server_ready (self->server), self->stream);
    assert_null (mcp_server_ready (self->server));
    assert_int_equal (mcp_server_read (self->stream, &byte, 1), -1);
}

static void
test_stopping_ends_streams_in_order (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_open (self);
    mcp_server_stop (self->server);
    char chunk [64];
    assert_int_equal (mcp_server_read (self->stream, chunk, sizeof (chunk)), 6); //  ": ok\n\n"
    assert_int_equal (mcp_server_read (self->stream, chunk, sizeof (chunk)), -1);
}

static void
test_a_silent_stream_is_kept_alive (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_open (self);
    server_world_play (self, 0);
    assert_string_equal (self->got.data, ": ok\n\n");
    assert_int_equal (mcp_server_wake (self->server), self->now.boot_ms + LIMIT_SERVE_KEEPALIVE_MS);
    server_world_play (self, LIMIT_SERVE_KEEPALIVE_MS);
    assert_string_equal (self->got.data, ": ok\n\n: keepalive\n\n");
}

//  --- tools

static void
test_tools_take_a_context_only_where_there_are_several_clusters (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 2);
    server_world_initialize (self);
    server_world_expect (self, RPC ("1", "tools/list", "{}"), "\"enum\":[\"c0\",\"c1\"]");
    server_world_expect (self,
                         CALL ("events_subscribe", "{\"mode\":\"faults\",\"context\":\"c1\"}"),
                         "\\\"cluster\\\": \\\"c1\\\"");
    server_world_expect (self, SUBSCRIBE, "\\\"cluster\\\": \\\"c0\\\"");
    server_world_expect (self, CALL ("events_subscribe", "{\"context\":\"c2\"}"),
                         "context \\\"c2\\\" does not exist");
    self->request.path = "/mcp/c1";
    server_world_initialize (self);
    server_world_expect (self, RPC ("1", "tools/list", "{}"), "events_list_subscriptions");
    assert_null (strstr (server_world_body (self), "context"));
    server_world_expect (self, SUBSCRIBE, "\\\"cluster\\\": \\\"c1\\\"");
}

static void
test_results_read_as_the_event_server_writes_them (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_expect (
        self, CALL ("events_subscribe", "{\"mode\":\"faults\",\"reason\":\"<&>\",\"type\":7}"),
        "{\"content\":[{\"type\":\"text\",\"text\":\"# Event Subscription Created\\n\\n{\\n  "
        "\\\"cluster\\\": \\\"c0\\\",\\n  \\\"createdAt\\\": \\\"2026-01-15T12:00:00Z\\\",\\n  "
        "\\\"filters\\\": {\\n    \\\"reason\\\": \\\"\\\\u003c\\\\u0026\\\\u003e\\\"\\n  "
        "},\\n  \\\"mode\\\": \\\"faults\\\",\\n  \\\"status\\\": \\\"active\\\",\\n  "
        "\\\"subscriptionId\\\": \\\"sub-");
    assert_non_null (strstr (server_world_body (self),
                             "\\\"\\n}\\n\\nYou will receive event notifications via "
                             "the logging/message protocol.\"}]}}\n\n"));
    char id [16];
    server_world_subscription (self, id);
    server_world_expect (self, LIST,
                         "# Active Subscriptions\\n\\n{\\n  \\\"subscriptions\\\": [\\n    {\\n");
    assert_non_null (strstr (server_world_body (self), "\\\"degraded\\\": false"));
    assert_non_null (strstr (server_world_body (self), "\\\"total\\\": 1\\n}\""));
    char call [256];
    snprintf (call, sizeof (call), CALL ("events_unsubscribe", "{\"subscriptionId\":\"%s\"}"), id);
    server_world_expect (self, call,
                         "# Subscription Cancelled\\n\\n{\\n  \\\"cancelled\\\": true,\\n  "
                         "\\\"status\\\": \\\"success\\\",\\n  \\\"subscriptionId\\\": \\\"sub-");
    server_world_expect (self, call, "failed to cancel subscription: subscription not found");
    assert_non_null (strstr (server_world_body (self), "\"isError\":true"));
    server_world_expect (self, CALL ("events_unsubscribe", "{}"), "subscriptionId is required");
}

static void
test_subscriptions_that_cannot_be_are_refused (void **state)
{
    server_world_t *self = *state;
    self->settings.denied = "c9, c0";
    server_world_start (self, 1);
    server_world_initialize (self);
    static const struct {
        const char *call, *text;
    } table [] = {
        {CALL ("events_subscribe", "{\"mode\":\"all\"}"), "must be 'events' or 'faults'"},
        {CALL ("events_subscribe", "{\"type\":\"Odd\"}"), "must be 'Normal', 'Warning', or empty"},
        {CALL ("events_subscribe", "{\"mode\":\"faults\",\"type\":\"Normal\"}"),
         "faults mode cannot filter for Normal events"},
        {CALL ("events_subscribe", "{\"labelSelector\":\"a=b\"}"), "invalid label selector"},
        {SUBSCRIBE, "pods is forbidden"},
    };
    for (size_t at = 0; at < sizeof (table) / sizeof (table [0]); at++) {
        server_world_expect (self, table [at].call, table [at].text);
        assert_non_null (strstr (server_world_body (self), "\"isError\":true"));
    }
    server_world_expect (self, LIST, "\\\"total\\\": 0");
}

static void
test_a_session_has_at_most_ten_subscriptions_a_cluster_a_hundred (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    for (int session = 0; session < 10; session++) {
        server_world_initialize (self);
        for (int at = 0; at < 10; at++)
            server_world_expect (self, SUBSCRIBE, "Event Subscription Created");
        server_world_expect (self, SUBSCRIBE, "session has reached maximum subscriptions (10)");
    }
    server_world_initialize (self);
    server_world_expect (self, SUBSCRIBE, "server has reached maximum subscriptions (100)");
    char eleventh [MCP_SERVER_SESSION];
    memcpy (eleventh, self->session, sizeof (eleventh));
    server_world_initialize (self);
    assert_int_equal (server_world_verb (self, "DELETE"), 204);
    server_world_play (self, LIMIT_SERVE_IDLE_MS); //  all sessions end, with their subscriptions
    server_world_initialize (self);
    server_world_expect (self, SUBSCRIBE, "Event Subscription Created");
}

//  --- friendly mode

static void
test_the_whole_recording_comes_while_the_client_listens (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 2);
    self->request.path = "/mcp/c1";
    server_world_initialize (self);
    server_world_expect (self, SUBSCRIBE, "Created");
    assert_true (mcp_server_wake (self->server) > self->now.boot_ms); //  nobody listens yet
    assert_int_equal (server_world_play (self, 1000), 0);
    server_world_open (self);
    assert_true (mcp_server_wake (self->server) <= self->now.boot_ms + 1);
    assert_int_equal (server_world_play (self, 0), 4);
    assert_null (strstr (self->got.data, "c0"));
    assert_non_null (strstr (self->got.data, "\"cluster\":\"c1\""));
    assert_non_null (
        strstr (self->got.data, "\"level\":\"warning\",\"logger\":\"kubernetes/faults\""));
    assert_non_null (
        strstr (self->got.data, "\"level\":\"info\",\"logger\":\"kubernetes/events\""));
    assert_int_equal (server_world_play_anew (self, 1000), 0); //  only once
}

static void
test_the_tape_waits_while_the_stream_is_away (void **state)
{
    server_world_t *self = *state;
    self->settings.pace.rate = 1;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_open (self);
    server_world_expect (self, SUBSCRIBE, "Created");
    assert_int_equal (server_world_play (self, 1000), 2);
    mcp_server_gone (self->server, &self->stream, self->now);
    assert_int_equal (server_world_play_anew (self, 60000), 0);
    server_world_expect (self, LIST, "\\\"total\\\": 1");
    server_world_open (self);
    assert_int_equal (server_world_play_anew (self, 0), 2); //  the one due, and those of one second
}

static void
test_a_client_that_does_not_read_stops_its_tape_only (void **state)
{
    server_world_t *self = *state;
    self->settings.pace.repeat = 0;
    self->settings.distinct = true;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_open (self);
    server_world_expect (self, SUBSCRIBE, "Created");
    for (int turns = 0; turns < 10; turns++)
        mcp_server_on_time (self->server, self->now);
    assert_true (mcp_server_wake (self->server) > self->now.boot_ms);
    mcp_server_stream_t *stuck = self->stream;
    server_world_initialize (self);
    server_world_open (self);
    server_world_expect (self, SUBSCRIBE, "Created");
    assert_true (server_world_play (self, 0) >= 256);
    assert_non_null (strstr (self->got.data, "\"name\":\"p0-2\""));
    char chunk [4096];
    int64_t held = 0;
    for (int64_t size = 1; size > 0; held += size)
        size = mcp_server_read (stuck, chunk, sizeof (chunk));
    assert_true (held >= LIMIT_SERVE_BACKLOG_BYTES);
    assert_true (held < LIMIT_SERVE_BACKLOG_BYTES + 4096);
    assert_true (mcp_server_wake (self->server) <= self->now.boot_ms);
    mcp_server_gone (self->server, &stuck, self->now);
}

static void
test_filters_hold (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_open (self);
    static const struct {
        const char *call;
        int count;
    } table [] = {
        {CALL ("events_subscribe", "{\"namespaces\":[\"n0\",\"n9\"]}"), 2},
        {CALL ("events_subscribe", "{\"involvedName\":\"p2\"}"), 1},
        {CALL ("events_subscribe", "{\"involvedNamespace\":\"n1\",\"involvedKind\":\"Pod\"}"), 1},
        {CALL ("events_subscribe", "{\"type\":\"Normal\"}"), 0},
        {CALL ("events_subscribe", "{\"reason\":\"Back\"}"), 1},
        {CALL ("events_subscribe", "{\"reason\":\"Crash\"}"), 3},
        {CALL ("events_subscribe", "{\"namespaces\":[]}"), 4},
    };
    for (size_t at = 0; at < sizeof (table) / sizeof (table [0]); at++) {
        server_world_expect (self, table [at].call, "Created");
        assert_int_equal (server_world_play_anew (self, 1), table [at].count);
    }
}

static void
test_the_level_holds (void **state)
{
    server_world_t *self = *state;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_open (self);
    server_world_expect (self, LEVEL ("warning"), "{}");
    server_world_expect (self, SUBSCRIBE, "Created");
    assert_int_equal (server_world_play_anew (self, 1), 3);
    server_world_expect (self, LEVEL ("error"), "{}");
    server_world_expect (self, SUBSCRIBE, "Created");
    assert_int_equal (server_world_play_anew (self, 1), 0);
}

//  --- hostile

static void
test_random_messages_never_break_it (void **state)
{
    server_world_t *self = *state;
    self->settings.faithful = true;
    server_world_start (self, 2);
    server_world_initialize (self);
    static const char *const parts [] = {"{",
                                         "}",
                                         "\"jsonrpc\":\"2.0\"",
                                         ",",
                                         "\"id\":1",
                                         "\"method\":\"tools/call\"",
                                         "\"params\":",
                                         "{\"name\":\"events_subscribe\"",
                                         "\"arguments\":",
                                         "[",
                                         "]",
                                         "null",
                                         "1e400",
                                         "\"\\ud800\"",
                                         "{\"mode\":{\"a\":1}}",
                                         "\"context\":\"c1\"",
                                         "\"filters\":[]",
                                         "\"namespaces\":\"x\""};
    for (int round = 0; round < 20000; round++) {
        own (buf_fini) buf_t body = buf_init (LIMIT_KIB (4));
        for (uint64_t left = self->settings.random64 () % 14; left > 0; left--)
            buf_text (&body,
                      parts [self->settings.random64 () % (sizeof (parts) / sizeof (parts [0]))]);
        unsigned status = server_world_post (self, body.data);
        assert_true (status == 200 || status == 202 || status == 400 || status == 0);
    }
    server_world_expect (self, RPC ("1", "ping", "{}"), "{}");
}

#define WITH_WORLD(name)                                                                           \
    cmocka_unit_test_setup_teardown (name, server_world_setup, server_world_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        WITH_WORLD (test_what_http_wants_is_checked_first),
        WITH_WORLD (test_other_hosts_large_bodies_and_unknown_methods_are_refused),
        WITH_WORLD (test_bodies_that_are_no_message_are_refused),
        WITH_WORLD (test_methods_answer_or_say_what_is_wrong),
        WITH_WORLD (test_versions_are_agreed_on),
        WITH_WORLD (test_requests_need_a_session_that_exists_at_this_path),
        WITH_WORLD (test_sessions_are_bounded_and_forgotten_ones_end),
        WITH_WORLD (test_a_session_has_one_stream_without_replay),
        WITH_WORLD (test_a_stream_ends_in_order_with_its_session),
        WITH_WORLD (test_stopping_ends_streams_in_order),
        WITH_WORLD (test_a_silent_stream_is_kept_alive),
        WITH_WORLD (test_tools_take_a_context_only_where_there_are_several_clusters),
        WITH_WORLD (test_results_read_as_the_event_server_writes_them),
        WITH_WORLD (test_subscriptions_that_cannot_be_are_refused),
        WITH_WORLD (test_a_session_has_at_most_ten_subscriptions_a_cluster_a_hundred),
        WITH_WORLD (test_the_whole_recording_comes_while_the_client_listens),
        WITH_WORLD (test_the_tape_waits_while_the_stream_is_away),
        WITH_WORLD (test_a_client_that_does_not_read_stops_its_tape_only),
        WITH_WORLD (test_filters_hold),
        WITH_WORLD (test_the_level_holds),
        WITH_WORLD (test_random_messages_never_break_it),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
