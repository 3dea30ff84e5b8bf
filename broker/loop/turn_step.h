//  turn_step - steps inputs through the core and applies its writes to the store's transaction.
//
//  Once a write has failed (self->failed), nothing more is stepped or written in this turn.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Step one input.  Event writes enter the transaction now, all others at the end of the turn.
//  Err: those of step.  An error of the store goes to self->failed.
int
turn_step (loop_t *self, const step_in_t *in) must_check;
//  Step an input that arrives only once, and keep a copy until the turn is committed.
//  Call it only while turn_step_room is true.
void
turn_step_once (loop_t *self, const step_in_t *in);
//  Is there room to keep one more input?
bool
turn_step_room (const loop_t *self);
//  Step again the inputs kept from a turn that was rolled back.
void
turn_step_again (loop_t *self);
//  Apply all writes but events, at the end of the turn: a row that changes twice is written once.
void
turn_step_apply (loop_t *self);
