//  enter_seccomp - the port to libseccomp: system calls that lead out of a box, or wide into the
//  kernel, are refused.
//
//  Refused calls fail as if the right were missing, so that programs go on.  Calls of another
//  architecture kill the process.  clone3 is unknown to the agent, because its flags lie in memory
//  where no filter looks; libc then calls clone.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/enter/enter_part.h"
#include "runner/enter/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define CLONE_TIME 0x80          //  CLONE_NEWTIME
#define SEND_CONNECTS 0x20000000 //  MSG_FASTOPEN: Landlock does not see the connection
#define SOCKET_TYPE 0xf
#define SECCOMP_INT 0xffffffff //  of an argument that is an int, the kernel reads these bits

enum { SECCOMP_FAMILIES = 48 }; //  more than the kernel has

//  What the ioctls of old XFS take; every file system does the same for them as for fallocate.
//  Src: include/linux/falloc.h of Linux.
typedef struct {
    int16_t type, whence;
    int64_t start, length;
    int32_t system, pid, rest [4];
} room_t;

typedef struct {
    int call, number; //  number: the errno it fails with
} refused_t;

//  In every box.
static const refused_t s_refused [] = {
    //  other processes
    {SCMP_SYS (ptrace), EPERM},
    {SCMP_SYS (process_vm_readv), EPERM},
    {SCMP_SYS (process_vm_writev), EPERM},
    {SCMP_SYS (process_madvise), EPERM},
    {SCMP_SYS (pidfd_getfd), EPERM},
    {SCMP_SYS (kcmp), EPERM},
    {SCMP_SYS (perf_event_open), EPERM},
    {SCMP_SYS (lookup_dcookie), EPERM},
    {SCMP_SYS (move_pages), EPERM},
    {SCMP_SYS (migrate_pages), EPERM},
    //  mounts and namespaces
    {SCMP_SYS (mount), EPERM},
    {SCMP_SYS (umount2), EPERM},
    {SCMP_SYS (pivot_root), EPERM},
    {SCMP_SYS (chroot), EPERM},
    {SCMP_SYS (open_tree), EPERM},
    {SCMP_SYS (move_mount), EPERM},
    {SCMP_SYS (fsopen), EPERM},
    {SCMP_SYS (fsconfig), EPERM},
    {SCMP_SYS (fsmount), EPERM},
    {SCMP_SYS (fspick), EPERM},
    {SCMP_SYS (mount_setattr), EPERM},
    {SCMP_SYS (setns), EPERM},
    {SCMP_SYS (clone3), ENOSYS},
    {SCMP_SYS (open_by_handle_at), EPERM},
    {SCMP_SYS (name_to_handle_at), EPERM},
    {SCMP_SYS (quotactl), EPERM},
    {SCMP_SYS (quotactl_fd), EPERM},
    {SCMP_SYS (swapon), EPERM},
    {SCMP_SYS (swapoff), EPERM},
    //  takes any room of a disk at once, before somebody can look; libc then writes instead
    {SCMP_SYS (fallocate), EOPNOTSUPP},
    //  wide into the kernel
    {SCMP_SYS (bpf), EPERM},
    {SCMP_SYS (userfaultfd), EPERM},
    {SCMP_SYS (io_uring_setup), EPERM},
    {SCMP_SYS (io_uring_enter), EPERM},
    {SCMP_SYS (io_uring_register), EPERM},
    {SCMP_SYS (add_key), EPERM},
    {SCMP_SYS (request_key), EPERM},
    {SCMP_SYS (keyctl), EPERM},
    {SCMP_SYS (init_module), EPERM},
    {SCMP_SYS (finit_module), EPERM},
    {SCMP_SYS (delete_module), EPERM},
    {SCMP_SYS (kexec_load), EPERM},
    {SCMP_SYS (kexec_file_load), EPERM},
    {SCMP_SYS (personality), EPERM},
    {SCMP_SYS (modify_ldt), EPERM},
    {SCMP_SYS (vmsplice), EPERM},
    {SCMP_SYS (fanotify_init), EPERM},
    {SCMP_SYS (acct), EPERM},
    {SCMP_SYS (syslog), EPERM},
    {SCMP_SYS (nfsservctl), ENOSYS},
    {SCMP_SYS (vhangup), EPERM},
    {SCMP_SYS (ioperm), EPERM},
    {SCMP_SYS (iopl), EPERM},
    //  the host
    {SCMP_SYS (reboot), EPERM},
    {SCMP_SYS (sethostname), EPERM},
    {SCMP_SYS (setdomainname), EPERM},
    {SCMP_SYS (settimeofday), EPERM},
    {SCMP_SYS (clock_settime), EPERM},
    {SCMP_SYS (clock_adjtime), EPERM},
    {SCMP_SYS (adjtimex), EPERM},
    //  where the box has no IPC namespace: memory that outlives the run, and that of others by id
    {SCMP_SYS (shmget), ENOSYS},
    {SCMP_SYS (shmat), ENOSYS},
    {SCMP_SYS (shmctl), ENOSYS},
    {SCMP_SYS (semget), ENOSYS},
    {SCMP_SYS (semop), ENOSYS},
    {SCMP_SYS (semtimedop), ENOSYS},
    {SCMP_SYS (semctl), ENOSYS},
    {SCMP_SYS (msgget), ENOSYS},
    {SCMP_SYS (msgsnd), ENOSYS},
    {SCMP_SYS (msgrcv), ENOSYS},
    {SCMP_SYS (msgctl), ENOSYS},
    {SCMP_SYS (mq_open), ENOSYS},
    {SCMP_SYS (mq_unlink), ENOSYS},
};

