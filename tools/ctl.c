//  ctl - shared by triagectl's commands.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl.h"

#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/request.h"
#include "tools/term.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool
ctl_json (const ctl_t *self)
{
    return self->settings->output == 1;
}

bool
ctl_color (const ctl_t *self)
{
    return term_color (stdout, (term_color_t) self->settings->color);
}

int
ctl_fail (int code, const char *format, ...)
{
    own (buf_fini) buf_t safe = buf_init (LIMIT_KIB (64));
    char text [2048];
    va_list args;
    va_start (args, format);
    vsnprintf (text, sizeof (text), format, args);
    va_end (args);
    term_escape (text, strlen (text), &safe);
    fflush (stdout);
    fprintf (stderr, "triagectl: %s\n", safe.data);
    return code;
}

//  --- requests

//  The exit code for an error of the broker.
static int
s_exit_code (int status)
{
    switch (status) {
        case 400: return CTL_USAGE;
        case 404: return CTL_NOT_FOUND;
        default: return CTL_FAILED;
    }
}

static int
s_strange (const ctl_t *self, int status, err_diag_t *diag)
{
    err_diag (diag, "%.150s answers, but not as a broker does (status %d)", self->settings->url,
              status);
    return CTL_UNREACHED;
}

//  The token for commands, trimmed.  If there is none at the default place, the broker's answer
//  says where it is.
static int
s_token (const ctl_t *self, buf_t *token, err_diag_t *diag)
{
    const char *path = self->settings->token_file;
    const int rc = buf_read_file (token, path);
    if (rc < 0 && !conf_given (self->conf, "token_file"))
        return CTL_OK;
    if (rc < 0) {
        err_diag (diag, "--token-file %.150s: %s", path, err_str (rc));
        return CTL_USAGE;
    }
    const size_t from = strspn (token->data, " \t\r\n");
    token->size = from + strcspn (token->data + from, " \t\r\n");
    token->data [token->size] = 0;
    buf_consume (token, from);
    return CTL_OK;
}

int
ctl_fetch (const ctl_t *self, const char *method, const char *path, buf_t *body, err_diag_t *diag)
{
    const char *base = self->settings->url;
    own (buf_fini) buf_t url = buf_init (LIMIT_KIB (8));
    own (json_drop) json_t *doc = NULL;
    int status = 0;
    size_t size = strlen (base);
    buf_printf (&url, "%.*s%s", (int) (size && base [size - 1] == '/' ? size - 1 : size), base,
                path);
    if (url.failed) {
        err_diag (diag, "%.60s...: the URL is too long", base);
        return CTL_USAGE;
    }
    own (buf_fini) buf_t token = buf_init (LIMIT_KIB (1));
    if (strcmp (method, "POST") == 0) {
        int code = s_token (self, &token, diag);
        if (code)
            return code;
    }
    const request_t what = {
        .method = method, .url = url.data, .token = token.data, .total_ms = self->patience_ms};
    err_diag_t why = {.text = ""};
    if (request_run (&what, body, &status, &why)) {
        err_diag (diag, "no broker reached at %.100s (--url): %.100s", base, why.text);
        return CTL_UNREACHED;
    }
    if (status == 200)
        return CTL_OK;
    if (json_parse (body->data, body->size, &doc, NULL)
        || !json_is_object (json_object_get (doc, "error")))
        return s_strange (self, status, diag);
    err_diag (diag, "%s",
              json_member_text (json_object_get (doc, "error"), "message", "the broker refused"));
    return s_exit_code (status);
}

int
ctl_ask (const ctl_t *self, const char *method, const char *path, json_t **ret_doc,
         err_diag_t *diag)
{
    own (buf_fini) buf_t body = buf_init (LIMIT_HTTP_RESPONSE_BYTES);
    own (json_drop) json_t *doc = NULL;
    int code = ctl_fetch (self, method, path, &body, diag);
    if (code)
        return code;
    if (json_parse (body.data, body.size, &doc, NULL) || !json_is_object (doc))
        return s_strange (self, 200, diag);
    *ret_doc = own_take (doc);
    return CTL_OK;
}

int
ctl_get (const ctl_t *self, const char *path, json_t **ret_doc)
{
    err_diag_t diag = {.text = ""};
    int code = ctl_ask (self, "GET", path, ret_doc, &diag);
    return code ? ctl_fail (code, "%s", diag.text) : CTL_OK;
}

