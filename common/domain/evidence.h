//  evidence - all that is known of a run, and the class, sentence and outcome that follow.
//
//  Texts come from verdict.  The class is that of the first source that knows one: what the box has
//  killed it for, the agent's structured result, what the gateway saw, the report, the exit code.
//  A valid report beside a timeout or a limit makes the run partial.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/run_class.h"
#include "common/domain/usage.h"
#include "common/domain/verdict.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  What the gateway saw of a run.  All zero: it saw nothing, or there was none.
typedef struct {
    run_class_t class;                    //  of the last call if it failed; NONE = it did not
    char sentence [VERDICT_REASON_BYTES]; //  the provider's own words
    int64_t retry_ms;                     //  its Retry-After, 0 = none
    //  The provider answered the last call well.  Then no claim about key, quota or model is true.
    bool answered;
    //  It answered some call well.  Then only its own word about key, quota or model is true.
    bool served;
} verdict_observed_t;

//  Own: borrowed.  Units: bytes.
typedef struct {
    verdict_run_t run;  //  it was started
    const char *report; //  output/investigation.md; NULL = none
    size_t report_bytes;
    const char *result; //  output/agent-result.json; NULL = none
    size_t result_bytes;
    const char *error; //  its standard error
    size_t error_bytes;
    verdict_observed_t observed;
    bool resumed; //  this run has resumed one that would be partial
} evidence_t;

typedef struct {
    verdict_outcome_t outcome;
    run_class_t class;                  //  never NONE
    int exit_code;                      //  the CLI's own where known; -1 after a timeout
    char reason [VERDICT_REASON_BYTES]; //  "" on success
    int64_t retry_ms;                   //  how long the provider asks to wait, 0 = not said
    usage_t usage;                      //  what the result says
    int ignored; //  0, or why the result could not be read: ERR_PROTO, ERR_LIMIT, -ENOMEM
} finding_t;

//  The class that a run has by itself, without its files: from limits, deadline, signal and exit
//  code.  SUCCESS when none of them speaks against it.
run_class_t
evidence_class_of_run (const verdict_run_t *run);
//  Find what the run was.
void
evidence_find (const evidence_t *self, finding_t *ret_finding);
