//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/artifact_dir.h"

#include "broker/base/blob.h"
#include "common/base/digest.h"
#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/ident.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { S_TREE_DEPTH = 8, S_COPY_BYTES = LIMIT_KIB (64), S_PATH = LIMIT_PATH_BYTES + NAME_MAX + 2 };

int
artifact_dir_open (const char *root, const char *incident, bool make)
{
    if (!ident_valid (incident))
        return -EINVAL;
    if (make) {
        int rc = blob_make_dir (root);
        if (rc < 0)
            return rc;
    }
    own (own_fd) int root_fd = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        return -errno;
    return folder_open (root_fd, incident, make);
}

int
artifact_dir_file (int base_fd, const char *path, int flags, int64_t *ret_size)
{
    if (!(flags & O_CREAT))
        return folder_open_file (base_fd, path, flags, ret_size);
    const char *name = NULL;
    own (own_fd) int dir_fd = folder_open_parent (base_fd, path, true, &name);
    return dir_fd < 0 ? dir_fd : folder_open_file (dir_fd, name, flags, ret_size);
}

int
artifact_dir_append (int base_fd, const char *path, int64_t size, int64_t offset, const void *bytes,
                     size_t count, int64_t *ret_upto)
{
    int64_t have = 0;
    own (own_fd) int file = artifact_dir_file (base_fd, path, O_WRONLY | O_CREAT, &have);
    if (file < 0)
        return file;
    if (have > size) { //  left from another file of this path
        if (ftruncate (file, 0) != 0)
            return -errno;
        have = 0;
    }
    const char *from = bytes;
    size_t left = offset == have ? count : 0;
    while (left > 0) {
        ssize_t n = pwrite (file, from, left, have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        from += n;
        left -= (size_t) n;
        have += n;
    }
    *ret_upto = have;
    return 0;
}

int
artifact_dir_write (int base_fd, const char *path, const void *bytes, size_t size,
                    const char *place)
{
    const char *name = NULL;
    own (own_fd) int dir_fd = folder_open_parent (base_fd, path, true, &name);
    return dir_fd < 0 ? dir_fd : durable_write (dir_fd, name, bytes, size, place);
}

int
artifact_dir_put (int base_fd, const char *path, const void *bytes, size_t size, const char *place)
{
    const char *name = NULL;
    own (own_fd) int dir_fd = folder_open_parent (base_fd, path, true, &name);
    return dir_fd < 0 ? dir_fd : durable_put (dir_fd, name, bytes, size, place);
}

static int
s_copy (int from_fd, int to_fd)
{
    own (own_mem) char *block = malloc (S_COPY_BYTES);
    if (!block)
        return -ENOMEM;
    while (true) {
        ssize_t n = read (from_fd, block, S_COPY_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return durable_sync (to_fd, "save");
        int rc = durable_fill (to_fd, block, (size_t) n);
        if (rc < 0)
            return rc;
    }
}

//  Make to_fd/temporary a second name of a file, or a copy where links are not possible.
static int
s_link_or_copy (int from_fd, const char *from, int to_fd, const char *temporary)
{
    own (own_fd) int source = folder_open_file (from_fd, from, O_RDONLY, NULL);
    if (source < 0)
        return source;
    if (linkat (from_fd, from, to_fd, temporary, 0) == 0)
        return 0;
    if (errno != EPERM && errno != EXDEV && errno != EMLINK && errno != EOPNOTSUPP)
        return -errno;
    own (own_fd) int target =
        folder_open_file (to_fd, temporary, O_WRONLY | O_CREAT | O_EXCL, NULL);
    return target < 0 ? target : s_copy (source, target);
}

int
artifact_dir_promote (int base_fd, const char *from, const char *to)
{
    const char *from_name = NULL;
    const char *to_name = NULL;
    own (own_fd) int from_fd = folder_open_parent (base_fd, from, false, &from_name);
    if (from_fd < 0)
        return from_fd;
    own (own_fd) int to_fd = folder_open_parent (base_fd, to, true, &to_name);
    if (to_fd < 0)
        return to_fd;
    char temporary [DURABLE_TEMPORARY];
    durable_temporary (to_name, temporary);
    int rc = s_link_or_copy (from_fd, from_name, to_fd, temporary);
    if (rc == 0)
        rc = durable_rename (to_fd, temporary, to_fd, to_name, "promote");
    //  When both names are links to one file, rename succeeds but leaves both.
    unlinkat (to_fd, temporary, 0);
    return rc;
}

int
artifact_dir_remove (int base_fd, const char *path)
{
    return folder_remove (base_fd, path, S_TREE_DEPTH);
}

int
artifact_dir_prune (int base_fd, const char *path, artifact_dir_keep_t *keep, const void *ctx)
{
    const folder_rules_t rules = {.depth = 1};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    int rc = folder_walk_new (base_fd, path, &rules, &walk);
    if (rc < 0)
        return rc == -ENOENT ? 0 : rc;
    int more = 0;
    while (rc == 0 && (more = folder_walk_next (walk, &entry)) > 0) {
        char full [S_PATH];
        snprintf (full, sizeof full, "%s%s%s", path, path [0] ? "/" : "", entry.name);
        rc = keep (ctx, full) ? 0 : artifact_dir_remove (entry.dir_fd, entry.name);
    }
    return rc < 0 ? rc : more;
}

static void
s_add_size (artifact_dir_size_t *size, const struct stat *st)
{
    const int64_t names = S_ISDIR (st->st_mode) || st->st_nlink < 1 ? 1 : (int64_t) st->st_nlink;
    size->bytes += (int64_t) st->st_blocks * 512 / names;
    size->shares += ARTIFACT_DIR_WHOLE / names;
}

void
artifact_dir_size (int base_fd, artifact_dir_size_t *size)
{
    const folder_rules_t rules = {.depth = S_TREE_DEPTH};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    struct stat st;
    if (fstat (base_fd, &st) == 0)
        s_add_size (size, &st);
    if (folder_walk_new (base_fd, "", &rules, &walk) < 0)
        return; //  removed meanwhile
    while (folder_walk_next (walk, &entry) > 0) {
        if (entry.left || entry.st.st_mode == 0)
            continue;
        s_add_size (size, &entry.st);
        if (S_ISDIR (entry.st.st_mode) && folder_walk_enter (walk) < 0)
            continue; //  too deep, or removed meanwhile
    }
}

int
artifact_dir_sync (int base_fd, const char *path, const char *place)
{
    own (own_fd) int fd = folder_open (base_fd, path, false);
    return fd < 0 ? fd : durable_folder (fd, place);
}

int
artifact_dir_digest (int fd, char *ret_hex)
{
    own (digest_destroy) digest_t *digest = digest_new ();
    own (own_mem) char *block = malloc (S_COPY_BYTES);
    if (!digest || !block)
        return -ENOMEM;
    while (true) {
        ssize_t n = read (fd, block, S_COPY_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        digest_add (digest, block, (size_t) n);
    }
    digest_finish_hex (digest, ret_hex);
    return 0;
}
