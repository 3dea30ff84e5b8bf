//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/call.h"

#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "worker/gateway/observe.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    S_URL_BYTES = 16 * 1024,
    S_LINES_BYTES = 2 * REQUEST_HEAD_BYTES, //  headers of a request
    S_HEAD_BYTES = 32 * 1024,               //  headers of an answer
    S_ERROR_BYTES = 64 * 1024               //  of an error's body; it is cut
};

struct call {
    call_args_t args;
    http_transfer_t *transfer; //  NULL once it has ended
    observe_t *observe;        //  NULL before the head
    buf_t body;                //  of the request
    buf_t error;               //  the body of an answer that is an error
    int status;                //  0 before the head
    int64_t retry_ms;
    bool old;     //  the client knows no chunks
    bool paused;  //  the transfer waits for the outlet
    bool settled; //  the tenant's figures have it
    bool ended;
};

//  --- what it cost

static void
s_add (int64_t *sum, int64_t count)
{
    if (count >= 0)
        *sum = (*sum < 0 ? 0 : *sum) + count;
}

//  The answer says which service was given; where it does not, it is the one asked for.
static int64_t
s_cost (const call_t *self, const observe_result_t *result)
{
    const char *provider = provider_name (self->args.key->provider);
    const int64_t asked = self->args.ask.bound.percent ? self->args.ask.bound.percent : 100;
    const int64_t percent = result->percent ? result->percent : asked;
    return price_cost (provider, result->model, &result->tokens) * percent / 100
           + price_searches (result->searches);
}

static void
s_count (call_t *self, const observe_result_t *result)
{
    gateway_report_t *report = &self->args.tenant->report;
    const char *provider = provider_name (self->args.key->provider);
    s_add (&report->input, result->tokens.input);
    s_add (&report->output, result->tokens.output);
    s_add (&report->cache_read, result->tokens.cache_read);
    s_add (&report->cache_write, result->tokens.cache_write);
    const bool used = result->tokens.input >= 0 || result->tokens.output >= 0;
    if (used && !price_known (provider, result->model))
        tenant_unpriced (self->args.tenant, result->model);
    else if (used && !self->args.tenant->unpriced)
        s_add (&report->cost_micro_usd, s_cost (self, result));
    if (result->model [0])
        utf8_copy (report->model, sizeof report->model, result->model);
    utf8_clean (report->model);
}

//  The budget's view: what is not known for sure counts as the dearest outcome.
static void
s_settle (call_t *self, const observe_result_t *result, bool sent)
{
    tenant_t *tenant = self->args.tenant;
    int64_t cost = tenant->budget.limit > 0 ? self->args.dearest : 0;
    if (!sent || self->status >= 300)
        cost = 0;
    else if (result->whole) {
        const price_tokens_t *tokens = &result->tokens;
        cost = s_cost (self, result);
        if (tenant->budget.limit > 0)
            known_learn (&tenant->known, &self->body, &self->args.ask,
                         tokens->input + tokens->cache_read + tokens->cache_write);
    }
    budget_settle (&tenant->budget, self->args.dearest, cost);
    tenant->house->due = true; //  other calls may fit now
}

//  reason: why there is no whole answer, NULL = there is one.  left: the client has gone.
static void
s_finish (call_t *self, const char *reason, bool left)
{
    tenant_t *tenant = self->args.tenant;
    observe_result_t result = {.tokens = {-1, -1, -1, -1, -1}};
    if (self->settled)
        return;
    self->settled = true;
    const bool sent = self->status > 0 || !self->transfer || http_sent (self->transfer);
    if (self->observe)
        observe_end (self->observe, reason != NULL, &result);
    if (self->args.kind == PROVIDER_FREE) {
        if (self->status == 401 || self->status == 403)
            tenant_failed (tenant, self->status, result.class, result.sentence, 0);
        return;
    }
    s_count (self, &result);
    s_settle (self, &result, sent);
    tenant->report.last_call_ms = clk_now (tenant->house->clock).wall_ms;
    if (self->status == 0 && !left) {
        snprintf (result.sentence, sizeof result.sentence, "the provider does not answer: %s",
                  reason ? reason : "");
        result.class = RUN_CLASS_PROVIDER;
    }
    if (left)
        return;
    tenant->report.failed_calls += result.class != RUN_CLASS_NONE && !result.answered;
    if (result.class == RUN_CLASS_NONE)
        tenant->report.ok_after_failure = tenant->report.failure.class != RUN_CLASS_NONE;
    else
        tenant_failed (tenant, self->status, result.class, result.sentence,
                       self->retry_ms ? self->retry_ms : result.retry_ms);
}

