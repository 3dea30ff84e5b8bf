//  settle - what follows when an attempt ends: try again, wait for a late report,
//  or end the incident.
//
//  A failure ends an incident only when no other issued attempt can still report: until then it
//  is held (pending, not queued).  After lost deliveries that wait is at most the reconnect grace.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

typedef struct {
    bool grace_over; //  reconnect_grace since the start has passed, and was acted on
} settle_t;

//  A worker's VERDICT, answered.
void
settle_verdict (step_t *self, const step_in_t *in, clk_now_t now);
//  A worker's RELEASE.
void
settle_release (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now);
//  The attempt can never report any more (its worker forgot it, or its deadline passed).
void
settle_lost (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now);
//  Its worker says HELLO and does not name it.
void
settle_forgotten (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
//  The incident's live attempt was superseded.
void
settle_superseded (step_t *self, entry_t *entry, bool charge, clk_now_t now);
//  An open incident without a live attempt: queue it, hold it or end it.
void
settle (step_t *self, entry_t *entry, clk_now_t now);
//  Held ones, and those whose hosts are used up.
void
settle_watched (step_t *self, clk_now_t now);
int64_t
settle_wake (const step_t *self, clk_now_t now);
//  Overflow.
void
settle_suppress (step_t *self, entry_t *entry, incident_suppress_t reason, clk_now_t now);
//  Operator.  Err: ERR_STALE not in a state for it; ERR_FULL.  *ret_text says why.
int
settle_cancel (step_t *self, entry_t *entry, clk_now_t now, const char **ret_text) must_check;
int
settle_retry (step_t *self, entry_t *entry, clk_now_t now, const char **ret_text) must_check;
