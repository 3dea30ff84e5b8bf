//  run_result - how a run ended: the last word of triage-run, and run.json in the workspace.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_RESULT_FILE "run.json"

typedef struct {
    bool valid;              //  it was told; all else is zero when not
    int exit_code;           //  128 + signal when one ended it; -1 = it did not start or end
    int signal;              //  0 = none
    bool timed_out, stopped; //  ended at its deadline; ended from outside
    int left;                //  processes of the tree that may be running
    int64_t timeout_ms;      //  the deadline it had
    int64_t started_ms, completed_ms;   //  wall clock
    int64_t stdout_bytes, stderr_bytes; //  that the agent wrote, also those that no log keeps
    char start_error [200];             //  "" when the script was executed
} run_result_t;

//  Names the boot of the kernel too: files that nobody synced are whole only as long as it lasts.
//  Own: fresh, NULL when out of memory.
json_t *
run_result_json (const run_result_t *self);
//  Read one that was told this moment.  Err: ERR_PROTO it is not one; *ret_result is untouched.
int
run_result_parse (const char *text, size_t size, run_result_t *ret_result);
//  The one that a supervisor left in a workspace.
//  Err: -errno none can be read; ERR_PROTO it is not one; ERR_STALE it is from before this boot,
//  and the files beside it may not have reached the disk.
int
run_result_load (const char *workspace, run_result_t *ret_result) must_check;
//  Did the run come to its own end, so that it can be judged?
bool
run_result_final (const run_result_t *result);
//  Which boot this is; "" when the kernel does not say.  Units: bytes, with the NUL.
enum { RUN_RESULT_BOOT = 37 };
void
run_result_boot (char ret_boot [RUN_RESULT_BOOT]);
