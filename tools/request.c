//  SPDX-License-Identifier: Apache-2.0
#include "tools/request.h"

#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/net/http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    buf_t *body;
    int status;
    int rc;
    bool done;
    err_diag_t *diag;
} answer_t;

static void
s_on_head (void *arg, http_transfer_t *transfer, int status)
{
    answer_t *self = arg;
    self->status = status;
}

static void
s_on_body (void *arg, http_transfer_t *transfer, const char *bytes, size_t size)
{
    answer_t *self = arg;
    buf_append (self->body, bytes, size);
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    answer_t *self = arg;
    self->done = true;
    self->rc = rc ? rc : self->body->failed;
    if (self->rc)
        err_diag (self->diag, "%s", rc ? reason : err_str (self->rc));
}

int
request_run (const request_t *what, buf_t *body, int *ret_status, err_diag_t *diag)
{
    const http_hooks_t hooks = {.head = s_on_head, .body = s_on_body, .done = s_on_done};
    const bool post = strcmp (what->method, "POST") == 0;
    const bool secret = what->token && *what->token;
    char bearer [LIMIT_KIB (1)] = "";
    snprintf (bearer, sizeof bearer, "Authorization: Bearer %s", secret ? what->token : "");
    const char *const headers [] = {"Content-Type: application/json", bearer};
    const http_request_t request = {
        .method = what->method,
        .url = what->url,
        .headers = headers,
        .header_count = !post    ? 0
                        : secret ? 2
                                 : 1,
        .body = post ? "" : NULL,
        .total_ms = what->total_ms,
        .response_max_bytes = body->max,
    };
    own (http_destroy) http_t *http = http_new ();
    answer_t answer = {.body = body, .diag = diag};
    http_transfer_t *transfer = NULL;
    int rc = http ? http_start (http, &request, &hooks, &answer, &transfer) : -ENOMEM;
    if (rc) {
        err_diag (diag, "%s: %s", what->url, err_str (rc));
        return rc;
    }
    //  The transfer's own limit ends it.  Each wait is short, so an overrun cannot hang us.
    while (!answer.done)
        http_poll (http, -1, 1000);
    log_debug ("request", kv ("method", what->method), kv ("url", what->url),
               kv ("status", answer.status), kv ("bytes", (int64_t) body->size),
               kv ("error", answer.rc ? diag->text : ""));
    if (answer.rc == 0)
        *ret_status = answer.status;
    return answer.rc;
}

int
request_escape (const char *text, buf_t *url)
{
    static const char plain [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *at = text; *at; at++) {
        if (strchr (plain, *at))
            buf_append (url, at, 1);
        else
            buf_printf (url, "%%%02X", (unsigned) (unsigned char) *at);
    }
    return url->failed;
}
