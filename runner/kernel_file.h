//  kernel_file - small files of /proc and of cgroups, which tell no size.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

#include <stdint.h>

//  Append the file to text.  dir_fd as in openat.  Err: -errno; ERR_LIMIT: more than text may hold.
int
kernel_file_read (int dir_fd, const char *path, buf_t *text) must_check;
//  Write text in one go.  Err: -errno, also for what the kernel refuses.
int
kernel_file_write (int dir_fd, const char *path, const char *text) must_check;
//  The number in the line that starts with word ("VmRSS:", "oom_kill"); -1: there is none.
int64_t
kernel_file_number (const char *text, const char *word);
