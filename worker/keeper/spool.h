//  spool - finished attempts on disk until the broker has acknowledged them.
//
//  An entry is the attempt's whole workspace plus verdict.json.  It gets its name spool/... by one
//  rename after everything in it was synced, so what bears that name is complete.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/ident.h"
#include "common/base/limits.h"
#include "common/domain/verdict.h"
#include "worker/keeper/redact.h"

#include <stddef.h>
#include <stdint.h>

//  What becomes a VERDICT.
typedef struct {
    ident_t incident;
    int64_t attempt;
    verdict_outcome_t outcome;
    int exit_code;
    char reason [VERDICT_REASON_BYTES];
    int64_t started_ms, completed_ms; //  wall clock
    verdict_file_t files [LIMIT_ATTEMPT_FILES];
    size_t file_count;
} spool_report_t;

//  Size of the report in workspace dir; -1 when output/investigation.md is not a regular file.
int64_t
spool_report_size (const char *dir);
//  Find, redact, hash and sync the files that may travel; too many, too large, unreadable ones
//  are logged and left out.  *ret_unsynced: 0, or the first error of a sync; the list is good all
//  the same, but not to be kept.  Err: why the workspace or a report that is there was not read.
int
spool_collect (const char *dir, const redact_t *secrets, spool_report_t *report,
               int *ret_unsynced) must_check;
//  By what is in the collected files: judge a success further;
//  say why an agent ended with its exit code.
//  Err: why the report was not read.
int
spool_judge (const char *dir, spool_report_t *report) must_check;
//  Write verdict.json into dir, sync, rename dir to spool_dir, sync both parents.
//  Err: -errno; dir still has its old name.
int
spool_keep (const char *dir, const char *spool_dir, const spool_report_t *report) must_check;
//  Read an entry.  Err: ERR_PROTO when verdict.json is not one of ours, -errno.
int
spool_load (const char *spool_dir, spool_report_t *ret_report) must_check;
