//  ctl_show - the commands that only ask: status, lists, one incident.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_show.h"

#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/request.h"
#include "tools/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof ((array) [0]))

static int
s_end (table_t *table)
{
    return table && table_print (table) == 0 ? CTL_OK : ctl_fail (CTL_FAILED, "out of memory");
}

static const char *
s_member (const json_t *object, const char *key)
{
    return json_member_text (object, key, "");
}

static long long
s_count (const json_t *object, const char *key)
{
    return (long long) json_member_int (object, key, 0);
}

static void
s_age_cell (table_t *table, const json_t *object, const char *key)
{
    own (buf_fini) buf_t age = buf_init (LIMIT_KIB (1));
    ctl_age (json_object_get (object, key), &age);
    table_text (table, age.data, NULL);
}

//  "namespace/name", "name", with the kind in front; an event may lack any of them.
static void
s_resource (const json_t *incident, buf_t *out)
{
    const json_t *resource = json_object_get (incident, "resource");
    const char *kind = s_member (resource, "kind"), *name = s_member (resource, "name");
    const char *namespace_ = s_member (resource, "namespace");
    buf_printf (out, "%s%s%s%s%s", kind, *kind && (*namespace_ || *name) ? " " : "", namespace_,
                *namespace_ ? "/" : "", name);
}

//  --- status

typedef struct {
    table_t *table;
    const json_t *doc;
} status_t;

static void
s_status_line (const status_t *self, const char *name, const char *color, const buf_t *text)
{
    table_line (self->table);
    table_text (self->table, name, NULL);
    table_text (self->table, text->data, color);
}

static void
s_status_broker (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *store = json_object_get (self->doc, "store");
    const char *files = s_member (json_object_get (self->doc, "files"), "trouble");
    bool full = json_is_true (json_object_get (store, "refusing"));
    bool draining = json_is_true (json_object_get (self->doc, "draining"));
    bool ready = json_is_true (json_object_get (self->doc, "ready"));
    buf_text (&text, full       ? "disk full, no events are taken"
                     : draining ? "going down"
                     : *files   ? files
                     : ready    ? "ready"
                                : "not ready");
    if (!full && !draining && *files)
        buf_text (&text, ", nothing is assigned");
    buf_text (&text, ", up ");
    ctl_age (json_object_get (self->doc, "started_at"), &text);
    if (json_is_true (json_object_get (store, "wal_long")))
        buf_text (&text, ", a reader from outside makes the store's log grow");
    s_status_line (self, "broker", ready && !full && !draining ? "green" : "red", &text);
}

//  A count of the store that is not there is not known, which is not 0: "-", and why.
//  Returns whether it was said.
static bool
s_status_unknown (const status_t *self, const char *name, const json_t *count)
{
    if (count && !json_is_null (count))
        return false;
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    buf_printf (&text, "- (%s)",
                json_member_text (self->doc, "counts_error", "the broker does not tell"));
    s_status_line (self, name, "yellow", &text);
    return true;
}

//  "3 pending, 1 investigating": the members that are not 0, and since when they
//  count: "" = all history.
static void
s_status_counts (const status_t *self, const char *name, json_t *counts, const char *since)
{
    if (s_status_unknown (self, name, counts))
        return;
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const char *key = NULL;
    const json_t *value = NULL;
    json_object_foreach (counts, key, value)
    {
        if (json_integer_value (value) > 0)
            buf_printf (&text, "%s%lld %s", text.size ? ", " : "",
                        (long long) json_integer_value (value), key);
    }
    buf_printf (&text, "%s%s", text.size ? "" : "none", since);
    s_status_line (self, name, NULL, &text);
}

//  One number, red unless it is 0.
static void
s_status_bad (const status_t *self, const char *name, const char *key)
{
    if (s_status_unknown (self, name, json_object_get (self->doc, key)))
        return;
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const long long count = s_count (self->doc, key);
    buf_printf (&text, "%lld", count);
    s_status_line (self, name, count > 0 ? "red" : NULL, &text);
}

