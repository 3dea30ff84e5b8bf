//  failure - statuses and words of providers and CLIs, each with its class.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/domain/failure.h"

#include <string.h>

static void
s_expect (int64_t status, const char *text, run_class_t class)
{
    const run_class_t found = failure_class (status, text);
    if (found != class)
        fail_msg ("%d %.80s: \"%s\", expected \"%s\"", (int) status, text, run_class_name (found),
                  run_class_name (class));
}

static void
test_a_status_alone_has_a_class (void **state)
{
    static const struct {
        int64_t status;
        run_class_t class;
    } rows [] = {
        {401, RUN_CLASS_AUTH},       {403, RUN_CLASS_AUTH},       {402, RUN_CLASS_QUOTA},
        {404, RUN_CLASS_CONFIG},     {413, RUN_CLASS_TOO_LARGE},  {429, RUN_CLASS_RATE_LIMITED},
        {529, RUN_CLASS_OVERLOADED}, {503, RUN_CLASS_OVERLOADED}, {500, RUN_CLASS_PROVIDER},
        {502, RUN_CLASS_PROVIDER},   {504, RUN_CLASS_PROVIDER},   {408, RUN_CLASS_PROVIDER},
        {400, RUN_CLASS_NONE},       {200, RUN_CLASS_NONE},       {0, RUN_CLASS_NONE},
        {-1, RUN_CLASS_NONE},        {600, RUN_CLASS_NONE},       {INT64_MAX, RUN_CLASS_NONE}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++)
        s_expect (rows [i].status, "", rows [i].class);
}

static void
test_exact_words_count_before_the_status_and_vague_ones_after_it (void **state)
{
    s_expect (400, "Credit balance is too low", RUN_CLASS_QUOTA);
    s_expect (429, "You exceeded your current quota, please check your plan", RUN_CLASS_QUOTA);
    s_expect (429, "Quota exceeded for metric", RUN_CLASS_QUOTA);
    s_expect (400, "prompt is too long: 210000 tokens > 200000 maximum", RUN_CLASS_TOO_LARGE);
    s_expect (400, "API key not valid. Please pass a valid API key.", RUN_CLASS_AUTH);
    s_expect (404, "There's an issue with the selected model (opus)", RUN_CLASS_CONFIG);
    s_expect (429, "Quota exceeded for metric: requests per minute", RUN_CLASS_RATE_LIMITED);
    s_expect (429, "You exceeded your current quota. Please retry in 34.1s.",
              RUN_CLASS_RATE_LIMITED);
    s_expect (429, "insufficient_quota: 5 per minute", RUN_CLASS_QUOTA);
    //  what fails at the provider, or is not there, says nothing of the request
    s_expect (500, "prompt is too long", RUN_CLASS_PROVIDER);
    s_expect (404, "the context window is not known", RUN_CLASS_CONFIG);
    s_expect (400, "overloaded", RUN_CLASS_OVERLOADED);
    s_expect (401, "overloaded", RUN_CLASS_AUTH);
}

static void
test_a_status_in_a_sentence_counts (void **state)
{
    s_expect (0, "API Error: 529 {\"type\":\"error\"}", RUN_CLASS_OVERLOADED);
    s_expect (0, "Request rejected (429)", RUN_CLASS_RATE_LIMITED);
    s_expect (0, "exceeded retry limit, last status: 429", RUN_CLASS_RATE_LIMITED);
    s_expect (0, "unexpected status 401 Unauthorized: no", RUN_CLASS_AUTH);
    s_expect (0, "HTTP 500", RUN_CLASS_PROVIDER);
    //  numbers that are no status
    s_expect (0, "pod web-500 has 404 restarts", RUN_CLASS_NONE);
    s_expect (0, "error 4290, error 4.04, code x429, status 429a", RUN_CLASS_NONE);
    s_expect (0, "code 78", RUN_CLASS_NONE);
}

static void
test_sentences_of_clis_have_their_class (void **state)
{
    s_expect (0, "Invalid API key \xc2\xb7 Fix external API key", RUN_CLASS_AUTH);
    s_expect (0, "Overloaded", RUN_CLASS_OVERLOADED);
    s_expect (0, "Connection lost mid-response", RUN_CLASS_PROVIDER);
    s_expect (0, "Request timed out", RUN_CLASS_PROVIDER);
    s_expect (0, "response exceeded the 128000 output token maximum", RUN_CLASS_LIMIT);
    s_expect (0, "stream disconnected before completion", RUN_CLASS_PROVIDER);
    s_expect (0, "Quota exceeded. Check your plan and billing details.", RUN_CLASS_QUOTA);
    s_expect (0, "appears to violate our Usage Policy", RUN_CLASS_REFUSED);
    s_expect (0, "no such file", RUN_CLASS_NONE);
}

static void
test_a_long_text_is_read_up_to_its_limit (void **state)
{
    static char text [LIMIT_ERROR_TEXT_BYTES * 2];
    memset (text, ' ', sizeof text - 1);
    memcpy (text + LIMIT_ERROR_TEXT_BYTES - 3, "overloaded", 10);
    s_expect (0, text, RUN_CLASS_NONE);
    memcpy (text + LIMIT_ERROR_TEXT_BYTES - 13, "overloaded", 10);
    s_expect (0, text, RUN_CLASS_OVERLOADED);
    memset (text, '4', sizeof text - 1);
    s_expect (0, text, RUN_CLASS_NONE);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_status_alone_has_a_class),
        cmocka_unit_test (test_exact_words_count_before_the_status_and_vague_ones_after_it),
        cmocka_unit_test (test_a_status_in_a_sentence_counts),
        cmocka_unit_test (test_sentences_of_clis_have_their_class),
        cmocka_unit_test (test_a_long_text_is_read_up_to_its_limit),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
