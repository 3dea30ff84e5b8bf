//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/journal.h"

#include "broker/core/pack.h"
#include "broker/core/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct topic {
    char name [ROW_TOPIC];
    int64_t seq;
    source_t *source; //  the source that added it since the start; NULL = none, or loaded
    UT_hash_handle hh;
};

static topic_t *
s_topic (journal_t *self, const char *name)
{
    topic_t *topic = NULL;
    HASH_FIND_STR (self->topics, name, topic);
    if (topic)
        return topic;
    topic = calloc (1, sizeof *topic);
    if (!topic)
        return NULL;
    state_text (topic->name, name);
    HASH_ADD_STR (self->topics, name, topic);
    return topic;
}

//  May a cluster of this source have a topic of its own?  NULL: nobody could have invented it.
static bool
s_room (const journal_t *self, const source_t *source)
{
    return HASH_COUNT (self->topics) < LIMIT_TOPICS
           && (!source || source->topics < LIMIT_SOURCE_TOPICS);
}

//  by: the name of the source whose event it is about, NULL = none.
static void
s_push (journal_t *self, state_t *state, row_record_t *record, const char *by, clk_now_t now)
{
    char name [ROW_TOPIC];
    snprintf (name, sizeof name, "%s/%s/", record->kind, record->cluster);
    topic_t *topic = NULL;
    HASH_FIND_STR (self->topics, name, topic);
    source_t *source = topic || !by ? NULL : source_find (self->sources, by);
    if (!topic && !s_room (self, source)) {
        if (by)
            source_lost (state, by, STEP_LOSS_TOPIC);
        source = NULL;
        state_text (record->cluster, "other");
        snprintf (name, sizeof name, "%s/%s/", record->kind, record->cluster);
    }
    topic = s_topic (self, name);
    if (!topic) {
        state->failed = true;
        return;
    }
    if (source) {
        topic->source = source_share (source);
        source->topics++;
    }
    record->seq = ++self->last_seq;
    record->prev = topic->seq;
    record->at_ms = now.wall_ms;
    topic->seq = record->seq;
    state_write (state, STEP_WRITE_RECORD)->as.record = *record;
}

void
journal_describe (row_record_t *record, const row_incident_t *row)
{
    const fault_t *fault = &row->fault;
    state_text (record->cluster, fault->cluster);
    record->incident = row->id;
    state_text (record->fault_type, fault->fault_type);
    record->severity = fault->severity;
    snprintf (record->resource, sizeof record->resource, "%s/%s/%s", fault->kind, fault->namespace_,
              fault->name);
    record->occurrences = row->occurrences;
}

void
journal_incident (journal_t *self, state_t *state, const row_incident_t *row, const char *change,
                  clk_now_t now)
{
    row_record_t record = {.kind = "incident"};
    journal_describe (&record, row);
    state_text (record.change, change);
    record.attempt = row->winner ? row->winner : row->attempts;
    state_text (record.reason,
                row->suppress ? incident_suppress_name (row->suppress) : row->reason);
    s_push (self, state, &record, row->source, now);
}

void
journal_attempt (journal_t *self, state_t *state, const attempt_t *attempt, const char *change,
                 clk_now_t now)
{
    row_incident_t row;
    pack_row (attempt->entry, &row);
    row_record_t record = {.kind = "attempt"};
    journal_describe (&record, &row);
    state_text (record.change, change);
    record.attempt = attempt->row.number;
    state_text (record.worker, attempt->row.worker);
    state_text (record.reason, attempt->row.reason);
    s_push (self, state, &record, row.source, now);
}

void
journal_worker (journal_t *self, state_t *state, const worker_t *worker, const char *change,
                const char *reason, clk_now_t now)
{
    row_record_t record = {.kind = "worker", .cluster = "-"};
    state_text (record.change, change);
    state_text (record.worker, worker->name);
    state_text (record.reason, reason);
    s_push (self, state, &record, NULL, now);
}

void
journal_source (journal_t *self, state_t *state, const char *cluster, const char *change,
                const char *reason, clk_now_t now)
{
    row_record_t record = {.kind = "source"};
    state_text (record.cluster, *cluster ? cluster : "-");
    state_text (record.change, change);
    state_text (record.reason, reason);
    s_push (self, state, &record, NULL, now);
}

void
journal_breaker (journal_t *self, state_t *state, const char *change, int64_t failures,
                 const char *reason, clk_now_t now)
{
    row_record_t record = {.kind = "breaker", .cluster = "-"};
    state_text (record.change, change);
    state_text (record.reason, reason);
    record.occurrences = failures;
    s_push (self, state, &record, NULL, now);
}

void
journal_figures (const journal_t *self, step_stats_t *ret_stats)
{
    ret_stats->last_seq = self->last_seq;
}

int
journal_load (journal_t *self, const char *topic, int64_t last_seq)
{
    if (HASH_COUNT (self->topics) >= 2 * LIMIT_TOPICS)
        return ERR_LIMIT;
    topic_t *known = s_topic (self, topic);
    if (!known)
        return -ENOMEM;
    known->seq = last_seq;
    return 0;
}

void
journal_arm (journal_t *self, int64_t last_seq)
{
    self->last_seq = last_seq;
}

void
journal_clear (journal_t *self)
{
    topic_t *topic, *next;
    HASH_ITER (hh, self->topics, topic, next) {
        HASH_DEL (self->topics, topic);
        source_release (self->sources, &topic->source);
        free (topic);
    }
}