static void
s_status_queue (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *queue = json_object_get (self->doc, "queue");
    buf_printf (&text, "%lld waiting", s_count (queue, "depth"));
    if (s_count (queue, "depth") > 0)
        buf_printf (&text, ", the oldest for %llds", s_count (queue, "oldest_ms") / 1000);
    s_status_line (self, "queue", NULL, &text);
}

static void
s_status_workers (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *workers = json_object_get (self->doc, "workers");
    buf_printf (&text, "%lld of %lld ready, %lld quarantined", s_count (workers, "ready"),
                s_count (workers, "known"), s_count (workers, "quarantined"));
    if (s_count (workers, "draining") > 0)
        buf_printf (&text, ", %lld draining", s_count (workers, "draining"));
    buf_printf (&text, "; %lld of %lld slots free", s_count (workers, "slots_free"),
                s_count (workers, "slots"));
    s_status_line (self, "workers", s_count (workers, "ready") ? NULL : "yellow", &text);
}

static void
s_status_breaker (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *breaker = json_object_get (self->doc, "breaker");
    const char *state = s_member (breaker, "state");
    buf_text (&text, state);
    if (s_count (breaker, "failures") > 0)
        buf_printf (&text, ", %lld failed in a row", s_count (breaker, "failures"));
    if (strcmp (state, "closed") != 0) {
        buf_text (&text, ", for ");
        ctl_age (json_object_get (breaker, "opened_at"), &text);
    }
    s_status_line (self, "breaker", strcmp (state, "closed") == 0 ? NULL : "red", &text);
}

//  "12 of prod, 3 of edge" of those that have most; then of how many more.
static void
s_lost_of (json_t *counts, buf_t *text)
{
    enum { SHOWN = 4 };
    const char *shown [SHOWN] = {NULL};
    size_t count = 0;
    for (; count < SHOWN && count < json_object_size (counts); count++) {
        const char *key, *most = NULL;
        json_t *value;
        json_object_foreach (counts, key, value)
        {
            bool known = false;
            for (size_t i = 0; i < count; i++)
                known = known || strcmp (shown [i], key) == 0;
            if (!known && (!most || s_count (counts, key) > s_count (counts, most)))
                most = key;
        }
        shown [count] = most;
        buf_printf (text, "%s%lld of %s", count ? ", " : "", s_count (counts, most), most);
    }
    if (json_object_size (counts) > count)
        buf_printf (text, " and of %zu more", json_object_size (counts) - count);
}

//  What full queues did not keep, by cluster and by who sent it.
static void
s_status_lost (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (8));
    const json_t *lost = json_object_get (json_object_get (self->doc, "queue"), "lost");
    if (json_object_size (json_object_get (lost, "sources")) == 0)
        return;
    buf_text (&text, "since the start ");
    s_lost_of (json_object_get (lost, "clusters"), &text);
    buf_text (&text, "; sent by: ");
    s_lost_of (json_object_get (lost, "sources"), &text);
    s_status_line (self, "queue lost", "red", &text);
}

static void
s_status_clusters (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *sources = json_object_get (self->doc, "sources");
    size_t active = 0, count = json_array_size (sources);
    for (size_t i = 0; i < count; i++)
        active += strcmp (s_member (json_array_get (sources, i), "state"), "active") == 0;
    buf_printf (&text, "%zu of %zu connected by MCP", active, count);
    s_status_line (self, "clusters", active < count ? "red" : NULL, &text);
}

static void
s_status_events (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *events = json_object_get (self->doc, "events");
    buf_printf (&text, "%lld taken since the start, %lld of them repeats, %lld counted up",
                s_count (events, "total"), s_count (events, "repeat"), s_count (events, "counted"));
    s_status_line (self, "events", NULL, &text);
}

