//  The files already stand in the incident's folder, which is this backend's storage.  So it saves
//  nothing, and only checks that each file exists.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage_fs.h"

#include "common/base/folder.h"
#include "common/base/path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

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

const storage_backend_t storage_fs = {
    .name = "filesystem", .chosen = s_chosen, .save = s_save, .link = s_link};
