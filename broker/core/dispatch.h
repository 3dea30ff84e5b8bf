//  dispatch - assigns waiting incidents to workers with credit, until either runs out.
//
//  A worker that could not run an agent for an incident does not get it again.  One that was held
//  for its key or quota gets it again only when nothing else waits.  A retry waits LIMIT_PREFER_MS
//  for another host than the last one.  Otherwise the worker with the most room gets it; among
//  equals, the one that was idle longest.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

typedef struct {
    int64_t retry_ms; //  dispatch_wake; each call of dispatch sets it
    //  Nothing was assigned in the last turn, because a held worker has failed on all that waits:
    //  it may try one of them again.
    bool last_resort;
    bool avoided; //  this turn: a held worker could have got what it has failed on
} dispatch_t;

//  Assign at most LIMIT_TURN_ASSIGNS incidents; none during a drain or a hold.
void
dispatch (step_t *self, clk_now_t now);
//  Boot time at which a waiting incident may become assignable by time alone; INT64_MAX: none.
int64_t
dispatch_wake (const step_t *self);