//  "1 fails for 50s, 198 wait behind it, next try in 12s: connection refused".
static void
s_status_head (const status_t *self, const char *channel)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *head = json_object_get (json_object_get (self->doc, "effects"), channel);
    if (!json_is_object (head))
        return;
    buf_printf (&text, "%lld %s for %llds, ", s_count (head, "failing"),
                s_count (head, "failing") == 1 ? "fails" : "fail",
                s_count (head, "failing_ms") / 1000);
    if (s_count (head, "behind") > 0)
        buf_printf (&text, "%lld wait behind it, ", s_count (head, "behind"));
    if (s_count (head, "next_try_ms") > 0)
        buf_printf (&text, "next try in %llds", (s_count (head, "next_try_ms") + 999) / 1000);
    else
        buf_text (&text, "a try is under way");
    buf_printf (&text, ": %s (effect %lld)", s_member (head, "error"), s_count (head, "id"));
    s_status_line (self, channel, "red", &text);
}

static void
s_status_effects (const status_t *self)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (4));
    const json_t *effects = json_object_get (self->doc, "effects");
    if (!s_status_unknown (self, "effects", json_object_get (effects, "dead"))) {
        const long long dead = s_count (effects, "dead");
        buf_printf (&text, "%lld due, %lld dead", s_count (effects, "ready"), dead);
        s_status_line (self, "effects", dead ? "red" : NULL, &text);
    }
    s_status_head (self, "slack");
    s_status_head (self, "storage");
    s_status_bad (self, "dead letters", "dead_letters");
}

int
ctl_show_status (const ctl_t *self)
{
    static const table_column_t columns [] = {{"NAME", 0}, {"VALUE", TABLE_WRAP}};
    own (json_drop) json_t *doc = NULL;
    int code = ctl_get (self, "/api/v1/status", &doc);
    if (code || ctl_json (self))
        return code ? code : ctl_print (doc);
    own (table_destroy) table_t *table =
        table_new (columns, COUNT (columns), false, ctl_color (self));
    if (!table)
        return s_end (table);
    const status_t status = {.table = table, .doc = doc};
    s_status_broker (&status);
    s_status_counts (&status, "incidents", json_object_get (doc, "incidents"), "");
    s_status_bad (&status, "no report", "without_report");
    s_status_queue (&status);
    s_status_lost (&status);
    s_status_workers (&status);
    s_status_breaker (&status);
    s_status_clusters (&status);
    s_status_events (&status);
    s_status_counts (&status, "suppressed", json_object_get (doc, "suppressed"), "");
    s_status_counts (&status, "outcomes", json_object_get (doc, "outcomes"), " since the start");
    s_status_effects (&status);
    return s_end (table);
}

//  --- lists

typedef struct {
    const char *path; //  "/api/v1/workers"; NULL: read by the caller
    const char *key;  //  "workers": of the answer, and what there is none of
    const table_column_t *columns;
    size_t column_count;
    void (*row) (table_t *table, const json_t *row);
    const char *none; //  said of an empty list; NULL: "no <key>"
} list_t;

static int
s_list_print (const ctl_t *self, const list_t *list, const json_t *rows)
{
    if (ctl_json (self))
        return ctl_print (rows);
    if (json_array_size (rows) == 0) {
        if (list->none)
            puts (list->none);
        else
            printf ("no %s\n", list->key);
        return CTL_OK;
    }
    own (table_destroy) table_t *table =
        table_new (list->columns, list->column_count, true, ctl_color (self));
    for (size_t i = 0; table && i < json_array_size (rows); i++) {
        table_line (table);
        list->row (table, json_array_get (rows, i));
    }
    return s_end (table);
}

//  Rows to read: a table shows some and counts the rest.
static int64_t
s_wanted (const ctl_t *self)
{
    int64_t limit = ctl_limit (self);
    return ctl_json (self) || limit > LIMIT_CTL_COUNTED ? limit : LIMIT_CTL_COUNTED + 1;
}

//  Of what was read, the first --limit rows.
static int
s_list_cut (const ctl_t *self, const list_t *list, json_t *rows)
{
    int64_t all = (int64_t) json_array_size (rows), limit = ctl_limit (self);
    while ((int64_t) json_array_size (rows) > limit)
        json_array_remove (rows, json_array_size (rows) - 1);
    int code = s_list_print (self, list, rows);
    if (code == CTL_OK && all > limit)
        ctl_tell_rest (self, list->key, limit, all > LIMIT_CTL_COUNTED ? -1 : all);
    return code;
}

