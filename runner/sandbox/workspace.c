//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/workspace.h"

#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/ident.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WORKSPACE_DEPTH = 64,
    WORKSPACE_ENTRIES = 1 << 20 //  far more than a run may have by default
};

//  The owner to be, and whose entries change hands.
typedef struct {
    uid_t uid;
    gid_t gid;
    bool all;
    uid_t of;
} owner_t;

static int
s_entry (folder_walk_t *walk, const folder_entry_t *entry, const owner_t *owner)
{
    if (entry->left)
        return 0;
    own (own_fd) int fd = openat (entry->dir_fd, entry->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    const bool due = owner->all || entry->st.st_uid == owner->of;
    //  First enter a folder, while it is still ours; entering ends the entry.
    const int rc = S_ISDIR (entry->st.st_mode) ? folder_walk_enter (walk) : 0;
    if (due && fchownat (fd, "", owner->uid, owner->gid, AT_EMPTY_PATH) != 0)
        return -errno;
    return rc;
}

static int
s_hand_over (int fd, const owner_t *owner)
{
    const folder_rules_t rules = {.depth = WORKSPACE_DEPTH, .entries = WORKSPACE_ENTRIES};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    int rc = folder_walk_new (fd, "", &rules, &walk);
    if (rc < 0)
        return rc;
    int first = 0;
    folder_entry_t entry;
    while ((rc = folder_walk_next (walk, &entry)) == 1) {
        const int failed = s_entry (walk, &entry, owner);
        first = first ? first : failed;
    }
    if (fchown (fd, owner->uid, owner->gid) != 0)
        rc = -errno;
    return rc < 0 ? rc : first;
}

//  Each run begins with empty temporary folders.  What an earlier run has left in their place is
//  moved aside: it may be a link, which would lead us or the box out.
static int
s_temporary (int fd)
{
    char aside [64];
    struct stat st;
    (void) snprintf (aside, sizeof aside, WORKSPACE_TMP "-%016" PRIx64, ident_random64 ());
    const bool there = fstatat (fd, WORKSPACE_TMP, &st, AT_SYMLINK_NOFOLLOW) == 0;
    const int rc = there ? durable_rename (fd, WORKSPACE_TMP, fd, aside, "resume") : 0;
    if (rc < 0)
        return rc;
    if (mkdirat (fd, WORKSPACE_TMP, 0700) != 0 || mkdirat (fd, WORKSPACE_SHM, 0700) != 0)
        return -errno;
    return 0;
}

int
workspace_give (const char *path, uid_t uid, gid_t gid)
{
    own (own_fd) int fd = folder_open_path (path);
    if (fd < 0)
        return fd;
    const int rc = s_temporary (fd);
    if (rc < 0)
        return rc;
    if (uid == geteuid () && gid == getegid ())
        return 0;
    const owner_t owner = {.uid = uid, .gid = gid, .all = true};
    return s_hand_over (fd, &owner);
}

void
workspace_take (const char *path, uid_t uid)
{
    own (own_fd) int fd = uid == geteuid () ? -1 : folder_open_path (path);
    const owner_t owner = {.uid = geteuid (), .gid = getegid (), .of = uid};
    if (fd >= 0)
        (void) s_hand_over (fd, &owner);
}
