//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/record.h"

#include "broker/disk/artifact_dir.h"
#include "broker/disk/artifact_sealed.h"
#include "broker/disk/artifact_stage.h"
#include "broker/disk/render.h"
#include "broker/page/page.h"
#include "common/base/durable.h"
#include "common/base/failpoint.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { S_PATH = LIMIT_PATH_BYTES + 64 };

const char record_result_path [] = "result.json";
const char record_page_path [] = "output/investigation.html";

static const char *const s_folders [] = {"output", "logs"};

void
record_fini (record_t *self)
{
    free (self->body);
    self->body = NULL;
    self->body_size = 0;
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
    return strcmp (path, "logs/prompt.md") == 0 || strcmp (path, record_page_path) == 0
           || verdict_file_find (manifest->files, manifest->count, path);
}

//  Does a file move up?  Only those of output/ and logs/ do.
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

//  Remove staged files that were never sealed, and files that a killed broker left half written.
static void
s_drop_leftovers (const record_t *self, int fd)
{
    static const char *const folders [] = {"", "output", "logs"};
    for (int i = 0; i < self->attempt_count; i++)
        artifact_stage_drop (fd, self->attempts [i].number);
    for (size_t i = 0; i < sizeof folders / sizeof folders [0]; i++) {
        own (own_fd) int dir_fd = folder_open (fd, folders [i], false);
        if (dir_fd >= 0)
            durable_sweep (dir_fd);
    }
}


//  --- the list of files

static void
s_list (record_files_t *files, const char *folder, const char *name)
{
    if (files->count == RECORD_FILES)
        return;
    char *path = files->paths [files->count];
    int size = snprintf (path, RECORD_PATH_BYTES, "%s%s%s", folder, *folder ? "/" : "", name);
    files->count += size < RECORD_PATH_BYTES;
}

static int
s_list_folder (int fd, const char *folder, record_files_t *files)
{
    const folder_rules_t rules = {.depth = 1};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    int rc = folder_walk_new (fd, folder, &rules, &walk);
    if (rc < 0) //  not a folder: it has no file of a record
        return rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP ? 0 : rc;
    while ((rc = folder_walk_next (walk, &entry)) > 0)
        if (S_ISREG (entry.st.st_mode))
            s_list (files, folder, entry.name);
    return rc;
}

static int
s_list_all (int fd, record_files_t *files)
{
    static const char *const names [] = {"event.json", "incident.json"};
    int rc = 0;
    files->count = 0;
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++)
        if (folder_look_file (fd, names [i], NULL) == 0)
            s_list (files, "", names [i]);
    for (size_t i = 0; rc == 0 && i < sizeof s_folders / sizeof s_folders [0]; i++)
        rc = s_list_folder (fd, s_folders [i], files);
    return rc;
}


//  --- the record

static int
s_write_texts (const record_t *self, int fd, const settings_t *settings)
{
    const row_incident_t *incident = &self->incident;
    const char *body = self->body ? self->body : "";
    own (own_mem) char *event = render_event (incident, body, self->body_size);
    own (own_mem) char *state = render_incident (
        incident, self->attempts, (size_t) self->attempt_count,
        settings_labels (settings, incident->fault.cluster), body, self->body_size);
    int rc = self->body ? s_write_text (fd, "event.json", event) : 0;
    return rc < 0 ? rc : s_write_text (fd, "incident.json", state);
}

//  Make the page.  Err: it cannot be made.
static int
s_make_page (const record_t *self, const settings_t *settings, const buf_t *report,
             const char *unread, buf_t *out)
{
    const row_incident_t *incident = &self->incident;
    const size_t count = (size_t) self->attempt_count;
    const bool reported = render_report (incident) > 0;
    const page_t document = {
        .card = {.incident = incident,
                 .attempts = self->attempts,
                 .count = count,
                 .deciding = render_deciding (incident, self->attempts, count),
                 .labels = settings_labels (settings, incident->fault.cluster),
                 .cause = reported ? self->report.root_cause : NULL,
                 .confidence = report_confidence_name (self->report.confidence),
                 .partial = reported && incident->winner == 0},
        .event = self->body,
        .event_size = self->body_size,
        .report = reported && !unread ? report->data : NULL,
        .report_size = unread ? 0 : report->size,
        .unread = reported ? unread : NULL};
    buf_reset (out);
    return page (out, &document);
}

