//  durable - bytes and names that survive a crash: fsync and rename, with a failpoint before and
//  after each.
//
//  The only place that calls them (scripts/check-failpoints.sh).  `place` names the caller's step;
//  its failpoints are <program>.<place>.sync, .rename and .folder.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>

//  fsync a file.  Err: -errno; the state of the disk is then unknown.
int
durable_sync (int fd, const char *place) must_check;
//  fsync a folder, so that the names in it survive.  Err: -errno.
int
durable_folder (int dir_fd, const char *place) must_check;
//  As durable_folder, by path.
int
durable_folder_at (const char *dir, const char *place) must_check;
//  renameat (2).  Err: -errno; both names are unchanged.
int
durable_rename (int from_fd, const char *from, int to_fd, const char *to,
                const char *place) must_check;
//  Replace dir_fd/name by these bytes, whole or not at all.  Writes and syncs a temporary beside
//  it, renames it and syncs the folder.  Mode 0600; a symbolic link of that name is replaced.
//  Err: -errno; before the rename nothing is visible.
int
durable_write (int dir_fd, const char *name, const void *bytes, size_t size,
               const char *place) must_check;
//  As durable_write without a sync, for files that can be rebuilt.  A reader sees a whole file;
//  after a power failure it may be empty.
int
durable_put (int dir_fd, const char *name, const void *bytes, size_t size,
             const char *place) must_check;
//  Write all bytes to a file, without a sync.  Err: -errno.
int
durable_fill (int fd, const void *bytes, size_t size) must_check;
//  A name for a temporary of `name`; no other process or thread gets the same one.  Units: bytes.
enum { DURABLE_TEMPORARY = 256 };
void
durable_temporary (const char *name, char ret_name [DURABLE_TEMPORARY]);
//  Remove the temporaries of killed writers from a folder.  Nobody may be writing to it.
void
durable_sweep (int dir_fd);
