//  enter_user - limits, user, capabilities.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/enter/enter_part.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    USER_FILES = 16384, //  open files of a process: large programs want some thousands
    USER_CAPABILITIES = 64
};

//  Lower a limit; a limit that is lower already stays.
static int
s_limit (int resource, rlim_t most, const char *what, enter_fault_t *fault)
{
    struct rlimit now;
    if (getrlimit ((__rlimit_resource_t) resource, &now) != 0)
        return enter_fault (fault, what, errno);
    const rlim_t limit = most < now.rlim_max ? most : now.rlim_max;
    const struct rlimit want = {.rlim_cur = limit, .rlim_max = limit};
    return setrlimit ((__rlimit_resource_t) resource, &want) == 0
               ? 0
               : enter_fault (fault, what, errno);
}

//  Never RLIMIT_AS: programs with a garbage collector reserve far more than they use.
static int
s_limits (const enter_spec_t *spec, enter_fault_t *fault)
{
    int rc = s_limit (RLIMIT_CORE, 0, "RLIMIT_CORE", fault);
    rc = rc ? rc : s_limit (RLIMIT_NOFILE, USER_FILES, "RLIMIT_NOFILE", fault);
    if (rc == 0 && spec->file_bytes > 0)
        rc = s_limit (RLIMIT_FSIZE, (rlim_t) spec->file_bytes, "RLIMIT_FSIZE", fault);
    if (rc == 0 && spec->processes > 0)
        rc = s_limit (RLIMIT_NPROC, (rlim_t) spec->processes, "RLIMIT_NPROC", fault);
    return rc;
}

//  Needs CAP_SETPCAP; without it there is nothing to drop, but for a user with some capabilities.
static void
s_drop_bounding (void)
{
    for (unsigned long cap = 0; cap < USER_CAPABILITIES; cap++)
        (void) prctl (PR_CAPBSET_DROP, cap, 0, 0, 0);
    (void) prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    (void) prctl (PR_SET_SECUREBITS,
                  SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED
                      | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE
                      | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED,
                  0, 0, 0);
}

static int
s_drop_capabilities (enter_fault_t *fault)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none [2] = {{0}};
    struct __user_cap_data_struct now [2];
    if (syscall (SYS_capset, &header, none) != 0 || syscall (SYS_capget, &header, now) != 0)
        return enter_fault (fault, "capabilities cannot be dropped", errno);
    if (now [0].permitted | now [1].permitted | now [0].effective | now [1].effective
        | now [0].inheritable | now [1].inheritable)
        return enter_fault (fault, "some capabilities are left", 0);
    return 0;
}

static int
s_become (const enter_spec_t *spec, enter_fault_t *fault)
{
    uid_t real = 0, effective = 0, saved = 0;
    const bool same = getuid () == spec->uid && geteuid () == spec->uid && getgid () == spec->gid;
    if (same && geteuid () != 0)
        return 0;
    if (setgroups (0, NULL) != 0)
        return enter_fault (fault, "groups cannot be given up", errno);
    if (setresgid (spec->gid, spec->gid, spec->gid) != 0)
        return enter_fault (fault, "the group cannot be changed", errno);
    if (setresuid (spec->uid, spec->uid, spec->uid) != 0)
        return enter_fault (fault, "the user cannot be changed", errno);
    if (getresuid (&real, &effective, &saved) != 0 || real != spec->uid || effective != spec->uid
        || saved != spec->uid)
        return enter_fault (fault, "the user did not change", 0);
    return 0;
}

int
enter_user (const enter_spec_t *spec, enter_fault_t *fault)
{
    int rc = s_limits (spec, fault);
    if (rc == 0 && spec->seccomp)
        s_drop_bounding ();
    if (rc == 0 && spec->has_user)
        rc = s_become (spec, fault);
    if (rc == 0 && spec->seccomp)
        rc = s_drop_capabilities (fault);
    if (rc == 0 && spec->seccomp && geteuid () == 0)
        rc = enter_fault (fault, "the agent would run as root", 0);
    if (rc == 0 && spec->seccomp && prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        rc = enter_fault (fault, "no_new_privs cannot be set", errno);
    //  A box without a PID namespace loses at least the script itself with its supervisor.
    if (rc == 0 && spec->shared && prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        rc = enter_fault (fault, "PR_SET_PDEATHSIG cannot be set", errno);
    return rc;
}
