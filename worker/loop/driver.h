//  driver - what run-agent.sh says about the agent: its program, its version, its provider.
//
//  A driver is a file of run-agent.sh (agent-container/README.md).  Another script has none.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/runtime.h"
#include "worker/base/settings.h"

#include <limits.h>
#include <stdbool.h>

enum { DRIVER_WORD = 64, DRIVER_MODEL = 128, DRIVER_PROMPT = 512 };

typedef struct {
    bool ours; //  the script is run-agent.sh; else all below is empty
    char program [DRIVER_WORD], path [PATH_MAX], version [DRIVER_WORD], model [DRIVER_MODEL];
    char provider [DRIVER_WORD];                            //  as the gateway names it; "" = none
    char key_env [DRIVER_WORD], base_url_env [DRIVER_WORD]; //  variables; "" = none
    char tools [DRIVER_WORD]; //  how its CLI is held to the allowed tools; "" = it is not
    bool resumes;
    char resume_prompt [DRIVER_PROMPT]; //  what a resumed run is asked; one line
} driver_t;

typedef struct {
    const settings_t *settings;
    const char *script, *program_dir;
    //  Where the agent's program is: in the image of this runtime, when it has one; else here.
    const runtime_t *runtime; //  NULL: here
    const char *home;         //  an existing folder, for a box; absolute
} driver_ask_t;

//  Is there a driver of the agent's name?  Yes for a script that is not run-agent.sh, or not there:
//  it may come later.
//  Err: ERR_CONFIG; diag names those that are there.
int
driver_check (const settings_t *settings, const char *script, err_diag_t *diag) must_check;
//  Can the agent's user run script and program in a box of the runtime?  Yes where there is no box,
//  or the program is in an image.  Waits for it, some seconds at most.  Err: ERR_CONFIG: no; diag
//  says what and what to do.
int
driver_try (const driver_ask_t *ask, const driver_t *driver, err_diag_t *diag) must_check;
//  Ask the script.  Waits for it, some seconds at most.  Err: -ENOENT: the agent's program is
//  missing; ERR_CONFIG, -errno: the script cannot be asked; diag says why and what to do.
int
driver_describe (const driver_ask_t *ask, driver_t *ret_driver, err_diag_t *diag) must_check;
