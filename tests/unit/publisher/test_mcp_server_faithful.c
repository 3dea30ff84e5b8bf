//  Tests of publisher/mcp_server in faithful mode: the event server's faults.
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

//  --- faithful

static void
s_faithful (server_world_t *self)
{
    self->settings.faithful = true;
    self->settings.pace.rate = 1;
    server_world_start (self, 1);
    server_world_initialize (self);
}

static void
test_faithful_d1_nothing_comes_before_a_level_is_set (void **state)
{
    server_world_t *self = *state;
    s_faithful (self);
    server_world_open (self);
    server_world_expect (self, SUBSCRIBE, "Created");
    assert_int_equal (server_world_play (self, 1000), 0); //  nor is it kept for later
    server_world_expect (self, LEVEL ("warning"), "{}");
    assert_int_equal (server_world_play (self, 1000), 1);
    assert_non_null (strstr (self->got.data, "\"name\":\"p2\""));
    server_world_expect (self, LIST, "\\\"total\\\": 1");
}

static void
test_faithful_d1_the_old_transport_is_refused_by_the_tools (void **state)
{
    server_world_t *self = *state;
    s_faithful (self);
    mcp_server_request_t get = self->request;
    get.method = "GET";
    get.path = "/sse";
    assert_int_equal (server_world_ask (self, &get), 200);
    self->stream = self->answer.stream;
    server_world_play (self, 0);
    const char head [] = "event: endpoint\ndata: /sse?sessionid=";
    assert_memory_equal (self->got.data, head, strlen (head));
    char id [MCP_SERVER_SESSION];
    snprintf (id, sizeof (id), "%s", self->got.data + strlen (head));

    mcp_server_request_t post = self->request;
    post.path = "/sse";
    post.query_session = id;
    static const char *const bodies [] = {INIT, SUBSCRIBE};
    for (size_t at = 0; at < 2; at++) {
        post.body = bodies [at];
        post.body_size = strlen (bodies [at]);
        assert_int_equal (server_world_ask (self, &post), 202);
    }
    server_world_play_anew (self, 0);
    assert_non_null (strstr (self->got.data, "\"protocolVersion\":\"2025-06-18\""));
    assert_non_null (strstr (self->got.data, "event subscriptions require an HTTP/SSE transport"));
    snprintf (self->session, sizeof (self->session), "%s", id);
    assert_int_equal (server_world_post (self, RPC ("1", "ping", "{}")),
                      404); //  it is no session of /mcp
    mcp_server_gone (self->server, &self->stream, self->now);
    assert_int_equal (server_world_ask (self, &post), 404); //  it ended with its stream
}

static void
test_faithful_d2_a_fault_without_a_stream_is_lost_and_cancels_in_silence (void **state)
{
    server_world_t *self = *state;
    s_faithful (self);
    server_world_expect (self, LEVEL ("info"), "{}");
    server_world_expect (self, SUBSCRIBE, "Created");
    server_world_play (self, 0);
    server_world_expect (self, LIST, "\\\"total\\\": 0");
    server_world_open (self);
    server_world_expect (self, SUBSCRIBE, "Created");
    assert_int_equal (server_world_play (self, 1000),
                      2); //  the new one and the cancelled one, see D5
    assert_null (strstr (self->got.data, "\"name\":\"p0\""));
    server_world_expect (self, LIST, "\\\"total\\\": 1");
}

static void
test_faithful_d3_the_stream_is_silent_until_a_fault (void **state)
{
    server_world_t *self = *state;
    s_faithful (self);
    server_world_open (self);
    server_world_play (self, 3600000);
    assert_string_equal (self->got.data, "");
    server_world_expect (self, LEVEL ("info"), "{}");
    server_world_expect (self, SUBSCRIBE, "Created");
    assert_int_equal (server_world_play (self, 0), 1);
    const char head [] = "event: message\ndata: {";
    assert_memory_equal (self->got.data, head, strlen (head)); //  no id, no retry
}

static void
test_faithful_d4_faults_ignore_every_filter (void **state)
{
    server_world_t *self = *state;
    s_faithful (self);
    server_world_open (self);
    server_world_expect (self, LEVEL ("info"), "{}");
    server_world_expect (self,
                         CALL ("events_subscribe",
                               "{\"mode\":\"faults\",\"namespaces\":[\"none\"],"
                               "\"labelSelector\":\"a=b\",\"involvedName\":\"none\"}"),
                         "none");
    int count = 0;
    for (int at = 0; at < 4; at++)
        count = server_world_play (self, at ? 1000 : 0);
    assert_int_equal (count, 3); //  faults mode excludes the Event
}

