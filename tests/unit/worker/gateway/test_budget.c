//  Tests of worker/gateway/budget, price and ask: what a call may cost, what it did cost, and that
//  the sum at the provider never exceeds the budget.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/own.h"
#include "tests/unit/worker/gateway/gateway_case.h"
#include "worker/gateway/ask.h"
#include "worker/gateway/budget.h"
#include "worker/gateway/fields.h"
#include "worker/gateway/known.h"
#include "worker/gateway/price.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
test_budget (void **state)
{
    budget_t budget = {.limit = 100};
    assert_int_equal (budget_ask (&budget, 60), BUDGET_ADMITTED);
    assert_int_equal (budget_ask (&budget, 40), BUDGET_ADMITTED);
    assert_int_equal (budget_ask (&budget, 1), BUDGET_LATER);
    assert_int_equal (budget_ask (&budget, 101), BUDGET_REFUSED);
    assert_int_equal (budget_ask (&budget, INT64_MAX), BUDGET_REFUSED);
    budget_settle (&budget, 60, 10);
    assert_int_equal (budget_ask (&budget, 51), BUDGET_LATER);
    assert_int_equal (budget_ask (&budget, 50), BUDGET_ADMITTED);
    budget_settle (&budget, 40, 45); //  dearer than the dearest: it counts all the same
    budget_settle (&budget, 50, 45);
    assert_int_equal (budget.spent, 100);
    assert_int_equal (budget_ask (&budget, 1), BUDGET_REFUSED);
    budget_t none = {0};
    assert_int_equal (budget_ask (&none, INT64_MAX), BUDGET_ADMITTED);
    budget_settle (&none, INT64_MAX, 5);
    assert_int_equal (none.spent, 5);
}

//  Of 100,000 tokens of each kind.
static const struct {
    const char *provider, *model;
    int64_t cost;
} s_prices [] = {{"anthropic", "claude-opus-4-5-20251101", 3050000},
                 {"anthropic", "claude-opus-4-1-20250805", 9150000},
                 {"anthropic", "claude-sonnet-4-5", 1830000},
                 {"anthropic", "claude-haiku-4-5@20251001", 610000},
                 {"anthropic", "claude-sonnet-5-5", 1210000},
                 {"anthropic", "claude-sonnet-5", 1220000},
                 {"anthropic", "claude-opus-5-5", 2420000},
                 {"anthropic", "claude-fable-5-2[1m]", 3050000 + 3050000}, //  its family
                 {"anthropic", "claude-haiku-5-5-20270101", 305000},       //  of a large input
                 {"anthropic", "claude-opus-45", 3050000},                 //  families
                 {"anthropic", "claude-sonnet-9", 1830000},
                 {"anthropic", "claude-9-haiku-x", 610000},
                 {"anthropic", "my-sonnet", 9150000}, //  no such family: the dearest
                 {"anthropic", "", 9150000},
                 {"openai", "gpt-5-2025-08-07", 1137500},
                 {"openai", "gpt-5.2", 1592500},
                 {"openai", "gpt-5-mini", 227500},
                 {"openai", "gpt-5.9", 1592500},
                 {"openai", "gpt-5.9-pro", 21000000},
                 {"openai", "gpt-5.9-mini", 227500},
                 {"openai", "gpt-9", 90000000},
                 {"gemini", "gemini-4-pro-preview", 1420000},
                 {"gemini", "gemini-4-flash", 355000},
                 {"gemini", "gemini-4-flash-lite", 51000},
                 {"gemini", "gemini-2.5-flash", 283000},
                 {"gemini", "gemini-9", 1600000},
                 //  of a family, at another price
                 {"openai", "o3-deep-research-2025-06-26", 90000000},
                 {"openai", "gpt-4o-audio-preview", 90000000},
                 {"gemini", "gemini-2.5-flash-image", 3060000},
                 {"gemini", "gemini-3-pro-image-preview", 12400000},
                 {"nobody", "x", 0}};

