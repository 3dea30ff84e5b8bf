//  The files already stand in the incident's folder, which is this backend's storage.  So it saves
//  nothing, and only checks that each file exists.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage_fs.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/record.h"
#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/own.h"
#include "common/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool
s_chosen (const settings_t *settings)
{
    return true;
}

static void
s_save (storage_batch_t *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        storage_file_t *file = &batch->files [i];
        int rc = folder_look_file (batch->folder_fd, file->path, NULL);
        file->result = rc < 0 ? STEP_EFFECT_RETRY : STEP_EFFECT_OK;
        if (rc < 0)
            snprintf (file->error, sizeof file->error, "%s: %s", file->path, err_str (rc));
    }
    batch->saved (batch);
}

static const char s_trial [] = ".check", s_bytes [] = "k8s-triage";

static int
s_write_trial (int root_fd)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
    own (own_fd) int file = openat (root_fd, s_trial, flags, 0600);
    if (file < 0)
        return -errno;
    const int rc = durable_fill (file, s_bytes, sizeof s_bytes);
    return rc < 0 ? rc : durable_sync (file, "trial");
}

static int
s_read_trial (int root_fd)
{
    char back [sizeof s_bytes] = "";
    own (own_fd) int file = openat (root_fd, s_trial, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file < 0)
        return -errno;
    const bool same = read (file, back, sizeof back) == (ssize_t) sizeof back
                      && memcmp (back, s_bytes, sizeof back) == 0;
    return same ? 0 : -EIO;
}

//  Make, sync, read and remove a trial file.  Err: -errno.
static int
s_try (int root_fd)
{
    int rc = s_write_trial (root_fd);
    if (rc == 0)
        rc = s_read_trial (root_fd);
    (void) unlinkat (root_fd, s_trial, 0);
    return rc;
}

static void
s_check_room (storage_check_t *check, int root_fd)
{
    struct statvfs fs;
    if (fstatvfs (root_fd, &fs) != 0) {
        mail_storage_found (&check->found, "room", MAIL_STORAGE_BAD, "%s", err_str (-errno));
        return;
    }
    const int64_t bytes = (int64_t) fs.f_bavail * (int64_t) fs.f_frsize;
    const bool enough = bytes >= LIMIT_ARTIFACT_ROOM_BYTES;
    mail_storage_found (&check->found, "room", enough ? MAIL_STORAGE_GOOD : MAIL_STORAGE_BAD,
                        enough ? "%" PRId64 " MiB are free"
                               : "only %" PRId64 " MiB are free: make room on this disk",
                        bytes / LIMIT_MIB (1));
}

static void
s_check (storage_check_t *check)
{
    char path [PATH_MAX];
    const char *root = path_absolute (check->env->settings->workspace_root, path);
    own (own_fd) int root_fd = open (root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root_fd < 0)
        mail_storage_found (&check->found, "folder", MAIL_STORAGE_BAD, "%s: %s", root,
                            err_str (-errno));
    else {
        mail_storage_found (&check->found, "folder", MAIL_STORAGE_GOOD, "%s", root);
        const int rc = s_try (root_fd);
        mail_storage_found (&check->found, "write", rc < 0 ? MAIL_STORAGE_BAD : MAIL_STORAGE_GOOD,
                            "%s", rc < 0 ? err_str (rc) : "a file was written, read and removed");
        s_check_room (check, root_fd);
    }
    check->checked (check);
}

//  result.json goes first: while it exists, so do all the others.
static int
s_remove_folder (const char *root, const char *incident)
{
    own (own_fd) int fd = artifact_dir_open (root, incident, false);
    if (fd == -ENOENT)
        return 0;
    int rc = fd < 0 ? fd : artifact_dir_remove (fd, record_result_path);
    if (rc < 0)
        return rc;
    own (own_fd) int root_fd = folder_open_path (root);
    return root_fd < 0 ? root_fd : artifact_dir_remove (root_fd, incident);
}

static void
s_remove (storage_removal_t *removal)
{
    const int rc = s_remove_folder (removal->env->settings->workspace_root, removal->incident);
    removal->end = (storage_file_t){.result = rc < 0 ? STEP_EFFECT_RETRY : STEP_EFFECT_OK};
    if (rc < 0)
        snprintf (removal->end.error, sizeof removal->end.error, "%s", err_str (rc));
    removal->removed (removal);
}

static int
s_link (const storage_env_t *env, const char *incident, const char *path, storage_link_t *ret_link)
{
    char root [PATH_MAX];
    int size = snprintf (ret_link->text, sizeof ret_link->text, "%s%s%s%s%s",
                         path_absolute (env->settings->workspace_root, root), *incident ? "/" : "",
                         incident, *path ? "/" : "", path);
    ret_link->url = false;
    ret_link->expires_ms = 0;
    return size < (int) sizeof ret_link->text ? 0 : -ENAMETOOLONG;
}

const storage_backend_t storage_fs = {.name = "filesystem",
                                      .chosen = s_chosen,
                                      .save = s_save,
                                      .check = s_check,
                                      .remove = s_remove,
                                      .link = s_link};
