//  Tests of worker/gateway/observe: usage, classes and sentences out of the providers' answers.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/own.h"
#include "worker/gateway/observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON "application/json"
#define SSE "text/event-stream; charset=utf-8"

static observe_result_t
s_observe (provider_call_t call, int status, const char *type, const char *text, size_t piece,
           bool cut)
{
    observe_result_t result;
    own (observe_destroy) observe_t *self = observe_new (call, status, type);
    assert_non_null (self);
    const size_t size = strlen (text);
    for (size_t at = 0; at < size; at += piece)
        observe_feed (self, text + at, size - at < piece ? size - at : piece);
    observe_end (self, cut, &result);
    return result;
}

typedef struct {
    provider_call_t call;
    const char *type, *text, *model;
    price_tokens_t tokens;
    bool whole;
    run_class_t class;
} usage_row_t;

static const usage_row_t s_usages [] = {
    {PROVIDER_MESSAGES,
     SSE,
     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"type\":\"message\","
     "\"model\":\"m1\",\"stop_reason\":null,\"usage\":{\"input_tokens\":7,"
     "\"cache_creation_input_tokens\":3,\"cache_read_input_tokens\":2,\"cache_creation\":"
     "{\"ephemeral_1h_input_tokens\":1},\"output_tokens\":1}}}\n\n"
     "event: ping\ndata: {\"type\":\"ping\"}\n\n"
     "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\",\"input\":"
     "{\"usage\":{\"input_tokens\":999}}}}\n\n"
     "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":"
     "{\"output_tokens\":50}}\n\ndata: {\"type\":\"message_stop\"}\n\n",
     "m1",
     {7, 2, 3, 1, 50},
     true,
     RUN_CLASS_NONE},
    {PROVIDER_MESSAGES,
     SSE,
     "data: {\"type\":\"message_start\",\"message\":{\"model\":\"m1\",\"usage\":{\"input_tokens\":"
     "7,\"output_tokens\":1}}}\n\n",
     "m1",
     {7, 0, 0, 0, 1},
     false,
     RUN_CLASS_PROVIDER},
    {PROVIDER_RESPONSES,
     SSE,
     "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"model\":"
     "\"gpt-5\",\"status\":\"in_progress\",\"usage\":null}}\n\n"
     "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"model\":"
     "\"gpt-5\",\"status\":\"completed\",\"usage\":{\"input_tokens\":100,\"input_tokens_details\":"
     "{\"cached_tokens\":40},\"output_tokens\":9,\"output_tokens_details\":"
     "{\"reasoning_tokens\":5}}}}\n\n",
     "gpt-5",
     {60, 40, 0, 0, 9},
     true,
     RUN_CLASS_NONE},
    {PROVIDER_RESPONSES,
     JSON,
     "{\"status\":\"incomplete\",\"model\":\"gpt-5\",\"incomplete_details\":{\"reason\":"
     "\"max_output_tokens\"},\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}",
     "gpt-5",
     {5, 0, 0, 0, 6},
     true,
     RUN_CLASS_LIMIT},
    {PROVIDER_RESPONSES, //  of /responses/compact
     JSON,
     "{\"object\":\"response.compaction\",\"usage\":{\"input_tokens\":5,\"output_tokens\":6}}",
     "",
     {5, 0, 0, 0, 6},
     true,
     RUN_CLASS_NONE},
    {PROVIDER_CHAT,
     SSE,
     "data: {\"model\":\"q\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
     "data: {\"model\":\"q\",\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n"
     "data: {\"model\":\"q\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":"
     "4,\"prompt_tokens_details\":{\"cached_tokens\":1}}}\n\ndata: [DONE]\n\n",
     "q",
     {10, 1, 0, 0, 4},
     true,
     RUN_CLASS_NONE},
    {PROVIDER_RESPONSES, //  a detail is no error while the answer is good
     SSE,
     "data: {\"type\":\"x\",\"detail\":\"auto\",\"message\":\"m\"}\n\n"
     "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"usage\":"
     "{\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
     "",
     {1, 0, 0, 0, 2},
     true,
     RUN_CLASS_NONE},
    {PROVIDER_CHAT, //  nobody asked for the usage
     SSE,
     "data: {\"model\":\"q\",\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
     "q",
     {-1, -1, -1, -1, -1},
     false,
     RUN_CLASS_NONE},
    {PROVIDER_GENERATE,
     SSE,
     "data: {\"candidates\":[{\"content\":{}}],\"usageMetadata\":{\"promptTokenCount\":20},"
     "\"modelVersion\":\"gemini-2.5-pro\"}\r\n\r\n"
     "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":"
     "20,\"candidatesTokenCount\":3,\"thoughtsTokenCount\":8,\"cachedContentTokenCount\":5,"
     "\"toolUsePromptTokenCount\":2}}\r\n\r\n",
     "gemini-2.5-pro",
     {17, 5, 0, 0, 11},
     true,
     RUN_CLASS_NONE},
    {PROVIDER_GENERATE, //  without alt=sse
     JSON,
     "[{\"usageMetadata\":{\"promptTokenCount\":2}},\n{\"candidates\":[{\"finishReason\":"
     "\"MAX_TOKENS\"}],\"usageMetadata\":{\"promptTokenCount\":2,\"thoughtsTokenCount\":8}}]",
     "",
     {2, 0, 0, 0, 8},
     true,
     RUN_CLASS_LIMIT},
};