//  Where the box shares the host's processes: calls with a process id that is not 0 reach others.
static const refused_t s_of_others [] = {
    {SCMP_SYS (prlimit64), EPERM},          {SCMP_SYS (sched_setaffinity), EPERM},
    {SCMP_SYS (sched_setscheduler), EPERM}, {SCMP_SYS (sched_setparam), EPERM},
    {SCMP_SYS (sched_setattr), EPERM},
};

//  Namespaces of clone and unshare.
static const unsigned long s_namespaces [] = {CLONE_NEWUSER,  CLONE_NEWNS,  CLONE_NEWPID,
                                              CLONE_NEWNET,   CLONE_NEWIPC, CLONE_NEWUTS,
                                              CLONE_NEWCGROUP};

#define COUNT(array) (sizeof (array) / sizeof (array) [0])

//  Add one rule.  A call that this architecture does not have is no error.
static int
s_rule (scmp_filter_ctx filter, int call, int number, unsigned count,
        const struct scmp_arg_cmp *arguments)
{
    int rc =
        seccomp_rule_add_array (filter, SCMP_ACT_ERRNO ((uint32_t) number), call, count, arguments);
    return rc == -EDOM ? 0 : rc;
}

static int
s_bits (scmp_filter_ctx filter, int call, unsigned argument, scmp_datum_t mask, scmp_datum_t value)
{
    const struct scmp_arg_cmp compare = SCMP_CMP (argument, SCMP_CMP_MASKED_EQ, mask, value);
    return s_rule (filter, call, EPERM, 1, &compare);
}

static int
s_table (scmp_filter_ctx filter, const refused_t *calls, size_t count, bool of_others)
{
    const struct scmp_arg_cmp not_self = SCMP_CMP (0, SCMP_CMP_NE, 0, 0);
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = s_rule (filter, calls [i].call, calls [i].number, of_others, &not_self);
    return rc;
}

static int
s_namespace_rules (scmp_filter_ctx filter)
{
    int rc = s_bits (filter, SCMP_SYS (unshare), 0, CLONE_TIME, CLONE_TIME);
    for (size_t i = 0; i < COUNT (s_namespaces) && rc == 0; i++) {
        const unsigned long flag = s_namespaces [i];
        rc = s_bits (filter, SCMP_SYS (unshare), 0, flag, flag);
        rc = rc ? rc : s_bits (filter, SCMP_SYS (clone), 0, flag, flag);
    }
    return rc;
}

