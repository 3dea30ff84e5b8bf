//  Unit tests of common/net/mcp: recorded exchanges, time set by hand, no I/O.
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

//  --- tests

static void
test_golden_exchange_in_its_order (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "old-session", self->now);
    mcp_case_expect (self, "=connecting;DELETE;session ;");
    assert_true (mcp_case_has_header (&self->request, "Mcp-Session-Id: old-session"));
    mcp_case_answer_status (self, 404, "session not found");
    mcp_case_expect (self, "initialize;");
    assert_int_equal (self->request.header_count, 2);
    mcp_case_answer_init (self);
    mcp_case_expect (self, "session " SESSION ";notifications/initialized;");
    assert_true (mcp_case_has_header (&self->request, "Mcp-Session-Id: " SESSION));
    assert_true (mcp_case_has_header (&self->request, "MCP-Protocol-Version: 2025-06-18"));
    assert_true (
        mcp_case_has_header (&self->request, "Accept: application/json, text/event-stream"));
    mcp_case_answer_status (self, 202, "");
    mcp_case_expect (self, "GET;");
    assert_int_equal (self->get.total_ms, 0);
    assert_int_equal (self->get.header_count, 3);
    mcp_case_stream_opens (self);
    mcp_case_expect (self, "logging/setLevel;");
    mcp_case_answer (self, "{}");
    mcp_case_expect (self, "tools/list;");
    char tools [512];
    snprintf (tools, sizeof tools, TOOLS, "");
    mcp_case_answer (self, tools);
    mcp_case_expect (self, "events_list_subscriptions;");
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_expect (self, "events_subscribe;");
    assert_non_null (strstr (self->request.text, "\"arguments\":{\"mode\":\"faults\"}"));
    mcp_case_answer_tool (self, mcp_case_created);
    mcp_case_expect (self, "events_list_subscriptions;");
    mcp_case_answer_tool (self, mcp_case_ours);
    mcp_case_expect (self, "=active;");
    mcp_case_stream_says (
        self, "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\","
              "\"params\":{\"data\":{\"faultId\":\"f\"},\"level\":\"warning\",\"logger\":"
              "\"kubernetes/faults\"}}\n\n");
    mcp_case_expect (self, "event {\"faultId\":\"f\"};");
    mcp_stop (self->mcp, self->now);
    mcp_case_expect (self, "=stopping;DELETE;");
    mcp_case_answer_status (self, 204, "");
    mcp_case_expect (self, "session ;=stopped;");
}

static void
test_matching_subscription_is_adopted_and_extras_are_dropped (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, "");
    buf_reset (&self->notes);
    mcp_case_answer_tool (self,
                          "{\"subscriptions\":["
                          "{\"subscriptionId\":\"sub-1\",\"mode\":\"faults\",\"degraded\":true},"
                          "{\"subscriptionId\":\"sub-2\",\"mode\":\"faults\",\"filters\":{}},"
                          "{\"subscriptionId\":\"sub-3\",\"mode\":\"events\"}]}");
    mcp_case_expect (self, "events_unsubscribe;events_unsubscribe;=active;");
}

static void
test_ends_of_the_stream_back_off_and_wait_as_they_are_told (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    int64_t least = 800, waited = 0;
    for (int round = 0; round < 8; round++) {
        mcp_on_end (self->mcp, self->stream, 0, "", self->now);
        mcp_case_take (self);
        assert_int_equal (mcp_state (self->mcp), MCP_REOPENING);
        waited = mcp_retry_ms (self->mcp) - self->now;
        assert_true (waited >= least && waited <= 72000);
        mcp_case_time (self, waited - 1);
        buf_reset (&self->notes);
        mcp_case_expect (self, "");
        mcp_case_time (self, 1);
        mcp_case_expect (self, "GET;");
        least = least * 2 > 48000 ? 48000 : least * 2;
        mcp_case_stream_opens (self); //  opens at once but does not live long
        mcp_case_take (self);
    }
    assert_true (waited >= 48000);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    mcp_case_time (self, 72000);
    mcp_case_take (self);
    mcp_on_head (self->mcp, self->stream, 503, "text/plain", "", 120000, self->now);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    assert_int_equal (mcp_retry_ms (self->mcp), self->now + 120000);
}

