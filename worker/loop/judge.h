//  judge - judges a run by the rules of common/domain/verdict, then by those of the worker.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/keeper/spool.h"
#include "worker/loop/run.h"

#include <stdbool.h>
#include <stdint.h>

//  Fill the verdict of a run that is over: outcome, class, reason, exit code, times.  Its files are
//  not set; the start time is there already.  *ret_run: what findings_judge completes it with.
//  dir: its workspace; wall_ms: now.
void
judge_run (const run_t *run, const char *dir, int64_t timeout_ms, int64_t wall_ms,
           spool_verdict_t *verdict, verdict_run_t *ret_run);
//  Fill the verdict of a run that could not start.  why: the error.
void
judge_unstarted (const char *why, int64_t wall_ms, spool_verdict_t *verdict);
//  Log the outcome.
void
judge_log (const spool_verdict_t *verdict);
//  Are there files to upload?  A script that found no agent may have left a log; one that did not
//  start has left nothing.
bool
judge_has_files (const spool_verdict_t *verdict);
