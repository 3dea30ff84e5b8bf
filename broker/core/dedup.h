//  dedup - a fault event becomes a new incident, one more occurrence of a known one,
//  or a suppressed one.
//
//  Counted: an incident of the same fault key is open, or ended and was last seen
//  within dedup_window (0: only open ones count).  New and linked: its end is older than
//  reinvestigate_after, or it was suppressed and this event would not be.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

void
dedup_event (step_t *self, const step_in_t *in, clk_now_t now);
