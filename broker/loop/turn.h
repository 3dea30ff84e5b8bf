//  turn - one turn of the loop: receive, step, commit, and only then send.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Run one turn.  Returns the number of inputs.  The loop ends if self->exit_code is set.
//  Ensures: what it sends is committed.  If the store is full or busy, or memory is short, all
//  askers are refused and the state is loaded again.  Inputs that arrive only once are kept for
//  the next turn.
size_t
turn_run (loop_t *self);
//  Load the state again between turns, as far back as the current dedup window reaches.
//  Err: as turn_load; the core is then unusable and the loop must end.
int
turn_reload (loop_t *self) must_check;
//  Load the state from the store into self->step.  Err: ERR_STORE, -ENOMEM, ERR_LIMIT.
int
turn_load (loop_t *self) must_check;
