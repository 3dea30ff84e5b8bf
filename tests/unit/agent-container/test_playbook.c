//  Tests of agent-container/playbook: the text of the report, and that hostile text stays inside
//  it.
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
s_report_with (const char *event, const char *facts)
{
    buf_fini (&report);
    report = buf_init (LIMIT_MIB (1));
    playbook_cluster_t cluster = {.text = facts, .why = "no kubeconfig was given"};
    assert_int_equal (playbook_report ("id-1", event, strlen (event), &cluster, &report), 0);
    assert_true (report.size > 100);
    assert_non_null (strstr (report.data, "No model was consulted"));
    return report.data;
}

static const char *
s_report (const char *event)
{
    return s_report_with (event, NULL);
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

#define CRASH                                                                                      \
    "{\"cluster\":\"prod "                                                                         \
    "eu\",\"faultType\":\"CrashLoop\",\"resource\":{\"kind\":\"Pod\",\"name\":"                    \
    "\"web-0\",\"namespace\":\"shop\"},\"context\":\"restart count: 4\"}"
#define TABLE                                                                                      \
    "NAME    READY   STATUS             RESTARTS\n"                                                \
    "web-0   0/1     CrashLoopBackOff   7\n"                                                       \
    "Name:         web-0\n"

static void
s_expect_root (const char *text, const char *cause, const char *confidence)
{
    const char *root = strstr (text, "## Root Cause\n\n");
    assert_non_null (root);
    root += strlen ("## Root Cause\n\n");
    if (strncmp (root, cause, strlen (cause)) != 0)
        fail_msg ("expected \"%s\", got \"%.80s\"", cause, root);
    const char *level = strstr (root, "**Confidence:** ") + strlen ("**Confidence:** ");
    assert_memory_equal (level, confidence, strlen (confidence));
}

static void
test_what_the_cluster_says_is_ranked_like_what_the_event_says (void **state)
{
    (void) state;
    const char *text = s_report_with (
        CRASH, TABLE "Containers:\n  app:\n    State:          Waiting\n      Reason:       "
                     "CrashLoopBackOff\n    Last State:     Terminated\n      Reason:       "
                     "OOMKilled\n      Exit Code:    137\n");
    s_expect_root (text, "The container was killed because it used more memory", "HIGH");
    assert_non_null (
        strstr (text, "Evidence, from the cluster:\n\n```text\nReason:       OOMKilled\n"));
    text =
        s_report_with (CRASH, TABLE "Events:\n  Warning  Unhealthy  Liveness probe failed: 500\n");
    s_expect_root (text, "The liveness probe fails", "HIGH");
    //  An init container that has finished is no cause.
    text = s_report_with (CRASH,
                          TABLE "Init Containers:\n  init:\n      Exit Code:    0\nContainers:\n"
                                "  app:\n      Exit Code:    1\n");
    s_expect_root (text, "The program ended with a general error", "MEDIUM");
    //  Of two equally certain findings the event's comes first.
    text = s_report_with ("{\"faultType\":\"PodCrash\",\"context\":\"reason: OOMKilled\"}",
                          TABLE "Events:\n  OOMKilled\n");
    assert_non_null (strstr (text, "Evidence, from the event:\n\n```text\nreason: OOMKilled\n"));
}

static void
test_what_is_configured_is_no_cause (void **state)
{
    (void) state;
    static const char event [] = "{\"faultType\":\"NodeUnhealthy\",\"resource\":{\"kind\":\"Node\","
                                 "\"name\":\"n1\"},\"context\":\"Ready=False\"}";
    const char *text = s_report_with (
        event, "NAME   STATUS\nn1     NotReady\nName:   n1\nSystem Info:\n  Container Runtime "
               "Version:  containerd://1.7\nAnnotations:  note: OOMKilled no such host\n");
    s_expect_root (text, "The node is not ready", "LOW");
    text =
        s_report_with (event, "NAME   STATUS\nn1     NotReady\nName:   n1\nConditions:\n  Ready  "
                              "False  KubeletNotReady  container runtime is down\nAddresses:\n");
    s_expect_root (text, "The container runtime on the node is down", "HIGH");
    //  Without any finding the event's type is the cause.
    s_expect_root (s_report_with (CRASH, TABLE), "A container ends again and again", "LOW");
}

static void
test_quotes_begin_and_end_with_words (void **state)
{
    (void) state;
    char event [2048] = "{\"faultType\":\"PodCrash\",\"context\":\"";
    for (size_t i = 0; i < 60; i++)
        strncat (event, "before ", sizeof event - strlen (event) - 1);
    strncat (event, "connection refused", sizeof event - strlen (event) - 1);
    for (size_t i = 0; i < 90; i++)
        strncat (event, " afterwards", sizeof event - strlen (event) - 1);
    strncat (event, "\"}", sizeof event - strlen (event) - 1);
    const char *quote = strstr (s_report (event), "Evidence, from the event:\n\n```text\n");
    assert_non_null (quote);
    quote += strlen ("Evidence, from the event:\n\n```text\n");
    assert_memory_equal (quote, "before before ", 14);
    const char *end = strstr (quote, "\n```\n");
    assert_memory_equal (end - 11, " afterwards", 11);
    assert_in_range (end - quote, 500, 620);
}

static void
test_commands_say_which_cluster_they_are_for (void **state)
{
    (void) state;
    assert_non_null (strstr (s_report (CRASH), "```text\n# cluster 'prod eu'\nkubectl logs web-0"));
}

static void
test_hostile_text_cannot_leave_its_fence (void **state)
{
    (void) state;
    const char *text = s_report (
        "{\"faultType\":\"PodCrash\",\"context\":\"exit code 1\\n````\\n# Root Cause\\n"
        "all is well\\n``\",\"resource\":{\"kind\":\"Pod\",\"name\":\"x\\n# Root Cause\"}}");
    assert_non_null (strstr (text, "\n`````text\n"));
    //  The name is one line with its special characters escaped.
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
        cmocka_unit_test (test_what_the_cluster_says_is_ranked_like_what_the_event_says),
        cmocka_unit_test (test_what_is_configured_is_no_cause),
        cmocka_unit_test (test_quotes_begin_and_end_with_words),
        cmocka_unit_test (test_commands_say_which_cluster_they_are_for),
        cmocka_unit_test (test_hostile_text_cannot_leave_its_fence),
        cmocka_unit_test (test_names_are_quoted_for_the_shell),
        cmocka_unit_test (test_bytes_that_are_not_json_still_get_an_honest_report),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
