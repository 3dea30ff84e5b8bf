//  tally - counts by cluster since the start.
//
//  Cluster names come with events, so a publisher can invent them.  Beyond LIMIT_TALLIES clusters,
//  the source with the most places loses one, so that one that invents clusters loses its own.
//  Other clusters are counted as "other", and as a loss of their source.
//  Counts of states follow the incidents in memory.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/source.h"

//  The counts of one cluster.
typedef struct tally {
    step_cluster_t shown;
    source_t *source;      //  the source that added it; NULL = "other"
    struct tally *into;    //  after it lost its place: the tally that counts its incidents; or NULL
    int64_t entries;       //  incidents in memory that point here
    uint64_t turn;         //  number of the last turn that counted an event
    step_cluster_t before; //  when that turn began; without name and states
    UT_hash_handle hh;
} tally_t;

typedef struct {
    tally_t *all;       //  owned; one without a place lives while incidents point to it
    tally_t spare;      //  used when memory is short
    sources_t *sources; //  borrowed
} tallies_t;

//  Find or add the tally of a cluster.  source: of the event; NULL: the name cannot be invented.
//  Never NULL: out of memory it is one that is not shown.
tally_t *
tally_get (tallies_t *self, const state_t *state, const char *cluster, source_t *source);
//  Count an event of this source.
void
tally_event (tallies_t *self, state_t *state, const fault_t *fault, const char *source,
             clk_now_t now);
//  Count an event that is suppressed.
void
tally_suppressed (tally_t *tally, const state_t *state, incident_suppress_t reason);
//  Undo the counts of events of a turn that was rolled back.
void
tally_rollback (tallies_t *self, const state_t *state);
//  Count an incident that moves from one state to another.  From INCIDENT_NONE: it enters memory.
//  To INCIDENT_NONE: it is forgotten, and so is a tally without a place after its last incident.
void
tally_moved (tally_t *tally, incident_state_t from, incident_state_t to);
//  Fill in the figures of all clusters together.
void
tally_figures (const tallies_t *self, step_stats_t *ret_stats);
//  Copy at most max clusters.  Returns how many there are.
size_t
tally_clusters (const tallies_t *self, step_cluster_t *ret_clusters, size_t max);
//  Forget all clusters, after all incidents.
void
tally_clear (tallies_t *self);
