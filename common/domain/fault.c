//  fault - reads one fault event of any known shape into a plain value.
//  SPDX-License-Identifier: Apache-2.0

#include "common/domain/fault.h"

#include "common/base/clk.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "common/domain/fault_view.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    S_SHORT_HEX = 16,           //  digits of a digest at the end of a long name
    S_CONTEXT = LIMIT_KIB (64), //  bytes of the context that the summary is made of
};


//  --- text

//  Copy a name: whole, or cut and ended with a digest of the whole.
static void
s_name (fault_t *self, const char *text, char *ret_text, size_t ret_size)
{
    char hex [DIGEST_HEX];
    const size_t size = strlen (text);
    utf8_copy (ret_text, ret_size, text);
    if (size < ret_size)
        return;
    self->shortened = true;
    digest_hex (text, size, hex);
    const size_t kept = utf8_cut (text, size, ret_size - 2 - S_SHORT_HEX);
    snprintf (ret_text + kept, ret_size - kept, "~%.*s", S_SHORT_HEX, hex);
}

static void
s_field (fault_t *self, const fault_value_t *value, char *ret_text, size_t ret_size)
{
    own (own_mem) char *text = fault_view_text (value, SIZE_MAX);
    s_name (self, text ? text : "", ret_text, ret_size);
}

//  Digests the whole text, not the cut field: two long names must not become one condition.
static void
s_digest (digest_t *digest, const fault_value_t *value)
{
    own (own_mem) char *text = fault_view_text (value, SIZE_MAX);
    digest_field (digest, text ? text : "");
}

static bool
s_space (char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

//  In place: any run of white space becomes one blank; none remains at the ends.
static void
s_fold (char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++)
        if (!s_space (*from))
            *to++ = *from;
        else if (to > text && to [-1] != ' ')
            *to++ = ' ';
    to -= to > text && to [-1] == ' ';
    *to = 0;
}

//  Length of the longest prefix of at most max bytes that ends with a word.
static size_t
s_cut_word (const char *text, size_t size, size_t max)
{
    const size_t cut = utf8_cut (text, size, max);
    size_t at = cut;
    while (at < size && at > cut / 2 && text [at] != ' ')
        at--;
    return at > cut / 2 ? at : cut;
}

//  Start of the longest suffix of at most max bytes that begins with a word.
static size_t
s_last_words (const char *text, size_t size, size_t max)
{
    size_t at = size - max;
    while (at < size && ((unsigned char) text [at] & 0xc0) == 0x80)
        at++;
    for (size_t word = at; word < size - max / 2; word++)
        if (text [word - 1] == ' ')
            return word;
    return at;
}

//  Take the first sentence or line.  A container's termination message matters most at its end.  So
//  a text with a message is taken whole, and if it is too long its middle is left out.
static void
s_summary (char *text, char *ret_text, size_t ret_size)
{
    static const char gap [] = " ... ";
    const size_t max = ret_size - 1;
    text += strspn (text, " \t\r\n");
    const bool message = strstr (text, "message:") != NULL;
    if (!message) {
        text [strcspn (text, "\r\n")] = 0;
        for (char *at = text; *at; at++)
            if (at [0] == '.' && s_space (at [1]))
                at [1] = 0;
    }
    s_fold (text);
    const size_t size = strlen (text);
    size_t head = s_cut_word (text, size, size <= max || !message ? max : max / 2);
    memcpy (ret_text, text, head);
    ret_text [head] = 0;
    if (size > max && message) {
        const size_t tail = s_last_words (text, size, max - head - strlen (gap));
        snprintf (ret_text + head, ret_size - head, "%s%s", gap, text + tail);
    }
}


//  --- the parts

static enum fault_severity
s_severity (const fault_view_t *view)
{
    enum fault_severity severity = FAULT_WARNING; //  unknown severities are kept as worth a look
    own (own_mem) char *given = fault_view_text (view->severity, SIZE_MAX);
    own (own_mem) char *type = fault_view_text (view->event_type, SIZE_MAX);
    own (own_mem) char *status = fault_view_text (view->status, SIZE_MAX);
    if (status && strcasecmp (status, "resolved") == 0) //  an alert that is over
        return FAULT_INFO;
    if (given && fault_severity_parse (given, &severity) == 0)
        return severity;
    return given && !*given && type && strcasecmp (type, "Normal") == 0 ? FAULT_INFO
                                                                        : FAULT_WARNING;
}

static void
s_key (const fault_view_t *view, fault_t *self)
{
    own (digest_destroy) digest_t *digest = digest_new ();
    if (!digest)
        return; //  no memory: keyed by the bytes, which only costs a deduplication
    if (self->fault_id [0]) {
        digest_field (digest, "id");
        digest_field (digest, self->cluster);
        s_digest (digest, view->fault_id);
    }
    else {
        digest_field (digest, "object");
        digest_field (digest, self->cluster);
        digest_field (digest, self->fault_type);
        s_digest (digest, view->kind);
        s_digest (digest, view->namespace_);
        s_digest (digest, view->name);
        if (view->labels) //  an alert: its labels distinguish two of one name
            s_digest (digest, view->labels);
    }
    digest_finish_hex (digest, self->key);
}

