//  recording - recorded faults in memory, as tapes that clusters play.
//
//  Each cluster in the files has its own tape, in the order of the files.  For load tests, one tape
//  with everything is played by each of many clusters instead.
//  Lines are kept as text and parsed each time they are played.  At most LIMIT_SERVE_FAULTS lines
//  and LIMIT_SERVE_BYTES in all.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"
#include "common/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RECORDING_NAME = LIMIT_CLUSTER_BYTES + 1 };

typedef struct recording recording_t;

typedef struct {
    char *text; //  one JSON object, owned by the recording
    size_t size;
    int64_t time_ms; //  its own timestamp, wall; 0 = none
    bool event;      //  a Kubernetes Event, as sent in events mode
} recording_fault_t;

typedef struct {
    recording_fault_t *faults;
    size_t count;
    int64_t span_ms; //  from the first to the last timestamp, plus one second
} recording_tape_t;

typedef struct {
    char name [RECORDING_NAME];
    const recording_tape_t *tape;
} recording_cluster_t;

typedef struct {
    const char *const *paths; //  "-" is standard input, read to its end
    size_t path_count;
    const char *cluster; //  cluster of every fault; "" = its own, or "default"
    //  0, or a number of clusters that each play everything: NAME-1, NAME-2, ...
    size_t copies;
    int cancel_fd; //  readable: stop reading; -1 = none
} recording_args_t;

//  Read all files.  Every bad line is logged with file and line.  Own: fresh in *ret_recording.
//  Err: ERR_CONFIG: bad lines, unreadable files or nothing to play (logged); ERR_LIMIT (logged);
//  -EINTR cancelled; -ENOMEM.
int
recording_read (const recording_args_t *args, recording_t **ret_recording) must_check;
void
recording_destroy (recording_t **self_p);

//  The clusters, in order of their first fault; returns their number.  Own: borrowed.
size_t
recording_clusters (const recording_t *self, const recording_cluster_t **ret_clusters);

//  The object to send for one fault: the recorded object with the cluster's name.  In later rounds
//  (from 1) its times continue from the end of the round before; `distinct` also makes it another
//  object's fault (names, uid, faultId).
//  Own: fresh, NULL when out of memory.
json_t *
recording_play (const recording_cluster_t *cluster, size_t index, int64_t round, bool distinct);
