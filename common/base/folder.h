//  folder - files and folders below a folder, reached without ever following a symbolic link.
//
//  Use it for folders whose contents agents or peers control.  Every function starts from the fd of
//  a folder and opens each component of a path with O_NOFOLLOW.  "." and ".." are not valid
//  components.  Only regular files are opened: no FIFO and no device.
//  Src: openat (2), fts (3).  openat2 (2) would do the same in one call, but not every kernel has
//  it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

//  Open the folder at a path of our own.  Links on the way are followed, a link at its end is not.
//  Own: the caller closes the fd.  Err: -errno.
int
folder_open_path (const char *path) must_check;
//  Open the folder `path` ("attempts/3", "" = base itself) below base.  make: create missing
//  components with mode 0700 and sync their names.  Own: the caller closes the fd.
//  Err: -errno, -EINVAL for a path with "", "." or ".." in it; a link gives -ENOTDIR or -ELOOP.
int
folder_open (int base_fd, const char *path, bool make) must_check;
//  As folder_open, for the folder that holds `path`.  *ret_name is the last component, a part of
//  path.
int
folder_open_parent (int base_fd, const char *path, bool make, const char **ret_name) must_check;
//  Open the regular file `path` below base with flags (O_RDONLY, O_WRONLY | O_CREAT ...).
//  A new one has mode 0600.  *ret_size, when not NULL: its size in bytes.  Own: the caller closes
//  the fd.
//  Err: as folder_open; -ENOENT, -ELOOP a link, -EISDIR a folder, -ENXIO any other kind.
int
folder_open_file (int base_fd, const char *path, int flags, int64_t *ret_size) must_check;
//  Is base/path a regular file?  Opens only the folders on the way.  Err: as folder_open_file.
int
folder_look_file (int base_fd, const char *path, int64_t *ret_size) must_check;
//  Remove base/path and everything below it, at most `depth` folders deep.  A missing path is no
//  error.  Err: ERR_LIMIT it is deeper, -errno; a part of it may be gone.
int
folder_remove (int base_fd, const char *path, int depth) must_check;
//  The same for an absolute path.
int
folder_remove_path (const char *path, int depth) must_check;

//  A walk shows entry after entry, in the order of the folder.  The caller decides which folders to
//  enter.

typedef struct folder_walk folder_walk_t;

typedef struct {
    int depth;   //  of the deepest entries; 1 = entries of the folder itself
    int entries; //  limit of entries shown, 0 = none
    bool unlock; //  make entered folders readable and writable for our user
} folder_rules_t;

typedef struct {
    const char *path; //  relative to the walk's folder; valid until the next step
    const char *name; //  its last component
    int dir_fd;       //  the folder that holds it; borrowed until the next step
    int depth;        //  1 = in the walk's folder
    //  An entered folder is shown again, with left set, after its entries.
    bool left;
    //  Of the entry, not of a link's target; zeros when unavailable.
    struct stat st;
} folder_entry_t;

//  Begin to walk the folder `path` below base, "" = base itself.  Own: the caller frees *ret_walk.
//  Err: as folder_open; -ENOMEM.
int
folder_walk_new (int base_fd, const char *path, const folder_rules_t *rules,
                 folder_walk_t **ret_walk) must_check;
void
folder_walk_destroy (folder_walk_t **self_p);
//  The next entry.  Entries that vanish meanwhile are skipped; shown entries may be removed.
//  Returns 1, or 0 at the end.  Err: ERR_LIMIT: more entries than the rules allow; -errno.
int
folder_walk_next (folder_walk_t *self, folder_entry_t *ret_entry);
//  Enter the folder that folder_walk_next has just shown: its entries come next.  Err: ERR_LIMIT:
//  too deep; -errno.  After an error the walk continues with the next entry.
int
folder_walk_enter (folder_walk_t *self) must_check;
