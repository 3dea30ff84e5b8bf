//  Unit tests of common/net/mcp: other contexts, filters, answers over a limit.
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

static void
test_context_is_sent_when_the_schema_lists_our_name (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, ",\"context\":{\"type\":\"string\",\"enum\":[\"dev\",\"prod\"]}");
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_take (self);
    assert_non_null (strstr (self->request.text, "\"context\":\"prod\""));
}

//  Other clusters of the server must not appear under our name.  Nothing is subscribed, and their
//  names are reported, until ours is known.
static void
test_a_context_that_the_schema_does_not_list_is_not_subscribed_until_it_is_there (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, ",\"context\":{\"type\":\"string\",\"enum\":[\"dev\",\"test\"]}");
    assert_int_equal (mcp_state (self->mcp), MCP_UNSUPPORTED);
    assert_string_equal (mcp_last_error (self->mcp),
                         "the server has no context \"prod\"; it has dev, test");
    buf_reset (&self->notes);
    char tools [512];
    for (int round = 0; round < 20; round++) { //  with backoff, reported once
        mcp_case_time (self, 72001);
        mcp_case_expect (self, "tools/list;");
        snprintf (tools, sizeof tools, TOOLS, ",\"context\":{\"enum\":[\"dev\",\"test\"]}");
        mcp_case_answer (self, tools);
        mcp_case_expect (self, "");
    }
    assert_true (mcp_wake (self->mcp) > self->now + 40000);
    mcp_case_stream_says (self, "data: {\"jsonrpc\":\"2.0\",\"method\":"
                                "\"notifications/tools/list_changed\"}\n\n");
    assert_true (mcp_wake (self->mcp) <= self->now);
    mcp_case_time (self, 0);
    mcp_case_expect (self, "tools/list;");
    snprintf (tools, sizeof tools, TOOLS, ",\"context\":{\"enum\":[\"dev\",\"prod\"]}");
    mcp_case_answer (self, tools);
    mcp_case_take (self);
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_take (self);
    assert_non_null (strstr (self->request.text, "\"context\":\"prod\""));
    mcp_case_answer_tool (self, mcp_case_created);
    mcp_case_take (self);
    mcp_case_answer_tool (self, "{\"subscriptions\":[{\"cluster\":\"prod\",\"filters\":{},"
                                "\"mode\":\"faults\",\"subscriptionId\":\"sub-1\"}]}");
    assert_int_equal (mcp_state (self->mcp), MCP_ACTIVE);
    assert_string_equal (mcp_last_error (self->mcp), "");
}

//  Above five contexts the schema lists none; another tool does.
static void
test_a_context_that_the_list_of_contexts_has_not_is_not_subscribed (void **state)
{
    static const char list [] =
        "Available Kubernetes contexts (2 total, default: dev):\n\nFormat: [*] CONTEXT_NAME -> "
        "SERVER_URL\n (* indicates the default context)\n\nContexts:\n---------\n"
        "*dev -> https://a\n %s -> https://b\n---------\n\nTo use a specific context";
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self,
                      ",\"context\":{\"type\":\"string\"}}}},{\"name\":"
                      "\"configuration_contexts_list\",\"inputSchema\":{\"properties\":{\"x\":{}");
    char text [512];
    for (int round = 0; round < 3; round++) {
        assert_non_null (strstr (self->request.text, "configuration_contexts_list"));
        snprintf (text, sizeof text, list, round < 2 ? "production" : "prod");
        mcp_case_answer_tool (self, text);
        if (round == 2)
            break;
        assert_int_equal (mcp_state (self->mcp), MCP_UNSUPPORTED);
        assert_string_equal (mcp_last_error (self->mcp),
                             "the server has no context \"prod\"; it has dev, production");
        mcp_case_time (self, 72001);
        mcp_case_take (self);
        char tools [512];
        snprintf (tools, sizeof tools, TOOLS,
                  ",\"context\":{}}}},{\"name\":\"configuration_contexts_list\",\"inputSchema\":{"
                  "\"properties\":{\"x\":{}");
        mcp_case_answer (self, tools);
        mcp_case_take (self);
    }
    mcp_case_take (self);
    assert_non_null (strstr (self->request.text, "events_list_subscriptions"));
}

//  Without a name the server's default cluster is used: the only one, or one of many.
static void
test_a_source_without_a_name_tells_the_clusters_of_its_server (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, ",\"context\":{\"type\":\"string\",\"enum\":[\"dev\",\"prod\"]}");
    assert_non_null (strstr (self->notes.data, "several dev, prod;"));
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_take (self);
    assert_non_null (strstr (self->request.text, "events_subscribe"));
    assert_null (strstr (self->request.text, "context"));
}

static void
test_a_source_without_a_name_at_a_server_of_one_cluster_says_nothing (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, ",\"context\":{\"type\":\"string\",\"enum\":[\"prod\"]}");
    assert_null (strstr (self->notes.data, "several"));
}

static void
test_a_source_without_a_name_asks_the_list_of_contexts_once (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self,
                      ",\"context\":{\"type\":\"string\"}}}},{\"name\":"
                      "\"configuration_contexts_list\",\"inputSchema\":{\"properties\":{\"x\":{}");
    assert_non_null (strstr (self->request.text, "configuration_contexts_list"));
    mcp_case_answer_tool (self, "*dev -> https://a\n prod -> https://b\n");
    mcp_case_take (self);
    assert_non_null (strstr (self->notes.data, "several dev, prod;"));
    assert_non_null (strstr (self->request.text, "events_list_subscriptions"));
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_take (self);
    assert_non_null (strstr (self->request.text, "events_subscribe"));
    assert_null (strstr (self->request.text, "context"));
}