//  A list that comes at once; *ret_rows is in *ret_doc.
static int
s_list_read (const ctl_t *self, const list_t *list, json_t **ret_doc, const json_t **ret_rows)
{
    int code = ctl_get (self, list->path, ret_doc);
    if (code)
        return code;
    *ret_rows = json_object_get (*ret_doc, list->key);
    if (!json_is_array (*ret_rows))
        return ctl_fail (CTL_UNREACHED, "%s: no list of %s in the answer", self->settings->url,
                         list->key);
    return CTL_OK;
}

static int
s_list (const ctl_t *self, const list_t *list)
{
    own (json_drop) json_t *doc = NULL;
    const json_t *rows = NULL;
    int code = s_list_read (self, list, &doc, &rows);
    return code ? code : s_list_print (self, list, rows);
}

static void
s_worker_row (table_t *table, const json_t *row)
{
    bool ready = json_is_true (json_object_get (row, "ready"));
    const char *state = json_is_true (json_object_get (row, "draining"))      ? "draining"
                        : json_is_true (json_object_get (row, "quarantined")) ? "quarantined"
                        : ready                                               ? "ready"
                                                                              : "silent";
    char seen [32], twin [96] = "";
    const char *note = s_member (row, "quarantined_for");
    if (s_count (row, "twins_refused_total") > 0) //  the worse trouble of the two
        snprintf (twin, sizeof (twin), "another worker has its key, refused %lld times, %llds ago",
                  s_count (row, "twins_refused_total"), s_count (row, "twin_ms_ago") / 1000);
    snprintf (seen, sizeof (seen), "%llds", s_count (row, "last_seen_ms_ago") / 1000);
    table_text (table, s_member (row, "name"), NULL);
    table_text (table, state, ctl_state_color (state));
    table_number (table, s_count (row, "slots"));
    table_number (table, s_count (row, "running"));
    table_number (table, s_count (row, "free"));
    table_text (table, seen, NULL);
    table_text (table, s_member (row, "identity"), NULL);
    table_text (table, twin [0] ? twin : note, NULL);
}

int
ctl_show_workers (const ctl_t *self)
{
    static const table_column_t columns [] = {
        {"NAME", TABLE_CUT},      {"STATE", 0},          {"SLOTS", TABLE_RIGHT},
        {"RUNNING", TABLE_RIGHT}, {"FREE", TABLE_RIGHT}, {"HEARD", TABLE_RIGHT},
        {"IDENTITY", TABLE_CUT},  {"NOTE", TABLE_CUT},
    };
    static const list_t list = {"/api/v1/workers", "workers",    columns,
                                COUNT (columns),   s_worker_row, NULL};
    return s_list (self, &list);
}

//  Without "mcp" it is known by what publishers send.
static void
s_cluster_row (table_t *table, const json_t *row)
{
    const json_t *mcp = json_object_get (row, "mcp");
    const char *state = json_is_object (mcp) ? s_member (mcp, "state") : "ingest";
    table_text (table, s_member (row, "cluster"), NULL);
    table_text (table, state, ctl_state_color (state));
    table_number (table, s_count (row, "events_total"));
    s_age_cell (table, row, "last_event_at");
    table_number (table, s_count (row, "pending"));
    table_number (table, s_count (row, "investigating"));
    table_number (table, s_count (row, "suppressed_total"));
    table_number (table, s_count (mcp, "gaps_total"));
    table_number (table, s_count (mcp, "reconnects_total"));
    table_text (table, s_member (mcp, "last_error"), NULL);
}

static void
s_labelled_row (table_t *table, const json_t *row)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (64));
    json_t *labels = json_object_get (row, "labels"), *value;
    const char *key;
    json_object_foreach (labels, key, value)
        buf_printf (&text, "%s%s=%s", text.size ? "," : "", key, s_member (labels, key));
    s_cluster_row (table, row);
    table_text (table, text.data, NULL);
}

