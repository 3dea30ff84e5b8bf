//  verdict - the rules that judge one attempt, the same on worker and broker.
//
//  The order of the rules and their texts are the contract.  They check: not started, timeout, exit
//  code, no report, too small, then the contents of the files.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/verdict_error.h"
#include "common/domain/verdict_outcome.h"
#include "common/domain/verdict_path.h"
#include "common/domain/verdict_text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Observations of one run.
typedef struct {
    bool started;            //  the agent script was executed
    const char *start_error; //  why it did not start
    bool timed_out;
    int64_t timeout_s;
    int exit_code;      //  128 + signal when a signal killed it
    bool report_exists; //  output/investigation.md is a regular file (lstat)
    int64_t report_bytes;
    int signal;     //  that killed the script, 0 = none
    char limit [8]; //  what the run used up: disk, files, memory, pids (run_result); "" = nothing
} verdict_run_t;

//  Judge a run.  reason gets the exact text ("" on success):
//    agent execution error: ...
//    agent timed out after N s
//    agent exited with non-zero code: N    (the host's matter if N is 125 to 127)
//    investigation.md file not found
//    investigation.md too small: N bytes (expected > 100)
verdict_outcome_t
verdict_judge (const verdict_run_t *run, char ret_reason [VERDICT_REASON_BYTES]);

//  The files of a run that verdict_judge accepts.  Own: borrowed.  Units: bytes.
typedef struct {
    const char *report; //  output/investigation.md
    size_t report_bytes;
    const char *result; //  output/agent-result.json (agent_result); NULL: none
    size_t result_bytes;
} verdict_files_t;

//  Second part of the judgement, by the files' contents:
//    investigation.md has no text
//    agent reported an error: ...          (agent_result)
//    investigation.md holds an error instead of a report: ...
//    agent-result.json cannot be read: ...; the report is short: N bytes
//  *ret_ignored: 0, or why the result was ignored: ERR_PROTO, ERR_LIMIT.
verdict_outcome_t
verdict_judge_files (const verdict_files_t *files, char ret_reason [VERDICT_REASON_BYTES],
                     int *ret_ignored);

//  Append ": " and a sentence that explains the failure, cut where the reason is full.  It is what
//  the agent says, else the first informative line of its standard error.  Appends nothing when
//  there is none.
//  said: may be NULL.  Own: borrowed.  Units: bytes.
void
verdict_explain (const char *said, const char *error, size_t error_bytes,
                 char reason [VERDICT_REASON_BYTES]);

//  Kinds of reasons, for counting: the texts above, or OTHER for anything else from a worker.
typedef enum {
    VERDICT_NOT_STARTED,
    VERDICT_TIMED_OUT,
    VERDICT_EXIT_CODE,
    VERDICT_NO_REPORT,
    VERDICT_TOO_SMALL,
    VERDICT_NO_TEXT,
    VERDICT_AGENT_ERROR,
    VERDICT_ERROR_TEXT,
    VERDICT_NO_RESULT,
    VERDICT_OTHER,
    VERDICT_KINDS
} verdict_kind_t;
//  VERDICT_OTHER for an unknown text.
verdict_kind_t
verdict_kind (const char *reason);
//  "not_started", "timeout", "exit_code", "no_report", "too_small", "no_text", "agent_error",
//  "error_text", "no_result", "other".
const char *
verdict_kind_name (verdict_kind_t kind);