static void
test_usage (void **state)
{
    for (size_t i = 0; i < sizeof s_usages / sizeof s_usages [0]; i++)
        for (size_t piece = 1; piece < 2000; piece = piece * 3 + 1) {
            const usage_row_t *row = &s_usages [i];
            const observe_result_t result =
                s_observe (row->call, 200, row->type, row->text, piece, false);
            assert_string_equal (result.model, row->model);
            assert_int_equal (result.tokens.input, row->tokens.input);
            assert_int_equal (result.tokens.output, row->tokens.output);
            assert_int_equal (result.tokens.cache_read, row->tokens.cache_read);
            assert_int_equal (result.tokens.cache_write, row->tokens.cache_write);
            assert_int_equal (result.tokens.cache_hour, row->tokens.cache_hour);
            assert_int_equal (result.whole, row->whole);
            assert_int_equal (result.class, row->class);
        }
}

typedef struct {
    provider_call_t call;
    int status;
    const char *type, *text;
    run_class_t class;
    const char *sentence;
    int64_t retry_ms;
} failure_row_t;

#define ANTHROPIC(type, text)                                                                      \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" text "\"}}"
#define OPENAI(code, text)                                                                         \
    "{\"error\":{\"message\":\"" text "\",\"type\":\"x\",\"param\":null,\"code\":\"" code "\"}}"
#define GEMINI(status, text, details)                                                              \
    "{\"error\":{\"code\":1,\"message\":\"" text "\",\"status\":\"" status                         \
    "\",\"details\":[" details "]}}"

