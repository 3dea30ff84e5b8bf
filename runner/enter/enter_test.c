//  enter_test - a look from inside: what the runtime promises must hold.
//
//  It runs in the place of a script, so that a runtime is believed only after it has been seen.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/own.h"
#include "runner/enter/enter_part.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

static int
s_user (const enter_spec_t *spec, enter_fault_t *fault)
{
    if (geteuid () == 0 || getegid () == 0)
        return enter_fault (fault, "runs as root", 0);
    if (spec->has_user && geteuid () != spec->uid)
        return enter_fault (fault, "runs as another user", 0);
    if (prctl (PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return enter_fault (fault, "no_new_privs is not set", 0);
    return 0;
}

static int
s_calls (enter_fault_t *fault)
{
    if (prctl (PR_GET_SECCOMP, 0, 0, 0, 0) != 2)
        return enter_fault (fault, "no filter of system calls", 0);
    if (ptrace (PTRACE_TRACEME, 0, NULL, NULL) == 0)
        return enter_fault (fault, "ptrace is possible", 0);
    if (unshare (CLONE_NEWUSER) == 0)
        return enter_fault (fault, "a user namespace can be made", 0);
    return 0;
}

//  The workspace by its path, and nothing beside it.
static int
s_files (const enter_spec_t *spec, enter_fault_t *fault)
{
    char path [PATH_MAX];
    const char *workspace = spec->write_count > 0 ? spec->write [0] : "";
    snprintf (path, sizeof path, "%s/.self-test", workspace);
    own (own_fd) int inside = open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (inside < 0) {
        snprintf (path, sizeof path, "user %u cannot write to %.200s", geteuid (), workspace);
        return enter_fault (fault, path, errno);
    }
    (void) unlink (path);
    static const char *const outside [] = {"/usr/.self-test", "/etc/.self-test", "/.self-test",
                                           "/proc/sys/kernel/core_pattern"};
    for (size_t i = 0; i < sizeof outside / sizeof outside [0]; i++) {
        own (own_fd) int fd = open (outside [i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0)
            return enter_fault (fault, "can write outside its workspace", 0);
    }
    return 0;
}

//  A box of its own has no way to any address but loopback; one that shares has no UDP.
static int
s_network (const enter_spec_t *spec, enter_fault_t *fault)
{
    if (spec->shared && !spec->tcp)
        return 0;
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons (9), .sin_addr.s_addr = htonl (0xa9fea9fe)};
    own (own_fd) int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect (fd, (const struct sockaddr *) &address, sizeof address) == 0)
        return enter_fault (fault, "reaches the host's network", 0);
    return 0;
}

//  The supervisor is out of sight in a box with a PID namespace.
static int
s_processes (const enter_spec_t *spec, enter_fault_t *fault)
{
    if (spec->init && getpid () != 1)
        return enter_fault (fault, "has no PID namespace", 0);
    return 0;
}

int
enter_test (const enter_spec_t *spec, enter_fault_t *fault)
{
    int rc = spec->seccomp ? s_user (spec, fault) : 0;
    if (rc == 0 && spec->seccomp)
        rc = s_calls (fault);
    rc = rc ? rc : s_files (spec, fault);
    rc = rc ? rc : s_network (spec, fault);
    return rc ? rc : s_processes (spec, fault);
}
