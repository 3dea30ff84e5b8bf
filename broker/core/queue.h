//  queue - who waits, and whose turn it is.
//
//  Severity classes, served strictly from the top; one that waits LIMIT_AGE_STEP_MS counts a class
//  higher, but never as critical.  Inside a class the clusters share by virtual time:
//  the one served least is next, a cluster that arrives later starts at the current time.
//  Inside a cluster: by number.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

//  Waiting incidents of one cluster and one severity, by number.
typedef struct lane lane_t;

//  A rollback clears it; loading fills it again.
typedef struct {
    lane_t *lanes [FAULT_SEVERITIES];
    int64_t virtual_now [FAULT_SEVERITIES];
    int64_t queued;     //  in all lanes
    sources_t *sources; //  borrowed
} queue_t;

void
queue_push (queue_t *self, state_t *state, entry_t *entry);
//  Does nothing when it is not queued.
void
queue_remove (queue_t *self, entry_t *entry);
void
queue_clear (queue_t *self);
int64_t
queue_cluster_count (const queue_t *self, const char *cluster);
//  Who takes this one now; NULL = nobody.
typedef struct {
    worker_t *(*worker) (void *arg, entry_t *entry, clk_now_t now);
    void *arg;
} queue_fits_t;
//  Next incident that fits, taken out, and who takes it; NULL when none does.  fits sees each
//  candidate in order; a lane where nothing fits is not looked at again in this turn.
entry_t *
queue_pick (queue_t *self, const state_t *state, clk_now_t now, const queue_fits_t *fits,
            worker_t **ret_worker);
//  Who gives way to a newcomer of this source and severity, in a full cluster (NULL: in the full
//  queue).  While another source has more in it than this one, the one that has most and one that
//  may go: its oldest of its lowest severity.  Else this source's own: the oldest of the lowest
//  severity up to `severity`.  Never one that was attempted; NULL = nobody.
entry_t *
queue_victim (queue_t *self, const char *cluster, const char *source, enum fault_severity severity);
//  Waiting since (boot ms) of the oldest, INT64_MAX when empty.
int64_t
queue_oldest (const queue_t *self);
