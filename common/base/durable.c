//  SPDX-License-Identifier: Apache-2.0
#include "common/base/durable.h"

#include "common/base/failpoint.h"
#include "common/base/ident.h"
#include "common/base/own.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char s_suffix [] = ".tmp";

static int
s_sync (int fd, const char *place, const char *action)
{
    int rc = failpoint_before (place, action);
    if (rc == 0 && fsync (fd) != 0)
        rc = -errno;
    if (rc == 0)
        failpoint_after (place, action);
    return rc;
}

int
durable_sync (int fd, const char *place)
{
    return s_sync (fd, place, "sync");
}

int
durable_folder (int dir_fd, const char *place)
{
    return s_sync (dir_fd, place, "folder");
}

int
durable_folder_at (const char *dir, const char *place)
{
    own (own_fd) int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : durable_folder (fd, place);
}

int
durable_rename (int from_fd, const char *from, int to_fd, const char *to, const char *place)
{
    int rc = failpoint_before (place, "rename");
    if (rc == 0 && renameat (from_fd, from, to_fd, to) != 0)
        rc = -errno;
    if (rc == 0)
        failpoint_after (place, "rename");
    return rc;
}

int
durable_fill (int fd, const void *bytes, size_t size)
{
    const char *from = bytes;
    while (size > 0) {
        ssize_t count = write (fd, from, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        from += count;
        size -= (size_t) count;
    }
    return 0;
}

void
durable_temporary (const char *name, char ret_name [DURABLE_TEMPORARY])
{
    snprintf (ret_name, DURABLE_TEMPORARY, ".%.200s.%016" PRIx64 "%s", name, ident_random64 (),
              s_suffix);
}

//  sync: sync the bytes and the name.
static int
s_replace (int dir_fd, const char *name, const void *bytes, size_t size, const char *place,
           bool sync)
{
    assert (name && (bytes || size == 0));
    if (!name [0] || strchr (name, '/'))
        return -EINVAL;
    char temporary [DURABLE_TEMPORARY];
    durable_temporary (name, temporary);
    own (own_fd) int fd =
        openat (dir_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = durable_fill (fd, bytes, size);
    if (rc == 0 && sync)
        rc = durable_sync (fd, place);
    if (rc == 0)
        rc = durable_rename (dir_fd, temporary, dir_fd, name, place);
    if (rc < 0) {
        (void) unlinkat (dir_fd, temporary, 0);
        return rc;
    }
    return sync ? durable_folder (dir_fd, place) : 0;
}

int
durable_write (int dir_fd, const char *name, const void *bytes, size_t size, const char *place)
{
    return s_replace (dir_fd, name, bytes, size, place, true);
}

int
durable_put (int dir_fd, const char *name, const void *bytes, size_t size, const char *place)
{
    return s_replace (dir_fd, name, bytes, size, place, false);
}

static bool
s_is_temporary (const char *name)
{
    size_t size = strlen (name), suffix = sizeof s_suffix - 1;
    return name [0] == '.' && size > suffix && strcmp (name + size - suffix, s_suffix) == 0;
}

void
durable_sweep (int dir_fd)
{
    int copy = openat (dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir (copy);
    if (!dir) {
        own_fd (&copy);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir (dir))) {
        if (s_is_temporary (entry->d_name))
            (void) unlinkat (dir_fd, entry->d_name, 0);
    }
    closedir (dir);
}