static void
test_prices (void **state)
{
    const price_tokens_t million = {.input = 100000, .output = 100000, .cache_read = 100000};
    for (size_t i = 0; i < sizeof s_prices / sizeof s_prices [0]; i++)
        if (price_cost (s_prices [i].provider, s_prices [i].model, &million) != s_prices [i].cost)
            fail_msg ("%s costs %ld", s_prices [i].model,
                      (long) price_cost (s_prices [i].provider, s_prices [i].model, &million));
    assert_true (price_known ("anthropic", "claude-sonnet-9"));
    assert_false (price_known ("anthropic", "my-sonnet"));
    assert_false (price_known ("anthropic", "") || price_known ("nobody", "x"));
    //  a large input costs twice
    const price_tokens_t large = {.input = 200001, .output = 1000};
    assert_int_equal (price_cost ("anthropic", "claude-sonnet-4", &large), 1222506);
    //  unknown counts as none, and every count is bounded
    const price_tokens_t odd = {
        .input = -1, .output = INT64_MAX, .cache_write = INT64_MAX, .cache_hour = INT64_MAX};
    assert_true (price_cost ("openai", "", &odd) > 0);
    const price_tokens_t hour = {.cache_write = 1000, .cache_hour = 400};
    assert_int_equal (price_cost ("anthropic", "claude-sonnet-4-5", &hour), 4650);
}

typedef struct {
    provider_call_t call;
    const char *path, *body, *model;
    int64_t output, answers, percent;
    bool clear, hour;
} asked_t;

static void
s_expect (const asked_t *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const size_t size = strlen (rows [i].body);
        const ask_t ask = ask_read (rows [i].call, rows [i].path, rows [i].body, size);
        assert_string_equal (ask.model, rows [i].model);
        assert_int_equal (ask.bound.output, rows [i].output);
        assert_int_equal (ask.bound.answers, rows [i].answers);
        assert_int_equal (ask.bound.percent, rows [i].percent);
        assert_int_equal (ask.clear, rows [i].clear);
        assert_int_equal (ask.bound.caches_hour, rows [i].hour);
        assert_true (ask.bound.input >= (int64_t) size);
    }
}

static void
test_ask (void **state)
{
    static const asked_t rows [] = {
        {PROVIDER_MESSAGES, "/v1/messages", "{\"model\":\"m\",\"max_tokens\":5}", "m", 5, 1, 100,
         true, false},
        {PROVIDER_MESSAGES, "/v1/messages",
         "{\"model\":\"m\",\"max_\\u0074okens\":9,\"messages\":[{\"content\":[{"
         "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}}]}],\"speed\":\"fast\","
         "\"inference_geo\":\"us\"}",
         "m", 9, 1, 660, true, true},
        {PROVIDER_MESSAGES, "/v1/messages",
         "{\"model\":\"m\",\"max_tokens\":5,\"thinking\":{\"budget_tokens\":70}}", "m", 70, 1, 100,
         true, false},
        {PROVIDER_MESSAGES, "/v1/messages", "{\"model\":\"m\"", "m", -1, 1, 100, false, false},
        {PROVIDER_CHAT, "/chat/completions",
         "{\"model\":\"m\",\"n\":3,\"max_completion_tokens\":7,\"service_tier\":\"priority\"}", "m",
         7, 3, 200, true, false},
        {PROVIDER_CHAT, "/chat/completions",
         "{\"model\":\"m\",\"max_tokens\":7,\"service_tier\":\"flex\"}", "m", 7, 1, 100, true,
         false},
        {PROVIDER_GENERATE, "/v1beta/models/g-1:generateContent",
         "{\"generationConfig\":{\"maxOutputTokens\":1e3,\"candidateCount\":2}}", "g-1", 1000, 2,
         100, true, false}};
    s_expect (rows, sizeof rows / sizeof rows [0]);
}

