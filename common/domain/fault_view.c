//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/fault_view.h"

#include "common/base/own.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

//  The object that a fault or an event is about.
enum { O_SELF, O_API_VERSION, O_KIND, O_NAMESPACE, O_NAME, O_UID, O_COUNT };
//  A Kubernetes Event, v1 or events.k8s.io/v1, bare or wrapped by an event server.
enum {
    E_SELF,
    E_NAMESPACE,
    E_TYPE,
    E_REASON,
    E_MESSAGE,
    E_NOTE,
    E_SEVERITY,
    E_TIMESTAMP,
    E_LAST,
    E_TIME,
    E_FIRST,
    E_SERIES,
    E_SERIES_LAST,
    E_METADATA,
    E_METADATA_NAMESPACE,
    E_METADATA_CREATED,
    E_OBJECT,
    E_COUNT = E_OBJECT + O_COUNT
};

//  The values kept.  The outermost object is also read as an Event, for bare ones.
enum {
    V_TOP,
    V_EVENT = V_TOP + E_COUNT,
    V_RESOURCE = V_EVENT + E_COUNT,
    V_CLUSTER = V_RESOURCE + O_COUNT,
    V_FAULT_ID,
    V_SUBSCRIPTION_ID,
    V_FAULT_TYPE,
    V_CONTEXT,
    V_FINGERPRINT, //  values of alerts start here
    V_GROUP_KEY,
    V_STARTS_AT,
    V_STATUS,
    V_LABELS,
    V_ANNOTATIONS,
    V_ALERTNAME,
    V_ALERT_SEVERITY,
    V_ALERT_CLUSTER,
    V_ALERT_NAMESPACE,
    V_DESCRIPTION,
    V_ALERT_MESSAGE,
    V_ALERT_SUMMARY,
    V_ALERT_OBJECT, //  the first label that names an object
    V_COUNT
};
_Static_assert((int) V_COUNT <= (int) FAULT_VIEW_VALUES, "room for each");

typedef struct {
    unsigned char in, at; //  the value it is a member of; the value it becomes
    const char *key;
    const char *kind; //  for a label that names an object: the object's kind
} s_row_t;

#define OBJECT_ROWS(base)                                                                          \
    {base, base + O_API_VERSION, "apiVersion", NULL}, {base, base + O_KIND, "kind", NULL},         \
        {base, base + O_NAMESPACE, "namespace", NULL}, {base, base + O_NAME, "name", NULL},        \
    {                                                                                              \
        base, base + O_UID, "uid", NULL                                                            \
    }
#define EVENT_ROWS(base)                                                                           \
    {base, base + E_TYPE, "type", NULL}, {base, base + E_REASON, "reason", NULL},                  \
        {base, base + E_NAMESPACE, "namespace", NULL}, {base, base + E_MESSAGE, "message", NULL},  \
        {base, base + E_NOTE, "note", NULL}, {base, base + E_SEVERITY, "severity", NULL},          \
        {base, base + E_TIMESTAMP, "timestamp", NULL},                                             \
        {base, base + E_LAST, "lastTimestamp", NULL},                                              \
        {base, base + E_LAST, "deprecatedLastTimestamp", NULL},                                    \
        {base, base + E_TIME, "eventTime", NULL}, {base, base + E_FIRST, "firstTimestamp", NULL},  \
        {base, base + E_FIRST, "deprecatedFirstTimestamp", NULL},                                  \
        {base, base + E_SERIES, "series", NULL},                                                   \
        {base + E_SERIES, base + E_SERIES_LAST, "lastObservedTime", NULL},                         \
        {base, base + E_METADATA, "metadata", NULL},                                               \
        {base + E_METADATA, base + E_METADATA_NAMESPACE, "namespace", NULL},                       \
        {base + E_METADATA, base + E_METADATA_CREATED, "creationTimestamp", NULL},                 \
        {base, base + E_OBJECT, "involvedObject", NULL},                                           \
        {base, base + E_OBJECT, "regarding", NULL}, OBJECT_ROWS (base + E_OBJECT)

