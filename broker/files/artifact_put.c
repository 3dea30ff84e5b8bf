//  artifact_put - the files of attempts: PUT, SEAL, GET, and the loop's CHECK.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_sealed.h"
#include "broker/disk/render.h"
#include "common/base/digest.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
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

//  A checked request about an attempt, with its rows.
typedef struct {
    row_incident_t incident;
    row_attempt_t attempts [LIMIT_ATTEMPTS];
    int attempt_count;
    int64_t attempt;
} request_t;


//  --- permission

static const row_attempt_t *
s_attempt_of (const request_t *request)
{
    for (int i = 0; i < request->attempt_count; i++) {
        if (request->attempts [i].number == request->attempt)
            return &request->attempts [i];
    }
    return NULL;
}

//  Read the rows of (incident, attempt) and check that it was assigned to the sender of msg.
//  Returns false after it has answered msg itself.
static bool
s_request (artifact_t *self, const link_msg_t *msg, codec_text_t incident, int64_t attempt,
           request_t *ret)
{
    ident_t id;
    if (!codec_copy (incident, id.text, sizeof id.text) || !ident_valid (id.text) || attempt < 1) {
        artifact_peer_strike (self, msg, "malformed", "incident must be a UUID, attempt from 1");
        return false;
    }
    if (!artifact_peer_role (self, msg, CURVE_ROLE_WORKER)) {
        artifact_peer_strike (self, msg, "role", "this needs the enrolled key of a worker");
        return false;
    }
    ret->attempt = attempt;
    int rc = store_reader_incident (self->reader, id.text, &ret->incident);
    if (rc == 0) {
        rc = store_reader_attempts (self->reader, id.text, ret->attempts, LIMIT_ATTEMPTS);
        ret->attempt_count = rc < 0 ? 0 : rc;
    }
    if (rc < 0 && rc != ERR_NONE) {
        artifact_busy (self, msg, "cannot read the store", rc);
        return false;
    }
    //  Without keys the sender has no identity here: the attempt must exist, that is all.
    const row_attempt_t *row = rc < 0 ? NULL : s_attempt_of (ret);
    if (!row || (self->zap && strcmp (row->identity, msg->identity) != 0)) {
        artifact_refuse (self, msg, "unknown", "this attempt was not issued to this worker");
        return false;
    }
    return true;
}

//  Answer "io" for a failure of ours, and send SPARE: the core then gives the worker more time.
static void
s_busy (artifact_t *self, const link_msg_t *msg, const request_t *request, const char *what, int rc)
{
    artifact_busy (self, msg, what, rc);
    mail_t *mail = mail_new (MAIL_SPARE);
    if (mail) {
        mail->as.spare.fence =
            (step_fence_t){.incident = request->incident.id, .attempt = request->attempt};
        mail->as.spare.finished = msg->frame.type != MSG_GET;
        actor_post (self->actor, &mail);
    }
    artifact_room_look (self, true, clk_now (self->clk).boot_ms);
}

static int
s_folder (artifact_t *self, const request_t *request, bool make)
{
    return artifact_dir_open (self->settings->workspace_root, request->incident.id.text, make);
}


//  --- uploads under way

static void
s_upload_drop (artifact_t *self, artifact_upload_t *upload)
{
    atomic_fetch_sub (&self->counts [COUNT_UPLOAD_BYTES], upload->bytes);
    atomic_fetch_sub (&self->counts [COUNT_UPLOADS], 1);
    HASH_DEL (self->uploads, upload);
    free (upload);
}

static artifact_upload_t *
s_upload (artifact_t *self, const link_msg_t *msg, const request_t *request, bool make)
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

//  Remove the staged files and the upload of an incident that is over.
static void
s_drop_staged (artifact_t *self, const request_t *request)
{
    own (own_fd) int fd = s_folder (self, request, false);
    if (fd >= 0)
        artifact_stage_drop (fd, request->attempt);
    artifact_upload_t *upload = s_upload (self, NULL, request, false);
    if (upload)
        s_upload_drop (self, upload);
}

//  Does the incident still need files?  Returns false after it has answered msg itself.
static bool
s_open (artifact_t *self, const link_msg_t *msg, const request_t *request)
{
    if (!incident_terminal (request->incident.state))
        return true;
    s_drop_staged (self, request);
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

//  Add a file's size to the upload.
//  Err: ERR_LIMIT: the attempt is too large; ERR_FULL: all uploads together are.
static int
s_reserve (artifact_t *self, artifact_upload_t *upload, const char *path, int64_t size)
{
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
artifact_put_tidy (artifact_t *self, int64_t now_ms)
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
        s_upload_drop (self, upload);
    }
}

