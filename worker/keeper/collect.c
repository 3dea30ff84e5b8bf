//  The agent owns the workspace, so no symbolic link in it is ever followed.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/keeper/collect.h"

#include "common/base/digest.h"
#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "runner/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

//  Open a regular file for reading.  Err: ERR_NONE: there is no regular file of that name; -errno.
static int
s_open_regular (int dir_fd, const char *path, int64_t *ret_size)
{
    int fd = folder_open_file (dir_fd, path, O_RDONLY, ret_size);
    const bool none =
        fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP || fd == -EISDIR || fd == -ENXIO;
    return none ? ERR_NONE : fd;
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

//  The state of one collect_files.
typedef struct {
    int dir_fd;
    const redact_t *secrets;
    const buf_t *prompt; //  NULL = not known
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

//  --- a long transcript

static const char s_transcript_path [] = "logs/transcript.jsonl";

//  Read size bytes at `at` into text.
static int
s_read_part (int fd, int64_t at, int64_t size, buf_t *text)
{
    own (own_mem) char *bytes = malloc ((size_t) size + 1);
    if (!bytes)
        return -ENOMEM;
    const ssize_t got = pread (fd, bytes, (size_t) size, at);
    if (got < 0)
        return -errno;
    return got == size ? buf_append (text, bytes, (size_t) size) : ERR_STALE;
}

//  Put its first and its last whole lines together, with a line between that says what is missing.
static int
s_join (int fd, int64_t size, buf_t *text)
{
    enum { HEAD = LIMIT_TRANSCRIPT_BYTES / 4, MARK = 128 };
    const int64_t tail_bytes = LIMIT_TRANSCRIPT_BYTES - HEAD - MARK;
    own (buf_fini) buf_t head = buf_init (HEAD);
    own (buf_fini) buf_t tail = buf_init ((size_t) tail_bytes);
    int rc = s_read_part (fd, 0, HEAD, &head);
    if (rc == 0)
        rc = s_read_part (fd, size - tail_bytes, tail_bytes, &tail);
    if (rc < 0)
        return rc;
    const char *head_end = memrchr (head.data, '\n', head.size);
    const char *tail_at = memchr (tail.data, '\n', tail.size);
    const size_t head_size = head_end ? (size_t) (head_end - head.data) + 1 : 0;
    const size_t tail_size = tail_at ? (size_t) (tail.data + tail.size - tail_at) - 1 : 0;
    const int64_t cut = size - (int64_t) (head_size + tail_size);
    (void) buf_append (text, head.data, head_size);
    (void) buf_printf (text, "{\"text\": \"[... %" PRId64 " bytes cut ...]\"}\n", cut);
    return buf_append (text, tail.data + tail.size - tail_size, tail_size);
}

//  Shorten a transcript that is too long.  No driver of ours writes one, but an agent may.
static int
s_shorten (int dir_fd)
{
    int64_t size = 0;
    own (own_fd) int fd = s_open_regular (dir_fd, s_transcript_path, &size);
    if (fd < 0 || size <= LIMIT_TRANSCRIPT_BYTES)
        return fd < 0 ? fd : 0;
    own (buf_fini) buf_t text = buf_init (LIMIT_TRANSCRIPT_BYTES);
    const int rc = s_join (fd, size, &text);
    return rc < 0 ? rc : s_replace (dir_fd, s_transcript_path, text.data, text.size);
}

//  --- the prompt

static const char s_prompt_path [] = "logs/prompt.md";

//  Put the prompt where the agent may have left anything.  It is not synced.
//  Err: ERR_NONE: it is not known; ERR_LIMIT: folders are in its place, too deep; -errno.
static int
s_put_prompt (const collect_t *self)
{
    enum { DEPTH = 8 };
    if (!self->prompt || self->prompt->size == 0)
        return ERR_NONE;
    const char *name = NULL;
    own (own_fd) int dir_fd = folder_open_parent (self->dir_fd, s_prompt_path, true, &name);
    const int rc = dir_fd < 0 ? dir_fd : folder_remove (dir_fd, name, DEPTH);
    if (rc < 0)
        return rc;
    return durable_put (dir_fd, name, self->prompt->data, self->prompt->size, "prompt");
}

//  --- what is collected

//  Make a file ready to be read.
static int
s_prepare (const collect_t *self, const char *path)
{
    if (strcmp (path, s_transcript_path) == 0)
        return s_shorten (self->dir_fd);
    return strcmp (path, s_prompt_path) == 0 ? s_put_prompt (self) : 0;
}

//  Add a file to the list if it may be uploaded.  Err: why an existing file was left out.
static int
s_add (collect_t *self, const char *path)
{
    if (!verdict_path_allowed (path, strlen (path))
        || verdict_file_find (self->verdict->files, self->verdict->file_count, path))
        return 0;
    int rc = s_prepare (self, path);
    if (rc == 0)
        rc = s_read_in (self, path);
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
collect_files (const char *dir, const redact_t *secrets, const buf_t *prompt,
               spool_verdict_t *verdict, int *ret_unsynced)
{
    static const char *const more [] = {"output/agent-result.json",
                                        "run.json",
                                        s_prompt_path,
                                        s_transcript_path,
                                        "logs/agent.stdout.log",
                                        "logs/agent.stderr.log"};
    verdict->file_count = 0;
    *ret_unsynced = 0;
    own (own_fd) int fd = folder_open_path (dir);
    if (fd < 0)
        return fd;
    collect_t collect = {.dir_fd = fd, .secrets = secrets, .prompt = prompt, .verdict = verdict};
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

int
collect_read (int dir_fd, const char *path, buf_t *text)
{
    int64_t size = 0;
    own (own_fd) int fd = s_open_regular (dir_fd, path, &size);
    if (fd < 0)
        return fd;
    if (size > (int64_t) (text->max - text->size))
        return ERR_LIMIT;
    own (own_mem) char *bytes = malloc ((size_t) size + 1);
    int rc = bytes ? s_read (fd, size, bytes) : -ENOMEM;
    return rc < 0 ? rc : buf_append (text, bytes, (size_t) size);
}
