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
#include "common/domain/run_class.h"
#include "common/domain/usage.h"
#include "common/domain/verdict.h"

#include <stddef.h>
#include <stdint.h>

//  The result of an attempt, as VERDICT reports it.
typedef struct {
    ident_t incident;
    int64_t attempt;
    verdict_outcome_t outcome;
    run_class_t class; //  NONE: found in the spool of an older worker
    int exit_code;
    char reason [VERDICT_REASON_BYTES];
    int64_t started_ms, completed_ms; //  wall clock
    int64_t retry_ms;                 //  how long the provider asks to wait, 0 = not said
    usage_t usage;
    verdict_file_t files [LIMIT_ATTEMPT_FILES];
    size_t file_count;
} spool_verdict_t;

//  Write verdict.json, rename dir to spool_dir and sync.  Err: -errno: dir has its old name.
int
spool_keep (const char *dir, const char *spool_dir, const spool_verdict_t *verdict) must_check;
//  Read verdict.json of an entry.  Err: ERR_PROTO: it is not valid; -errno.
int
spool_load (const char *spool_dir, spool_verdict_t *ret_verdict) must_check;
