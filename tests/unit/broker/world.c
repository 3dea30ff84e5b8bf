//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/world.h"

#include "broker/base/blob.h"
#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_stage.h"
#include "common/base/buf.h"
#include "common/base/own.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static void
s_write (world_t *self, const step_write_t *write)
{
    int rc = store_apply (self->store, write);
    assert (rc == 0);
    (void) rc;
}

static void
s_commit (world_t *self)
{
    int rc = store_commit (self->store);
    assert (rc == 0);
    (void) rc;
}

void
world_save (world_t *self)
{
    step_write_t write = {.kind = STEP_WRITE_INCIDENT};
    write.as.incident = self->incident;
    s_write (self, &write);
    s_commit (self);
}

void
world_attempt (world_t *self, int64_t number, row_attempt_state_t state, verdict_outcome_t outcome,
               const char *identity)
{
    step_write_t write = {.kind = STEP_WRITE_ATTEMPT};
    row_attempt_t *row = &write.as.attempt;
    row->incident = self->incident.id;
    row->number = number;
    row->state = state;
    row->outcome = outcome;
    row->exit_code = outcome == VERDICT_SUCCESS ? 0 : 7;
    row->assigned_ms = 1767225610000;
    row->started_ms = row->assigned_ms + 1000;
    row->ended_ms = state == ROW_ATTEMPT_ENDED ? row->assigned_ms + 61000 : 0;
    row->usage = usage_none ();
    snprintf (row->identity, sizeof row->identity, "%s", identity);
    snprintf (row->worker, sizeof row->worker, "w%d", (int) number);
    if (outcome != VERDICT_SUCCESS && state == ROW_ATTEMPT_ENDED)
        snprintf (row->reason, sizeof row->reason, "agent exited with non-zero code: 7");
    s_write (self, &write);
    s_commit (self);
}

static void
s_incident (world_t *self, const char *body, size_t size)
{
    static const uint8_t random [10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    row_incident_t *row = &self->incident;
    row->id = ident_make (1767225600000, random);
    row->number = 1;
    row->state = INCIDENT_INVESTIGATING;
    fault_read (body, size, "prod", &row->fault);
    snprintf (row->source, sizeof row->source, "local");
    snprintf (row->event_id, sizeof row->event_id, "event-1");
    row->created_ms = row->first_seen_ms = row->last_seen_ms = 1767225600000;
    row->started_ms = 1767225610000;
    row->occurrences = 1;
    row->exit_code = -1;
    step_write_t write = {.kind = STEP_WRITE_EVENT};
    row_event_t *event = &write.as.event;
    snprintf (event->source, sizeof event->source, "local");
    snprintf (event->event_id, sizeof event->event_id, "event-1");
    event->incident = row->id;
    event->received_ms = row->created_ms;
    event->body_bytes = (int64_t) size;
    event->body = body;
    if (size > LIMIT_EVENT_INLINE_BYTES) {
        char path [256];
        digest_hex (body, size, event->body_sha);
        blob_event_path (self->state_path, event->body_sha, path, sizeof path);
        char *slash = strrchr (path, '/');
        *slash = 0;
        int rc = blob_make_dir (path);
        assert (rc == 0);
        rc = blob_write (path, slash + 1, body, size, "save");
        assert (rc == 0);
        (void) rc;
        event->body = NULL;
    }
    step_write_t incident = {.kind = STEP_WRITE_INCIDENT};
    incident.as.incident = *row;
    s_write (self, &incident);
    s_write (self, &write);
    s_commit (self);
}

void
world_init (world_t *self, const char *body, size_t size)
{
    memset (self, 0, sizeof *self);
    snprintf (self->dir, sizeof self->dir, "/tmp/triage-world-XXXXXX");
    char *made = mkdtemp (self->dir);
    assert (made);
    (void) made;
    snprintf (self->root, sizeof self->root, "%s/incidents", self->dir);
    snprintf (self->state_path, sizeof self->state_path, "%s/broker.db", self->dir);
    snprintf (self->prompt_path, sizeof self->prompt_path, "%s/prompt.md", self->dir);
    snprintf (self->endpoint, sizeof self->endpoint, "ipc://%s/files", self->dir);
    int rc = blob_write (self->dir, "prompt.md", "Be careful.\n", 12, "save");
    assert (rc == 0);
    err_diag_t diag = {{0}};
    rc = store_open (self->state_path, &self->store, &diag);
    assert (rc == 0);
    (void) rc;
    self->settings.workspace_root = self->root;
    self->settings.state_path = self->state_path;
    self->settings.agent_system_prompt_file = self->prompt_path;
    self->settings.files_endpoint = self->endpoint;
    self->settings.slack_webhook_url = self->settings.external_url = "";
    self->settings.artifacts_url = "";
    self->settings.slack_bot_token = self->settings.slack_channel = "";
    self->settings.slack_api_url = "";
    s_incident (self, body, size);
}

void
world_seal (world_t *self, int64_t attempt, const char *const paths [2],
            const char *const texts [2])
{
    own (own_fd) int fd = artifact_dir_open (self->root, self->incident.id.text, true);
    assert (fd >= 0);
    artifact_manifest_t manifest = {.count = 2};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < manifest.count; i++) {
        verdict_file_t *file = &manifest.files [i];
        snprintf (file->path, sizeof file->path, "%s", paths [i]);
        file->size = (int64_t) strlen (texts [i]);
        digest_hex (texts [i], strlen (texts [i]), file->sha256);
        int64_t upto = 0;
        rc = artifact_stage_put (fd, attempt, file->path, file->size, 0, texts [i],
                                 strlen (texts [i]), &upto);
    }
    char reason [LIMIT_REASON_BYTES];
    rc = rc < 0 ? rc : artifact_stage_seal (fd, attempt, &manifest, reason);
    assert (rc == 0);
    (void) rc;
}

void
world_fini (world_t *self)
{
    store_destroy (&self->store);
    own (own_fd) int tmp = open ("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = artifact_dir_remove (tmp, self->dir + 5);
    assert (rc == 0);
    (void) rc;
}

const char *
world_path (const world_t *self, const char *path)
{
    static char full [512];
    snprintf (full, sizeof full, "%s/%s/%s", self->root, self->incident.id.text, path);
    return full;
}

char *
world_read (const world_t *self, const char *path)
{
    own (buf_fini) buf_t text = buf_init (LIMIT_MIB (32));
    return buf_read_file (&text, world_path (self, path)) < 0 ? NULL : buf_take (&text);
}
