//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_agents.h"

#include "broker/admin/admin_metric.h"
#include "broker/admin/admin_sample.h"
#include "common/base/own.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

//  --- workers

//  Each worker is in exactly one state.
static void
s_print_workers (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    int64_t ready = 0, quarantined = 0, draining = 0, held = 0, away = 0;
    for (size_t i = 0; i < view->data.worker_count; i++) {
        const step_worker_t *worker = &view->data.workers [i];
        if (worker->quarantined)
            quarantined++;
        else if (worker->draining)
            draining++;
        else if (worker->held)
            held++;
        else if (worker->ready)
            ready++;
        else
            away++;
    }
    admin_sample (out, self->name, "state", "ready", (double) ready);
    admin_sample (out, self->name, "state", "quarantined", (double) quarantined);
    admin_sample (out, self->name, "state", "draining", (double) draining);
    admin_sample (out, self->name, "state", "held", (double) held);
    admin_sample (out, self->name, "state", "away", (double) away);
}

//  Workers that take no work for what their agents lack, by the class of a run that lacks it.
static void
s_print_held (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    int64_t counts [RUN_CLASSES] = {0};
    for (size_t i = 0; i < view->data.worker_count; i++) {
        const step_worker_t *worker = &view->data.workers [i];
        if (worker->held || worker->class != RUN_CLASS_NONE)
            counts [worker->class]++;
    }
    for (int i = RUN_CLASS_NONE; i < RUN_CLASSES; i++)
        if (i == RUN_CLASS_NONE || run_class_may_hold ((run_class_t) i))
            admin_sample (out, self->name, "class",
                          i == RUN_CLASS_NONE ? "other" : run_class_name ((run_class_t) i),
                          (double) counts [i]);
}

static int
s_by_name (const void *a, const void *b)
{
    const step_worker_t *const *left = a, *const *right = b;
    return strcmp ((*left)->name, (*right)->name);
}

//  Workers can share a name: those with the same one are added up.
static void
s_print_slots (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    size_t count = view->data.worker_count;
    own (own_mem) const step_worker_t **sorted = calloc (count + 1, sizeof (*sorted));
    if (!sorted)
        return;
    for (size_t i = 0; i < count; i++)
        sorted [i] = &view->data.workers [i];
    qsort (sorted, count, sizeof (*sorted), s_by_name);
    for (size_t i = 0; i < count;) {
        int64_t running = 0, free_ = 0;
        size_t first = i;
        for (; i < count && strcmp (sorted [i]->name, sorted [first]->name) == 0; i++) {
            running += sorted [i]->running;
            free_ += sorted [i]->free;
        }
        admin_sample_of (out, self->name, "worker", sorted [first]->name, "state", "running",
                         running);
        admin_sample_of (out, self->name, "worker", sorted [first]->name, "state", "free", free_);
    }
}

//  --- attempts

static void
s_print_run_time (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (int i = 0; i < VERDICT_LOST; i++)
        admin_sample_histogram (out, self->name, &view->data.stats.run_time [i], "outcome",
                                verdict_outcome_name ((verdict_outcome_t) i));
}

static void
s_print_failures (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (int i = 0; i < VERDICT_KINDS; i++)
        admin_sample (out, self->name, "reason", verdict_kind_name ((verdict_kind_t) i),
                      (double) view->data.stats.failures_total [i]);
}

static void
s_print_outcomes (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (int i = 0; i < VERDICT_OUTCOMES; i++)
        admin_sample (out, self->name, "outcome", verdict_outcome_name ((verdict_outcome_t) i),
                      (double) view->data.stats.outcomes_total [i]);
}

static void
s_print_classes (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    for (int i = RUN_CLASS_NONE + 1; i < RUN_CLASSES; i++)
        admin_sample (out, self->name, "class", run_class_name ((run_class_t) i),
                      (double) view->data.stats.classes_total [i]);
}

static void
s_print_tokens (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    const usage_t *used = &view->data.stats.used;
    const struct {
        const char *type;
        int64_t tokens;
    } kinds [] = {{"input", used->input},
                  {"output", used->output},
                  {"cache_read", used->cache_read},
                  {"cache_write", used->cache_write}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds [0]; i++)
        admin_sample (out, self->name, "type", kinds [i].type,
                      kinds [i].tokens > 0 ? (double) kinds [i].tokens : 0);
}

static void
s_print_cost (const admin_metric_t *self, const admin_view_t *view, buf_t *out)
{
    const int64_t cost = view->data.stats.used.cost_micro_usd;
    buf_printf (out, "%s %.6f\n", self->name, cost > 0 ? (double) cost / 1e6 : 0);
}

static const admin_metric_t s_metrics [] = {
    {"triage_workers", "gauge", "Workers the broker knows, by state.", s_print_workers, 0},
    {"triage_workers_held", "gauge",
     "Workers without work because agents cannot run there, by what is missing.", s_print_held, 0},
    {"triage_worker_slots", "gauge", "Agent slots of each worker.", s_print_slots, 0},
    {"triage_workers_refused_total", "counter",
     "Sessions refused because another live worker has the same key.", admin_metric_number,
     ADMIN_METRIC_AT (stats.workers_refused_total)},
    {"triage_assignments_returned_total", "counter",
     "Assignments that workers gave back, did not accept or forgot before anything ran.",
     admin_metric_number, ADMIN_METRIC_AT (stats.assignments_returned_total)},
    {"triage_leases_expired_total", "counter", "Leases that ran out without a sign of life.",
     admin_metric_number, ADMIN_METRIC_AT (stats.leases_expired_total)},
    {"triage_results_fenced_total", "counter", "Verdicts refused because their attempt was stale.",
     admin_metric_number, ADMIN_METRIC_AT (stats.verdicts_stale_total)},
    {"triage_results_late_total", "counter", "Late verdicts of superseded attempts that won.",
     admin_metric_number, ADMIN_METRIC_AT (stats.verdicts_late_total)},
    {"triage_agent_runs_total", "counter", "Attempts that ended, by outcome.", s_print_outcomes, 0},
    {"triage_agent_classes_total", "counter", "Attempts that were reported, by class.",
     s_print_classes, 0},
    {"triage_agent_tokens_total", "counter", "Tokens that agents used, where that is known.",
     s_print_tokens, 0},
    {"triage_agent_cost_usd_total", "counter", "What agents cost, where that is known.",
     s_print_cost, 0},
    {"triage_attempts_given_back_total", "counter",
     "Attempts that charged nothing, because a provider or an account stood in the way.",
     admin_metric_number, ADMIN_METRIC_AT (stats.given_back_total)},
    {"triage_incidents_given_back", "gauge", "Open incidents that have such an attempt.",
     admin_metric_number, ADMIN_METRIC_AT (stats.given_back)},
    {"triage_agent_run_duration_seconds", "histogram", "How long agents ran, by outcome.",
     s_print_run_time, 0},
    {"triage_validation_failures_total", "counter",
     "Attempts that ended without a valid report, by what was wrong.", s_print_failures, 0},
};

void
admin_agents_metrics (const admin_view_t *view, buf_t *out)
{
    admin_metric_print (s_metrics, sizeof s_metrics / sizeof s_metrics [0], view, out);
}
