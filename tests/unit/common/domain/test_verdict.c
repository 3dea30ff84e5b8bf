//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "common/domain/agent_result.h"
#include "common/domain/verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

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
                  {75, VERDICT_AGENT},  {77, VERDICT_AGENT},  {78, VERDICT_AGENT},
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

//  Judge texts; result may be NULL.  Returns why the result was ignored.
static int
s_expect_files (const char *report, const char *result, verdict_outcome_t outcome, const char *text)
{
    const verdict_files_t files = {.report = report,
                                   .report_bytes = strlen (report),
                                   .result = result,
                                   .result_bytes = result ? strlen (result) : 0};
    char reason [VERDICT_REASON_BYTES];
    int ignored = 1;
    if (verdict_judge_files (&files, reason, &ignored) != outcome || strcmp (reason, text) != 0)
        fail_msg ("%.80s %s: \"%s\", expected \"%s\"", report, result ? result : "", reason, text);
    return ignored;
}

static const char s_report [] = "# Report\n\nThe limit is too low.\n";

static void
test_a_report_without_a_character_that_shows_has_no_text (void **state)
{
    static const char *const blank [] = {
        "",
        " \t\r\n\v\f",
        "\xef\xbb\xbf\n",                       //  byte order mark
        "\xe2\x80\x8b\xe2\x80\x8d\xe2\x81\xa0", //  zero width space, joiner, word joiner
        "\x01\x1b\x7f\xc2\x80",                 //  controls
        "\xc2\xa0\xe3\x80\x80\xc2\xad",         //  other spaces, soft hyphen
        "\xf3\xa0\x81\x81",                     //  a tag
    };
    static const char *const shown [] = {"  .",          "\xef\xbb\xbfx",    "\xff",
                                         "\xe6\x97\xa5", "\xf0\x9f\x94\xa5", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof blank / sizeof blank [0]; i++)
        s_expect_files (blank [i], NULL, VERDICT_AGENT, "investigation.md has no text");
    for (size_t i = 0; i < sizeof shown / sizeof shown [0]; i++)
        s_expect_files (shown [i], NULL, VERDICT_SUCCESS, "");
    const verdict_files_t zeros = {.report = "\0\0\0", .report_bytes = 3};
    char reason [VERDICT_REASON_BYTES];
    int ignored = 1;
    assert_int_equal (verdict_judge_files (&zeros, reason, &ignored), VERDICT_AGENT);
    //  It counts before the agent's own result.
    s_expect_files (" ", "{\"is_error\":true}", VERDICT_AGENT, "investigation.md has no text");
}

