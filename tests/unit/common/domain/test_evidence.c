//  evidence - each class, from the source that names it, with its sentence.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/domain/evidence.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define EXIT "agent exited with non-zero code: "
#define REPORT                                                                                     \
    "# Report\n\nThe memory limit of the container is too low for its heap, so the kernel kills "  \
    "it again and again.\n"

typedef struct {
    verdict_run_t run;
    const char *report, *result, *error;
    verdict_observed_t observed;
    bool resumed;
    run_class_t class;
    const char *reason;
} row_t;

static finding_t
s_find (const row_t *row)
{
    evidence_t evidence = {.run = row->run,
                           .report = row->report,
                           .report_bytes = row->report ? strlen (row->report) : 0,
                           .result = row->result,
                           .result_bytes = row->result ? strlen (row->result) : 0,
                           .error = row->error ? row->error : "",
                           .error_bytes = row->error ? strlen (row->error) : 0,
                           .observed = row->observed,
                           .resumed = row->resumed};
    evidence.run.started = true;
    evidence.run.timeout_s = 20;
    evidence.run.report_exists = row->report != NULL;
    evidence.run.report_bytes = (int64_t) evidence.report_bytes;
    finding_t finding;
    evidence_find (&evidence, &finding);
    return finding;
}

static void
s_expect (const row_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const finding_t finding = s_find (&rows [i]);
        if (finding.class != rows [i].class || strcmp (finding.reason, rows [i].reason) != 0)
            fail_msg ("row %zu: %s \"%s\"", i, run_class_name (finding.class), finding.reason);
        assert_int_equal (finding.outcome, run_class_rule (finding.class)->outcome);
        assert_int_equal (finding.class == RUN_CLASS_SUCCESS, !finding.reason [0]);
    }
}

#define S_ROWS(rows) s_expect (rows, sizeof (rows) / sizeof (rows) [0])

static void
test_a_result_names_the_class_and_the_sentence (void **state)
{
    static const row_t rows [] = {
        {.run = {.exit_code = 1},
         .result = "{\"is_error\":true,\"api_error_status\":401,\"result\":\"Invalid API key\"}",
         .class = RUN_CLASS_AUTH,
         .reason = EXIT "1: Invalid API key"},
        //  A driver translates the CLI's code; the reason has the CLI's own.
        {.run = {.exit_code = 77},
         .result =
             "{\"is_error\":true,\"class\":\"quota\",\"exit_code\":1,\"result\":\"no credit\"}",
         .class = RUN_CLASS_QUOTA,
         .reason = EXIT "1: no credit"},
        {.run = {.exit_code = 69},
         .result = "{\"is_error\":true,\"class\":\"overloaded\",\"result\":\"Overloaded\"}",
         .class = RUN_CLASS_OVERLOADED,
         .reason = EXIT "69: Overloaded"},
        {.run = {.exit_code = 1},
         .result = "{\"is_error\":true,\"stop_reason\":\"refusal\",\"result\":\"I cannot help\"}",
         .error = "Error: other",
         .class = RUN_CLASS_REFUSED,
         .reason = EXIT "1: I cannot help"},
        {.result = "{\"is_error\":true,\"class\":\"rate_limited\",\"result\":\"429\"}",
         .class = RUN_CLASS_RATE_LIMITED,
         .reason = "investigation.md file not found: 429"},
        {.result = "{\"is_error\":true,\"class\":\"provider\",\"result\":\"cut\"}",
         .report = REPORT,
         .class = RUN_CLASS_PROVIDER,
         .reason = "agent reported an error: cut"},
        {.result = "{\"is_error\":true,\"result\":\"a tool broke\"}",
         .report = REPORT,
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = "agent reported an error: a tool broke"},
        {.run = {.exit_code = 3},
         .result = "{\"is_error\":true,\"result\":\"a tool broke\"}",
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = EXIT "3: a tool broke"},
        {.result = "{\"is_error\":false}",
         .report = REPORT,
         .class = RUN_CLASS_SUCCESS,
         .reason = ""},
    };
    S_ROWS (rows);
}

