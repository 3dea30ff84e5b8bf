//  turn_step - inputs into the core, and what it writes into the store's transaction.
//
//  Once a write has failed (`failed`), nothing more is stepped or written in this turn.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Step one input.  Its events go into the transaction now, its other writes at the end of the
//  turn.  Err: that of step; the store's goes to `failed`.
int
turn_step (loop_t *self, const step_in_t *in) must_check;
//  Step an input that is said once, and keep it: the turn may be rolled back.
//  Only while there is room for one more.
void
turn_step_once (loop_t *self, const step_in_t *in);
bool
turn_step_room (const loop_t *self);
//  Step again what was said once, in a turn that was rolled back.
void
turn_step_again (loop_t *self);
//  All writes but events, at the end: a row that changes twice in a turn is written once.
void
turn_step_apply (loop_t *self);