//  Readers do not agree on what a key means that stands twice.
static void
test_ask_with_a_key_twice (void **state)
{
    static const asked_t rows [] = {
        {PROVIDER_MESSAGES, "/v1/messages", "{\"model\":\"m\",\"model\":\"n\"}", "n", -1, 1, 100,
         false, false},
        {PROVIDER_MESSAGES, "/v1/messages", "{\"max_tokens\":5,\"max_\\u0074okens\":9}", "", 9, 1,
         100, false, false},
        {PROVIDER_MESSAGES, "/v1/messages",
         "{\"messages\":[{\"content\":[{\"text\":\"a\",\"text\":\"b\"}]}]}", "", -1, 1, 100, false,
         false},
        {PROVIDER_MESSAGES, "/v1/messages", "{\"a\":{\"b\":1,\"c\":[{\"b\":2},{\"b\":3}]},\"b\":4}",
         "", -1, 1, 100, true, false}};
    s_expect (rows, sizeof rows / sizeof rows [0]);
}

//  What may be read as no limit, wherever it stands, and names of another kind of call.
static void
test_ask_without_a_bound (void **state)
{
    static const asked_t rows [] = {
        {PROVIDER_CHAT, "/chat/completions",
         "{\"model\":\"m\",\"max_tokens\":5,\"max_completion_tokens\":null}", "m", -1, 1, 100, true,
         false},
        {PROVIDER_CHAT, "/chat/completions", "{\"model\":\"m\",\"max_tokens\":0}", "m", -1, 1, 100,
         true, false},
        {PROVIDER_CHAT, "/chat/completions",
         "{\"max_tokens\":5,\"prediction\":{\"type\":\"content\",\"content\":\"x\"}}", "", -1, 1,
         100, true, false},
        {PROVIDER_GENERATE, "/v1beta/models/g-1:generateContent",
         "{\"generationConfig\":{\"maxOutputTokens\":5,\"max_output_tokens\":\"60000\"}}", "g-1",
         -1, 1, 100, true, false},
        {PROVIDER_GENERATE, "/v1beta/models/g-1:generateContent",
         "{\"generationConfig\":{\"maxOutputTokens\":5,\"candidateCount\":\"8\"}}", "g-1", 5, 1,
         100, false, false},
        {PROVIDER_CHAT, "/chat/completions", "{\"model\":\"m\",\"max_output_tokens\":5}", "m", -1,
         1, 100, true, false},
        {PROVIDER_RESPONSES, "/responses", "{\"model\":\"m\",\"max_tokens\":5}", "m", -1, 1, 100,
         true, false}};
    s_expect (rows, sizeof rows / sizeof rows [0]);
}