static void
test_the_gateway_counts_where_the_result_is_silent (void **state)
{
    static const verdict_observed_t overloaded = {
        .class = RUN_CLASS_OVERLOADED, .sentence = "Overloaded", .retry_ms = 5000};
    const row_t rows [] = {
        {.run = {.exit_code = 1},
         .observed = overloaded,
         .error = "Error: what the CLI says",
         .class = RUN_CLASS_OVERLOADED,
         .reason = EXIT "1: Overloaded"},
        {.run = {.timed_out = true, .exit_code = 143},
         .observed = overloaded,
         .class = RUN_CLASS_OVERLOADED,
         .reason = "agent timed out after 20 s: Overloaded"},
        {.observed = overloaded,
         .class = RUN_CLASS_OVERLOADED,
         .reason = "investigation.md file not found: Overloaded"},
        {.run = {.exit_code = 1},
         .result = "{\"is_error\":true,\"class\":\"auth\",\"result\":\"Invalid API key\"}",
         .observed = overloaded,
         .class = RUN_CLASS_AUTH,
         .reason = EXIT "1: Invalid API key"},
        {.report = REPORT, .observed = overloaded, .class = RUN_CLASS_SUCCESS, .reason = ""},
        //  The report is there, whatever came after it.
        {.run = {.timed_out = true},
         .report = REPORT,
         .observed = overloaded,
         .class = RUN_CLASS_PARTIAL,
         .reason = "agent timed out after 20 s"},
        {.run = {.exit_code = 1},
         .observed = {.class = RUN_CLASS_LIMIT, .sentence = "the budget is used up"},
         .report = REPORT,
         .class = RUN_CLASS_PARTIAL,
         .reason = EXIT "1: the budget is used up"},
    };
    S_ROWS (rows);
    assert_int_equal (s_find (&rows [0]).retry_ms, 5000);
}

static void
test_a_wait_comes_from_the_source_of_the_class (void **state)
{
    row_t row = {.run = {.exit_code = 1},
                 .result = "{\"is_error\":true,\"class\":\"rate_limited\",\"retry_after_ms\":7000}",
                 .observed = {.class = RUN_CLASS_RATE_LIMITED, .retry_ms = 9000}};
    assert_int_equal (s_find (&row).retry_ms, 7000);
    row.result = "{\"is_error\":true,\"class\":\"rate_limited\"}";
    assert_int_equal (s_find (&row).retry_ms, 9000);
    row.observed.class = RUN_CLASS_OVERLOADED;
    assert_int_equal (s_find (&row).retry_ms, 0);
}

static void
test_an_agent_that_got_an_answer_cannot_hold_its_worker (void **state)
{
    static const verdict_observed_t served = {.class = RUN_CLASS_INVALID_OUTPUT, .served = true};
    static const verdict_observed_t credit = {.class = RUN_CLASS_QUOTA, .served = true};
    const row_t rows [] = {
        {.run = {.exit_code = 77},
         .result = "{\"is_error\":true,\"class\":\"auth\",\"result\":\"Invalid API key\"}",
         .observed = served,
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = EXIT "77: Invalid API key"},
        {.run = {.exit_code = 77},
         .observed = {.class = RUN_CLASS_NONE, .served = true},
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = EXIT "77"},
        {.run = {.exit_code = 127},
         .observed = {.answered = true, .served = true},
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = EXIT "127"},
        {.run = {.exit_code = 127}, .class = RUN_CLASS_INFRA, .reason = EXIT "127"},
        {.run = {.exit_code = 1},
         .result = "{\"is_error\":true,\"class\":\"quota\",\"result\":\"no credit\"}",
         .observed = credit,
         .class = RUN_CLASS_QUOTA,
         .reason = EXIT "1: no credit"}};
    S_ROWS (rows);
}

static void
test_an_agent_that_got_answers_cannot_blame_its_key (void **state)
{
    static const verdict_observed_t answered = {.answered = true};
    const row_t rows [] = {
        {.run = {.exit_code = 77},
         .result = "{\"is_error\":true,\"class\":\"auth\",\"result\":\"Invalid API key\"}",
         .observed = answered,
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = EXIT "77: Invalid API key"},
        {.run = {.exit_code = 78},
         .observed = answered,
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = EXIT "78"},
        {.report =
             "API Error: 401 {\"type\":\"error\",\"error\":{\"type\":\"authentication_error\","
             "\"message\":\"invalid x-api-key\"}} Please run /login",
         .observed = answered,
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = "investigation.md holds an error instead of a report: API Error: 401 "
                   "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\","
                   "\"message\":\"invalid x-api-key\"}} Please run /login"},
        //  A stream can break after its status.
        {.run = {.exit_code = 69},
         .result = "{\"is_error\":true,\"class\":\"provider\",\"result\":\"cut\"}",
         .observed = answered,
         .class = RUN_CLASS_PROVIDER,
         .reason = EXIT "69: cut"},
    };
    S_ROWS (rows);
}

