//  artifact_upload - the announced files of attempts, and the limits of uploads.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/disk/artifact_dir.h"
#include "common/base/own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <uthash.h>

enum { S_KEY = IDENT_SIZE + 24 };

//  The announced files of one attempt.  Their bytes count against LIMIT_UPLOADS_BYTES until it is
//  sealed.
struct artifact_upload {
    char key [S_KEY]; //  "<incident>/<attempt>"
    ident_t incident;
    int64_t attempt;
    size_t count;
    verdict_file_t files [LIMIT_ATTEMPT_FILES]; //  sha256 unused
    int64_t bytes;                              //  sum of sizes
    int64_t touched_ms;                         //  boot time of the last PUT
    char owner [CURVE_IDENTITY];                //  the worker; "" without keys
    UT_hash_handle hh;
};

static void
s_drop (artifact_t *self, artifact_upload_t *upload)
{
    atomic_fetch_sub (&self->counts [COUNT_UPLOAD_BYTES], upload->bytes);
    atomic_fetch_sub (&self->counts [COUNT_UPLOADS], 1);
    HASH_DEL (self->uploads, upload);
    free (upload);
}

static artifact_upload_t *
s_find (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request, bool make)
{
    char key [S_KEY];
    snprintf (key, sizeof key, "%s/%" PRId64, request->incident.id.text, request->attempt);
    artifact_upload_t *upload = NULL;
    HASH_FIND_STR (self->uploads, key, upload);
    if (upload || !make || HASH_COUNT (self->uploads) >= LIMIT_UPLOADS)
        return upload;
    upload = calloc (1, sizeof (artifact_upload_t));
    if (!upload)
        return NULL;
    memcpy (upload->key, key, sizeof key);
    upload->incident = request->incident.id;
    upload->attempt = request->attempt;
    snprintf (upload->owner, sizeof upload->owner, "%s", msg->identity);
    HASH_ADD_STR (self->uploads, key, upload);
    atomic_fetch_add (&self->counts [COUNT_UPLOADS], 1);
    return upload;
}

void
artifact_upload_end (artifact_t *self, const artifact_request_t *request)
{
    artifact_upload_t *upload = s_find (self, NULL, request, false);
    if (upload)
        s_drop (self, upload);
}

void
artifact_upload_discard (artifact_t *self, const artifact_request_t *request)
{
    own (own_fd) int fd = artifact_request_folder (self, request, false);
    if (fd >= 0)
        artifact_stage_drop (fd, request->attempt);
    artifact_upload_end (self, request);
}

bool
artifact_upload_wanted (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request)
{
    if (!incident_terminal (request->incident.state))
        return true;
    artifact_upload_discard (self, request);
    artifact_refuse (self, msg, "closed", "the incident is over; send the VERDICT");
    return false;
}

//  Would this worker exceed its share?  Without keys workers have no identity here, and no share.
static bool
s_over_share (const artifact_t *self, const artifact_upload_t *upload, int64_t more)
{
    int64_t bytes = more;
    const artifact_upload_t *other = upload->owner [0] ? self->uploads : NULL;
    for (; other; other = other->hh.next)
        bytes += strcmp (other->owner, upload->owner) == 0 ? other->bytes : 0;
    return bytes > LIMIT_UPLOADS_BYTES / LIMIT_SHARE;
}

int
artifact_upload_reserve (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request,
                         const char *path, int64_t size)
{
    artifact_upload_t *upload = s_find (self, msg, request, true);
    if (!upload)
        return ERR_FULL;
    const verdict_file_t *found = verdict_file_find (upload->files, upload->count, path);
    verdict_file_t *file = found ? &upload->files [found - upload->files] : NULL;
    int64_t more = size - (file ? file->size : 0);
    if (upload->bytes + more > LIMIT_INCIDENT_BYTES
        || (!file && upload->count == LIMIT_ATTEMPT_FILES))
        return ERR_LIMIT;
    if (atomic_load (&self->counts [COUNT_UPLOAD_BYTES]) + more > LIMIT_UPLOADS_BYTES
        || (more > 0 && s_over_share (self, upload, more)))
        return ERR_FULL;
    if (!file) {
        file = &upload->files [upload->count++];
        snprintf (file->path, sizeof file->path, "%s", path);
    }
    file->size = size;
    upload->bytes += more;
    upload->touched_ms = clk_now (self->clk).boot_ms;
    atomic_fetch_add (&self->counts [COUNT_UPLOAD_BYTES], more);
    return 0;
}

void
artifact_upload_tidy (artifact_t *self, int64_t now_ms)
{
    artifact_upload_t *upload = NULL;
    artifact_upload_t *next = NULL;
    HASH_ITER (hh, self->uploads, upload, next) {
        if (now_ms - upload->touched_ms < LIMIT_UPLOAD_IDLE_MS)
            continue;
        own (own_fd) int fd =
            artifact_dir_open (self->settings->workspace_root, upload->incident.text, false);
        if (fd >= 0)
            artifact_stage_drop (fd, upload->attempt);
        s_drop (self, upload);
    }
}

void
artifact_upload_fini (artifact_t *self)
{
    artifact_upload_t *upload = NULL;
    artifact_upload_t *next = NULL;
    HASH_ITER (hh, self->uploads, upload, next) {
        s_drop (self, upload);
    }
}
