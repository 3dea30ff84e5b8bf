//  artifact_put - receives and seals the files of attempts: PUT and SEAL.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "common/base/digest.h"
#include "common/base/own.h"

#include <string.h>

static bool
s_chunk_valid (artifact_t *self, const link_msg_t *msg, char ret_path [LIMIT_PATH_BYTES])
{
    const msg_chunk_t *chunk = &msg->msg.chunk;
    if (!verdict_path_allowed (chunk->path.data, chunk->path.size)
        || !codec_copy (chunk->path, ret_path, LIMIT_PATH_BYTES)) {
        artifact_peer_strike (self, msg, "malformed", "this path is not on the list of artifacts");
        return false;
    }
    if (chunk->offset < 0 || chunk->size < 0 || chunk->bytes.size > LIMIT_CHUNK_BYTES
        || chunk->offset + (int64_t) chunk->bytes.size > chunk->size) {
        artifact_peer_strike (self, msg, "malformed", "offset and bytes lie outside the file");
        return false;
    }
    if (chunk->size > verdict_path_limit (ret_path)) {
        artifact_peer_strike (self, msg, "limit", "the file is larger than its limit");
        return false;
    }
    return true;
}

static void
s_go (artifact_t *self, const link_msg_t *msg, int64_t upto)
{
    const msg_chunk_t *chunk = &msg->msg.chunk;
    msg_at_t go = {
        .incident = chunk->incident, .attempt = chunk->attempt, .path = chunk->path, .upto = upto};
    artifact_answer (self, msg, MSG_GO, &go);
}

//  If the attempt is sealed, answer so that the worker goes on to its SEAL.  Returns true if it has
//  answered.
static bool
s_put_sealed (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request, int fd,
              const char *path)
{
    artifact_manifest_t sealed;
    int rc = artifact_stage_manifest (fd, msg->msg.chunk.attempt, &sealed);
    if (rc == ERR_NONE)
        return false;
    const verdict_file_t *file =
        rc == 0 ? verdict_file_find (sealed.files, sealed.count, path) : NULL;
    if (rc < 0)
        artifact_request_busy (self, msg, request, "cannot read a sealed attempt", rc);
    else if (file && file->size == msg->msg.chunk.size)
        s_go (self, msg, file->size);
    else
        artifact_refuse (self, msg, "closed", "the attempt is sealed with other files");
    return true;
}

void
artifact_put_chunk (artifact_t *self, const link_msg_t *msg)
{
    const msg_chunk_t *chunk = &msg->msg.chunk;
    char path [LIMIT_PATH_BYTES];
    artifact_request_t request;
    if (!s_chunk_valid (self, msg, path)
        || !artifact_request (self, msg, chunk->incident, chunk->attempt, &request))
        return;
    own (own_fd) int fd = artifact_request_folder (self, &request, true);
    if (fd < 0) {
        artifact_request_busy (self, msg, &request, "cannot open the incident's folder", fd);
        return;
    }
    if (s_put_sealed (self, msg, &request, fd, path)
        || !artifact_upload_wanted (self, msg, &request))
        return;
    int rc = artifact_upload_reserve (self, msg, &request, path, chunk->size);
    if (rc == ERR_LIMIT) {
        artifact_peer_strike (self, msg, "limit", "the attempt's files are too many or too large");
        return;
    }
    if (rc == ERR_FULL) { //  counted, but not logged
        artifact_refuse (self, msg, "io", "too much is being uploaded now; try again later");
        return;
    }
    int64_t upto = 0;
    if (rc == 0)
        rc = artifact_stage_put (fd, chunk->attempt, path, chunk->size, chunk->offset,
                                 chunk->bytes.data, chunk->bytes.size, &upto);
    if (rc < 0)
        artifact_request_busy (self, msg, &request, "cannot store a chunk", rc);
    else
        s_go (self, msg, upto);
}


//  --- SEAL

//  Read the list of a SEAL.  Returns false after it has answered msg itself.
static bool
s_seal_list (artifact_t *self, const link_msg_t *msg, artifact_manifest_t *ret)
{
    const codec_list_t *list = &msg->msg.seal.files;
    const msg_file_t *from = list->items;
    int64_t total = 0;
    memset (ret, 0, sizeof *ret);
    for (size_t i = 0; i < list->count && i < LIMIT_ATTEMPT_FILES; i++) {
        verdict_file_t *file = &ret->files [i];
        bool good = verdict_path_allowed (from [i].path.data, from [i].path.size)
                    && codec_copy (from [i].path, file->path, sizeof file->path)
                    && codec_copy (from [i].sha256, file->sha256, sizeof file->sha256)
                    && digest_valid (file->sha256)
                    && !verdict_file_find (ret->files, ret->count, file->path);
        file->size = from [i].size;
        if (!good || file->size < 0 || file->size > verdict_path_limit (file->path)) {
            artifact_peer_strike (self, msg, "malformed", "a path, size or digest is not valid");
            return false;
        }
        total += file->size;
        ret->count++;
    }
    if (list->count <= LIMIT_ATTEMPT_FILES && total <= LIMIT_INCIDENT_BYTES)
        return true;
    artifact_peer_strike (self, msg, "limit", "the attempt's files are too many or too large");
    return false;
}

static void
s_sealed (artifact_t *self, const link_msg_t *msg, const char *result, const char *reason)
{
    msg_sealed_t sealed = {.incident = msg->msg.seal.incident,
                           .attempt = msg->msg.seal.attempt,
                           .result = codec_text (result)};
    if (reason [0])
        sealed.reason = codec_text (reason);
    artifact_answer (self, msg, MSG_SEALED, &sealed);
}

//  Is the attempt sealed with exactly these files?  It then stays stored, even if the incident is
//  over.
static bool
s_stored_before (int fd, int64_t attempt, const artifact_manifest_t *manifest)
{
    return artifact_stage_check (fd, attempt, manifest) == 0;
}

void
artifact_put_seal (artifact_t *self, const link_msg_t *msg)
{
    const msg_seal_t *seal = &msg->msg.seal;
    artifact_manifest_t manifest;
    artifact_request_t request;
    if (!s_seal_list (self, msg, &manifest)
        || !artifact_request (self, msg, seal->incident, seal->attempt, &request))
        return;
    own (own_fd) int fd = artifact_request_folder (self, &request, true);
    if (fd < 0) {
        artifact_request_busy (self, msg, &request, "cannot open the incident's folder", fd);
        return;
    }
    if (incident_terminal (request.incident.state)
        && !s_stored_before (fd, seal->attempt, &manifest)) {
        artifact_upload_discard (self, &request);
        s_sealed (self, msg, "closed", "the incident is over");
        return;
    }
    char reason [LIMIT_REASON_BYTES];
    int rc = artifact_stage_seal (fd, seal->attempt, &manifest, reason);
    if (rc == 0) {
        artifact_upload_end (self, &request);
        atomic_fetch_add (&self->counts [COUNT_SEALED], 1);
        s_sealed (self, msg, "stored", "");
    }
    else if (rc == ERR_NONE)
        s_sealed (self, msg, "missing", reason);
    else if (rc == ERR_STALE)
        s_sealed (self, msg, "closed", reason);
    else
        artifact_request_busy (self, msg, &request, "cannot seal an attempt", rc);
}