static void
test_a_report_that_is_only_an_error_names_the_class (void **state)
{
    static const row_t rows [] = {
        {.report = "API Error: 529 {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                   "\"message\":\"Overloaded\"},\"request_id\":\"req_1\"}",
         .class = RUN_CLASS_OVERLOADED,
         .reason = "investigation.md holds an error instead of a report: API Error: 529 "
                   "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                   "\"message\":\"Overloaded\"},\"request_id\":\"req_1\"}"},
        {.report = "",
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = "investigation.md too small: 0 bytes (expected > 100)"},
        {.class = RUN_CLASS_INVALID_OUTPUT, .reason = "investigation.md file not found"},
    };
    S_ROWS (rows);
}

static void
test_exit_codes_count_last (void **state)
{
    static const struct {
        int code;
        run_class_t class;
    } codes [] = {{69, RUN_CLASS_PROVIDER},       {75, RUN_CLASS_RATE_LIMITED},
                  {77, RUN_CLASS_AUTH},           {78, RUN_CLASS_CONFIG},
                  {125, RUN_CLASS_INFRA},         {126, RUN_CLASS_INFRA},
                  {127, RUN_CLASS_INFRA},         {137, RUN_CLASS_KILLED},
                  {1, RUN_CLASS_INVALID_OUTPUT},  {64, RUN_CLASS_INVALID_OUTPUT},
                  {145, RUN_CLASS_INVALID_OUTPUT}};
    for (size_t i = 0; i < sizeof codes / sizeof codes [0]; i++) {
        const row_t row = {
            .run = {.exit_code = codes [i].code}, .report = REPORT, .error = "Error: why"};
        const finding_t finding = s_find (&row);
        char reason [64];
        snprintf (reason, sizeof reason, EXIT "%d: Error: why", codes [i].code);
        assert_int_equal (finding.class, codes [i].class);
        assert_string_equal (finding.reason, reason);
        verdict_run_t run = row.run;
        run.started = true;
        assert_int_equal (evidence_class_of_run (&run), codes [i].class);
    }
    assert_int_equal (evidence_class_of_run (&(verdict_run_t){.started = true}), RUN_CLASS_SUCCESS);
    assert_int_equal (evidence_class_of_run (&(verdict_run_t){.exit_code = 1}), RUN_CLASS_INFRA);
}

static void
test_a_run_that_was_cut_has_the_class_of_what_cut_it (void **state)
{
    static const char before [] = "{\"is_error\":true,\"class\":null,\"exit_code\":null,"
                                  "\"result\":\"API Error: 529 Overloaded\"}";
    static const row_t rows [] = {
        {.run = {.timed_out = true, .exit_code = 143},
         .result = before,
         .error = "Error: noise",
         .class = RUN_CLASS_TIMEOUT,
         .reason = "agent timed out after 20 s"},
        {.run = {.timed_out = true, .exit_code = 137},
         .report = REPORT,
         .result = before,
         .class = RUN_CLASS_PARTIAL,
         .reason = "agent timed out after 20 s"},
        {.run = {.timed_out = true},
         .report = "API Error: 500",
         .class = RUN_CLASS_TIMEOUT,
         .reason = "agent timed out after 20 s"},
        {.run = {.exit_code = 137, .signal = SIGKILL},
         .report = REPORT,
         .class = RUN_CLASS_KILLED,
         .reason = EXIT "137"},
        {.run = {.exit_code = 139, .signal = SIGSEGV},
         .class = RUN_CLASS_KILLED,
         .reason = EXIT "139"},
        {.run = {.exit_code = 137, .limit = "memory"},
         .report = REPORT,
         .class = RUN_CLASS_OOM,
         .reason = EXIT "137: out of memory (agent_memory)"},
        {.run = {.exit_code = 143, .limit = "disk"},
         .class = RUN_CLASS_LIMIT,
         .reason = EXIT "143: the workspace was full (agent_disk)"},
        {.run = {.exit_code = 137, .limit = "files"},
         .report = REPORT,
         .class = RUN_CLASS_PARTIAL,
         .reason = EXIT "137: the workspace had too many files (agent_files)"},
    };
    S_ROWS (rows);
}

