//  snapshot - what the loop publishes each second for admin to read, behind one mutex.
//
//  Ensures: a reader sees one whole copy, never a mixture of two.  The loop never waits for a
//  reader.  Own: the snapshot owns both copies; a reader copies what it keeps.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "broker/delivery/notify.h"
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

typedef struct {
    int64_t boot_ms, wall_ms; //  when it was made
    int64_t started_ms;       //  wall clock of the broker's start
    bool ready;               //  sockets bound, store and artifacts writable, not draining
    bool draining;
    bool artifacts_refused; //  their disk is in trouble: nothing is assigned
    artifact_trouble_t artifacts_trouble;
    step_stats_t stats;
    store_stats_t store;
    artifact_stats_t artifact;
    notify_stats_t notify;
    int64_t turns_total, messages_total, bad_messages_total, strikes_total, records_total;
    int64_t stream_topics, stream_cuts_total, unsent_total, refused_total, crowded_total,
        shed_total, ended_total [SNAPSHOT_SOCKETS];
    bool curve;            //  with keys
    bool zap_hangs;        //  the key check: nobody new is let in
    int64_t zap_silent_ms; //  since it last went round, 0 without keys
    int64_t turn_us_max;   //  longest turn since the last snapshot
    size_t worker_count;
    step_worker_t *workers; //  LIMIT_WORKERS, owned
    size_t source_count;
    intake_source_t *sources; //  LIMIT_CLUSTERS, owned
    size_t cluster_count;
    step_cluster_t *clusters; //  LIMIT_TALLIES, owned
    conf_t *conf;             //  in force: a share of it, owned; NULL before the first
    bool reloaded;            //  the last SIGHUP was taken; true before the first
    int64_t reloaded_ms;      //  wall clock of the configuration in force
} snapshot_data_t;

typedef struct snapshot snapshot_t;

//  All figures are 0.  Own: fresh, NULL when out of memory.
snapshot_t *
snapshot_new (void);
void
snapshot_destroy (snapshot_t **self_p);
//  The hidden copy, for the loop to fill.  Own: borrowed until snapshot_publish.
//  Threads: the loop's alone.
snapshot_data_t *
snapshot_edit (snapshot_t *self);
//  Make the hidden copy the one that readers see.  While a reader holds the lock nothing happens;
//  the next one is published instead.  Threads: the loop's alone.
void
snapshot_publish (snapshot_t *self);
//  Lock the published copy.  Own: borrowed until snapshot_release.  Threads: any.
const snapshot_data_t *
snapshot_read (snapshot_t *self);
void
snapshot_release (snapshot_t *self);

//  What is wrong with the disk of the artifacts, a sentence; "" when nothing is.
const char *
snapshot_trouble (const snapshot_data_t *data);
//  "clientError", ...: why a message was not sent, for the count in data->notify.
const char *
snapshot_notify_reason (notify_reason_t reason);
