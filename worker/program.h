//  program - is the agent's program there?  Told when the worker starts, not by its first incident.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/settings.h"

//  The program that run-agent.sh will look for, NULL = not known (a script of another name, or a custom agent whose
//  command is not passed on).  Own: borrowed.
const char *
program_name (const settings_t *settings, const char *script);
//  Is there an executable of this name: a path, or in program_dir or a folder of PATH, as agents see it?
bool
program_found (const char *name, const char *program_dir);
//  Log an error when the agent's program is missing, and a warning when agents would run as root.
void
program_check (const settings_t *settings, const char *script, const char *program_dir);
