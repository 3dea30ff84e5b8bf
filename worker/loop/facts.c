//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/facts.h"

#include <stdio.h>

static void
s_failure (const gateway_report_t *report, verdict_observed_t *observed)
{
    //  A refusal of the model and one of the budget are no failed calls, but reasons all the same.
    observed->answered =
        report->failure.class == RUN_CLASS_NONE ? report->calls > 0 : report->ok_after_failure;
    observed->served = report->calls > report->failed_calls;
    //  The agent asked for something else after a good answer: that must not hold a worker.
    const run_class_t class = report->failure.class;
    if (observed->served && (class == RUN_CLASS_AUTH || class == RUN_CLASS_CONFIG))
        observed->answered = true;
    if (observed->answered)
        return;
    observed->class = report->failure.class;
    observed->retry_ms = report->failure.retry_ms;
    snprintf (observed->sentence, sizeof observed->sentence, "%s", report->failure.sentence);
}

void
facts_observe (const gateway_report_t *report, const char *agent, const driver_t *driver,
               facts_t *facts)
{
    facts->observed = (verdict_observed_t){0};
    facts->seen = usage_none ();
    if (report->calls > 0 || report->failure.class != RUN_CLASS_NONE)
        s_failure (report, &facts->observed);
    if (report->calls == 0)
        return;
    usage_t *seen = &facts->seen;
    snprintf (seen->agent, sizeof seen->agent, "%s", agent);
    snprintf (seen->version, sizeof seen->version, "%s", driver->version);
    snprintf (seen->model, sizeof seen->model, "%s", report->model);
    seen->calls = report->calls;
    seen->input = report->input;
    seen->output = report->output;
    seen->cache_read = report->cache_read;
    seen->cache_write = report->cache_write;
    seen->cost_micro_usd = report->cost_micro_usd;
    usage_bound (seen);
}
