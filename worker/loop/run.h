//  run - one agent under triage-run: arguments and environment by the contract,
//  start, status, stop.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/run_result.h"
#include "runner/status.h"
#include "worker/base/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    const settings_t *settings;
    const char *script;      //  absolute path of the agent script
    const char *program_dir; //  where triage-run and triage-playbook are
    const char *workspace;   //  absolute
    const char *incident;
    int64_t attempt;
    const char *cluster;
    const char *model, *allowed_tools;
    int64_t timeout_ms;
} run_spec_t;

typedef struct {
    pid_t pid;               //  of triage-run; 0 = none
    int control_fd;          //  closing it stops the agent
    int status_fd;           //  readable when there is news; end of file when the tree is gone
    char line [STATUS_LINE]; //  of the status stream, not complete yet
    size_t line_size;
    bool starting; //  the script is being executed, and may act before we are told
    bool started;  //  the script was executed
    bool ended;    //  nothing of its tree is left
    int signal;    //  that killed triage-run, 0 = none
    run_result_t result;
} run_t;

enum { RUN_NONE = 0, RUN_NEWS = 1, RUN_ENDED = 2 };

//  Err: -errno when triage-run itself cannot be started.
int
run_start (run_t *self, const run_spec_t *spec) must_check;
//  Read the status stream.  Returns RUN_ENDED once the supervisor is reaped,
//  whoever still holds it.
int
run_read (run_t *self);
//  Stop the agent: TERM, after the grace KILL; now: KILL at once.  May be called again.
void
run_stop (run_t *self, bool now);
//  The supervisor does not answer: kill it and what is below it.
void
run_kill (run_t *self);
//  Was the supervisor killed while something of the agent was there, which may have done it?
bool
run_killed_under_agent (const run_t *self);
//  Close what is open.  The agent is stopped if it still ran.
void
run_fini (run_t *self);
