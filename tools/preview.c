//  preview - triage-preview: a webhook receiver that prints what Slack would show.
//
//  For trying alerts without a Slack workspace: set slack_webhook_url to it.  It answers like
//  Slack: 200 ok, or 400 with the reason for a message that Slack would refuse.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/process.h"
#include "common/base/ready.h"
#include "common/base/utf8.h"
#include "common/conf/conf.h"
#include "common/net/httpd.h"
#include "tools/slack_view.h"
#include "tools/term.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

extern char **environ;

enum { WAIT_MS = 1000, CONNECTIONS = 16, PATH_BYTES = 200 };

typedef struct {
    conf_common_t common;
    const char *listen;
    int color;
} settings_t;

static const conf_option_t s_rows [] = {
    CONF_COMMON_ROWS (settings_t, common),
    {.key = "listen",
     .type = CONF_TEXT,
     .offset = offsetof (settings_t, listen),
     .env = "TRIAGE_LISTEN",
     .fallback = "127.0.0.1:5590",
     .flags = CONF_LISTEN,
     .help = "Address to take webhook posts on; loopback only, port 0 is a free one."},
    TERM_COLOR_ROW (settings_t, color),
    {.key = NULL},
};

static const conf_spec_t s_spec = {
    .program = "triage-preview",
    .summary = "Take Slack webhook posts and print what Slack would show.",
    .examples = "triage-preview\n"
                "SLACK_WEBHOOK_URL=http://127.0.0.1:5590/ triage-broker\n",
    .rows = s_rows,
    .settings_size = sizeof (settings_t),
};

static void
s_reply (httpd_request_t *request, unsigned status, const char *text)
{
    char *body = strdup (text);
    httpd_reply (request, status, &body, strlen (text), NULL);
}

//  Several receivers may post to one preview, each to a path of its own.
static void
s_path (const httpd_request_t *request, buf_t *out)
{
    const char *path = httpd_path (request);
    if (strcmp (path, "/") == 0)
        return;
    buf_text (out, "to ");
    term_escape (path, utf8_cut (path, strlen (path), PATH_BYTES), out);
    buf_text (out, "\n");
}

//  Print the message.  Returns Slack's answer, "ok" when it was accepted.
static const char *
s_show (const httpd_request_t *request, bool color)
{
    size_t size = 0;
    const char *body = httpd_body (request, &size);
    own (json_drop) json_t *message = NULL;
    if (json_parse (body, size, &message, NULL) < 0)
        return "invalid_payload";
    own (buf_fini) buf_t text = buf_init (LIMIT_MIB (4));
    s_path (request, &text);
    const char *refusal = slack_view (message, color, &text);
    if (!refusal) {
        printf ("%s\n", text.data);
        fflush (stdout);
    }
    return refusal ? refusal : "ok";
}

static void
s_on_request (void *arg, httpd_request_t *request)
{
    const bool *color = arg;
    if (strcmp (httpd_method (request), "POST") != 0) {
        s_reply (request, 405, "post a message");
        return;
    }
    const char *answer = httpd_too_large (request) ? "too_large" : s_show (request, *color);
    const bool taken = strcmp (answer, "ok") == 0;
    if (!taken)
        log_warn ("message refused", kv ("reason", answer));
    s_reply (request, taken ? 200 : 400, answer);
}

static int
s_serve (const settings_t *settings, int signal_fd)
{
    bool color = term_color (stdout, (term_color_t) settings->color);
    const httpd_args_t args = {.option = "listen",
                               .address = settings->listen,
                               .only_local = "authentication, which a preview has none of",
                               .connections = CONNECTIONS,
                               .idle_s = LIMIT_HTTP_IDLE_S,
                               .body_bytes = LIMIT_HTTP_BODY_BYTES,
                               .body_kept = true,
                               .hooks = {.request = s_on_request},
                               .arg = &color};
    err_diag_t diag = {""};
    own (httpd_destroy) httpd_t *httpd = NULL;
    int rc = httpd_new (&args, &httpd, &diag);
    if (rc < 0) {
        log_error ("cannot listen", kv ("reason", (const char *) diag.text));
        return rc == ERR_CONFIG ? EXIT_CONFIG : EXIT_RUNTIME;
    }
    char url [200], line [256];
    snprintf (url, sizeof url, "http://%s/", httpd_address (httpd));
    snprintf (line, sizeof line, "webhook=%s\n", url);
    rc = ready_write (settings->common.ready_file, line);
    if (rc < 0) {
        log_error ("ready file not written", kv ("error", err_str (rc)));
        return EXIT_RUNTIME;
    }
    log_info ("listening for webhooks", kv ("webhook", (const char *) url));
    while (true) {
        struct pollfd fds [] = {{.fd = httpd_fd (httpd), .events = POLLIN},
                                {.fd = signal_fd, .events = POLLIN}};
        poll (fds, 2, (int) httpd_wait_ms (httpd, WAIT_MS));
        if (fds [1].revents)
            return 0;
        httpd_run (httpd);
    }
}

int
main (int argc, char **argv)
{
    own (own_fd) int signal_fd = process_signals (false);
    own (conf_destroy) conf_t *conf = NULL;
    const int rc = conf_load (&s_spec, argc, argv, environ, &conf);
    if (rc != 0)
        return rc > 0 ? 0 : rc == -EINVAL ? EXIT_USAGE : EXIT_CONFIG;
    const settings_t *settings = conf_settings (conf);
    log_set_level ((enum log_level) settings->common.log_level);
    log_set_format ((enum log_format) settings->common.log_format);
    return s_serve (settings, signal_fd);
}
