//  judge - what a run was: the rules of common/domain/verdict, then those of this worker.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/keeper/spool.h"
#include "worker/loop/run.h"

#include <stdbool.h>
#include <stdint.h>

//  Fill the report of a run that is over, but for its files: outcome, reason, exit code, times.
//  dir is its workspace, wall_ms is now.  The start stands in the report already.
void
judge_run (const run_t *run, const char *dir, int64_t timeout_ms, int64_t wall_ms,
           spool_report_t *report);
//  The same of a run that could not begin, and why.
void
judge_unstarted (const char *why, int64_t wall_ms, spool_report_t *report);
//  Log how it ended.
void
judge_log (const spool_report_t *report);
//  Are its files worth a look?  A script that did not start left nothing.  One that said why it had
//  no agent left a log.
bool
judge_has_files (const spool_report_t *report);
