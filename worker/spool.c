//  spool - collect, sync, rename; symlinks are never followed, the agent owns the workspace.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/spool.h"

#include "common/base/buf.h"
#include "common/base/durable.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SPOOL_READ_BYTES = LIMIT_KIB (64), SPOOL_VERDICT_BYTES = LIMIT_KIB (64) };

static void
s_close (DIR **dir_p)
{
    if (*dir_p)
        closedir (*dir_p);
    *dir_p = NULL;
}

//  Open "part/name" (or "name") below dir_fd without following a link at any step.
static int
s_open (int dir_fd, const char *path, int flags)
{
    const char *slash = strchr (path, '/');
    if (!slash) {
        int fd = openat (dir_fd, path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        return fd < 0 ? -errno : fd;
    }
    char part [LIMIT_PATH_BYTES];
    snprintf (part, sizeof part, "%.*s", (int) (slash - path), path);
    own (own_fd) int fd = openat (dir_fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : s_open (fd, slash + 1, flags);
}

static int
s_open_dir (const char *dir)
{
    int fd = open (dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

//  lstat first: opening a device or a FIFO of the agent's could have effects.
static int64_t
s_regular_size (int dir_fd, const char *path)
{
    own (own_fd) int fd = s_open (dir_fd, path, O_PATH);
    struct stat status;
    if (fd < 0 || fstat (fd, &status) != 0 || !S_ISREG (status.st_mode))
        return -1;
    return status.st_size;
}

int64_t
spool_report_size (const char *dir)
{
    own (own_fd) int fd = s_open_dir (dir);
    return fd < 0 ? -1 : s_regular_size (fd, "output/investigation.md");
}

static int
s_digest (int fd, spool_file_t *file)
{
    own (digest_destroy) digest_t *digest = digest_new ();
    if (!digest)
        return -ENOMEM;
    char bytes [SPOOL_READ_BYTES];
    int64_t size = 0;
    while (true) {
        ssize_t got = read (fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        digest_add (digest, bytes, (size_t) got);
        size += got;
    }
    file->size = size;
    digest_finish_hex (digest, file->sha256);
    return 0;
}

static int64_t
s_file_max (const char *path)
{
    return strncmp (path, "logs/", 5) == 0 ? LIMIT_LOG_HEAD_BYTES + LIMIT_LOG_TAIL_BYTES
                                           : LIMIT_REPORT_BYTES;
}

static int64_t
s_total (const spool_report_t *report)
{
    int64_t total = 0;
    for (size_t i = 0; i < report->file_count; i++)
        total += report->files [i].size;
    return total;
}

static int
s_add (int dir_fd, const char *path, spool_report_t *report)
{
    if (!verdict_path_allowed (path, strlen (path)) || strlen (path) >= LIMIT_PATH_BYTES)
        return 0;
    for (size_t i = 0; i < report->file_count; i++)
        if (strcmp (report->files [i].path, path) == 0)
            return 0;
    int64_t size = s_regular_size (dir_fd, path);
    if (size < 0)
        return 0;
    if (size > s_file_max (path) || s_total (report) + size > LIMIT_INCIDENT_BYTES
        || report->file_count == LIMIT_ATTEMPT_FILES) {
        log_warn ("file left out", kv ("incident_id", report->incident.text), kv ("path", path),
                  kv ("bytes", size));
        return 0;
    }
    own (own_fd) int fd = s_open (dir_fd, path, O_RDONLY);
    if (fd < 0)
        return fd;
    spool_file_t *file = &report->files [report->file_count];
    snprintf (file->path, sizeof file->path, "%s", path);
    int rc = s_digest (fd, file);
    if (rc == 0)
        rc = durable_sync (fd, "collect");
    if (rc == 0)
        report->file_count++;
    return rc;
}

static int
s_add_logs (int dir_fd, spool_report_t *report)
{
    int fd = s_open (dir_fd, "logs", O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return 0; //  the agent removed it: nothing to collect
    own (s_close) DIR *dir = fdopendir (fd);
    if (!dir)
        return -errno;
    int rc = durable_folder (fd, "collect");
    struct dirent *entry = readdir (dir);
    for (int seen = 0; entry && rc == 0 && seen < LIMIT_ATTEMPT_FILES * 4; seen++) {
        char path [LIMIT_PATH_BYTES + 256];
        snprintf (path, sizeof path, "logs/%s", entry->d_name);
        rc = s_add (dir_fd, path, report);
        entry = readdir (dir);
    }
    return rc;
}

int
spool_collect (const char *dir, spool_report_t *report)
{
    static const char *const first [] = {
        "output/investigation.md", "output/agent-result.json", "run.json",
        "logs/prompt.md",          "logs/agent.stdout.log",    "logs/agent.stderr.log"};
    report->file_count = 0;
    own (own_fd) int fd = s_open_dir (dir);
    if (fd < 0)
        return fd;
    int rc = 0;
    for (size_t i = 0; i < sizeof first / sizeof first [0] && rc == 0; i++)
        rc = s_add (fd, first [i], report);
    if (rc == 0)
        rc = s_add_logs (fd, report);
    own (own_fd) int output_fd = s_open (fd, "output", O_RDONLY | O_DIRECTORY);
    if (rc == 0 && output_fd >= 0)
        rc = durable_folder (output_fd, "collect");
    return rc;
}

static json_t *
s_to_json (const spool_report_t *report)
{
    json_t *files = json_array ();
    for (size_t i = 0; i < report->file_count; i++)
        json_array_append_new (files, json_pack ("{s:s, s:I, s:s}", "path", report->files [i].path,
                                                 "size", (json_int_t) report->files [i].size,
                                                 "sha256", report->files [i].sha256));
    return json_pack ("{s:s, s:I, s:s, s:i, s:s, s:I, s:I, s:o}", "incident", report->incident.text,
                      "attempt", (json_int_t) report->attempt, "outcome",
                      verdict_outcome_name (report->outcome), "exit_code", report->exit_code,
                      "reason", report->reason, "started_ms", (json_int_t) report->started_ms,
                      "completed_ms", (json_int_t) report->completed_ms, "files", files);
}

static int
s_sync_parent (const char *path)
{
    char parent [PATH_MAX];
    const char *slash = strrchr (path, '/');
    if (!slash || slash - path >= PATH_MAX)
        return -EINVAL;
    snprintf (parent, sizeof parent, "%.*s", (int) (slash - path), path);
    own (own_fd) int fd = s_open_dir (parent);
    return fd < 0 ? fd : durable_folder (fd, "spool");
}

int
spool_keep (const char *dir, const char *spool_dir, const spool_report_t *report)
{
    own (json_drop) json_t *doc = s_to_json (report);
    own (own_mem) char *text = doc ? json_text (doc) : NULL;
    if (!text)
        return -ENOMEM;
    own (own_fd) int fd = s_open_dir (dir);
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
s_from_json_file (const json_t *item, spool_report_t *report)
{
    const char *path = json_member_text (item, "path", "");
    const char *sha256 = json_member_text (item, "sha256", "");
    if (report->file_count == LIMIT_ATTEMPT_FILES || strlen (path) >= LIMIT_PATH_BYTES
        || !verdict_path_allowed (path, strlen (path)) || strlen (sha256) != DIGEST_HEX - 1)
        return ERR_PROTO;
    spool_file_t *file = &report->files [report->file_count++];
    snprintf (file->path, sizeof file->path, "%s", path);
    snprintf (file->sha256, sizeof file->sha256, "%s", sha256);
    file->size = json_member_int (item, "size", 0);
    return 0;
}

static int
s_from_json (const json_t *doc, spool_report_t *report)
{
    const char *incident = json_member_text (doc, "incident", "");
    const char *outcome = json_member_text (doc, "outcome", "");
    if (!ident_valid (incident)
        || !verdict_outcome_parse (outcome, strlen (outcome), &report->outcome))
        return ERR_PROTO;
    snprintf (report->incident.text, sizeof report->incident.text, "%s", incident);
    snprintf (report->reason, sizeof report->reason, "%s", json_member_text (doc, "reason", ""));
    report->attempt = json_member_int (doc, "attempt", 0);
    report->exit_code = (int) json_member_int (doc, "exit_code", -1);
    report->started_ms = json_member_int (doc, "started_ms", 0);
    report->completed_ms = json_member_int (doc, "completed_ms", 0);
    const json_t *files = json_object_get (doc, "files");
    int rc = report->attempt > 0 ? 0 : ERR_PROTO;
    for (size_t i = 0; i < json_array_size (files) && rc == 0; i++)
        rc = s_from_json_file (json_array_get (files, i), report);
    return rc;
}

int
spool_load (const char *spool_dir, spool_report_t *ret_report)
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
    spool_report_t report = {0};
    rc = s_from_json (doc, &report);
    if (rc == 0)
        *ret_report = report;
    return rc;
}
