//  Tests of worker/gateway: one call from the agent to the provider and back.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/clk.h"
#include "common/base/own.h"
#include "tests/unit/worker/gateway/gateway_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE                                                                                    \
    "{\"type\":\"message\",\"model\":\"claude-sonnet-4-5\",\"stop_reason\":\"end_turn\",\"usage\"" \
    ":{\"input_tokens\":100,\"output_tokens\":20,\"cache_read_input_tokens\":5,"                   \
    "\"cache_creation_input_tokens\":7}}"
#define ASK "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":10}"

//  Held by a test that wants the provider to wait.
static pthread_mutex_t s_step = PTHREAD_MUTEX_INITIALIZER;

static bool
s_answer_message (upstream_request_t *request)
{
    return upstream_reply (request->fd, "200 OK",
                           "Content-Type: application/json\r\nrequest-id: r1\r\n"
                           "Set-Cookie: a=b\r\nServer: x\r\n",
                           MESSAGE);
}

static void
test_call_gets_the_key (void **state)
{
    gateway_case_t self = {0};
    gateway_case_begin (&self, "anthropic", s_answer_message);
    own (own_mem) char *answer = gateway_case_post (
        &self, "/v1/messages?beta=true&key=run-token-1",
        "Cookie: c=d\r\nanthropic-version: 2023-06-01\r\nx-hop: 1\r\nConnection: x-hop\r\n"
        "X-Empty:\r\n",
        ASK);
    assert_non_null (strstr (answer, "400 ")); //  two Connection headers
    free (answer);
    answer = gateway_case_talk (
        &self, gateway_case_post_text ("/v1/messages?beta=true&key=run-token-1",
                                       "Cookie: c=d\r\nanthropic-version: 2023-06-01\r\n"
                                       "x-hop: 1\r\nConnection: close, x-hop\r\nX-Empty:\r\n"
                                       "Accept-Encoding: gzip\r\n",
                                       ASK));
    assert_non_null (strstr (answer, "HTTP/1.1 200 "));
    assert_non_null (strstr (answer, "request-id: r1\r\n"));
    assert_null (strstr (answer, "Cookie"));
    assert_null (strstr (answer, "Server"));
    assert_non_null (strstr (answer, MESSAGE));
    const char *head = self.upstream.last_head;
    assert_non_null (strstr (head, "POST /v1/messages?beta=true HTTP/1.1\r\n"));
    assert_non_null (strstr (head, "x-api-key: " GATEWAY_CASE_KEY "\r\n"));
    assert_non_null (strstr (head, "anthropic-version: 2023-06-01\r\n"));
    assert_non_null (strstr (head, "X-Empty:\r\n"));
    assert_non_null (strstr (head, "Accept-Encoding: identity\r\n"));
    assert_null (strstr (head, "gzip"));
    assert_null (strstr (head, "x-hop"));
    assert_null (strstr (head, GATEWAY_CASE_TOKEN));
    assert_null (strstr (head, "Cookie"));
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.calls, 1);
    assert_int_equal (report.failed_calls, 0);
    assert_int_equal (report.input, 100);
    assert_int_equal (report.output, 20);
    assert_int_equal (report.cache_read, 5);
    assert_int_equal (report.cache_write, 7);
    //  100 * 3 + 20 * 15 + 5 * 0.3 + 7 * 3.75
    assert_int_equal (report.cost_micro_usd, 628);
    assert_string_equal (report.model, "claude-sonnet-4-5");
    assert_int_equal (report.failure.class, RUN_CLASS_NONE);
    assert_true (report.first_call_ms > 0 && report.last_call_ms >= report.first_call_ms);
}

