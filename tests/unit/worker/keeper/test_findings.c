//  findings - a verdict that the files of a run complete.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/scratch.h"
#include "worker/keeper/findings.h"

#include <errno.h>

#define REPORT                                                                                     \
    "# Report\n\nThe memory limit of the container is too low for its heap, so the kernel kills "  \
    "it again and again.\n"

static void
s_write (scratch_t *folder, const char *name, const char *text)
{
    FILE *file = fopen (scratch_at (folder, name), "w");
    assert_non_null (file);
    assert_true (fputs (text, file) >= 0);
    assert_int_equal (fclose (file), 0);
}

static int
s_setup (void **state)
{
    if (scratch_setup (state) != 0)
        return -1;
    scratch_dir (*state, "output");
    scratch_dir (*state, "logs");
    return 0;
}

static spool_verdict_t
s_judge (scratch_t *folder, const facts_t *facts)
{
    spool_verdict_t verdict = {
        .attempt = 1, .started_ms = 1000, .completed_ms = 5000, .usage = usage_none ()};
    assert_int_equal (findings_judge (folder->path, facts, SIZE_MAX, &verdict), 0);
    return verdict;
}

static facts_t
s_facts (int exit_code)
{
    facts_t facts = findings_no_facts ();
    facts.run = (verdict_run_t){.started = true, .exit_code = exit_code};
    return facts;
}

static void
test_the_files_complete_a_verdict (void **state)
{
    s_write (*state, "output/agent-result.json",
             "{\"is_error\":true,\"class\":\"rate_limited\",\"exit_code\":1,\"result\":\"slow\","
             "\"retry_after_ms\":9000,\"num_turns\":3,\"duration_ms\":2500}");
    facts_t facts = s_facts (75);
    const spool_verdict_t verdict = s_judge (*state, &facts);
    assert_int_equal (verdict.outcome, VERDICT_AGENT);
    assert_int_equal (verdict.class, RUN_CLASS_RATE_LIMITED);
    assert_int_equal (verdict.exit_code, 1);
    assert_int_equal (verdict.retry_ms, 9000);
    assert_string_equal (verdict.reason, "agent exited with non-zero code: 1: slow");
    assert_int_equal (verdict.usage.turns, 3);
    assert_int_equal (verdict.usage.duration_ms, 2500);
}

static void
test_the_gateways_figures_count_before_those_of_the_agent (void **state)
{
    s_write (*state, "output/investigation.md", REPORT);
    s_write (*state, "output/agent-result.json",
             "{\"is_error\":false,\"agent\":\"claude\",\"model\":\"sonnet\",\"num_turns\":3,"
             "\"usage\":{\"input_tokens\":1,\"output_tokens\":2},\"total_cost_usd\":0}");
    facts_t facts = s_facts (0);
    facts.seen.input = 100;
    facts.seen.cost_micro_usd = 77;
    facts.seen.calls = 4;
    snprintf (facts.seen.model, sizeof facts.seen.model, "claude-sonnet-4-5");
    const spool_verdict_t verdict = s_judge (*state, &facts);
    assert_int_equal (verdict.class, RUN_CLASS_SUCCESS);
    assert_int_equal (verdict.usage.input, 100);
    assert_int_equal (verdict.usage.output, 2); //  the gateway does not know it
    assert_int_equal (verdict.usage.cost_micro_usd, 77);
    assert_int_equal (verdict.usage.calls, 4);
    assert_int_equal (verdict.usage.turns, 3);
    assert_string_equal (verdict.usage.agent, "claude");
    assert_string_equal (verdict.usage.model, "claude-sonnet-4-5");
    assert_int_equal (verdict.usage.duration_ms, 4000);
}

static void
test_standard_error_explains_an_exit_code (void **state)
{
    s_write (*state, "logs/agent.stderr.log", "begin\nError: no such thing\n");
    facts_t facts = s_facts (2);
    assert_string_equal (s_judge (*state, &facts).reason,
                         "agent exited with non-zero code: 2: Error: no such thing");
    facts.run.exit_code = 0;
    assert_string_equal (s_judge (*state, &facts).reason, "investigation.md file not found");
}

static void
test_a_report_behind_a_link_is_none (void **state)
{
    scratch_t *folder = *state;
    s_write (folder, "other.md", REPORT);
    assert_int_equal (symlink ("../other.md", scratch_at (folder, "output/investigation.md")), 0);
    facts_t facts = s_facts (0);
    const spool_verdict_t verdict = s_judge (folder, &facts);
    assert_int_equal (verdict.class, RUN_CLASS_INVALID_OUTPUT);
    assert_string_equal (verdict.reason, "investigation.md file not found");
    assert_int_equal (findings_report_size (folder->path), -1);
}

static void
test_a_file_over_the_callers_limit_is_not_read (void **state)
{
    scratch_t *folder = *state;
    s_write (folder, "output/investigation.md", REPORT);
    facts_t facts = s_facts (0);
    spool_verdict_t verdict = {.exit_code = 5, .usage = usage_none ()};
    assert_int_equal (findings_judge (folder->path, &facts, strlen (REPORT) - 1, &verdict),
                      ERR_LIMIT);
    assert_int_equal (verdict.exit_code, 5);
    assert_int_equal (findings_judge (folder->path, &facts, strlen (REPORT), &verdict), 0);
    assert_int_equal (verdict.class, RUN_CLASS_SUCCESS);
    assert_int_equal (findings_report_size (folder->path), strlen (REPORT));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_the_files_complete_a_verdict, s_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_the_gateways_figures_count_before_those_of_the_agent,
                                         s_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_standard_error_explains_an_exit_code, s_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_report_behind_a_link_is_none, s_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_file_over_the_callers_limit_is_not_read, s_setup,
                                         scratch_teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