int64_t
ctl_limit (const ctl_t *self)
{
    return ctl_json (self) && !conf_given (self->conf, "limit") ? LIMIT_CTL_ROWS
                                                                : self->settings->limit;
}

void
ctl_tell_rest (const ctl_t *self, const char *key, int64_t shown, int64_t all)
{
    if (all == shown)
        return;
    fflush (stdout);
    if (all < 0)
        fprintf (stderr, "triagectl: %" PRId64 " of more than %d %s are shown (--limit)\n", shown,
                 LIMIT_CTL_COUNTED, key);
    else
        fprintf (stderr, "triagectl: %" PRId64 " of %" PRId64 " %s are shown (--limit)\n", shown,
                 all, key);
}

int
ctl_pages (const ctl_t *self, const char *path, const char *key, int64_t limit, json_t *list)
{
    int64_t before = 0;
    do {
        own (buf_fini) buf_t page = buf_init (LIMIT_KIB (4));
        own (json_drop) json_t *doc = NULL;
        int64_t left = limit - (int64_t) json_array_size (list);
        buf_printf (&page, "%s%climit=%" PRId64, path, strchr (path, '?') ? '&' : '?',
                    left < LIMIT_HTTP_PAGE_ROWS ? left : LIMIT_HTTP_PAGE_ROWS);
        if (before > 0)
            buf_printf (&page, "&before=%" PRId64, before);
        int code = ctl_get (self, page.data, &doc);
        if (code)
            return code;
        const json_t *rows = json_object_get (doc, key);
        int64_t next = json_member_int (doc, "next", 0);
        if (!json_is_array (rows) || (next > 0 && json_array_size (rows) == 0))
            return ctl_fail (CTL_UNREACHED, "%s: no list of %s in the answer", self->settings->url,
                             key);
        if (json_array_extend (list, json_object_get (doc, key)))
            return ctl_fail (CTL_FAILED, "out of memory");
        before = next;
    } while (before > 0 && (int64_t) json_array_size (list) < limit);
    return CTL_OK;
}

//  --- answers

static int
s_print (const json_t *doc, size_t flags)
{
    own (own_mem) char *text = json_dumps (doc, flags | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    if (!text)
        return ctl_fail (CTL_FAILED, "out of memory");
    puts (text);
    return CTL_OK;
}

int
ctl_print (const json_t *doc)
{
    return s_print (doc, JSON_INDENT (2));
}

int
ctl_print_line (const json_t *doc)
{
    return s_print (doc, JSON_COMPACT);
}

void
ctl_age (const json_t *time, buf_t *out)
{
    static const struct {
        int64_t least_s, unit_s;
        char name;
    } units [] = {{2 * 86400, 86400, 'd'}, {2 * 3600, 3600, 'h'}, {120, 60, 'm'}, {0, 1, 's'}};
    int64_t time_ms = 0;
    own (clk_destroy) clk_t *clk = clk_new ();
    if (!clk || !json_is_string (time) || clk_parse (json_string_value (time), &time_ms))
        return;
    int64_t age_s = (clk_now (clk).wall_ms - time_ms) / 1000;
    if (age_s < 0) //  the clocks of the two hosts differ
        age_s = 0;
    size_t i = 0;
    while (age_s < units [i].least_s)
        i++;
    buf_printf (out, "%" PRId64 "%c", age_s / units [i].unit_s, units [i].name);
}

const char *
ctl_state_color (const char *state)
{
    //  An older broker says "resolved" for "reported".
    static const struct {
        const char *state, *color;
    } colors [] = {
        {"pending", "yellow"},      {"investigating", "cyan"}, {"reported", "green"},
        {"resolved", "green"},      {"agent_failed", "red"},   {"failed", "red"},
        {"suppressed", "darkgray"}, {"cancelled", "darkgray"}, {"ready", "green"},
        {"quarantined", "red"},     {"held", "red"},           {"draining", "yellow"},
        {"silent", "red"},          {"dead", "red"},           {"active", "green"},
        {"done", "green"},          {"unsupported", "red"},    {"wedged", "red"},
        {"waiting", "yellow"},      {"connecting", "yellow"},
    };
    for (size_t i = 0; i < sizeof (colors) / sizeof (colors [0]); i++)
        if (strcmp (state, colors [i].state) == 0)
            return colors [i].color;
    return NULL;
}
