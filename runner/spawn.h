//  spawn - starts the program of a run in a session and a cgroup of its own.
//
//  A process must join its cgroup before it executes anything, which posix_spawn cannot do.
//  triage-run has one thread, so fork is safe.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/cgroup.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    const char *workspace; //  its working directory
    char *const *argv;     //  its program and arguments, ended by NULL
    char *const *envp;
    int out_fd, err_fd;        //  its output
    int gateway_fd, report_fd; //  become ENTER_GATEWAY_FD and ENTER_REPORT_FD; -1 = none
    bool shielded;             //  TERM is blocked, so that it waits for triage-enter
    const cgroup_t *cgroup;    //  joined first; NULL = none
} spawn_spec_t;

//  Returns when the program has been executed.  All signals are at their defaults, and none is
//  blocked, but for TERM where shielded.  Err: -errno: it was not executed, and nothing is left.
int
spawn_start (const spawn_spec_t *spec, pid_t *ret_pid) must_check;
