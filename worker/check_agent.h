//  check_agent - answers --check-agent and --list-runtimes, and takes no work.
//
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "worker/base/settings.h"

//  Look at all that agents need, as a start does, and call the provider once with the key.  Print a
//  table.  Returns the exit code: 0 all is good, else EXIT_RUNTIME.
int
check_agent (const settings_t *settings);
//  Try out each runtime.  Print a table: if it holds here, and what it does not hold.  Returns the
//  exit code.
int
check_agent_runtimes (const settings_t *settings);
