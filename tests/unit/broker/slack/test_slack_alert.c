//  The messages about the system: what broke, since when, and what to do.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/slack/slack_alert.h"
#include "common/base/own.h"
#include "tests/unit/broker/slack/bodies.h"

#include <stdio.h>
#include <string.h>

static row_alert_t
s_alert (void)
{
    row_alert_t alert = {.count = 7, .first_ms = 1767225600000, .last_ms = 1767225723000};
    snprintf (alert.cluster, sizeof alert.cluster, "prod");
    snprintf (alert.reasons [0], LIMIT_REASON_BYTES, "agent timed out after 3 s");
    snprintf (alert.reasons [1], LIMIT_REASON_BYTES, "529 overloaded");
    alert.counts [0] = 1;
    alert.counts [1] = 6;
    return alert;
}

static const char *
s_color (const json_t *message)
{
    const json_t *attachment = json_array_get (json_object_get (message, "attachments"), 0);
    return json_member_text (attachment, "color", "");
}

static void
test_degraded_says_what_broke_how_often_and_when (void **state)
{
    row_alert_t alert = s_alert ();
    own (json_drop) json_t *message = bodies_read (slack_alert_degraded (&alert, false));
    assert_string_equal (s_color (message), "warning");
    bodies_expect ("AI Agent System Degraded\n");
    bodies_expect ("*Failure Count:*\n7\n");
    bodies_expect ("*Time Window:*\n2m 3s\n");
    bodies_expect ("*Sample Failure Reasons (last 3):*\n"
                   "\xe2\x80\xa2 agent timed out after 3 s\n"
                   "\xe2\x80\xa2 529 overloaded, 6 of 7\n");
    bodies_expect ("First failure: 2026-01-01T00:00:00Z  |  Last failure: 2026-01-01T00:02:03Z\n");
    bodies_expect ("AI Agent System Degraded: failure count 7 within 2m 3s: "
                   "529 overloaded, 6 of 7\n");
    bodies_expect_not ("repeat");
}

static void
test_degraded_names_the_command_or_says_that_none_is_needed (void **state)
{
    row_alert_t alert = s_alert ();
    bodies_show (slack_alert_degraded (&alert, false));
    bodies_expect ("`triagectl incidents retry --state agent_failed`");
    alert.revives = true;
    bodies_show (slack_alert_degraded (&alert, false));
    bodies_expect ("the broker investigates what has failed meanwhile by itself");
    bodies_expect_not ("triagectl incidents retry");
    bodies_expect ("`triagectl incidents list --state agent_failed` shows what failed");
    bodies_expect ("the queue is held meanwhile, and single incidents are tried");
    bodies_expect ("`triagectl breaker probe`");
}

static void
test_degraded_at_once_has_a_window_that_says_something (void **state)
{
    row_alert_t alert = s_alert ();
    alert.last_ms = alert.first_ms + 999;
    bodies_show (slack_alert_degraded (&alert, false));
    bodies_expect ("*Time Window:*\nunder 1s\n");
    alert.last_ms++;
    bodies_show (slack_alert_degraded (&alert, false));
    bodies_expect ("*Time Window:*\n1s\n");
}

static void
test_degraded_without_reasons_or_counts_says_so (void **state)
{
    row_alert_t alert = s_alert ();
    memset (alert.counts, 0, sizeof alert.counts); //  of an earlier version
    bodies_show (slack_alert_degraded (&alert, false));
    bodies_expect ("\xe2\x80\xa2 529 overloaded\n");
    memset (alert.reasons, 0, sizeof alert.reasons);
    bodies_show (slack_alert_degraded (&alert, false));
    bodies_expect ("*Sample Failure Reasons (last 3):*\nNo failure details available\n");
    bodies_expect ("failure count 7 within 2m 3s\n");
}

static void
test_recovered_has_the_closing_figures (void **state)
{
    row_alert_t alert = s_alert ();
    alert.last_ms = alert.first_ms + 3723000;
    own (json_drop) json_t *message = bodies_read (slack_alert_recovered (&alert, false));
    assert_string_equal (s_color (message), "good");
    bodies_expect ("AI Agent System Recovered\n");
    bodies_expect ("*Total Downtime:*\n1h 2m 3s\n");
    bodies_expect ("*Total Failures:*\n7\n");
    bodies_expect ("529 overloaded, 6 of 7\n");
    bodies_expect ("`triagectl incidents retry --state agent_failed`");
    alert.revives = true;
    bodies_show (slack_alert_recovered (&alert, false));
    bodies_expect ("What had failed is in the queue again.");
}

static void
test_overflow_names_the_cluster_and_the_way_back (void **state)
{
    row_alert_t alert = s_alert ();
    bodies_show (slack_alert_overflow (&alert, false));
    bodies_expect ("*Cluster:*\nprod\n");
    bodies_expect ("*Waiting:*\n7\n");
    bodies_expect ("`triagectl incidents retry --reason overflow`");
}

static void
test_no_alert_can_forge_anything_and_a_repeat_says_so (void **state)
{
    typedef char *(make_fn) (const row_alert_t *alert, bool repeated);
    make_fn *const makes [] = {slack_alert_degraded, slack_alert_recovered, slack_alert_overflow};
    for (size_t i = 0; bodies_hostile [i]; i++) {
        row_alert_t alert = s_alert ();
        bodies_fill (alert.cluster, sizeof alert.cluster, bodies_hostile [i]);
        for (int k = 0; k < ROW_REASONS; k++)
            bodies_fill (alert.reasons [k], LIMIT_REASON_BYTES, bodies_hostile [i]);
        for (size_t k = 0; k < sizeof makes / sizeof makes [0]; k++) {
            bodies_show (makes [k](&alert, true));
            assert_true (strncmp (bodies_all, "(may be a repeat) ", 18) == 0);
            bodies_expect ("This may be a repeat");
        }
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_degraded_says_what_broke_how_often_and_when),
        cmocka_unit_test (test_degraded_names_the_command_or_says_that_none_is_needed),
        cmocka_unit_test (test_degraded_at_once_has_a_window_that_says_something),
        cmocka_unit_test (test_degraded_without_reasons_or_counts_says_so),
        cmocka_unit_test (test_recovered_has_the_closing_figures),
        cmocka_unit_test (test_overflow_names_the_cluster_and_the_way_back),
        cmocka_unit_test (test_no_alert_can_forge_anything_and_a_repeat_says_so),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
