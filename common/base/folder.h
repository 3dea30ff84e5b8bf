//  folder - what lies below a folder, reached without ever following a symbolic link.
//
//  Agents and peers may put anything into the folders that this is for.  Every function starts
//  from the fd of a folder and opens one component of a path after the other with O_NOFOLLOW.  "."
//  and ".." are no components.  Only regular files are opened: no FIFO, and no device.
//  Src: openat (2), fts (3).  openat2 (2) would do the same in one call, but not on every kernel.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

//  Open the folder at a path of our own.  Links on the way are followed, one at its end is not.
//  Own: the caller closes the fd.  Err: -errno.
int
folder_open_path (const char *path) must_check;
//  Open the folder `path` ("attempts/3", "" = base itself) below base.  make: missing components
//  are made, 0700, and their names synced.  Own: the caller closes the fd.
//  Err: -errno, -EINVAL for a path with "", "." or ".." in it; a link is -ENOTDIR or -ELOOP.
int
folder_open (int base_fd, const char *path, bool make) must_check;
//  The same for the folder that `path` stands in; *ret_name is its last component, in path.
int
folder_open_parent (int base_fd, const char *path, bool make, const char **ret_name) must_check;
//  Open the regular file `path` below base with flags (O_RDONLY, O_WRONLY | O_CREAT ...); a new one
//  has mode 0600.  *ret_size, when not NULL: bytes it has now.  Own: the caller closes the fd.
//  Err: as folder_open; -ENOENT, -ELOOP a link, -EISDIR a folder, -ENXIO none of them and no file.
int
folder_open_file (int base_fd, const char *path, int flags, int64_t *ret_size) must_check;
//  Is base/path a regular file?  Nothing is opened but the folders on the way.  Err: as above.
int
folder_look_file (int base_fd, const char *path, int64_t *ret_size) must_check;
//  Remove base/path with all below it, at most `depth` folders deep.  It may be gone already.
//  Err: ERR_LIMIT it is deeper, -errno; a part of it may be gone.
int
folder_remove (int base_fd, const char *path, int depth) must_check;

//  A walk: entry after entry, in the order of the folder.  The caller says which folders to enter.

typedef struct folder_walk folder_walk_t;

typedef struct {
    int depth;   //  of the deepest entries; 1 = those of the folder itself
    int entries; //  at most so many are shown, 0 = any number
    bool unlock; //  give our user back the right to read and write the folders that are entered
} folder_rules_t;

typedef struct {
    const char *path; //  below the folder in which the walk began; valid until the next step
    const char *name; //  its last component
    int dir_fd;       //  the folder it stands in; borrowed until the next step
    int depth;        //  1 = in the folder in which the walk began
    bool left;        //  a folder that was entered is shown again after all that is in it
    struct stat st;   //  of the entry, not of what a link leads to; zeros when it cannot be had
} folder_entry_t;

//  Begin to walk the folder `path` below base, "" = base itself.  Own: *ret_walk is the caller's.
//  Err: as folder_open; -ENOMEM.
int
folder_walk_new (int base_fd, const char *path, const folder_rules_t *rules,
                 folder_walk_t **ret_walk) must_check;
void
folder_walk_destroy (folder_walk_t **self_p);
//  The next entry; what vanishes meanwhile is passed over.  Entries may be removed as they come.
//  Returns 1, or 0 at the end.  Err: ERR_LIMIT there are more than the rules allow, -errno.
int
folder_walk_next (folder_walk_t *self, folder_entry_t *ret_entry);
//  Enter the folder that folder_walk_next has just shown: its entries come next.
//  Err: ERR_LIMIT it lies too deep, -errno; the walk goes on behind it.
int
folder_walk_enter (folder_walk_t *self) must_check;