//  --- the answer

//  Is the name in the list?  A hyphen at the end of an entry: all that begin so.  Some servers take
//  an underscore for a hyphen.
static bool
s_is_in (const char *const *list, const char *name)
{
    for (; *list; list++) {
        size_t at = 0;
        while ((*list) [at]
               && (*list) [at] == (name [at] == '_' ? '-' : tolower ((unsigned char) name [at])))
            at++;
        if (!(*list) [at] && (!name [at] || (*list) [at - 1] == '-'))
            return true;
    }
    return false;
}

//  Headers of an answer that an agent gets.
static bool
s_passes (const char *name)
{
    static const char *const passing [] = {"content-type",   "content-encoding", "date",
                                           "retry-after",    "retry-after-ms",   "request-id",
                                           "x-request-id",   "anthropic-",       "openai-",
                                           "x-should-retry", "x-ratelimit-",     NULL};
    return s_is_in (passing, name);
}

static bool
s_on_header (void *arg, const char *name, const char *value)
{
    buf_t *head = arg;
    if (!s_passes (name) || strpbrk (value, "\r\n"))
        return true;
    return buf_printf (head, "%s: %s\r\n", name, value) == 0;
}

//  Write the head, but for how long the body is.
static void
s_write_head (call_t *self)
{
    buf_t head = buf_init (S_HEAD_BYTES);
    buf_printf (&head, "HTTP/1.1 %d %s\r\n", self->status, self->status < 300 ? "OK" : "Failed");
    http_header_each (self->transfer, s_on_header, &head);
    outlet_write (self->args.outlet, head.data, head.size);
    buf_fini (&head);
}

//  Send what was written.  What the client does not take at once its guest has to watch for.
static void
s_send (call_t *self)
{
    outlet_flush (self->args.outlet);
    if (outlet_left (self->args.outlet) > 0)
        self->args.tenant->house->due = true;
}

static bool
s_is_error (const call_t *self)
{
    return self->status >= 300;
}

static bool
s_has_body (const call_t *self)
{
    return self->status != 204 && self->status != 304
           && strcmp (request_method (self->args.request), "HEAD") != 0;
}

static void
s_on_head (void *arg, http_transfer_t *transfer, int status)
{
    call_t *self = arg;
    self->status = status;
    self->retry_ms = http_retry_after (transfer);
    self->observe = observe_new (self->args.kind, status, http_header (transfer, "content-type"));
    if (s_is_error (self))
        return; //  written when all of it is there
    s_write_head (self);
    if (!s_has_body (self))
        outlet_text (self->args.outlet, "Content-Length: 0\r\n\r\n");
    else
        outlet_text (self->args.outlet, self->old ? "Connection: close\r\n\r\n"
                                                  : "Transfer-Encoding: chunked\r\n\r\n");
    s_send (self);
}

static void
s_on_body (void *arg, http_transfer_t *transfer, const char *bytes, size_t size)
{
    call_t *self = arg;
    char line [24];
    if (self->observe)
        observe_feed (self->observe, bytes, size);
    if (s_is_error (self)) {
        const size_t room = S_ERROR_BYTES - self->error.size;
        (void) buf_append (&self->error, bytes, size < room ? size : room);
        return;
    }
    outlet_t *outlet = self->args.outlet;
    snprintf (line, sizeof line, "%zx\r\n", size);
    if (!self->old)
        outlet_text (outlet, line);
    outlet_write (outlet, bytes, size);
    if (!self->old)
        outlet_text (outlet, "\r\n");
    s_send (self);
    if (!self->paused && outlet_left (outlet) > OUTLET_HIGH) {
        self->paused = true;
        http_pause (transfer, true);
    }
}

