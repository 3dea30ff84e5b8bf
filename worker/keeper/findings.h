//  findings - reads the files of a run that is over, and completes its verdict by them.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/domain/evidence.h"
#include "worker/keeper/spool.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  What is known of a run beside its files.
typedef struct {
    verdict_run_t run; //  start_error is NULL; started is false when there is nothing to find
    verdict_observed_t observed; //  by the gateway
    usage_t seen;                //  by the gateway; usage_none without one
    bool resumed;                //  the run has resumed an earlier one
} facts_t;

//  Nothing is known.
facts_t
findings_no_facts (void);
//  The bytes of output/investigation.md in workspace dir; -1 when it is not a regular file.
int64_t
findings_report_size (const char *dir);
//  Judge a run by its files: outcome, class, exit code, reason, retry_ms and usage of the verdict.
//  The gateway's figures count before those of the agent's result.
//  most: a report, result or error output of more bytes is not read.
//  Err: why an existing report could not be read, ERR_LIMIT: it is too large; the verdict is as
//  before.
int
findings_judge (const char *dir, const facts_t *facts, size_t most,
                spool_verdict_t *verdict) must_check;