//  Each provider's own way to carry the token and the key.
static void
test_keys_of_providers (void **state)
{
    static const struct {
        const char *provider, *path, *token, *sent;
    } rows [] = {{"openai", "/v1/responses", "Authorization: Bearer run-token-1",
                  "POST /v1/responses HTTP/1.1\r\n"},
                 {"openai", "/chat/completions", "authorization: bearer run-token-1",
                  "POST /v1/chat/completions HTTP/1.1\r\n"},
                 {"gemini", "/v1beta/models/gemini-2.5-pro:generateContent",
                  "x-goog-api-key: run-token-1",
                  "POST /v1beta/models/gemini-2.5-pro:generateContent HTTP/1.1\r\n"},
                 {"gemini", "/v1beta/models/m:streamGenerateContent?key=run-token-1&alt=sse",
                  "X-None: 1", "POST /v1beta/models/m:streamGenerateContent?alt=sse HTTP/1.1\r\n"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        gateway_case_t self = {0};
        char raw [1024];
        gateway_case_begin (&self, rows [i].provider, s_answer_message);
        snprintf (raw, sizeof raw,
                  "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n"
                  "Content-Length: 2\r\n\r\n{}",
                  rows [i].path, rows [i].token);
        own (own_mem) char *answer = gateway_case_talk (&self, raw);
        assert_non_null (strstr (answer, "HTTP/1.1 200 "));
        assert_non_null (strstr (self.upstream.last_head, rows [i].sent));
        assert_non_null (strstr (self.upstream.last_head, GATEWAY_CASE_KEY));
        assert_null (strstr (self.upstream.last_head, "run-token-1"));
        assert_int_equal (gateway_case_end (&self).calls, 1);
    }
}

//  What could be another key, another call, or an answer without usage.
static void
test_what_stays (void **state)
{
    static const char *const staying [] = {"6bey",     "access_token", "fields", "fieldmask",
                                           "override", "x_api_key",    "geheim", "user-project"};
    gateway_case_t self = {0};
    gateway_case_begin (&self, "gemini", s_answer_message);
    own (own_mem) char *answer = gateway_case_post (
        &self, "/v1beta/models/m:generateContent?%6bey=geheim&alt=sse&access_token=geheim&fields=a",
        "x-goog-fieldmask: a\r\nX-HTTP-Method-Override: DELETE\r\nx_api_key: geheim\r\n"
        "X-Goog-User-Project: geheim\r\nsession_id: s1\r\n",
        "{}");
    assert_non_null (strstr (answer, " 200 "));
    const char *head = self.upstream.last_head;
    assert_non_null (strstr (head, "POST /v1beta/models/m:generateContent?alt=sse HTTP/1.1\r\n"));
    assert_non_null (strstr (head, "session_id: s1\r\n"));
    for (size_t i = 0; i < sizeof staying / sizeof staying [0]; i++)
        if (strcasestr (head, staying [i]))
            fail_msg ("%s: %s", staying [i], head);
    gateway_case_end (&self);
}

//  --- bodies

enum { S_LARGE_BODY = 30 * 1024 * 1024, S_LARGE_BODIES = 2 };

static bool
s_wait_for_the_test (upstream_request_t *request)
{
    pthread_mutex_lock (&s_step);
    pthread_mutex_unlock (&s_step);
    return s_answer_message (request);
}

//  Send the head of a call with a large body, and this many bytes of it; the connection.
static int
s_send_large (const gateway_case_t *self, int size)
{
    char head [256];
    char *block = calloc (1, 1024 * 1024);
    assert_non_null (block);
    memset (block, ' ', 1024 * 1024);
    const int fd = upstream_connect (gateway_port (self->run));
    snprintf (head, sizeof head,
              "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: " GATEWAY_CASE_TOKEN
              "\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
              S_LARGE_BODY);
    upstream_text (fd, head);
    for (int sent = 1024 * 1024; sent < size && upstream_write (fd, block, 1024 * 1024);)
        sent += 1024 * 1024;
    memcpy (block, "{}", 2);
    upstream_write (fd, block, 1024 * 1024);
    free (block);
    return fd;
}

//  One run does not take the memory of all.
static void
test_bodies_of_a_run_are_bounded (void **state)
{
    gateway_case_t self = {0};
    int fds [S_LARGE_BODIES];
    pthread_mutex_lock (&s_step);
    gateway_case_begin (&self, "anthropic", s_wait_for_the_test);
    for (int i = 0; i < S_LARGE_BODIES; i++)
        fds [i] = s_send_large (&self, S_LARGE_BODY);
    (void) gateway_case_wait (&self, S_LARGE_BODIES); //  the provider has them
    const int more = s_send_large (&self, 1024 * 1024);
    own (own_mem) char *refused = upstream_read_to (more, NULL);
    assert_non_null (strstr (refused, "HTTP/1.1 503 "));
    assert_non_null (strstr (refused, "other requests take all memory"));
    close (more);
    pthread_mutex_unlock (&s_step);
    for (int i = 0; i < S_LARGE_BODIES; i++) {
        own (own_mem) char *answer = upstream_read_to (fds [i], NULL);
        assert_non_null (strstr (answer, "HTTP/1.1 200 "));
        close (fds [i]);
    }
    //  all of it is free again
    own (own_mem) char *answer = gateway_case_post (&self, "/v1/messages", "", ASK);
    assert_non_null (strstr (answer, "HTTP/1.1 200 "));
    gateway_case_end (&self);
}

//  No host is reached through the provider, unless that is allowed.
static void
test_reach (void **state)
{
    static const struct {
        const char *headers, *body;
    } rows [] = {{"", "{\"tools\":[{\"type\":\"web_search_20250305\"}]}"},
                 {"", "{\"tools\":[{\"type\":\"bash_20250124\"}]}"},
                 {"", "no JSON"},
                 {"Content-Encoding: gzip\r\n", "{}"}};
    for (int reach = 0; reach < 2; reach++) {
        gateway_case_t self = {0};
        gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_answer_message);
        spec.reach = reach;
        gateway_case_open (&self, &spec);
        for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
            own (own_mem) char *answer =
                gateway_case_post (&self, "/v1/messages", rows [i].headers, rows [i].body);
            if (!strstr (answer, reach || i == 1 ? "HTTP/1.1 200 " : "HTTP/1.1 400 "))
                fail_msg ("%d: %s got %s", reach, rows [i].body, answer);
        }
        const gateway_report_t report = gateway_case_end (&self);
        assert_int_equal (report.calls, reach ? 4 : 1);
        assert_int_equal (report.failure.class, reach ? RUN_CLASS_NONE : RUN_CLASS_INVALID_OUTPUT);
    }
}

