//  run_result - how a run ended: the last status line of triage-run, and run.json in the workspace.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/json.h"
#include "runner/cgroup_place.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUN_RESULT_FILE "run.json"

enum { RUN_RESULT_LIMIT = 8 }; //  bytes, with the NUL

typedef struct {
    bool valid;                       //  a result was received; everything else is zero when false
    int exit_code;                    //  128 + signal when one ended it; -1 = did not start or end
    int signal;                       //  0 = none
    bool timed_out, stopped;          //  ended at its deadline; stopped by an order
    int left;                         //  processes of the tree that may still run
    int64_t timeout_ms;               //  its deadline
    int64_t started_ms, completed_ms; //  wall clock
    int64_t stdout_bytes, stderr_bytes; //  written by the agent, also bytes that no log keeps
    char start_error [200];             //  "" when the script was executed
    //  What the run used up: "disk", "files", "memory", "pids"; "" = nothing.  It was killed for
    //  it.  Or the kernel refused it more processes, and then it failed: "pids".
    char limit [RUN_RESULT_LIMIT];
    cgroup_by_t held [CGROUP_PARTS]; //  who held the limits; only written
    int64_t watch_us;                //  what looking at the limits has cost; only written
} run_result_t;

//  The JSON also names this boot of the kernel: unsynced files are only complete while it lasts.
//  Own: fresh, NULL when out of memory.
json_t *
run_result_json (const run_result_t *self);
//  Parse a result received just now.  Err: ERR_PROTO: not a result; *ret_result is untouched.
int
run_result_parse (const char *text, size_t size, run_result_t *ret_result);
//  Load the result that a supervisor left in a workspace.  Err: -errno: unreadable; ERR_PROTO: not
//  a result.  ERR_STALE: from an earlier boot, so the files beside it may be incomplete.
int
run_result_load (const char *workspace, run_result_t *ret_result) must_check;
//  Did the run end by itself, so that it can be judged?
bool
run_result_final (const run_result_t *result);
//  The id of this boot; "" when the kernel gives none.  Units: bytes, with the NUL.
enum { RUN_RESULT_BOOT = 37 };
void
run_result_boot (char ret_boot [RUN_RESULT_BOOT]);
