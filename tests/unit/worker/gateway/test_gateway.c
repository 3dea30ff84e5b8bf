//  Tests of worker/gateway: calls, budget, proxy, hand-over; against a scripted provider.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/base/own.h"
#include "tests/unit/worker/gateway/upstream.h"
#include "worker/gateway/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN "run-token-1"
#define KEY "sk-ant-real-key-0123456789"

typedef struct {
    gateway_t *gateway;
    upstream_t upstream;
    gateway_run_t *run;
} case_t;

static gateway_spec_t
s_spec (const case_t *self, const char *provider)
{
    static char url [128];
    snprintf (url, sizeof url, "%s%s", upstream_url (&self->upstream),
              strcmp (provider, "openai") == 0 ? "/v1" : "");
    return (gateway_spec_t){.name = "incident.1",
                            .token = TOKEN,
                            .keys = {{.provider = provider, .base_url = url, .key = KEY}},
                            .key_count = 1};
}

static void
s_open_spec (case_t *self, const gateway_spec_t *spec)
{
    err_diag_t diag = {{0}};
    self->gateway = gateway_new ();
    assert_non_null (self->gateway);
    const int rc = gateway_open (self->gateway, spec, &self->run, &diag);
    if (rc)
        fail_msg ("gateway_open: %d %s", rc, diag.text);
}

static void
s_open (case_t *self, const char *provider, upstream_fn *script)
{
    upstream_start (&self->upstream, script, self);
    const gateway_spec_t spec = s_spec (self, provider);
    s_open_spec (self, &spec);
}

static gateway_report_t
s_close (case_t *self)
{
    gateway_report_t report = {0};
    gateway_close (self->gateway, &self->run, &report);
    gateway_destroy (&self->gateway);
    upstream_stop (&self->upstream);
    return report;
}

static char *
s_post (const case_t *self, const char *path, const char *headers, const char *body)
{
    char raw [4096];
    snprintf (raw, sizeof raw,
              "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nx-api-key: " TOKEN
              "\r\nContent-Type: application/json\r\n%sConnection: close\r\n"
              "Content-Length: %zu\r\n\r\n%s",
              path, gateway_port (self->run), headers, strlen (body), body);
    return upstream_talk (gateway_port (self->run), raw);
}

#define MESSAGE                                                                                    \
    "{\"type\":\"message\",\"model\":\"claude-sonnet-4-5\",\"stop_reason\":\"end_turn\","          \
    "\"usage\":"                                                                                   \
    "{\"input_tokens\":100,\"output_tokens\":20,\"cache_read_input_tokens\":5,"                    \
    "\"cache_creation_input_tokens\":7}}"

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
    case_t self = {0};
    s_open (&self, "anthropic", s_answer_message);
    own (own_mem) char *answer =
        s_post (&self, "/v1/messages?beta=true", "Cookie: c=d\r\nanthropic-version: 2023-06-01\r\n",
                "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":10}");
    assert_non_null (strstr (answer, "HTTP/1.1 200 "));
    assert_non_null (strstr (answer, "request-id: r1\r\n"));
    assert_null (strstr (answer, "Cookie"));
    assert_null (strstr (answer, "Server"));
    assert_non_null (strstr (answer, MESSAGE));
    const char *head = self.upstream.last_head;
    assert_non_null (strstr (head, "POST /v1/messages?beta=true HTTP/1.1\r\n"));
    assert_non_null (strstr (head, "x-api-key: " KEY "\r\n"));
    assert_non_null (strstr (head, "anthropic-version: 2023-06-01\r\n"));
    assert_null (strstr (head, TOKEN));
    assert_null (strstr (head, "Cookie"));
    const gateway_report_t report = s_close (&self);
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

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_call_gets_the_key),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
