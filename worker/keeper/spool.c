//  The agent owns the workspace, so no symbolic link in it is ever followed.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/keeper/spool.h"

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/digest.h"
#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "runner/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPOOL_VERDICT_BYTES = LIMIT_KIB (64) };

//  Open a regular file for reading.  Err: ERR_NONE: there is no regular file of that name; -errno.
static int
s_open_regular (int dir_fd, const char *path, int64_t *ret_size)
{
    int fd = folder_open_file (dir_fd, path, O_RDONLY, ret_size);
    const bool none =
        fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EISDIR || fd == -ENXIO;
    return none ? ERR_NONE : fd;
}

int64_t
spool_report_size (const char *dir)
{
    int64_t size = 0;
    own (own_fd) int fd = folder_open_path (dir);
    return fd >= 0 && folder_look_file (fd, "output/investigation.md", &size) == 0 ? size : -1;
}

//  Read the first size bytes; the file may still be growing under another name.
//  Err: ERR_STALE: it shrank; -errno.
static int
s_read (int fd, int64_t size, char *ret_bytes)
{
    int64_t done = 0;
    while (done < size) {
        ssize_t got = read (fd, ret_bytes + done, (size_t) (size - done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : ERR_STALE;
        done += got;
    }
    return 0;
}

static int64_t
s_total (const spool_verdict_t *verdict)
{
    int64_t total = 0;
    for (size_t i = 0; i < verdict->file_count; i++)
        total += verdict->files [i].size;
    return total;
}

static bool
s_listed (const spool_verdict_t *verdict, const char *path)
{
    return verdict_file_find (verdict->files, verdict->file_count, path) != NULL;
}

//  The state of one spool_collect.
typedef struct {
    int dir_fd;
    const redact_t *secrets;
    spool_verdict_t *verdict;
    int unsynced; //  0, or the first error of a sync
} collect_t;

static void
s_note (collect_t *self, int rc)
{
    if (self->unsynced == 0)
        self->unsynced = rc;
}

//  Replace a file that holds a secret with a new one; the old one may have further names.
static int
s_replace (int base_fd, const char *path, const char *bytes, size_t size)
{
    const char *name = NULL;
    own (own_fd) int dir_fd = folder_open_parent (base_fd, path, false, &name);
    return dir_fd < 0 ? dir_fd : durable_write (dir_fd, name, bytes, size, "redact");
}

//  Redact a file.  A log may be cut in its middle, so each side of the cut may hold a part of a
//  secret.
static int
s_redact (const redact_t *secrets, char *bytes, size_t size)
{
    if (size <= LIMIT_LOG_HEAD_BYTES)
        return redact (secrets, bytes, size, false);
    size_t tail = LIMIT_LOG_HEAD_BYTES + capture_mark_size (bytes, size);
    if (tail == LIMIT_LOG_HEAD_BYTES)
        return redact (secrets, bytes, size, false);
    int head_found = redact (secrets, bytes, LIMIT_LOG_HEAD_BYTES, false);
    int tail_found = head_found < 0 ? 0 : redact (secrets, bytes + tail, size - tail, true);
    return head_found < 0 ? head_found : tail_found < 0 ? tail_found : head_found + tail_found;
}

static int
s_read_in (collect_t *self, const char *path)
{
    spool_verdict_t *verdict = self->verdict;
    int64_t size = 0;
    own (own_fd) int fd = s_open_regular (self->dir_fd, path, &size);
    if (fd < 0)
        return fd;
    if (size > verdict_path_limit (path) || s_total (verdict) + size > LIMIT_INCIDENT_BYTES
        || verdict->file_count == LIMIT_ATTEMPT_FILES)
        return ERR_LIMIT;
    own (own_mem) char *bytes = malloc ((size_t) size + 1);
    int rc = bytes ? s_read (fd, size, bytes) : -ENOMEM;
    if (rc < 0)
        return rc;
    rc = s_redact (self->secrets, bytes, (size_t) size);
    if (rc > 0) {
        log_warn ("secrets removed from a file of the agent",
                  kv ("incident_id", verdict->incident.text), kv ("path", path), kv ("count", rc));
        rc = s_replace (self->dir_fd, path, bytes, (size_t) size);
    }
    else if (rc == 0)
        s_note (self, durable_sync (fd, "collect"));
    if (rc < 0)
        return rc;
    verdict_file_t *file = &verdict->files [verdict->file_count++];
    snprintf (file->path, sizeof file->path, "%s", path);
    file->size = size;
    digest_hex (bytes, (size_t) size, file->sha256);
    return 0;
}

//  Add a file to the list if it may be uploaded.  Err: why an existing file was left out.
static int
s_add (collect_t *self, const char *path)
{
    if (!verdict_path_allowed (path, strlen (path)) || s_listed (self->verdict, path))
        return 0;
    int rc = s_read_in (self, path);
    if (rc < 0 && rc != ERR_NONE)
        log_warn ("file left out", kv ("incident_id", self->verdict->incident.text),
                  kv ("path", path), kv ("error", err_str (rc)));
    return rc == ERR_NONE ? 0 : rc;
}

static void
s_add_logs (collect_t *self)
{
    const folder_rules_t rules = {.depth = 1, .entries = LIMIT_ATTEMPT_FILES * 4};
    own (own_fd) int fd = folder_open (self->dir_fd, "logs", false);
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    if (fd < 0 || folder_walk_new (fd, "", &rules, &walk) < 0)
        return; //  the agent removed it: nothing to collect
    s_note (self, durable_folder (fd, "collect"));
    folder_entry_t entry;
    while (folder_walk_next (walk, &entry) > 0) {
        char path [LIMIT_PATH_BYTES + NAME_MAX];
        snprintf (path, sizeof path, "logs/%s", entry.name);
        (void) s_add (self, path);
    }
}

int
spool_collect (const char *dir, const redact_t *secrets, spool_verdict_t *verdict,
               int *ret_unsynced)
{
    static const char *const more [] = {"output/agent-result.json", "run.json", "logs/prompt.md",
                                        "logs/agent.stdout.log", "logs/agent.stderr.log"};
    verdict->file_count = 0;
    *ret_unsynced = 0;
    own (own_fd) int fd = folder_open_path (dir);
    if (fd < 0)
        return fd;
    collect_t collect = {.dir_fd = fd, .secrets = secrets, .verdict = verdict};
    int rc = s_add (&collect, "output/investigation.md");
    for (size_t i = 0; i < sizeof more / sizeof more [0]; i++)
        (void) s_add (&collect, more [i]);
    s_add_logs (&collect);
    own (own_fd) int output_fd = folder_open (fd, "output", false);
    if (output_fd >= 0)
        s_note (&collect, durable_folder (output_fd, "collect"));
    *ret_unsynced = collect.unsynced;
    return rc;
}

//  Read a collected file again; it is redacted by now.
static int
s_read_again (int dir_fd, const char *path, buf_t *text)
{
    int64_t size = 0;
    own (own_fd) int fd = s_open_regular (dir_fd, path, &size);
    if (fd < 0)
        return fd;
    if (size > (int64_t) text->max)
        return ERR_LIMIT;
    own (own_mem) char *bytes = malloc ((size_t) size + 1);
    int rc = bytes ? s_read (fd, size, bytes) : -ENOMEM;
    return rc < 0 ? rc : buf_append (text, bytes, (size_t) size);
}

static const char s_report_path [] = "output/investigation.md";
static const char s_result_path [] = "output/agent-result.json";
static const char s_error_path [] = "logs/agent.stderr.log";

//  Read a collected file; text is empty when it is missing or too large.
static void
s_read_said (int dir_fd, const spool_verdict_t *verdict, const char *path, buf_t *text)
{
    *text = buf_init ((size_t) verdict_path_limit (path));
    if (s_listed (verdict, path) && s_read_again (dir_fd, path, text) < 0)
        buf_reset (text);
}

//  Extend the reason of a failed run, a bare exit code, with what the agent's files say.
static void
s_explain (const char *dir, spool_verdict_t *verdict)
{
    own (own_fd) int fd = folder_open_path (dir);
    if (fd < 0)
        return;
    own (buf_fini) buf_t result, error;
    s_read_said (fd, verdict, s_result_path, &result);
    s_read_said (fd, verdict, s_error_path, &error);
    const verdict_said_t said = {.result = result.data,
                                 .result_bytes = result.size,
                                 .error = error.data,
                                 .error_bytes = error.size};
    verdict_explain (&said, verdict->reason);
}

int
spool_judge (const char *dir, spool_verdict_t *verdict)
{
    if (verdict->outcome != VERDICT_SUCCESS && verdict_kind (verdict->reason) == VERDICT_EXIT_CODE)
        s_explain (dir, verdict);
    if (verdict->outcome != VERDICT_SUCCESS || !s_listed (verdict, s_report_path))
        return 0;
    own (buf_fini) buf_t text = buf_init ((size_t) verdict_path_limit (s_report_path));
    own (buf_fini) buf_t result = buf_init ((size_t) verdict_path_limit (s_result_path));
    own (own_fd) int fd = folder_open_path (dir);
    int rc = fd < 0 ? fd : s_read_again (fd, s_report_path, &text);
    if (rc < 0)
        return rc;
    bool listed = s_listed (verdict, s_result_path);
    int unread = listed ? s_read_again (fd, s_result_path, &result) : 0;
    int ignored = 0;
    verdict_files_t files = {.report = text.data,
                             .report_bytes = text.size,
                             .result = listed && unread == 0 ? result.data : NULL,
                             .result_bytes = result.size};
    verdict->outcome = verdict_judge_files (&files, verdict->reason, &ignored);
    if (unread || ignored)
        log_warn ("agent result ignored", kv ("incident_id", verdict->incident.text),
                  kv ("path", s_result_path), kv ("error", err_str (unread ? unread : ignored)));
    return 0;
}

static json_t *
s_to_json (const spool_verdict_t *verdict)
{
    json_t *files = json_array ();
    for (size_t i = 0; i < verdict->file_count; i++)
        json_array_append_new (files, json_pack ("{s:s, s:I, s:s}", "path", verdict->files [i].path,
                                                 "size", (json_int_t) verdict->files [i].size,
                                                 "sha256", verdict->files [i].sha256));
    return json_pack ("{s:s, s:I, s:s, s:i, s:s, s:I, s:I, s:o}", "incident",
                      verdict->incident.text, "attempt", (json_int_t) verdict->attempt, "outcome",
                      verdict_outcome_name (verdict->outcome), "exit_code", verdict->exit_code,
                      "reason", verdict->reason, "started_ms", (json_int_t) verdict->started_ms,
                      "completed_ms", (json_int_t) verdict->completed_ms, "files", files);
}

static int
s_sync_parent (const char *path)
{
    char parent [PATH_MAX];
    const char *slash = strrchr (path, '/');
    if (!slash || slash - path >= PATH_MAX)
        return -EINVAL;
    snprintf (parent, sizeof parent, "%.*s", (int) (slash - path), path);
    own (own_fd) int fd = folder_open_path (parent);
    return fd < 0 ? fd : durable_folder (fd, "spool");
}

int
spool_keep (const char *dir, const char *spool_dir, const spool_verdict_t *verdict)
{
    own (json_drop) json_t *doc = s_to_json (verdict);
    own (own_mem) char *text = doc ? json_text (doc) : NULL;
    if (!text)
        return -ENOMEM;
    own (own_fd) int fd = folder_open_path (dir);
    if (fd < 0)
        return fd;
    int rc = durable_write (fd, "verdict.json", text, strlen (text), "verdict");
    if (rc == 0)
        rc = durable_rename (AT_FDCWD, dir, AT_FDCWD, spool_dir, "spool");
    if (rc < 0)
        return rc;
    if (s_sync_parent (spool_dir) < 0 || s_sync_parent (dir) < 0)
        log_warn ("spool folder not synced", kv ("path", spool_dir));
    return 0;
}

static int
s_from_json_file (const json_t *item, spool_verdict_t *verdict)
{
    const char *path = json_member_text (item, "path", "");
    const char *sha256 = json_member_text (item, "sha256", "");
    int64_t size = json_member_int (item, "size", -1);
    if (verdict->file_count == LIMIT_ATTEMPT_FILES || !verdict_path_allowed (path, strlen (path))
        || s_listed (verdict, path) || size < 0 || size > verdict_path_limit (path)
        || !digest_valid (sha256))
        return ERR_PROTO;
    verdict_file_t *file = &verdict->files [verdict->file_count++];
    snprintf (file->path, sizeof file->path, "%s", path);
    snprintf (file->sha256, sizeof file->sha256, "%s", sha256);
    file->size = size;
    return 0;
}

static int
s_from_json (const json_t *doc, spool_verdict_t *verdict)
{
    const char *incident = json_member_text (doc, "incident", "");
    const char *outcome = json_member_text (doc, "outcome", "");
    int64_t attempt = json_member_int (doc, "attempt", 0);
    int64_t exit_code = json_member_int (doc, "exit_code", -2);
    if (!ident_valid (incident) || attempt < 1 || attempt > INT32_MAX || exit_code < -1
        || exit_code > UINT8_MAX
        || !verdict_outcome_parse (outcome, strlen (outcome), &verdict->outcome)
        || verdict->outcome >= VERDICT_LOST
        || !clk_wall_valid (json_member_int (doc, "started_ms", 0))
        || !clk_wall_valid (json_member_int (doc, "completed_ms", 0)))
        return ERR_PROTO;
    snprintf (verdict->incident.text, sizeof verdict->incident.text, "%s", incident);
    const char *reason = json_member_text (doc, "reason", "");
    size_t kept = utf8_cut (reason, strlen (reason), sizeof verdict->reason - 1);
    snprintf (verdict->reason, sizeof verdict->reason, "%.*s", (int) kept, reason);
    verdict->attempt = attempt;
    verdict->exit_code = (int) exit_code;
    verdict->started_ms = json_member_int (doc, "started_ms", 0);
    verdict->completed_ms = json_member_int (doc, "completed_ms", 0);
    const json_t *files = json_object_get (doc, "files");
    int rc = 0;
    for (size_t i = 0; i < json_array_size (files) && rc == 0; i++)
        rc = s_from_json_file (json_array_get (files, i), verdict);
    return rc == 0 && s_total (verdict) > LIMIT_INCIDENT_BYTES ? ERR_PROTO : rc;
}

int
spool_load (const char *spool_dir, spool_verdict_t *ret_verdict)
{
    char path [PATH_MAX];
    if (snprintf (path, sizeof path, "%s/verdict.json", spool_dir) >= (int) sizeof path)
        return -ENAMETOOLONG;
    own (buf_fini) buf_t text = buf_init (SPOOL_VERDICT_BYTES);
    int rc = buf_read_file (&text, path);
    if (rc < 0)
        return rc;
    own (json_drop) json_t *doc = NULL;
    rc = json_parse (text.data, text.size, &doc, NULL);
    if (rc < 0)
        return rc;
    spool_verdict_t verdict = {0};
    rc = s_from_json (doc, &verdict);
    if (rc == 0)
        *ret_verdict = verdict;
    return rc;
}
