//  SPDX-License-Identifier: Apache-2.0
#include "publisher/serve.h"

#include "common/base/ident.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/net/httpd.h"
#include "publisher/mcp_server.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

enum { WAIT_MS = 1000 };

struct serve {
    serve_args_t args;
    httpd_t *httpd;
    mcp_server_t *server;
    int64_t stop_ms; //  deadline after a signal, 0 before one
    bool stop_now;
};

//  --- requests

static void
s_reply (httpd_request_t *request, mcp_server_answer_t *answer)
{
    httpd_header_t headers [6] = {{"Cache-Control", "no-cache, no-transform"},
                                  {"X-Content-Type-Options", "nosniff"}};
    size_t count = 2;
    if (answer->type)
        headers [count++] = (httpd_header_t){"Content-Type", answer->type};
    if (answer->allow)
        headers [count++] = (httpd_header_t){"Allow", answer->allow};
    if (*answer->session)
        headers [count++] = (httpd_header_t){"Mcp-Session-Id", answer->session};
    if (answer->stream) {
        httpd_set_tag (request, answer->stream);
        mcp_server_set_tag (answer->stream, request);
        httpd_stream (request, headers, LIMIT_SERVE_STALL_S);
    }
    else {
        httpd_reply (request, answer->status, &answer->body, answer->size, headers);
    }
}

static bool
s_on_query (void *arg, const char *name, const char *value)
{
    mcp_server_request_t *request = arg;
    if (strcmp (name, "sessionid") == 0)
        request->query_session = value;
    return true;
}

static void
s_on_request (void *arg, httpd_request_t *http)
{
    serve_t *self = arg;
    mcp_server_request_t request = {.method = httpd_method (http),
                                    .path = httpd_path (http),
                                    .origin = httpd_header (http, "Origin"),
                                    .accept = httpd_header (http, "Accept"),
                                    .content_type = httpd_header (http, "Content-Type"),
                                    .session = httpd_header (http, "Mcp-Session-Id"),
                                    .version = httpd_header (http, "MCP-Protocol-Version"),
                                    .last_event_id = httpd_header (http, "Last-Event-ID"),
                                    .query_session = "",
                                    .host_plain = httpd_host_plain (http),
                                    .too_large = httpd_too_large (http)};
    httpd_query_each (http, s_on_query, &request);
    request.body = httpd_body (http, &request.body_size);
    mcp_server_answer_t answer;
    mcp_server_ask (self->server, &request, clk_now (self->args.clk), &answer);
    log_debug ("request", kv ("method", request.method), kv ("path", request.path),
               kv ("status", answer.status));
    if (answer.status) //  otherwise it is never answered
        s_reply (http, &answer);
}

static void
s_on_gone (void *arg, httpd_request_t *http)
{
    serve_t *self = arg;
    mcp_server_stream_t *stream = httpd_tag (http);
    if (stream)
        mcp_server_gone (self->server, &stream, clk_now (self->args.clk));
}

static int64_t
s_on_pull (void *arg, httpd_request_t *http, char *bytes, size_t max)
{
    int64_t count = mcp_server_read (httpd_tag (http), bytes, max);
    return count < 0 ? HTTPD_END : count;
}

//  --- opening

//  Each name in `denied` must be a cluster's.
static int
s_check_denied (const serve_args_t *args, err_diag_t *diag)
{
    const recording_cluster_t *clusters = NULL;
    size_t count = recording_clusters (args->recording, &clusters);
    for (const char *at = args->settings->denied; *at; at += strcspn (at, ",")) {
        at += strspn (at, ", ");
        size_t size = strcspn (at, ", ");
        bool found = size == 0;
        for (size_t cluster = 0; cluster < count && !found; cluster++) {
            found =
                strncmp (clusters [cluster].name, at, size) == 0 && !clusters [cluster].name [size];
        }
        if (!found) {
            err_diag (diag, "denied: %.*s is none of the recorded clusters", (int) size, at);
            return ERR_CONFIG;
        }
    }
    return 0;
}

static httpd_args_t
s_listen_args (const settings_t *settings, serve_t *arg)
{
    return (httpd_args_t){.option = "serve",
                          .address = settings->serve,
                          .connections = LIMIT_SERVE_CONNECTIONS,
                          .idle_s = LIMIT_HTTP_IDLE_S,
                          .body_bytes = LIMIT_HTTP_BODY_BYTES,
                          .body_kept = true,
                          .hooks = {s_on_request, s_on_gone, s_on_pull},
                          .arg = arg};
}

int
serve_check (const settings_t *settings, err_diag_t *diag)
{
    const httpd_args_t args = s_listen_args (settings, NULL);
    return httpd_check (&args, diag);
}