//  Some providers repeat the key in an error.
static void
s_hide (buf_t *text, const char *key)
{
    const size_t size = strlen (key);
    for (char *at = text->data; size > 0 && text->size > 0; at += size) {
        at = memmem (at, text->size - (size_t) (at - text->data), key, size);
        if (!at)
            return;
        memset (at, '*', size);
    }
}

static void
s_write_error (call_t *self)
{
    char line [48];
    s_hide (&self->error, self->args.key->key);
    s_write_head (self);
    snprintf (line, sizeof line, "Content-Length: %zu\r\n\r\n", self->error.size);
    outlet_text (self->args.outlet, line);
    outlet_write (self->args.outlet, self->error.data, self->error.size);
}

//  The provider could not be reached.
static void
s_write_lost (call_t *self, int rc)
{
    char head [160], sentence [GATEWAY_TEXT];
    const int status = rc == -ETIMEDOUT ? 504 : 502;
    buf_t body = buf_init (S_ERROR_BYTES);
    snprintf (sentence, sizeof sentence, "%s", self->args.tenant->report.failure.sentence);
    provider_refusal (self->args.key->provider, status, sentence, &body);
    snprintf (head, sizeof head,
              "HTTP/1.1 %d Failed\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
              status, body.size);
    outlet_text (self->args.outlet, head);
    outlet_write (self->args.outlet, body.data, body.size);
    buf_fini (&body);
}

static void
s_on_done (void *arg, http_transfer_t *transfer, int rc, const char *reason)
{
    call_t *self = arg;
    s_finish (self, rc ? reason : NULL, false);
    bool whole = !self->old;
    if (self->status == 0)
        s_write_lost (self, rc);
    else if (s_is_error (self))
        s_write_error (self);
    else if (rc)
        whole = false; //  the client sees that the end is missing
    else if (s_has_body (self) && !self->old)
        outlet_text (self->args.outlet, "0\r\n\r\n");
    s_send (self);
    self->transfer = NULL;
    self->ended = true;
    self->args.ended (self->args.arg, whole);
}

//  --- the request

//  Headers that end here: of the connection, of the token, what only browsers and proxies have, and
//  what makes another call of it.
static bool
s_stays (const char *name, const char *connection)
{
    static const char *const staying [] = {"host",
                                           "content-length",
                                           "connection",
                                           "keep-alive",
                                           "te",
                                           "trailer",
                                           "transfer-encoding",
                                           "upgrade",
                                           "expect",
                                           "accept-encoding",
                                           "cookie",
                                           "authorization",
                                           "x-api-key",
                                           "x-goog-api-key",
                                           "api-key",
                                           "proxy-authorization",
                                           "forwarded",
                                           "via",
                                           "proxy-connection",
                                           "origin",
                                           "x-forwarded-",
                                           "x-real-ip",
                                           "x-http-method",
                                           "x-http-method-",
                                           "x-method-override",
                                           "x-goog-fieldmask",
                                           "x-goog-user-project",
                                           NULL};
    if (s_is_in (staying, name))
        return true;
    const size_t size = strlen (name);
    for (const char *at = connection; (at = strcasestr (at, name)) != NULL; at += size)
        if ((at == connection || strchr (", \t", at [-1]))
            && (!at [size] || strchr (", \t", at [size])))
            return true;
    return false;
}

//  The header lines, each with its NUL, in one text.  *ret_count: how many.
static int
s_lines (const call_args_t *args, buf_t *lines, size_t *ret_count)
{
    static const char identity [] = "Accept-Encoding: identity";
    const char *connection = request_header (args->request, "connection");
    size_t count = 0;
    for (const request_header_t *at = request_headers (args->request); at->name; at++) {
        if (s_stays (at->name, connection))
            continue;
        //  curl sends an empty header when it ends with a semicolon.
        buf_printf (lines, at->value [0] ? "%s: %s" : "%s%s;", at->name, at->value);
        buf_append (lines, "", 1);
        count++;
    }
    //  What is compressed cannot be observed.
    buf_append (lines, identity, sizeof identity);
    int rc = provider_key_header (args->key->provider, args->key->key, lines);
    rc = rc ? rc : buf_append (lines, "", 1);
    *ret_count = count + 2;
    return rc;
}

