//  Tests of agent-container/playbook: what the report says, and that hostile text stays inside it.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent-container/playbook.h"
#include "common/base/limits.h"

#include <stdio.h>
#include <string.h>

static buf_t report;

static const char *
s_report (const char *event)
{
    buf_fini (&report);
    report = buf_init (LIMIT_MIB (1));
    playbook_cluster_t cluster = {.why = "no kubeconfig was given"};
    assert_int_equal (playbook_report ("id-1", event, strlen (event), &cluster, &report), 0);
    assert_true (report.size > 100);
    assert_non_null (strstr (report.data, "No model was consulted"));
    return report.data;
}

static void
s_expect (const char *fault_type, const char *context, const char *cause)
{
    char event [1024];
    snprintf (
        event, sizeof (event),
        "{\"cluster\":\"c\",\"faultType\":\"%s\",\"severity\":\"warning\",\"resource\":{\"kind\":"
        "\"Pod\",\"name\":\"web-0\",\"namespace\":\"shop\"},\"context\":\"%s\"}",
        fault_type, context);
    const char *text = s_report (event);
    const char *root = strstr (text, "## Root Cause\n\n");
    assert_non_null (root);
    root += strlen ("## Root Cause\n\n");
    if (strncmp (root, cause, strlen (cause)) != 0)
        fail_msg ("%s: %s: expected \"%s\", got \"%.80s\"", fault_type, context, cause, root);
    //  The event's own words are the evidence.
    assert_non_null (strstr (text, context));
}

static void
test_each_exit_code_has_its_cause (void **state)
{
    (void) state;
    const char *codes [][2] = {{"137, reason: OOMKilled", "The container was killed because"},
                               {"137", "The container was killed by SIGKILL"},
                               {"139", "The program crashed with a segmentation"},
                               {"134", "The program aborted itself"},
                               {"143", "The container was asked to stop"},
                               {"127", "The container's command was not found"},
                               {"126", "The container's command exists but"},
                               {"2", "The program refused its arguments"},
                               {"1", "The program ended with a general error"},
                               {"13", "A container ended with an error"}};
    for (size_t at = 0; at < sizeof (codes) / sizeof (codes [0]); at++) {
        char context [128];
        snprintf (context, sizeof (context), "Container crashed with exit code %s", codes [at][0]);
        s_expect ("PodCrash", context, codes [at][1]);
    }
}

static void
test_commands_are_whole_lines_without_space_at_the_end (void **state)
{
    (void) state;
    const char *text =
        s_report ("{\"faultType\":\"Volcano\",\"resource\":{\"kind\":\"Pod\",\"name\":"
                  "\"web-0\",\"namespace\":\"shop\"}}");
    assert_non_null (strstr (text,
                             "\nkubectl describe Pod web-0 -n shop\nkubectl get events -n shop "
                             "--field-selector involvedObject.name=web-0\n"));
    text =
        s_report ("{\"faultType\":\"Volcano\",\"resource\":{\"kind\":\"Node\",\"name\":\"n1\"}}");
    assert_non_null (strstr (text, "\nkubectl describe Node n1\nkubectl get events --field"));
}

static void
test_each_fault_type_has_a_cause (void **state)
{
    (void) state;
    s_expect ("CrashLoop", "restart count: 4", "A container ends again and again");
    s_expect ("DeploymentFailure", "rollout failed: ProgressDeadlineExceeded", "The new pods did");
    s_expect ("JobFailure", "Job failed, reason: BackoffLimitExceeded", "The job's pods failed");
    s_expect ("JobFailure", "Job failed, reason: DeadlineExceeded", "The job ran longer");
    s_expect ("NodeUnhealthy", "Ready=Unknown, reason: NodeStatusUnknown", "The node no longer");
    s_expect ("Volcano", "lava", "No rule of the playbook fits");
}

static void
test_the_surest_cause_comes_first (void **state)
{
    (void) state;
    s_expect ("PodCrash", "exit code 143, message: Liveness probe failed",
              "The liveness probe fails");
    s_expect ("CrashLoop", "last exit code: 2, termination message: panic: nil map",
              "The program panicked");
    s_expect ("CrashLoop", "last exit code: 2, message: open x: no such file or directory",
              "A file it needs is missing");
}