//  Input that the provider looks up or finds itself, and data that has more tokens than bytes.
static const struct {
    provider_call_t call;
    const char *body;
    int64_t least, most;
} s_unseen [] = {
    {PROVIDER_RESPONSES, "{\"previous_response_id\":\"r\"}", 2000000, 2000000},
    {PROVIDER_RESPONSES, "{\"previous_response_id\":null}", 0, 0},
    {PROVIDER_RESPONSES, "{\"conversation\":{\"id\":\"c\"}}", 2000000, 2000000},
    {PROVIDER_RESPONSES, "{\"input\":[{\"content\":[{\"file_url\":\"https://x\"}]}]}", 2000000,
     2000000},
    {PROVIDER_RESPONSES, "{\"input\":[{\"content\":[{\"image_url\":\"data:image/png\"}]}]}", 1600,
     10000},
    {PROVIDER_CHAT, "{\"messages\":[{\"content\":[{\"file\":{\"file_id\":\"f\"}}]}]}", 2000000,
     2000000},
    {PROVIDER_MESSAGES, "{\"messages\":[{\"content\":[{\"source\":{\"url\":\"u\"}}]}]}", 2000000,
     2000000},
    {PROVIDER_MESSAGES,
     "{\"messages\":[{\"content\":[{\"source\":{\"media_type\":\"application/pdf\"}},"
     "{\"source\":{\"media_type\":\"image/png\"}}]}]}",
     2001600, 2010000},
    {PROVIDER_MESSAGES,
     "{\"messages\":[{\"content\":[{\"source\":{\"media_type\":\"text/plain\"}"
     "},{\"input\":{\"url\":\"https://x\"}}]}]}",
     0, 0},
    {PROVIDER_GENERATE, "{\"contents\":[{\"parts\":[{\"file_data\":{\"fileUri\":\"u\"}}]}]}",
     2000000, 2000000},
    {PROVIDER_GENERATE, "{\"cachedContent\":\"c\"}", 2000000, 2000000},
    {PROVIDER_RESPONSES, "{\"input\":[{\"type\":\"item_reference\",\"id\":\"i\"}]}", 2000000,
     2000000},
    //  tools that the provider runs, and those that the agent does
    {PROVIDER_MESSAGES, "{\"tools\":[{\"type\":\"web_search_20250305\",\"name\":\"w\"}]}", 2000000,
     2000000},
    {PROVIDER_MESSAGES, "{\"mcp_servers\":[{\"url\":\"u\"}]}", 2000000, 2000000},
    {PROVIDER_MESSAGES, "{\"context_management\":{\"edits\":[{\"type\":\"compact_20260112\"}]}}",
     2000000, 2000000},
    {PROVIDER_MESSAGES,
     "{\"tools\":[{\"name\":\"a\",\"input_schema\":{\"type\":\"object\"}},{\"type\":\"custom\"}"
     ","
     "{\"type\":\"bash_20250124\"},{\"type\":null}]}",
     0, 0},
    {PROVIDER_RESPONSES, "{\"tools\":[{\"type\":\"function\"},{\"type\":\"web_search\"}]}", 2000000,
     2000000},
    {PROVIDER_RESPONSES,
     "{\"input\":[{\"type\":\"additional_tools\",\"tools\":[{\"type\":\"namespace\",\"tools\":["
     "{\"type\":\"function\"},{\"type\":\"web_search\"}]},{\"type\":\"mcp\"}]}]}",
     4000000, 4000000},
    {PROVIDER_CHAT, "{\"web_search_options\":{}}", 2000000, 2000000},
    {PROVIDER_GENERATE, "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}]}", 0, 0},
    {PROVIDER_GENERATE, "{\"tools\":[{\"googleSearch\":{}},{\"url_context\":{\"a\":{}}}]}", 4000000,
     4000000}};

static void
test_unseen_input (void **state)
{
    for (size_t i = 0; i < sizeof s_unseen / sizeof s_unseen [0]; i++) {
        const ask_t ask =
            ask_read (s_unseen [i].call, "", s_unseen [i].body, strlen (s_unseen [i].body));
        assert_true (ask.clear);
        if (ask.unseen < s_unseen [i].least || ask.unseen > s_unseen [i].most)
            fail_msg ("%s: %ld", s_unseen [i].body, (long) ask.unseen);
    }
}

static int64_t
s_bound (const known_t *known, const char *body, int64_t bound)
{
    const ask_t ask = {.model = "m", .bound = {.input = bound}};
    return known_bound (known, body, strlen (body), &ask);
}

//  text: bytes that were counted for sure.
static void
s_learn (known_t *known, const char *text, int64_t counted, int64_t tokens)
{
    own (buf_fini) buf_t body = buf_init (100);
    const ask_t ask = {.model = "m", .text = counted};
    buf_text (&body, text);
    known_learn (known, &body, &ask, tokens);
    assert_int_equal (body.size, 0);
}