static void
test_a_stream_that_lived_long_is_reopened_at_once_and_the_gap_is_told (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    mcp_case_time (self, 19999);
    mcp_case_time (self, 19999); //  the ping is due
    mcp_case_take (self);
    mcp_case_answer (self, "{}");
    mcp_case_take (self);
    buf_reset (&self->notes);
    mcp_case_time (self, 5000);
    mcp_on_end (self->mcp, self->stream, -5, "reset by peer", self->now);
    mcp_case_expect (self, "=reopening;");
    mcp_case_time (self, 100);
    mcp_case_expect (self, "GET;");
    mcp_case_stream_opens (self);
    mcp_case_expect (self, "events_list_subscriptions;");
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_expect (self, "=connecting;events_subscribe;");
    mcp_case_answer_tool (self, mcp_case_created);
    mcp_case_expect (self, "events_list_subscriptions;");
    mcp_case_answer_tool (self, mcp_case_ours);
    mcp_case_expect (self, "gap;=active;");
    assert_int_equal (self->last_gap_ms, 5100);
}

static void
test_404_makes_one_new_session (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    mcp_case_time (self, 20000);
    mcp_case_expect (self, "ping;");
    mcp_case_answer_status (self, 404, "session not found");
    mcp_case_expect (self, "=waiting;session ;");
    mcp_case_time (self, 0);
    mcp_case_expect (self, "=connecting;initialize;");
    mcp_case_time (self, 1);
    mcp_case_expect (self, "");
    mcp_on_end (self->mcp, self->stream, 0, "", self->now); //  the end of the old stream is ignored
    mcp_case_expect (self, "");
}

static void
test_409_is_tried_again_and_then_the_session_is_replaced (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    mcp_on_end (self->mcp, self->stream, -5, "reset", self->now);
    mcp_case_expect (self, "=reopening;");
    int64_t delay = 1300;
    for (int i = 0; i < 4; i++) {
        mcp_case_time (self, delay);
        mcp_case_expect (self, "GET;");
        mcp_on_head (self->mcp, self->stream, 409, "text/plain", "", 0, self->now);
        mcp_on_end (self->mcp, self->stream, 0, "", self->now);
        delay = 250 << i;
        if (i < 3)
            mcp_case_expect (self, "");
    }
    mcp_case_expect (self, "=waiting;DELETE;session ;");
}

static void
test_two_missed_pings_make_a_new_session (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    mcp_case_time (self, 20000);
    mcp_case_expect (self, "ping;");
    mcp_case_time (self, 10000);
    mcp_case_expect (self, "");
    mcp_case_time (self, 2000);
    mcp_case_expect (self, "ping;");
    mcp_case_time (self, 10000);
    mcp_case_expect (self, "=waiting;DELETE;session ;");
}

static void
test_a_vanished_subscription_is_found_by_the_list (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    for (int i = 0; i < 3; i++) {
        mcp_case_time (self, 20000);
        mcp_case_take (self);
        if (i < 2)
            mcp_case_answer (self, "{}");
    }
    assert_non_null (strstr (self->request.text, "events_list_subscriptions"));
    buf_reset (&self->notes);
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_expect (self, "=connecting;events_subscribe;");
    mcp_case_answer_tool (self, mcp_case_created);
    mcp_case_answer_tool (self, mcp_case_ours);
    mcp_case_take (self);
    mcp_case_answer_tool (self, mcp_case_ours);
    mcp_case_expect (self, "events_list_subscriptions;gap;=active;");
    assert_int_equal (self->last_gap_ms, 60000); //  since the last list that showed it
}

static void
test_a_subscribe_without_an_answer_is_wedged (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_connect (self, "");
    mcp_case_answer_tool (self, mcp_case_none);
    mcp_case_take (self);
    buf_reset (&self->notes);
    mcp_case_time (self, 60000);
    mcp_case_expect (self, "notifications/cancelled;=wedged;");
    for (int i = 0; i < 14; i++) {
        mcp_case_time (self, 20000);
        mcp_case_expect (self, "ping;");
        mcp_case_answer (self, "{}");
    }
    //  The list waits for the hanging subscribe: retried later.
    for (int probe = 0; probe < 2; probe++) {
        mcp_case_time (self, 20000);
        mcp_case_expect (self, "events_list_subscriptions;");
        mcp_case_time (self, 30000);
        mcp_case_expect (self, "notifications/cancelled;");
        assert_int_equal (mcp_retry_ms (self->mcp), self->now + 300000);
        for (int i = 0; i < 14; i++) {
            mcp_case_time (self, 20000);
            mcp_case_expect (self, "ping;");
            mcp_case_answer (self, "{}");
        }
    }
}

