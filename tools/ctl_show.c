//  ctl_show - the commands that only read: lists, one incident.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_show.h"

#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/ctl_cell.h"
#include "tools/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof ((array) [0]))

//  "kind namespace/name"; an event may lack any part.
static void
s_resource (const json_t *incident, buf_t *out)
{
    const json_t *resource = json_object_get (incident, "resource");
    const char *kind = ctl_cell_text (resource, "kind"), *name = ctl_cell_text (resource, "name");
    const char *namespace_ = ctl_cell_text (resource, "namespace");
    buf_printf (out, "%s%s%s%s%s", kind, *kind && (*namespace_ || *name) ? " " : "", namespace_,
                *namespace_ ? "/" : "", name);
}

//  --- lists

typedef struct {
    const char *path; //  "/api/v1/workers"; NULL: read by the caller
    const char *key;  //  "workers": member of the answer, and noun for an empty list
    const table_column_t *columns;
    size_t column_count;
    void (*row) (table_t *table, const json_t *row);
    const char *none; //  text for an empty list; NULL: "no <key>"
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
    return ctl_cell_end (table);
}

//  The rows to read: a table shows some and counts the rest.
static int64_t
s_wanted (const ctl_t *self)
{
    int64_t limit = ctl_limit (self);
    return ctl_json (self) || limit > LIMIT_CTL_COUNTED ? limit : LIMIT_CTL_COUNTED + 1;
}

//  Print the first --limit rows of those read.
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

//  Read a list that comes in one answer; *ret_rows is in *ret_doc.
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
                        : json_is_true (json_object_get (row, "held"))        ? "held"
                        : ready                                               ? "ready"
                                                                              : "silent";
    char seen [32], twin [96] = "";
    own (buf_fini) buf_t note = buf_init (LIMIT_KIB (8));
    ctl_cell_worker_note (row, &note);
    if (ctl_cell_count (row, "twins_refused_total") > 0) //  the more serious of the two
        snprintf (twin, sizeof (twin), "another worker has its key, refused %lld times, %llds ago",
                  ctl_cell_count (row, "twins_refused_total"),
                  ctl_cell_count (row, "twin_ms_ago") / 1000);
    snprintf (seen, sizeof (seen), "%llds", ctl_cell_count (row, "last_seen_ms_ago") / 1000);
    table_text (table, ctl_cell_text (row, "name"), NULL);
    table_text (table, state, ctl_state_color (state));
    table_number (table, ctl_cell_count (row, "slots"));
    table_number (table, ctl_cell_count (row, "running"));
    table_number (table, ctl_cell_count (row, "free"));
    table_text (table, seen, NULL);
    table_text (table, ctl_cell_text (row, "identity"), NULL);
    table_text (table, twin [0] ? twin : note.size ? note.data : "", NULL);
}

int
ctl_show_workers (const ctl_t *self)
{
    static const table_column_t columns [] = {
        {"NAME", TABLE_CUT},      {"STATE", 0},          {"SLOTS", TABLE_RIGHT},
        {"RUNNING", TABLE_RIGHT}, {"FREE", TABLE_RIGHT}, {"HEARD", TABLE_RIGHT},
        {"IDENTITY", TABLE_CUT},  {"NOTE", TABLE_WRAP},
    };
    static const list_t list = {"/api/v1/workers", "workers",    columns,
                                COUNT (columns),   s_worker_row, NULL};
    return s_list (self, &list);
}

//  A cluster without "mcp" is known from what publishers send.
static void
s_cluster_row (table_t *table, const json_t *row)
{
    const json_t *mcp = json_object_get (row, "mcp");
    const char *state = json_is_object (mcp) ? ctl_cell_text (mcp, "state") : "ingest";
    table_text (table, ctl_cell_text (row, "cluster"), NULL);
    table_text (table, state, ctl_state_color (state));
    table_number (table, ctl_cell_count (row, "events_total"));
    ctl_cell_age (table, row, "last_event_at");
    table_number (table, ctl_cell_count (row, "pending"));
    table_number (table, ctl_cell_count (row, "investigating"));
    table_number (table, ctl_cell_count (row, "suppressed_total"));
    table_number (table, ctl_cell_count (mcp, "gaps_total"));
    table_number (table, ctl_cell_count (mcp, "reconnects_total"));
    table_text (table, ctl_cell_text (mcp, "last_error"), NULL);
}

