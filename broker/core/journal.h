//  journal - the event stream's records: seq without holes, prev per topic "<kind>/<cluster>/".
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

typedef struct topic topic_t;

typedef struct {
    topic_t *topics;
    int64_t last_seq;
    sources_t *sources; //  borrowed
} journal_t;

//  An incident changed: change is a state name or "counted".
void
journal_incident (journal_t *self, state_t *state, const row_incident_t *row, const char *change,
                  clk_now_t now);
//  An attempt changed.
void
journal_attempt (journal_t *self, state_t *state, const attempt_t *attempt, const char *change,
                 clk_now_t now);
void
journal_worker (journal_t *self, state_t *state, const worker_t *worker, const char *change,
                const char *reason, clk_now_t now);
void
journal_source (journal_t *self, state_t *state, const char *cluster, const char *change,
                const char *reason, clk_now_t now);
//  The circuit breaker: opened, closed, probed.
void
journal_breaker (journal_t *self, state_t *state, const char *change, int64_t failures,
                 const char *reason, clk_now_t now);
//  Fill a record's incident fields.
void
journal_describe (row_record_t *record, const row_incident_t *row);
//  Err: -ENOMEM, ERR_LIMIT.
int
journal_load (journal_t *self, const char *topic, int64_t last_seq) must_check;
//  Forget every topic.
void
journal_clear (journal_t *self);