static const failure_row_t s_failures [] = {
    {PROVIDER_MESSAGES, 401, JSON, ANTHROPIC ("authentication_error", "invalid x-api-key"),
     RUN_CLASS_AUTH, "invalid x-api-key", 0},
    {PROVIDER_MESSAGES, 403, JSON, ANTHROPIC ("permission_error", "no"), RUN_CLASS_AUTH, "no", 0},
    {PROVIDER_MESSAGES, 400, JSON,
     ANTHROPIC ("invalid_request_error", "Your credit balance is too low"), RUN_CLASS_QUOTA,
     "Your credit balance is too low", 0},
    {PROVIDER_MESSAGES, 402, JSON, "", RUN_CLASS_QUOTA, "the provider answered with status 402", 0},
    {PROVIDER_MESSAGES, 404, JSON, ANTHROPIC ("not_found_error", "model: context window"),
     RUN_CLASS_CONFIG, "model: context window", 0},
    {PROVIDER_MESSAGES, 429, JSON, ANTHROPIC ("rate_limit_error", "slow down"),
     RUN_CLASS_RATE_LIMITED, "slow down", 0},
    {PROVIDER_MESSAGES, 529, JSON, ANTHROPIC ("overloaded_error", "Overloaded"),
     RUN_CLASS_OVERLOADED, "Overloaded", 0},
    {PROVIDER_MESSAGES, 500, JSON, ANTHROPIC ("api_error", "prompt is too long"),
     RUN_CLASS_PROVIDER, "prompt is too long", 0},
    {PROVIDER_MESSAGES, 400, JSON, ANTHROPIC ("invalid_request_error", "prompt is too long: 3 > 2"),
     RUN_CLASS_TOO_LARGE, "prompt is too long: 3 > 2", 0},
    {PROVIDER_MESSAGES, 413, JSON, "<html>", RUN_CLASS_TOO_LARGE,
     "the provider answered with status 413", 0},
    {PROVIDER_MESSAGES, 400, JSON, ANTHROPIC ("invalid_request_error", "tools.0: bad"),
     RUN_CLASS_INVALID_OUTPUT, "tools.0: bad", 0},
    {PROVIDER_MESSAGES, 302, "text/html", "<html>", RUN_CLASS_CONFIG,
     "the provider answered with status 302", 0},
    {PROVIDER_MESSAGES, 200, SSE,
     "event: error\ndata: " ANTHROPIC ("overloaded_error", "Overloaded") "\n\n",
     RUN_CLASS_OVERLOADED, "Overloaded", 0},
    {PROVIDER_MESSAGES, 200, SSE, "event: error\ndata: " ANTHROPIC ("api_error", "oops") "\n\n",
     RUN_CLASS_PROVIDER, "oops", 0},
    {PROVIDER_MESSAGES, 200, JSON, "{\"type\":\"message\",\"stop_reason\":\"refusal\"}",
     RUN_CLASS_REFUSED, "the model refused to answer (refusal)", 0},
    {PROVIDER_MESSAGES, 200, JSON,
     "{\"type\":\"message\",\"stop_reason\":\"model_context_window_exceeded\"}",
     RUN_CLASS_TOO_LARGE, "the model stopped at a limit of tokens (model_context_window_exceeded)",
     0},
    {PROVIDER_RESPONSES, 401, JSON, OPENAI ("invalid_api_key", "Incorrect API key"), RUN_CLASS_AUTH,
     "Incorrect API key", 0},
    {PROVIDER_RESPONSES, 429, JSON, OPENAI ("insufficient_quota", "You exceeded your quota"),
     RUN_CLASS_QUOTA, "You exceeded your quota", 0},
    {PROVIDER_RESPONSES, 429, JSON, OPENAI ("rate_limit_exceeded", "try again"),
     RUN_CLASS_RATE_LIMITED, "try again", 0},
    {PROVIDER_RESPONSES, 400, JSON, OPENAI ("context_length_exceeded", "too big"),
     RUN_CLASS_TOO_LARGE, "too big", 0},
    {PROVIDER_RESPONSES, 200, SSE,
     "data: {\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
     "\"insufficient_quota\",\"message\":\"Quota\"}}}\n\n",
     RUN_CLASS_QUOTA, "Quota", 0},
    {PROVIDER_RESPONSES, 200, SSE,
     "data: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"}\n\n",
     RUN_CLASS_RATE_LIMITED, "slow", 0},
    {PROVIDER_CHAT, 503, "text/html", "<html>Unavailable", RUN_CLASS_OVERLOADED,
     "the provider answered with status 503", 0},
    {PROVIDER_CHAT, 200, SSE,
     "data: {\"choices\":[{\"finish_reason\":\"content_filter\"}]}\n\ndata: [DONE]\n\n",
     RUN_CLASS_REFUSED, "the model refused to answer (content_filter)", 0},
    {PROVIDER_GENERATE, 400, JSON,
     GEMINI ("INVALID_ARGUMENT", "API key not valid.", "{\"reason\":\"API_KEY_INVALID\"}"),
     RUN_CLASS_AUTH, "API key not valid.", 0},
    {PROVIDER_GENERATE, 429, JSON,
     GEMINI ("RESOURCE_EXHAUSTED", "You exceeded your current quota", "{\"retryDelay\":\"34.5s\"}"),
     RUN_CLASS_RATE_LIMITED, "You exceeded your current quota", 34500},
    {PROVIDER_GENERATE, 429, JSON,
     GEMINI ("RESOURCE_EXHAUSTED", "You exceeded your current quota", "{}"), RUN_CLASS_QUOTA,
     "You exceeded your current quota", 0},
    {PROVIDER_GENERATE, 503, JSON, "[" GEMINI ("UNAVAILABLE", "The model is overloaded.", "") "]",
     RUN_CLASS_OVERLOADED, "The model is overloaded.", 0},
    {PROVIDER_GENERATE, 200, SSE, //  in the middle of a stream
     "data: {\"candidates\":[{\"content\":{}}]}\n\n"
     "data: {\"error\":{\"code\":503,\"message\":\"Try later.\",\"status\":\"UNAVAILABLE\"}}\n\n",
     RUN_CLASS_OVERLOADED, "Try later.", 0},
    {PROVIDER_CHAT, 200, SSE, "data: " OPENAI ("rate_limit_exceeded", "slow") "\n\n",
     RUN_CLASS_RATE_LIMITED, "slow", 0},
    {PROVIDER_GENERATE, 429, JSON,
     GEMINI ("RESOURCE_EXHAUSTED", "Quota exceeded: requests per minute", "{}"),
     RUN_CLASS_RATE_LIMITED, "Quota exceeded: requests per minute", 0},
    {PROVIDER_GENERATE, 200, JSON, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}",
     RUN_CLASS_REFUSED, "the model refused to answer (SAFETY)", 0},
};

