//  reach - may this process use a path as the start would?  Nothing is made, changed or locked.
//
//  Asked with the effective ids and capabilities.  A no is certain; a yes is not: quotas, full
//  disks and remote servers speak only when something is written.
//  Src: access(2), faccessat(2) AT_EACCESS.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <limits.h>
#include <stdbool.h>

//  A folder to write in: it is there, or it can be made; with `parents` what
//  is missing above it as well.
//  Err: -errno; diag says which part of the path and why.
int
reach_folder (const char *path, bool parents, err_diag_t *diag) must_check;
//  A file to write: a regular file (no symbolic link) that can be read and written,
//  or none yet in such a folder.
//  Err: as above.
int
reach_writable (const char *path, bool parents, err_diag_t *diag) must_check;
//  The folder that this name is in: "." and "/" have none above them.  Err: -ENAMETOOLONG.
int
reach_above (const char *path, char ret_folder [PATH_MAX]) must_check;
//  A regular file that can be read; symbolic links are followed.
//  Err: as above; -EISDIR, -ELOOP for what is no file.
int
reach_readable (const char *path, err_diag_t *diag) must_check;
