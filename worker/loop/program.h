//  program - finds the agent script and the agent's program when the worker starts.
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
//  The program that run-agent.sh will start.  Own: borrowed.
//  NULL = unknown: the script has another name.
//  "" = none: the command of a custom agent is not set or not passed on.
const char *
program_name (const settings_t *settings, const char *script);
//  Is there an executable of this name?  It is a path, or is searched in program_dir and PATH as
//  agents do.
bool
program_found (const char *name, const char *program_dir);
//  Log an error when the agent's program is missing, and a warning when agents would run as root.
void
program_check (const settings_t *settings, const char *script, const char *program_dir);
