//  admin_api - answers in JSON, made from the snapshot and the store's reader.
//
//  The JSON library escapes everything, so no name of a cluster or worker can leave its field.
//  Bytes that are not UTF-8 become U+FFFD.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_effects.h"
#include "broker/admin/admin_part.h"

#include "broker/admin/admin_storage.h"
#include "broker/base/settings_azure.h"
#include "common/base/buf.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    FILES_DEPTH = 4,                     //  attempts/<n>/output/investigation.md
    FILES_ENTRIES = 4 * LIMIT_HTTP_FILES //  entries read; folders and links are not listed
};

//  --- health

static int64_t
s_age_ms (const admin_view_t *view)
{
    return view->now.boot_ms - view->data.boot_ms;
}

static void
s_plain (admin_reply_t *reply, const char *text)
{
    admin_reply_body (reply, "text/plain; charset=utf-8", strdup (text), strlen (text));
}

void
admin_api_healthz (const admin_view_t *view, admin_reply_t *reply)
{
    if (view->data.boot_ms > 0 && s_age_ms (view) < LIMIT_SNAPSHOT_STALE_MS) {
        s_plain (reply, "ok\n");
        return;
    }
    admin_reply_error (reply, ADMIN_UNAVAILABLE, "stale", "the broker's loop makes no progress");
}

void
admin_api_readyz (const admin_view_t *view, admin_reply_t *reply)
{
    if (view->data.boot_ms <= 0 || s_age_ms (view) >= LIMIT_SNAPSHOT_STALE_MS)
        admin_reply_error (reply, ADMIN_UNAVAILABLE, "stale",
                           "the broker's loop makes no progress");
    else if (view->data.draining)
        admin_reply_error (reply, ADMIN_UNAVAILABLE, "draining", "the broker is going down");
    else if (view->data.store.refusing)
        admin_reply_error (reply, ADMIN_UNAVAILABLE, "store", "the store takes no more events");
    else if (view->data.artifacts_refused)
        admin_reply_error (reply, ADMIN_UNAVAILABLE, "artifacts", snapshot_trouble (&view->data));
    else if (view->data.zap_hangs)
        admin_reply_error (reply, ADMIN_UNAVAILABLE, "keys",
                           "the key check hangs: nobody new is let in");
    else if (!view->data.ready)
        admin_reply_error (reply, ADMIN_UNAVAILABLE, "starting", "the broker is not ready yet");
    else
        s_plain (reply, "ready\n");
}

//  --- status and workers, from the snapshot

static json_t *
s_counts (const int64_t *counts, size_t first, size_t end, const char *(*name) (size_t))
{
    json_t *object = json_object ();
    for (size_t i = first; i < end; i++)
        json_object_set_new (object, name (i), json_integer (counts [i]));
    return object;
}

static const char *
s_state_name (size_t i)
{
    return incident_state_name ((incident_state_t) i);
}

static const char *
s_suppress_name (size_t i)
{
    return incident_suppress_name ((incident_suppress_t) i);
}

static const char *
s_outcome_name (size_t i)
{
    return verdict_outcome_name ((verdict_outcome_t) i);
}

static const char *
s_class_name (size_t i)
{
    return run_class_name ((run_class_t) i);
}

static json_t *
s_usage (const usage_t *usage)
{
    return usage_known (usage) ? usage_json (usage) : json_null ();
}

static json_t *
s_source (const intake_source_t *source)
{
    return json_pack (
        "{s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "cluster", json_any (source->cluster),
        "state", json_any (source->state), "last_error", json_any_or_null (source->last_error),
        "events_total", (json_int_t) source->events_total, "gaps_total",
        (json_int_t) source->gaps_total, "reconnects_total", (json_int_t) source->reconnects_total,
        "dropped_total", (json_int_t) source->dropped_total, "bad_messages_total",
        (json_int_t) source->bad_messages_total, "last_event_at", json_time (source->last_event_ms),
        "last_alive_at", json_time (source->last_alive_ms), "retry_at",
        json_time (source->retry_ms));
}

