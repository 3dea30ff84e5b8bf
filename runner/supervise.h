//  supervise - run one agent script and answer for its whole process tree.
//
//  The caller's process becomes a child subreaper: use it in a program of its own (triage-run).
//  The script runs in a session and process group of its own.  The run ends when the script exits,
//  at its deadline, or when the control fd closes; then every descendant gets TERM, after the grace
//  KILL, again and again until none is left.  The tree is gone by timeout + grace.
//  Status lines written to status_fd:  "starting", "started",
//  "ended" (nothing of the tree is left),
//  "result {json}" with what stands in the result file.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdint.h>

typedef struct {
    const char *workspace;   //  working directory of the script, absolute
    int64_t timeout_ms;      //  start to deadline, > 0
    int64_t grace_ms;        //  TERM to KILL
    const char *stdout_path; //  capped logs
    const char *stderr_path;
    const char *result_path; //  run.json, written atomically at the end
    char *const *argv;       //  the script and its arguments, ended by NULL
    char *const *envp;       //  its environment
    int control_fd;          //  'K' = kill without grace; else, and at end of file, stop with grace
    int status_fd;           //  or -1
} supervise_spec_t;

//  Which boot of the kernel this is; "" when it does not say.  A result tells it, because files
//  that nobody synced are whole only as long as it lasts.
enum { SUPERVISE_BOOT = 37 };
void
supervise_boot (char ret_boot [SUPERVISE_BOOT]);
//  Err: 0 a result was written (a script that could not start is a result too), -errno none was.
int
supervise_run (const supervise_spec_t *spec) must_check;