static void
test_an_error_in_the_agents_result_counts_before_its_report (void **state)
{
    static const struct {
        const char *result, *reason;
    } cases [] = {
        {"{\"result\":\"API Error: 429\\n {}\",\"is_error\":true,\"subtype\":\"success\"}",
         "agent reported an error: API Error: 429 {}"},
        {"{\"is_error\":true,\"api_error_status\":529,\"result\":\"Overloaded\"}",
         "agent reported an error: Overloaded"},
        {"{\"is_error\":true,\"api_error_status\":529,\"result\":\" \"}",
         "agent reported an error: API status 529"},
        {"{\"is_error\":true,\"subtype\":\"error_during_execution\"}",
         "agent reported an error: error_during_execution"},
        {"{\"is_error\":true,\"subtype\":\"success\"}", "agent reported an error: no details"},
        {"{\"is_error\":true,\"result\":7}", "agent reported an error: no details"},
        {"{\"is_error\":false,\"result\":\"API Error: 429\"}", ""},
        {"{\"is_error\":\"true\",\"result\":\"bad\"}", ""},
        {"{\"is_error\":true,\"subtype\":\"error_max_turns\"}", ""},
        {"{}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++)
        assert_int_equal (s_expect_files (s_report, cases [i].result,
                                          cases [i].reason [0] ? VERDICT_AGENT : VERDICT_SUCCESS,
                                          cases [i].reason),
                          0);
    s_expect_files ("Request timed out.", cases [0].result, VERDICT_AGENT, cases [0].reason);
}

//  A report of more than LIMIT_ERROR_TEXT_BYTES.
static const char *
s_long_report (void)
{
    static char text [LIMIT_ERROR_TEXT_BYTES * 2];
    memset (text, 'x', sizeof text - 1);
    memcpy (text, s_report, sizeof s_report - 1);
    return text;
}

static void
test_a_result_is_read_in_whatever_form_it_stands (void **state)
{
    static const char *const failed [] = {
        "[{\"type\":\"system\"},{\"type\":\"result\",\"is_error\":true,\"result\":\"Rate limit\"}]",
        "Warning: no stdin\n{\"is_error\":true,\"result\":\"Rate limit\"}",
        "[warn] slow\n\n  {\"is_error\":true,\n  \"result\":\"Rate limit\"}\n",
        "{\"message\":{\"usage\":{}}}\n{\"is_error\":true,\"result\":\"Rate limit\"}\n",
        "{\"is_error\":false,\"result\":\"first\"}\n{\"is_error\":true,\"result\":\"Rate limit\"}",
        "{\"type\":\"result\",\"is_error\":true,\"result\":\"Rate limit\"}{\"cut\":",
        "{\"cut\":\"by a kill\n{\"is_error\":true,\"result\":\"Rate limit\"}",
        "{\"cut\":1\n{\"is_error\":true,\"result\":\"Rate limit\"}",
        "{\"type\":\"result\",\"is_error\":true,\"errors\":[\"Rate limit\"]}",
        "{\"type\":\"turn.failed\",\"error\":{\"message\":\"Rate limit\"}}",
        "{\"type\":\"error\",\"message\":\"Rate limit\"}",
        "{\"error\":{\"code\":429,\"message\":\"Rate limit\"}}",
        "{\"is_error\":true,\"result\":\"Rate limit\"}{\"more\":1} and words",
    };
    static const char *const good [] = {
        "[{\"type\":\"result\",\"is_error\":false,\"result\":\"done\"}]",
        "[]\n{\"result\":\"done\"}",
        "{\"is_error\":true,\"result\":\"first try\"}\n{\"is_error\":false,\"result\":\"done\"}",
        "{\"type\":\"error\",\"message\":\"again\"}\n{\"type\":\"turn.completed\",\"usage\":{}}",
        "{\"error\":null,\"usage\":{}}",
        "{\"error\":\"\",\"result\":\"done\"}",
        "{\"error\":\" \\n\",\"usage\":{}}",
        "{\"result\":{\"is_error\":true}}",
    };
    for (size_t i = 0; i < sizeof failed / sizeof failed [0]; i++)
        assert_int_equal (s_expect_files (s_report, failed [i], VERDICT_AGENT,
                                          "agent reported an error: Rate limit"),
                          0);
    for (size_t i = 0; i < sizeof good / sizeof good [0]; i++)
        assert_int_equal (s_expect_files (s_report, good [i], VERDICT_SUCCESS, ""), 0);
}

static void
test_the_usage_of_the_last_result_is_kept (void **state)
{
    static const char text [] = "note\n[{\"usage\":{\"output_tokens\":1}},"
                                "{\"type\":\"result\",\"result\":\"a\\u0000\\ud800b\","
                                "\"usage\":{\"output_tokens\":7}}]";
    agent_result_t result;
    assert_int_equal (agent_result_read (text, sizeof text - 1, &result), 0);
    assert_int_equal (json_member_int (result.usage, "output_tokens", 0), 7);
    assert_string_equal (result.text, "a\xef\xbf\xbd\xef\xbf\xbd"
                                      "b");
    assert_false (result.error);
    agent_result_fini (&result);
    assert_int_equal (agent_result_read ("words", 5, &result), ERR_PROTO);
    agent_result_fini (&result);
}

static void
test_a_large_transcript_before_the_result_costs_no_tree (void **state)
{
    enum { BYTES = LIMIT_MIB (4), END = 64 };
    own (own_mem) char *text = malloc (BYTES + END);
    for (size_t at = 0; at < BYTES; at += 8)
        memcpy (text + at, at % 64 ? "[[],{}]," : "{}\n{}\n{}", 8);
    snprintf (text + BYTES, END, "\n{\"is_error\":true,\"result\":\"late\"}");
    assert_int_equal (
        s_expect_files (s_report, text, VERDICT_AGENT, "agent reported an error: late"), 0);
}

static void
test_a_result_that_cannot_be_read_fails_a_short_report_only (void **state)
{
    static const char *const bad [] = {"", "{\"is_error\":true", "null", "[1]", "words"};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        assert_int_equal (s_expect_files (s_long_report (), bad [i], VERDICT_SUCCESS, ""),
                          ERR_PROTO);
        s_expect_files (s_report, bad [i], VERDICT_AGENT,
                        "agent-result.json cannot be read: no JSON "
                        "object; the report is short: 31 bytes");
    }
    static char large [LIMIT_AGENT_RESULT_BYTES + 2];
    memset (large, ' ', sizeof large - 1);
    memcpy (large, "{\"is_error\":true}", 17);
    assert_int_equal (s_expect_files (s_long_report (), large, VERDICT_SUCCESS, ""), ERR_LIMIT);
    large [LIMIT_AGENT_RESULT_BYTES] = 0;
    assert_int_equal (
        s_expect_files (s_report, large, VERDICT_AGENT, "agent reported an error: no details"), 0);
}

#define HOLDS "investigation.md holds an error instead of a report: "

static void
test_a_report_that_is_nothing_but_an_error_is_none (void **state)
{
    static const struct {
        const char *report, *reason;
    } cases [] = {
        {"API Error: 429 {\"type\":\"error\"}", HOLDS "API Error: 429 {\"type\":\"error\"}"},
        {"\xef\xbb\xbf\n  API Error (Connection error.)\r\n\n\n",
         HOLDS "API Error (Connection error.)"},
        {"API Error: 500 {\n  \"type\": \"error\"\n}\n\nAPI Error: 500 {}",
         HOLDS "API Error: 500 { \"type\": \"error\" } API Error: 500 {}"},
        {"Invalid API key \xc2\xb7 Please run /login\n",
         HOLDS "Invalid API key \xc2\xb7 Please run /login"},
        {"Credit balance is too low", HOLDS "Credit balance is too low"},
        {"Request timed out. Check your internet connection and proxy settings\n \n"
         "Credit balance is too low \xc2\xb7 Add funds: "
         "https://console.anthropic.com/settings/billing",
         HOLDS "Request timed out. Check your internet connection and proxy settings "
               "Credit balance is too low \xc2\xb7 Add funds: "
               "https://console.anthropic.com/settings/billing"},
        {"Prompt is too long.                                                  "
         "                                                  \r\n",
         HOLDS "Prompt is too long."},
        {"Request timed out.\n", HOLDS "Request timed out."},
        {"Credit balance is too low\nAdd funds to go on",
         HOLDS "Credit balance is too low Add funds to go on"},
        {"Prompt is too long \n", HOLDS "Prompt is too long"},
        {"API Error: \xff\xe2\x80\xae!", HOLDS "API Error: ? !"},
        {"Failed to authenticate. API Error: 401 {\"type\":\"error\",\"error\":{}}",
         HOLDS "Failed to authenticate. API Error: 401 {\"type\":\"error\",\"error\":{}}"},
        {"Request rejected (429): too many requests",
         HOLDS "Request rejected (429): too many requests"},
        {"unexpected status 401 Unauthorized: Missing bearer, url: https://api.x/v1",
         HOLDS "unexpected status 401 Unauthorized: Missing bearer, url: https://api.x/v1"},
        {"{\"error\":{\"code\":503,\"message\":\"overloaded\"}}",
         HOLDS "{\"error\":{\"code\":503,\"message\":\"overloaded\"}}"},
        {"unexpected status 503 Service Unavailable: retry after 20 seconds, "
         "url: https://api.example.com/v1/responses, request id: 12",
         HOLDS "unexpected status 503 Service Unavailable: retry after 20 seconds, "
               "url: https://api.example.com/v1/responses, request id: 12"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++)
        s_expect_files (cases [i].report, NULL, VERDICT_AGENT, cases [i].reason);
}

static void
test_a_report_that_speaks_of_errors_is_one (void **state)
{
    static const char *const reports [] = {
        "The ingress answers with status 503 because its upstream is gone.",
        "shop/web-0 gets HTTP 503 from the registry.",
        "web-0 logs {\"error\":{\"code\":503}}: its database is away.",
        "Root cause: error 404 of the registry, the tag is gone.",
        ("The registry answers each pull with error 404, so the "
         "image of the deployment never came."),
        "# API Error: 429",
        "API Error: 429\n# Root Cause\nThe quota.",
        "API Error: 429 is what web-0 logs.\n\nRoot cause: its quota is used up.",
        "API Error rates of web-0 rose after the deployment.",
        "Request timed out: the readiness probe of web-0 fails.",
        "Request timed outside of the cluster",
        "Invalid API keys are what web-0 sends.",
        "The agent of web-0 logs:\n\nAPI Error: 429 {}",
        "API Err",
        "\xc2\xb7",
    };
    for (size_t i = 0; i < sizeof reports / sizeof reports [0]; i++)
        s_expect_files (reports [i], NULL, VERDICT_SUCCESS, "");
}

//  Short texts with all features of an error.
static void
test_a_report_about_an_error_is_a_report (void **state)
{
    static const char *const reports [] = {
        "The registry rejected the image with HTTP 403; credentials expired.",
        "ImagePullBackOff: registry answered status 404, manifest unknown, tag was never pushed.",
        "HTTP 503 everywhere: checkout disappeared following yesterday's misconfigured deployment.",
        "Error 429: payments exhausts Stripe's rate limit since midnight; raise it.",
        "Checkout logs {\"error\":{\"code\":503}}, since payments was scaled to zero at noon.",
        "{\"error\":{\"code\":503}} comes from payments, which was scaled to zero at noon.",
        "{\"root_cause\":\"payments was scaled to zero\",\"error\":\"status 503\"}",
        "{\"status\":{\"error\":\"OOMKilled\"},\"type\":\"report\"}",
        "**Root Cause**: error 503",
        "Error: status 503\n\n* quota exceeded",
        "Request timed out. The readiness check of payments has 1 s, its database needs 3 s.",
        "API Error: 429 comes from the quota of shop; its deployment was scaled up.",
        "Request timed out. The database of payments was slow: its "
        "disk has been full since noon, and "
        "what it writes waits.",
        "Request timed out.\nThe database of payments was slow: its "
        "disk has been full since noon, and "
        "what it writes waits.",
        "Credit balance is too low. So says what checkout asks for "
        "each payment; somebody has to top "
        "up the account.",
        "Prompt is too long.\n\n**Root Cause**: the agent in the cluster keeps all it reads.",
        "HTTP-Fehler: Status 503, \xc3\xbc",
    };
    for (size_t i = 0; i < sizeof reports / sizeof reports [0]; i++)
        s_expect_files (reports [i], NULL, VERDICT_SUCCESS, "");
}

static void
test_only_a_short_text_is_an_error_whatever_blanks_surround_it (void **state)
{
    char text [LIMIT_ERROR_TEXT_BYTES * 4];
    char reason [VERDICT_REASON_BYTES];
    int ignored = 0;
    for (size_t size = LIMIT_ERROR_TEXT_BYTES - 1; size <= LIMIT_ERROR_TEXT_BYTES; size++) {
        memset (text, ' ', sizeof text);
        memset (text + LIMIT_ERROR_TEXT_BYTES, 'x', size);
        memcpy (text + LIMIT_ERROR_TEXT_BYTES, "API Error: ", 11);
        const verdict_files_t files = {.report = text, .report_bytes = sizeof text};
        assert_int_equal (verdict_judge_files (&files, reason, &ignored),
                          size < LIMIT_ERROR_TEXT_BYTES ? VERDICT_AGENT : VERDICT_SUCCESS);
    }
}

static void
test_a_quoted_error_is_cut_between_characters (void **state)
{
    char report [900] = "API Error: ";
    //  For each place where the cut may fall in a three-byte character.
    for (size_t i = 0; i < 3; i++) {
        size_t at = 11;
        memcpy (report + at, "xxx", i);
        for (at += i; at + 3 < sizeof report; at += 3)
            memcpy (report + at, "\xe6\x97\xa5", 3);
        const verdict_files_t files = {.report = report, .report_bytes = at};
        char reason [VERDICT_REASON_BYTES];
        int ignored = 0;
        assert_int_equal (verdict_judge_files (&files, reason, &ignored), VERDICT_AGENT);
        size_t size = strlen (reason);
        assert_in_range (size, VERDICT_REASON_BYTES - 4, VERDICT_REASON_BYTES - 1);
        assert_string_equal (reason + size - 3, "...");
        uint32_t code = 0;
        for (size_t next = 0; next < size;) {
            size_t length = utf8_next (reason + next, size - next, &code);
            assert_true (length > 0);
            next += length;
        }
    }
}

static void
test_outcome_names_parse_back (void **state)
{
    for (int i = VERDICT_SUCCESS; i < VERDICT_OUTCOMES; i++) {
        const char *name = verdict_outcome_name ((verdict_outcome_t) i);
        verdict_outcome_t parsed = VERDICT_SUCCESS;
        assert_true (verdict_outcome_parse (name, strlen (name), &parsed));
        assert_int_equal (parsed, i);
    }
    verdict_outcome_t parsed;
    assert_false (verdict_outcome_parse ("agents", 6, &parsed));
    assert_false (verdict_outcome_parse ("", 0, &parsed));
}

static void
test_an_exit_code_is_followed_by_what_tells_why (void **state)
{
    static const struct {
        const char *said, *error, *reason;
    } cases [] = {
        {NULL, "run-agent.sh: agent 'claude' needs the program 'claude', which is not on PATH\n",
         "code 1: run-agent.sh: agent 'claude' needs the program 'claude', which is not on PATH"},
        {NULL, "\n\x1b[1m\nstarting up\nError: no such model\nmore\n",
         "code 1: Error: no such model"},
        {NULL, "starting up\nthen\n", "code 1: starting up"},
        {"Invalid API key \xc2\xb7 Fix it", "Error: other\n",
         "code 1: Invalid API key \xc2\xb7 Fix it"},
        {"", "boom", "code 1"},
        {NULL, " \n\t\n", "code 1"},
        {NULL, "", "code 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        char reason [VERDICT_REASON_BYTES] = "code 1";
        verdict_explain (cases [i].said, cases [i].error, strlen (cases [i].error), reason);
        assert_string_equal (reason, cases [i].reason);
    }
    char reason [VERDICT_REASON_BYTES] = "";
    memset (reason, 'r', sizeof reason - 2);
    verdict_explain (NULL, "boom", 4, reason);
    assert_null (strstr (reason, "boom"));
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
    assert_true (s_allowed ("logs/transcript.jsonl"));
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
                                "logs/other.jsonl",
                                "transcript.jsonl",
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
    assert_string_equal (verdict_kind_name (verdict_kind ("investigation.md has no text")),
                         "no_text");
    assert_string_equal (verdict_kind_name (verdict_kind ("agent reported an error: 429")),
                         "agent_error");
    assert_string_equal (
        verdict_kind_name (verdict_kind ("investigation.md holds an error instead of a report: x")),
        "error_text");
    assert_string_equal (
        verdict_kind_name (verdict_kind ("agent-result.json cannot be read: malformed;")),
        "no_result");
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        char reason [VERDICT_REASON_BYTES];
        (void) verdict_judge (&cases [i].run, reason);
        assert_string_equal (verdict_kind_name (verdict_kind (reason)), cases [i].name);
    }
    assert_int_equal (verdict_kind ("cannot keep output/investigation.md: No space"),
                      VERDICT_OTHER);
    assert_int_equal (verdict_kind (""), VERDICT_OTHER);
}

//  5 MiB of stderr; the baseline is one comparison per byte.
static void
test_a_long_log_is_explained_in_little_time (void **state)
{
    enum { SIZE = 5 << 20 };
    static const char line [] = "INFO next step of the run: reads files, compares pods\n";
    own (own_mem) char *log = malloc (SIZE + 1);
    assert_non_null (log);
    for (size_t at = 0; at < SIZE; at++)
        log [at] = line [at % (sizeof line - 1)];
    log [SIZE] = '\0';
    volatile size_t found = 0;
    clock_t before = clock ();
    for (size_t at = 0; at < SIZE; at++)
        found += strncasecmp (log + at, "denied", 6) == 0;
    const double base_s = (double) (clock () - before) / CLOCKS_PER_SEC;
    char reason [VERDICT_REASON_BYTES] = "code 1";
    before = clock ();
    verdict_explain (NULL, log, SIZE, reason);
    const double spent_s = (double) (clock () - before) / CLOCKS_PER_SEC;
    assert_string_equal (reason, "code 1: INFO next step of the run: reads files, compares pods");
    assert_int_equal (found, 0);
    assert_true (spent_s < 4 * base_s + 0.02); //  a comparison per word and byte would take 13
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
        cmocka_unit_test (test_a_report_without_a_character_that_shows_has_no_text),
        cmocka_unit_test (test_an_error_in_the_agents_result_counts_before_its_report),
        cmocka_unit_test (test_a_result_is_read_in_whatever_form_it_stands),
        cmocka_unit_test (test_the_usage_of_the_last_result_is_kept),
        cmocka_unit_test (test_a_large_transcript_before_the_result_costs_no_tree),
        cmocka_unit_test (test_a_result_that_cannot_be_read_fails_a_short_report_only),
        cmocka_unit_test (test_a_report_that_is_nothing_but_an_error_is_none),
        cmocka_unit_test (test_a_report_that_speaks_of_errors_is_one),
        cmocka_unit_test (test_a_report_about_an_error_is_a_report),
        cmocka_unit_test (test_only_a_short_text_is_an_error_whatever_blanks_surround_it),
        cmocka_unit_test (test_a_quoted_error_is_cut_between_characters),
        cmocka_unit_test (test_a_long_log_is_explained_in_little_time),
        cmocka_unit_test (test_an_exit_code_is_followed_by_what_tells_why),
        cmocka_unit_test (test_only_listed_artifact_paths_travel),
        cmocka_unit_test (test_a_path_longer_than_its_limit_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