static json_t *
s_status_events (const step_stats_t *stats)
{
    return json_pack ("{s:I,s:I,s:I,s:o}", "total", (json_int_t) stats->events_total, "repeat",
                      (json_int_t) stats->events_repeat, "counted",
                      (json_int_t) stats->events_counted, "suppressed",
                      s_counts (stats->events_suppressed, INCIDENT_SUPPRESS_FIRST,
                                INCIDENT_SUPPRESS_REASONS, s_suppress_name));
}

//  Incidents given up by full queues, by cluster and by source.
static json_t *
s_status_lost (const snapshot_data_t *data)
{
    json_t *clusters = json_object (), *sources = json_object ();
    for (size_t i = 0; i < data->cluster_count; i++)
        if (data->clusters [i].suppressed [INCIDENT_SUPPRESS_OVERFLOW] > 0)
            json_object_set_new (
                clusters, data->clusters [i].cluster,
                json_integer (data->clusters [i].suppressed [INCIDENT_SUPPRESS_OVERFLOW]));
    const step_source_t *source = data->stats.sources;
    for (int i = 0; i < STEP_SOURCES && source [i].name [0]; i++)
        if (source [i].lost [STEP_LOSS_QUEUE] > 0)
            json_object_set_new (sources, source [i].name,
                                 json_integer (source [i].lost [STEP_LOSS_QUEUE]));
    return json_pack ("{s:o,s:o}", "clusters", clusters, "sources", sources);
}

static json_t *
s_status_store (const store_stats_t *store)
{
    return json_pack ("{s:b,s:b,s:I,s:I,s:I,s:I,s:I}", "refusing", store->refusing, "wal_long",
                      store->wal_long, "commits_total", (json_int_t) store->commits_total,
                      "file_bytes", (json_int_t) store->file_bytes, "wal_bytes",
                      (json_int_t) store->wal_bytes, "full_total", (json_int_t) store->full_total,
                      "busy_total", (json_int_t) store->busy_total);
}

static json_t *
s_status_files (const snapshot_data_t *data)
{
    const artifact_stats_t *files = &data->artifact;
    return json_pack (
        "{s:b,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "refusing", data->artifacts_refused, "trouble",
        json_any_or_null (snapshot_trouble (data)), "free_bytes", (json_int_t) files->free_bytes,
        "free_files", (json_int_t) files->free_files, "bytes_received_total",
        (json_int_t) files->bytes_received_total, "bytes_sent_total",
        (json_int_t) files->bytes_sent_total, "uploads_active", (json_int_t) files->uploads_active,
        "upload_bytes_active", (json_int_t) files->upload_bytes_active, "sealed_total",
        (json_int_t) files->sealed_total, "refused_total", (json_int_t) files->refused_total);
}

static json_t *
s_status_breaker (const step_stats_t *stats)
{
    return json_pack (
        "{s:s,s:I,s:o,s:I,s:b,s:o}", "state", step_breaker_name (stats->breaker), "failures",
        (json_int_t) stats->breaker_failures, "opened_at", json_time (stats->breaker_opened_ms),
        "opened_total", (json_int_t) stats->breaker_total [STEP_BREAKER_OPEN], "paused",
        stats->breaker_paused != 0, "next_probe_ms",
        stats->breaker_probe_ms < 0 ? json_null () : json_integer (stats->breaker_probe_ms));
}

//  Add the counts of the store; null when it could not be read.
static void
s_status_counts (json_t *doc, const admin_view_t *view)
{
    json_object_set_new (doc, "counts_error",
                         view->counted ? json_null ()
                                       : json_string ("unknown: the store did not answer"));
    json_object_set_new (doc, "incidents",
                         view->counted ? s_counts (view->counts.incidents, INCIDENT_NONE + 1,
                                                   INCIDENT_STATES, s_state_name)
                                       : json_null ());
    json_object_set_new (doc, "suppressed",
                         view->counted ? s_counts (view->counts.suppressed, INCIDENT_SUPPRESS_FIRST,
                                                   INCIDENT_SUPPRESS_REASONS, s_suppress_name)
                                       : json_null ());
    json_object_set_new (doc, "without_report",
                         view->counted
                             ? json_integer (view->counts.incidents [INCIDENT_AGENT_FAILED]
                                             + view->counts.incidents [INCIDENT_FAILED])
                             : json_null ());
}

