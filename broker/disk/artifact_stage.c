//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/artifact_stage.h"

#include "broker/disk/artifact_dir.h"
#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/json.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { S_PATH = LIMIT_PATH_BYTES + 64, S_MANIFEST_BYTES = LIMIT_KIB (64) };

static const char s_manifest_name [] = "manifest.json";

static void
s_path (char ret_path [S_PATH], int64_t attempt, bool staging, const char *path)
{
    snprintf (ret_path, S_PATH, "attempts/%" PRId64 "%s%s%.*s", attempt, staging ? ".staging" : "",
              path [0] ? "/" : "", LIMIT_PATH_BYTES, path);
}

static bool
s_same (const artifact_manifest_t *a, const artifact_manifest_t *b)
{
    for (size_t i = 0; i < a->count; i++) {
        const verdict_file_t *other = verdict_file_find (b->files, b->count, a->files [i].path);
        if (!other || other->size != a->files [i].size
            || strcmp (other->sha256, a->files [i].sha256) != 0)
            return false;
    }
    return a->count == b->count;
}


//  --- staging

int
artifact_stage_put (int fd, int64_t attempt, const char *path, int64_t size, int64_t offset,
                    const void *bytes, size_t count, int64_t *ret_upto)
{
    assert (verdict_path_allowed (path, strlen (path)));
    char full [S_PATH];
    s_path (full, attempt, true, path);
    return artifact_dir_append (fd, full, size, offset, bytes, count, ret_upto);
}

void
artifact_stage_drop (int fd, int64_t attempt)
{
    own (own_fd) int attempts = folder_open (fd, "attempts", false);
    char name [S_PATH];
    snprintf (name, sizeof name, "%" PRId64 ".staging", attempt);
    if (attempts >= 0 && artifact_dir_remove (attempts, name) < 0)
        return; //  the rest is removed when the incident's result is stored
}


//  --- manifest

static json_t *
s_manifest_json (const artifact_manifest_t *manifest)
{
    json_t *files = json_array ();
    int bad = files ? 0 : -1;
    for (size_t i = 0; i < manifest->count; i++) {
        json_t *file = json_object ();
        bad |= json_object_set_new (file, "path", json_string (manifest->files [i].path));
        bad |= json_object_set_new (file, "size", json_integer (manifest->files [i].size));
        bad |= json_object_set_new (file, "sha256", json_string (manifest->files [i].sha256));
        bad |= json_array_append_new (files, file);
    }
    json_t *doc = json_object ();
    bad |= json_object_set_new (doc, "files", files);
    if (bad)
        json_drop (&doc);
    return doc;
}

static int
s_manifest_write (int fd, int64_t attempt, const artifact_manifest_t *manifest)
{
    own (json_drop) json_t *doc = s_manifest_json (manifest);
    own (own_mem) char *text = doc ? json_text (doc) : NULL;
    if (!text)
        return -ENOMEM;
    char full [S_PATH];
    s_path (full, attempt, true, s_manifest_name);
    return artifact_dir_write (fd, full, text, strlen (text), "manifest");
}

static int
s_manifest_parse (const char *text, size_t size, artifact_manifest_t *ret_manifest)
{
    own (json_drop) json_t *doc = NULL;
    int rc = json_parse (text, size, &doc, NULL);
    const json_t *files = rc < 0 ? NULL : json_object_get (doc, "files");
    if (!json_is_array (files) || json_array_size (files) > LIMIT_ATTEMPT_FILES)
        return ERR_PROTO;
    memset (ret_manifest, 0, sizeof *ret_manifest);
    for (size_t i = 0; i < json_array_size (files); i++) {
        const json_t *item = json_array_get (files, i);
        verdict_file_t *file = &ret_manifest->files [ret_manifest->count++];
        const char *path = json_member_text (item, "path", "");
        if (!verdict_path_allowed (path, strlen (path)))
            return ERR_PROTO;
        snprintf (file->path, sizeof file->path, "%s", path);
        snprintf (file->sha256, sizeof file->sha256, "%s", json_member_text (item, "sha256", ""));
        file->size = json_member_int (item, "size", -1);
    }
    return 0;
}

int
artifact_stage_manifest (int fd, int64_t attempt, artifact_manifest_t *ret_manifest)
{
    char full [S_PATH];
    s_path (full, attempt, false, s_manifest_name);
    int64_t size = 0;
    own (own_fd) int file = artifact_dir_file (fd, full, O_RDONLY, &size);
    if (file == -ENOENT)
        return ERR_NONE;
    if (file < 0)
        return file;
    if (size > S_MANIFEST_BYTES)
        return ERR_PROTO;
    own (own_mem) char *text = malloc (S_MANIFEST_BYTES);
    if (!text)
        return -ENOMEM;
    ssize_t n = pread (file, text, (size_t) size, 0);
    return n < 0 ? -errno : s_manifest_parse (text, (size_t) n, ret_manifest);
}


//  --- sealing

