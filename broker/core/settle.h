//  settle - what follows when an attempt ends: try again, wait for a late report, or end the
//  incident.
//
//  A failure ends an incident only when no other issued attempt can still report.  Until then it is
//  held: pending, and not queued.  After lost deliveries it is held for the reconnect grace at
//  most.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

typedef struct {
    bool grace_over; //  the reconnect grace since the start has passed, and settle has seen it
} settle_t;

//  A worker's VERDICT.  Answers with VERDICT_ACK.
void
settle_verdict (step_t *self, const step_in_t *in, clk_now_t now);
//  A worker's RELEASE; one of another worker's attempt means nothing.
void
settle_release (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now);
//  The attempt can never report any more: its worker forgot it, or its deadline has passed.
void
settle_lost (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now);
//  Its worker says HELLO and does not name it.
void
settle_forgotten (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
//  The incident's live attempt was superseded.  charge: it counts as lost.
void
settle_superseded (step_t *self, entry_t *entry, bool charge, clk_now_t now);
//  Queue, hold or end an open incident that has no live attempt.  Nothing changes for others.
void
settle (step_t *self, entry_t *entry, clk_now_t now);
//  Settle the incidents that are held, and those that failed on a host, when they may be due.
void
settle_watched (step_t *self, clk_now_t now);
//  Boot time of the next of these, INT64_MAX = none.
int64_t
settle_wake (const step_t *self, clk_now_t now);
//  The queue gives it up.
void
settle_suppress (step_t *self, entry_t *entry, incident_suppress_t reason, clk_now_t now);
//  An operator's command.  *ret_text says how it went; static.
//  Err: ERR_STALE not possible in this state; ERR_FULL no room in the queue.
int
settle_cancel (step_t *self, entry_t *entry, clk_now_t now, const char **ret_text) must_check;
int
settle_retry (step_t *self, entry_t *entry, clk_now_t now, const char **ret_text) must_check;
