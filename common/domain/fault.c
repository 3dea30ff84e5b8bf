//  fault - reading one fault event of any known shape into a plain value.
//  SPDX-License-Identifier: Apache-2.0

#include "common/domain/fault.h"

#include "common/base/clk.h"
#include "common/base/json.h"
#include "common/base/own.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { S_SHORT_HEX = 16 }; //  of a digest, at the end of a name that is too long

//  Where the parts of a fault are in its JSON, whatever the shape; any of them may be NULL.
typedef struct {
    const json_t *cluster, *fault_id, *subscription_id, *fault_type, *severity;
    const json_t *api_version, *kind, *namespace_, *name, *uid;
    const json_t *timestamp, *context;
    const json_t *reason;      //  events mode: part of the key
    const json_t *event_type;  //  Normal, Warning: stands in for a missing severity
    const char *fallback_type; //  fault type when the event names none
} s_view_t;


//  --- text

//  Length of text when it may have at most max bytes, never inside a UTF-8 sequence.
static size_t
s_cut (const char *text, size_t size, size_t max)
{
    if (size <= max)
        return size;
    size_t cut = max;
    while (cut > 0 && ((unsigned char) text [cut] & 0xC0) == 0x80)
        cut--;
    return cut;
}

static void
s_copy (char *ret_text, size_t ret_size, const char *text)
{
    size_t size = s_cut (text, strlen (text), ret_size - 1);
    memcpy (ret_text, text, size);
    ret_text [size] = 0;
}

//  Text of any JSON value: strings as they are, null and missing as "", the rest as JSON.
//  Own: borrowed from value, or from *ret_fresh which the caller frees.
static const char *
s_text (const json_t *value, char **ret_fresh)
{
    if (!value || json_is_null (value))
        return "";
    if (json_is_string (value))
        return json_string_value (value);
    if (json_is_boolean (value))
        return json_is_true (value) ? "true" : "false";

    char number [40];
    if (json_is_integer (value))
        snprintf (number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value (value));
    if (json_is_real (value))
        snprintf (number, sizeof number, "%.17g", json_real_value (value));
    *ret_fresh = json_is_number (value) ? strdup (number) : json_line (value);
    return *ret_fresh ? *ret_fresh : "";
}

//  A text that names something: whole, or with a digest of the whole for its end.
static void
s_name (fault_t *self, const char *text, char *ret_text, size_t ret_size)
{
    char hex [DIGEST_HEX];
    const size_t size = strlen (text);
    s_copy (ret_text, ret_size, text);
    if (size < ret_size)
        return;
    self->shortened = true;
    digest_hex (text, size, hex);
    const size_t kept = s_cut (text, size, ret_size - 2 - S_SHORT_HEX);
    snprintf (ret_text + kept, ret_size - kept, "~%.*s", S_SHORT_HEX, hex);
}

static void
s_field (fault_t *self, const json_t *value, char *ret_text, size_t ret_size)
{
    own (own_mem) char *fresh = NULL;
    s_name (self, s_text (value, &fresh), ret_text, ret_size);
}

//  The whole text, not the cut field: two long names must not become one condition.
static void
s_digest (digest_t *digest, const json_t *value)
{
    own (own_mem) char *fresh = NULL;
    digest_field (digest, s_text (value, &fresh));
}

//  Up to the first full stop before white space, or the first line end.
static void
s_first_sentence (const char *text, char *ret_text, size_t ret_size)
{
    while (*text == ' ' || *text == '\t' || *text == '\n' || *text == '\r')
        text++;
    size_t size = strcspn (text, "\r\n");
    for (size_t at = 0; at + 1 < size; at++) {
        if (text [at] == '.' && (text [at + 1] == ' ' || text [at + 1] == '\t')) {
            size = at + 1;
            break;
        }
    }
    size = s_cut (text, size, ret_size - 1);
    memcpy (ret_text, text, size);
    ret_text [size] = 0;
}


//  --- shapes

static const json_t *
s_first (const json_t *a, const json_t *b)
{
    return a && !json_is_null (a) ? a : b;
}

//  Find the parts.  Nested: the event is a Kubernetes Event; with logs beside it, it is a fault of
//  an older server, named by the event's reason.
static s_view_t
s_view (const json_t *doc)
{
    const json_t *event = json_object_get (doc, "event");
    const json_t *object =
        s_first (json_object_get (doc, "resource"), json_object_get (event, "involvedObject"));
    s_view_t view = {
        .cluster = json_object_get (doc, "cluster"),
        .fault_id = json_object_get (doc, "faultId"),
        .subscription_id = json_object_get (doc, "subscriptionId"),
        .fault_type = json_object_get (doc, "faultType"),
        .severity =
            s_first (json_object_get (doc, "severity"), json_object_get (event, "severity")),
        .api_version = json_object_get (object, "apiVersion"),
        .kind = json_object_get (object, "kind"),
        .namespace_ =
            s_first (json_object_get (object, "namespace"), json_object_get (event, "namespace")),
        .name = json_object_get (object, "name"),
        .uid = json_object_get (object, "uid"),
        .timestamp =
            s_first (json_object_get (doc, "timestamp"), json_object_get (event, "timestamp")),
        .context = s_first (json_object_get (doc, "context"), json_object_get (event, "message")),
        .fallback_type = "",
    };
    if (json_is_object (event)) {
        view.event_type = json_object_get (event, "type");
        if (json_object_get (doc, "logs"))
            view.fault_type = s_first (view.fault_type, json_object_get (event, "reason"));
        else
            view.reason = json_object_get (event, "reason");
        view.fallback_type = "Event";
    }
    return view;
}

