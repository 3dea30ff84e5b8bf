//  request - one HTTP request that waits for its answer, for command line tools.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdint.h>

enum { REQUEST_TOTAL_MS = 10000 }; //  the broker answers a command within 2 s, a page within 1 s

typedef struct {
    const char *method, *url;
    const char *token; //  sent as Authorization: Bearer; NULL or "" = none
    int64_t total_ms;  //  for all of it
} request_t;

//  Own: body is the caller's and gets the answer's bytes (its max is the limit).
//  Err: 0 with any status in *ret_status; else no answer: -ECONNREFUSED, -ETIMEDOUT,
//  ERR_LIMIT, -EINVAL and a diag.
int
request_run (const request_t *what, buf_t *body, int *ret_status, err_diag_t *diag) must_check;
//  Append text to url, percent-encoded as one path segment.  Err: that of the buffer.
int
request_escape (const char *text, buf_t *url);
