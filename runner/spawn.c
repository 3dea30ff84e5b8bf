//  SPDX-License-Identifier: Apache-2.0
#include "runner/spawn.h"

#include "common/base/own.h"
#include "runner/enter/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    SPAWN_NICE = 5,    //  behind the worker, which has leases to renew
    SPAWN_HIGH_FD = 16 //  above the places of the box's descriptors
};

static int
s_signals (bool shielded)
{
    sigset_t blocked;
    sigemptyset (&blocked);
    if (shielded)
        sigaddset (&blocked, SIGTERM);
    for (int number = 1; number <= SIGRTMAX; number++)
        (void) signal (number, SIG_DFL);
    return sigprocmask (SIG_SETMASK, &blocked, NULL) == 0 ? 0 : -errno;
}

//  Give the box its descriptors; those in their places before are copied away first.
static int
s_descriptors (const spawn_spec_t *spec)
{
    const int gateway_fd =
        spec->gateway_fd < 0 ? -1 : fcntl (spec->gateway_fd, F_DUPFD_CLOEXEC, SPAWN_HIGH_FD);
    const int report_fd =
        spec->report_fd < 0 ? -1 : fcntl (spec->report_fd, F_DUPFD_CLOEXEC, SPAWN_HIGH_FD);
    if (gateway_fd >= 0 && dup2 (gateway_fd, ENTER_GATEWAY_FD) < 0)
        return -errno;
    if (report_fd >= 0 && dup2 (report_fd, ENTER_REPORT_FD) < 0)
        return -errno;
    const bool lost =
        (spec->gateway_fd >= 0 && gateway_fd < 0) || (spec->report_fd >= 0 && report_fd < 0);
    return lost ? -EMFILE : 0;
}

//  In the child.  Returns only when it fails: -errno.
static int
s_execute (const spawn_spec_t *spec)
{
    own (own_fd) int null_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null_fd < 0 || dup2 (null_fd, STDIN_FILENO) < 0 || dup2 (spec->out_fd, STDOUT_FILENO) < 0
        || dup2 (spec->err_fd, STDERR_FILENO) < 0)
        return -errno;
    if (setsid () < 0 || chdir (spec->workspace) != 0)
        return -errno;
    (void) setpriority (PRIO_PROCESS, 0, SPAWN_NICE);
    int rc = spec->cgroup ? cgroup_join (spec->cgroup) : 0;
    rc = rc ? rc : s_descriptors (spec);
    rc = rc ? rc : s_signals (spec->shielded);
    if (rc < 0)
        return rc;
    execve (spec->argv [0], spec->argv, spec->envp);
    return -errno;
}

int
spawn_start (const spawn_spec_t *spec, pid_t *ret_pid)
{
    //  The child tells why it could not execute the program; executing closes the pipe.
    int ends [2];
    if (pipe2 (ends, O_CLOEXEC) != 0)
        return -errno;
    own (own_fd) int read_fd = ends [0];
    own (own_fd) int write_fd = ends [1];
    const pid_t pid = fork ();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        const int tell_fd = fcntl (write_fd, F_DUPFD_CLOEXEC, SPAWN_HIGH_FD);
        const int rc = s_execute (spec);
        (void) !write (tell_fd, &rc, sizeof rc);
        _exit (127);
    }
    own_fd (&write_fd);
    int rc = 0;
    ssize_t got;
    do
        got = read (read_fd, &rc, sizeof rc);
    while (got < 0 && errno == EINTR);
    if (got == 0) {
        *ret_pid = pid;
        return 0;
    }
    (void) waitpid (pid, NULL, 0);
    return got == (ssize_t) sizeof rc && rc < 0 ? rc : -EIO;
}