static void
test_faithful_d4_short_rights_hang_subscribe_and_every_event_tool (void **state)
{
    server_world_t *self = *state;
    self->settings.denied = "c0";
    s_faithful (self);
    assert_int_equal (server_world_post (self, SUBSCRIBE), 0);
    assert_int_equal (server_world_post (self, LIST), 0);
    server_world_expect (self, RPC ("1", "ping", "{}"), "{}");
    server_world_initialize (self);
    assert_int_equal (server_world_post (self, LIST), 0);
}

static void
test_faithful_d5_a_cancelled_watcher_goes_on_until_the_session_is_deleted (void **state)
{
    server_world_t *self = *state;
    s_faithful (self);
    server_world_open (self);
    server_world_expect (self, LEVEL ("info"), "{}");
    server_world_expect (self, SUBSCRIBE, "Created");
    char call [256], id [16];
    server_world_subscription (self, id);
    snprintf (call, sizeof (call), CALL ("events_unsubscribe", "{\"subscriptionId\":\"%s\"}"), id);
    server_world_expect (self, call, "Subscription Cancelled");
    server_world_expect (self, LIST, "\\\"total\\\": 0");
    assert_int_equal (server_world_play (self, 1000), 2);
    assert_non_null (strstr (self->got.data, id));
    assert_int_equal (server_world_verb (self, "DELETE"), 204);
    assert_int_equal (server_world_play_anew (self, 1000), 0);
}

static void
test_faithful_cancelled_watchers_are_bounded (void **state)
{
    server_world_t *self = *state;
    s_faithful (self);
    for (int at = 0; at < LIMIT_SERVE_WATCHERS; at++) {
        server_world_expect (self, SUBSCRIBE, "Created");
        char call [256], id [16];
        server_world_subscription (self, id);
        snprintf (call, sizeof (call), CALL ("events_unsubscribe", "{\"subscriptionId\":\"%s\"}"),
                  id);
        server_world_expect (self, call, "Cancelled");
    }
    server_world_expect (self, SUBSCRIBE, "server has reached maximum subscriptions (100)");
}

static void
test_faithful_a_client_that_does_not_read_holds_up_the_cluster (void **state)
{
    server_world_t *self = *state;
    self->settings.pace.repeat = 0;
    s_faithful (self);
    self->settings.pace.rate = 0;
    mcp_server_destroy (&self->server);
    self->server = mcp_server_new (&self->settings);
    server_world_initialize (self);
    server_world_open (self);
    server_world_expect (self, LEVEL ("info"), "{}");
    server_world_expect (self, SUBSCRIBE, "Created");
    for (int turns = 0; turns < 10; turns++)
        mcp_server_on_time (self->server, self->now);
    assert_true (mcp_server_wake (self->server) == INT64_MAX);
    server_world_play (self, 0);
    assert_true (mcp_server_wake (self->server) <= self->now.boot_ms + 1);
}

static void
test_faithful_an_endless_tape_that_nobody_hears_does_not_spin (void **state)
{
    server_world_t *self = *state;
    self->settings.faithful = true;
    self->settings.pace.repeat = 0;
    server_world_start (self, 1);
    server_world_initialize (self);
    server_world_expect (self, SUBSCRIBE, "Created");
    server_world_play (self, 0);
    assert_int_equal (mcp_server_wake (self->server), self->now.boot_ms + 1);
}

#define WITH_WORLD(name)                                                                           \
    cmocka_unit_test_setup_teardown (name, server_world_setup, server_world_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        WITH_WORLD (test_faithful_d1_nothing_comes_before_a_level_is_set),
        WITH_WORLD (test_faithful_d1_the_old_transport_is_refused_by_the_tools),
        WITH_WORLD (test_faithful_d2_a_fault_without_a_stream_is_lost_and_cancels_in_silence),
        WITH_WORLD (test_faithful_d3_the_stream_is_silent_until_a_fault),
        WITH_WORLD (test_faithful_d4_faults_ignore_every_filter),
        WITH_WORLD (test_faithful_d4_short_rights_hang_subscribe_and_every_event_tool),
        WITH_WORLD (test_faithful_d5_a_cancelled_watcher_goes_on_until_the_session_is_deleted),
        WITH_WORLD (test_faithful_cancelled_watchers_are_bounded),
        WITH_WORLD (test_faithful_an_endless_tape_that_nobody_hears_does_not_spin),
        WITH_WORLD (test_faithful_a_client_that_does_not_read_holds_up_the_cluster),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
