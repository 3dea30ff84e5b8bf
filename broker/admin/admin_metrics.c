//  admin_metrics - /metrics: the tables of all metrics, printed as Prometheus text.
//
//  Label values are words from closed lists, names of workers, clusters and sources.
//  Peers with the same label share one series.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_part.h"

#include "broker/admin/admin_agents.h"
#include "broker/admin/admin_metric.h"
#include "broker/admin/admin_sample.h"
#include "broker/admin/admin_storage.h"
#include "common/base/own.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#ifndef TRIAGE_VERSION
#define TRIAGE_VERSION "unknown"
#endif
#ifndef TRIAGE_REVISION
#define TRIAGE_REVISION "unknown"
#endif

static void
s_print_build (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    buf_printf (out, "%s{version=\"%s\",revision=\"%s\"} 1\n", self->name, TRIAGE_VERSION,
                TRIAGE_REVISION);
}

static void
s_print_hash (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    if (view->data.conf)
        buf_printf (out, "%s %" PRIu64 "\n", self->name, conf_hash (view->data.conf));
}

static void
s_print_incidents (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (int i = INCIDENT_NONE + 1; view->counted && i < INCIDENT_STATES; i++)
        admin_sample (out, self->name, "state", incident_state_name ((incident_state_t) i),
                      (double) view->counts.incidents [i]);
}

//  --- clusters, as events name them

static void
s_print_received (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t k = 0; k < view->data.cluster_count; k++)
        for (int i = 0; i < FAULT_SEVERITIES; i++)
            admin_sample_of (out, self->name, "cluster", view->data.clusters [k].cluster,
                             "severity", fault_severity_name ((enum fault_severity) i),
                             view->data.clusters [k].events [i]);
}

static void
s_print_suppressed (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t k = 0; k < view->data.cluster_count; k++)
        for (int i = INCIDENT_SUPPRESS_FIRST; i < INCIDENT_SUPPRESS_REASONS; i++)
            admin_sample_of (out, self->name, "cluster", view->data.clusters [k].cluster, "reason",
                             incident_suppress_name ((incident_suppress_t) i),
                             view->data.clusters [k].suppressed [i]);
}

//  Losses of each source; offset is the kind of loss.
static void
s_print_lost (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    const step_source_t *sources = view->data.stats.sources;
    for (int i = 0; i < STEP_SOURCES && sources [i].name [0]; i++)
        admin_sample (out, self->name, "source", sources [i].name,
                      (double) sources [i].lost [self->offset]);
}

//  Incidents of each cluster in one state; offset is the state.
static void
s_print_cluster_state (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t k = 0; k < view->data.cluster_count; k++)
        admin_sample (out, self->name, "cluster", view->data.clusters [k].cluster,
                      (double) view->data.clusters [k].states [self->offset]);
}

//  --- effects: each attempt counts

//  The name of the storage backend; "" before the first snapshot.
static const char *
s_storage (const admin_view_t *view)
{
    return view->data.delivery.storage ? view->data.delivery.storage : "";
}

static void
s_print_upload_time (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    admin_sample_histogram (out, self->name, &view->data.stats.effect_time [ROW_CHANNEL_STORAGE],
                            "backend", s_storage (view));
}

static void
s_print_storage_up (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    const storage_probe_stats_t *probe = &view->data.delivery.probe;
    if (probe->up >= 0)
        buf_printf (out, "%s{backend=\"%s\"} %d\n", self->name, s_storage (view), probe->up);
}

static void
s_print_notice_latency (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    admin_sample_histogram (out, self->name, &view->data.stats.effect_time [ROW_CHANNEL_MESSAGE],
                            "integration", "slack");
}

static void
s_print_uploads (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    static const char *const outcomes [STEP_EFFECT_RESULTS] = {
        [STEP_EFFECT_OK] = "success",
        [STEP_EFFECT_RETRY] = "retry",
        [STEP_EFFECT_UNSURE] = "unsure",
        [STEP_EFFECT_PERMANENT] = "permanent",
    };
    for (int i = 0; i < STEP_EFFECT_RESULTS; i++)
        admin_sample_of (out, self->name, "backend", s_storage (view), "outcome", outcomes [i],
                         view->data.stats.tries_total [ROW_CHANNEL_STORAGE][i]);
}

