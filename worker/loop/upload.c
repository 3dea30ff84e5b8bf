//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/upload.h"

#include "common/base/folder.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

void
upload_restart (upload_t *self, int64_t now_ms, int64_t pause_ms)
{
    *self = (upload_t){.wait_ms = now_ms + pause_ms, .moved_ms = now_ms};
}

int64_t
upload_pending (const upload_t *self)
{
    return self->sent - self->safe;
}

//  Is the error permanent?  The file is missing, or it is not the one that was hashed: agents can
//  reach the spool and may have replaced it.
static bool
s_spoiled (int64_t rc)
{
    static const int errors [] = {ENOENT, ENOTDIR, EISDIR, ELOOP, EACCES, ENXIO, ESPIPE};
    for (size_t i = 0; i < sizeof errors / sizeof errors [0]; i++)
        if (rc == -errors [i])
            return true;
    return rc == ERR_STALE;
}

//  Send one chunk.  Returns its bytes; 0: the socket is full.  Err: the file cannot be read.
static int64_t
s_put (upload_t *self, session_t *session, const char *dir, const spool_verdict_t *verdict)
{
    static char bytes [LIMIT_CHUNK_BYTES]; //  one thread
    const verdict_file_t *file = &verdict->files [self->index];
    own (own_fd) int dir_fd = folder_open_path (dir);
    own (own_fd) int fd =
        dir_fd < 0 ? dir_fd : folder_open_file (dir_fd, file->path, O_RDONLY, NULL);
    if (fd < 0)
        return fd;
    int64_t left = file->size - self->sent;
    size_t size = left < LIMIT_CHUNK_BYTES ? (size_t) left : LIMIT_CHUNK_BYTES;
    ssize_t got = pread (fd, bytes, size, self->sent);
    if (got < 0 || (size_t) got != size)
        return got < 0 ? -errno : ERR_STALE;

    msg_chunk_t put = {.incident = codec_text (verdict->incident.text),
                       .attempt = verdict->attempt,
                       .path = codec_text (file->path),
                       .offset = self->sent,
                       .size = file->size,
                       .bytes = {bytes, size}};
    int64_t seq = session_send_file (session, MSG_PUT, &put);
    if (seq < 0)
        return 0;
    self->seq = (uint64_t) seq;
    self->touched = true;
    self->sent += got;
    return got;
}

void
upload_list (const spool_verdict_t *verdict, msg_file_t ret_files [LIMIT_ATTEMPT_FILES])
{
    for (size_t i = 0; i < verdict->file_count; i++)
        ret_files [i] = (msg_file_t){.path = codec_text (verdict->files [i].path),
                                     .size = verdict->files [i].size,
                                     .sha256 = codec_text (verdict->files [i].sha256)};
}

static void
s_seal (upload_t *self, session_t *session, const spool_verdict_t *verdict, int64_t now_ms)
{
    if (self->sealed_ms && now_ms < self->sealed_ms + LIMIT_FILES_RETRY_MS)
        return;
    msg_file_t files [LIMIT_ATTEMPT_FILES];
    upload_list (verdict, files);
    msg_seal_t seal = {.incident = codec_text (verdict->incident.text),
                       .attempt = verdict->attempt,
                       .files = {files, verdict->file_count}};
    int64_t seq = session_send_file (session, MSG_SEAL, &seal);
    if (seq < 0)
        return;
    self->seq = (uint64_t) seq;
    self->sealed_ms = now_ms;
}

//  If the current file is on the broker's disk, go to the next one.
static void
s_next_file (upload_t *self, const spool_verdict_t *verdict)
{
    while (self->index < verdict->file_count && self->touched
           && self->safe == verdict->files [self->index].size && self->sent == self->safe
           && !self->sealed_ms) {
        self->index++;
        self->sent = self->safe = 0;
        self->touched = false;
    }
}

int
upload_tick (upload_t *self, session_t *session, const char *dir, const spool_verdict_t *verdict,
             int64_t now_ms, int64_t *window_bytes)
{
    if (now_ms < self->wait_ms || !session_ready (session))
        return 0;
    if (self->index >= verdict->file_count) {
        s_seal (self, session, verdict, now_ms);
        return 0;
    }
    const verdict_file_t *file = &verdict->files [self->index];
    bool waiting = self->touched && (self->sent > self->safe || file->size == 0);
    if (waiting && now_ms >= self->moved_ms + LIMIT_FILES_RETRY_MS) {
        self->sent = self->safe;
        self->touched = false;
    }
    while (*window_bytes > 0 && (self->sent < file->size || !self->touched)) {
        if (!waiting)
            self->moved_ms = now_ms;
        int64_t put = s_put (self, session, dir, verdict);
        if (s_spoiled (put))
            return (int) put;
        if (put < 0)
            upload_restart (self, now_ms, LIMIT_FILES_RETRY_MS);
        if (put <= 0)
            break;
        *window_bytes -= put;
        waiting = true;
    }
    return 0;
}

void
upload_go (upload_t *self, const spool_verdict_t *verdict, const msg_at_t *go, int64_t now_ms)
{
    if (self->index >= verdict->file_count
        || !codec_is (go->path, verdict->files [self->index].path))
        return;
    int64_t size = verdict->files [self->index].size;
    if (go->upto < 0 || go->upto > size)
        return;
    self->moved_ms = now_ms;
    if (go->upto < self->safe || go->upto > self->sent)
        self->sent = go->upto; //  the broker has lost bytes, or has more from an earlier session
    self->safe = go->upto;
    s_next_file (self, verdict);
}

int
upload_sealed (upload_t *self, const msg_sealed_t *sealed, int64_t now_ms)
{
    if (codec_is (sealed->result, "stored") || codec_is (sealed->result, "closed"))
        return UPLOAD_DONE;
    upload_restart (self, now_ms, LIMIT_VERDICT_RETRY_MS);
    return UPLOAD_MORE;
}