//  What is refused never reaches the provider.
static void
test_refused (void **state)
{
    static const struct {
        const char *raw, *status;
    } rows [] = {
        {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}", " 401 "},
        {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: run-token-2\r\n"
         "Content-Length: 2\r\n\r\n{}",
         " 401 "},
        {"POST /v1/messages HTTP/1.1\r\nHost: evil.example\r\nx-api-key: run-token-1\r\n"
         "Content-Length: 2\r\n\r\n{}",
         " 400 "},
        {"POST /v1/messages HTTP/1.1\r\nx-api-key: run-token-1\r\nContent-Length: 2\r\n\r\n{}",
         " 400 "},
        {"POST http://127.0.0.1/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\n"
         "x-api-key: run-token-1\r\nContent-Length: 2\r\n\r\n{}",
         " 400 "},
        {"POST /v1/organizations HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: run-token-1\r\n"
         "Content-Length: 2\r\n\r\n{}",
         " 404 "},
        {"GET /v1/messages/../../admin HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: run-token-1\r\n"
         "\r\n",
         " 404 "},
        {"DELETE /v1/models/x HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: run-token-1\r\n\r\n",
         " 404 "},
        {"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: run-token-1\r\n"
         "Content-Length: 99999999\r\n\r\n",
         " 413 "},
        {"POST //v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: run-token-1\r\n\r\n",
         " 404 "},
        {"POST /v1/%6dessages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: run-token-1\r\n\r\n",
         " 404 "},
        {"GET /v1/models/%2e%2e HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: run-token-1\r\n\r\n",
         " 404 "},
        {"GARBAGE\r\n\r\n", " 400 "}};
    gateway_case_t self = {0};
    gateway_case_begin (&self, "anthropic", s_answer_message);
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        own (own_mem) char *answer = gateway_case_talk (&self, rows [i].raw);
        if (!strstr (answer, rows [i].status))
            fail_msg ("%s got %s", rows [i].raw, answer);
    }
    own (own_mem) char *hello = gateway_case_talk (
        &self, "HEAD / HTTP/1.1\r\nHost: 127.0.0.1:8377\r\nConnection: close\r\n\r\n");
    assert_non_null (strstr (hello, "HTTP/1.1 200 OK\r\n"));
    assert_int_equal (upstream_count (&self.upstream), 0);
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.strangers, 2);
    assert_int_equal (report.calls, 0);
}

//  --- streams

#define START                                                                                      \
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":"              \
    "\"claude-opus-4-5\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n"