void
artifact_put_fini (artifact_t *self)
{
    artifact_upload_t *upload = NULL;
    artifact_upload_t *next = NULL;
    HASH_ITER (hh, self->uploads, upload, next) {
        s_upload_drop (self, upload);
    }
}


//  --- PUT

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
s_put_sealed (artifact_t *self, const link_msg_t *msg, const request_t *request, int fd,
              const char *path)
{
    artifact_manifest_t sealed;
    int rc = artifact_stage_manifest (fd, msg->msg.chunk.attempt, &sealed);
    if (rc == ERR_NONE)
        return false;
    const verdict_file_t *file =
        rc == 0 ? verdict_file_find (sealed.files, sealed.count, path) : NULL;
    if (rc < 0)
        s_busy (self, msg, request, "cannot read a sealed attempt", rc);
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
    request_t request;
    if (!s_chunk_valid (self, msg, path)
        || !s_request (self, msg, chunk->incident, chunk->attempt, &request))
        return;
    own (own_fd) int fd = s_folder (self, &request, true);
    if (fd < 0) {
        s_busy (self, msg, &request, "cannot open the incident's folder", fd);
        return;
    }
    if (s_put_sealed (self, msg, &request, fd, path) || !s_open (self, msg, &request))
        return;
    artifact_upload_t *upload = s_upload (self, msg, &request, true);
    int rc = upload ? s_reserve (self, upload, path, chunk->size) : ERR_FULL;
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
        s_busy (self, msg, &request, "cannot store a chunk", rc);
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
    request_t request;
    if (!s_seal_list (self, msg, &manifest)
        || !s_request (self, msg, seal->incident, seal->attempt, &request))
        return;
    own (own_fd) int fd = s_folder (self, &request, true);
    if (fd < 0) {
        s_busy (self, msg, &request, "cannot open the incident's folder", fd);
        return;
    }
    if (incident_terminal (request.incident.state)
        && !s_stored_before (fd, seal->attempt, &manifest)) {
        s_drop_staged (self, &request);
        s_sealed (self, msg, "closed", "the incident is over");
        return;
    }
    char reason [LIMIT_REASON_BYTES];
    int rc = artifact_stage_seal (fd, seal->attempt, &manifest, reason);
    if (rc == 0) {
        artifact_upload_t *upload = s_upload (self, NULL, &request, false);
        if (upload)
            s_upload_drop (self, upload);
        atomic_fetch_add (&self->counts [COUNT_SEALED], 1);
        s_sealed (self, msg, "stored", "");
    }
    else if (rc == ERR_NONE)
        s_sealed (self, msg, "missing", reason);
    else if (rc == ERR_STALE)
        s_sealed (self, msg, "closed", reason);
    else
        s_busy (self, msg, &request, "cannot seal an attempt", rc);
}


//  --- GET

//  Write one of the rendered files.  Err: -errno, ERR_STORE.
static int
s_render (artifact_t *self, int fd, const request_t *request, const char *file)
{
    own (own_mem) char *stored = NULL;
    size_t size = 0;
    const row_incident_t *incident = &request->incident;
    int rc = store_reader_event_body (self->reader, incident->id.text, &stored, &size);
    if (rc < 0 && rc != ERR_NONE)
        return rc;
    const char *body = stored ? stored : ""; //  the store forgets events after a week
    const conf_table_t *labels = settings_labels (self->settings, incident->fault.cluster);
    own (own_mem) char *text = NULL;
    if (strcmp (file, "event.json") == 0)
        text = render_event (incident, body, size);
    else if (strcmp (file, "incident.json") == 0)
        text = render_incident (incident, request->attempts, (size_t) request->attempt_count,
                                labels, body, size);
    else
        text = render_prompt (incident, labels, body, size);
    return text ? artifact_dir_put (fd, file, text, strlen (text), "render") : -ENOMEM;
}

//  Open a rendered file for reading.  It is rendered again when a download begins.
//  It is not synced: each download renders it, and saving the incident writes it durably.
static int
s_rendered (artifact_t *self, const request_t *request, const char *file, bool begins,
            int64_t *ret_size)
{
    own (own_fd) int fd = s_folder (self, request, true);
    if (fd < 0)
        return fd;
    int handle = artifact_dir_file (fd, file, O_RDONLY, ret_size);
    if ((handle >= 0 && !begins) || (handle < 0 && handle != -ENOENT))
        return handle;
    if (handle >= 0)
        close (handle);
    int rc = s_render (self, fd, request, file);
    return rc < 0 ? rc : artifact_dir_file (fd, file, O_RDONLY, ret_size);
}

