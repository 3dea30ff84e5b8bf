//  loop_retain - finds the incidents that are kept no longer, between turns, and gives them to the
//  core.
//
//  A pass over the store goes in small turns (store_retain.h), in idle time only.  Until removing
//  begins, passes only count: the first one that finds something announces it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/loop/loop_part.h"

//  Own: fresh; NULL when out of memory.
loop_retain_t *
loop_retain_new (void);
void
loop_retain_destroy (loop_retain_t **self_p);
//  Go on between turns.  Returns > 0 if there is more to do.  Err: ERR_STORE, -EBADMSG.
int
loop_retain_look (loop_t *self, clk_now_t now) must_check;
//  At the start of a turn: step what was found.
void
loop_retain_step (loop_t *self);
//  The settings have changed: what was found no longer counts.
void
loop_retain_reset (loop_t *self);
//  Fill in the figures.
void
loop_retain_figures (const loop_t *self, snapshot_data_t *data);
