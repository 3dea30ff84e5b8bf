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

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPOOL_VERDICT_BYTES = LIMIT_KIB (64) };

static json_t *
s_to_json (const spool_verdict_t *verdict)
{
    json_t *files = json_array ();
    for (size_t i = 0; i < verdict->file_count; i++)
        json_array_append_new (files, json_pack ("{s:s, s:I, s:s}", "path", verdict->files [i].path,
                                                 "size", (json_int_t) verdict->files [i].size,
                                                 "sha256", verdict->files [i].sha256));
    return json_pack ("{s:s, s:I, s:s, s:s, s:i, s:s, s:I, s:I, s:I, s:o, s:o}", "incident",
                      verdict->incident.text, "attempt", (json_int_t) verdict->attempt, "outcome",
                      verdict_outcome_name (verdict->outcome), "class",
                      run_class_name (verdict->class), "exit_code", verdict->exit_code, "reason",
                      verdict->reason, "started_ms", (json_int_t) verdict->started_ms,
                      "completed_ms", (json_int_t) verdict->completed_ms, "retry_ms",
                      (json_int_t) verdict->retry_ms, "usage", usage_json (&verdict->usage),
                      "files", files);
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
        || verdict_file_find (verdict->files, verdict->file_count, path) || size < 0
        || size > verdict_path_limit (path) || !digest_valid (sha256))
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
    const char *class = json_member_text (doc, "class", "");
    verdict->class = run_class_of_verdict (class, strlen (class), verdict->outcome);
    const int64_t retry_ms = json_member_int (doc, "retry_ms", 0);
    verdict->retry_ms = retry_ms > 0 ? retry_ms : 0;
    usage_read (json_object_get (doc, "usage"), &verdict->usage);
    const json_t *files = json_object_get (doc, "files");
    int rc = 0;
    for (size_t i = 0; i < json_array_size (files) && rc == 0; i++)
        rc = s_from_json_file (json_array_get (files, i), verdict);
    int64_t total = 0;
    for (size_t i = 0; i < verdict->file_count; i++)
        total += verdict->files [i].size;
    return rc == 0 && total > LIMIT_INCIDENT_BYTES ? ERR_PROTO : rc;
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
