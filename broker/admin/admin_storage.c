//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_storage.h"

#include "broker/admin/admin_metric.h"
#include "broker/admin/admin_sample.h"

#include <inttypes.h>

//  All incidents of the store; -1: the store did not answer.
static int64_t
s_kept (const admin_view_t *view)
{
    int64_t count = 0;
    for (int i = INCIDENT_NONE + 1; i < INCIDENT_STATES; i++)
        count += view->counts.incidents [i];
    return view->counted ? count : -1;
}

static json_t *
s_known (const admin_view_t *view, int64_t count)
{
    return view->counted ? json_integer (count) : json_null ();
}

//  What the last pass over the store found; null: none has ended yet.
static json_t *
s_found (const snapshot_retention_t *retention)
{
    if (retention->found < 0 || !retention->found_ms)
        return json_null ();
    return json_pack ("{s:I,s:I,s:o,s:o,s:o}", "incidents", (json_int_t) retention->found, "bytes",
                      (json_int_t) retention->found_bytes, "oldest_at",
                      json_time (retention->oldest_ms), "newest_at",
                      json_time (retention->newest_ms), "counted_at",
                      json_time (retention->found_ms));
}

json_t *
admin_storage_retention_json (const admin_view_t *view)
{
    const step_retention_t *core = &view->data.stats.retention;
    const settings_t *settings = view->data.conf ? conf_settings (view->data.conf) : NULL;
    json_t *doc = json_pack ("{s:I,s:I,s:b}", "retain_incidents_ms",
                             (json_int_t) (settings ? settings->retain_incidents_ms : 0),
                             "retain_bytes", (json_int_t) (settings ? settings->retain_bytes : 0),
                             "retain_blobs", settings && settings->retain_blobs);
    json_object_set_new (doc, "incidents", s_known (view, s_kept (view)));
    json_object_set_new (doc, "folders", s_known (view, view->counts.folders));
    json_object_set_new (doc, "folder_bytes", s_known (view, view->counts.folder_bytes));
    json_object_set_new (doc, "oldest_at",
                         view->counted ? json_time (view->counts.oldest_ms) : json_null ());
    json_object_set_new (doc, "removable", s_found (&view->data.retention));
    json_object_set_new (doc, "folders_without_incident",
                         json_integer (view->data.artifact.disk_orphans));
    json_object_set_new (doc, "removes", json_boolean (core->begun));
    json_object_set_new (doc, "not_before_at", json_time (core->not_before_ms));
    json_object_set_new (doc, "removing", json_integer (core->retiring));
    json_object_set_new (doc, "removed_total", json_integer (core->retired_total));
    return doc;
}

void
admin_api_retention (const admin_view_t *view, admin_reply_t *reply)
{
    admin_reply_json (reply, ADMIN_OK, admin_storage_retention_json (view));
}


//  --- metrics

static void
s_number (const admin_metric_t *self, const admin_view_t *view, buf_t *out, int64_t number)
{
    if (view->counted)
        buf_printf (out, "%s %" PRId64 "\n", self->name, number);
}

static void
s_print_kept (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    s_number (self, view, out, s_kept (view));
}

static void
s_print_folders (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    s_number (self, view, out, view->counts.folders);
}

static void
s_print_bytes (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    s_number (self, view, out, view->counts.folder_bytes);
}

static void
s_print_oldest (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    s_number (self, view, out, view->counts.oldest_ms / 1000);
}

//  Until removing begins, what was found waits; then what was given to delivery.
static void
s_print_pending (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    const step_retention_t *core = &view->data.stats.retention;
    const int64_t found = view->data.retention.found > 0 ? view->data.retention.found : 0;
    buf_printf (out, "%s %" PRId64 "\n", self->name, core->begun ? core->retiring : found);
}

static const admin_metric_t s_metrics [] = {
    {"triage_retention_incidents", "gauge", "Incidents that are kept.", s_print_kept, 0},
    {"triage_retention_folders", "gauge", "Folders of ended incidents.", s_print_folders, 0},
    {"triage_retention_folder_bytes", "gauge",
     "What they take on the disk; retain_bytes is their bound.", s_print_bytes, 0},
    {"triage_retention_oldest_timestamp_seconds", "gauge",
     "When the oldest incident that is kept was made; 0: there is none.", s_print_oldest, 0},
    {"triage_retention_pending", "gauge", "Incidents that are to be removed.", s_print_pending, 0},
    {"triage_retention_removed_total", "counter", "Incidents that were removed.",
     admin_metric_number, ADMIN_METRIC_AT (stats.retention.retired_total)},
};

void
admin_storage_metrics (const admin_view_t *view, buf_t *out)
{
    admin_metric_print (s_metrics, sizeof s_metrics / sizeof s_metrics [0], view, out);
}
