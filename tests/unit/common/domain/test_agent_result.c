//  agent_result - how, why and at what cost an agent's own result says that its run ended.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "common/domain/agent_result.h"

#include <string.h>

static agent_result_t
s_read (const char *text)
{
    agent_result_t result;
    assert_int_equal (agent_result_read (text, strlen (text), &result), 0);
    return result;
}

//  As Claude Code 2.1.330 prints them.
static const struct {
    const char *result;
    run_class_t class;
    const char *text;
} s_failures [] = {
    {"{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"api_error_status\":401,"
     "\"api_error_type\":\"authentication_error\",\"terminal_reason\":\"api_error\","
     "\"result\":\"Invalid API key \xc2\xb7 Fix external API key\"}",
     RUN_CLASS_AUTH, "Invalid API key \xc2\xb7 Fix external API key"},
    {"{\"is_error\":true,\"api_error_status\":400,\"result\":\"Credit balance is too low\"}",
     RUN_CLASS_QUOTA, "Credit balance is too low"},
    {"{\"is_error\":true,\"api_error_status\":404,\"result\":\"no such model\"}", RUN_CLASS_CONFIG,
     "no such model"},
    {"{\"is_error\":true,\"api_error_status\":429,\"result\":\"Request rejected (429)\"}",
     RUN_CLASS_RATE_LIMITED, "Request rejected (429)"},
    {"{\"is_error\":true,\"api_error_status\":529,\"result\":\"Overloaded\"}", RUN_CLASS_OVERLOADED,
     "Overloaded"},
    {"{\"is_error\":true,\"api_error_status\":500,\"result\":\"API Error: 500\"}",
     RUN_CLASS_PROVIDER, "API Error: 500"},
    {"{\"is_error\":true,\"api_error_status\":400,\"terminal_reason\":\"prompt_too_long\","
     "\"result\":\"too many words\"}",
     RUN_CLASS_TOO_LARGE, "too many words"},
    {"{\"is_error\":true,\"terminal_reason\":\"api_error\",\"stop_reason\":\"refusal\","
     "\"result\":\"I cannot\"}",
     RUN_CLASS_REFUSED, "I cannot"},
    {"{\"is_error\":true,\"terminal_reason\":\"api_error\","
     "\"result\":\"the response exceeded the 128000 output token maximum\"}",
     RUN_CLASS_LIMIT, "the response exceeded the 128000 output token maximum"},
    {"{\"is_error\":true,\"result\":\"Connection lost mid-response\"}", RUN_CLASS_PROVIDER,
     "Connection lost mid-response"},
    {"{\"is_error\":true,\"subtype\":\"error_max_turns\",\"terminal_reason\":\"max_turns\","
     "\"errors\":[\"Reached maximum number of turns (3)\"]}",
     RUN_CLASS_LIMIT, "Reached maximum number of turns (3)"},
    {"{\"is_error\":true,\"subtype\":\"error_max_budget_usd\","
     "\"terminal_reason\":\"budget_exhausted\",\"errors\":[\"Reached maximum budget\"]}",
     RUN_CLASS_LIMIT, "Reached maximum budget"},
    //  others
    {"{\"type\":\"turn.failed\",\"error\":{\"message\":\"Quota exceeded. Check your plan\"}}",
     RUN_CLASS_QUOTA, "Quota exceeded. Check your plan"},
    {"{\"error\":{\"type\":\"ApiError\",\"message\":\"nothing known\",\"code\":403}}",
     RUN_CLASS_AUTH, "nothing known"},
    {"{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"no\"}}", RUN_CLASS_QUOTA, "no"},
    {"{\"error\":{\"code\":7,\"status\":\"UNAUTHENTICATED\",\"message\":\"no\"}}", RUN_CLASS_AUTH,
     "no"},
    {"{\"is_error\":true,\"result\":\"a tool broke\"}", RUN_CLASS_NONE, "a tool broke"},
};

static void
test_each_failure_of_a_cli_has_its_class (void **state)
{
    for (size_t i = 0; i < sizeof s_failures / sizeof s_failures [0]; i++) {
        own (agent_result_fini) agent_result_t result = s_read (s_failures [i].result);
        if (result.class != s_failures [i].class)
            fail_msg ("%s: \"%s\"", s_failures [i].result, run_class_name (result.class));
        assert_string_equal (result.text, s_failures [i].text);
    }
}