//  Input is not typed into a terminal of others, room of a disk is not taken at once, and no lease
//  keeps others waiting who open the same file.
static int
s_file_rules (scmp_filter_ctx filter)
{
    static const scmp_datum_t ioctls [] = {TIOCSTI, TIOCLINUX, _IOW ('X', 40, room_t),
                                           _IOW ('X', 42, room_t), _IOW ('X', 57, room_t)};
    int rc = s_bits (filter, SCMP_SYS (fcntl), 1, SECCOMP_INT, F_SETLEASE);
    for (size_t i = 0; i < COUNT (ioctls) && rc == 0; i++)
        rc = s_bits (filter, SCMP_SYS (ioctl), 1, SECCOMP_INT, ioctls [i]);
    return rc;
}

//  A family above those that the kernel has may be one of them with other upper bits.
static int
s_family_rules (scmp_filter_ctx filter, bool shared)
{
    const struct scmp_arg_cmp above = SCMP_CMP (0, SCMP_CMP_GE, SECCOMP_FAMILIES, 0);
    int rc = s_rule (filter, SCMP_SYS (socket), EACCES, 1, &above);
    for (scmp_datum_t family = 0; family < SECCOMP_FAMILIES && rc == 0; family++) {
        if (family == AF_INET || family == AF_INET6 || family == AF_NETLINK
            || (family == AF_UNIX && !shared))
            continue;
        const struct scmp_arg_cmp equal = SCMP_CMP (0, SCMP_CMP_EQ, family, 0);
        rc = s_rule (filter, SCMP_SYS (socket), EACCES, 1, &equal);
    }
    //  Of netlink only the routes: getifaddrs wants them.
    const struct scmp_arg_cmp netlink [] = {SCMP_CMP (0, SCMP_CMP_EQ, AF_NETLINK, 0),
                                            SCMP_CMP (2, SCMP_CMP_NE, NETLINK_ROUTE, 0)};
    return rc ? rc : s_rule (filter, SCMP_SYS (socket), EACCES, COUNT (netlink), netlink);
}

//  A pair of datagram sockets is connected, but each can still send to any other by its path.  A
//  stream cannot.
static int
s_pair_rules (scmp_filter_ctx filter)
{
    int rc = 0;
    for (scmp_datum_t type = 0; type <= SOCKET_TYPE && rc == 0; type++)
        if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
            rc = s_bits (filter, SCMP_SYS (socketpair), 1, SOCKET_TYPE, type);
    return rc;
}

//  A stream has protocol 0 or 6, TCP; others, as multipath TCP, pass Landlock by.  libseccomp takes
//  one comparison for each argument, so the numbers from 1 to 5 are rules of their own.
static int
s_stream_rules (scmp_filter_ctx filter, scmp_datum_t family)
{
    struct scmp_arg_cmp rule [] = {SCMP_CMP (0, SCMP_CMP_EQ, family, 0),
                                   SCMP_CMP (1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE, SOCK_STREAM),
                                   SCMP_CMP (2, SCMP_CMP_GT, IPPROTO_TCP, 0)};
    int rc = s_rule (filter, SCMP_SYS (socket), EACCES, COUNT (rule), rule);
    for (scmp_datum_t protocol = 1; protocol < IPPROTO_TCP && rc == 0; protocol++) {
        rule [2] = SCMP_CMP (2, SCMP_CMP_EQ, protocol, 0);
        rc = s_rule (filter, SCMP_SYS (socket), EACCES, COUNT (rule), rule);
    }
    return rc;
}

static int
s_internet_rules (scmp_filter_ctx filter, scmp_datum_t family)
{
    int rc = s_stream_rules (filter, family);
    for (scmp_datum_t type = 0; type <= SOCKET_TYPE && rc == 0; type++) {
        const struct scmp_arg_cmp rule [] = {SCMP_CMP (0, SCMP_CMP_EQ, family, 0),
                                             SCMP_CMP (1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE, type)};
        if (type != SOCK_STREAM)
            rc = s_rule (filter, SCMP_SYS (socket), EACCES, COUNT (rule), rule);
    }
    return rc;
}

