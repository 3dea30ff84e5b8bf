//  artifact_get - sends the event, the incident and the prompts to workers: GET.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/render.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

//  Write one of the rendered files.  Err: -errno, ERR_STORE.
static int
s_render (artifact_t *self, int fd, const artifact_request_t *request, const char *file)
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
s_rendered (artifact_t *self, const artifact_request_t *request, const char *file, bool begins,
            int64_t *ret_size)
{
    own (own_fd) int fd = artifact_request_folder (self, request, true);
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
s_get_file (artifact_t *self, const link_msg_t *msg, const artifact_request_t *request,
            const char *file)
{
    int64_t upto = msg->msg.at.upto;
    int64_t size = 0;
    own (own_fd) int handle = s_rendered (self, request, file, upto == 0, &size);
    own (own_mem) char *block = malloc (LIMIT_CHUNK_BYTES);
    ssize_t n = handle < 0 || !block ? -1 : pread (handle, block, LIMIT_CHUNK_BYTES, upto);
    if (n < 0)
        artifact_request_busy (self, msg, request, "cannot read a file of the incident",
                               handle < 0 ? handle : -errno);
    else
        s_data (self, msg, block, (size_t) n, size);
}

void
artifact_get (artifact_t *self, const link_msg_t *msg)
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
    artifact_request_t request;
    if (!artifact_request (self, msg, get->incident, get->attempt, &request)
        || !artifact_upload_wanted (self, msg, &request))
        return;
    if (files [found].file) {
        s_get_file (self, msg, &request, files [found].file);
        return;
    }
    size_t size = self->system_prompt_size;
    size_t from = (size_t) get->upto < size ? (size_t) get->upto : size;
    s_data (self, msg, self->system_prompt + from, size - from, (int64_t) size);
}