//  Add the queue and the workers.
static void
s_status_queue (json_t *doc, const snapshot_data_t *data)
{
    const step_stats_t *stats = &data->stats;
    json_object_set_new (doc, "queue",
                         json_pack ("{s:I,s:I,s:I,s:I,s:o}", "depth", (json_int_t) stats->queued,
                                    "assigned", (json_int_t) stats->assigned, "given_back",
                                    (json_int_t) stats->given_back, "oldest_ms",
                                    (json_int_t) stats->oldest_queued_ms, "lost",
                                    s_status_lost (data)));
    json_object_set_new (
        doc, "workers",
        json_pack ("{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "known", (json_int_t) stats->workers, "ready",
                   (json_int_t) stats->workers_ready, "quarantined",
                   (json_int_t) stats->workers_quarantined, "draining",
                   (json_int_t) stats->workers_draining, "held", (json_int_t) stats->workers_held,
                   "slots", (json_int_t) stats->slots, "slots_free",
                   (json_int_t) stats->slots_free));
}

//  What a check of the storage has found; null before the first.
static json_t *
s_storage (const mail_storage_t *found)
{
    static const char *const results [] = {[MAIL_STORAGE_GOOD] = "ok",
                                           [MAIL_STORAGE_BAD] = "failed",
                                           [MAIL_STORAGE_SKIPPED] = "skipped"};
    if (found->count == 0)
        return json_null ();
    json_t *steps = json_array ();
    for (size_t i = 0; i < found->count; i++)
        json_array_append_new (steps, json_pack ("{s:s,s:s,s:o}", "name", found->steps [i].name,
                                                 "result", results [found->steps [i].result],
                                                 "text", json_any (found->steps [i].text)));
    return json_pack ("{s:s,s:b,s:o}", "backend", found->backend, "works",
                      mail_storage_bad (found) == NULL, "steps", steps);
}

void
admin_api_storage_checked (const mail_storage_t *found, admin_reply_t *reply)
{
    admin_reply_json (reply, ADMIN_OK, s_storage (found));
}

void
admin_api_slack_checked (const char *text, admin_reply_t *reply)
{
    json_t *doc = NULL;
    if (json_parse (text, strlen (text), &doc, NULL) < 0)
        doc = NULL; //  no memory
    admin_reply_json (reply, ADMIN_OK, doc);
}

void
admin_api_status (const admin_view_t *view, admin_reply_t *reply)
{
    const snapshot_data_t *data = &view->data;
    const step_stats_t *stats = &data->stats;
    own (json_drop) json_t *sources = json_array ();
    for (size_t i = 0; i < data->source_count; i++)
        json_array_append_new (sources, s_source (&data->sources [i]));

    json_t *doc = json_pack (
        "{s:b,s:b,s:b,s:o,s:I,s:I}", "ready", data->ready, "draining", data->draining, "curve",
        data->curve, "started_at", json_time (data->started_ms), "snapshot_age_ms",
        (json_int_t) s_age_ms (view), "last_seq", (json_int_t) stats->last_seq);
    s_status_counts (doc, view);
    s_status_queue (doc, data);
    json_object_set_new (doc, "events", s_status_events (stats));
    json_object_set_new (doc, "outcomes",
                         s_counts (stats->outcomes_total, 0, VERDICT_OUTCOMES, s_outcome_name));
    json_object_set_new (
        doc, "classes",
        s_counts (stats->classes_total, RUN_CLASS_NONE + 1, RUN_CLASSES, s_class_name));
    json_object_set_new (doc, "used", s_usage (&stats->used));
    json_object_set_new (doc, "effects", admin_effects_status (view));
    json_object_set_new (doc, "breaker", s_status_breaker (stats));
    json_object_set_new (doc, "dead_letters",
                         view->counted ? json_integer (view->counts.dead_letters) : json_null ());
    json_object_set_new (doc, "storage", s_storage (&data->storage));
    json_object_set_new (doc, "store", s_status_store (&data->store));
    json_object_set_new (doc, "files", s_status_files (data));
    json_object_set_new (doc, "retention", admin_storage_retention_json (view));
    json_object_set (doc, "sources", sources);
    admin_reply_json (reply, ADMIN_OK, doc);
}

