//  run - one agent under its supervisor, triage-run: start, status, stop.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/run_result.h"
#include "runner/status.h"
#include "worker/base/home.h"
#include "worker/base/settings.h"
#include "worker/loop/box.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    const settings_t *settings;
    const char *script;      //  absolute path of the agent script
    const char *program_dir; //  has triage-run and triage-playbook
    const char *workspace;   //  absolute
    const char *incident;
    int64_t attempt;
    const box_t *box; //  open
    const char *model, *allowed_tools;
    int64_t timeout_ms;
    bool resume; //  go on in the session of the run before, in the same workspace
} run_spec_t;

typedef struct {
    pid_t pid;               //  of triage-run; 0 = none
    int control_fd;          //  closing it stops the agent
    int status_fd;           //  readable when there is news; end of file: all processes have ended
    char line [STATUS_LINE]; //  an incomplete line of the status stream
    size_t line_size;
    bool starting;             //  the script is about to be executed, and may already act
    bool started;              //  the script was executed
    bool ended;                //  no process of its tree is left
    int signal;                //  the signal that killed triage-run; 0 = none
    char cgroup [HOME_CGROUP]; //  swept if the supervisor is killed
    run_result_t result;
} run_t;

enum { RUN_NONE = 0, RUN_NEWS = 1, RUN_ENDED = 2 };

//  Start triage-run.  Err: -errno: it cannot be started; -ENOMEM, ERR_LIMIT: too many words or
//  bytes.  All of self is closed then.
int
run_start (run_t *self, const run_spec_t *spec) must_check;
//  Read the status stream.  Returns RUN_ENDED once the supervisor is reaped, even if another
//  process still holds the stream.
int
run_read (run_t *self);
//  Stop the agent: SIGTERM, and SIGKILL after the grace; now: SIGKILL at once.
//  May be called again.
void
run_stop (run_t *self, bool now);
//  Kill a supervisor that does not answer, and all processes below it.
void
run_kill (run_t *self);
//  Was the supervisor killed while a process of the agent ran, which may have done it?
bool
run_killed_under_agent (const run_t *self);
//  Close the pipes.  This stops an agent that still runs.
void
run_fini (run_t *self);
