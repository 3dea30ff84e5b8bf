//  artifact_dir - the files in the folder of an incident, by paths below it (common/base/folder).
//
//  base_fd: an incident's folder, or one in it.  Symbolic links are never followed, and only
//  regular files and folders count: anything else is -ELOOP or -ENXIO.  Folders 0700, files 0600.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Open <root>/<incident>; make: create both when missing.
//  Own: the caller closes the fd.  Err: -errno, -EINVAL when the id is not canonical.
int
artifact_dir_open (const char *root, const char *incident, bool make) must_check;
//  Open the regular file `path` below base with flags (O_RDONLY, O_WRONLY | O_CREAT ...).
//  O_CREAT makes missing folders too.  ret_size may be NULL.
int
artifact_dir_file (int base_fd, const char *path, int flags, int64_t *ret_size) must_check;
//  Append a chunk of a file of `size` bytes to base/path, which is made when missing.  Bytes at
//  another offset than the file's end are not taken, and a longer file begins anew.
//  *ret_upto: bytes on disk afterwards.  Not synced.  Err: -errno;
//  a part of the bytes may be there.
int
artifact_dir_append (int base_fd, const char *path, int64_t size, int64_t offset, const void *bytes,
                     size_t count, int64_t *ret_upto) must_check;
//  durable_write to base/path; missing folders are made.
int
artifact_dir_write (int base_fd, const char *path, const void *bytes, size_t size,
                    const char *place) must_check;
//  durable_put to base/path; missing folders are made.
int
artifact_dir_put (int base_fd, const char *path, const void *bytes, size_t size,
                  const char *place) must_check;
//  Make base/to another name of the file base/from (hard link, else copy), atomically; the caller
//  syncs the folder.
int
artifact_dir_promote (int base_fd, const char *from, const char *to) must_check;
//  Remove base/path with all it holds; no error when it is not there.
int
artifact_dir_remove (int base_fd, const char *path) must_check;
//  Of the entries of the folder base/path ("" = base itself), remove all for which keep says no.
//  entry: its path below base.  No error when the folder is not there.
typedef bool (artifact_dir_keep_t) (const void *ctx, const char *entry);
int
artifact_dir_prune (int base_fd, const char *path, artifact_dir_keep_t *keep,
                    const void *ctx) must_check;
//  fsync the folder `path` below base ("" = base itself).
int
artifact_dir_sync (int base_fd, const char *path, const char *place) must_check;
//  SHA-256 of the rest of an open file.
int
artifact_dir_digest (int fd, char *ret_hex) must_check;
