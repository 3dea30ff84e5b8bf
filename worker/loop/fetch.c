//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/fetch.h"

#include "common/base/folder.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "worker/keeper/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *remote, *local;
} fetch_file_t;

static const char s_prompt [] = "logs/prompt.md", s_system [] = "system-prompt.md";

static const fetch_file_t s_files [] = {{"event.json", "event.json"},
                                        {"incident.json", "incident.json"},
                                        {"prompt.md", s_prompt},
                                        {"system-prompt.md", s_system}};

enum { FETCH_FILES = sizeof s_files / sizeof s_files [0] };

void
fetch_greet (fetch_t *self)
{
    self->asked_ms = self->since_ms = 0;
    self->tries = 0;
}

//  The socket accepts nothing.  While the broker is away, wait.  If only its files socket cannot be
//  reached, give up in the end.
static int
s_unsent (fetch_t *self, const session_t *session, int64_t now_ms)
{
    if (!session_ready (session))
        return 0;
    if (!self->since_ms)
        self->since_ms = now_ms;
    return now_ms - self->since_ms < LIMIT_FETCH_TRIES * LIMIT_FILES_RETRY_MS ? 0 : ERR_LIMIT;
}

int
fetch_tick (fetch_t *self, session_t *session, const char *incident, int64_t attempt,
            int64_t now_ms)
{
    if (self->asked_ms && now_ms < self->asked_ms + LIMIT_FILES_RETRY_MS)
        return 0;
    if (self->tries >= LIMIT_FETCH_TRIES)
        return ERR_LIMIT;
    msg_at_t get = {.incident = codec_text (incident),
                    .attempt = attempt,
                    .path = codec_text (s_files [self->index].remote),
                    .upto = self->offset};
    int64_t seq = session_send_file (session, MSG_GET, &get);
    if (seq < 0)
        return s_unsent (self, session, now_ms);
    self->since_ms = 0;
    self->seq = (uint64_t) seq;
    self->asked_ms = now_ms;
    self->tries++;
    return 0;
}

static int
s_write_at (const char *dir, const char *local, const msg_chunk_t *data)
{
    const int flags = O_WRONLY | O_CREAT | (data->offset ? 0 : O_TRUNC);
    own (own_fd) int dir_fd = folder_open_path (dir); //  agents of other slots can reach it
    own (own_fd) int fd = dir_fd < 0 ? dir_fd : folder_open_file (dir_fd, local, flags, NULL);
    if (fd < 0)
        return fd;
    ssize_t done = pwrite (fd, data->bytes.data, data->bytes.size, data->offset);
    if (done < 0)
        return -errno;
    return (size_t) done == data->bytes.size ? 0 : -ENOSPC;
}

int
fetch_data (fetch_t *self, const char *dir, const msg_chunk_t *data)
{
    const fetch_file_t *file = &s_files [self->index];
    if (!codec_is (data->path, file->remote) || data->offset != self->offset)
        return FETCH_MORE; //  the second answer to a repeated GET
    int64_t size = (int64_t) data->bytes.size;
    if (data->size > LIMIT_INCIDENT_BYTES || data->offset + size > data->size
        || (size == 0 && data->offset < data->size))
        return ERR_PROTO;
    int rc = s_write_at (dir, file->local, data);
    if (rc < 0)
        return rc;
    self->offset += size;
    self->tries = 0;
    self->asked_ms = 0;
    if (self->offset < data->size)
        return FETCH_MORE;
    self->offset = 0;
    self->index++;
    if (self->index < FETCH_FILES)
        return FETCH_MORE;
    self->index = 0;
    return FETCH_DONE;
}

int
fetch_prompt (const char *dir, buf_t *text)
{
    own (own_fd) int dir_fd = folder_open_path (dir);
    int rc = dir_fd < 0 ? dir_fd : collect_read (dir_fd, s_system, text);
    rc = rc < 0 ? rc : buf_text (text, "\n\n");
    return rc < 0 ? rc : collect_read (dir_fd, s_prompt, text);
}

void
fetch_refused (fetch_t *self, const char *text, bool busy, int64_t now_ms)
{
    snprintf (self->error, sizeof self->error, "%s", text);
    self->busy = busy;
    //  The broker answers, so a quarter of the pause for silence is enough.
    self->asked_ms = now_ms - LIMIT_FILES_RETRY_MS + LIMIT_FILES_RETRY_MS / 4;
}
