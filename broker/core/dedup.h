//  dedup - a fault event becomes a new incident, one more occurrence of a known one, or suppressed.
//
//  It is counted on the incident of its fault key while that one is open, and for dedup_window
//  after that one was last seen (0: only while it is open).  It becomes a new incident, linked to
//  the known one, if that one ended longer than reinvestigate_after ago.  It is also new
//  if the known one was suppressed and this one would not be.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

//  Handle an event.  Answers EVENT_ACK, or EVENT_NACK when too many incidents are open.
void
dedup_event (step_t *self, const step_in_t *in, clk_now_t now);
