//  supervise - run one agent script and answer for its whole process tree.
//
//  The caller's process becomes a child subreaper: use it in a program of its own (triage-run).
//  The script runs in a session and process group of its own.  The run ends when the script exits,
//  at its deadline, or when the control fd closes; then every descendant gets TERM, after the grace
//  KILL, again and again until none is left.  The tree is gone by timeout + grace.
//  What it says and the orders it takes: status.h.  How the run ended: run_result.h.
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
    const char *result_path; //  RUN_RESULT_FILE, written atomically at the end
    char *const *argv;       //  the script and its arguments, ended by NULL
    char *const *envp;       //  its environment
    int control_fd;          //  orders; at end of file the agent is stopped
    int status_fd;           //  or -1
} supervise_spec_t;

//  Err: 0 a result was written (a script that could not start is a result too), -errno none was.
int
supervise_run (const supervise_spec_t *spec) must_check;
