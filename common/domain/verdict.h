//  verdict - the rules that judge one attempt, the same on worker and broker.
//
//  The order of the rules and their texts are the contract.  They check: not started, timeout, exit
//  code, no report, too small, then the contents of the files.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/digest.h"
#include "common/base/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    VERDICT_SUCCESS,   //  validated report
    VERDICT_AGENT,     //  the agent ran and failed: uses up an attempt
    VERDICT_HOST,      //  the host could not run it: another worker tries, no attempt used up
    VERDICT_LOST,      //  set by the broker: worker or broker went away
    VERDICT_CANCELLED, //  set by the broker: an operator ended it
    VERDICT_OUTCOMES
} verdict_outcome_t;

enum { VERDICT_REPORT_MIN_BYTES = 101, VERDICT_REASON_BYTES = 256 };

//  One listed file of an attempt.
typedef struct {
    char path [LIMIT_PATH_BYTES]; //  relative, from the allow-list of verdict_path_allowed
    int64_t size;                 //  Units: bytes
    char sha256 [DIGEST_HEX];     //  lower-case hex
} verdict_file_t;

//  The file of this path, or NULL.  Own: borrowed from files.
const verdict_file_t *
verdict_file_find (const verdict_file_t *files, size_t count, const char *path);

//  Observations of one run.
typedef struct {
    bool started;            //  the agent script was executed
    const char *start_error; //  why it did not start
    bool timed_out;
    int64_t timeout_s;
    int exit_code;      //  128 + signal when a signal killed it
    bool report_exists; //  output/investigation.md is a regular file (lstat)
    int64_t report_bytes;
} verdict_run_t;

//  Judge a run.  reason gets the exact text ("" on success):
//    agent execution error: ...
//    agent timed out after N s
//    agent exited with non-zero code: N    (the host's matter if N is 78 or 125
//    to 127; verdict_explain)
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

//  Output of a failed agent.  Own: borrowed.  Units: bytes.
typedef struct {
    const char *result; //  as in verdict_files_t
    size_t result_bytes;
    const char *error; //  its standard error
    size_t error_bytes;
} verdict_said_t;

//  Append ": " and a sentence that explains the failure, cut where the reason is full.  It comes
//  from the result, else from the first informative line of the error output.  Appends nothing when
//  there is none.
void
verdict_explain (const verdict_said_t *said, char reason [VERDICT_REASON_BYTES]);

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

//  "success", "agent", "host", "lost", "cancelled".
const char *
verdict_outcome_name (verdict_outcome_t outcome);
//  False: no such name, *ret_outcome is untouched.
bool
verdict_outcome_parse (const char *name, size_t size, verdict_outcome_t *ret_outcome);

//  May this relative path be an artifact of an attempt?
//  Allow-list: output/investigation.md, output/agent-result.json, logs/<name>.log, logs/prompt.md,
//  run.json; names [A-Za-z0-9._-], no "..".
bool
verdict_path_allowed (const char *path, size_t size);
//  Largest size of the file at this path.  Units: bytes.
int64_t
verdict_path_limit (const char *path);