static void
s_fill (const fault_view_t *view, fault_t *self)
{
    s_field (self, view->cluster, self->source_cluster, sizeof self->source_cluster);
    if (!self->cluster [0] && self->source_cluster [0])
        utf8_copy (self->cluster, sizeof self->cluster, self->source_cluster);
    s_field (self, view->fault_id, self->fault_id, sizeof self->fault_id);
    s_field (self, view->subscription_id, self->subscription_id, sizeof self->subscription_id);
    s_field (self, view->fault_type, self->fault_type, sizeof self->fault_type);
    self->severity = s_severity (view);
    s_field (self, view->api_version, self->api_version, sizeof self->api_version);
    s_field (self, view->kind, self->kind, sizeof self->kind);
    if (!self->kind [0] && view->fallback_kind)
        utf8_copy (self->kind, sizeof self->kind, view->fallback_kind);
    s_field (self, view->namespace_, self->namespace_, sizeof self->namespace_);
    s_field (self, view->name, self->name, sizeof self->name);
    s_field (self, view->uid, self->uid, sizeof self->uid);
    own (own_mem) char *timestamp = fault_view_text (view->timestamp, sizeof self->timestamp - 1);
    utf8_copy (self->timestamp, sizeof self->timestamp, timestamp ? timestamp : "");
    int64_t time_ms = 0;
    if (clk_parse (self->timestamp, &time_ms) == 0)
        self->time_ms = time_ms;
}

//  Nothing names it, so it cannot be distinguished from others of its kind.
static bool
s_nameless (const fault_t *self)
{
    return !self->fault_id [0] && !self->fault_type [0] && !self->kind [0] && !self->name [0]
           && !self->uid [0];
}

static void
s_unparsed (fault_t *self, err_diag_t *diag)
{
    utf8_copy (self->fault_type, sizeof self->fault_type, "Unparsed");
    s_summary (diag->text, self->summary, sizeof self->summary);
    self->severity = FAULT_WARNING;
}


//  --- the module

void
fault_read (const char *body, size_t size, const char *cluster, fault_t *ret_fault)
{
    assert (body && cluster && ret_fault);

    fault_t self = {.severity = FAULT_WARNING};
    s_name (&self, cluster, self.cluster, sizeof self.cluster);

    err_diag_t diag = {"names nothing: no faultId, no type, no object"};
    fault_view_t view;
    const int rc = fault_view_read (body, size, &view, &diag);
    if (rc == 0)
        s_fill (&view, &self);
    if (!self.cluster [0])
        utf8_copy (self.cluster, sizeof self.cluster, "default");
    self.parsed = rc == 0 && !s_nameless (&self);
    if (self.parsed) {
        own (own_mem) char *context = fault_view_text (view.context, S_CONTEXT);
        if (context)
            s_summary (context, self.summary, sizeof self.summary);
        if (!self.fault_type [0] && view.fallback_type)
            utf8_copy (self.fault_type, sizeof self.fault_type, view.fallback_type);
        s_key (&view, &self);
    }
    else
        s_unparsed (&self, &diag);
    if (!self.key [0])
        digest_hex (body, size, self.key);
    *ret_fault = self;
}

void
fault_unread (const char *body, size_t size, const char *cluster, const char *why,
              fault_t *ret_fault)
{
    assert (body && cluster && why && ret_fault);

    fault_t self = {.severity = FAULT_WARNING};
    err_diag_t diag;
    err_diag (&diag, "%s", why);
    s_name (&self, *cluster ? cluster : "default", self.cluster, sizeof self.cluster);
    s_unparsed (&self, &diag);
    digest_hex (body, size, self.key);
    *ret_fault = self;
}

void
fault_event_id (const char *source, const fault_t *fault, const char *body, size_t size,
                char ret_id [DIGEST_HEX])
{
    assert (source && fault && body);

    digest_hex (body, size, ret_id);
    own (digest_destroy) digest_t *digest = digest_new ();
    if (!digest)
        return;
    digest_field (digest, source);
    digest_field (digest, fault->fault_id);
    digest_field (digest, fault->timestamp);
    digest_add (digest, body, size);
    digest_finish_hex (digest, ret_id);
}

const char *
fault_severity_name (enum fault_severity severity)
{
    static const char *const names [FAULT_SEVERITIES] = {"info", "warning", "critical"};
    assert (severity < FAULT_SEVERITIES);
    return names [severity];
}

//  Our three levels, the five of common loggers, and syslog's eight, which MCP uses.
int
fault_severity_parse (const char *text, enum fault_severity *ret_severity)
{
    assert (text && ret_severity);

    static const struct {
        const char *name;
        enum fault_severity severity;
    } table [] = {
        {"none", FAULT_INFO},          {"debug", FAULT_INFO},        {"info", FAULT_INFO},
        {"notice", FAULT_INFO},        {"warn", FAULT_WARNING},      {"warning", FAULT_WARNING},
        {"error", FAULT_CRITICAL},     {"critical", FAULT_CRITICAL}, {"alert", FAULT_CRITICAL},
        {"emergency", FAULT_CRITICAL}, {"fatal", FAULT_CRITICAL},
    };
    for (size_t i = 0; i < sizeof table / sizeof table [0]; i++) {
        if (strcasecmp (text, table [i].name) == 0) {
            *ret_severity = table [i].severity;
            return 0;
        }
    }
    return ERR_PROTO;
}

char *
fault_context (const char *body, size_t size, size_t max)
{
    assert (body);

    fault_view_t view;
    if (fault_view_read (body, size, &view, NULL) < 0)
        return strdup ("");
    return fault_view_text (view.context, max);
}
