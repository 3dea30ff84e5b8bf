//  dispatch - gives waiting incidents to workers with credit, until one of the two is used up.
//
//  Never to a worker that failed as a host on the incident; a retry waits LIMIT_PREFER_MS for
//  another host than the last one; otherwise the worker with the most room, the longest idle first.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

typedef struct {
    int64_t
        retry_ms; //  set by each call: when a waiting incident may become assignable by time alone
} dispatch_t;

void
dispatch (step_t *self, clk_now_t now);
