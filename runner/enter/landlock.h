//  landlock - the kernel's Landlock rules, as far as its ABI goes.
//
//  Rules bind the calling thread and all that it starts; they can never be taken back.
//  Src: Documentation/userspace-api/landlock.rst of Linux.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LANDLOCK_ABI_REFER = 2,    //  renames and links between folders
    LANDLOCK_ABI_TRUNCATE = 3, //  files are not emptied without a right to write
    LANDLOCK_ABI_TCP = 4,      //  ports of TCP
    LANDLOCK_ABI_IOCTL = 5,    //  ioctl of devices
    LANDLOCK_ABI_SCOPE = 6,    //  signals and abstract unix sockets
    LANDLOCK_ABI_LAST = 7      //  the highest that this file knows
};

typedef enum {
    LANDLOCK_READ,  //  read and execute
    LANDLOCK_WRITE, //  also create, change and remove; no devices
    LANDLOCK_DEVICE //  read and write a device that exists
} landlock_right_t;

//  The ABI in use: that of the kernel, at most `most` (0 = all that this file knows).  0: the
//  kernel has no Landlock, or it is switched off.
int
landlock_abi (int most);
//  Begin a set of rules.  tcp: also rule TCP, where the ABI can.  Own: the caller closes the
//  returned fd.  Err: -errno.
int
landlock_new (int abi, bool tcp) must_check;
//  Allow a right below a path, or at a file.  Err: -errno, -ENOENT: there is no such path.
int
landlock_path (int rules_fd, int abi, landlock_right_t right, const char *path) must_check;
//  Allow TCP connections to a port.  Does nothing where the ABI has no rules for TCP.  Err: -errno.
int
landlock_connect (int rules_fd, int abi, uint16_t port) must_check;
//  Bind the rules; the thread must have no_new_privs.  Err: -errno.
int
landlock_bind (int rules_fd) must_check;