static bool
s_any_labels (const json_t *rows)
{
    for (size_t i = 0; i < json_array_size (rows); i++)
        if (json_object_size (json_object_get (json_array_get (rows, i), "labels")) > 0)
            return true;
    return false;
}

//  The last column is there only where a cluster has labels.
int
ctl_show_clusters (const ctl_t *self)
{
    static const table_column_t columns [] = {
        {"CLUSTER", TABLE_CUT},      {"STATE", 0},
        {"EVENTS", TABLE_RIGHT},     {"LAST", TABLE_RIGHT},
        {"PENDING", TABLE_RIGHT},    {"RUNNING", TABLE_RIGHT},
        {"SUPPRESSED", TABLE_RIGHT}, {"GAPS", TABLE_RIGHT},
        {"RECONNECTS", TABLE_RIGHT}, {"ERROR", TABLE_CUT},
        {"LABELS", TABLE_CUT},
    };
    list_t list = {"/api/v1/clusters",
                   "clusters",
                   columns,
                   COUNT (columns),
                   s_labelled_row,
                   "no clusters: none is configured, and none was heard of since the start"};
    own (json_drop) json_t *doc = NULL;
    const json_t *rows = NULL;
    int code = s_list_read (self, &list, &doc, &rows);
    if (code)
        return code;
    if (!s_any_labels (rows)) {
        list.column_count--;
        list.row = s_cluster_row;
    }
    return s_list_print (self, &list, rows);
}

static void
s_incident_row (table_t *table, const json_t *row)
{
    own (buf_fini) buf_t resource = buf_init (LIMIT_KIB (64));
    const char *state = s_member (row, "state");
    s_resource (row, &resource);
    table_number (table, s_count (row, "number"));
    table_text (table, state, ctl_state_color (state));
    table_text (table, s_member (row, "severity"), NULL);
    table_text (table, s_member (row, "cluster"), NULL);
    table_text (table, s_member (row, "fault_type"), NULL);
    table_text (table, resource.data, NULL);
    table_number (table, s_count (row, "occurrences"));
    s_age_cell (table, row, "created_at");
}

int
ctl_show_incidents_read (const ctl_t *self, int64_t limit, json_t *rows)
{
    own (buf_fini) buf_t path = buf_init (LIMIT_KIB (4));
    const char *state = self->settings->state, *reason = self->settings->reason;
    if (reason [0] && !state [0])
        state = "suppressed";
    buf_text (&path, "/api/v1/incidents");
    if (state [0]) {
        buf_text (&path, "?state=");
        request_escape (state, &path);
    }
    if (reason [0]) {
        buf_text (&path, "&reason=");
        request_escape (reason, &path);
    }
    return ctl_pages (self, path.data, "incidents", limit, rows);
}

int
ctl_show_incidents (const ctl_t *self)
{
    static const table_column_t columns [] = {
        {"NUMBER", TABLE_RIGHT}, {"STATE", 0},         {"SEVERITY", 0},
        {"CLUSTER", TABLE_CUT},  {"TYPE", TABLE_CUT},  {"RESOURCE", TABLE_CUT},
        {"SEEN", TABLE_RIGHT},   {"AGE", TABLE_RIGHT},
    };
    static const list_t list = {NULL, "incidents", columns, COUNT (columns), s_incident_row, NULL};
    own (json_drop) json_t *rows = json_array ();
    int code = ctl_show_incidents_read (self, s_wanted (self), rows);
    return code ? code : s_list_cut (self, &list, rows);
}

//  How long until the next try: "now", "12s", "3m"; "-" where there is none.
static void
s_until_cell (table_t *table, const json_t *row)
{
    char text [32] = "";
    const char *next = json_member_text (row, "next_at", NULL);
    int64_t at_ms = 0;
    own (clk_destroy) clk_t *clk = clk_new ();
    if (clk && next && clk_parse (next, &at_ms) == 0) {
        int64_t left_s = (at_ms - clk_now (clk).wall_ms + 999) / 1000;
        if (left_s <= 0)
            snprintf (text, sizeof (text), "now");
        else if (left_s < 120)
            snprintf (text, sizeof (text), "%llds", (long long) left_s);
        else
            snprintf (text, sizeof (text), "%lldm", (long long) left_s / 60);
    }
    table_text (table, text, NULL);
}

