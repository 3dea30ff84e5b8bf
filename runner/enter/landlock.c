//  landlock - Debian 12 has the kernel's header of ABI 2; structures and rights are declared here.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/enter/landlock.h"

#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define RIGHT(bit) (1ULL << (bit))

//  Bits of linux/landlock.h.
static const uint64_t s_execute = RIGHT (0), s_write_file = RIGHT (1), s_read_file = RIGHT (2),
                      s_read_dir = RIGHT (3), s_make_char = RIGHT (6), s_make_block = RIGHT (11),
                      s_refer = RIGHT (13), s_truncate = RIGHT (14), s_ioctl = RIGHT (15),
                      s_first = RIGHT (13) - 1, s_tcp = RIGHT (0) | RIGHT (1),
                      s_tcp_connect = RIGHT (1), s_scope = RIGHT (0) | RIGHT (1);

enum { RULE_PATH = 1, RULE_PORT = 2, FLAG_VERSION = 1 };

typedef struct {
    uint64_t fs;    //  ABI 1
    uint64_t net;   //  ABI 4
    uint64_t scope; //  ABI 6
} attributes_t;

typedef struct {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__ ((packed)) path_rule_t;

typedef struct {
    uint64_t allowed, port;
} port_rule_t;

//  An older kernel refuses a longer structure when the rest of it is not zero; so never pass it.
static size_t
s_size (int abi)
{
    if (abi >= LANDLOCK_ABI_SCOPE)
        return sizeof (attributes_t);
    return abi >= LANDLOCK_ABI_TCP ? offsetof (attributes_t, scope) : offsetof (attributes_t, net);
}

static uint64_t
s_handled (int abi)
{
    uint64_t rights = s_first;
    if (abi >= LANDLOCK_ABI_REFER)
        rights |= s_refer;
    if (abi >= LANDLOCK_ABI_TRUNCATE)
        rights |= s_truncate;
    if (abi >= LANDLOCK_ABI_IOCTL)
        rights |= s_ioctl;
    return rights;
}

int
landlock_abi (int most)
{
    long abi = syscall (SYS_landlock_create_ruleset, NULL, 0, FLAG_VERSION);
    if (most <= 0 || most > LANDLOCK_ABI_LAST)
        most = LANDLOCK_ABI_LAST;
    if (abi < 0)
        return 0;
    return abi < most ? (int) abi : most;
}

int
landlock_new (int abi, bool tcp)
{
    attributes_t attributes = {.fs = s_handled (abi)};
    if (abi >= LANDLOCK_ABI_TCP && tcp)
        attributes.net = s_tcp;
    if (abi >= LANDLOCK_ABI_SCOPE)
        attributes.scope = s_scope;
    long fd = syscall (SYS_landlock_create_ruleset, &attributes, s_size (abi), 0);
    return fd < 0 ? -errno : (int) fd;
}

static uint64_t
s_rights (landlock_right_t right, int abi, bool folder)
{
    const uint64_t of_files = s_execute | s_write_file | s_read_file | s_truncate | s_ioctl;
    uint64_t rights = 0;
    switch (right) {
        case LANDLOCK_READ: rights = s_execute | s_read_file | s_read_dir; break;
        case LANDLOCK_WRITE:
            rights = s_handled (abi) & ~(s_make_char | s_make_block | s_ioctl);
            break;
        case LANDLOCK_DEVICE: rights = s_read_file | s_write_file | s_truncate; break;
    }
    return rights & s_handled (abi) & (folder ? ~0ULL : of_files);
}

int
landlock_path (int rules_fd, int abi, landlock_right_t right, const char *path)
{
    own (own_fd) int fd = open (path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat (fd, &st) != 0)
        return -errno;
    const path_rule_t rule = {.allowed = s_rights (right, abi, S_ISDIR (st.st_mode)),
                              .parent_fd = fd};
    return syscall (SYS_landlock_add_rule, rules_fd, RULE_PATH, &rule, 0) == 0 ? 0 : -errno;
}

int
landlock_connect (int rules_fd, int abi, uint16_t port)
{
    if (abi < LANDLOCK_ABI_TCP)
        return 0;
    const port_rule_t rule = {.allowed = s_tcp_connect, .port = port};
    return syscall (SYS_landlock_add_rule, rules_fd, RULE_PORT, &rule, 0) == 0 ? 0 : -errno;
}

int
landlock_bind (int rules_fd)
{
    return syscall (SYS_landlock_restrict_self, rules_fd, 0) == 0 ? 0 : -errno;
}