#define END                                                                                        \
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"          \
    "\"end_turn\"},\"usage\":{\"output_tokens\":30}}\n\n"                                          \
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

static bool
s_chunk (int fd, const char *text)
{
    char size [24];
    snprintf (size, sizeof size, "%zx\r\n", strlen (text));
    return upstream_text (fd, size) && upstream_text (fd, text) && upstream_text (fd, "\r\n");
}

static bool
s_begin_stream (int fd)
{
    return upstream_text (fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n");
}

//  The second half waits until the test has seen the first one.
static bool
s_stream_in_steps (upstream_request_t *request)
{
    if (!s_begin_stream (request->fd) || !s_chunk (request->fd, START))
        return false;
    pthread_mutex_lock (&s_step);
    pthread_mutex_unlock (&s_step);
    return s_chunk (request->fd, END) && upstream_text (request->fd, "0\r\n\r\n");
}

static void
test_stream_passes_at_once (void **state)
{
    gateway_case_t self = {0};
    gateway_case_begin (&self, "anthropic", s_stream_in_steps);
    pthread_mutex_lock (&s_step);
    const int fd = upstream_connect (gateway_port (self.run));
    upstream_text (fd, gateway_case_post_text ("/v1/messages", "", ASK));
    own (own_mem) char *first = upstream_read_to (fd, "\n\n");
    assert_non_null (strstr (first, "message_start"));
    pthread_mutex_unlock (&s_step);
    own (own_mem) char *rest = upstream_read_to (fd, "0\r\n\r\n");
    assert_non_null (strstr (rest, "message_stop"));
    //  the connection stays open for the next request
    upstream_text (fd, gateway_case_post_text ("/v1/messages", "", ASK));
    own (own_mem) char *again = upstream_read_to (fd, "0\r\n\r\n");
    assert_non_null (strstr (again, "message_stop"));
    close (fd);
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.calls, 2);
    assert_int_equal (report.input, 18);
    assert_int_equal (report.output, 60);
}

static void
test_pipelined (void **state)
{
    gateway_case_t self = {0};
    gateway_case_begin (&self, "anthropic", s_answer_message);
    const int fd = upstream_connect (gateway_port (self.run));
    char both [8192];
    snprintf (both, sizeof both, "%s", gateway_case_post_text ("/v1/messages", "", ASK));
    const size_t size = strlen (both);
    snprintf (both + size, sizeof both - size, "%s",
              gateway_case_post_text ("/v1/messages", "Connection: close\r\n", ASK));
    upstream_text (fd, both);
    own (own_mem) char *answers = upstream_read_to (fd, NULL);
    close (fd);
    const char *first = strstr (answers, MESSAGE);
    assert_true (first && strstr (first + 1, MESSAGE));
    assert_int_equal (gateway_case_end (&self).calls, 2);
}

static bool
s_cut_stream (upstream_request_t *request)
{
    s_begin_stream (request->fd);
    s_chunk (request->fd, START);
    return false;
}

static void
test_cut_stream (void **state)
{
    gateway_case_t self = {0};
    gateway_case_begin (&self, "anthropic", s_cut_stream);
    own (own_mem) char *answer = gateway_case_post (&self, "/v1/messages", "", ASK);
    assert_non_null (strstr (answer, "message_start"));
    assert_null (strstr (answer, "\r\n0\r\n\r\n")); //  the client sees that the end is missing
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.failure.class, RUN_CLASS_PROVIDER);
    assert_int_equal (report.failed_calls, 1);
    assert_int_equal (report.input, 9);
}

//  --- a provider without end

enum { S_HEAD_MOST = 16 * 1024 * 1024 };

static bool
s_endless_head (upstream_request_t *request)
{
    char line [4096];
    memset (line, 'x', sizeof line - 1);
    memcpy (line, "X: ", 3);
    memcpy (line + sizeof line - 3, "\r\n", 3);
    int64_t sent = 0;
    upstream_text (request->fd, "HTTP/1.1 200 OK\r\n");
    while (sent < S_HEAD_MOST && upstream_text (request->fd, line))
        sent += (int64_t) sizeof line;
    pthread_mutex_lock (&request->upstream->lock);
    request->upstream->sum = sent;
    pthread_mutex_unlock (&request->upstream->lock);
    return false;
}

