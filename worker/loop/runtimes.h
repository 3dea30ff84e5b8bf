//  runtimes - which runtimes work on this host, and which one is used.
//
//  Threads: any; it waits for the runtimes that are tried out.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "runner/sandbox/runtime.h"
#include "worker/base/settings.h"
#include "worker/loop/driver.h"

typedef struct {
    const settings_t *settings;
    const char *program_dir;
    const char *home; //  an existing folder, absolute; a runtime is tried out in a folder in it
} runtimes_ask_t;

//  Try a runtime out.  Err: it does not hold here; diag says why, and what to install.
int
runtimes_probe (const runtimes_ask_t *ask, const runtime_t *runtime, err_diag_t *diag) must_check;
//  The holes of a runtime here, or-ed.
unsigned
runtimes_holes (const runtimes_ask_t *ask, const runtime_t *runtime);
//  The runtime that settings name, or for `auto` the first that holds; `none` only for playbook.
//  Err: ERR_CONFIG: none; diag says why and what to install.
int
runtimes_choose (const runtimes_ask_t *ask, char ret_name [DRIVER_WORD],
                 err_diag_t *diag) must_check;
