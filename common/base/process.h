//  process - what each program does first: signals wait for its loop, and neighbours
//  cannot look into it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>

//  Block SIGTERM and SIGINT, and with `reload` SIGHUP and SIGUSR1, in this thread and all that it
//  starts; what came before somebody reads the fd waits in it.  Without `reload` SIGUSR1, to which
//  other daemons tell their state, is ignored.  SIGPIPE is.  Returns a non-blocking signalfd.
//  Own: the caller's.  Err: -1, errno is set.
int
process_signals (bool reload) must_check;
//  A process that is not dumpable shows its environment and memory to no other process of its user
//  in /proc, cannot be traced by one, and leaves no core.  (One of root's can do all that.)
void
process_hide (void);