static const s_row_t s_rows [] = {
    {V_TOP, V_CLUSTER, "cluster", NULL},
    {V_TOP, V_FAULT_ID, "faultId", NULL},
    {V_TOP, V_SUBSCRIPTION_ID, "subscriptionId", NULL},
    {V_TOP, V_FAULT_TYPE, "faultType", NULL},
    {V_TOP, V_CONTEXT, "context", NULL},
    {V_TOP, V_RESOURCE, "resource", NULL},
    OBJECT_ROWS (V_RESOURCE),
    {V_TOP, V_EVENT, "event", NULL},
    {V_TOP, V_EVENT, "object", NULL}, //  kubectl get events --watch --output-watch-events
    EVENT_ROWS (V_EVENT),
    EVENT_ROWS (V_TOP),
    {V_TOP, V_FINGERPRINT, "fingerprint", NULL},
    {V_TOP, V_GROUP_KEY, "groupKey", NULL},
    {V_TOP, V_STARTS_AT, "startsAt", NULL},
    {V_TOP, V_STATUS, "status", NULL},
    {V_TOP, V_LABELS, "labels", NULL},
    {V_TOP, V_LABELS, "commonLabels", NULL}, //  Alertmanager's webhook sends a group of alerts
    {V_TOP, V_ANNOTATIONS, "annotations", NULL},
    {V_TOP, V_ANNOTATIONS, "commonAnnotations", NULL},
    {V_ANNOTATIONS, V_DESCRIPTION, "description", NULL},
    {V_ANNOTATIONS, V_ALERT_MESSAGE, "message", NULL},
    {V_ANNOTATIONS, V_ALERT_SUMMARY, "summary", NULL},
    {V_LABELS, V_ALERTNAME, "alertname", NULL},
    {V_LABELS, V_ALERT_SEVERITY, "severity", NULL},
    {V_LABELS, V_ALERT_CLUSTER, "cluster", NULL},
    {V_LABELS, V_ALERT_NAMESPACE, "namespace", NULL},
    {V_LABELS, V_ALERT_OBJECT, "pod", "Pod"},
    {V_LABELS, V_ALERT_OBJECT, "statefulset", "StatefulSet"},
    {V_LABELS, V_ALERT_OBJECT, "deployment", "Deployment"},
    {V_LABELS, V_ALERT_OBJECT, "daemonset", "DaemonSet"},
    {V_LABELS, V_ALERT_OBJECT, "cronjob", "CronJob"},
    {V_LABELS, V_ALERT_OBJECT, "job_name", "Job"},
    {V_LABELS, V_ALERT_OBJECT, "persistentvolumeclaim", "PersistentVolumeClaim"},
    {V_LABELS, V_ALERT_OBJECT, "horizontalpodautoscaler", "HorizontalPodAutoscaler"},
    {V_LABELS, V_ALERT_OBJECT, "node", "Node"},
    {V_LABELS, V_ALERT_OBJECT, "service", "Service"},
    {V_LABELS, V_ALERT_OBJECT, "instance", "Instance"},
};

enum {
    S_ROWS = sizeof s_rows / sizeof s_rows [0],
    S_KEY_BYTES = 32,  //  more than the longest key of a row
    S_KEY_WRITTEN = 12 //  most bytes that one character of a key may take: two \uXXXX
};

//  --- the pass

typedef struct {
    fault_view_t *view;
    bool given [S_ROWS];
    int row;        //  row of the last key, -1 = unknown
    int object_row; //  row that named an alert's object, S_ROWS = none
    //  Per depth: the object whose keys are at this depth, -1 = unknown.
    int in [LIMIT_JSON_DEPTH + 1];
    int open [LIMIT_JSON_DEPTH + 1]; //  per depth: the value opened there, -1 = none
} s_pass_t;

