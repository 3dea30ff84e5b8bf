//  artifact_dir - reads and writes files below the folder of an incident.
//
//  Ensures: no symbolic link is followed (common/base/folder).  Anything that is not a regular file
//  or folder is refused with -ELOOP or -ENXIO.  Folders get mode 0700, files 0600.
//  base_fd: an incident's folder, or a folder in it.  Err: -errno, unless a function says more.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Open <root>/<incident>; make: create both if missing.
//  Own: the caller closes the fd.  Err: -errno, -EINVAL: the id is not canonical.
int
artifact_dir_open (const char *root, const char *incident, bool make) must_check;
//  Open the regular file `path` below base.  flags: O_RDONLY, O_WRONLY | O_CREAT and so on; O_CREAT
//  also makes missing folders.  ret_size may be NULL.  Own: the caller closes the fd.
int
artifact_dir_file (int base_fd, const char *path, int flags, int64_t *ret_size) must_check;
//  Append a chunk of a file of `size` bytes to base/path; a missing file is made.
//  Nothing is written if offset is not the file's end.  A file longer than `size` is emptied first.
//  *ret_upto: bytes in the file afterwards.  Does not sync.
//  Err: -errno; a part of the chunk may be written.
int
artifact_dir_append (int base_fd, const char *path, int64_t size, int64_t offset, const void *bytes,
                     size_t count, int64_t *ret_upto) must_check;
//  Write base/path with durable_write; missing folders are made.
int
artifact_dir_write (int base_fd, const char *path, const void *bytes, size_t size,
                    const char *place) must_check;
//  Write base/path with durable_put; missing folders are made.
int
artifact_dir_put (int base_fd, const char *path, const void *bytes, size_t size,
                  const char *place) must_check;
//  Make base/to a second name of the file base/from, or a copy where links are not possible.
//  Replaces base/to atomically.  The caller syncs the folder.
int
artifact_dir_promote (int base_fd, const char *from, const char *to) must_check;
//  Remove base/path and everything below it.  A missing path is no error.
int
artifact_dir_remove (int base_fd, const char *path) must_check;
//  Remove all entries of the folder base/path ("" = base itself) for which keep returns false.
//  entry: its path below base.  A missing folder is no error.
typedef bool (artifact_dir_keep_t) (const void *ctx, const char *entry);
int
artifact_dir_prune (int base_fd, const char *path, artifact_dir_keep_t *keep,
                    const void *ctx) must_check;
//  What a folder takes with all that is in it.
typedef struct {
    int64_t bytes;  //  on the disk
    int64_t shares; //  of inodes, ARTIFACT_DIR_WHOLE each; each name of a file has an equal part
} artifact_dir_size_t;
enum { ARTIFACT_DIR_WHOLE = 5040 };
//  Add what the folder takes.  What vanishes meanwhile is left out.
void
artifact_dir_size (int base_fd, artifact_dir_size_t *size);
//  Sync the folder `path` below base ("" = base itself).
int
artifact_dir_sync (int base_fd, const char *path, const char *place) must_check;
//  SHA-256 of an open file from its position to its end.
int
artifact_dir_digest (int fd, char *ret_hex) must_check;