static void
test_a_given_class_counts_first_if_an_agent_can_know_it (void **state)
{
    static const struct {
        const char *given;
        run_class_t class;
    } rows [] = {
        {"\"refused\"", RUN_CLASS_REFUSED},
        {"\"limit\"", RUN_CLASS_LIMIT},
        {"\"too_large\"", RUN_CLASS_TOO_LARGE},
        {"\"rate_limited\"", RUN_CLASS_RATE_LIMITED},
        {"\"overloaded\"", RUN_CLASS_OVERLOADED},
        {"\"provider\"", RUN_CLASS_PROVIDER},
        {"\"auth\"", RUN_CLASS_AUTH},
        {"\"quota\"", RUN_CLASS_QUOTA},
        {"\"config\"", RUN_CLASS_CONFIG},
        //  The rest is found by the worker; the status decides.
        {"\"success\"", RUN_CLASS_PROVIDER},
        {"\"partial\"", RUN_CLASS_PROVIDER},
        {"\"invalid_output\"", RUN_CLASS_PROVIDER},
        {"\"timeout\"", RUN_CLASS_PROVIDER},
        {"\"oom\"", RUN_CLASS_PROVIDER},
        {"\"killed\"", RUN_CLASS_PROVIDER},
        {"\"infra\"", RUN_CLASS_PROVIDER},
        {"\"\"", RUN_CLASS_PROVIDER},
        {"\"auth\\n\"", RUN_CLASS_PROVIDER},
        {"null", RUN_CLASS_PROVIDER},
        {"7", RUN_CLASS_PROVIDER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        char text [160];
        snprintf (text, sizeof text, "{\"is_error\":true,\"api_error_status\":500,\"class\":%s}",
                  rows [i].given);
        own (agent_result_fini) agent_result_t result = s_read (text);
        assert_int_equal (result.class, rows [i].class);
    }
}

static void
test_a_result_without_an_error_has_no_class (void **state)
{
    static const char *const good [] = {
        "{\"is_error\":false,\"class\":\"auth\",\"result\":\"done\"}",
        "{\"is_error\":false,\"api_error_status\":401,\"result\":\"Invalid API key\"}",
        "{\"result\":\"Overloaded\",\"stop_reason\":\"refusal\"}"};
    for (size_t i = 0; i < sizeof good / sizeof good [0]; i++) {
        own (agent_result_fini) agent_result_t result = s_read (good [i]);
        assert_false (result.error);
        assert_int_equal (result.class, RUN_CLASS_NONE);
    }
    own (agent_result_fini) agent_result_t turns =
        s_read ("{\"is_error\":true,\"subtype\":\"error_max_turns\"}");
    assert_false (turns.error); //  a report may be there
    assert_int_equal (turns.class, RUN_CLASS_LIMIT);
}

static void
test_the_shape_of_the_drivers_is_read_whole (void **state)
{
    own (agent_result_fini) agent_result_t result = s_read (
        "{\"type\":\"result\",\"agent\":\"claude\",\"version\":\"2.1.330\",\"model\":\"sonnet\","
        "\"is_error\":true,\"class\":\"rate_limited\",\"result\":\"Request rejected (429)\","
        "\"exit_code\":1,\"num_turns\":3,\"session_id\":\"s\",\"usage\":{\"input_tokens\":10,"
        "\"output_tokens\":20,\"cache_read_input_tokens\":30,\"cache_creation_input_tokens\":40},"
        "\"total_cost_usd\":0.0125,\"duration_ms\":4100,\"retry_after_ms\":7000}");
    assert_true (result.error);
    assert_int_equal (result.class, RUN_CLASS_RATE_LIMITED);
    assert_int_equal (result.exit_code, 1);
    assert_int_equal (result.retry_ms, 7000);
    assert_string_equal (result.figures.agent, "claude");
    assert_string_equal (result.figures.version, "2.1.330");
    assert_string_equal (result.figures.model, "sonnet");
    assert_int_equal (result.figures.calls, USAGE_UNKNOWN);
    assert_int_equal (result.figures.turns, 3);
    assert_int_equal (result.figures.input, 10);
    assert_int_equal (result.figures.output, 20);
    assert_int_equal (result.figures.cache_read, 30);
    assert_int_equal (result.figures.cache_write, 40);
    assert_int_equal (result.figures.cost_micro_usd, 12500);
    assert_int_equal (result.figures.duration_ms, 4100);
}

static void
test_what_is_null_or_out_of_bounds_is_unknown (void **state)
{
    static const char *const odd [] = {
        "{\"is_error\":true,\"exit_code\":null,\"num_turns\":null,\"usage\":null,"
        "\"total_cost_usd\":null,\"duration_ms\":null,\"retry_after_ms\":null,\"agent\":null}",
        "{\"is_error\":true,\"exit_code\":-7,\"num_turns\":-1,\"usage\":{\"input_tokens\":-9},"
        "\"total_cost_usd\":-0.5,\"duration_ms\":-1,\"retry_after_ms\":-1,\"agent\":7}",
        "{\"is_error\":true,\"exit_code\":256,\"num_turns\":1.5,\"usage\":[1],"
        "\"total_cost_usd\":1e300,\"duration_ms\":9223372036854775807,"
        "\"retry_after_ms\":9223372036854775807}",
        "{\"is_error\":true,\"exit_code\":\"1\",\"num_turns\":\"3\",\"usage\":\"7\","
        "\"total_cost_usd\":\"1\",\"duration_ms\":true,\"retry_after_ms\":{}}",
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd [0]; i++) {
        own (agent_result_fini) agent_result_t result = s_read (odd [i]);
        assert_int_equal (result.exit_code, -1);
        assert_int_equal (result.retry_ms, 0);
        assert_false (usage_known (&result.figures));
    }
}

static void
test_long_and_dirty_names_are_cut_and_cleaned (void **state)
{
    static char text [600];
    char name [300];
    memset (name, 'n', sizeof name - 1);
    name [sizeof name - 1] = 0;
    snprintf (text, sizeof text,
              "{\"is_error\":false,\"agent\":\"%s\",\"model\":\"a\\u001bb\\nc\"}", name);
    own (agent_result_fini) agent_result_t result = s_read (text);
    assert_int_equal (strlen (result.figures.agent), sizeof result.figures.agent - 1);
    assert_string_equal (result.figures.model, "a.b.c");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_each_failure_of_a_cli_has_its_class),
        cmocka_unit_test (test_a_given_class_counts_first_if_an_agent_can_know_it),
        cmocka_unit_test (test_a_result_without_an_error_has_no_class),
        cmocka_unit_test (test_the_shape_of_the_drivers_is_read_whole),
        cmocka_unit_test (test_what_is_null_or_out_of_bounds_is_unknown),
        cmocka_unit_test (test_long_and_dirty_names_are_cut_and_cleaned),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
