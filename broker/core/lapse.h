//  lapse - ends lost attempts: the lease or deadline has passed, or the worker has forgotten it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

//  Handle HELLO after fleet_hello: attempts of earlier sessions that it does not name are lost.
//  Answers WELCOME, which lists attempts that the worker still runs but has lost.
//  Err: -ENOMEM (`failed` is set).
int
lapse_hello (step_t *self, worker_t *worker, const step_in_t *in, clk_now_t now) must_check;
//  End lapsed attempts, at most LIMIT_TURN_TIMERS in one turn.
void
lapse_timers (step_t *self, clk_now_t now);