void
admin_api_workers (const admin_view_t *view, admin_reply_t *reply)
{
    json_t *workers = json_array ();
    for (size_t i = 0; i < view->data.worker_count; i++) {
        const step_worker_t *worker = &view->data.workers [i];
        json_array_append_new (
            workers,
            json_pack (
                "{s:o,s:o,s:b,s:b,s:b,s:o,s:o,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "name",
                json_any (worker->name), "identity", json_any (worker->identity), "ready",
                worker->ready, "held", worker->held, "quarantined", worker->quarantined,
                "quarantined_for", json_any (worker->why), "class",
                json_any_or_null (run_class_name (worker->class)), "draining", worker->draining,
                "slots", (json_int_t) worker->slots, "free", (json_int_t) worker->free, "running",
                (json_int_t) worker->running, "streak", (json_int_t) worker->streak,
                "last_seen_ms_ago", (json_int_t) worker->last_seen_ms_ago,
                "assignments_returned_total", (json_int_t) worker->returned_total,
                "twins_refused_total", (json_int_t) worker->refused_total, "twin_ms_ago",
                worker->refused_total ? json_integer (worker->refused_ms_ago) : json_null ()));
    }
    admin_reply_json (reply, ADMIN_OK, json_pack ("{s:o}", "workers", workers));
}

//  The labels of a cluster in the configuration in force.
static json_t *
s_labels (const admin_view_t *view, const char *cluster)
{
    json_t *object = json_object ();
    const conf_t *conf = view->data.conf;
    const conf_table_t *labels = conf ? settings_labels (conf_settings (conf), cluster) : NULL;
    const conf_pair_t *pairs = labels ? labels->items : NULL;
    for (size_t i = 0; labels && i < labels->count; i++)
        json_object_set_new (object, pairs [i].key, json_any (pairs [i].value));
    return object;
}

//  A cluster, known by its MCP source, by its events, or by both.
static json_t *
s_cluster (const admin_view_t *view, const char *name, const intake_source_t *source,
           const step_cluster_t *events)
{
    int64_t total = 0, suppressed = 0;
    for (int i = 0; events && i < FAULT_SEVERITIES; i++)
        total += events->events [i];
    for (int i = 0; events && i < INCIDENT_SUPPRESS_REASONS; i++)
        suppressed += events->suppressed [i];
    json_t *doc =
        json_pack ("{s:o,s:o,s:o,s:I,s:I,s:o,s:I,s:I}", "cluster", json_any (name), "labels",
                   s_labels (view, name), "mcp", source ? s_source (source) : json_null (),
                   "events_total", (json_int_t) total, "suppressed_total", (json_int_t) suppressed,
                   "last_event_at", json_time (events ? events->last_event_ms : 0), "pending",
                   (json_int_t) (events ? events->states [INCIDENT_PENDING] : 0), "investigating",
                   (json_int_t) (events ? events->states [INCIDENT_INVESTIGATING] : 0));
    return doc;
}

static const intake_source_t *
s_source_of (const admin_view_t *view, const char *cluster)
{
    for (size_t i = 0; i < view->data.source_count; i++)
        if (strcmp (view->data.sources [i].cluster, cluster) == 0)
            return &view->data.sources [i];
    return NULL;
}

