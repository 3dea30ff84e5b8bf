//  SPDX-License-Identifier: Apache-2.0
#include "common/base/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static int
s_no (int rc, const char *path, err_diag_t *diag)
{
    err_diag (diag, "%s: %s", path, rc == -ELOOP ? "not a regular file" : err_str (rc));
    return rc;
}

static int
s_may (const char *path, int mode)
{
    return faccessat (AT_FDCWD, path, mode, AT_EACCESS) == 0 ? 0 : -errno;
}

//  The kernel's own file systems let root pass but still allow no new files.
static bool
s_makes_nothing (const char *folder)
{
    struct statfs fs;
    return statfs (folder, &fs) == 0 && (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC);
}

//  Check an existing folder.  Reading it is needed to sync it, and to find files left in it.
static int
s_folder (const char *path, err_diag_t *diag)
{
    const int rc = s_makes_nothing (path) ? -EPERM : s_may (path, R_OK | W_OK | X_OK);
    if (rc == 0)
        return 0;
    err_diag (diag, "%s: cannot be written: %s", path, err_str (rc));
    return rc;
}

//  Remove the last component.
static void
s_up (char path [PATH_MAX])
{
    size_t size = strlen (path);
    while (size > 1 && path [size - 1] == '/')
        size--;
    while (size > 0 && path [size - 1] != '/')
        size--;
    while (size > 1 && path [size - 1] == '/')
        size--;
    path [size] = 0;
    if (size == 0)
        memcpy (path, ".", 2);
}

int
reach_above (const char *path, char ret_folder [PATH_MAX])
{
    if (snprintf (ret_folder, PATH_MAX, "%s", path) >= PATH_MAX)
        return -ENAMETOOLONG;
    s_up (ret_folder);
    return 0;
}

//  Does it exist?  0: yes (ret_status); -ENOENT: no, check the folder above; other -errno.
static int
s_look (const char *path, struct stat *ret_status, err_diag_t *diag)
{
    struct stat link;
    if (stat (path, ret_status) == 0)
        return 0;
    const int rc = errno == ENOTDIR ? -ENOENT : -errno;
    if (rc != -ENOENT)
        return s_no (rc, path, diag);
    if (lstat (path, &link) < 0)
        return rc;
    err_diag (diag, "%s: a symbolic link to nothing", path);
    return -EEXIST;
}

int
reach_folder (const char *path, bool parents, err_diag_t *diag)
{
    char at [PATH_MAX];
    struct stat status;
    const int size = snprintf (at, sizeof at, "%s", path);
    if (size <= 0 || size >= PATH_MAX)
        return s_no (size == 0 ? -EINVAL : -ENAMETOOLONG, path, diag);
    for (int up = 0; up < PATH_MAX; up++) {
        const int rc = s_look (at, &status, diag);
        if (rc == 0 && S_ISDIR (status.st_mode))
            return s_folder (at, diag);
        if (rc == 0)
            return s_no (-ENOTDIR, at, diag);
        if (rc != -ENOENT)
            return rc;
        if (up > 0 && !parents)
            return s_no (rc, at, diag);
        s_up (at);
    }
    return s_no (-ENOENT, path, diag);
}

int
reach_writable (const char *path, bool parents, err_diag_t *diag)
{
    char above [PATH_MAX];
    struct stat status;
    const int named = reach_above (path, above);
    if (named < 0)
        return s_no (named, path, diag);
    if (lstat (path, &status) == 0) {
        const int rc = S_ISREG (status.st_mode)   ? s_may (path, R_OK | W_OK)
                       : S_ISDIR (status.st_mode) ? -EISDIR
                                                  : -ELOOP;
        return rc == 0 ? 0 : s_no (rc, path, diag);
    }
    if (errno != ENOENT && errno != ENOTDIR)
        return s_no (-errno, path, diag);
    if (parents || access (above, F_OK) == 0)
        return reach_folder (above, parents, diag);
    return s_no (-errno, above, diag);
}

int
reach_readable (const char *path, err_diag_t *diag)
{
    struct stat status;
    int rc = stat (path, &status) == 0 ? 0 : -errno;
    if (rc == 0 && !S_ISREG (status.st_mode))
        rc = S_ISDIR (status.st_mode) ? -EISDIR : -ELOOP;
    if (rc == 0)
        rc = s_may (path, R_OK);
    return rc == 0 ? 0 : s_no (rc, path, diag);
}