static void
test_endless_head (void **state)
{
    gateway_case_t self = {0};
    gateway_case_begin (&self, "anthropic", s_endless_head);
    own (own_mem) char *answer = gateway_case_post (&self, "/v1/messages", "", ASK);
    assert_non_null (strstr (answer, "HTTP/1.1 502 "));
    const gateway_report_t report = gateway_case_end (&self);
    assert_int_equal (report.failure.class, RUN_CLASS_PROVIDER);
    assert_true (self.upstream.sum < S_HEAD_MOST);
}

//  --- a reader that does not read

enum { S_FLOOD_BYTES = 24 * 1024 * 1024 };

static bool
s_flood (upstream_request_t *request)
{
    static char data [64 * 1024];
    memset (data, 'x', sizeof data - 2);
    memcpy (data, "data: ", 6);
    data [sizeof data - 2] = data [sizeof data - 1] = '\n';
    upstream_text (request->fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
    for (int64_t sent = 0; sent < S_FLOOD_BYTES; sent += (int64_t) sizeof data) {
        if (!upstream_write (request->fd, data, sizeof data))
            return false;
        pthread_mutex_lock (&request->upstream->lock);
        request->upstream->sum = sent + (int64_t) sizeof data;
        pthread_mutex_unlock (&request->upstream->lock);
    }
    return false;
}

static int64_t
s_sum (upstream_t *upstream)
{
    pthread_mutex_lock (&upstream->lock);
    const int64_t sum = upstream->sum;
    pthread_mutex_unlock (&upstream->lock);
    return sum;
}

static void
test_slow_reader_stops_the_provider (void **state)
{
    gateway_case_t self = {0};
    gateway_case_begin (&self, "anthropic", s_flood);
    const int fd = upstream_connect (gateway_port (self.run));
    upstream_text (fd, gateway_case_post_text ("/v1/messages", "Connection: close\r\n", ASK));
    //  Until the provider can send no more: the sum stands still for a while.
    int64_t before = -1;
    for (int still = 0; still < 20; usleep (10000)) {
        const int64_t now = s_sum (&self.upstream);
        still = now == before && now > 0 ? still + 1 : 0;
        before = now;
    }
    assert_true (before < S_FLOOD_BYTES);
    //  Then all of it arrives.
    int64_t got = 0;
    char bytes [65536];
    for (ssize_t size; (size = recv (fd, bytes, sizeof bytes, 0)) > 0;)
        got += size;
    assert_true (got >= S_FLOOD_BYTES);
    close (fd);
    gateway_case_end (&self);
}

//  --- failures

static bool
s_overloaded_once (upstream_request_t *request)
{
    if (request->number > 2)
        return s_answer_message (request);
    if (request->number == 2)
        return upstream_reply (request->fd, "401 Unauthorized",
                               "Content-Type: application/json\r\n",
                               "{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\","
                               "\"message\":\"bad key " GATEWAY_CASE_KEY "\"}}");
    return upstream_reply (request->fd, "529 Overloaded",
                           "Content-Type: application/json\r\nRetry-After: 7\r\n",
                           "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                           "\"message\":\"Overloaded\"}}");
}

static void
test_failures (void **state)
{
    gateway_case_t self = {0};
    gateway_report_t report;
    gateway_case_begin (&self, "anthropic", s_overloaded_once);
    own (own_mem) char *busy = gateway_case_post (&self, "/v1/messages", "", ASK);
    assert_non_null (strstr (busy, "HTTP/1.1 529 "));
    assert_non_null (strstr (busy, "Retry-After: 7\r\n"));
    gateway_look (self.gateway, self.run, &report);
    assert_int_equal (report.failure.class, RUN_CLASS_OVERLOADED);
    assert_int_equal (report.failure.status, 529);
    assert_int_equal (report.failure.retry_ms, 7000);
    assert_string_equal (report.failure.sentence, "Overloaded");
    own (own_mem) char *wrong = gateway_case_post (&self, "/v1/messages", "", ASK);
    assert_non_null (strstr (wrong, "HTTP/1.1 401 "));
    assert_null (strstr (wrong, GATEWAY_CASE_KEY)); //  a provider that repeats the key
    gateway_look (self.gateway, self.run, &report);
    assert_int_equal (report.failure.class, RUN_CLASS_AUTH);
    assert_null (strstr (report.failure.sentence, GATEWAY_CASE_KEY));
    assert_false (report.ok_after_failure);
    own (own_mem) char *good = gateway_case_post (&self, "/v1/messages", "", ASK);
    assert_non_null (strstr (good, "HTTP/1.1 200 "));
    report = gateway_case_end (&self);
    assert_true (report.ok_after_failure);
    assert_int_equal (report.calls, 3);
    assert_int_equal (report.failed_calls, 2);
}

//  A failure within the stream is one too, and a stream that ends too early.
static bool
s_fail_in_stream (upstream_request_t *request)
{
    return s_begin_stream (request->fd) && s_chunk (request->fd, START)
           && (request->number > 1
               || s_chunk (request->fd, "data: {\"type\":\"error\",\"error\":{\"type\":"
                                        "\"overloaded_error\",\"message\":\"busy\"}}\n\n"))
           && upstream_text (request->fd, "0\r\n\r\n");
}

static void
test_failures_in_streams (void **state)
{
    gateway_case_t self = {0};
    gateway_report_t report;
    gateway_case_begin (&self, "anthropic", s_fail_in_stream);
    free (gateway_case_post (&self, "/v1/messages", "", ASK));
    gateway_look (self.gateway, self.run, &report);
    assert_int_equal (report.failure.class, RUN_CLASS_OVERLOADED);
    assert_int_equal (report.failed_calls, 1);
    free (gateway_case_post (&self, "/v1/messages", "", ASK));
    report = gateway_case_end (&self);
    assert_int_equal (report.failure.class, RUN_CLASS_PROVIDER);
    assert_int_equal (report.failed_calls, 2);
}

static void
test_no_provider (void **state)
{
    gateway_case_t self = {0};
    gateway_spec_t spec = gateway_case_start (&self, "anthropic", s_answer_message);
    const uint16_t port = self.upstream.port;
    upstream_stop (&self.upstream);
    (void) port; //  nobody listens there now
    gateway_case_open (&self, &spec);
    own (own_mem) char *answer = gateway_case_post (&self, "/v1/messages", "", ASK);
    assert_non_null (strstr (answer, "HTTP/1.1 502 "));
    assert_non_null (strstr (answer, "\"type\":\"error\""));
    gateway_report_t report;
    gateway_close (self.gateway, &self.run, &report);
    gateway_destroy (&self.gateway);
    assert_int_equal (report.failure.class, RUN_CLASS_PROVIDER);
    assert_int_equal (report.failure.status, 0);
    assert_int_equal (report.input, -1);
    assert_int_equal (report.cost_micro_usd, -1);
}

//  A run that ends in the middle of a stream knows what the stream has said until then.
static void
test_closed_in_flight (void **state)
{
    gateway_case_t self = {0};
    gateway_case_begin (&self, "anthropic", s_stream_in_steps);
    pthread_mutex_lock (&s_step);
    const int fd = upstream_connect (gateway_port (self.run));
    upstream_text (fd, gateway_case_post_text ("/v1/messages", "", ASK));
    free (upstream_read_to (fd, "\n\n"));
    gateway_report_t report;
    gateway_close (self.gateway, &self.run, &report);
    pthread_mutex_unlock (&s_step);
    assert_int_equal (report.calls, 1);
    assert_int_equal (report.input, 9);
    assert_int_equal (report.failure.class, RUN_CLASS_NONE); //  we have cut it
    close (fd);
    gateway_destroy (&self.gateway);
    upstream_stop (&self.upstream);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_call_gets_the_key),
        cmocka_unit_test (test_keys_of_providers),
        cmocka_unit_test (test_what_stays),
        cmocka_unit_test (test_bodies_of_a_run_are_bounded),
        cmocka_unit_test (test_reach),
        cmocka_unit_test (test_refused),
        cmocka_unit_test (test_stream_passes_at_once),
        cmocka_unit_test (test_pipelined),
        cmocka_unit_test (test_cut_stream),
        cmocka_unit_test (test_endless_head),
        cmocka_unit_test (test_slow_reader_stops_the_provider),
        cmocka_unit_test (test_failures),
        cmocka_unit_test (test_failures_in_streams),
        cmocka_unit_test (test_no_provider),
        cmocka_unit_test (test_closed_in_flight),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