//  Check the size and digest of a staged file, and sync it.  A wrong file is removed, unless it is
//  only incomplete.  Err: ERR_NONE: missing, incomplete or wrong; -errno.
static int
s_seal_file (int fd, int64_t attempt, const verdict_file_t *file, char *ret_reason)
{
    char full [S_PATH];
    s_path (full, attempt, true, file->path);
    int64_t size = 0;
    own (own_fd) int handle = artifact_dir_file (fd, full, O_RDONLY, &size);
    if (handle < 0 && handle != -ENOENT && handle != -ELOOP && handle != -ENOTDIR
        && handle != -EISDIR && handle != -ENXIO)
        return handle;
    char sha256 [DIGEST_HEX] = "";
    if (handle >= 0 && size == file->size) {
        int rc = artifact_dir_digest (handle, sha256);
        if (rc < 0)
            return rc;
    }
    if (strcmp (sha256, file->sha256) == 0)
        return durable_sync (handle, "staged");
    snprintf (ret_reason, LIMIT_REASON_BYTES, "%s: %s", file->path,
              handle < 0           ? "not uploaded"
              : size != file->size ? "size differs"
                                   : "digest differs");
    if (size < file->size)
        return ERR_NONE; //  incomplete: the upload goes on from its end
    own (own_fd) int staging = -1;
    s_path (full, attempt, true, "");
    staging = folder_open (fd, full, false);
    if (staging >= 0 && artifact_dir_remove (staging, file->path) < 0)
        return -EIO;
    return ERR_NONE;
}

static bool
s_keep (const void *ctx, const char *path)
{
    const artifact_manifest_t *manifest = ctx;
    return strcmp (path, "output") == 0 || strcmp (path, "logs") == 0
           || verdict_file_find (manifest->files, manifest->count, path);
}

//  Remove staged files that are not in the manifest, then sync the folder.
static int
s_seal_folder (int staging_fd, const char *folder, const artifact_manifest_t *manifest)
{
    int rc = artifact_dir_prune (staging_fd, folder, s_keep, manifest);
    if (rc == 0)
        rc = artifact_dir_sync (staging_fd, folder, "staged");
    return rc == -ENOENT ? 0 : rc;
}

//  Write the manifest and rename the folder: from then on the attempt is sealed.
static int
s_publish (int fd, int64_t attempt, const artifact_manifest_t *manifest)
{
    static const char *const folders [] = {"output", "logs", ""};
    char from [S_PATH];
    char to [S_PATH];
    s_path (from, attempt, true, "");
    s_path (to, attempt, false, "");
    own (own_fd) int staging_fd = folder_open (fd, from, false);
    int rc = staging_fd < 0 ? staging_fd : 0;
    for (size_t i = 0; rc == 0 && i < sizeof folders / sizeof folders [0]; i++)
        rc = s_seal_folder (staging_fd, folders [i], manifest);
    if (rc == 0)
        rc = s_manifest_write (fd, attempt, manifest);
    if (rc < 0)
        return rc;
    rc = durable_rename (fd, from, fd, to, "seal");
    if (rc == 0)
        rc = artifact_dir_sync (fd, "attempts", "seal");
    return rc < 0 ? rc : artifact_dir_sync (fd, "", "seal");
}

int
artifact_stage_seal (int fd, int64_t attempt, const artifact_manifest_t *manifest, char *ret_reason)
{
    artifact_manifest_t sealed;
    ret_reason [0] = 0;
    int rc = artifact_stage_manifest (fd, attempt, &sealed);
    if (rc == 0 && s_same (&sealed, manifest)) {
        //  A crash may have come before this sync.
        rc = artifact_dir_sync (fd, "attempts", "seal");
        return rc;
    }
    if (rc == 0) {
        snprintf (ret_reason, LIMIT_REASON_BYTES, "the attempt was sealed with other files");
        return ERR_STALE;
    }
    if (rc != ERR_NONE)
        return rc;
    char staging [S_PATH];
    s_path (staging, attempt, true, "");
    own (own_fd) int made = folder_open (fd, staging, true);
    if (made < 0)
        return made;
    int missing = 0;
    for (size_t i = 0; i < manifest->count; i++) {
        rc = s_seal_file (fd, attempt, &manifest->files [i], ret_reason);
        if (rc == ERR_NONE)
            missing = rc; //  check the others too, so that all wrong ones are removed
        else if (rc < 0)
            return rc;
    }
    return missing ? missing : s_publish (fd, attempt, manifest);
}

int
artifact_stage_check (int fd, int64_t attempt, const artifact_manifest_t *manifest)
{
    artifact_manifest_t sealed;
    int rc = artifact_stage_manifest (fd, attempt, &sealed);
    if (rc < 0)
        return rc;
    if (!s_same (&sealed, manifest))
        return ERR_NONE;
    for (size_t i = 0; i < sealed.count; i++) {
        char full [S_PATH];
        s_path (full, attempt, false, sealed.files [i].path);
        int64_t size = 0;
        own (own_fd) int file = artifact_dir_file (fd, full, O_RDONLY, &size);
        if (file < 0 || size != sealed.files [i].size)
            return ERR_NONE;
    }
    return 0;
}