static void
s_labelled_row (table_t *table, const json_t *row)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (64));
    json_t *labels = json_object_get (row, "labels"), *value;
    const char *key;
    json_object_foreach (labels, key, value)
        buf_printf (&text, "%s%s=%s", text.size ? "," : "", key, ctl_cell_text (labels, key));
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

//  The last column appears only when a cluster has labels.
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
    const char *state = ctl_cell_text (row, "state");
    s_resource (row, &resource);
    table_number (table, ctl_cell_count (row, "number"));
    table_text (table, state, ctl_state_color (state));
    table_text (table, ctl_cell_text (row, "severity"), NULL);
    table_text (table, ctl_cell_text (row, "cluster"), NULL);
    table_text (table, ctl_cell_text (row, "fault_type"), NULL);
    table_text (table, resource.data, NULL);
    table_number (table, ctl_cell_count (row, "occurrences"));
    ctl_cell_age (table, row, "created_at");
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

//  Time until the next try: "now", "12s", "3m", "behind 44"; "-" when there is none.
static void
s_until_cell (table_t *table, const json_t *row)
{
    char text [32] = "";
    const char *next = json_member_text (row, "next_at", NULL);
    int64_t at_ms = 0;
    own (clk_destroy) clk_t *clk = clk_new ();
    if (clk && next && clk_parse (next, &at_ms) == 0) {
        int64_t left_s = (at_ms - clk_now (clk).wall_ms + 999) / 1000;
        const long long head = ctl_cell_count (row, "behind");
        if (left_s <= 0 && head > 0)
            snprintf (text, sizeof (text), "behind %lld", head);
        else if (left_s <= 0)
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
    const char *state = ctl_cell_text (row, "state");
    table_number (table, ctl_cell_count (row, "id"));
    table_text (table, ctl_cell_text (row, "channel"), NULL);
    table_text (table, state, ctl_state_color (state));
    table_number (table, ctl_cell_count (row, "tries"));
    s_until_cell (table, row);
    table_text (table, ctl_cell_text (row, "key"), NULL);
    table_text (table, ctl_cell_text (row, "error"), NULL);
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

//  The waiting effects in order.  Those already tried come first, as the others wait for them.
static int
s_waiting (const ctl_t *self, const json_t *waiting, json_t *rows)
{
    for (int tried = 1; tried >= 0; tried--)
        for (size_t i = json_array_size (waiting); i > 0; i--) {
            json_t *row = json_array_get (waiting, i - 1);
            bool head = ctl_cell_count (row, "tries") > 0
                        || strcmp (ctl_cell_text (row, "state"), "ready") != 0;
            if (head == (tried == 1) && json_array_append (rows, row))
                return ctl_fail (CTL_FAILED, "out of memory");
        }
    return CTL_OK;
}

//  Note the failing head of a channel in the rows that wait for it.
static void
s_behind_head (const json_t *waiting, const char *channel, const json_t *head)
{
    size_t i;
    json_t *row;
    json_array_foreach (waiting, i, row)
    {
        if (strcmp (ctl_cell_text (row, "channel"), channel) == 0
            && ctl_cell_count (row, "id") != ctl_cell_count (head, "id"))
            json_object_set (row, "behind", json_object_get (head, "id"));
    }
}

//  For the table: "behind" of each row is the failing message that it waits for.
static int
s_behind (const ctl_t *self, const json_t *waiting)
{
    own (json_drop) json_t *doc = NULL;
    if (ctl_json (self) || json_array_size (waiting) == 0)
        return CTL_OK;
    int code = ctl_get (self, "/api/v1/effects?state=ready&limit=1", &doc);
    size_t i;
    json_t *channel;
    json_array_foreach (json_object_get (doc, "channels"), i, channel)
    {
        const json_t *head = json_object_get (channel, "effect");
        if (ctl_cell_count (head, "behind") > 0)
            s_behind_head (waiting, ctl_cell_text (channel, "name"), head);
    }
    return code;
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
    //  The head of a channel is its oldest effect, the last row of the last page: read all pages.
    if (!state [0] || strcmp (state, "ready") == 0)
        code = ctl_show_effects_read (self, "ready", LIMIT_CTL_ROWS, waiting);
    if (code == CTL_OK && !state [0])
        code = ctl_show_effects_read (self, "sending", LIMIT_CTL_ROWS, waiting);
    if (code == CTL_OK)
        code = s_behind (self, waiting);
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

//  The agent of the last attempt that says so, and what each attempt used.
static void
s_usage_facts (table_t *table, const json_t *doc)
{
    size_t i;
    json_t *attempt;
    json_array_foreach (json_object_get (doc, "attempts"), i, attempt)
    {
        const json_t *usage = json_object_get (attempt, "usage");
        own (buf_fini) buf_t text = buf_init (LIMIT_KIB (1));
        char name [32];
        const char *const words [] = {ctl_cell_text (usage, "agent"),
                                      ctl_cell_text (usage, "version"),
                                      ctl_cell_text (usage, "model")};
        for (size_t at = 0; at < COUNT (words); at++)
            buf_printf (&text, "%s%s", text.size && *words [at] ? " " : "", words [at]);
        own (buf_fini) buf_t used = buf_init (LIMIT_KIB (1));
        ctl_cell_usage (usage, &used);
        buf_printf (&text, "%s%s", text.size > 0 && used.size > 0 ? ": " : "",
                    used.size > 0 ? used.data : "");
        snprintf (name, sizeof (name), "attempt %lld", ctl_cell_count (attempt, "attempt"));
        s_fact (table, name, text.size > 0 ? text.data : "", NULL);
    }
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
    const char *state = ctl_cell_text (doc, "state");
    if (!table)
        return ctl_cell_end (table);
    buf_printf (&text, "%lld", ctl_cell_count (doc, "number"));
    s_fact (table, "number", text.data, NULL);
    buf_reset (&text);
    s_resource (doc, &text);
    s_fact (table, "id", ctl_cell_text (doc, "id"), NULL);
    s_fact (table, "state", state, ctl_state_color (state));
    s_fact (table, "suppressed", ctl_cell_text (doc, "suppressed"), NULL);
    s_fact (table, "reason", ctl_cell_text (doc, "reason"), NULL);
    s_fact (table, "report",
            ctl_cell_count (doc, "winner") == 0 && ctl_cell_count (doc, "partial") > 0
                ? "partial: the agent was stopped before it had finished"
                : "",
            "yellow");
    s_fact (table, "not before", ctl_cell_text (doc, "not_before"), NULL);
    s_fact (table, "cluster", ctl_cell_text (doc, "cluster"), NULL);
    s_fact (table, "resource", text.data, NULL);
    s_fact (table, "fault", ctl_cell_text (doc, "fault_type"), NULL);
    s_fact (table, "severity", ctl_cell_text (doc, "severity"), NULL);
    s_fact (table, "summary", ctl_cell_text (doc, "summary"), NULL);
    buf_reset (&text);
    buf_printf (&text, "%lld", ctl_cell_count (doc, "occurrences"));
    s_fact (table, "seen", text.data, NULL);
    for (size_t i = 0; i < COUNT (times); i++)
        s_fact (table, times [i], ctl_cell_text (doc, times [i]), NULL);
    s_fact (table, "again after", ctl_cell_text (doc, "linked"), NULL);
    s_usage_facts (table, doc);
    const json_t *artifacts = json_object_get (doc, "artifacts");
    s_fact (table, "folder", ctl_cell_text (artifacts, "folder"), NULL);
    s_fact (table, "blob", ctl_cell_text (artifacts, "blob"), NULL);
    return ctl_cell_end (table);
}

static void
s_attempt_row (table_t *table, const json_t *row)
{
    char code [16] = "";
    if (ctl_cell_count (row, "exit_code") >= 0)
        snprintf (code, sizeof (code), "%lld", ctl_cell_count (row, "exit_code"));
    table_number (table, ctl_cell_count (row, "attempt"));
    table_text (table, ctl_cell_text (row, "state"), NULL);
    table_text (table, ctl_cell_text (row, "worker"), NULL);
    const char *class = ctl_cell_text (row, "class");
    table_text (table, *class ? class : ctl_cell_text (row, "outcome"), NULL);
    table_text (table, code, NULL);
    table_text (table, ctl_cell_text (row, "assigned_at"), NULL);
    table_text (table, ctl_cell_text (row, "ended_at"), NULL);
    table_text (table, ctl_cell_text (row, "reason"), NULL);
}

static void
s_file_row (table_t *table, const json_t *row)
{
    table_text (table, ctl_cell_text (row, "path"), NULL);
    table_number (table, ctl_cell_count (row, "size"));
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
        {"ATTEMPT", TABLE_RIGHT}, {"STATE", 0}, {"WORKER", TABLE_CUT}, {"CLASS", 0},
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
