//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/judge.h"

#include "common/base/log.h"
#include "common/domain/evidence.h"
#include "worker/keeper/findings.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

void
judge_unstarted (const char *why, int64_t wall_ms, spool_verdict_t *verdict)
{
    const verdict_run_t seen = {.started = false, .start_error = why, .exit_code = -1};
    verdict->outcome = verdict_judge (&seen, verdict->reason);
    verdict->class = evidence_class_of_run (&seen);
    verdict->exit_code = -1;
    verdict->started_ms = verdict->completed_ms = wall_ms;
    verdict->file_count = 0;
}

//  The agent's exit code.  If somebody else killed or stopped the supervisor, it is 128 + signal:
//  the agent did that, or the host did because of what the agent used.
//  Returns -1 if the agent had not started, or none of it was left; the host is to blame then.
static int
s_exit_code (const run_t *run)
{
    const run_result_t *result = &run->result;
    if (!result->valid)
        return run_killed_under_agent (run) ? 128 + run->signal : -1;
    return result->stopped && result->exit_code <= 0 ? 128 + SIGTERM : result->exit_code;
}

//  The signal that ended the agent from outside, 0 = none.
static int
s_signal (const run_t *run)
{
    const run_result_t *result = &run->result;
    if (!result->valid)
        return run->signal;
    const bool obeyed = result->exit_code <= 0 || result->exit_code == 128 + SIGTERM;
    return result->signal ? result->signal : result->stopped && obeyed ? SIGTERM : 0;
}

static verdict_run_t
s_look (const run_t *run, const char *dir, int64_t timeout_ms)
{
    const run_result_t *result = &run->result;
    const int64_t size = findings_report_size (dir);
    verdict_run_t seen = {.started = !*result->start_error,
                          .start_error = result->start_error,
                          .timed_out = result->timed_out,
                          .timeout_s = (timeout_ms + 999) / 1000,
                          .exit_code = s_exit_code (run),
                          .report_exists = size >= 0,
                          .report_bytes = size < 0 ? 0 : size,
                          .signal = s_signal (run)};
    snprintf (seen.limit, sizeof seen.limit, "%s", result->limit);
    if (!result->valid && seen.exit_code < 0) {
        seen.started = false;
        seen.start_error = "the supervisor ended without a result";
    }
    return seen;
}

void
judge_run (const run_t *run, const char *dir, int64_t timeout_ms, int64_t wall_ms,
           spool_verdict_t *verdict, verdict_run_t *ret_run)
{
    assert (run->pid <= 0); //  the run is over
    const run_result_t *result = &run->result;
    verdict_run_t seen = s_look (run, dir, timeout_ms);
    const verdict_outcome_t outcome = verdict_judge (&seen, verdict->reason);
    if (outcome == VERDICT_SUCCESS && seen.report_bytes > LIMIT_REPORT_BYTES)
        snprintf (verdict->reason, sizeof verdict->reason,
                  "investigation.md too large: %" PRId64 " bytes (expected at most %d)",
                  seen.report_bytes, LIMIT_REPORT_BYTES);
    verdict->class = evidence_class_of_run (&seen);
    if (verdict->class == RUN_CLASS_SUCCESS && verdict->reason [0])
        verdict->class = RUN_CLASS_INVALID_OUTPUT;
    verdict->outcome = run_class_rule (verdict->class)->outcome;
    verdict->exit_code = result->timed_out ? -1 : seen.exit_code;
    if (result->valid && result->started_ms) {
        verdict->started_ms = result->started_ms;
        verdict->completed_ms = result->completed_ms;
    }
    else
        verdict->completed_ms = wall_ms;
    *ret_run = seen;
    ret_run->start_error = NULL;
}

void
judge_log (const spool_verdict_t *verdict)
{
    if (verdict->outcome == VERDICT_SUCCESS)
        log_info ("agent finished", kv ("incident_id", verdict->incident.text),
                  kv ("attempt", verdict->attempt),
                  kv ("ms", verdict->completed_ms - verdict->started_ms));
    else
        log_warn ("agent execution failed validation", kv ("incident_id", verdict->incident.text),
                  kv ("attempt", verdict->attempt), kv ("class", run_class_name (verdict->class)),
                  kv ("reason", verdict->reason));
}

bool
judge_has_files (const spool_verdict_t *verdict)
{
    return verdict->outcome != VERDICT_HOST || verdict->exit_code > 0;
}
