//  enter - the order of the steps.
//
//  Sockets first, because later nothing may listen; rules of paths next, because the user may not
//  open them.  Landlock and seccomp come after no_new_privs, and seccomp is the last.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/enter/enter.h"

#include "common/base/own.h"
#include "runner/enter/enter_part.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int
s_tell (const enter_spec_t *spec, const enter_fault_t *fault, int code)
{
    fprintf (stderr, "triage-enter: %s\n", fault->text);
    if (spec->report_fd >= 0)
        (void) !write (spec->report_fd, fault->text, strlen (fault->text));
    return code;
}

static int
s_set_up (const enter_spec_t *spec, enter_fault_t *fault)
{
    own (own_fd) int rules_fd = -1;
    int rc = enter_listen (spec, fault);
    rc = rc ? rc : enter_landlock_new (spec, &rules_fd, fault);
    rc = rc ? rc : enter_user (spec, fault);
    rc = rc ? rc : enter_landlock_bind (rules_fd, fault);
    return rc ? rc : enter_seccomp (spec, fault);
}

//  An engine sends TERM to process 1 alone.
static void
s_forward (int number)
{
    const int saved = errno;
    (void) kill (-1, number);
    errno = saved;
}

static void
s_take_term (void)
{
    const struct sigaction action = {.sa_handler = s_forward};
    (void) sigaction (SIGTERM, &action, NULL);
    sigset_t term;
    sigemptyset (&term);
    sigaddset (&term, SIGTERM);
    (void) sigprocmask (SIG_UNBLOCK, &term, NULL);
}

//  Process 1 of a box ends with the script, and the kernel then ends all others.  It holds no
//  descriptor, and nobody in the box can look into it.
__attribute__ ((noreturn)) static void
s_reap (const enter_spec_t *spec, pid_t script)
{
    if (spec->forward)
        s_take_term ();
    (void) prctl (PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void) close_range (0, ~0U, 0);
    while (true) {
        int status = 0;
        pid_t pid = waitpid (-1, &status, 0);
        if (pid < 0 && errno != EINTR)
            _exit (ENTER_FAILED);
        if (pid == script)
            _exit (WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status));
    }
}

//  triage-run and the runtime before us leave TERM blocked, so that it waits until now.
static void
s_signals (void)
{
    for (int number = 1; number < SIGRTMIN; number++)
        (void) signal (number, SIG_DFL);
    sigset_t none;
    sigemptyset (&none);
    (void) sigprocmask (SIG_SETMASK, &none, NULL);
}

static int
s_execute (const enter_spec_t *spec, enter_fault_t *fault)
{
    const char *program = spec->argv [0];
    if (access (program, X_OK) != 0) {
        int code = errno == ENOENT ? 127 : 126;
        enter_fault (fault, program, errno);
        return s_tell (spec, fault, code);
    }
    const pid_t pid = spec->init ? fork () : 0;
    if (pid < 0) {
        enter_fault (fault, "fork", errno);
        return s_tell (spec, fault, ENTER_FAILED);
    }
    if (pid > 0)
        s_reap (spec, pid);
    const char good = ENTER_GOOD;
    if (spec->report_fd >= 0)
        (void) !write (spec->report_fd, &good, 1);
    (void) setpgid (0, 0);
    (void) close_range (STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    s_signals ();
    execve (program, spec->argv, environ);
    int code = errno == ENOENT ? 127 : 126;
    fprintf (stderr, "triage-enter: %s: %s\n", program, strerror (errno));
    return code;
}

int
enter_run (const enter_spec_t *spec)
{
    enter_fault_t fault = {""};
    if (s_set_up (spec, &fault) != 0)
        return s_tell (spec, &fault, ENTER_FAILED);
    if (!spec->self_test)
        return s_execute (spec, &fault);
    return enter_test (spec, &fault) == 0 ? 0 : s_tell (spec, &fault, ENTER_FAILED);
}