//  What has the provider reach other hosts, and what only looks like it.
static void
test_reaches (void **state)
{
    static const struct {
        provider_call_t call;
        bool reaches;
        const char *body;
    } rows [] = {
        {PROVIDER_MESSAGES, true, "{\"tools\":[{\"type\":\"web_fetch_20250910\"}]}"},
        {PROVIDER_MESSAGES, true,
         "{\"messages\":[{\"content\":[{\"tools\":[{\"type\":\"mcp\"}]}]}]}"},
        {PROVIDER_RESPONSES, false,
         "{\"tools\":[{\"type\":\"tool_search\",\"execution\":\"client\"},{\"type\":\"newer\"}]}"},
        {PROVIDER_RESPONSES, true, "{\"tools\":[{\"type\":\"web_search\"}]}"},
        {PROVIDER_RESPONSES, true,
         "{\"tools\":[{\"type\":\"code_interpreter\",\"container\":{\"network_policy\":{}}}]}"},
        {PROVIDER_GENERATE, true, "{\"tools\":[{\"mcpServers\":[{\"name\":\"x\"}]}]}"},
        {PROVIDER_GENERATE, true, "{\"tools\":[{\"retrieval\":{}}]}"},
        {PROVIDER_GENERATE, false, "{\"tools\":[{\"codeExecution\":{}}]}"},
        {PROVIDER_MESSAGES, true, "{\"messages\":[{\"content\":[{\"source\":{\"url\":\"u\"}}]}]}"},
        {PROVIDER_FREE, true, "{\"messages\":[{\"content\":[{\"source\":{\"url\":\"u\"}}]}]}"},
        {PROVIDER_MESSAGES, true, "{\"mcp_servers\":[{\"url\":\"u\"}]}"},
        {PROVIDER_CHAT, true,
         "{\"messages\":[{\"content\":[{\"image_url\":{\"url\":\"HTTPS://x\"}}]}]}"},
        {PROVIDER_RESPONSES, true, "{\"input\":[{\"content\":[{\"image_url\":\"https://x\"}]}]}"},
        {PROVIDER_GENERATE, true, "{\"tools\":[{\"urlContext\":{}}]}"},
        {PROVIDER_GENERATE, true,
         "{\"contents\":[{\"parts\":[{\"file_data\":{\"file_uri\":\"https://x\"}}]}]}"},
        {PROVIDER_RESPONSES, false,
         "{\"input\":[{\"content\":[{\"image_url\":\"data:image/png;base64,AA\"}]}],\"tools\":[{"
         "\"type\":\"function\",\"parameters\":{\"type\":\"object\"}}]}"},
        {PROVIDER_MESSAGES, false,
         "{\"messages\":[{\"content\":[{\"type\":\"tool_use\",\"input\":{\"a\":[{\"source\":{"
         "\"url\":"
         "\"u\"},\"tools\":[{\"type\":\"x\"}]}]}}]}]}"},
        {PROVIDER_MESSAGES, false,
         "{\"context_management\":{\"edits\":[{\"type\":\"compact_20260112\"}]}}"},
        {PROVIDER_GENERATE, false,
         "{\"contents\":[{\"parts\":[{\"functionResponse\":{\"response\":{\"file_uri\":\"u\"}}},"
         "{\"inlineData\":{\"mimeType\":\"image/png\"}}]}]}"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        const ask_t ask = ask_read (rows [i].call, "", rows [i].body, strlen (rows [i].body));
        if (!ask.read || ask.reaches != rows [i].reaches)
            fail_msg ("%s", rows [i].body);
    }
}

//  A body of very many values would hold up all runs.
static void
test_a_body_has_a_bounded_number_of_values (void **state)
{
    buf_t body = buf_init (LIMIT_MIB (4));
    assert_int_equal (buf_append (&body, "{\"messages\":[1", 14), 0);
    for (int i = 0; i < FIELDS_VALUES; i++)
        assert_int_equal (buf_append (&body, ",1", 2), 0);
    assert_int_equal (buf_append (&body, "]}", 2), 0);
    const ask_t ask = ask_read (PROVIDER_MESSAGES, "", body.data, body.size);
    assert_false (ask.read);
    assert_false (ask.clear);
    buf_fini (&body);
}

static void
test_known (void **state)
{
    static const char first [] = "{\"messages\":[1,2],\"tools\":[3]}";
    static const char next [] = "{\"messages\":[1,2,4,5],\"tools\":[3]}";
    own (known_fini) known_t known = known_init ();
    assert_int_equal (s_bound (&known, "abcdef", 6), 6);
    s_learn (&known, first, sizeof first - 1, 5);
    assert_int_equal (s_bound (&known, next, 1000), 5 + 64 + 4);
    assert_int_equal (s_bound (&known, next, 20), 20);
    assert_int_equal (s_bound (&known, "other", 1000), 1000);
    assert_int_equal (s_bound (&known, "", 1000), 1000);
    //  another model may cut it into more tokens
    const ask_t other = {.model = "n", .bound = {.input = 1000}};
    assert_int_equal (known_bound (&known, next, sizeof next - 1, &other), 1000);
    //  bytes that both share twice are counted once
    s_learn (&known, "aaaa", 4, 3);
    assert_int_equal (s_bound (&known, "aaaaaa", 1000), 3 + 64 + 2);
    assert_int_equal (s_bound (&known, "aa", 1000), 3 + 64);
    //  what was no text may be text in the next one
    s_learn (&known, "aaaaaaaa", 2, 3);
    assert_int_equal (s_bound (&known, "aaaaaaaa", 1000), 3 + 6 + 64);
}

//  Only text that is counted for sure makes the next request cheaper.
static void
test_text (void **state)
{
    static const struct {
        provider_call_t call;
        const char *body;
        int64_t text;
    } rows [] = {
        {PROVIDER_MESSAGES,
         "{\"system\":[{\"text\":\"ab\"}],\"messages\":[{\"content\":\"cd\"},{\"content\":[{"
         "\"text\":"
         "\"e\"},{\"content\":[{\"text\":\"fg\"}]},{\"source\":{\"data\":\"xxx\"}},{\"thinking\":"
         "\"xxx\"}"
         "]}],\"tools\":[{\"description\":\"xxx\"}],\"metadata\":{\"text\":\"xxx\"},"
         "\"context_management\":{\"edits\":[{\"type\":\"clear_thinking_20251015\"}]}}",
         7},
        {PROVIDER_MESSAGES,
         "{\"system\":\"ab\",\"context_management\":{\"edits\":[{\"type\":\"clear_tool_uses_2\"}]}"
         "}",
         0},
        {PROVIDER_RESPONSES,
         "{\"instructions\":\"ab\",\"input\":[{\"content\":[{\"text\":\"c\"}]},{\"output\":\"de\"},"
         "{\"output\":[{\"text\":\"f\"}]},"
         "{\"encrypted_content\":\"xxx\"}]}",
         6},
        {PROVIDER_RESPONSES, "{\"input\":\"ab\",\"truncation\":\"auto\"}", 0},
        {PROVIDER_CHAT, "{\"messages\":[{\"content\":\"ab\"},{\"content\":[{\"text\":\"c\"}]}]}",
         3},
        {PROVIDER_GENERATE, "{\"contents\":[{\"parts\":[{\"text\":\"ab\"}]}]}", 2},
        {PROVIDER_GENERATE, "{\"contents\":[{\"parts\":[{\"text\":\"ab\",\"thought\":true}]}]}",
         0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        const ask_t ask = ask_read (rows [i].call, "", rows [i].body, strlen (rows [i].body));
        if (ask.text != rows [i].text)
            fail_msg ("%s: %ld", rows [i].body, (long) ask.text);
    }
}

//  --- the whole gateway

//  An answer that costs all it may: the tokens of the request, and as many as it allows.
static bool
s_dear_answer (upstream_request_t *request)
{
    char body [512];
    snprintf (body, sizeof body,
              "{\"type\":\"message\",\"model\":\"claude-sonnet-4-5\",\"stop_reason\":\"end_turn\","
              "\"usage\":{\"input_tokens\":%zu,\"output_tokens\":1000}}",
              request->body_size);
    pthread_mutex_lock (&request->upstream->lock);
    request->upstream->sum += (int64_t) request->body_size * 3 + 1000 * 15;
    pthread_mutex_unlock (&request->upstream->lock);
    return upstream_reply (request->fd, "200 OK", "Content-Type: application/json\r\n", body);
}

//  The first calls wait until they have met.
static bool
s_meet_and_answer (upstream_request_t *request)
{
    upstream_t *upstream = request->upstream;
    for (int most = 0, i = 0; most < 2 && i < 20000; i++) {
        pthread_mutex_lock (&upstream->lock);
        most = upstream->most_running;
        pthread_mutex_unlock (&upstream->lock);
        usleep (1000);
    }
    return s_dear_answer (request);
}

static void *
s_spend (void *arg)
{
    const gateway_case_t *self = arg;
    for (int i = 0; i < 5; i++) {
        own (own_mem) char *answer = gateway_case_post (
            self, "/v1/messages", "", "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":1000}");
        const bool refused = strstr (answer, "HTTP/1.1 400 ")
                             && strstr (answer, "the budget of 0.10 USD would be exceeded: ")
                             && strstr (answer, "invalid_request_error");
        if (!strstr (answer, "HTTP/1.1 200 ") && !refused)
            fprintf (stderr, "%s\n", answer);
    }
    return NULL;
}

static void
test_sum_never_exceeds (void **state)
{
    gateway_case_t self = {0};
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_meet_and_answer);
    spec.budget_micro_usd = 100000;
    gateway_case_open (&self, &spec);
    pthread_t threads [4];
    for (int i = 0; i < 4; i++)
        assert_int_equal (pthread_create (&threads [i], NULL, s_spend, &self), 0);
    for (int i = 0; i < 4; i++)
        pthread_join (threads [i], NULL);
    const int64_t sum = self.upstream.sum;
    const int most = self.upstream.most_running;
    const gateway_report_t report = gateway_case_end (&self);
    assert_true (sum <= 100000);
    assert_true (sum > 60000); //  most of it could be spent
    assert_true (most > 1);
    assert_int_equal (report.cost_micro_usd, sum);
    assert_true (report.budget_refused > 0);
    assert_int_equal (report.budget_refused + report.calls, 20);
    assert_int_equal (report.failure.class, RUN_CLASS_LIMIT);
    assert_non_null (strstr (report.failure.sentence, "the budget of 0.10 USD would be exceeded"));
}

//  An answer whose usage nobody tells counts as the dearest one.
static bool
s_silent_answer (upstream_request_t *request)
{
    return upstream_reply (request->fd, "200 OK", "Content-Type: application/json\r\n", "{}");
}

static void
test_unknown_usage_is_the_dearest (void **state)
{
    gateway_case_t self = {0};
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_silent_answer);
    spec.budget_micro_usd = 30000; //  one call may cost 18,156
    gateway_case_open (&self, &spec);
    for (int i = 0; i < 2; i++) {
        own (own_mem) char *answer = gateway_case_post (
            &self, "/v1/messages", "", "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":1000}");
        assert_non_null (strstr (answer, i == 0 ? "HTTP/1.1 200 " : "HTTP/1.1 400 "));
    }
    //  a request that cannot be read is not sent
    own (own_mem) char *odd = gateway_case_post (&self, "/v1/messages", "", "{\"model\":");
    assert_non_null (strstr (odd, "HTTP/1.1 400 "));
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.calls, 1);
    assert_int_equal (report.budget_refused, 1);
    assert_int_equal (report.cost_micro_usd, -1);
}

