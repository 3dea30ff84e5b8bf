//  source - the senders of events: the share that each has of common places, and what it has lost.
//
//  Cluster names come with events, so a publisher can invent them.  The places that they take are
//  shared by source.  A source that comes later finds room.  What finds no room is counted on the
//  source that brought it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

typedef struct entry entry_t;

//  A peer's identity, or a cluster's MCP server.
typedef struct source {
    char name [ROW_SOURCE];
    int64_t holders;                   //  incidents in memory, tallies, topics
    int64_t count;                     //  incidents queued
    int64_t here;                      //  of them in the cluster that is looked at
    entry_t *fresh [FAULT_SEVERITIES]; //  queued and never attempted, oldest first
    int64_t tallies;                   //  clusters that it brought and that are counted one by one
    int64_t topics;                    //  stream topics that it brought since the start
    int64_t told_hour, told;           //  overflow messages of this hour (wall clock)
    UT_hash_handle hh;
} source_t;

typedef struct {
    source_t *all; //  owned, each while somebody holds it
} sources_t;

//  The source of that name, which the caller holds now.  NULL = no memory.
source_t *
source_hold (sources_t *self, const char *name);
//  NULL = nobody holds one of that name.
source_t *
source_find (const sources_t *self, const char *name);
//  The caller holds it no more; *source_p is NULL afterwards.  NULL is allowed.
void
source_release (sources_t *self, source_t **source_p);
//  Count a loss of the source of that name.  Those beyond STEP_SOURCES share the name "other".
void
source_lost (state_t *state, const char *name, step_loss_t loss);
