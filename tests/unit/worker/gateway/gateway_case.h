//  gateway_case - a gateway with one run in front of a scripted provider.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/unit/worker/gateway/upstream.h"
#include "worker/gateway/gateway.h"

#define GATEWAY_CASE_TOKEN "run-token-1"
//  What a client makes of HTTPS_PROXY=http://run:run-token-1@127.0.0.1:PORT.
#define GATEWAY_CASE_PROXY "Proxy-Authorization: Basic cnVuOnJ1bi10b2tlbi0x\r\n"
#define GATEWAY_CASE_KEY "sk-ant-real-key-0123456789"

typedef struct {
    gateway_t *gateway;
    upstream_t upstream;
    gateway_run_t *run;
} gateway_case_t;

//  Start the provider.  The spec is of a run that may use it.
gateway_spec_t
gateway_case_start (gateway_case_t *self, const char *provider, upstream_fn *script);
//  Open the run.
void
gateway_case_open (gateway_case_t *self, const gateway_spec_t *spec);
//  Both.
void
gateway_case_begin (gateway_case_t *self, const char *provider, upstream_fn *script);
//  End all; what was seen.
gateway_report_t
gateway_case_end (gateway_case_t *self);
//  The text of a POST with the token; headers: further ones.  Own: static.
const char *
gateway_case_post_text (const char *path, const char *headers, const char *body);
//  Send it, read until the connection closes.  Own: fresh, free().
char *
gateway_case_post (const gateway_case_t *self, const char *path, const char *headers,
                   const char *body);
//  Send any text, read until the connection closes.  Own: fresh, free().
char *
gateway_case_talk (const gateway_case_t *self, const char *raw);
//  Wait until so many calls have ended.
gateway_report_t
gateway_case_wait (gateway_case_t *self, int64_t calls);