static void
s_effect_row (table_t *table, const json_t *row)
{
    const char *state = s_member (row, "state");
    table_number (table, s_count (row, "id"));
    table_text (table, s_member (row, "channel"), NULL);
    table_text (table, state, ctl_state_color (state));
    table_number (table, s_count (row, "tries"));
    s_until_cell (table, row);
    table_text (table, s_member (row, "key"), NULL);
    table_text (table, s_member (row, "error"), NULL);
}

static const table_column_t s_effect_columns [] = {
    {"EFFECT", TABLE_RIGHT}, {"CHANNEL", 0},     {"STATE", 0},         {"TRIES", TABLE_RIGHT},
    {"NEXT", TABLE_RIGHT},   {"KEY", TABLE_CUT}, {"ERROR", TABLE_CUT},
};

int
ctl_show_effects_read (const ctl_t *self, const char *state, int64_t limit, json_t *rows)
{
    own (buf_fini) buf_t path = buf_init (LIMIT_KIB (4));
    buf_text (&path, "/api/v1/effects?state=");
    request_escape (state, &path);
    return ctl_pages (self, path.data, "effects", limit, rows);
}

//  Those that wait, in their order: what has been tried first, for the others wait for it.
static int
s_waiting (const ctl_t *self, const json_t *waiting, json_t *rows)
{
    for (int tried = 1; tried >= 0; tried--)
        for (size_t i = json_array_size (waiting); i > 0; i--) {
            json_t *row = json_array_get (waiting, i - 1);
            bool head =
                s_count (row, "tries") > 0 || strcmp (s_member (row, "state"), "ready") != 0;
            if (head == (tried == 1) && json_array_append (rows, row))
                return ctl_fail (CTL_FAILED, "out of memory");
        }
    return CTL_OK;
}

int
ctl_show_effects (const ctl_t *self)
{
    static const list_t waiting_or_dead = {NULL,
                                           "effects",
                                           s_effect_columns,
                                           COUNT (s_effect_columns),
                                           s_effect_row,
                                           "no effects wait, and none is dead"};
    static const list_t of_state = {
        NULL, "effects", s_effect_columns, COUNT (s_effect_columns), s_effect_row, NULL};
    const char *state = self->settings->state;
    own (json_drop) json_t *rows = json_array (), *waiting = json_array ();
    int code = CTL_OK;
    //  The head of a channel is its oldest, the last row of the last page: all are read.
    if (!state [0] || strcmp (state, "ready") == 0)
        code = ctl_show_effects_read (self, "ready", LIMIT_CTL_ROWS, waiting);
    if (code == CTL_OK && !state [0])
        code = ctl_show_effects_read (self, "sending", LIMIT_CTL_ROWS, waiting);
    if (code == CTL_OK)
        code = s_waiting (self, waiting, rows);
    if (code == CTL_OK && strcmp (state, "ready") != 0)
        code = ctl_show_effects_read (self, state [0] ? state : "dead", s_wanted (self), rows);
    return code ? code : s_list_cut (self, state [0] ? &of_state : &waiting_or_dead, rows);
}

//  --- one incident

static void
s_fact (table_t *table, const char *name, const char *text, const char *color)
{
    if (!text [0])
        return;
    table_line (table);
    table_text (table, name, NULL);
    table_text (table, text, color);
}

