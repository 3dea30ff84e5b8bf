//  journal - the event stream's records: seq without holes, prev per topic "<kind>/<cluster>/".
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

//  An incident changed: change is a state name or "counted".
void
journal_incident (step_t *self, const row_incident_t *row, const char *change, clk_now_t now);
//  An attempt changed.
void
journal_attempt (step_t *self, const attempt_t *attempt, const char *change, clk_now_t now);
void
journal_worker (step_t *self, const worker_t *worker, const char *change, const char *reason,
                clk_now_t now);
void
journal_source (step_t *self, const char *cluster, const char *change, const char *reason,
                clk_now_t now);
//  The circuit breaker: opened, closed, probed.
void
journal_breaker (step_t *self, const char *change, const char *reason, clk_now_t now);
//  Fill a record's incident fields.
void
journal_describe (row_record_t *record, const row_incident_t *row);
//  Err: -ENOMEM, ERR_LIMIT.
int
journal_load (step_t *self, const char *topic, int64_t last_seq) must_check;
//  Forget every topic.
void
journal_clear (step_t *self);
