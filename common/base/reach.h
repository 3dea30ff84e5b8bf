//  reach - could this process use a path at its start?  Nothing is made, changed or locked.
//
//  Checks with the effective ids and capabilities.  A no is certain, a yes is not: quotas, full
//  disks and remote servers show only on a write.
//  Src: access(2), faccessat(2) AT_EACCESS.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <limits.h>
#include <stdbool.h>

//  A folder to write in: it exists, or can be made.  `parents`: missing folders above it may be
//  made too.  Err: -errno; diag says which part of the path and why.
int
reach_folder (const char *path, bool parents, err_diag_t *diag) must_check;
//  A file to write: a regular file (no symbolic link) that can be read and written, or a missing
//  one in a folder as above.  Err: as reach_folder.
int
reach_writable (const char *path, bool parents, err_diag_t *diag) must_check;
//  The folder that contains this path; "." and "/" have none.  Err: -ENAMETOOLONG.
int
reach_above (const char *path, char ret_folder [PATH_MAX]) must_check;
//  A regular file that can be read; symbolic links are followed.  Err: as reach_folder; -EISDIR,
//  -ELOOP when it is no file.
int
reach_readable (const char *path, err_diag_t *diag) must_check;