static int
s_facts (const ctl_t *self, const json_t *doc)
{
    static const table_column_t columns [] = {{"NAME", 0}, {"VALUE", TABLE_WRAP}};
    static const char *const times [] = {"created_at", "started_at", "completed_at",
                                         "first_seen_at", "last_seen_at"};
    own (table_destroy) table_t *table =
        table_new (columns, COUNT (columns), false, ctl_color (self));
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (64));
    const char *state = s_member (doc, "state");
    if (!table)
        return s_end (table);
    buf_printf (&text, "%lld", s_count (doc, "number"));
    s_fact (table, "number", text.data, NULL);
    buf_reset (&text);
    s_resource (doc, &text);
    s_fact (table, "id", s_member (doc, "id"), NULL);
    s_fact (table, "state", state, ctl_state_color (state));
    s_fact (table, "suppressed", s_member (doc, "suppressed"), NULL);
    s_fact (table, "reason", s_member (doc, "reason"), NULL);
    s_fact (table, "cluster", s_member (doc, "cluster"), NULL);
    s_fact (table, "resource", text.data, NULL);
    s_fact (table, "fault", s_member (doc, "fault_type"), NULL);
    s_fact (table, "severity", s_member (doc, "severity"), NULL);
    s_fact (table, "summary", s_member (doc, "summary"), NULL);
    buf_reset (&text);
    buf_printf (&text, "%lld", s_count (doc, "occurrences"));
    s_fact (table, "seen", text.data, NULL);
    for (size_t i = 0; i < COUNT (times); i++)
        s_fact (table, times [i], s_member (doc, times [i]), NULL);
    s_fact (table, "again after", s_member (doc, "linked"), NULL);
    s_fact (table, "folder", s_member (json_object_get (doc, "artifacts"), "folder"), NULL);
    return s_end (table);
}

static void
s_attempt_row (table_t *table, const json_t *row)
{
    char code [16] = "";
    if (s_count (row, "exit_code") >= 0)
        snprintf (code, sizeof (code), "%lld", s_count (row, "exit_code"));
    table_number (table, s_count (row, "attempt"));
    table_text (table, s_member (row, "state"), NULL);
    table_text (table, s_member (row, "worker"), NULL);
    table_text (table, s_member (row, "outcome"), NULL);
    table_text (table, code, NULL);
    table_text (table, s_member (row, "assigned_at"), NULL);
    table_text (table, s_member (row, "ended_at"), NULL);
    table_text (table, s_member (row, "reason"), NULL);
}

static void
s_file_row (table_t *table, const json_t *row)
{
    table_text (table, s_member (row, "path"), NULL);
    table_number (table, s_count (row, "size"));
}

static int
s_part (const ctl_t *self, const list_t *list, const json_t *rows)
{
    if (json_array_size (rows) == 0)
        return CTL_OK;
    puts ("");
    return s_list_print (self, list, rows);
}

int
ctl_show_incident (const ctl_t *self)
{
    static const table_column_t attempts [] = {
        {"ATTEMPT", TABLE_RIGHT}, {"STATE", 0}, {"WORKER", TABLE_CUT}, {"OUTCOME", 0},
        {"EXIT", TABLE_RIGHT},    {"BEGAN", 0}, {"ENDED", 0},          {"REASON", TABLE_CUT},
    };
    static const table_column_t files [] = {{"FILE", TABLE_CUT}, {"BYTES", TABLE_RIGHT}};
    static const list_t parts [] = {
        {NULL, "attempts", attempts, COUNT (attempts), s_attempt_row, NULL},
        {NULL, "effects", s_effect_columns, COUNT (s_effect_columns), s_effect_row, NULL},
        {NULL, "files", files, COUNT (files), s_file_row, NULL},
    };
    own (buf_fini) buf_t path = buf_init (LIMIT_KIB (4));
    own (json_drop) json_t *doc = NULL;
    buf_text (&path, "/api/v1/incidents/");
    request_escape (self->args [0], &path);
    int code = ctl_get (self, path.data, &doc);
    if (code || ctl_json (self))
        return code ? code : ctl_print (doc);
    code = s_facts (self, doc);
    if (code == CTL_OK)
        code = s_part (self, &parts [0], json_object_get (doc, "attempts"));
    if (code == CTL_OK)
        code = s_part (self, &parts [1], json_object_get (doc, "effects"));
    if (code == CTL_OK)
        code = s_part (self, &parts [2],
                       json_object_get (json_object_get (doc, "artifacts"), "files"));
    return code;
}