//  What a faster service has cost counts as often as it was reserved.
static void
test_faster_service (void **state)
{
    gateway_case_t self = {0};
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_dear_answer);
    spec.budget_micro_usd = 250000; //  one call may cost 109,000
    gateway_case_open (&self, &spec);
    for (int i = 0; i < 3; i++) {
        own (own_mem) char *answer =
            gateway_case_post (&self, "/v1/messages", "",
                               "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":1000,"
                               "\"speed\":\"fast\"}");
        assert_non_null (strstr (answer, i < 2 ? "HTTP/1.1 200 " : "HTTP/1.1 400 "));
    }
    const int64_t sum = 6 * self.upstream.sum;
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.calls, 2);
    assert_int_equal (report.cost_micro_usd, sum);
}

//  The answer says which service was given, also to a run without a budget.
static bool
s_fast_answer (upstream_request_t *request)
{
    return upstream_reply (
        request->fd, "200 OK", "Content-Type: application/json\r\n",
        request->number == 1
            ? "{\"type\":\"message\",\"model\":\"claude-opus-4-6\",\"usage\":{\"input_tokens\":100,"
              "\"output_tokens\":100,\"speed\":\"fast\"}}"
            : "{\"type\":\"message\",\"model\":\"claude-opus-4-6\",\"usage\":{\"input_tokens\":100,"
              "\"output_tokens\":100,\"speed\":\"standard\",\"server_tool_use\":{"
              "\"web_search_requests\":2}}}");
}

