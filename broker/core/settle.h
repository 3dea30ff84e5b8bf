//  settle - decides after the end of an attempt: try again, wait for a late report, or end the
//  incident.  What follows each class of a run is in run_class.h.
//
//  A failure ends an incident only when no other issued attempt can still report.  Until then the
//  incident is held: pending, but not queued.  After lost deliveries it is held for the reconnect
//  grace at most.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

typedef struct {
    bool grace_over; //  the reconnect grace since the start has passed, and settle has seen it
} settle_t;

//  Why an incident that has ended without a report is put back into the queue.
typedef enum {
    SETTLE_RETRY_ASKED,   //  an operator has asked for it
    SETTLE_RETRY_REVIVED, //  the circuit breaker has closed
    SETTLE_RETRY_PROBE    //  the open breaker tries it; it stays one of those that are revived
} settle_retry_t;

//  Handle a VERDICT.  Answers VERDICT_ACK.
void
settle_verdict (step_t *self, const step_in_t *in, clk_now_t now);
//  Handle a RELEASE; one of another worker's attempt is ignored.
void
settle_release (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now);
//  End an attempt that can no longer report: its worker forgot it, or its deadline has passed.
void
settle_lost (step_t *self, attempt_t *attempt, const char *reason, clk_now_t now);
//  End an attempt that its worker's HELLO does not name.
void
settle_forgotten (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
//  Go on after the live attempt was superseded.  charge: count it as lost.
void
settle_superseded (step_t *self, entry_t *entry, bool charge, clk_now_t now);
//  Queue, hold or end an open incident without a live attempt.  Does nothing for any other.
void
settle (step_t *self, entry_t *entry, clk_now_t now);
//  Settle the incidents that are held, and those that failed on a host, when they may be due.
void
settle_watched (step_t *self, clk_now_t now);
//  Boot time of the next call of settle_watched or settle_returned; INT64_MAX: none.
int64_t
settle_wake (const step_t *self, clk_now_t now);
//  End the incidents that were given back for too long; none during a hold.
void
settle_returned (step_t *self, clk_now_t now);
//  Suppress an incident that the queue has dropped.
void
settle_suppress (step_t *self, entry_t *entry, incident_suppress_t reason, clk_now_t now);
//  An operator's commands.  *ret_text is the answer; static.
//  Err: ERR_STALE: not possible in this state; ERR_FULL: no room in the queue.
int
settle_cancel (step_t *self, entry_t *entry, clk_now_t now, const char **ret_text) must_check;
//  Likewise, and why it is put back.
int
settle_retry (step_t *self, entry_t *entry, settle_retry_t why, clk_now_t now,
              const char **ret_text) must_check;