static const step_cluster_t *
s_events_of (const admin_view_t *view, const char *cluster)
{
    for (size_t i = 0; i < view->data.cluster_count; i++)
        if (strcmp (view->data.clusters [i].cluster, cluster) == 0)
            return &view->data.clusters [i];
    return NULL;
}

void
admin_api_clusters (const admin_view_t *view, admin_reply_t *reply)
{
    json_t *clusters = json_array ();
    int64_t active = 0;
    for (size_t i = 0; i < view->data.source_count; i++) {
        const intake_source_t *source = &view->data.sources [i];
        active += strcmp (source->state, "active") == 0;
        json_array_append_new (clusters, s_cluster (view, source->cluster, source,
                                                    s_events_of (view, source->cluster)));
    }
    for (size_t i = 0; i < view->data.cluster_count; i++) {
        const step_cluster_t *events = &view->data.clusters [i];
        if (!s_source_of (view, events->cluster))
            json_array_append_new (clusters, s_cluster (view, events->cluster, NULL, events));
    }
    int64_t sources = (int64_t) view->data.source_count;
    int64_t total = (int64_t) json_array_size (clusters);
    admin_reply_json (reply, ADMIN_OK,
                      json_pack ("{s:o,s:{s:I,s:I,s:I}}", "clusters", clusters, "summary", "total",
                                 (json_int_t) total, "active", (json_int_t) active, "unhealthy",
                                 (json_int_t) (sources - active)));
}

//  --- incidents, from the store

static json_t *
s_resource (const fault_t *fault)
{
    return json_pack ("{s:o,s:o,s:o,s:o,s:o}", "api_version", json_any (fault->api_version), "kind",
                      json_any (fault->kind), "namespace", json_any (fault->namespace_), "name",
                      json_any (fault->name), "uid", json_any (fault->uid));
}

static json_t *
s_incident (const row_incident_t *row)
{
    const fault_t *fault = &row->fault;
    json_t *doc =
        json_pack ("{s:o,s:I,s:s,s:o,s:o,s:o,s:o,s:o,s:s,s:o,s:o}", "id", json_any (row->id.text),
                   "number", (json_int_t) row->number, "state", incident_state_name (row->state),
                   "suppressed", json_any_or_null (incident_suppress_name (row->suppress)),
                   "cluster", json_any (fault->cluster), "namespace", json_any (fault->namespace_),
                   "resource", s_resource (fault), "fault_type", json_any (fault->fault_type),
                   "severity", fault_severity_name (fault->severity), "fault_id",
                   json_any_or_null (fault->fault_id), "summary", json_any (fault->summary));
    if (!doc)
        return NULL;
    own (json_drop) json_t *rest = json_pack (
        "{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "source", json_any (row->source), "event_id",
        json_any (row->event_id), "linked", json_any_or_null (row->linked.text), "created_at",
        json_time (row->created_ms), "started_at", json_time (row->started_ms), "completed_at",
        json_time (row->completed_ms), "first_seen_at", json_time (row->first_seen_ms),
        "last_seen_at", json_time (row->last_seen_ms));
    own (json_drop) json_t *counts = json_pack (
        "{s:I,s:I,s:I,s:I,s:I,s:i,s:o}", "occurrences", (json_int_t) row->occurrences,
        "attempt_count", (json_int_t) row->attempts, "charged", (json_int_t) row->charged, "lost",
        (json_int_t) row->lost, "winner", (json_int_t) row->winner, "exit_code", row->exit_code,
        "reason", json_any_or_null (row->reason));
    own (json_drop) json_t *back =
        json_pack ("{s:I,s:I,s:o,s:o}", "partial", (json_int_t) row->partial, "given_back",
                   (json_int_t) row->given_back, "given_back_at", json_time (row->given_back_ms),
                   "not_before", json_time (row->not_before_ms));
    json_object_update (doc, rest);
    json_object_update (doc, counts);
    json_object_update (doc, back);
    return doc;
}