static void
test_service_of_the_answer (void **state)
{
    gateway_case_t self = {0};
    gateway_report_t report;
    gateway_case_begin (&self, "anthropic", s_fast_answer);
    free (gateway_case_post (&self, "/v1/messages", "", "{\"speed\":\"fast\"}"));
    gateway_look (self.gateway, self.run, &report);
    assert_int_equal (report.cost_micro_usd, 6 * 3000);
    free (gateway_case_post (&self, "/v1/messages", "", "{\"speed\":\"fast\"}"));
    report = gateway_case_end (&self);
    assert_int_equal (report.cost_micro_usd, 6 * 3000 + 3000 + 2 * 10000);
}

//  The sentence of a refusal says why the sum is so high.
static void
test_refusals (void **state)
{
    static const struct {
        const char *body, *sentence;
    } rows [] = {{"{\"model\":\"my-model\",\"max_tokens\":100000}",
                  "may cost up to 7.5156 USD, for the price of my-model is not known"},
                 {"{\"model\":\"claude-opus-4-5\",\"max_tokens\":64000}", "up to 1.6052 USD\""},
                 {"{\"model\":\"a\",\"model\":\"b\"}",
                  "may cost any sum, for its body cannot be read in one way only\""}};
    gateway_case_t self = {0};
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_silent_answer);
    spec.budget_micro_usd = 1000000;
    gateway_case_open (&self, &spec);
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        own (own_mem) char *answer = gateway_case_post (&self, "/v1/messages", "", rows [i].body);
        if (!strstr (answer, rows [i].sentence))
            fail_msg ("%s: %s", rows [i].body, answer);
    }
    assert_int_equal (gateway_case_end (&self).calls, 0);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_budget),
        cmocka_unit_test (test_prices),
        cmocka_unit_test (test_ask),
        cmocka_unit_test (test_ask_with_a_key_twice),
        cmocka_unit_test (test_ask_without_a_bound),
        cmocka_unit_test (test_unseen_input),
        cmocka_unit_test (test_reaches),
        cmocka_unit_test (test_a_body_has_a_bounded_number_of_values),
        cmocka_unit_test (test_known),
        cmocka_unit_test (test_text),
        cmocka_unit_test (test_sum_never_exceeds),
        cmocka_unit_test (test_unknown_usage_is_the_dearest),
        cmocka_unit_test (test_faster_service),
        cmocka_unit_test (test_service_of_the_answer),
        cmocka_unit_test (test_refusals),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
