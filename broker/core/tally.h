//  tally - what the core has counted, by cluster since the start.
//
//  Cluster names come with events, so anybody who may publish can invent them: beyond LIMIT_TALLIES
//  the rest is counted as "other".  Then the source that has the most places gives way, so one
//  that invents loses its own; what is counted as "other" is told on its source.  Counts of states
//  follow what is held in memory.
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
    tally_t *all, spare; //  the spare counts what memory was out for
    sources_t *sources;  //  borrowed
} tallies_t;

//  Never NULL: when memory is out, counts of a new cluster go to one that is not shown.
tally_t *
tally_get (tallies_t *self, const state_t *state, const char *cluster, source_t *source);
void
tally_event (tallies_t *self, state_t *state, const fault_t *fault, const char *source,
             clk_now_t now);
void
tally_suppressed (tally_t *tally, const state_t *state, incident_suppress_t reason);
//  The turn did not become durable: what it counted is counted when it comes again.
void
tally_rollback (tallies_t *self, const state_t *state);
//  An incident went from one state to another; INCIDENT_NONE: it comes, or it is forgotten,
//  and so may be its tally.
void
tally_moved (tally_t *tally, incident_state_t from, incident_state_t to);
void
tally_clear (tallies_t *self);
