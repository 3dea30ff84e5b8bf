//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/worker/gateway/gateway_case.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

gateway_spec_t
gateway_case_start (gateway_case_t *self, const char *provider, upstream_fn *script)
{
    static char url [128];
    upstream_start (&self->upstream, script, self);
    snprintf (url, sizeof url, "%s%s", upstream_url (&self->upstream),
              strcmp (provider, "openai") == 0 ? "/v1" : "");
    return (gateway_spec_t){
        .name = "incident.1",
        .token = GATEWAY_CASE_TOKEN,
        .keys = {{.provider = provider, .base_url = url, .key = GATEWAY_CASE_KEY}},
        .key_count = 1};
}

void
gateway_case_open (gateway_case_t *self, const gateway_spec_t *spec)
{
    err_diag_t diag = {{0}};
    self->gateway = gateway_new ();
    assert (self->gateway);
    const int rc = gateway_open (self->gateway, spec, &self->run, &diag);
    if (rc)
        fprintf (stderr, "gateway_open: %d %s\n", rc, diag.text);
    assert (rc == 0);
}

void
gateway_case_begin (gateway_case_t *self, const char *provider, upstream_fn *script)
{
    const gateway_spec_t spec = gateway_case_start (self, provider, script);
    gateway_case_open (self, &spec);
}

gateway_report_t
gateway_case_end (gateway_case_t *self)
{
    gateway_report_t report = {0};
    gateway_close (self->gateway, &self->run, &report);
    gateway_destroy (&self->gateway);
    upstream_stop (&self->upstream);
    return report;
}

const char *
gateway_case_post_text (const char *path, const char *headers, const char *body)
{
    static _Thread_local char raw [16 * 1024];
    snprintf (raw, sizeof raw,
              "POST %s HTTP/1.1\r\nHost: 127.0.0.1:1\r\nx-api-key: " GATEWAY_CASE_TOKEN
              "\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n%s",
              path, headers, strlen (body), body);
    return raw;
}

char *
gateway_case_talk (const gateway_case_t *self, const char *raw)
{
    return upstream_talk (gateway_port (self->run), raw);
}

char *
gateway_case_post (const gateway_case_t *self, const char *path, const char *headers,
                   const char *body)
{
    char more [1024];
    snprintf (more, sizeof more, "%sConnection: close\r\n", headers);
    return gateway_case_talk (self, gateway_case_post_text (path, more, body));
}

gateway_report_t
gateway_case_wait (gateway_case_t *self, int64_t calls)
{
    gateway_report_t report = {0};
    for (int i = 0; i < 2000; i++) {
        gateway_look (self->gateway, self->run, &report);
        if (report.calls >= calls)
            return report;
        usleep (5000);
    }
    fprintf (stderr, "calls are missing\n");
    abort ();
}
