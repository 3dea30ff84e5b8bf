//  retain - the incidents that are kept no longer: which may go, and from when on.
//
//  The store finds them, and the core checks each: it has ended, was not seen meanwhile, and no
//  effect of it waits.  Its removal is an effect "retire/<incident>".  From then on the incident is
//  not in memory: a repeat of its fault makes a new one, and no command reaches it.
//  The first removal is announced: it begins LIMIT_RETAIN_NOTICE_MS later.  It is announced again
//  when the wall clock was set ahead, which makes everything look old at once.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

typedef struct {
    int64_t ahead_ms; //  of the wall clock before the boot clock
    bool known;
} retain_clock_t;

typedef struct {
    row_retention_t row;          //  id 0 = nothing was ever due
    bool doubted;                 //  this start is long after the last record
    retain_clock_t clock, before; //  before: when the turn began
} retain_t;

//  Begin a turn: announce again if the wall clock was set ahead by more than the notice, and let no
//  notice be longer after it was set back.
void
retain_begin (step_t *self, clk_now_t now);
void
retain_rollback (step_t *self);
//  STEP_IN_RETIRE: retire these incidents, or announce that they will be.
void
retain (step_t *self, const step_in_t *in, clk_now_t now);
//  Is this incident being removed?
bool
retain_busy (const step_t *self, const char *incident);
//  An operator's command: do not wait any longer.  *ret_text is the answer.
void
retain_now (step_t *self, clk_now_t now, const char **ret_text);
//  Load the row; no write.
void
retain_load (step_t *self, const row_retention_t *row);
//  The newest record is from then, 0 = there is none.  Call it after retain_load.
void
retain_newest (step_t *self, int64_t at_ms, clk_now_t now);
//  An effect was loaded: the incident of a removal leaves the memory.
void
retain_loaded (step_t *self, const row_effect_t *effect);
void
retain_clear (step_t *self);
//  Fill in the figures.
void
retain_figures (const step_t *self, clk_now_t now, step_retention_t *figures);
