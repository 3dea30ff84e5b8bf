//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/blob.h"

#include "common/base/durable.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

//  Sync the parent of a folder that was just made, so that its name survives a power failure.
static int
s_sync_parent (const char *path)
{
    char parent [PATH_MAX];
    const char *slash = strrchr (path, '/');
    if (!slash)
        return durable_folder_at (".", "mkdir");
    if (slash == path)
        return durable_folder_at ("/", "mkdir");
    snprintf (parent, sizeof parent, "%.*s", (int) (slash - path), path);
    return durable_folder_at (parent, "mkdir");
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

int
blob_write (const char *dir, const char *name, const void *bytes, size_t size, const char *place)
{
    assert (dir);
    own (own_fd) int fd = open (dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : durable_write (fd, name, bytes, size, place);
}

void
blob_events_dir (const char *state_path, char *ret_path, size_t size)
{
    assert (state_path && ret_path && size > 0);
    const char *slash = strrchr (state_path, '/');
    if (slash)
        snprintf (ret_path, size, "%.*s/events", (int) (slash - state_path), state_path);
    else
        snprintf (ret_path, size, "./events");
}

void
blob_event_path (const char *state_path, const char *sha256, char *ret_path, size_t size)
{
    assert (sha256);
    blob_events_dir (state_path, ret_path, size);
    const size_t used = strlen (ret_path);
    snprintf (ret_path + used, size - used, "/%s.json", sha256);
}
