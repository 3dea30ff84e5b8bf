//  program - finds the agent script when the worker starts.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "worker/base/settings.h"

#include <limits.h>

//  The folder of this executable.  Err: ERR_CONFIG; diag says why.
int
program_folder (char ret_folder [PATH_MAX], err_diag_t *diag) must_check;
//  The agent script: agent_script_path, or for a missing default the one installed with this
//  program.
//  Err: -errno: it is missing or not executable, ret_script is still set; ERR_CONFIG: its path is
//  too long.  diag says why.
int
program_script (const settings_t *settings, const char *program_dir, char ret_script [PATH_MAX],
                err_diag_t *diag) must_check;