static void
test_a_refused_context_is_not_replaced_by_the_default_one (void **state)
{
    static const char refused [] = "{\"isError\":true,\"content\":[{\"text\":\"%s\"}]}";
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, ",\"context\":{\"type\":\"string\"}");
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_take (self);
    char text [256];
    snprintf (text, sizeof text, refused, "failed to list events: context deadline exceeded");
    mcp_case_answer (self, text);
    mcp_case_take (self);
    assert_int_equal (mcp_state (self->mcp), MCP_WAITING);
    mcp_case_time (self, 1300);
    mcp_case_take (self);
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_take (self);
    assert_non_null (strstr (self->request.text, "\"context\":\"prod\""));
    snprintf (text, sizeof text, refused, "unknown target: context \\\"prod\\\" does not exist");
    mcp_case_answer (self, text);
    buf_reset (&self->notes);
    mcp_case_expect (self, "=unsupported;");
    assert_string_equal (mcp_last_error (self->mcp), "the server has no context \"prod\"");
}

//  With a threshold above info.  A subscription of ours is recognised by it.
static void
test_only_warnings_are_asked_for_and_their_subscription_is_ours (void **state)
{
    mcp_case_t *self = *state;
    mcp_destroy (&self->mcp);
    mcp_settings_t settings = {.mode = "events",
                               .context = "prod",
                               .type = "Warning",
                               .backoff_min_ms = 1000,
                               .backoff_max_ms = 60000,
                               .random64 = 42};
    self->mcp = mcp_new (&settings);
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, "");
    buf_reset (&self->notes);
    mcp_case_answer_tool (self,
                          "{\"subscriptions\":[{\"subscriptionId\":\"sub-9\",\"mode\":\"events\","
                          "\"filters\":{\"type\":\"Normal\"}}]}");
    mcp_case_expect (self, "events_unsubscribe;events_subscribe;");
    assert_non_null (strstr (self->request.text, "{\"mode\":\"events\",\"type\":\"Warning\"}"));
    mcp_case_answer_tool (self, mcp_case_created);
    mcp_case_take (self);
    mcp_case_answer_tool (self,
                          "{\"subscriptions\":[{\"subscriptionId\":\"sub-1\",\"mode\":\"events\","
                          "\"filters\":{\"type\":\"Warning\"}}]}");
    assert_int_equal (mcp_state (self->mcp), MCP_ACTIVE);
}

//  Answer the last POST with a JSON body, in parts.
static void
s_answer_json (mcp_case_t *self, const char *text, size_t size)
{
    const uint64_t cookie = self->request.cookie;
    mcp_on_head (self->mcp, cookie, 200, "application/json", SESSION, 0, self->now);
    for (size_t at = 0; at < size; at += 65536)
        mcp_on_body (self->mcp, cookie, text + at, size - at < 65536 ? size - at : 65536,
                     self->now);
    mcp_on_end (self->mcp, cookie, 0, "", self->now);
}

//  Endless bytes or values: the session continues later, names the reason, and builds no tree.
static void
test_an_answer_over_a_limit_is_told_and_the_session_backs_off (void **state)
{
    mcp_case_t *self = *state;
    buf_t many = buf_init (LIMIT_MIB (1)), large = buf_init (LIMIT_MIB (8));
    buf_text (&many, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[{}");
    while (many.size < LIMIT_KIB (900))
        buf_text (&many, ",{}");
    buf_text (&many, "]}}");
    char spaces [4096];
    memset (spaces, ' ', sizeof spaces);
    while (large.size <= LIMIT_MCP_ANSWER_BYTES)
        buf_append (&large, spaces, sizeof spaces);
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    int64_t waited = 0;
    for (int round = 0; round < 6; round++) {
        const buf_t *answer = round % 2 ? &large : &many;
        s_answer_json (self, answer->data, answer->size);
        mcp_case_take (self);
        assert_int_equal (mcp_state (self->mcp), MCP_WAITING);
        assert_non_null (strstr (mcp_last_error (self->mcp), round % 2 ? "over" : "more than"));
        assert_int_equal (mcp_bad_messages (self->mcp), round + 1);
        assert_true (mcp_retry_ms (self->mcp) - self->now >= waited);
        waited = mcp_retry_ms (self->mcp) - self->now;
        self->now = mcp_retry_ms (self->mcp);
        mcp_on_time (self->mcp, self->now);
        mcp_case_take (self);
    }
    assert_true (waited > 20000);
    mcp_case_answer_init (self);
    mcp_case_take (self);
    assert_string_equal (self->request.headers [0], "Content-Type: application/json");
    buf_fini (&many);
    buf_fini (&large);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, mcp_case_setup, mcp_case_teardown)


#define NAMELESS(name)                                                                             \
    cmocka_unit_test_setup_teardown (name, mcp_case_setup_nameless, mcp_case_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_context_is_sent_when_the_schema_lists_our_name),
        TEST (test_a_context_that_the_schema_does_not_list_is_not_subscribed_until_it_is_there),
        TEST (test_a_context_that_the_list_of_contexts_has_not_is_not_subscribed),
        NAMELESS (test_a_source_without_a_name_tells_the_clusters_of_its_server),
        NAMELESS (test_a_source_without_a_name_at_a_server_of_one_cluster_says_nothing),
        NAMELESS (test_a_source_without_a_name_asks_the_list_of_contexts_once),
        TEST (test_a_refused_context_is_not_replaced_by_the_default_one),
        TEST (test_only_warnings_are_asked_for_and_their_subscription_is_ours),
        TEST (test_an_answer_over_a_limit_is_told_and_the_session_backs_off),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