//  Decode a key once for all rows; a key that no row can have becomes empty.
static void
s_plain (const json_scan_token_t *key, char ret_text [S_KEY_BYTES])
{
    ret_text [0] = '\0';
    if (key->size >= (size_t) S_KEY_BYTES * S_KEY_WRITTEN)
        return;
    size_t at = 0, size = key->size;
    if (memchr (key->data, '\\', size))
        size = json_scan_decode (key, &at, ret_text, S_KEY_BYTES - 1);
    else if (size < S_KEY_BYTES)
        memcpy (ret_text, key->data, at = size);
    ret_text [at == key->size ? size : 0] = '\0';
}

//  Set the row of a key inside a value, -1 = none.  Err: ERR_PROTO: duplicate.
static int
s_find (s_pass_t *self, int in, const json_scan_token_t *key, err_diag_t *diag)
{
    char text [S_KEY_BYTES] = "";
    self->row = -1;
    if (in >= 0)
        s_plain (key, text);
    for (int i = 0; text [0] && i < S_ROWS; i++) {
        if (s_rows [i].in != in || s_rows [i].key [0] != text [0]
            || strcmp (s_rows [i].key, text) != 0)
            continue;
        if (self->given [i]) {
            err_diag (diag, "the key %s is given twice", s_rows [i].key);
            return ERR_PROTO;
        }
        self->given [i] = true;
        self->row = i;
        break;
    }
    return 0;
}

static bool
s_filled (const fault_value_t *value)
{
    return value->data && value->type != JSON_SCAN_NULL
           && !(value->type == JSON_SCAN_TEXT && value->size == 0);
}

//  The value that starts with this token, -1 when it has no row or another name has set it already.
static int
s_keep (s_pass_t *self, const json_scan_token_t *token)
{
    if (self->row < 0)
        return -1;
    const s_row_t *row = &s_rows [self->row];
    fault_value_t *value = &self->view->values [row->at];
    const bool better = row->kind && self->row < self->object_row;
    if (s_filled (value) && !better)
        return -1;
    *value = (fault_value_t){token->type, token->data, token->size};
    if (row->kind && s_filled (value)) {
        self->object_row = self->row;
        self->view->fallback_kind = row->kind;
    }
    return row->at;
}

static int
s_token (s_pass_t *self, const json_scan_token_t *token, err_diag_t *diag)
{
    const size_t depth = token->depth;
    if (token->type == JSON_SCAN_KEY)
        return s_find (self, self->in [depth], token, diag);
    if (token->type == JSON_SCAN_OBJECT_END || token->type == JSON_SCAN_ARRAY_END) {
        fault_value_t *value =
            self->open [depth] < 0 ? NULL : &self->view->values [self->open [depth]];
        if (value)
            value->size = (size_t) (token->data + 1 - value->data);
        return 0;
    }
    const int at = depth == 0 ? V_TOP : s_keep (self, token);
    self->row = -1;
    if (depth == 0)
        self->view->values [V_TOP] = (fault_value_t){token->type, token->data, token->size};
    self->open [depth] = at;
    if (token->type
        == JSON_SCAN_OBJECT) //  only these have keys; in the deepest place nothing is opened
        self->in [depth + 1] = at;
    return 0;
}

//  --- the shapes

static const fault_value_t *
s_value (const fault_view_t *self, int at)
{
    return s_filled (&self->values [at]) ? &self->values [at] : NULL;
}

//  The first value that is present; the list ends with -1.
static const fault_value_t *
s_first (const fault_view_t *self, const int *list)
{
    const fault_value_t *value = NULL;
    for (; !value && *list >= 0; list++)
        value = s_value (self, *list);
    return value;
}

#define FIRST(...) s_first (self, (const int []){__VA_ARGS__, -1})
#define BOTH(part) V_EVENT + (part), V_TOP + (part)

static void
s_choose_object (fault_view_t *self)
{
    const int base = s_value (self, V_RESOURCE)           ? V_RESOURCE
                     : s_value (self, V_EVENT + E_OBJECT) ? V_EVENT + E_OBJECT
                                                          : V_TOP + E_OBJECT;
    self->api_version = s_value (self, base + O_API_VERSION);
    self->kind = s_value (self, base + O_KIND);
    self->name = FIRST (base + O_NAME, V_ALERT_OBJECT);
    self->uid = s_value (self, base + O_UID);
    self->namespace_ = FIRST (base + O_NAMESPACE, BOTH (E_NAMESPACE), BOTH (E_METADATA_NAMESPACE),
                              V_ALERT_NAMESPACE);
    if (self->values [base + O_NAME].data || self->kind)
        self->fallback_kind = NULL;
}

