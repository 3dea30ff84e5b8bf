//  turn - one turn of the loop: drain, step, commit, and only then send.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  One turn.  Returns the number of inputs.  self->exit_code says whether to go on.
//  Ensures: what it sends is committed.  When the store is full or busy, or memory is short, each
//  asker is refused and the state is read back.  Inputs that nobody sends again are kept for the
//  next turn.
size_t
turn_run (loop_t *self);
//  Between turns: read the state back, with all that the current windows want.
//  Err: as turn_load; the core holds nothing usable then, the loop ends.
int
turn_reload (loop_t *self) must_check;
//  Load the state from the store into self->step.  Err: ERR_STORE, -ENOMEM, ERR_LIMIT.
int
turn_load (loop_t *self) must_check;