//  Make the page under the guard of poison.  report: NULL = it cannot be read.
//  Err: it cannot be made, not even without the report.
static int
s_make_page_of (const record_t *self, const settings_t *settings, poison_t *poison,
                const buf_t *report, buf_t *out)
{
    static const char unreadable [] = "it could not be read";
    char name [IDENT_SIZE + 32];
    const char *id = self->incident.id.text;
    if (!report)
        return s_make_page (self, settings, NULL, unreadable, out);
    snprintf (name, sizeof name, "page %.*s/%" PRId64, IDENT_SIZE - 1, id,
              render_report (&self->incident));
    const bool unread = poison_begin (poison, name);
    int rc = ERR_LIMIT;
    if (unread)
        log_error ("a report that the broker died of is not shown", kv ("incident_id", id));
    else {
        rc = failpoint_before ("page", "make");
        rc = rc < 0 ? rc : s_make_page (self, settings, report, NULL, out);
        failpoint_after ("page", "make");
    }
    poison_end (poison);
    if (rc < 0 && !unread)
        log_warn ("page without the report", kv ("incident_id", id), kv ("reason", err_str (rc)));
    return rc < 0 ? s_make_page (self, settings, NULL, unreadable, out) : 0;
}

static int
s_write_page (record_t *self, int fd, const settings_t *settings, poison_t *poison)
{
    const row_incident_t *incident = &self->incident;
    const int64_t number = render_report (incident);
    own (buf_fini) buf_t report = buf_init (LIMIT_PAGE_REPORT_BYTES + 1); //  one more: it is longer
    own (buf_fini) buf_t out = buf_init (LIMIT_PAGE_BYTES);
    int rc = 0;
    if (number > 0)
        rc = artifact_sealed_report (fd, poison, incident->id.text, number, &self->report);
    if (rc < 0)
        return rc;
    if (number > 0)
        rc = artifact_sealed_text (fd, number, &report);
    if (rc < 0 && rc != -ENOENT && rc != -ENOMEM)
        return rc;
    if (s_make_page_of (self, settings, poison, rc < 0 ? NULL : &report, &out) == 0)
        return artifact_dir_write (fd, record_page_path, out.data, out.size, "save");
    char bare [PAGE_BARE_BYTES];
    page_bare (incident, bare);
    return s_write_text (fd, record_page_path, bare);
}

int
record_complete (record_t *self, int fd, const settings_t *settings, poison_t *poison,
                 record_files_t *ret_files)
{
    const row_incident_t *incident = &self->incident;
    const row_attempt_t *deciding =
        render_deciding (incident, self->attempts, (size_t) self->attempt_count);
    int rc = 0;
    if (deciding && (render_report (incident) > 0 || settings->upload_failed_investigations))
        rc = s_promote (fd, deciding->number);
    if (rc == ERR_NONE && render_report (incident) == 0)
        rc = 0; //  that attempt left nothing
    if (rc < 0)
        return rc;
    s_drop_leftovers (self, fd);
    rc = s_write_texts (self, fd, settings);
    rc = rc < 0 ? rc : s_write_page (self, fd, settings, poison);
    return rc < 0 ? rc : s_list_all (fd, ret_files);
}

int
record_result (const record_t *self, int fd, const render_links_t *links)
{
    const row_incident_t *incident = &self->incident;
    own (own_mem) char *result =
        render_result (incident, self->attempts, (size_t) self->attempt_count,
                       render_report (incident) > 0 ? &self->report : NULL, links);
    return s_write_text (fd, record_result_path, result);
}
