//  tally - what the core has counted, by cluster since the start.
//
//  Cluster names come with events, so anybody who may publish can invent them: beyond LIMIT_TALLIES
//  the rest is counted as "other".  Then the source that has the most places gives way, so one
//  that invents loses its own; what is counted as "other" is told on its source.  Counts of states
//  follow what is held in memory.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

//  Never NULL: when memory is out, counts of a new cluster go to one that is not shown.
tally_t *
tally_get (step_t *self, const char *cluster, source_t *source);
void
tally_event (step_t *self, const fault_t *fault, const char *source, clk_now_t now);
void
tally_suppressed (step_t *self, tally_t *tally, incident_suppress_t reason);
//  The turn did not become durable: what it counted is counted when it comes again.
void
tally_rollback (step_t *self);
//  An incident went from one state to another; INCIDENT_NONE: it comes, or it is forgotten,
//  and so may be its tally.
void
tally_moved (step_t *self, tally_t *tally, incident_state_t from, incident_state_t to);
void
tally_clear (step_t *self);
