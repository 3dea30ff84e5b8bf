//  SPDX-License-Identifier: Apache-2.0
#include "broker/delivery/storage_fs.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_report.h"
#include "broker/disk/artifact_stage.h"
#include "broker/disk/render.h"
#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { S_PATH = LIMIT_PATH_BYTES + 64 };

static const char *const s_folders [] = {"output", "logs"};

typedef struct {
    row_incident_t incident;
    row_attempt_t attempts [LIMIT_ATTEMPTS];
    int attempt_count;
    char *body;
    size_t body_size;
} record_t;

static int
s_read (store_reader_t *reader, const char *incident, record_t *ret)
{
    int rc = store_reader_incident (reader, incident, &ret->incident);
    if (rc < 0)
        return rc;
    rc = store_reader_attempts (reader, incident, ret->attempts, LIMIT_ATTEMPTS);
    if (rc < 0)
        return rc;
    ret->attempt_count = rc;
    rc = store_reader_event_body (reader, incident, &ret->body, &ret->body_size);
    return rc == ERR_NONE ? 0 : rc; //  the event is older than what the store keeps
}

static void
s_record_fini (record_t *record)
{
    free (record->body);
    record->body = NULL;
}

static int
s_write_text (int fd, const char *name, const char *text)
{
    return text ? artifact_dir_write (fd, name, text, strlen (text), "save") : -ENOMEM;
}


//  --- the deciding attempt's files

static bool
s_keep (const void *ctx, const char *path)
{
    const artifact_manifest_t *manifest = ctx;
    return strcmp (path, "logs/prompt.md") == 0
           || verdict_file_find (manifest->files, manifest->count, path);
}

//  Only what belongs into output/ and logs/ moves up.
static bool
s_moves (const char *path)
{
    for (size_t i = 0; i < sizeof s_folders / sizeof s_folders [0]; i++) {
        size_t size = strlen (s_folders [i]);
        if (strncmp (path, s_folders [i], size) == 0 && path [size] == '/')
            return true;
    }
    return false;
}

static int
s_promote (int fd, int64_t attempt)
{
    artifact_manifest_t manifest;
    int rc = artifact_stage_manifest (fd, attempt, &manifest);
    for (size_t i = 0; rc == 0 && i < 2; i++) //  an earlier attempt may have left files
        rc = artifact_dir_prune (fd, s_folders [i], s_keep, &manifest);
    for (size_t i = 0; rc == 0 && i < manifest.count; i++) {
        char from [S_PATH];
        const char *path = manifest.files [i].path;
        snprintf (from, sizeof from, "attempts/%" PRId64 "/%.*s", attempt, LIMIT_PATH_BYTES, path);
        if (s_moves (path))
            rc = artifact_dir_promote (fd, from, path);
    }
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        rc = artifact_dir_sync (fd, s_folders [i], "promote");
        if (rc == -ENOENT)
            rc = 0;
    }
    return rc;
}

//  What was staged and never sealed is nobody's any more, nor is what killed brokers were writing.
static void
s_drop_leftovers (int fd, const record_t *record)
{
    static const char *const folders [] = {"", "output", "logs"};
    for (int i = 0; i < record->attempt_count; i++)
        artifact_stage_drop (fd, record->attempts [i].number);
    for (size_t i = 0; i < sizeof folders / sizeof folders [0]; i++) {
        own (own_fd) int dir_fd = folder_open (fd, folders [i], false);
        if (dir_fd >= 0)
            durable_sweep (dir_fd);
    }
}


//  --- saving

static int
s_save (int fd, poison_t *poison, const record_t *record, const settings_t *settings)
{
    const row_incident_t *incident = &record->incident;
    size_t count = (size_t) record->attempt_count;
    const row_attempt_t *deciding = render_deciding (incident, record->attempts, count);
    int rc = 0;
    if (deciding && (incident->winner > 0 || settings->upload_failed_investigations))
        rc = s_promote (fd, deciding->number);
    if (rc == ERR_NONE && incident->winner == 0)
        rc = 0; //  that attempt left nothing
    if (rc < 0)
        return rc;
    s_drop_leftovers (fd, record);
    const char *body = record->body ? record->body : "";
    own (own_mem) char *event = render_event (incident, body, record->body_size);
    own (own_mem) char *state = render_incident (
        incident, record->attempts, count, settings_labels (settings, incident->fault.cluster),
        body, record->body_size);
    report_t report;
    own (json_drop) json_t *usage = NULL;
    if (incident->winner > 0) {
        rc = artifact_report_read (fd, poison, incident->id.text, incident->winner, &report);
        usage = artifact_report_usage (fd, incident->winner);
    }
    if (rc < 0)
        return rc;
    own (own_mem) char *result = render_result (incident, record->attempts, count,
                                                incident->winner > 0 ? &report : NULL, usage);
    if (record->body)
        rc = s_write_text (fd, "event.json", event);
    if (rc == 0)
        rc = s_write_text (fd, "incident.json", state);
    return rc < 0 ? rc : s_write_text (fd, "result.json", result);
}

step_effect_result_t
storage_fs_save (store_reader_t *reader, poison_t *poison, const settings_t *settings,
                 const char *incident, char *ret_error)
{
    const char *root = settings->workspace_root;
    ret_error [0] = 0;
    own (s_record_fini) record_t record = {0};
    int rc = s_read (reader, incident, &record);
    const bool unknown = rc == ERR_NONE;
    if (rc == 0) {
        own (own_fd) int fd = artifact_dir_open (root, incident, true);
        rc = fd < 0 ? fd : s_save (fd, poison, &record, settings);
    }
    if (rc == 0) {
        char path [PATH_MAX], absolute [PATH_MAX];
        snprintf (path, sizeof path, "%s/%s", root, incident);
        log_info ("incident artifacts saved to storage", kv ("incident_id", incident),
                  kv ("path", path_absolute (path, absolute)));
        return STEP_EFFECT_OK;
    }
    snprintf (ret_error, LIMIT_REASON_BYTES, "%s", err_str (rc));
    log_error ("failed to save incident to storage", kv ("incident_id", incident),
               kv ("reason", ret_error));
    return unknown ? STEP_EFFECT_PERMANENT : STEP_EFFECT_RETRY;
}
