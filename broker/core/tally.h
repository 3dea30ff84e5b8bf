//  tally - what has been counted by cluster since the start.
//
//  Cluster names come with events, so a publisher can invent them.  Beyond LIMIT_TALLIES clusters,
//  the source with the most places gives one up: one that invents clusters loses its own.  The rest
//  is counted as "other", and as a loss of its source.  Counts of states follow what is in memory.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/source.h"

//  What is counted of one cluster.
typedef struct tally {
    step_cluster_t shown;
    source_t *source;      //  that brought it; NULL = "other"
    struct tally *into;    //  it gave its place away: its incidents are counted there, NULL = here
    int64_t entries;       //  incidents in memory that point here
    uint64_t turn;         //  that counted an event last
    step_cluster_t before; //  when that turn began; without name and states
    UT_hash_handle hh;
} tally_t;

typedef struct {
    tally_t *all;       //  owned; one that gave its place away lives while incidents point to it
    tally_t spare;      //  counts what there was no memory for
    sources_t *sources; //  borrowed
} tallies_t;

//  The place of a cluster that this source brings, NULL = nobody who could invent it.
//  Never NULL: without memory it is one that is not shown.
tally_t *
tally_get (tallies_t *self, const state_t *state, const char *cluster, source_t *source);
//  Count an event of this source.
void
tally_event (tallies_t *self, state_t *state, const fault_t *fault, const char *source,
             clk_now_t now);
//  Count an event that is suppressed.
void
tally_suppressed (tally_t *tally, const state_t *state, incident_suppress_t reason);
//  The turn did not become durable: take back the events that it counted.
void
tally_rollback (tallies_t *self, const state_t *state);
//  An incident went from one state to another.  From INCIDENT_NONE: it comes into memory.  To it:
//  it is forgotten, and the tally with it if that gave its place away.
void
tally_moved (tally_t *tally, incident_state_t from, incident_state_t to);
//  Forget all clusters.  No incident is in memory any more.
void
tally_clear (tallies_t *self);
