//  supervise - runs one agent script and controls its whole process tree.
//
//  The caller's process becomes a child subreaper, so this needs a program of its own (triage-run).
//  The script runs in its own session and process group.
//  The run ends when the script exits, at its deadline, or when the control fd closes.  Then every
//  descendant gets TERM, and after the grace KILL, repeated until none is left.  The tree is gone
//  by timeout + grace.  A run over one of its limits gets KILL at once.
//  Messages and orders: status.h.  The result: run_result.h.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/sandbox.h"

#include <stdint.h>

typedef struct {
    const char *workspace;   //  working directory of the script, absolute
    int64_t timeout_ms;      //  from start to deadline, > 0
    int64_t grace_ms;        //  from TERM to KILL
    const char *stdout_path; //  capped logs
    const char *stderr_path;
    const char *result_path;   //  RUN_RESULT_FILE, written atomically at the end
    char *const *argv;         //  the script and its arguments, ended by NULL
    char *const *envp;         //  its environment
    const sandbox_spec_t *box; //  around the script; NULL = none
    const char *cgroup;        //  name of its cgroup; NULL = none
    //  Its limits, 0 = none: bytes, thousandths of a CPU, processes and threads, bytes and files
    //  of the workspace.  A cgroup holds the first three, else they are polled (not the CPU).
    int64_t memory, cpus_milli, pids, disk, files;
    int control_fd; //  orders; at end of file the agent is stopped
    int status_fd;  //  or -1
} supervise_spec_t;

//  Returns 0 when a result was written, also for a script that could not start.  Err: -errno: no
//  result.
int
supervise_run (const supervise_spec_t *spec) must_check;
