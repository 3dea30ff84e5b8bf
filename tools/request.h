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
    int64_t total_ms;  //  limit for the whole request
} request_t;

//  Own: the caller's body receives the answer, at most its max.
//  Err: 0 with any status in *ret_status; otherwise there is no answer: -ECONNREFUSED, -ETIMEDOUT,
//  ERR_LIMIT, -EINVAL and a diag.
int
request_run (const request_t *what, buf_t *body, int *ret_status, err_diag_t *diag) must_check;
//  Append text to url, percent-encoded as one path segment.  Err: the buffer's.
int
request_escape (const char *text, buf_t *url);