//  Read the filter.  Err: ERR_PROTO: the reply says what was expected.
static int
s_filter (const admin_query_t *query, incident_state_t *ret_state, incident_suppress_t *ret_reason,
          admin_reply_t *reply)
{
    *ret_state = INCIDENT_STATES;
    *ret_reason = INCIDENT_SUPPRESS_NONE;
    if (query->state && !incident_state_parse (query->state, ret_state)) {
        admin_reply_error (reply, ADMIN_BAD, "bad_query",
                           "state: pending, investigating, reported, agent_failed, failed, "
                           "suppressed or cancelled expected");
        return ERR_PROTO;
    }
    if (query->reason
        && (*ret_state != INCIDENT_SUPPRESSED
            || !incident_suppress_parse (query->reason, ret_reason))) {
        admin_reply_error (reply, ADMIN_BAD, "bad_query",
                           "reason: with state=suppressed, one of below_severity, "
                           "triage_disabled, overflow, unparsed expected");
        return ERR_PROTO;
    }
    return 0;
}

void
admin_api_incidents (const admin_view_t *view, const admin_query_t *query, admin_reply_t *reply)
{
    incident_state_t state = INCIDENT_STATES;
    incident_suppress_t reason = INCIDENT_SUPPRESS_NONE;
    if (s_filter (query, &state, &reason, reply))
        return;
    //  One row more than requested shows whether there is a next page.
    int want = (int) query->limit + 1;
    own (own_mem) row_incident_t *rows = calloc ((size_t) want, sizeof (row_incident_t));
    if (!rows) {
        admin_reply_json (reply, ADMIN_INTERNAL, NULL);
        return;
    }
    int count = store_reader_incidents (view->reader, state, reason, query->before, rows, want);
    if (count < 0) {
        admin_reply_store (reply, "incidents", count);
        return;
    }
    bool more = count == want;
    int shown = more ? want - 1 : count;
    json_t *list = json_array ();
    for (int i = 0; i < shown; i++)
        json_array_append_new (list, s_incident (&rows [i]));
    json_t *next = more ? json_integer (rows [shown - 1].number) : json_null ();
    admin_reply_json (reply, ADMIN_OK, json_pack ("{s:o,s:o}", "incidents", list, "next", next));
}

static json_t *
s_attempt (const row_attempt_t *row)
{
    bool known = row->state != ROW_ATTEMPT_LIVE;
    return json_pack (
        "{s:I,s:s,s:o,s:o,s:b,s:o,s:o,s:o,s:o,s:o,s:i,s:o,s:o,s:o}", "attempt",
        (json_int_t) row->number, "state", row_attempt_state_name (row->state), "worker",
        json_any (row->worker), "identity", json_any (row->identity), "started", row->started,
        "assigned_at", json_time (row->assigned_ms), "started_at", json_time (row->started_ms),
        "ended_at", json_time (row->ended_ms), "deadline_at", json_time (row->deadline_ms),
        "outcome", known ? json_any (verdict_outcome_name (row->outcome)) : json_null (),
        "exit_code", row->exit_code, "reason", json_any_or_null (row->reason), "class",
        json_any_or_null (run_class_name (row->class)), "usage", s_usage (&row->usage));
}

static bool
s_file (json_t *files, const char *path, int64_t size)
{
    if (json_array_size (files) >= LIMIT_HTTP_FILES)
        return false;
    json_array_append_new (
        files, json_pack ("{s:o,s:I}", "path", json_any (path), "size", (json_int_t) size));
    return true;
}

