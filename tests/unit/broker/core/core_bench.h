//  core_bench - a step with manual time and short helpers, for the core's unit tests.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/core/step.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    step_t *step;
    clk_now_t now;
    step_settings_t settings;
    int events;
    const char *source; //  of the events, NULL = "test"
} bench_t;

static inline bench_t
bench_new (void)
{
    bench_t self = {.now = {.boot_ms = 100000, .wall_ms = INT64_C (1768000000000)},
                    .settings = {.agent_attempts = 1,
                                 .max_deliveries = 3,
                                 .give_back_ms = 3600000,
                                 .lease_ttl_ms = 60000,
                                 .reconnect_grace_ms = 45000,
                                 .agent_timeout_ms = 300000,
                                 .agent_grace_ms = 10000,
                                 .revoke_slack_ms = LIMIT_REVOKE_SLACK_MS,
                                 .dedup_window_ms = 1800000,
                                 .reinvestigate_after_ms = 86400000,
                                 .global_queue_size = 10000,
                                 .cluster_queue_size = 1000,
                                 .failure_threshold = 3,
                                 .notify_failures = true}};
    self.step = step_new (&self.settings, 42);
    assert_non_null (self.step);
    step_loaded (self.step, 0, 0, 0, self.now);
    step_begin (self.step, self.now);
    return self;
}

static inline void
bench_configure (bench_t *self)
{
    step_configure (self->step, &self->settings);
}

//  Begin a new turn, `ms` later.
static inline void
bench_later (bench_t *self, int64_t ms)
{
    self->now.boot_ms += ms;
    self->now.wall_ms += ms;
    step_begin (self->step, self->now);
}

static inline void
bench_step (bench_t *self, const step_in_t *in)
{
    assert_int_equal (step (self->step, in, self->now), 0);
}

static inline const step_out_t *
bench_last (const bench_t *self, step_out_kind_t kind)
{
    size_t count;
    const step_out_t *outs = step_outputs (self->step, &count);
    while (count--)
        if (outs [count].kind == kind)
            return &outs [count];
    return NULL;
}

static inline size_t
bench_count (const bench_t *self, step_out_kind_t kind)
{
    size_t count, found = 0;
    const step_out_t *outs = step_outputs (self->step, &count);
    for (size_t i = 0; i < count; i++)
        found += outs [i].kind == kind;
    return found;
}

//  The row of an incident as this turn wrote it last.
static inline const row_incident_t *
bench_row (const bench_t *self, const char *incident)
{
    size_t count;
    const step_write_t *writes = step_writes (self->step, &count);
    while (count--)
        if (writes [count].kind == STEP_WRITE_INCIDENT
            && (!incident || strcmp (writes [count].as.incident.id.text, incident) == 0))
            return &writes [count].as.incident;
    return NULL;
}

static inline fault_t
bench_fault (const char *cluster, const char *key, enum fault_severity severity)
{
    fault_t fault;
    memset (&fault, 0, sizeof fault);
    snprintf (fault.cluster, sizeof fault.cluster, "%s", cluster);
    snprintf (fault.key, sizeof fault.key, "%s", key);
    fault.severity = severity;
    fault.parsed = true;
    return fault;
}

static inline const step_out_t *
bench_fault_event (bench_t *self, const fault_t *fault)
{
    step_in_t in;
    memset (&in, 0, sizeof in);
    in.kind = STEP_IN_EVENT;
    in.as.event.fault = fault;
    in.as.event.triage_enabled = true;
    snprintf (in.as.event.row.source, ROW_IDENTITY, "%s", self->source ? self->source : "test");
    snprintf (in.as.event.row.event_id, LIMIT_EVENT_ID_BYTES, "e%d", self->events++);
    bench_step (self, &in);
    return bench_last (self, STEP_OUT_EVENT_ACK);
}

//  Returns the incident that the event created or was counted on.
static inline ident_t
bench_event (bench_t *self, const char *cluster, const char *key, enum fault_severity severity)
{
    fault_t fault = bench_fault (cluster, key, severity);
    return bench_fault_event (self, &fault)->as.ack.incident;
}

static inline step_in_t
bench_from (const char *worker, step_in_kind_t kind)
{
    step_in_t in;
    memset (&in, 0, sizeof in);
    in.kind = kind;
    snprintf (in.peer.identity, ROW_IDENTITY, "worker:%s", worker);
    in.peer.session = 1;
    return in;
}

