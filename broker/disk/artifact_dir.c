//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/artifact_dir.h"

#include "broker/base/blob.h"
#include "common/base/digest.h"
#include "common/base/durable.h"
#include "common/base/ident.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { S_TREE_DEPTH = 8, S_COPY_BYTES = LIMIT_KIB (64), S_NAME_BYTES = LIMIT_PATH_BYTES + 64 };

static const int s_folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

//  Open one component below dir_fd, making and syncing it when asked to.
static int
s_enter (int dir_fd, const char *name, bool make)
{
    if (make && mkdirat (dir_fd, name, 0700) == 0) {
        int rc = durable_folder (dir_fd, "mkdir");
        if (rc < 0)
            return rc;
    }
    else if (make && errno != EEXIST) {
        return -errno;
    }
    int fd = openat (dir_fd, name, s_folder_flags);
    return fd < 0 ? -errno : fd;
}

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
    return s_enter (root_fd, incident, make);
}

//  Copy the first component of path; returns what follows it, or NULL for a bad path.
static const char *
s_component (const char *path, char ret_name [S_NAME_BYTES])
{
    size_t size = strcspn (path, "/");
    if (size == 0 || size >= S_NAME_BYTES)
        return NULL;
    memcpy (ret_name, path, size);
    ret_name [size] = 0;
    if (strcmp (ret_name, ".") == 0 || strcmp (ret_name, "..") == 0)
        return NULL;
    return path [size] == '/' ? path + size + 1 : path + size;
}

int
artifact_dir_walk (int base_fd, const char *path, bool make)
{
    int fd = fcntl (base_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    while (*path) {
        char name [S_NAME_BYTES];
        path = s_component (path, name);
        int next = path ? s_enter (fd, name, make) : -EINVAL;
        close (fd);
        if (next < 0)
            return next;
        fd = next;
    }
    return fd;
}

int
artifact_dir_list (int base_fd, const char *path, DIR **ret_dir)
{
    //  by name, even for base itself: a copy of its fd would share the place in the folder
    own (own_fd) int dir_fd = artifact_dir_walk (base_fd, path, false);
    int fd = dir_fd < 0 ? dir_fd : openat (dir_fd, ".", s_folder_flags);
    if (fd < 0)
        return dir_fd < 0 ? dir_fd : -errno;
    DIR *dir = fdopendir (fd);
    if (!dir) {
        close (fd);
        return -ENOMEM;
    }
    *ret_dir = dir;
    return 0;
}

//  Open the folder of path, point *ret_name at its last component.
static int
s_parent (int base_fd, const char *path, bool make, const char **ret_name)
{
    const char *slash = strrchr (path, '/');
    char folder [S_NAME_BYTES] = "";
    if (slash) {
        if ((size_t) (slash - path) >= sizeof folder)
            return -ENAMETOOLONG;
        memcpy (folder, path, (size_t) (slash - path));
    }
    *ret_name = slash ? slash + 1 : path;
    if (!**ret_name || strcmp (*ret_name, ".") == 0 || strcmp (*ret_name, "..") == 0)
        return -EINVAL;
    return artifact_dir_walk (base_fd, folder, make);
}

static int
s_open_regular (int dir_fd, const char *name, int flags, int64_t *ret_size)
{
    //  O_NONBLOCK: a planted FIFO must not hold the thread
    own (own_fd) int fd =
        openat (dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    struct stat st;
    if (fstat (fd, &st) != 0)
        return -errno;
    if (!S_ISREG (st.st_mode))
        return -EISDIR;
    if (ret_size)
        *ret_size = st.st_size;
    int result = fd;
    fd = -1;
    return result;
}

int
artifact_dir_file (int base_fd, const char *path, int flags, int64_t *ret_size)
{
    const char *name = NULL;
    own (own_fd) int dir_fd = s_parent (base_fd, path, (flags & O_CREAT) != 0, &name);
    if (dir_fd < 0)
        return dir_fd;
    return s_open_regular (dir_fd, name, flags, ret_size);
}

int
artifact_dir_append (int base_fd, const char *path, int64_t size, int64_t offset, const void *bytes,
                     size_t count, int64_t *ret_upto)
{
    int64_t have = 0;
    own (own_fd) int file = artifact_dir_file (base_fd, path, O_WRONLY | O_CREAT, &have);
    if (file < 0)
        return file;
    if (have > size) { //  of another file than is coming now
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
    own (own_fd) int dir_fd = s_parent (base_fd, path, true, &name);
    return dir_fd < 0 ? dir_fd : durable_write (dir_fd, name, bytes, size, place);
}

int
artifact_dir_put (int base_fd, const char *path, const void *bytes, size_t size, const char *place)
{
    const char *name = NULL;
    own (own_fd) int dir_fd = s_parent (base_fd, path, true, &name);
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

//  Make to_fd/temporary a second name, or a copy where links are not possible.
static int
s_link_or_copy (int from_fd, const char *from, int to_fd, const char *temporary)
{
    own (own_fd) int source = s_open_regular (from_fd, from, O_RDONLY, NULL);
    if (source < 0)
        return source;
    if (linkat (from_fd, from, to_fd, temporary, 0) == 0)
        return 0;
    if (errno != EPERM && errno != EXDEV && errno != EMLINK && errno != EOPNOTSUPP)
        return -errno;
    own (own_fd) int target = s_open_regular (to_fd, temporary, O_WRONLY | O_CREAT | O_EXCL, NULL);
    return target < 0 ? target : s_copy (source, target);
}

int
artifact_dir_promote (int base_fd, const char *from, const char *to)
{
    const char *from_name = NULL;
    const char *to_name = NULL;
    own (own_fd) int from_fd = s_parent (base_fd, from, false, &from_name);
    if (from_fd < 0)
        return from_fd;
    own (own_fd) int to_fd = s_parent (base_fd, to, true, &to_name);
    if (to_fd < 0)
        return to_fd;
    char temporary [DURABLE_TEMPORARY];
    durable_temporary (to_name, temporary);
    int rc = s_link_or_copy (from_fd, from_name, to_fd, temporary);
    if (rc == 0)
        rc = durable_rename (to_fd, temporary, to_fd, to_name, "promote");
    //  rename does nothing, without an error, when both names are links to one file
    unlinkat (to_fd, temporary, 0);
    return rc;
}

static int
s_remove (int base_fd, const char *name, int depth)
{
    if (unlinkat (base_fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    if (depth == S_TREE_DEPTH)
        return ERR_LIMIT;
    int fd = openat (base_fd, name, s_folder_flags);
    if (fd < 0)
        return -errno;
    DIR *dir = fdopendir (fd);
    if (!dir) {
        close (fd);
        return -ENOMEM;
    }
    int rc = 0;
    const struct dirent *entry;
    while (rc == 0 && (entry = readdir (dir))) {
        if (strcmp (entry->d_name, ".") != 0 && strcmp (entry->d_name, "..") != 0)
            rc = s_remove (fd, entry->d_name, depth + 1);
    }
    closedir (dir);
    if (rc == 0 && unlinkat (base_fd, name, AT_REMOVEDIR) != 0)
        rc = -errno;
    return rc;
}

int
artifact_dir_remove (int base_fd, const char *name)
{
    return s_remove (base_fd, name, 0);
}

int
artifact_dir_sync (int base_fd, const char *path, const char *place)
{
    own (own_fd) int fd = artifact_dir_walk (base_fd, path, false);
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
