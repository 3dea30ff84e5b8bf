//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/loop_snapshot.h"

#include "broker/loop/loop_retain.h"
#include "common/base/log.h"

#include <string.h>

//  Count closed connections.  Debug level only: every publisher and tap that ends closes one.
static void
s_ended (loop_t *self, snapshot_socket_t socket, int64_t count)
{
    self->ended_total [socket] += count;
    if (count > 0)
        log_debug ("connections closed: peers that are done or start again, or one was cut for a "
                   "frame over the limit; nothing that was acknowledged is lost",
                   kv ("socket", snapshot_socket_name (socket)), kv ("count", count));
}

//  The counts of the links.  libzmq closes a connection that sends too large a frame, and does
//  not say why a connection has ended.
static void
s_links (loop_t *self, snapshot_data_t *data)
{
    link_t *const links [] = {
        [SNAPSHOT_WORK] = self->work,
        [SNAPSHOT_INGEST] = self->ingest,
        [SNAPSHOT_STREAM] = self->stream,
    };
    for (int i = 0; i < SNAPSHOT_FILES; i++) {
        const link_counts_t counts = links [i] ? link_take_counts (links [i]) : (link_counts_t){0};
        self->wire.unsent += counts.unsent;
        self->wire.refused += counts.refused;
        self->wire.crowded += counts.crowded;
        self->wire.shed += counts.shed;
        s_ended (self, (snapshot_socket_t) i, counts.ended);
    }
    s_ended (self, SNAPSHOT_FILES, data->artifact.ended_total - self->ended_total [SNAPSHOT_FILES]);
    data->unsent_total = self->wire.unsent + data->artifact.unsent_total;
    data->refused_total = self->wire.refused + data->artifact.strangers_total;
    data->crowded_total = self->wire.crowded + data->artifact.crowded_total;
    data->shed_total = self->wire.shed + data->artifact.shed_total;
    memcpy (data->ended_total, self->ended_total, sizeof data->ended_total);
}

//  While the key check hangs, no new peer is admitted and a deleted key stays in force.
static void
s_zap (loop_t *self, snapshot_data_t *data)
{
    data->curve = self->args.keys->enabled;
    data->zap_silent_ms = self->args.zap ? curve_zap_silent_ms (self->args.zap) : 0;
    data->refused_total += self->args.zap ? curve_zap_refused (self->args.zap) : 0;
    //  Twice in a row: after SIGSTOP and SIGCONT all threads of the process look late once.
    const bool late = data->zap_silent_ms > LIMIT_ZAP_SILENT_MS;
    const bool hangs = late && self->zap_late;
    self->zap_late = late;
    if (hangs && !self->zap_hangs)
        log_error ("key check hangs: nobody new is let in, and deleted keys stay in force; can the "
                   "folder of keys be read?",
                   kv ("keys_dir", self->settings->keys_dir),
                   kv ("silent_ms", data->zap_silent_ms));
    else if (!hangs && self->zap_hangs)
        log_info ("key check goes on");
    self->zap_hangs = data->zap_hangs = hangs;
    data->ready = data->ready && !hangs;
}

//  Log the incidents that full queues gave up: one line for each source that lost some.
static void
s_tell_lost (loop_t *self, const step_stats_t *stats, clk_now_t now)
{
    if (now.boot_ms < self->lost_ms)
        return;
    for (int i = 0; i < STEP_SOURCES && stats->sources [i].name [0]; i++) {
        const int64_t lost = stats->sources [i].lost [STEP_LOSS_QUEUE] - self->lost_logged [i];
        if (lost == 0)
            continue;
        log_warn ("the queue is full, incidents are recorded and not investigated",
                  kv ("source", stats->sources [i].name), kv ("incidents", lost));
        self->lost_logged [i] += lost;
        self->lost_ms = now.boot_ms + LIMIT_LOST_LOG_MS;
    }
}

void
loop_snapshot (loop_t *self, clk_now_t now)
{
    snapshot_data_t *data = snapshot_edit (self->args.snapshot);
    data->boot_ms = now.boot_ms;
    data->wall_ms = now.wall_ms;
    data->started_ms = self->started_ms;
    data->draining = self->draining;
    data->artifacts_trouble = artifact_trouble (self->threads.artifact, now.boot_ms);
    data->artifacts_refused = data->artifacts_trouble != ARTIFACT_FINE;
    data->ready = !self->draining && !store_refusing (self->args.store) && !data->artifacts_refused;
    step_stats (self->step, now, &data->stats);
    s_tell_lost (self, &data->stats, now);
    loop_retain_figures (self, data);
    store_stats (self->args.store, &data->store);
    artifact_stats (self->threads.artifact, &data->artifact);
    delivery_stats (self->threads.delivery, &data->delivery);
    data->storage = self->storage;
    data->turns_total = self->turns_total;
    data->messages_total = self->messages_total;
    data->bad_messages_total = self->bad_messages_total + data->artifact.bad_messages_total;
    s_links (self, data);
    s_zap (self, data);
    data->strikes_total = self->strikes_total;
    data->records_total = self->records_total;
    data->stream_topics = self->stream ? (int64_t) link_topics (self->stream) : 0;
    data->stream_cuts_total = self->stream_cuts_total;
    data->turn_us_max = self->turn_us_max;
    const size_t workers = step_workers (self->step, now, data->workers, LIMIT_WORKERS);
    data->worker_count = workers < LIMIT_WORKERS ? workers : LIMIT_WORKERS;
    const size_t sources = intake_sources (self->threads.intake, data->sources, LIMIT_CLUSTERS);
    data->source_count = sources < LIMIT_CLUSTERS ? sources : LIMIT_CLUSTERS;
    const size_t clusters = step_clusters (self->step, data->clusters, LIMIT_TALLIES);
    data->cluster_count = clusters < LIMIT_TALLIES ? clusters : LIMIT_TALLIES;
    const size_t lanes = step_lanes (self->step, now, data->lanes, LIMIT_LANES_SHOWN);
    data->lane_count = lanes < LIMIT_LANES_SHOWN ? lanes : LIMIT_LANES_SHOWN;
    conf_destroy (&data->conf);
    data->conf = conf_share (self->conf);
    data->reloaded = !self->reload_failed;
    data->reloaded_ms = self->reloaded_ms;
    snapshot_publish (self->args.snapshot);
    self->turn_us_max = 0;
    self->snapshot_ms = now.boot_ms + LIMIT_SNAPSHOT_MS;
}
