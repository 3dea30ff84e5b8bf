//  source - the senders of events: their shares of limited places, and their losses.
//
//  Cluster names come with events, so a publisher can invent them.  The places for clusters are
//  therefore shared between sources, and a later source finds room.  A loss is counted for the
//  source that brought the event.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

typedef struct entry entry_t;

//  A peer's identity, or a cluster's MCP server.
typedef struct source {
    char name [ROW_SOURCE];
    int64_t holders;                   //  incidents in memory, tallies, topics
    int64_t count;                     //  incidents queued
    int64_t here;                      //  of them, in the cluster that queue_victim examines
    entry_t *fresh [FAULT_SEVERITIES]; //  queued and never attempted, oldest first
    int64_t tallies;                   //  clusters of its events that have their own tally
    int64_t topics;                    //  stream topics that its events added since the start
    int64_t told_hour, told;           //  overflow messages of this hour (wall clock)
    UT_hash_handle hh;
} source_t;

typedef struct {
    source_t *all; //  owned; each lives while it has holders
} sources_t;

//  Find or add a source, and hold it.  NULL: no memory.
source_t *
source_hold (sources_t *self, const char *name);
//  Hold a source that has a holder once more; returns it.
source_t *
source_share (source_t *source);
//  Find a source; NULL: it has no holder.
source_t *
source_find (const sources_t *self, const char *name);
//  Release a source; *source_p is NULL afterwards.  NULL is allowed.
void
source_release (sources_t *self, source_t **source_p);
//  Count a loss of a source.  Sources beyond STEP_SOURCES share the name "other".
void
source_lost (state_t *state, const char *name, step_loss_t loss);
