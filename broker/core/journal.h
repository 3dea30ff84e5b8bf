//  journal - the records of the event stream.
//
//  seq has no holes.  prev is the seq of the last record of the same topic, "<kind>/<cluster>/".
//  Beyond LIMIT_TOPICS, or LIMIT_SOURCE_TOPICS of one source, a cluster's records have the cluster
//  "other".
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/attempt.h"

typedef struct topic topic_t;

typedef struct {
    topic_t *topics; //  owned
    int64_t last_seq;
    sources_t *sources; //  borrowed
} journal_t;

//  Each of these adds a record to the writes of the turn.  No memory: `failed` is set.

//  An incident changed.  change: the name of its state, or "counted".
void
journal_incident (journal_t *self, state_t *state, const row_incident_t *row, const char *change,
                  clk_now_t now);
//  An attempt changed.
void
journal_attempt (journal_t *self, state_t *state, const attempt_t *attempt, const char *change,
                 clk_now_t now);
//  A worker changed.
void
journal_worker (journal_t *self, state_t *state, const worker_t *worker, const char *change,
                const char *reason, clk_now_t now);
//  A source of events changed; cluster "" = it is of no cluster.
void
journal_source (journal_t *self, state_t *state, const char *cluster, const char *change,
                const char *reason, clk_now_t now);
//  The circuit breaker opened, closed or probed, after so many failures in a row.
void
journal_breaker (journal_t *self, state_t *state, const char *change, int64_t failures,
                 const char *reason, clk_now_t now);

//  Fill in the figures of the stream.
void
journal_figures (const journal_t *self, step_stats_t *ret_stats);
//  Fill in the fields of a record that describe its incident.
void
journal_describe (row_record_t *record, const row_incident_t *row);
//  Load the last seq of a topic.  Err: -ENOMEM, ERR_LIMIT.
int
journal_load (journal_t *self, const char *topic, int64_t last_seq) must_check;
//  All rows are loaded.  last_seq: the highest that was ever used.
void
journal_arm (journal_t *self, int64_t last_seq);
//  Forget every topic.
void
journal_clear (journal_t *self);
