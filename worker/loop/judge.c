//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/judge.h"

#include "common/base/log.h"

#include <assert.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

void
judge_unstarted (const char *why, int64_t wall_ms, spool_verdict_t *verdict)
{
    const verdict_run_t seen = {.started = false, .start_error = why, .exit_code = -1};
    verdict->outcome = verdict_judge (&seen, verdict->reason);
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

void
judge_run (const run_t *run, const char *dir, int64_t timeout_ms, int64_t wall_ms,
           spool_verdict_t *verdict)
{
    assert (run->pid <= 0); //  the run is over
    const run_result_t *result = &run->result;
    const char *error = result->start_error;
    const int code = s_exit_code (run);
    if (!result->valid && code < 0)
        error = "the supervisor ended without a result";
    int64_t size = spool_report_size (dir);
    const verdict_run_t seen = {.started = !*error,
                                .start_error = error,
                                .timed_out = result->timed_out,
                                .timeout_s = (timeout_ms + 999) / 1000,
                                .exit_code = code,
                                .report_exists = size >= 0,
                                .report_bytes = size < 0 ? 0 : size};
    verdict->outcome = verdict_judge (&seen, verdict->reason);
    if (verdict->outcome == VERDICT_SUCCESS && size > LIMIT_REPORT_BYTES) {
        verdict->outcome = VERDICT_AGENT;
        snprintf (verdict->reason, sizeof verdict->reason,
                  "investigation.md too large: %" PRId64 " bytes (expected at most %d)", size,
                  LIMIT_REPORT_BYTES);
    }
    verdict->exit_code = result->timed_out ? -1 : code;
    if (result->valid && result->started_ms) {
        verdict->started_ms = result->started_ms;
        verdict->completed_ms = result->completed_ms;
    }
    else
        verdict->completed_ms = wall_ms;
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
                  kv ("attempt", verdict->attempt), kv ("reason", verdict->reason));
}

bool
judge_has_files (const spool_verdict_t *verdict)
{
    return verdict->outcome != VERDICT_HOST || verdict->exit_code > 0;
}