//  Append the regular files below fd as {path, size}.  Returns false when the list is cut.
static bool
s_files (int fd, json_t *files)
{
    const folder_rules_t rules = {.depth = FILES_DEPTH, .entries = FILES_ENTRIES};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    bool complete = true;
    int more = folder_walk_new (fd, "", &rules, &walk);
    while (walk && complete && (more = folder_walk_next (walk, &entry)) > 0) {
        if (entry.left || entry.name [0] == '.')
            continue;
        if (S_ISREG (entry.st.st_mode))
            complete = s_file (files, entry.path, entry.st.st_size);
        if (S_ISDIR (entry.st.st_mode) && folder_walk_enter (walk) < 0)
            continue; //  too deep, or removed meanwhile
    }
    return complete && more != ERR_LIMIT;
}

//  "CONTAINER/ID/output/investigation.html" in the container that is configured now; null without
//  an upload.
static json_t *
s_blob (const admin_view_t *view, const char *id, const json_t *files)
{
    static const char page [] = "output/investigation.html";
    const settings_t *settings = view->data.conf ? conf_settings (view->data.conf) : NULL;
    row_folder_t row;
    char text [LIMIT_PATH_BYTES];
    bool has_page = false;
    if (!settings || !settings_azure_chosen (settings)
        || store_reader_folder (view->reader, id, &row) < 0 || !row.uploaded)
        return json_null ();
    for (size_t i = 0; i < json_array_size (files); i++)
        has_page = has_page
                   || strcmp (json_member_text (json_array_get (files, i), "path", ""), page) == 0;
    snprintf (text, sizeof text, "%s/%s%s%s", settings->azure_storage_container, id,
              has_page ? "/" : "", has_page ? page : "");
    return json_any (text);
}

static json_t *
s_artifacts (const admin_view_t *view, const char *id)
{
    char folder [PATH_MAX], absolute [PATH_MAX];
    snprintf (folder, sizeof (folder), "%s/%s", view->workspace_root, id);
    json_t *files = json_array ();
    own (own_fd) int fd = folder_open_path (folder);
    const bool complete = fd < 0 || s_files (fd, files);
    json_t *blob = s_blob (view, id, files);
    return json_pack ("{s:o,s:o,s:o,s:b}", "folder",
                      fd >= 0 ? json_any (path_absolute (folder, absolute)) : json_null (), "blob",
                      blob, "files", files, "complete", complete);
}

void
admin_api_incident (const admin_view_t *view, const char *name, admin_reply_t *reply)
{
    row_incident_t row;
    ident_t ident;
    const char *id = ident.text;
    int rc = admin_query_incident (view->reader, name, &ident);
    if (rc == 0)
        rc = store_reader_incident (view->reader, id, &row);
    if (rc == ERR_NONE) {
        admin_reply_error (reply, ADMIN_NOT_FOUND, "not_found", "no such incident");
        return;
    }
    own (own_mem) row_attempt_t *attempts = calloc (LIMIT_ATTEMPTS, sizeof (row_attempt_t));
    own (own_mem) row_effect_t *effects = calloc (LIMIT_ATTEMPTS, sizeof (row_effect_t));
    if (!attempts || !effects) {
        admin_reply_json (reply, ADMIN_INTERNAL, NULL);
        return;
    }
    int attempt_count =
        rc ? rc : store_reader_attempts (view->reader, id, attempts, LIMIT_ATTEMPTS);
    int effect_count = attempt_count < 0
                           ? attempt_count
                           : store_reader_effects (view->reader, id, effects, LIMIT_ATTEMPTS);
    if (effect_count < 0) {
        admin_reply_store (reply, "incident", effect_count);
        return;
    }
    json_t *attempt_list = json_array ();
    for (int i = 0; i < attempt_count; i++)
        json_array_append_new (attempt_list, s_attempt (&attempts [i]));
    json_t *effect_list = json_array ();
    for (int i = 0; i < effect_count; i++)
        json_array_append_new (effect_list, admin_effects_row (&effects [i]));
    json_t *doc = s_incident (&row);
    json_object_set_new (doc, "attempts", attempt_list);
    json_object_set_new (doc, "effects", effect_list);
    json_object_set_new (doc, "artifacts", s_artifacts (view, id));
    admin_reply_json (reply, ADMIN_OK, doc);
}
