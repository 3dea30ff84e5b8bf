//  ctl_route - prints the routes in force, and who gets the messages about a fault.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/ctl_route.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "tools/ctl_cell.h"
#include "tools/request.h"
#include "tools/term.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof (array) / sizeof ((array) [0]))

static void
s_kind_cell (table_t *table, const json_t *row)
{
    const char *kind = ctl_cell_text (row, "kind");
    table_text (table, *kind ? kind : "not configured", *kind ? NULL : "yellow");
}

//  --- the list

//  A pattern that is not given matches anything.
static void
s_pattern_cell (table_t *table, const json_t *row, const char *key)
{
    const char *pattern = ctl_cell_text (row, key);
    table_text (table, *pattern ? pattern : "*", NULL);
}

static void
s_labels_cell (table_t *table, const json_t *row)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_KIB (64));
    json_t *labels = json_object_get (row, "labels"), *value;
    const char *key;
    json_object_foreach (labels, key, value)
        buf_printf (&text, "%s%s=%s", text.size ? "," : "", key, ctl_cell_text (labels, key));
    table_text (table, text.size ? text.data : "*", NULL);
}

static int
s_routes (const ctl_t *self, const json_t *routes)
{
    static const table_column_t columns [] = {
        {"ROUTE", TABLE_RIGHT},
        {"CLUSTER", TABLE_CUT},
        {"LABELS", TABLE_CUT},
        {"NAMESPACE", TABLE_CUT},
        {"SEVERITY", TABLE_CUT},
        {"TYPE", TABLE_CUT},
        {"RECEIVER", TABLE_CUT},
        {"KIND", 0},
        {"THEN", 0},
    };
    own (table_destroy) table_t *table =
        table_new (columns, COUNT (columns), true, ctl_color (self));
    for (size_t i = 0; table && i < json_array_size (routes); i++) {
        const json_t *row = json_array_get (routes, i);
        table_line (table);
        table_number (table, ctl_cell_count (row, "number"));
        s_pattern_cell (table, row, "cluster");
        s_labels_cell (table, row);
        s_pattern_cell (table, row, "namespace");
        s_pattern_cell (table, row, "severity");
        s_pattern_cell (table, row, "fault_type");
        table_text (table, ctl_cell_text (row, "receiver"), NULL);
        s_kind_cell (table, row);
        table_text (table, json_is_true (json_object_get (row, "continue")) ? "continue" : "end",
                    NULL);
    }
    return ctl_cell_end (table);
}

int
ctl_route_list (const ctl_t *self)
{
    own (json_drop) json_t *doc = NULL;
    int code = ctl_get (self, "/api/v1/routes", &doc);
    if (code || ctl_json (self))
        return code ? code : ctl_print (doc);
    const json_t *routes = json_object_get (doc, "routes");
    const json_t *slack = json_array_get (json_object_get (doc, "receivers"), 0);
    const char *kind = ctl_cell_text (slack, "kind");
    if (json_array_size (routes) > 0)
        code = s_routes (self, routes);
    if (*kind)
        printf ("%s: slack (%s)\n", json_array_size (routes) > 0 ? "no match" : "no routes", kind);
    else
        printf ("%s: no message, as no slack_ option is set\n",
                json_array_size (routes) > 0 ? "no match" : "no routes");
    return code;
}

//  --- the test

//  Add "&label=KEY=VALUE" for each of "KEY=VALUE,...".
static void
s_add_labels (const char *labels, buf_t *path)
{
    while (*labels) {
        char one [LIMIT_MAP_KEY_BYTES + LIMIT_MAP_VALUE_BYTES + 2];
        const size_t size = strcspn (labels, ",");
        snprintf (one, sizeof one, "%.*s", (int) size, labels);
        buf_text (path, "&label=");
        request_escape (one, path);
        labels += size + (labels [size] == ',');
    }
}

static void
s_add (buf_t *path, const char *name, const char *value)
{
    if (!*value)
        return;
    buf_printf (path, "&%s=", name);
    request_escape (value, path);
}

static void
s_matched (const json_t *doc)
{
    const json_t *matched = json_object_get (doc, "matched");
    for (size_t i = 0; i < json_array_size (matched); i++) {
        const json_t *row = json_array_get (matched, i);
        own (buf_fini) buf_t receiver = buf_init (LIMIT_KIB (4));
        const char *name = ctl_cell_text (row, "receiver");
        term_escape (name, strlen (name), &receiver);
        printf ("route %lld: %s%s\n", ctl_cell_count (row, "number"),
                receiver.size ? receiver.data : "",
                json_is_true (json_object_get (row, "continue")) ? ", continue" : "");
    }
    if (json_array_size (matched) == 0)
        puts (json_array_size (json_object_get (doc, "receivers")) > 0
                  ? "no route matches: the default receiver"
                  : "no route matches, and there is no default receiver: no slack_ option is set");
}

static int
s_receivers (const ctl_t *self, const json_t *receivers)
{
    static const table_column_t columns [] = {{"RECEIVER", TABLE_CUT}, {"KIND", 0}, {"GETS", 0}};
    static const struct {
        const char *name, *text;
    } gets [] = {{"states", "one message that shows each state"},
                 {"ends", "each end, with a report or without"},
                 {"reports", "each report"}};
    if (json_array_size (receivers) == 0) {
        puts ("nobody gets a message");
        return CTL_OK;
    }
    own (table_destroy) table_t *table =
        table_new (columns, COUNT (columns), true, ctl_color (self));
    for (size_t i = 0; table && i < json_array_size (receivers); i++) {
        const json_t *row = json_array_get (receivers, i);
        const char *text = ctl_cell_text (row, "gets");
        for (size_t j = 0; j < COUNT (gets); j++)
            if (strcmp (text, gets [j].name) == 0)
                text = gets [j].text;
        table_line (table);
        table_text (table, ctl_cell_text (row, "name"), NULL);
        s_kind_cell (table, row);
        table_text (table, text, NULL);
    }
    return ctl_cell_end (table);
}

int
ctl_route_test (const ctl_t *self)
{
    const ctl_settings_t *settings = self->settings;
    own (buf_fini) buf_t path = buf_init (LIMIT_KIB (16));
    own (json_drop) json_t *doc = NULL;
    if (!*settings->cluster)
        return ctl_fail (CTL_USAGE, "routes test needs --cluster NAME");
    buf_text (&path, "/api/v1/routes/test?cluster=");
    request_escape (settings->cluster, &path);
    s_add (&path, "namespace", settings->namespace_);
    s_add (&path, "severity", settings->severity);
    s_add (&path, "type", settings->type);
    s_add_labels (settings->label, &path);
    if (path.failed)
        return ctl_fail (CTL_USAGE, "the options are too long");
    int code = ctl_get (self, path.data, &doc);
    if (code || ctl_json (self))
        return code ? code : ctl_print (doc);
    s_matched (doc);
    return s_receivers (self, json_object_get (doc, "receivers"));
}