static void
test_a_limit_that_killed_nothing_counts_after_what_the_agent_says (void **state)
{
    static const row_t rows [] = {
        {.run = {.exit_code = 1, .limit = "memory"},
         .result = "{\"is_error\":true,\"class\":\"overloaded\",\"result\":\"Overloaded\"}",
         .class = RUN_CLASS_OVERLOADED,
         .reason = EXIT "1: Overloaded"},
        {.run = {.exit_code = 1, .limit = "memory"},
         .class = RUN_CLASS_OOM,
         .reason = EXIT "1: out of memory (agent_memory)"},
        {.run = {.exit_code = 2, .limit = "pids"},
         .class = RUN_CLASS_LIMIT,
         .reason = EXIT "2: too many processes (agent_pids)"},
        {.run = {.limit = "pids"}, .report = REPORT, .class = RUN_CLASS_SUCCESS, .reason = ""},
        {.run = {.exit_code = 2, .limit = "moon"},
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = EXIT "2"},
    };
    S_ROWS (rows);
}

static void
test_a_valid_report_beside_a_limit_is_partial (void **state)
{
    static const char turns [] = "{\"is_error\":true,\"subtype\":\"error_max_turns\","
                                 "\"errors\":[\"Reached maximum number of turns (3)\"]}";
    static const row_t rows [] = {
        {.run = {.exit_code = 1},
         .result = turns,
         .report = REPORT,
         .class = RUN_CLASS_PARTIAL,
         .reason = EXIT "1: Reached maximum number of turns (3)"},
        {.run = {.exit_code = 1},
         .result = turns,
         .class = RUN_CLASS_LIMIT,
         .reason = EXIT "1: Reached maximum number of turns (3)"},
        {.run = {.exit_code = 1},
         .result = turns,
         .report = "too short",
         .class = RUN_CLASS_LIMIT,
         .reason = EXIT "1: Reached maximum number of turns (3)"},
        {.result = turns, .report = REPORT, .class = RUN_CLASS_SUCCESS, .reason = ""},
    };
    S_ROWS (rows);
}

static void
test_a_resume_that_fails_leaves_partial (void **state)
{
    static const row_t rows [] = {
        {.run = {.exit_code = 1},
         .report = REPORT,
         .resumed = true,
         .class = RUN_CLASS_PARTIAL,
         .reason = EXIT "1"},
        {.run = {.exit_code = 77},
         .report = REPORT,
         .resumed = true,
         .class = RUN_CLASS_PARTIAL,
         .reason = EXIT "77"},
        {.run = {.exit_code = 1},
         .resumed = true,
         .class = RUN_CLASS_INVALID_OUTPUT,
         .reason = EXIT "1"},
        {.report = REPORT, .resumed = true, .class = RUN_CLASS_SUCCESS, .reason = ""},
    };
    S_ROWS (rows);
}

static void
test_figures_come_along_and_an_unreadable_result_is_named (void **state)
{
    row_t row = {.run = {.exit_code = 1},
                 .result = "{\"is_error\":true,\"agent\":\"claude\",\"num_turns\":4}",
                 .report = REPORT};
    finding_t finding = s_find (&row);
    assert_string_equal (finding.usage.agent, "claude");
    assert_int_equal (finding.usage.turns, 4);
    assert_int_equal (finding.ignored, 0);
    row.result = "words";
    finding = s_find (&row);
    assert_false (usage_known (&finding.usage));
    assert_int_equal (finding.ignored, ERR_PROTO);
    assert_int_equal (finding.class, RUN_CLASS_INVALID_OUTPUT);
    row.run.timed_out = true;
    assert_int_equal (s_find (&row).exit_code, -1);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_an_agent_that_got_an_answer_cannot_hold_its_worker),
        cmocka_unit_test (test_a_result_names_the_class_and_the_sentence),
        cmocka_unit_test (test_the_gateway_counts_where_the_result_is_silent),
        cmocka_unit_test (test_a_wait_comes_from_the_source_of_the_class),
        cmocka_unit_test (test_an_agent_that_got_answers_cannot_blame_its_key),
        cmocka_unit_test (test_a_report_that_is_only_an_error_names_the_class),
        cmocka_unit_test (test_exit_codes_count_last),
        cmocka_unit_test (test_a_run_that_was_cut_has_the_class_of_what_cut_it),
        cmocka_unit_test (test_a_limit_that_killed_nothing_counts_after_what_the_agent_says),
        cmocka_unit_test (test_a_valid_report_beside_a_limit_is_partial),
        cmocka_unit_test (test_a_resume_that_fails_leaves_partial),
        cmocka_unit_test (test_figures_come_along_and_an_unreadable_result_is_named),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
