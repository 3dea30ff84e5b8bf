//  lapse - an attempt is lost: its deadline has passed, or its worker says HELLO without it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

//  After HELLO: what it omits is lost; WELCOME says what is not its any more.  Err: -ENOMEM.
int
lapse_hello (step_t *self, worker_t *worker, const step_in_t *in, clk_now_t now) must_check;
//  Leases and deadlines that have passed.
void
lapse_timers (step_t *self, clk_now_t now);
