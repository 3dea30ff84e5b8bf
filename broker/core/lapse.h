//  lapse - an attempt is lost: its lease or its deadline has passed, or its worker forgot it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

//  After HELLO: attempts of earlier sessions that it does not name are lost.  Answers with WELCOME,
//  which lists what the worker runs and has lost.  Err: -ENOMEM (`failed` is set).
int
lapse_hello (step_t *self, worker_t *worker, const step_in_t *in, clk_now_t now) must_check;
//  End what has lapsed, at most LIMIT_TURN_TIMERS attempts in one turn.
void
lapse_timers (step_t *self, clk_now_t now);
