//  program - is the agent's program there?  Told when the worker starts, not by its first incident.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "worker/base/settings.h"

#include <limits.h>

//  The folder of this program.  Err: ERR_CONFIG; diag says why.
int
program_folder (char ret_folder [PATH_MAX], err_diag_t *diag) must_check;
//  The agent script: as it is given; where nothing is by the default name, the one that
//  came with this program.
//  Err: -errno it is not there or no program, ret_script is where it would be; ERR_CONFIG its path
//  is too long; diag says why.
int
program_script (const settings_t *settings, const char *program_dir, char ret_script [PATH_MAX],
                err_diag_t *diag) must_check;
//  The program that run-agent.sh will look for, NULL = not known (a script of another name),
//  "" = there is none (a custom agent whose command is not set, or not passed on).  Own: borrowed.
const char *
program_name (const settings_t *settings, const char *script);
//  Is there an executable of this name: a path, or in program_dir or a folder
//  of PATH, as agents see it?
bool
program_found (const char *name, const char *program_dir);
//  Log an error when the agent's program is missing, and a warning when agents would run as root.
void
program_check (const settings_t *settings, const char *script, const char *program_dir);