//  Parameters that a provider gets.  Others may be a key, or leave the usage out of the answer.
static bool
s_is_parameter (const char *text, size_t size)
{
    static const char *const names [] = {"alt",       "beta",           "limit",       "after_id",
                                         "before_id", "after",          "order",       "pageSize",
                                         "pageToken", "client_version", "api-version", NULL};
    const char *end = memchr (text, '=', size);
    const size_t length = end ? (size_t) (end - text) : size;
    for (const char *const *name = names; *name; name++)
        if (strlen (*name) == length && memcmp (*name, text, length) == 0)
            return true;
    return false;
}

static int
s_url (const call_args_t *args, buf_t *url)
{
    buf_printf (url, "%s%s", args->key->base_url, args->rest);
    const char *query = request_query (args->request);
    for (char sign = '?'; *query;) {
        const size_t size = strcspn (query, "&");
        if (s_is_parameter (query, size)) {
            buf_printf (url, "%c%.*s", sign, (int) size, query);
            sign = '&';
        }
        query += size + (query [size] == '&');
    }
    return url->failed;
}

static int
s_start (call_t *self)
{
    static const http_hooks_t hooks = {.head = s_on_head, .body = s_on_body, .done = s_on_done};
    const char *headers [REQUEST_HEADERS + 2];
    buf_t url = buf_init (S_URL_BYTES), lines = buf_init (S_LINES_BYTES);
    size_t count = 0;
    int rc = s_url (&self->args, &url);
    rc = rc ? rc : s_lines (&self->args, &lines, &count);
    const char *line = lines.data;
    for (size_t i = 0; rc == 0 && i < count; i++, line += strlen (line) + 1)
        headers [i] = line;
    const http_request_t request = {.method = request_method (self->args.request),
                                    .url = url.data,
                                    .headers = headers,
                                    .header_count = count,
                                    .body = self->body.size ? self->body.data : NULL,
                                    .body_size = self->body.size,
                                    .body_stays = true};
    rc = rc ? rc
            : http_start (self->args.tenant->house->http, &request, &hooks, self, &self->transfer);
    buf_fini (&url);
    buf_fini (&lines);
    return rc;
}

call_t *
call_new (const call_args_t *args)
{
    tenant_t *tenant = args->tenant;
    call_t *self = calloc (1, sizeof (call_t));
    int rc = -ENOMEM;
    if (self) {
        self->args = *args;
        self->old = request_old (args->request);
        self->error = buf_init (S_ERROR_BYTES);
        self->body = *request_body (args->request);
        *request_body (args->request) = buf_init (1);
        rc = s_start (self);
    }
    if (rc < 0) {
        log_error ("an agent's call cannot be sent", kv ("run", tenant->name),
                   kv ("error", err_str (rc)));
        budget_settle (&tenant->budget, args->dearest, 0);
        if (self)
            self->settled = true;
        call_destroy (&self);
        return NULL;
    }
    if (args->kind != PROVIDER_FREE) {
        const int64_t now_ms = clk_now (tenant->house->clock).wall_ms;
        tenant->report.calls++;
        tenant->report.last_call_ms = now_ms;
        if (tenant->report.first_call_ms == 0)
            tenant->report.first_call_ms = now_ms;
    }
    return self;
}

void
call_destroy (call_t **self_p)
{
    call_t *self = *self_p;
    if (!self)
        return;
    s_finish (self, "the agent left", true);
    http_cancel (self->args.tenant->house->http, &self->transfer);
    observe_destroy (&self->observe);
    buf_fini (&self->body);
    buf_fini (&self->error);
    free (self);
    *self_p = NULL;
}

void
call_resume (call_t *self)
{
    if (!self->paused || self->ended || outlet_left (self->args.outlet) > OUTLET_HIGH / 2)
        return;
    self->paused = false;
    http_pause (self->transfer, false);
}
