//  process - what each program does first.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

int
process_signals (bool reload)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGINT);
    if (reload) {
        sigaddset (&set, SIGHUP);
        sigaddset (&set, SIGUSR1);
    }
    if (sigprocmask (SIG_BLOCK, &set, NULL) != 0 || signal (SIGPIPE, SIG_IGN) == SIG_ERR
        || (!reload && signal (SIGUSR1, SIG_IGN) == SIG_ERR))
        return -1;
    return signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void
process_hide (void)
{
    (void) prctl (PR_SET_DUMPABLE, 0, 0, 0, 0); //  fails only for invalid values
    //  fs.suid_dumpable = 2 writes cores of such processes nevertheless.
    struct rlimit limit;
    if (getrlimit (RLIMIT_CORE, &limit) == 0) {
        limit.rlim_cur = 0;
        (void) setrlimit (RLIMIT_CORE, &limit);
    }
}
