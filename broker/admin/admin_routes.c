//  admin_routes - answers who gets the messages about a fault, from the configuration in force.
//
//  Names and kinds of receivers are shown, their addresses never.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_part.h"

#include "broker/base/settings_target.h"
#include "broker/core/route.h"

#include <stdio.h>
#include <string.h>

//  The settings in force; NULL: the broker is not up yet, and the reply says so.
static const settings_t *
s_settings (const admin_view_t *view, admin_reply_t *reply)
{
    if (view->data.conf)
        return conf_settings (view->data.conf);
    admin_reply_error (reply, ADMIN_UNAVAILABLE, "starting", "the broker is not ready yet");
    return NULL;
}

//  "slack_webhook" and the like; "none"; null: it is not configured.
static json_t *
s_kind (const settings_t *settings, const char *receiver)
{
    settings_target_t target;
    if (strcmp (receiver, route_none) == 0)
        return json_string (route_none);
    return settings_target (settings, receiver, &target)
               ? json_string (settings_target_kind_name (target.kind))
               : json_null ();
}

static json_t *
s_labels (const route_label_t *labels, size_t count)
{
    json_t *object = json_object ();
    for (size_t i = 0; i < count; i++)
        json_object_set_new (object, labels [i].key, json_any (labels [i].value));
    return object;
}

//  --- the list

static json_t *
s_route (const settings_t *settings, size_t i)
{
    const route_rule_t *rule = &settings->routing.rules [i];
    const settings_route_t *route = (const settings_route_t *) settings->routes.items + i;
    return json_pack (
        "{s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:b}", "number", (json_int_t) i + 1, "cluster",
        json_any_or_null (rule->cluster), "namespace", json_any_or_null (rule->namespace_),
        "severity", json_any_or_null (route->severity), "fault_type",
        json_any_or_null (rule->fault_type), "labels", s_labels (rule->labels, rule->label_count),
        "receiver", json_any (rule->receiver), "kind", s_kind (settings, rule->receiver),
        "continue", rule->goes_on);
}

static json_t *
s_receiver (const settings_t *settings, const char *name)
{
    return json_pack ("{s:o,s:o}", "name", json_any (name), "kind", s_kind (settings, name));
}

void
admin_routes (const admin_view_t *view, admin_reply_t *reply)
{
    const settings_t *settings = s_settings (view, reply);
    if (!settings)
        return;
    json_t *routes = json_array (), *receivers = json_array ();
    for (size_t i = 0; i < settings->routing.rule_count; i++)
        json_array_append_new (routes, s_route (settings, i));
    json_array_append_new (receivers, s_receiver (settings, row_default_receiver));
    for (size_t i = 0; i < settings->routing.receiver_count; i++)
        json_array_append_new (receivers,
                               s_receiver (settings, settings->routing.receivers [i].name));
    admin_reply_json (reply, ADMIN_OK,
                      json_pack ("{s:o,s:o}", "routes", routes, "receivers", receivers));
}

//  --- the test

typedef struct {
    step_settings_t step;
    fault_t fault;
    route_label_t labels [LIMIT_LABELS]; //  of the query, instead of the cluster's own
    char keys [LIMIT_LABELS][LIMIT_MAP_KEY_BYTES + 1];
    route_cluster_t cluster;
} test_t;

static int
s_bad (admin_reply_t *reply, const char *what)
{
    admin_reply_error (reply, ADMIN_BAD, "bad_query", what);
    return ERR_PROTO;
}

//  Copy a text of the query, NULL = not given, into a field of the fault.
static int
s_text (const char *value, char *ret_field, size_t size, const char *wrong, admin_reply_t *reply)
{
    const int length = snprintf (ret_field, size, "%s", value ? value : "");
    return length >= 0 && (size_t) length < size ? 0 : s_bad (reply, wrong);
}