static void
test_405_is_unsupported_and_probed_slowly (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_initialize (self);
    buf_reset (&self->notes);
    mcp_on_head (self->mcp, self->stream, 405, "text/plain", "", 0, self->now);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    mcp_case_expect (self, "=unsupported;DELETE;session ;");
    mcp_case_answer_status (self, 204, "");
    assert_int_equal (mcp_retry_ms (self->mcp), self->now + 300000);
    mcp_case_time (self, 299999);
    mcp_case_expect (self, "");
    mcp_case_time (self, 1);
    mcp_case_expect (self, "=connecting;initialize;");
    assert_int_equal (mcp_retry_ms (self->mcp), 0);
}

//  initialize .. tools/list of a server without the event tools.
static void
s_answer_without_tools (mcp_case_t *self)
{
    mcp_case_initialize (self);
    mcp_on_head (self->mcp, self->stream, 200, SSE_TYPE, "", 0, self->now);
    mcp_case_take (self);
    mcp_case_answer (self, "{}");
    mcp_case_take (self);
    mcp_case_answer (self, "{\"tools\":[{\"name\":\"pods_list\"}]}");
}

static void
test_a_probe_that_ends_as_the_last_one_is_told_as_again (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    s_answer_without_tools (self);
    buf_reset (&self->notes);
    mcp_case_expect (self, "=unsupported;DELETE;session ;");
    assert_non_null (strstr (mcp_last_error (self->mcp), "the server has no event tools"));
    for (int probe = 0; probe < 3; probe++) {
        mcp_case_answer_status (self, 204, "");
        mcp_case_time (self, 300000);
        mcp_case_take (self);
        s_answer_without_tools (self);
        buf_reset (&self->notes);
        mcp_case_expect (self, "=unsupported again;DELETE;session ;");
    }
    mcp_case_answer_status (self, 204, "");
    mcp_case_time (self, 300000);
    mcp_case_take (self);
    mcp_case_initialize (self);
    buf_reset (&self->notes);
    mcp_on_head (self->mcp, self->stream, 405, "text/plain", "", 0, self->now);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    mcp_case_expect (self, "=unsupported;DELETE;session ;"); //  for a different reason
}

static void
test_server_requests_are_answered (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    mcp_case_stream_says (self,
                          "data: {\"jsonrpc\":\"2.0\",\"id\":\"p1\",\"method\":\"ping\"}\n\n");
    mcp_case_expect (self, "answer;");
    assert_non_null (strstr (self->request.text, "\"id\":\"p1\""));
    assert_non_null (strstr (self->request.text, "\"result\":{}"));
    mcp_case_stream_says (
        self, "data: {\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"sampling/createMessage\"}\n\n");
    mcp_case_expect (self, "answer;");
    assert_non_null (strstr (self->request.text, "-32601"));
}

static void
test_last_event_id_is_sent_only_when_one_was_seen (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    mcp_case_stream_says (self, "id: 17\ndata: {}\n\n");
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    mcp_case_time (self, 1300);
    mcp_case_take (self);
    assert_true (mcp_case_has_header (&self->get, "Last-Event-ID: 17"));
    mcp_on_head (self->mcp, self->stream, 400, "text/plain", "", 0, self->now);
    mcp_on_end (self->mcp, self->stream, 0, "", self->now);
    mcp_case_time (self, 2600);
    mcp_case_take (self);
    assert_int_equal (self->get.header_count, 3);
}

static void
test_401_asks_for_the_token_once_and_then_backs_off (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_expect (self, "=connecting;initialize;");
    mcp_case_answer_status (self, 401, "");
    mcp_case_expect (self, "token;=waiting;");
    mcp_case_time (self, 0);
    mcp_case_expect (self, "=connecting;initialize;");
    mcp_case_answer_status (self, 401, "");
    mcp_case_expect (self, "token;=waiting;");
    assert_true (mcp_wake (self->mcp) - self->now >= 800);
}