static int
s_bind (serve_t *self, err_diag_t *diag)
{
    const httpd_args_t args = s_listen_args (self->args.settings, self);
    return httpd_new (&args, &self->httpd, diag);
}

static void
s_announce (const serve_t *self)
{
    const recording_cluster_t *clusters = NULL;
    size_t count = recording_clusters (self->args.recording, &clusters);
    const char *address = httpd_address (self->httpd);
    for (size_t at = 0; at < count; at++) {
        char url [RECORDING_NAME + 192];
        snprintf (url, sizeof (url), "http://%s/mcp/%s", address, clusters [at].name);
        log_info ("serving a recorded cluster", kv ("cluster", (const char *) clusters [at].name),
                  kv ("faults", (uint64_t) clusters [at].tape->count),
                  kv ("url", (const char *) url));
    }
    if (!httpd_local (self->httpd)) {
        log_warn ("anybody who reaches this address can read the recorded faults",
                  kv ("address", address));
    }
}

int
serve_open (const serve_args_t *args, serve_t **ret_serve, err_diag_t *diag)
{
    own (serve_destroy) serve_t *self = calloc (1, sizeof (serve_t));
    if (!self)
        return -ENOMEM;
    self->args = *args;
    int rc = s_check_denied (args, diag);
    if (rc == 0)
        rc = s_bind (self, diag);
    if (rc != 0)
        return rc;
    const settings_t *settings = args->settings;
    mcp_server_settings_t server = {
        .recording = args->recording,
        .pace = {.rate = settings->rate, .speed = settings->speed, .repeat = settings->repeat},
        .faithful = settings->faithful,
        .distinct = settings->distinct,
        .denied = settings->denied,
        .local = httpd_local (self->httpd),
        .random64 = ident_random64};
    self->server = mcp_server_new (&server);
    if (!self->server)
        return -ENOMEM;
    s_announce (self);
    *ret_serve = own_take (self);
    return 0;
}

void
serve_destroy (serve_t **self_p)
{
    serve_t *self = *self_p;
    if (!self)
        return;
    httpd_destroy (&self->httpd); //  closes its streams, which tells the server
    mcp_server_destroy (&self->server);
    free (self);
    *self_p = NULL;
}

const char *
serve_address (const serve_t *self)
{
    return httpd_address (self->httpd);
}

//  --- the loop

static void
s_signal (serve_t *self)
{
    struct signalfd_siginfo info;
    if (read (self->args.signal_fd, &info, sizeof (info)) != (ssize_t) sizeof (info))
        return;
    self->stop_now = self->stop_ms != 0;
    if (self->stop_now)
        return;
    int64_t linger_ms = self->args.settings->shutdown_timeout_ms;
    if (!self->args.settings->faithful) {
        mcp_server_stop (self->server);
    }
    else if (linger_ms > LIMIT_SERVE_LINGER_MS) {
        linger_ms = LIMIT_SERVE_LINGER_MS;
    }
    self->stop_ms = clk_now (self->args.clk).boot_ms + linger_ms;
    httpd_quiesce (self->httpd);
    log_info ("stopping", kv ("streams", (uint64_t) mcp_server_streams (self->server)));
}

static bool
s_stopped (const serve_t *self, int64_t now_ms)
{
    return self->stop_now
           || (self->stop_ms
               && (now_ms >= self->stop_ms || mcp_server_streams (self->server) == 0));
}

static int
s_wait_ms (const serve_t *self, int64_t now_ms)
{
    int64_t wake_ms = mcp_server_wake (self->server);
    int64_t wait_ms = wake_ms - now_ms < WAIT_MS ? wake_ms - now_ms : WAIT_MS;
    return (int) httpd_wait_ms (self->httpd, wait_ms > 0 ? wait_ms : 0);
}

int
serve_run (serve_t *self)
{
    struct pollfd fds [] = {{.fd = httpd_fd (self->httpd), .events = POLLIN},
                            {.fd = self->args.signal_fd, .events = POLLIN}};
    while (true) {
        httpd_run (self->httpd);
        clk_now_t now = clk_now (self->args.clk);
        if (s_stopped (self, now.boot_ms))
            break;
        mcp_server_on_time (self->server, now);
        for (mcp_server_stream_t *stream = mcp_server_ready (self->server); stream;
             stream = mcp_server_ready (self->server))
            httpd_wake (mcp_server_tag (stream));
        if (poll (fds, 2, s_wait_ms (self, now.boot_ms)) < 0)
            continue; //  EINTR
        if (fds [1].revents)
            s_signal (self);
    }
    log_info ("stopped", kv ("streams_cut", (uint64_t) mcp_server_streams (self->server)));
    return 0;
}