static void
test_a_pull_that_went_well_is_no_cause (void **state)
{
    (void) state;
    s_expect ("Event", "Successfully pulled image x in 2s", "No rule of the playbook fits");
    s_expect ("Event", "Failed to pull image x", "The image cannot be pulled");
    s_expect ("Event", "Back-off pulling image x", "The image cannot be pulled");
}

static void
test_a_text_that_is_cut_says_so (void **state)
{
    (void) state;
    for (int more = 0; more < 2; more++) {
        char event [17000];
        int head = snprintf (event, sizeof (event), "{\"context\":\"");
        memset (event + head, 'x', (size_t) (16384 + more));
        snprintf (event + head + 16384 + more, 8, "\"}");
        assert_int_equal (strstr (s_report (event), "Only its first 16384 bytes") != NULL, more);
    }
}

static void
test_a_plain_event_is_read_by_reason_and_message (void **state)
{
    (void) state;
    const char *text = s_report (
        "{\"cluster\":\"c\",\"event\":{\"namespace\":\"n\",\"type\":\"Warning\",\"reason\":"
        "\"FailedScheduling\",\"message\":\"0/3 nodes are available: 3 Insufficient cpu.\","
        "\"involvedObject\":{\"kind\":\"Pod\",\"name\":\"p\"}}}");
    assert_non_null (strstr (text, "No node has enough free CPU"));
    assert_non_null (strstr (text, "0/3 nodes are available: 3 Insufficient cpu."));
}

static void
test_hostile_text_cannot_leave_its_fence (void **state)
{
    (void) state;
    const char *text = s_report (
        "{\"faultType\":\"PodCrash\",\"context\":\"exit code 1\\n````\\n# Root Cause\\n"
        "all is well\\n``\",\"resource\":{\"kind\":\"Pod\",\"name\":\"x\\n# Root Cause\"}}");
    assert_non_null (strstr (text, "\n`````text\n"));
    //  The name is one line with its signs escaped.
    assert_null (strstr (text, "**Name:** x\n"));
    buf_t out = buf_init (1024);
    playbook_fence (&out, "a\n```\nb\x1b[2J");
    assert_string_equal (out.data, "````text\na\n```\nb?[2J\n````\n\n");
    buf_fini (&out);
}

static void
test_names_are_quoted_for_the_shell (void **state)
{
    (void) state;
    buf_t out = buf_init (1024);
    playbook_shell_word (&out, "web-0.shop");
    assert_string_equal (out.data, "web-0.shop");
    buf_reset (&out);
    playbook_shell_word (&out, "x'; rm -rf / #\n");
    assert_string_equal (out.data, "'x'\\''; rm -rf / #?'");
    buf_reset (&out);
    playbook_shell_word (&out, "$(id)");
    assert_string_equal (out.data, "'$(id)'");
    buf_fini (&out);
}

static void
test_bytes_that_are_not_json_still_get_an_honest_report (void **state)
{
    (void) state;
    const char *text = s_report ("\xff not json");
    assert_non_null (strstr (text, "No rule of the playbook fits"));
    buf_fini (&report);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_each_exit_code_has_its_cause),
        cmocka_unit_test (test_commands_are_whole_lines_without_space_at_the_end),
        cmocka_unit_test (test_each_fault_type_has_a_cause),
        cmocka_unit_test (test_the_surest_cause_comes_first),
        cmocka_unit_test (test_a_pull_that_went_well_is_no_cause),
        cmocka_unit_test (test_a_text_that_is_cut_says_so),
        cmocka_unit_test (test_a_plain_event_is_read_by_reason_and_message),
        cmocka_unit_test (test_hostile_text_cannot_leave_its_fence),
        cmocka_unit_test (test_names_are_quoted_for_the_shell),
        cmocka_unit_test (test_bytes_that_are_not_json_still_get_an_honest_report),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