static void
test_failures (void **state)
{
    for (size_t i = 0; i < sizeof s_failures / sizeof s_failures [0]; i++) {
        const failure_row_t *row = &s_failures [i];
        const observe_result_t result =
            s_observe (row->call, row->status, row->type, row->text, 11, false);
        if (result.class != row->class)
            fail_msg ("%s: %s", row->text, run_class_name (result.class));
        assert_string_equal (result.sentence, row->sentence);
        assert_int_equal (result.retry_ms, row->retry_ms);
    }
}

static void
test_cut (void **state)
{
    observe_result_t result = s_observe (PROVIDER_MESSAGES, 200, JSON, "{\"type\":", 3, true);
    assert_int_equal (result.class, RUN_CLASS_PROVIDER);
    assert_string_equal (result.sentence, "the provider's answer was cut off");
    assert_false (result.whole);
    //  the error it told before is the better reason
    result =
        s_observe (PROVIDER_MESSAGES, 529, JSON, ANTHROPIC ("overloaded_error", "busy"), 3, true);
    assert_int_equal (result.class, RUN_CLASS_OVERLOADED);
}

//  What is too long is not read, and does no harm.
static void
test_bounds (void **state)
{
    own (observe_destroy) observe_t *self = observe_new (PROVIDER_MESSAGES, 200, JSON);
    own (observe_destroy) observe_t *stream = observe_new (PROVIDER_MESSAGES, 200, SSE);
    static char block [65536];
    observe_result_t result;
    memset (block, 'x', sizeof block);
    observe_feed (stream, "data: ", 6);
    for (int i = 0; i < 64; i++) {
        observe_feed (self, block, sizeof block);
        observe_feed (stream, block, sizeof block);
    }
    observe_end (self, false, &result);
    assert_false (result.whole);
    static const char end [] = "\n\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":"
                               "{\"input_tokens\":1,\"output_tokens\":2}}}\n\n"
                               "data: {\"type\":\"message_stop\"}\n\n";
    observe_feed (stream, end, sizeof end - 1);
    observe_end (stream, false, &result);
    assert_true (result.whole);
    assert_int_equal (result.tokens.output, 2);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_usage),
        cmocka_unit_test (test_failures),
        cmocka_unit_test (test_cut),
        cmocka_unit_test (test_bounds),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