static void
s_data (artifact_t *self, const link_msg_t *msg, const char *bytes, size_t count, int64_t size)
{
    const msg_at_t *get = &msg->msg.at;
    msg_chunk_t data = {.incident = get->incident,
                        .attempt = get->attempt,
                        .path = get->path,
                        .offset = get->upto,
                        .size = size,
                        .bytes = {bytes, count}};
    artifact_answer (self, msg, MSG_DATA, &data);
    atomic_fetch_add (&self->counts [COUNT_SENT], (int64_t) count);
}

static void
s_get_file (artifact_t *self, const link_msg_t *msg, const request_t *request, const char *file)
{
    int64_t upto = msg->msg.at.upto;
    int64_t size = 0;
    own (own_fd) int handle = s_rendered (self, request, file, upto == 0, &size);
    own (own_mem) char *block = malloc (LIMIT_CHUNK_BYTES);
    ssize_t n = handle < 0 || !block ? -1 : pread (handle, block, LIMIT_CHUNK_BYTES, upto);
    if (n < 0)
        s_busy (self, msg, request, "cannot read a file of the incident",
                handle < 0 ? handle : -errno);
    else
        s_data (self, msg, block, (size_t) n, size);
}

void
artifact_put_get (artifact_t *self, const link_msg_t *msg)
{
    static const struct {
        const char *path, *file;
    } files [] = {{"event.json", "event.json"},
                  {"incident.json", "incident.json"},
                  {"prompt.md", "logs/prompt.md"},
                  {"system-prompt.md", NULL}};
    const msg_at_t *get = &msg->msg.at;
    size_t found = 0;
    while (found < 4 && !codec_is (get->path, files [found].path))
        found++;
    if (found == 4 || get->upto < 0) {
        artifact_peer_strike (self, msg, "unknown",
                              "GET knows event.json, incident.json, "
                              "prompt.md and system-prompt.md");
        return;
    }
    request_t request;
    if (!s_request (self, msg, get->incident, get->attempt, &request)
        || !s_open (self, msg, &request))
        return;
    if (files [found].file) {
        s_get_file (self, msg, &request, files [found].file);
        return;
    }
    size_t size = self->system_prompt_size;
    size_t from = (size_t) get->upto < size ? (size_t) get->upto : size;
    s_data (self, msg, self->system_prompt + from, size - from, (int64_t) size);
}


//  --- CHECK

//  Judge a success again by the files on our disk: the worker's word is not enough.
static int
s_judge (step_in_t *verdict, int fd, const artifact_manifest_t *manifest)
{
    const verdict_file_t *report =
        verdict_file_find (manifest->files, manifest->count, "output/investigation.md");
    const verdict_run_t run = {.started = true,
                               .exit_code = verdict->as.verdict.exit_code,
                               .report_exists = report != NULL,
                               .report_bytes = report ? report->size : 0};
    char reason [VERDICT_REASON_BYTES];
    verdict_outcome_t outcome = verdict_judge (&run, reason);
    int rc = 0;
    if (outcome == VERDICT_SUCCESS)
        rc = artifact_sealed_judge (
            fd, verdict->as.verdict.fence.attempt,
            verdict_file_find (manifest->files, manifest->count, "output/agent-result.json")
                != NULL,
            &outcome, reason);
    if (rc < 0 || outcome == VERDICT_SUCCESS)
        return rc;
    verdict->as.verdict.outcome = outcome;
    snprintf (verdict->as.verdict.reason, sizeof verdict->as.verdict.reason, "%s", reason);
    return 0;
}

void
artifact_put_check (artifact_t *self, mail_t *mail)
{
    step_in_t *verdict = &mail->as.check.verdict;
    const step_fence_t *fence = &verdict->as.verdict.fence;
    artifact_manifest_t manifest = {.count = mail->as.check.file_count};
    if (manifest.count > LIMIT_ATTEMPT_FILES)
        manifest.count = LIMIT_ATTEMPT_FILES;
    memcpy (manifest.files, mail->as.check.files, manifest.count * sizeof manifest.files [0]);

    own (own_fd) int fd =
        artifact_dir_open (self->settings->workspace_root, fence->incident.text, false);
    int rc = fd < 0 ? fd : artifact_stage_check (fd, fence->attempt, &manifest);
    bool nothing = manifest.count == 0 && (rc == -ENOENT || rc == ERR_NONE);
    if ((rc == 0 || nothing) && verdict->as.verdict.outcome == VERDICT_SUCCESS)
        rc = s_judge (verdict, fd, &manifest);
    if (rc < 0 && rc != -ENOENT && rc != ERR_NONE)
        log_warn ("cannot check a sealed attempt", kv ("incident_id", fence->incident.text),
                  kv ("attempt", fence->attempt), kv ("reason", err_str (rc)));
    //  An empty list cannot be missing: the worker had nothing to save.
    verdict->as.verdict.stored = rc == 0 || nothing ? STEP_STORED : STEP_MISSING;
    mail->kind = MAIL_CHECKED;
}
