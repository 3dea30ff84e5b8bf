//  snapshot - the figures that the loop publishes each second for admin.
//
//  Ensures: a reader sees one whole copy, never a mixture of two.  The loop never waits for a
//  reader.  Own: the snapshot owns both copies; a reader copies what it wants to keep.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "broker/delivery/delivery.h"
#include "broker/files/artifact.h"
#include "broker/intake/intake.h"
#include "broker/store/store.h"
#include "common/conf/conf.h"

#include <stdbool.h>

typedef enum {
    SNAPSHOT_WORK,
    SNAPSHOT_INGEST,
    SNAPSHOT_STREAM,
    SNAPSHOT_FILES,
    SNAPSHOT_SOCKETS
} snapshot_socket_t;

//  "work", "ingest", "stream", "files".
const char *
snapshot_socket_name (snapshot_socket_t socket);

//  What the last whole pass of the retention found.  Once removing has begun, it is removed.
typedef struct {
    int64_t found, found_bytes;   //  incidents, and bytes of their folders; -1 = not known yet
    int64_t oldest_ms, newest_ms; //  when they were over and last seen; 0 = none
    int64_t found_ms;             //  wall clock at which the pass ended
} snapshot_retention_t;

typedef struct {
    int64_t boot_ms, wall_ms; //  time of this snapshot
    int64_t started_ms;       //  wall clock of the broker's start
    bool ready;               //  sockets bound, store and artifacts writable, not draining
    bool draining;
    bool artifacts_refused; //  their disk is in trouble; nothing is assigned
    artifact_trouble_t artifacts_trouble;
    step_stats_t stats;
    store_stats_t store;
    snapshot_retention_t retention;
    artifact_stats_t artifact;
    delivery_stats_t delivery;
    mail_storage_t storage; //  what its last check has found; count 0 = none yet
    int64_t turns_total, messages_total, bad_messages_total, strikes_total, records_total;
    int64_t stream_topics, stream_cuts_total, unsent_total, refused_total, crowded_total,
        shed_total, ended_total [SNAPSHOT_SOCKETS];
    bool curve;            //  connections are encrypted
    bool zap_hangs;        //  the key check hangs: no new peer is admitted
    int64_t zap_silent_ms; //  since the key check last ran; 0 without keys
    int64_t turn_us_max;   //  longest turn since the last snapshot
    size_t worker_count;
    step_worker_t *workers; //  LIMIT_WORKERS, owned
    size_t source_count;
    intake_source_t *sources; //  LIMIT_CLUSTERS, owned
    size_t cluster_count;
    step_cluster_t *clusters; //  LIMIT_TALLIES, owned
    size_t lane_count;
    step_lane_t *lanes;  //  LIMIT_LANES_SHOWN, owned
    conf_t *conf;        //  in force: a share, owned; NULL before the first publish
    bool reloaded;       //  the last SIGHUP succeeded; true before the first
    int64_t reloaded_ms; //  wall clock at which the configuration came into force
} snapshot_data_t;

typedef struct snapshot snapshot_t;

//  A snapshot with all figures 0.  Own: fresh; NULL when out of memory.
snapshot_t *
snapshot_new (void);
void
snapshot_destroy (snapshot_t **self_p);
//  The hidden copy, for the loop to fill.  Own: borrowed until snapshot_publish.
//  Threads: the loop's alone.
snapshot_data_t *
snapshot_edit (snapshot_t *self);
//  Show the hidden copy to readers.  Does nothing while a reader holds the lock; the next call
//  publishes newer figures.  Threads: the loop's alone.
void
snapshot_publish (snapshot_t *self);
//  Lock the published copy and return it.  Own: borrowed until snapshot_release.  Threads: any.
const snapshot_data_t *
snapshot_read (snapshot_t *self);
void
snapshot_release (snapshot_t *self);

//  The trouble of the artifacts' disk as a sentence; "" when there is none.
const char *
snapshot_trouble (const snapshot_data_t *data);
//  The name of a reason why messages were not sent: "clientError", ...
const char *
snapshot_notify_reason (notify_reason_t reason);
