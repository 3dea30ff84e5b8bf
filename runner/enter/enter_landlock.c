//  SPDX-License-Identifier: Apache-2.0
#include "common/base/own.h"
#include "runner/enter/enter_part.h"
#include "runner/enter/landlock.h"

#include <errno.h>

static const char *const s_devices [] = {"/dev/null",   "/dev/zero",    "/dev/full",
                                         "/dev/random", "/dev/urandom", "/dev/tty"};

enum { DEVICES = sizeof s_devices / sizeof s_devices [0] };

static int
s_paths (int fd, int abi, landlock_right_t right, const char *const *paths, size_t count, bool must,
         enter_fault_t *fault)
{
    for (size_t i = 0; i < count; i++) {
        int rc = landlock_path (fd, abi, right, paths [i]);
        if (rc < 0 && (must || rc != -ENOENT))
            return enter_fault (fault, paths [i], -rc);
    }
    return 0;
}

static int
s_ports (int fd, const enter_spec_t *spec, enter_fault_t *fault)
{
    for (size_t i = 0; spec->tcp && i < spec->connect_count; i++) {
        int rc = landlock_connect (fd, spec->landlock, spec->connect [i]);
        if (rc < 0)
            return enter_fault (fault, "a rule of Landlock for TCP", -rc);
    }
    return 0;
}

int
enter_landlock_new (const enter_spec_t *spec, int *ret_rules_fd, enter_fault_t *fault)
{
    const int abi = spec->landlock;
    *ret_rules_fd = -1;
    if (abi == 0)
        return 0;
    if (landlock_abi (abi) != abi)
        return enter_fault (fault, "the kernel has not this ABI of Landlock", 0);
    own (own_fd) int fd = landlock_new (abi, spec->tcp);
    if (fd < 0)
        return enter_fault (fault, "Landlock", -fd);
    int rc = s_paths (fd, abi, LANDLOCK_READ, spec->read, spec->read_count, false, fault);
    rc = rc ? rc
            : s_paths (fd, abi, LANDLOCK_READ, spec->must_read, spec->must_read_count, true, fault);
    rc = rc ? rc : s_paths (fd, abi, LANDLOCK_WRITE, spec->write, spec->write_count, true, fault);
    rc = rc ? rc : s_paths (fd, abi, LANDLOCK_DEVICE, s_devices, DEVICES, false, fault);
    rc = rc ? rc : s_ports (fd, spec, fault);
    if (rc == 0) {
        *ret_rules_fd = fd;
        fd = -1;
    }
    return rc;
}

int
enter_landlock_bind (int rules_fd, enter_fault_t *fault)
{
    int rc = rules_fd < 0 ? 0 : landlock_bind (rules_fd);
    return rc == 0 ? 0 : enter_fault (fault, "Landlock cannot be bound", -rc);
}