static void
s_print_breaker (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    buf_printf (out, "%s %d\n", self->name, (int) view->data.stats.breaker);
}

static void
s_print_transitions (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (int i = 0; i < STEP_BREAKERS; i++)
        admin_sample (out, self->name, "to", step_breaker_name ((step_breaker_t) i),
                      (double) view->data.stats.breaker_total [i]);
}

static void
s_print_notifications (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    admin_sample (out, self->name, "integration", "slack",
                  (double) view->data.delivery.notify.posts_total);
}

static void
s_print_notifications_failed (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (int i = 0; i < NOTIFY_REASONS; i++)
        buf_printf (out, "%s{integration=\"slack\",reason=\"%s\"} %" PRId64 "\n", self->name,
                    snapshot_notify_reason ((notify_reason_t) i),
                    view->data.delivery.notify.failed_total [i]);
}

static void
s_print_untold (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    static const char *const reasons [STEP_UNTOLDS] = {
        [STEP_UNTOLD_DISABLED] = "disabled",
        [STEP_UNTOLD_UNOPENED] = "degraded_not_sent",
        [STEP_UNTOLD_REPEATED] = "overflow_repeated",
        [STEP_UNTOLD_CROWDED] = "overflow_crowded",
    };
    for (int i = 0; i < STEP_UNTOLDS; i++)
        admin_sample (out, self->name, "reason", reasons [i],
                      (double) view->data.stats.untold_total [i]);
}

static void
s_print_effects (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    admin_sample (out, self->name, "state", "ready", (double) view->data.stats.effects_ready);
    if (view->counted)
        admin_sample (out, self->name, "state", "dead", (double) view->counts.dead_effects);
}

static void
s_print_blocked (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t i = 0; i < view->data.lane_count; i++)
        admin_sample (out, self->name, "channel", view->data.lanes [i].name,
                      (double) view->data.lanes [i].blocked_ms / 1000.0);
}

static void
s_print_waiting (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t i = 0; i < view->data.lane_count; i++)
        admin_sample (out, self->name, "channel", view->data.lanes [i].name,
                      (double) view->data.lanes [i].effects);
}

static void
s_print_dead_letters (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    if (view->counted)
        buf_printf (out, "%s %" PRId64 "\n", self->name, view->counts.dead_letters);
}

//  --- sources: one series for each cluster; a second source of the same name is left out

static bool
s_source_again (const admin_view_t *view, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp (view->data.sources [i].cluster, view->data.sources [index].cluster) == 0)
            return true;
    return false;
}

static void
s_print_sources (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t i = 0; i < view->data.source_count; i++) {
        int64_t value = 0;
        const intake_source_t *source = &view->data.sources [i];
        memcpy (&value, (const char *) source + self->offset, sizeof (value));
        if (!s_source_again (view, i))
            admin_sample (out, self->name, "cluster", source->cluster, (double) value);
    }
}

//  "stream": the session was kept and its stream opened again; "session": a new session.
static void
s_print_reconnects (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t i = 0; i < view->data.source_count; i++) {
        const intake_source_t *source = &view->data.sources [i];
        if (s_source_again (view, i))
            continue;
        admin_sample_of (out, self->name, "cluster", source->cluster, "reason", "stream",
                         source->reopened_total);
        admin_sample_of (out, self->name, "cluster", source->cluster, "reason", "session",
                         source->reconnects_total - source->reopened_total);
    }
}

static void
s_print_sources_ms (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t i = 0; i < view->data.source_count; i++)
        if (!s_source_again (view, i))
            admin_sample (out, self->name, "cluster", view->data.sources [i].cluster,
                          (double) view->data.sources [i].last_event_ms / 1000.0);
}

static void
s_print_sources_up (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (size_t i = 0; i < view->data.source_count; i++)
        if (!s_source_again (view, i))
            admin_sample (out, self->name, "cluster", view->data.sources [i].cluster,
                          strcmp (view->data.sources [i].state, "active") == 0);
}

//  --- the store