static enum fault_severity
s_severity (const s_view_t *view)
{
    enum fault_severity severity = FAULT_WARNING; //  unknown is kept, and worth a look
    own (own_mem) char *fresh = NULL;
    if (fault_severity_parse (s_text (view->severity, &fresh), &severity) == 0)
        return severity;

    own (own_mem) char *fresh_type = NULL;
    if (!s_first (view->severity, NULL)
        && strcasecmp (s_text (view->event_type, &fresh_type), "Normal") == 0)
        return FAULT_INFO;
    return FAULT_WARNING;
}

static void
s_key (const s_view_t *view, fault_t *self)
{
    own (digest_destroy) digest_t *digest = digest_new ();
    if (!digest)
        return; //  no memory: the bytes are the key, which only costs a deduplication
    own (own_mem) char *fresh = NULL;
    if (*s_text (view->fault_id, &fresh)) {
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
        if (view->reason)
            s_digest (digest, view->reason);
    }
    digest_finish_hex (digest, self->key);
}

static void
s_fill (const json_t *doc, fault_t *self)
{
    s_view_t view = s_view (doc);
    s_field (self, view.cluster, self->source_cluster, sizeof self->source_cluster);
    if (!self->cluster [0])
        s_copy (self->cluster, sizeof self->cluster,
                self->source_cluster [0] ? self->source_cluster : "default");
    s_field (self, view.fault_id, self->fault_id, sizeof self->fault_id);
    s_field (self, view.subscription_id, self->subscription_id, sizeof self->subscription_id);
    s_field (self, view.fault_type, self->fault_type, sizeof self->fault_type);
    if (!self->fault_type [0])
        s_copy (self->fault_type, sizeof self->fault_type, view.fallback_type);
    self->severity = s_severity (&view);
    s_field (self, view.api_version, self->api_version, sizeof self->api_version);
    s_field (self, view.kind, self->kind, sizeof self->kind);
    s_field (self, view.namespace_, self->namespace_, sizeof self->namespace_);
    s_field (self, view.name, self->name, sizeof self->name);
    s_field (self, view.uid, self->uid, sizeof self->uid);
    own (own_mem) char *fresh_time = NULL;
    s_copy (self->timestamp, sizeof self->timestamp, s_text (view.timestamp, &fresh_time));
    int64_t time_ms = 0;
    if (clk_parse (self->timestamp, &time_ms) == 0)
        self->time_ms = time_ms;

    own (own_mem) char *fresh = NULL;
    s_first_sentence (s_text (view.context, &fresh), self->summary, sizeof self->summary);
    s_key (&view, self);
    self->parsed = true;
}


//  --- the module

void
fault_read (const char *body, size_t size, const char *cluster, fault_t *ret_fault)
{
    assert (body && cluster && ret_fault);

    fault_t self = {.severity = FAULT_WARNING};
    s_name (&self, cluster, self.cluster, sizeof self.cluster);

    err_diag_t diag = {"not a JSON object"};
    own (json_drop) json_t *doc = NULL;
    if (json_parse (body, size, &doc, &diag) == 0 && json_is_object (doc)) {
        s_fill (doc, &self);
    }
    else {
        if (!self.cluster [0])
            s_copy (self.cluster, sizeof self.cluster, "default");
        s_copy (self.fault_type, sizeof self.fault_type, "Unparsed");
        s_first_sentence (diag.text, self.summary, sizeof self.summary);
    }
    if (!self.key [0])
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

//  Our three, the five of common loggers, and the eight of syslog that MCP uses.
int
fault_severity_parse (const char *text, enum fault_severity *ret_severity)
{
    assert (text && ret_severity);

    static const struct {
        const char *name;
        enum fault_severity severity;
    } table [] = {
        {"debug", FAULT_INFO},        {"info", FAULT_INFO},       {"notice", FAULT_INFO},
        {"warn", FAULT_WARNING},      {"warning", FAULT_WARNING}, {"error", FAULT_CRITICAL},
        {"critical", FAULT_CRITICAL}, {"alert", FAULT_CRITICAL},  {"emergency", FAULT_CRITICAL},
        {"fatal", FAULT_CRITICAL},
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

    own (json_drop) json_t *doc = NULL;
    if (json_parse (body, size, &doc, NULL) != 0 || !json_is_object (doc))
        return strdup ("");
    s_view_t view = s_view (doc);
    own (own_mem) char *fresh = NULL;
    const char *text = s_text (view.context, &fresh);
    return strndup (text, s_cut (text, strlen (text), max));
}