//  A server may accept each new token and then refuse it: it must not be asked without a pause.
static void
test_401_of_an_active_session_backs_off_until_one_lived (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    for (int64_t least_ms = 0; least_ms < 3000; least_ms += least_ms ? least_ms : 800) {
        mcp_case_time (self, 20000);
        mcp_case_take (self); //  the ping
        mcp_case_answer_status (self, 401, "");
        assert_int_equal (mcp_state (self->mcp), MCP_WAITING);
        assert_true (mcp_wake (self->mcp) - self->now >= least_ms);
        mcp_case_time (self, 10000);
        mcp_case_take (self);
        mcp_case_connect (self, "");
        mcp_case_answer_tool (self, mcp_case_ours);
        assert_int_equal (mcp_state (self->mcp), MCP_ACTIVE);
    }
    buf_reset (&self->notes);
}

static void
test_withheld_stream_headers_do_not_hold_up_the_rest (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    mcp_case_initialize (self);
    buf_reset (&self->notes);
    mcp_case_time (self, 10000);
    mcp_case_expect (self, "logging/setLevel;");
}

static void
test_a_broken_event_is_kept_raw_and_other_broken_messages_are_counted (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    mcp_case_stream_says (self, "data: {oops\n\n");
    mcp_case_expect (self, "");
    mcp_case_stream_says (self,
                          "data: {\"method\":\"notifications/message\",\"params\":{\"logger\":"
                          "\"kubernetes/faults\",\"data\":{\"context\":\"\\ud800\"}}}\n\n");
    mcp_case_take (self);
    assert_non_null (strstr (self->notes.data, "event {\"method\""));
    assert_int_equal (mcp_bad_messages (self->mcp), 2);
}

static void
test_events_of_a_new_logger_or_without_data_are_not_lost (void **state)
{
    mcp_case_t *self = *state;
    mcp_case_activate (self);
    mcp_case_stream_says (
        self, NOTICE ("\"logger\":\"kubernetes/node-faults\",\"data\":{\"faultType\":\"N\"}"));
    mcp_case_expect (self, "event {\"faultType\":\"N\"};");
    mcp_case_stream_says (self, NOTICE ("\"logger\":\"kubernetes/faults\""));
    mcp_case_expect (self, "event null;");
    mcp_case_stream_says (self, NOTICE ("\"logger\":\"kubernetes-mcp-server\",\"data\":\"text\""));
    mcp_case_stream_says (self, NOTICE ("\"logger\":\"other\",\"data\":{\"x\":1}"));
    mcp_case_expect (self, "");
}

static void
test_a_session_id_unfit_for_a_header_is_not_used (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "two words", self->now);
    mcp_case_expect (self, "=connecting;initialize;");
    mcp_on_head (self->mcp, self->request.cookie, 200, "application/json", "a b", 0, self->now);
    const char *body = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"protocolVersion\":"
                       "\"2025-03-26\"}}";
    mcp_on_body (self->mcp, self->request.cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, self->request.cookie, 0, "", self->now);
    mcp_case_expect (self, "session ;notifications/initialized;");
    assert_int_equal (self->request.header_count, 3);
}

static void
test_headers_told_twice_count_once (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
    buf_reset (&self->notes);
    mcp_on_head (self->mcp, self->request.cookie, 200, SSE_TYPE, SESSION, 0, self->now);
    mcp_on_head (self->mcp, self->request.cookie, 200, SSE_TYPE, "other", 0, self->now);
    const char *body = "data: {\"id\":1,\"result\":{\"protocolVersion\":\"2025-03-26\"}}\n\n";
    mcp_on_body (self->mcp, self->request.cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, self->request.cookie, 0, "", self->now);
    mcp_case_expect (self, "session " SESSION ";notifications/initialized;");
}

static void
test_a_body_behind_a_delete_answers_nothing (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, SESSION, self->now);
    mcp_case_expect (self, "=connecting;DELETE;session ;");
    const char *body = "{\"id\":0,\"result\":{}}";
    mcp_on_head (self->mcp, self->request.cookie, 200, "application/json", "", 0, self->now);
    mcp_on_body (self->mcp, self->request.cookie, body, strlen (body), self->now);
    mcp_on_end (self->mcp, self->request.cookie, 0, "", self->now);
    mcp_case_expect (self, "initialize;");
}

static void
test_a_transfer_that_ended_is_not_aborted (void **state)
{
    mcp_case_t *self = *state;
    mcp_start (self->mcp, "", self->now);
    mcp_case_take (self);
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

#define TEST(name) cmocka_unit_test_setup_teardown (name, mcp_case_setup, mcp_case_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_golden_exchange_in_its_order),
        TEST (test_matching_subscription_is_adopted_and_extras_are_dropped),
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