static void
s_choose (fault_view_t *self)
{
    self->cluster = FIRST (V_CLUSTER, V_ALERT_CLUSTER);
    self->fault_id = FIRST (V_FAULT_ID, V_FINGERPRINT, V_GROUP_KEY);
    self->subscription_id = s_value (self, V_SUBSCRIPTION_ID);
    self->fault_type = FIRST (V_FAULT_TYPE, BOTH (E_REASON), V_ALERTNAME);
    self->severity = FIRST (V_TOP + E_SEVERITY, V_EVENT + E_SEVERITY, V_ALERT_SEVERITY);
    self->timestamp =
        FIRST (V_TOP + E_TIMESTAMP, V_EVENT + E_TIMESTAMP, BOTH (E_SERIES_LAST), BOTH (E_LAST),
               BOTH (E_TIME), BOTH (E_FIRST), BOTH (E_METADATA_CREATED), V_STARTS_AT);
    self->context = FIRST (V_CONTEXT, BOTH (E_MESSAGE), BOTH (E_NOTE), V_DESCRIPTION,
                           V_ALERT_MESSAGE, V_ALERT_SUMMARY);
    self->event_type = FIRST (BOTH (E_TYPE));
    self->labels = s_value (self, V_ALERTNAME) ? s_value (self, V_LABELS) : NULL;
    self->status = self->labels ? s_value (self, V_STATUS) : NULL;
    const bool event =
        self->values [V_EVENT].type == JSON_SCAN_OBJECT && self->values [V_EVENT].data;
    self->fallback_type = event || s_value (self, V_TOP + E_OBJECT) ? "Event" : NULL;
    s_choose_object (self);
}

int
fault_view_read (const char *body, size_t size, fault_view_t *ret_view, err_diag_t *diag)
{
    assert (body && ret_view);
    *ret_view = (fault_view_t){.fallback_type = NULL};
    s_pass_t pass = {.view = ret_view, .row = -1, .object_row = S_ROWS};
    json_scan_t scan;
    json_scan_token_t token;
    json_scan_start (&scan, body, size);
    int rc = json_scan_next (&scan, &token, diag);
    const bool object = rc == 1 && token.type == JSON_SCAN_OBJECT;
    while (rc == 1) {
        rc = s_token (&pass, &token, diag);
        if (rc == 0)
            rc = json_scan_next (&scan, &token, diag);
    }
    if (rc == 0 && !object) {
        err_diag (diag, "not a JSON object");
        rc = ERR_PROTO;
    }
    if (rc == 0)
        s_choose (ret_view);
    return rc;
}

//  --- text

static char *
s_decoded (const fault_value_t *value, size_t max)
{
    const json_scan_token_t token = {
        .type = JSON_SCAN_TEXT, .data = value->data, .size = value->size};
    const size_t room = value->size < max ? value->size : max;
    char *text = malloc (room + 5);
    if (!text)
        return NULL;
    size_t at = 0, size = 0;
    while (size < room) {
        const size_t got = json_scan_decode (&token, &at, text + size, room + 4 - size);
        if (got == 0)
            break;
        size += got;
    }
    text [utf8_cut (text, size, room)] = 0;
    return text;
}

char *
fault_view_text (const fault_value_t *value, size_t max)
{
    if (!value || value->type == JSON_SCAN_NULL)
        return strdup ("");
    if (value->type == JSON_SCAN_TEXT)
        return s_decoded (value, max);
    own (buf_fini) buf_t out = buf_init (value->size * 2 + 1);
    if (json_write (value->data, value->size, &(json_scan_style_t){.indent = false}, &out, NULL)
        < 0)
        return NULL;
    if (out.size > max)
        out.data [utf8_cut (out.data, out.size, max)] = 0;
    return out.size ? buf_take (&out) : strdup ("");
}
