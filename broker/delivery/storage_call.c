//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage_call.h"

#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { S_CONNECT_MS = 5000, S_CREATED = 201 };

//  Judge the answer, or the failure rc, and end the call.
static void
s_end (storage_call_t *self, int rc, const char *reason)
{
    const int64_t us = clk_us () - self->began_us, ms = us / 1000;
    const azure_answer_t answer = {.rc = self->status ? 0 : rc,
                                   .reason = reason,
                                   .status = self->status,
                                   .code = self->code,
                                   .date = self->date,
                                   .retry_after_ms = self->retry_after_ms,
                                   .now_ms = clk_now (self->place->clk).wall_ms};
    azure_error_judge (&self->place->account, self->place->container, &answer, &self->error);
    if (self->error.class == AZURE_OK && rc < 0) { //  its body is not whole
        self->error.class = AZURE_RETRY;
        snprintf (self->error.text, sizeof self->error.text, "the answer broke off: %s", reason);
    }
    if (self->error.class == AZURE_OK && strcmp (self->method, "PUT") == 0
        && self->status != S_CREATED) { //  a proxy or another server, which keeps nothing
        self->error.class = AZURE_RETRY;
        snprintf (self->error.text, sizeof self->error.text,
                  "%d for a PUT: %.120s is no Blob service, or a proxy answers for it: is the "
                  "endpoint right?",
                  self->status, self->place->account.endpoint);
    }
    log_debug ("storage request", kv ("method", self->method),
               kv ("container", self->place->container), kv ("blob", self->blob),
               kv ("status", self->status), kv ("ms", ms), kv ("error", self->error.text));
    self->transfer = NULL;
    self->ended = true;
}

static void
s_on_head (void *arg, http_transfer_t *transfer, int status)
{
    storage_call_t *self = arg;
    self->status = status;
    self->retry_after_ms = http_retry_after (transfer);
    snprintf (self->code, sizeof self->code, "%s", http_header (transfer, "x-ms-error-code"));
    snprintf (self->date, sizeof self->date, "%s", http_header (transfer, "Date"));
    snprintf (self->md5, sizeof self->md5, "%s", http_header (transfer, "Content-MD5"));
    const char *size = http_header (transfer, "Content-Length");
    self->size = *size >= '0' && *size <= '9' ? strtoll (size, NULL, 10) : -1;
}

static void
s_on_body (void *arg, http_transfer_t *transfer, const char *bytes, size_t size)
{
    storage_call_t *self = arg;
    buf_append (&self->body, bytes, size); //  http ends a larger one
}

static bool
s_writes (const storage_call_t *self)
{
    return strcmp (self->method, "PUT") == 0 || strcmp (self->method, "DELETE") == 0;
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    storage_call_t *self = arg;
    if (s_writes (self) && self->status / 100 == 2)
        failpoint_after ("blob", "write");
    s_end (self, rc, reason);
}

static int
s_start (storage_call_t *self, const storage_call_what_t *what)
{
    static const http_hooks_t hooks = {.head = s_on_head, .body = s_on_body, .done = s_on_done};
    const azure_request_t request = {.method = what->method,
                                     .container = self->place->container,
                                     .blob = what->blob,
                                     .query = what->query,
                                     .query_count = what->query_count,
                                     .headers = what->headers,
                                     .header_count = what->header_count,
                                     .body_size = what->body_size,
                                     .now_ms = clk_now (self->place->clk).wall_ms};
    own (azure_sign_fini) azure_signed_t ready = {.header_count = 0};
    int rc = what->link ? 0 : azure_sign_request (&self->place->account, &request, &ready);
    if (rc == 0 && s_writes (self))
        rc = failpoint_before ("blob", "write");
    if (rc < 0)
        return rc;
    const http_request_t sent = {.method = what->method,
                                 .url = what->link ? what->link : ready.url.data,
                                 .headers = ready.headers,
                                 .header_count = ready.header_count,
                                 .body = what->body,
                                 .body_size = what->body_size,
                                 .body_stays = true,
                                 .connect_ms = S_CONNECT_MS,
                                 .total_ms = what->total_ms,
                                 .response_max_bytes = what->answer_max};
    return http_start (self->place->http, &sent, &hooks, self, &self->transfer);
}

void
storage_call_begin (storage_call_t *self, const storage_call_place_t *place,
                    const storage_call_what_t *what)
{
    assert (!self->transfer && what->answer_max > 0);
    self->place = place;
    self->ended = false;
    self->method = what->method;
    self->began_us = clk_us ();
    self->status = 0;
    self->retry_after_ms = 0;
    self->code [0] = self->date [0] = self->md5 [0] = 0;
    self->size = -1;
    snprintf (self->blob, sizeof self->blob, "%s", what->blob);
    buf_fini (&self->body);
    self->body = buf_init (what->answer_max);
    const int rc = s_start (self, what);
    if (rc == 0)
        return;
    const bool never = rc == -EINVAL || rc == ERR_LIMIT;
    self->error = (azure_error_t){.class = never ? AZURE_PERMANENT : AZURE_RETRY};
    snprintf (self->error.text, sizeof self->error.text, "%s: %s", what->blob, err_str (rc));
    self->ended = true;
}

bool
storage_call_ended (storage_call_t *self)
{
    const bool ended = self->ended;
    self->ended = false;
    return ended;
}

void
storage_call_fini (storage_call_t *self)
{
    if (self->place)
        http_cancel (self->place->http, &self->transfer);
    buf_fini (&self->body);
    self->ended = false;
}

void
storage_call_result (const storage_call_t *self, storage_file_t *ret_file)
{
    const azure_error_t *error = &self->error;
    ret_file->result = error->class == AZURE_OK          ? STEP_EFFECT_OK
                       : error->class == AZURE_PERMANENT ? STEP_EFFECT_PERMANENT
                                                         : STEP_EFFECT_RETRY;
    ret_file->unreached = error->class == AZURE_AUTH || error->class == AZURE_NO_CONTAINER
                          || error->class == AZURE_RETRY;
    ret_file->retry_after_ms = error->retry_after_ms;
    snprintf (ret_file->error, sizeof ret_file->error, "%s", error->text);
}