//  The network is the host's, and only TCP to some ports is allowed: see enter_landlock.c.
static int
s_host_network_rules (scmp_filter_ctx filter)
{
    const scmp_datum_t flag = SEND_CONNECTS;
    int rc = s_internet_rules (filter, AF_INET);
    rc = rc ? rc : s_internet_rules (filter, AF_INET6);
    rc = rc ? rc : s_rule (filter, SCMP_SYS (listen), EACCES, 0, NULL);
    rc = rc ? rc : s_bits (filter, SCMP_SYS (sendto), 3, flag, flag);
    rc = rc ? rc : s_bits (filter, SCMP_SYS (sendmsg), 2, flag, flag);
    return rc ? rc : s_bits (filter, SCMP_SYS (sendmmsg), 3, flag, flag);
}

//  Of these two calls an id of 0 is ourselves, but "all processes of our user" where they ask for
//  a user.
static int
s_priority_rules (scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp not_self = SCMP_CMP (1, SCMP_CMP_NE, 0, 0);
    int rc = s_rule (filter, SCMP_SYS (setpriority), EPERM, 1, &not_self);
    rc = rc ? rc : s_rule (filter, SCMP_SYS (ioprio_set), EPERM, 1, &not_self);
    rc = rc ? rc : s_bits (filter, SCMP_SYS (setpriority), 0, SECCOMP_INT, PRIO_USER);
    return rc ? rc : s_bits (filter, SCMP_SYS (ioprio_set), 0, SECCOMP_INT, IOPRIO_WHO_USER);
}

static int
s_shared_rules (scmp_filter_ctx filter, const enter_spec_t *spec)
{
    int rc = s_table (filter, s_of_others, COUNT (s_of_others), true);
    rc = rc ? rc : s_priority_rules (filter);
    rc = rc ? rc : s_pair_rules (filter);
    return rc || !spec->tcp ? rc : s_host_network_rules (filter);
}

//  Landlock below ABI 3 lets files be emptied: by truncate, and by an open that asks for no right
//  to write.
static int
s_truncate_rules (scmp_filter_ctx filter)
{
    const scmp_datum_t mask = O_ACCMODE | O_TRUNC;
    int rc = s_rule (filter, SCMP_SYS (truncate), EACCES, 0, NULL);
    rc = rc ? rc : s_rule (filter, SCMP_SYS (openat2), ENOSYS, 0, NULL);
    for (scmp_datum_t mode = O_RDONLY; mode <= O_ACCMODE && rc == 0; mode += O_ACCMODE) {
        rc = s_bits (filter, SCMP_SYS (open), 1, mask, mode | O_TRUNC);
        rc = rc ? rc : s_bits (filter, SCMP_SYS (openat), 2, mask, mode | O_TRUNC);
    }
    return rc;
}

static int
s_fill (scmp_filter_ctx filter, const enter_spec_t *spec)
{
    int rc = s_table (filter, s_refused, COUNT (s_refused), false);
    rc = rc ? rc : s_namespace_rules (filter);
    rc = rc ? rc : s_file_rules (filter);
    rc = rc ? rc : s_family_rules (filter, spec->shared);
    if (rc == 0 && spec->shared)
        rc = s_shared_rules (filter, spec);
    if (rc == 0 && spec->landlock > 0 && spec->landlock < LANDLOCK_ABI_TRUNCATE)
        rc = s_truncate_rules (filter);
    return rc;
}

int
enter_seccomp (const enter_spec_t *spec, enter_fault_t *fault)
{
    if (!spec->seccomp)
        return 0;
    scmp_filter_ctx filter = seccomp_init (SCMP_ACT_ALLOW);
    int rc = filter ? s_fill (filter, spec) : -ENOMEM;
    rc = rc ? rc : seccomp_attr_set (filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    //  Search the rules as a tree: a filter runs at every call.
    rc = rc ? rc : seccomp_attr_set (filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    rc = rc ? rc : seccomp_load (filter);
    seccomp_release (filter);
    return rc == 0 ? 0 : enter_fault (fault, "the filter of system calls (seccomp)", -rc);
}
