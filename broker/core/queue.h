//  queue - the incidents that wait, and which one is next.
//
//  Classes of severity are served strictly from the top.  A whole class counts one higher, but
//  never as critical, for each LIMIT_AGE_STEP_MS that its oldest incident waits.  The incident
//  served is then not always the oldest one.  Inside a class, clusters share by virtual time:
//  the one that was served least is next, and one that arrives later starts at the current time.
//  Inside a cluster, incidents are served by number.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/entry.h"

//  Waiting incidents of one cluster and one severity.
typedef struct lane lane_t;

//  A rollback clears it; loading fills it again.
typedef struct {
    lane_t *lanes [FAULT_SEVERITIES]; //  owned; their incidents are the book's
    int64_t virtual_now [FAULT_SEVERITIES];
    int64_t queued;     //  in all lanes
    sources_t *sources; //  borrowed
} queue_t;

//  Finds the worker that can take an incident now; NULL: none.
typedef struct {
    worker_t *(*worker) (void *arg, entry_t *entry, clk_now_t now);
    void *arg;
} queue_fits_t;

//  Queue an incident, in the order of its number.  Does nothing if it is queued already.
//  No memory: `failed` is set.
void
queue_push (queue_t *self, state_t *state, entry_t *entry);
//  Remove an incident.  Does nothing if it is not queued.
void
queue_remove (queue_t *self, entry_t *entry);
//  Forget all lanes, which must be empty, and the virtual time.
void
queue_clear (queue_t *self);
//  The number of queued incidents of this cluster.
int64_t
queue_cluster_count (const queue_t *self, const char *cluster);
//  Is the queue of this cluster full?  NULL = the whole queue.
bool
queue_full (const queue_t *self, const state_t *state, const char *cluster);
//  Remove the next incident that fits, and return it with its worker.  NULL: none fits.
//  fits gets each candidate in order.  A lane in which none fits is skipped for the rest of the
//  turn.
entry_t *
queue_pick (queue_t *self, const state_t *state, clk_now_t now, const queue_fits_t *fits,
            worker_t **ret_worker);
//  The incident to drop for a newcomer of this source and severity; NULL: none.
//  cluster: the one whose queue is full; NULL = the whole queue.
//
//  If another source has more incidents there, the source with the most loses the oldest of its
//  lowest severity.  Else this source loses the oldest of its lowest severity up to `severity`.
//  An incident that was attempted is never dropped.
entry_t *
queue_victim (queue_t *self, const char *cluster, const char *source, enum fault_severity severity);
//  Fill in the figures of the queue.
void
queue_figures (const queue_t *self, clk_now_t now, step_stats_t *ret_stats);