static inline void
bench_credit (bench_t *self, const char *worker, int64_t number, int64_t free)
{
    step_in_t in = bench_from (worker, STEP_IN_CREDIT);
    in.as.credit.number = number;
    in.as.credit.total = 8;
    in.as.credit.free = free;
    bench_step (self, &in);
}

static inline void
bench_join (bench_t *self, const char *worker, int64_t free)
{
    step_in_t in = bench_from (worker, STEP_IN_HELLO);
    snprintf (in.as.hello.name, ROW_NAME, "%s", worker);
    in.as.hello.slots = 8;
    bench_step (self, &in);
    bench_credit (self, worker, 1, free);
}

static inline void
bench_ping (bench_t *self, const char *worker)
{
    step_in_t in = bench_from (worker, STEP_IN_PING);
    bench_step (self, &in);
}

static inline void
bench_say (bench_t *self, const char *worker, step_in_kind_t kind, const step_fence_t *fence)
{
    step_in_t in = bench_from (worker, kind);
    if (kind == STEP_IN_PROGRESS)
        in.as.progress.fence = *fence;
    else
        in.as.fence = *fence;
    bench_step (self, &in);
}

static inline step_disposition_t
bench_verdict (bench_t *self, const char *worker, const step_fence_t *fence,
               verdict_outcome_t outcome)
{
    step_in_t in = bench_from (worker, STEP_IN_VERDICT);
    in.as.verdict.fence = *fence;
    in.as.verdict.outcome = outcome;
    snprintf (in.as.verdict.reason, LIMIT_REASON_BYTES, "%s",
              outcome == VERDICT_SUCCESS ? "" : "investigation.md file not found");
    bench_step (self, &in);
    return bench_last (self, STEP_OUT_VERDICT_ACK)->as.verdict_ack.disposition;
}

static inline void
bench_release (bench_t *self, const char *worker, const step_fence_t *fence, step_release_t reason)
{
    step_in_t in = bench_from (worker, STEP_IN_RELEASE);
    in.as.release.fence = *fence;
    in.as.release.reason = reason;
    snprintf (in.as.release.detail, LIMIT_REASON_BYTES, "agent execution error: no sandbox");
    bench_step (self, &in);
}

//  Give an operator's command.  Returns its result; *ret_text gets the answer's text.
static inline int
bench_command (bench_t *self, step_command_t command, const row_incident_t *incident,
               const row_effect_t *effect, const char *worker, const char **ret_text)
{
    step_in_t in = bench_from ("-", STEP_IN_COMMAND);
    in.as.command.command = command;
    in.as.command.incident = incident;
    in.as.command.effect = effect;
    snprintf (in.as.command.worker, ROW_NAME, "%s", worker);
    in.as.command.cookie = 7;
    bench_step (self, &in);
    const step_out_t *out = bench_last (self, STEP_OUT_COMMAND_REPLY);
    assert_int_equal (out->as.reply.cookie, 7);
    *ret_text = out->as.reply.text;
    return out->as.reply.rc;
}

//  Schedule and return the last assignment of this turn, NULL = none.
static inline const step_out_t *
bench_schedule (bench_t *self)
{
    step_schedule (self->step, self->now);
    return bench_last (self, STEP_OUT_ASSIGN);
}

//  An incident, assigned to w, accepted and started.
static inline step_fence_t
bench_running (bench_t *self)
{
    (void) bench_event (self, "a", "1", FAULT_WARNING);
    bench_join (self, "w", 1);
    step_fence_t fence = bench_schedule (self)->as.assign.fence;
    bench_say (self, "w", STEP_IN_ACCEPT, &fence);
    bench_say (self, "w", STEP_IN_STARTED, &fence);
    return fence;
}

//  The counts of one cluster; last_event_ms is -1 when it has no counts of its own.
static inline step_cluster_t
bench_cluster (const bench_t *self, const char *name)
{
    static step_cluster_t clusters [LIMIT_TALLIES];
    const size_t count = step_clusters (self->step, clusters, LIMIT_TALLIES);
    assert_in_range (count, 1, LIMIT_TALLIES);
    for (size_t i = 0; i < count; i++)
        if (strcmp (clusters [i].cluster, name) == 0)
            return clusters [i];
    return (step_cluster_t){.last_event_ms = -1};
}