static int
s_read_labels (test_t *self, const admin_query_t *query, admin_reply_t *reply)
{
    for (size_t i = 0; i < query->label_count; i++) {
        const char *value = strchr (query->labels [i], '=');
        const size_t size = value ? (size_t) (value - query->labels [i]) : 0;
        if (size == 0 || size > LIMIT_MAP_KEY_BYTES)
            return s_bad (reply, "label: KEY=VALUE expected");
        memcpy (self->keys [i], query->labels [i], size);
        self->labels [i] = (route_label_t){.key = self->keys [i], .value = value + 1};
    }
    if (query->label_count == 0)
        return 0;
    self->cluster = (route_cluster_t){
        .name = self->fault.cluster, .labels = self->labels, .label_count = query->label_count};
    self->step.routing.clusters = &self->cluster;
    self->step.routing.cluster_count = 1;
    return 0;
}

//  Make the fault that the query describes.
static int
s_read (test_t *self, const admin_query_t *query, admin_reply_t *reply)
{
    fault_t *fault = &self->fault;
    *fault = (fault_t){.severity = FAULT_WARNING};
    if (!query->cluster || !*query->cluster)
        return s_bad (reply, "cluster: a name expected");
    if (query->severity && fault_severity_parse (query->severity, &fault->severity) < 0)
        return s_bad (reply, "severity: info, warning or critical expected");
    int rc = s_text (query->cluster, fault->cluster, sizeof fault->cluster,
                     "cluster: at most 253 bytes expected", reply);
    if (rc == 0)
        rc = s_text (query->namespace_, fault->namespace_, sizeof fault->namespace_,
                     "namespace: at most 63 bytes expected", reply);
    if (rc == 0)
        rc = s_text (query->type, fault->fault_type, sizeof fault->fault_type,
                     "type: at most 127 bytes expected", reply);
    return rc ? rc : s_read_labels (self, query, reply);
}

//  The labels that count for the test.
static json_t *
s_labels_of (const test_t *self)
{
    const route_table_t *table = &self->step.routing;
    for (size_t i = 0; i < table->cluster_count; i++)
        if (strcmp (table->clusters [i].name, self->fault.cluster) == 0)
            return s_labels (table->clusters [i].labels, table->clusters [i].label_count);
    return json_object ();
}

//  The routes that match, up to the one that ends the search.
static json_t *
s_matched (const test_t *self)
{
    const route_table_t *table = &self->step.routing;
    json_t *matched = json_array ();
    for (size_t at = route_find (table, &self->fault, 0); at < table->rule_count;
         at = route_find (table, &self->fault, at + 1)) {
        const route_rule_t *rule = &table->rules [at];
        json_array_append_new (matched, json_pack ("{s:I,s:o,s:b}", "number", (json_int_t) at + 1,
                                                   "receiver", json_any (rule->receiver),
                                                   "continue", rule->goes_on));
        if (!rule->goes_on)
            break;
    }
    return matched;
}

static json_t *
s_told (const test_t *self, const settings_t *settings)
{
    route_target_t targets [LIMIT_RECEIVERS];
    const size_t count = route_match (&self->step, &self->fault, targets, LIMIT_RECEIVERS);
    json_t *receivers = json_array ();
    for (size_t i = 0; i < count; i++) {
        json_t *receiver = s_receiver (settings, targets [i].receiver);
        json_object_set_new (receiver, "gets",
                             json_string (targets [i].shows  ? "states"
                                          : targets [i].ends ? "ends"
                                                             : "reports"));
        json_array_append_new (receivers, receiver);
    }
    return receivers;
}

void
admin_routes_test (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply)
{
    test_t self = {.cluster = {.name = ""}};
    const settings_t *settings = s_settings (view, reply);
    if (!settings)
        return;
    settings_step (settings, &self.step);
    if (s_read (&self, query, reply) < 0)
        return;
    json_t *matched = s_matched (&self);
    const bool none = json_array_size (matched) == 0;
    admin_reply_json (
        reply, ADMIN_OK,
        json_pack ("{s:o,s:o,s:s,s:o,s:o,s:o,s:b,s:o}", "cluster", json_any (self.fault.cluster),
                   "namespace", json_any_or_null (self.fault.namespace_), "severity",
                   fault_severity_name (self.fault.severity), "fault_type",
                   json_any_or_null (self.fault.fault_type), "labels", s_labels_of (&self),
                   "matched", matched, "default", none, "receivers", s_told (&self, settings)));
}
