//  blob - files that are whole or not there.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/blob.h"

#include "common/base/failpoint.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int
blob_sync_dir (const char *dir)
{
    assert (dir);
    own (own_fd) int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fsync (fd) < 0)
        return -errno;
    return 0;
}

//  Sync the parent of a path that was just made, so that its name survives.
static int
s_sync_parent (const char *path)
{
    char parent [PATH_MAX];
    const char *slash = strrchr (path, '/');
    if (!slash)
        return blob_sync_dir (".");
    if (slash == path)
        return blob_sync_dir ("/");
    snprintf (parent, sizeof parent, "%.*s", (int) (slash - path), path);
    return blob_sync_dir (parent);
}

int
blob_make_dir (const char *dir)
{
    assert (dir);
    char path [PATH_MAX];
    const size_t size = strlen (dir);
    if (size == 0 || size >= sizeof path)
        return size ? -ENAMETOOLONG : -EINVAL;
    memcpy (path, dir, size + 1);
    for (char *p = path + 1;; p++) {
        const char c = *p;
        if (c != '/' && c != '\0')
            continue;
        *p = '\0';
        if (mkdir (path, 0700) == 0) {
            const int rc = s_sync_parent (path);
            if (rc < 0)
                return rc;
        }
        else if (errno != EEXIST)
            return -errno;
        if (c == '\0')
            break;
        *p = '/';
    }
    struct stat st;
    if (stat (dir, &st) < 0)
        return -errno;
    return S_ISDIR (st.st_mode) ? 0 : -ENOTDIR;
}

static int
s_write_all (int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t count = write (fd, bytes, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        bytes += count;
        size -= (size_t) count;
    }
    return 0;
}

static int
s_fill (int dir, const char *temp, const void *bytes, size_t size)
{
    own (own_fd) int fd =
        openat (dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = s_write_all (fd, bytes, size);
    if (rc < 0)
        return rc;
    rc = failpoint_errno ("broker.blob.fsync.before");
    if (rc < 0)
        return rc;
    return fsync (fd) < 0 ? -errno : 0;
}

int
blob_write (const char *dir, const char *name, const void *bytes, size_t size)
{
    assert (dir && name && (bytes || size == 0));
    failpoint ("broker.blob.write.before");
    static atomic_uint counter;
    char temp [NAME_MAX + 1];
    const int length = snprintf (temp, sizeof temp, ".%.180s.%d.%u.tmp", name, (int) getpid (),
                                 atomic_fetch_add (&counter, 1));
    if (length < 0 || (size_t) length >= sizeof temp || strchr (name, '/') || !name [0])
        return -EINVAL;
    own (own_fd) int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    //  A process that died here left its own number behind; nobody else uses this name.
    (void) unlinkat (fd, temp, 0);
    int rc = s_fill (fd, temp, bytes, size);
    failpoint ("broker.blob.rename.before");
    if (rc == 0 && renameat (fd, temp, fd, name) < 0)
        rc = -errno;
    if (rc < 0) {
        (void) unlinkat (fd, temp, 0);
        return rc;
    }
    failpoint ("broker.blob.rename.after");
    return fsync (fd) < 0 ? -errno : 0;
}

void
blob_event_path (const char *state_path, const char *sha256, char *ret_path, size_t size)
{
    assert (state_path && sha256 && ret_path && size > 0);
    const char *slash = strrchr (state_path, '/');
    if (slash)
        snprintf (ret_path, size, "%.*s/events/%s.json", (int) (slash - state_path), state_path,
                  sha256);
    else
        snprintf (ret_path, size, "./events/%s.json", sha256);
}