static void
s_print_commits (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    const store_stats_t *store = &view->data.store;
    buf_printf (out, "%s_sum %.6f\n%s_count %" PRId64 "\n", self->name,
                (double) store->commit_us_total / 1e6, self->name, store->commits_total);
}

static void
s_print_ended (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (int i = 0; i < SNAPSHOT_SOCKETS; i++)
        admin_sample (out, self->name, "socket", snapshot_socket_name ((snapshot_socket_t) i),
                      (double) view->data.ended_total [i]);
}

static void
s_print_turn (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    buf_printf (out, "%s %.6f\n", self->name, (double) view->data.turn_us_max / 1e6);
}

static void
s_print_age (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    buf_printf (out, "%s %.3f\n", self->name,
                (double) (view->now.boot_ms - view->data.boot_ms) / 1000.0);
}

//  --- the process

static void
s_print_cpu (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    struct rusage usage;
    if (getrusage (RUSAGE_SELF, &usage))
        return;
    buf_printf (out, "%s %.2f\n", self->name,
                (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
                    + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

//  Pages of /proc/self/statm: 0 virtual, 1 resident.
static void
s_print_statm (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    long long pages [2] = {0, 0};
    FILE *file = fopen ("/proc/self/statm", "re");
    if (!file)
        return;
    bool read = fscanf (file, "%lld %lld", &pages [0], &pages [1]) == 2;
    fclose (file);
    if (read)
        buf_printf (out, "%s %lld\n", self->name, pages [self->offset] * sysconf (_SC_PAGESIZE));
}

static void
s_print_fds (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    DIR *dir = opendir ("/proc/self/fd");
    if (!dir)
        return;
    int64_t count = -3; //  ".", ".." and the folder itself
    while (readdir (dir))
        count++;
    closedir (dir);
    buf_printf (out, "%s %" PRId64 "\n", self->name, count);
}

static void
s_print_max_fds (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    struct rlimit limit;
    if (getrlimit (RLIMIT_NOFILE, &limit) == 0)
        buf_printf (out, "%s %llu\n", self->name, (unsigned long long) limit.rlim_cur);
}

#define SOURCE(member) offsetof (intake_source_t, member)

//  They are printed before those of admin_agents, s_parts after them.
static const admin_metric_t s_incidents [] = {
    {"triage_build_info", "gauge", "Version and revision of the running broker.", s_print_build, 0},
    {"triage_config_last_reload_successful", "gauge",
     "1 unless the last SIGHUP found a configuration that could not be taken.", admin_metric_bool,
     ADMIN_METRIC_AT (reloaded)},
    {"triage_config_last_reload_success_timestamp_seconds", "gauge",
     "When the configuration in force was read.", admin_metric_ms, ADMIN_METRIC_AT (reloaded_ms)},
    {"triage_config_hash", "gauge",
     "Digest of the configuration in force, without secrets: brokers with one value are set alike.",
     s_print_hash, 0},
    {"triage_events_received_total", "counter",
     "Fault events taken in, each sending once, by their cluster.", s_print_received, 0},
    {"triage_events_shortened_total", "counter",
     "Events with a name longer than its field: a digest of the whole is its end.",
     admin_metric_number, ADMIN_METRIC_AT (stats.events_shortened)},
    {"triage_events_repeated_total", "counter", "Events whose event id was known already.",
     admin_metric_number, ADMIN_METRIC_AT (stats.events_repeat)},
    {"triage_events_counted_total", "counter",
     "Events counted up on an incident that exists for their condition.", admin_metric_number,
     ADMIN_METRIC_AT (stats.events_counted)},
    {"triage_events_suppressed_total", "counter", "Events recorded and not investigated.",
     s_print_suppressed, 0},
    {"triage_queue_lost_total", "counter",
     "Incidents that a full queue did not keep, by the source that lost them.", s_print_lost,
     STEP_LOSS_QUEUE},
    {"triage_events_unnamed_total", "counter",
     "Events whose cluster is counted as \"other\", by the source that sent them.", s_print_lost,
     STEP_LOSS_CLUSTER},
    {"triage_records_unnamed_total", "counter",
     "Stream records whose cluster is \"other\", by the source of their events.", s_print_lost,
     STEP_LOSS_TOPIC},
    {"triage_notifications_crowded_total", "counter",
     "Messages about full queues that were not asked for: their source has had its share.",
     s_print_lost, STEP_LOSS_MESSAGE},
    {"triage_events_gap_total", "counter", "Gaps in a cluster's event stream.", s_print_sources,
     SOURCE (gaps_total)},
    {"triage_events_dropped_total", "counter", "Events dropped: too large, or a buffer was full.",
     s_print_sources, SOURCE (dropped_total)},
    {"triage_mcp_connection_up", "gauge", "1 while the cluster's MCP session is active.",
     s_print_sources_up, 0},
    {"triage_mcp_events_total", "counter", "Events read from a cluster's MCP server.",
     s_print_sources, SOURCE (events_total)},
    {"triage_mcp_bad_messages_total", "counter",
     "Messages of a cluster's MCP server that were over a limit or made no sense.", s_print_sources,
     SOURCE (bad_messages_total)},
    {"triage_mcp_reconnects_total", "counter",
     "Times that an MCP source was connected to anew, by what was opened again.",
     s_print_reconnects, 0},
    {"triage_mcp_last_event_timestamp_seconds", "gauge", "When a cluster's last event came.",
     s_print_sources_ms, 0},
    {"triage_incidents", "gauge", "All incidents of the store, by state.", s_print_incidents, 0},
    {"triage_dead_letters", "gauge", "Incidents that failed because their workers kept vanishing.",
     s_print_dead_letters, 0},
    {"triage_queue_depth", "gauge", "Incidents that wait for a worker, by cluster.",
     s_print_cluster_state, INCIDENT_PENDING},
    {"triage_queue_oldest_age_seconds", "gauge", "Age of the oldest waiting incident.",
     admin_metric_ms, ADMIN_METRIC_AT (stats.oldest_queued_ms)},
    {"triage_agents_active", "gauge", "Incidents that are being investigated, by cluster.",
     s_print_cluster_state, INCIDENT_INVESTIGATING},
};

static const admin_metric_t s_parts [] = {
    {"triage_time_to_report_seconds", "histogram", "From an incident's first event to its report.",
     admin_metric_time, ADMIN_METRIC_AT (stats.report_time)},
    {"triage_time_to_first_notification_seconds", "histogram",
     "From an incident's first event to its message.", admin_metric_time,
     ADMIN_METRIC_AT (stats.notice_time)},
    {"triage_storage_uploads_total", "counter", "Tries to store an incident's artifacts.",
     s_print_uploads, 0},
    {"triage_storage_upload_duration_seconds", "histogram", "How long one such try takes.",
     s_print_upload_time, 0},
    {"triage_storage_up", "gauge", "1 if the last check of the storage went well.",
     s_print_storage_up, 0},
    {"triage_storage_last_success_timestamp_seconds", "gauge",
     "When a check of the storage or an upload last went well.", admin_metric_ms,
     ADMIN_METRIC_AT (delivery.probe.good_ms)},
    {"triage_storage_checks_total", "counter", "Checks of the storage.", admin_metric_number,
     ADMIN_METRIC_AT (delivery.probe.checks_total)},
    {"triage_storage_checks_failed_total", "counter", "Checks of the storage that failed.",
     admin_metric_number, ADMIN_METRIC_AT (delivery.probe.failed_total)},
    {"triage_notification_latency_seconds", "histogram",
     "How long one try to send a message takes.", s_print_notice_latency, 0},
    {"triage_circuit_breaker_state", "gauge",
     "Circuit breaker of the investigations: 0 closed, 1 open, 2 half open.", s_print_breaker, 0},
    {"triage_circuit_breaker_failures", "gauge", "Incidents in a row that ended without a report.",
     admin_metric_number, ADMIN_METRIC_AT (stats.breaker_failures)},
    {"triage_circuit_breaker_paused", "gauge",
     "1 if the open breaker holds the queue and lets only probes go.", admin_metric_number,
     ADMIN_METRIC_AT (stats.breaker_paused)},
    {"triage_incidents_revived_total", "counter",
     "Failed incidents put back into the queue when the breaker closed.", admin_metric_number,
     ADMIN_METRIC_AT (stats.revived_total)},
    {"triage_circuit_breaker_transitions_total", "counter", "Changes of the breaker, by state.",
     s_print_transitions, 0},
    {"triage_notifications_total", "counter", "Messages posted, failed posts included.",
     s_print_notifications, 0},
    {"triage_notifications_failed_total", "counter", "Posts of messages that failed, by reason.",
     s_print_notifications_failed, 0},
    {"triage_notifications_suppressed_total", "counter",
     "Alerts that were not sent though Slack is set up, by reason.", s_print_untold, 0},
    {"triage_effects", "gauge", "Effects in the outbox that are not done.", s_print_effects, 0},
    {"triage_effects_waiting", "gauge", "Effects of a channel that are not done and not dead.",
     s_print_waiting, 0},
    {"triage_effects_blocked_seconds", "gauge",
     "How long nothing of a channel has succeeded since a failure; 0 = nothing fails.",
     s_print_blocked, 0},
    {"triage_stream_last_seq", "gauge", "Sequence number of the newest journal record.",
     admin_metric_number, ADMIN_METRIC_AT (stats.last_seq)},
    {"triage_stream_records_total", "counter", "Records published on the stream.",
     admin_metric_number, ADMIN_METRIC_AT (records_total)},
    {"triage_stream_topics", "gauge", "Different topics that taps subscribe to.",
     admin_metric_number, ADMIN_METRIC_AT (stream_topics)},
    {"triage_stream_cuts_total", "counter",
     "Times that all taps were cut: a key was deleted, or one sent too much.", admin_metric_number,
     ADMIN_METRIC_AT (stream_cuts_total)},
    {"triage_loop_turns_total", "counter", "Turns of the broker's loop.", admin_metric_number,
     ADMIN_METRIC_AT (turns_total)},
    {"triage_loop_turn_max_seconds", "gauge", "Longest turn since the last snapshot.", s_print_turn,
     0},
    {"triage_snapshot_age_seconds", "gauge", "Age of the figures on this page.", s_print_age, 0},
    {"triage_wire_messages_total", "counter", "Messages taken from the work and ingest sockets.",
     admin_metric_number, ADMIN_METRIC_AT (messages_total)},
    {"triage_wire_bad_messages_total", "counter", "Messages refused because they were malformed.",
     admin_metric_number, ADMIN_METRIC_AT (bad_messages_total)},
    {"triage_wire_connections_ended_total", "counter",
     "Connections that ended: peers that left, and those cut for a frame over the limit.",
     s_print_ended, 0},
    {"triage_wire_crowded_total", "counter",
     "Connections not heard: their key has as many on the socket as it may.", admin_metric_number,
     ADMIN_METRIC_AT (crowded_total)},
    {"triage_wire_key_check_silent_seconds", "gauge",
     "Since the key check last went round; over 5 it hangs, and nobody new is let in.",
     admin_metric_ms, ADMIN_METRIC_AT (zap_silent_ms)},
    {"triage_wire_refused_total", "counter",
     "Connections refused: their key is not enrolled for the socket, or they showed none.",
     admin_metric_number, ADMIN_METRIC_AT (refused_total)},
    {"triage_wire_shed_total", "counter",
     "Connections cut at once: too few file descriptors were left.", admin_metric_number,
     ADMIN_METRIC_AT (shed_total)},
    {"triage_wire_unsent_total", "counter",
     "Messages dropped because their peer reads too slowly; it asks again.", admin_metric_number,
     ADMIN_METRIC_AT (unsent_total)},
    {"triage_wire_strikes_total", "counter", "Strikes given to peers for bad messages.",
     admin_metric_number, ADMIN_METRIC_AT (strikes_total)},
    {"triage_files_received_bytes_total", "counter", "Artifact bytes received from workers.",
     admin_metric_number, ADMIN_METRIC_AT (artifact.bytes_received_total)},
    {"triage_files_sent_bytes_total", "counter", "Prompt and event bytes sent to workers.",
     admin_metric_number, ADMIN_METRIC_AT (artifact.bytes_sent_total)},
    {"triage_files_uploads_active", "gauge", "Uploads under way.", admin_metric_number,
     ADMIN_METRIC_AT (artifact.uploads_active)},
    {"triage_files_sealed_total", "counter", "Attempts whose files are complete and durable.",
     admin_metric_number, ADMIN_METRIC_AT (artifact.sealed_total)},
    {"triage_files_refused_total", "counter", "Uploads refused.", admin_metric_number,
     ADMIN_METRIC_AT (artifact.refused_total)},
    {"triage_artifacts_refusing", "gauge",
     "1 while the artifacts' disk is full, broken or slow: nothing is assigned.", admin_metric_bool,
     ADMIN_METRIC_AT (artifacts_refused)},
    {"triage_artifacts_bytes", "gauge",
     "Bytes of all incidents' folders, as counted a while ago; 0 before the first count.",
     admin_metric_number, ADMIN_METRIC_AT (artifact.disk_bytes)},
    {"triage_artifacts_files", "gauge", "Inodes of all incidents' folders, counted with the bytes.",
     admin_metric_number, ADMIN_METRIC_AT (artifact.disk_files)},
    {"triage_artifacts_oldest_timestamp_seconds", "gauge",
     "When the oldest incident that has a folder was made; 0: there is none.", admin_metric_ms,
     ADMIN_METRIC_AT (artifact.disk_oldest_ms)},
    {"triage_artifacts_free_bytes", "gauge", "Room on the artifacts' disk.", admin_metric_number,
     ADMIN_METRIC_AT (artifact.free_bytes)},
    {"triage_artifacts_free_files", "gauge",
     "Inodes free on the artifacts' disk; -1 where it does not count them.", admin_metric_number,
     ADMIN_METRIC_AT (artifact.free_files)},
    {"triage_journal_fsync_duration_seconds", "summary", "Duration of commits, fsync included.",
     s_print_commits, 0},
    {"triage_store_bytes", "gauge", "Size of the store's file.", admin_metric_number,
     ADMIN_METRIC_AT (store.file_bytes)},
    {"triage_store_wal_bytes", "gauge", "Size of the store's write-ahead log.", admin_metric_number,
     ADMIN_METRIC_AT (store.wal_bytes)},
    {"triage_store_wal_long", "gauge",
     "1 while a reader from outside makes the write-ahead log grow beyond 64 MiB.",
     admin_metric_bool, ADMIN_METRIC_AT (store.wal_long)},
    {"triage_store_full_total", "counter", "Commits refused because the disk was full.",
     admin_metric_number, ADMIN_METRIC_AT (store.full_total)},
    {"triage_store_busy_total", "counter", "Commits refused because the store was locked.",
     admin_metric_number, ADMIN_METRIC_AT (store.busy_total)},
    {"triage_store_refusing", "gauge", "1 while new events are refused.", admin_metric_bool,
     ADMIN_METRIC_AT (store.refusing)},
    {"process_start_time_seconds", "gauge", "When the broker was started.", admin_metric_ms,
     ADMIN_METRIC_AT (started_ms)},
    {"process_cpu_seconds_total", "counter", "User and system time used.", s_print_cpu, 0},
    {"process_virtual_memory_bytes", "gauge", "Virtual memory.", s_print_statm, 0},
    {"process_resident_memory_bytes", "gauge", "Resident memory.", s_print_statm, 1},
    {"process_open_fds", "gauge", "Open file descriptors.", s_print_fds, 0},
    {"process_max_fds", "gauge", "Limit of open file descriptors.", s_print_max_fds, 0},
};

void
admin_metrics (const admin_view_t *view, admin_reply_t *reply)
{
    own (buf_fini) buf_t out = buf_init (LIMIT_HTTP_REPLY_BYTES);
    admin_metric_print (s_incidents, sizeof s_incidents / sizeof s_incidents [0], view, &out);
    admin_agents_metrics (view, &out);
    admin_storage_metrics (view, &out);
    admin_metric_print (s_parts, sizeof s_parts / sizeof s_parts [0], view, &out);
    if (out.failed) {
        admin_reply_error (reply, ADMIN_INTERNAL, "memory", "the metrics do not fit");
        return;
    }
    const size_t size = out.size;
    admin_reply_body (reply, "text/plain; version=0.0.4; charset=utf-8", buf_take (&out), size);
}
