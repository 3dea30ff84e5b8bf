//  process - the first steps of each program: signals wait for its loop, and other processes cannot
//  look into it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>

//  Block SIGTERM and SIGINT, and with `reload` SIGHUP and SIGUSR1, in this thread and all that it
//  starts.  Signals wait in the returned non-blocking signalfd.
//  SIGPIPE is ignored, and without `reload` also SIGUSR1, which other daemons use to dump their
//  state.
//  Own: the caller closes the fd.  Err: -1, errno is set.
int
process_signals (bool reload) must_check;
//  Make the process not dumpable.  Other processes of its user can then neither read its
//  environment and memory in /proc nor trace it, and it leaves no core.  Root still can.
void
process_hide (void);
