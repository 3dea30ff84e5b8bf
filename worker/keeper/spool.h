//  spool - finished attempts on disk until the broker has acknowledged them.
//
//  An entry is the attempt's whole workspace plus verdict.json.
//  Ensures: an entry is complete.  It gets its name spool/... by one rename after all of it has
//  been synced.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/ident.h"
#include "common/base/limits.h"
#include "common/domain/verdict.h"
#include "worker/keeper/redact.h"

#include <stddef.h>
#include <stdint.h>

//  The result of an attempt, as VERDICT reports it.
typedef struct {
    ident_t incident;
    int64_t attempt;
    verdict_outcome_t outcome;
    int exit_code;
    char reason [VERDICT_REASON_BYTES];
    int64_t started_ms, completed_ms; //  wall clock
    verdict_file_t files [LIMIT_ATTEMPT_FILES];
    size_t file_count;
} spool_verdict_t;

//  The bytes of output/investigation.md in workspace dir; -1 when it is not a regular file.
int64_t
spool_report_size (const char *dir);
//  Find, redact, hash and sync the files that may be uploaded, and list them in verdict.
//  Files that are too many, too large or unreadable are logged and left out.
//  *ret_unsynced: 0, or the first error of a sync; the list is then valid, but must not be kept.
//  Err: why the workspace, or an existing report, could not be read.
int
spool_collect (const char *dir, const redact_t *secrets, spool_verdict_t *verdict,
               int *ret_unsynced) must_check;
//  Judge by the content of the collected files: whether a success stands, and why an agent ended
//  with its exit code.  Err: why the report could not be read.
int
spool_judge (const char *dir, spool_verdict_t *verdict) must_check;
//  Write verdict.json, rename dir to spool_dir and sync.  Err: -errno: dir has its old name.
int
spool_keep (const char *dir, const char *spool_dir, const spool_verdict_t *verdict) must_check;
//  Read verdict.json of an entry.  Err: ERR_PROTO: it is not valid; -errno.
int
spool_load (const char *spool_dir, spool_verdict_t *ret_verdict) must_check;
