//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/domain/verdict.h"

#include <stdio.h>
#include <string.h>

static const verdict_run_t s_good = {.started = true,
                                     .timeout_s = 300,
                                     .report_exists = true,
                                     .report_bytes = VERDICT_REPORT_MIN_BYTES};

static void
s_expect (const verdict_run_t *run, verdict_outcome_t outcome, const char *text)
{
    char reason [VERDICT_REASON_BYTES];
    assert_int_equal (verdict_judge (run, reason), outcome);
    assert_string_equal (reason, text);
}

static void
test_a_report_of_101_bytes_passes (void **state)
{
    s_expect (&s_good, VERDICT_SUCCESS, "");
}

static void
test_a_report_of_100_bytes_is_too_small (void **state)
{
    verdict_run_t run = s_good;
    run.report_bytes = 100;
    s_expect (&run, VERDICT_AGENT, "investigation.md too small: 100 bytes (expected > 100)");
}

static void
test_a_missing_report_has_its_own_reason (void **state)
{
    verdict_run_t run = s_good;
    run.report_exists = false;
    s_expect (&run, VERDICT_AGENT, "investigation.md file not found");
}

static void
test_an_exit_code_counts_before_a_good_report (void **state)
{
    verdict_run_t run = s_good;
    run.exit_code = 7;
    s_expect (&run, VERDICT_AGENT, "agent exited with non-zero code: 7");
}

static void
test_an_exit_code_that_says_no_agent_can_run_here_is_the_hosts_matter (void **state)
{
    static const struct {
        int code;
        verdict_outcome_t outcome;
    } codes [] = {{1, VERDICT_AGENT},   {64, VERDICT_AGENT},  {69, VERDICT_AGENT},
                  {75, VERDICT_AGENT},  {77, VERDICT_AGENT},  {78, VERDICT_HOST},
                  {124, VERDICT_AGENT}, {125, VERDICT_HOST},  {126, VERDICT_HOST},
                  {127, VERDICT_HOST},  {128, VERDICT_AGENT}, {137, VERDICT_AGENT}};
    for (size_t i = 0; i < sizeof codes / sizeof codes [0]; i++) {
        verdict_run_t run = s_good;
        run.exit_code = codes [i].code;
        char text [64];
        snprintf (text, sizeof text, "agent exited with non-zero code: %d", codes [i].code);
        s_expect (&run, codes [i].outcome, text);
    }
}

static void
test_a_timeout_counts_before_the_exit_code_of_the_kill (void **state)
{
    verdict_run_t run = s_good;
    run.timed_out = true;
    run.exit_code = 137;
    s_expect (&run, VERDICT_AGENT, "agent timed out after 300 s");
}

static void
test_an_agent_that_cannot_start_is_the_hosts_matter_and_counts_first (void **state)
{
    verdict_run_t run = s_good;
    run.started = false;
    run.start_error = "No such file or directory";
    run.timed_out = true;
    s_expect (&run, VERDICT_HOST, "agent execution error: No such file or directory");
    run.start_error = NULL;
    s_expect (&run, VERDICT_HOST, "agent execution error: unknown");
}

static void
test_a_reason_longer_than_its_field_is_cut (void **state)
{
    char text [600];
    memset (text, 'x', sizeof text - 1);
    text [sizeof text - 1] = 0;
    verdict_run_t run = {.start_error = text};
    char reason [VERDICT_REASON_BYTES];
    assert_int_equal (verdict_judge (&run, reason), VERDICT_HOST);
    assert_int_equal (strlen (reason), VERDICT_REASON_BYTES - 1);
}

static void
test_outcome_names_parse_back (void **state)
{
    for (int i = VERDICT_SUCCESS; i <= VERDICT_LOST; i++) {
        const char *name = verdict_outcome_name ((verdict_outcome_t) i);
        verdict_outcome_t parsed = VERDICT_SUCCESS;
        assert_true (verdict_outcome_parse (name, strlen (name), &parsed));
        assert_int_equal (parsed, i);
    }
    verdict_outcome_t parsed;
    assert_false (verdict_outcome_parse ("agents", 6, &parsed));
    assert_false (verdict_outcome_parse ("", 0, &parsed));
}

static bool
s_allowed (const char *path)
{
    return verdict_path_allowed (path, strlen (path));
}

static void
test_only_listed_artifact_paths_travel (void **state)
{
    assert_true (s_allowed ("output/investigation.md"));
    assert_true (s_allowed ("output/agent-result.json"));
    assert_true (s_allowed ("logs/agent.stdout.log"));
    assert_true (s_allowed ("logs/prompt.md"));
    assert_true (s_allowed ("run.json"));
    const char *const bad [] = {"",
                                "/run.json",
                                "../run.json",
                                "logs/../run.log",
                                "logs/..log",
                                "logs/.log",
                                "logs/a/b.log",
                                "logs/a b.log",
                                "logs/prompt.md/x.log",
                                "output/other.md",
                                "output/investigation.html",
                                "result.json",
                                "logs/a.txt",
                                "logs/a\n.log"};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++)
        assert_false (s_allowed (bad [i]));
    assert_false (verdict_path_allowed ("logs/a\0b.log", 12));
}

static void
test_a_path_longer_than_its_limit_is_refused (void **state)
{
    char path [200];
    memset (path, 'a', sizeof path - 1);
    memcpy (path, "logs/", 5);
    memcpy (path + sizeof path - 5, ".log", 5);
    assert_false (s_allowed (path));
}

static void
test_each_reason_is_of_one_kind (void **state)
{
    static const struct {
        verdict_run_t run;
        const char *name;
    } cases [] = {
        {{.start_error = "no sandbox"}, "not_started"},
        {{.started = true, .timed_out = true, .timeout_s = 300, .exit_code = 137}, "timeout"},
        {{.started = true, .exit_code = 3}, "exit_code"},
        {{.started = true}, "no_report"},
        {{.started = true, .report_exists = true, .report_bytes = 7}, "too_small"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        char reason [VERDICT_REASON_BYTES];
        (void) verdict_judge (&cases [i].run, reason);
        assert_string_equal (verdict_kind_name (verdict_kind (reason)), cases [i].name);
    }
    assert_int_equal (verdict_kind ("cannot keep output/investigation.md: No space"),
                      VERDICT_OTHER);
    assert_int_equal (verdict_kind (""), VERDICT_OTHER);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_report_of_101_bytes_passes),
        cmocka_unit_test (test_a_report_of_100_bytes_is_too_small),
        cmocka_unit_test (test_a_missing_report_has_its_own_reason),
        cmocka_unit_test (test_an_exit_code_counts_before_a_good_report),
        cmocka_unit_test (test_an_exit_code_that_says_no_agent_can_run_here_is_the_hosts_matter),
        cmocka_unit_test (test_a_timeout_counts_before_the_exit_code_of_the_kill),
        cmocka_unit_test (test_an_agent_that_cannot_start_is_the_hosts_matter_and_counts_first),
        cmocka_unit_test (test_a_reason_longer_than_its_field_is_cut),
        cmocka_unit_test (test_each_reason_is_of_one_kind),
        cmocka_unit_test (test_outcome_names_parse_back),
        cmocka_unit_test (test_only_listed_artifact_paths_travel),
        cmocka_unit_test (test_a_path_longer_than_its_limit_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
