//  The agent owns the workspace, so no symbolic link in it is ever followed.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/resume.h"

#include "common/base/buf.h"
#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "runner/run_result.h"
#include "worker/keeper/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { RESUME_DEPTH = 8 }; //  folders that an agent has put where a file belongs

static const char s_report [] = "output/investigation.md";
static const char s_copy [] = ".first-report.md";

bool
resume_due (const char *dir, int64_t timeout_ms)
{
    const int64_t size = findings_report_size (dir);
    return timeout_ms / RESUME_SHARE >= RESUME_REST_MS && size >= VERDICT_REPORT_MIN_BYTES
           && size <= RESUME_LOOK_BYTES;
}

static run_class_t
s_class (const char *dir, const facts_t *facts)
{
    spool_verdict_t verdict = {.usage = usage_none ()};
    const int rc = findings_judge (dir, facts, RESUME_LOOK_BYTES, &verdict);
    return rc < 0 ? RUN_CLASS_NONE : verdict.class;
}

//  May logs be written in this workspace?  An agent can have put something else in their place.
static bool
s_has_logs (const char *dir)
{
    own (own_fd) int dir_fd = folder_open_path (dir);
    own (own_fd) int fd = dir_fd < 0 ? dir_fd : folder_open (dir_fd, "logs", false);
    return fd >= 0 && faccessat (fd, ".", W_OK | X_OK, AT_EACCESS) == 0;
}

bool
resume_wanted (const char *dir, const facts_t *facts)
{
    return !*facts->run.limit && facts->observed.class != RUN_CLASS_LIMIT
           && s_class (dir, facts) == RUN_CLASS_PARTIAL && s_has_logs (dir);
}

//  Write a file under a name of its own.  Its content is only needed while this process lives, so
//  nothing is synced.
static int
s_write (int dir_fd, const char *path, const buf_t *text)
{
    int rc = folder_remove (dir_fd, path, RESUME_DEPTH);
    own (own_fd) int fd =
        rc < 0 ? rc : folder_open_file (dir_fd, path, O_WRONLY | O_CREAT | O_EXCL, NULL);
    return fd < 0 ? fd : durable_fill (fd, text->data, text->size);
}

static int
s_duplicate (int dir_fd, const char *from, const char *path)
{
    own (buf_fini) buf_t text = buf_init (RESUME_LOOK_BYTES);
    const int rc = collect_read (dir_fd, from, &text);
    return rc < 0 ? rc : s_write (dir_fd, path, &text);
}

static void
s_keep_logs (int dir_fd)
{
    static const char *const names [][2] = {{"agent.stdout.log", "agent-first.stdout.log"},
                                            {"agent.stderr.log", "agent-first.stderr.log"}};
    own (own_fd) int fd = folder_open (dir_fd, "logs", false);
    for (size_t i = 0; fd >= 0 && i < sizeof names / sizeof names [0]; i++) {
        const int rc = durable_rename (fd, names [i][0], fd, names [i][1], "resume");
        if (rc < 0)
            log_warn ("log of the first run not kept", kv ("path", names [i][0]),
                      kv ("error", err_str (rc)));
    }
}

int
resume_prepare (const char *dir)
{
    own (own_fd) int fd = folder_open_path (dir);
    int rc = fd < 0 ? fd : s_duplicate (fd, s_report, s_copy);
    if (rc == 0)
        rc = folder_remove (fd, RUN_RESULT_FILE, RESUME_DEPTH);
    if (rc == 0)
        s_keep_logs (fd);
    return rc;
}

//  A valid report makes any resumed run partial.
static bool
s_valid (const char *dir)
{
    facts_t failed = findings_no_facts ();
    failed.run = (verdict_run_t){.started = true, .exit_code = 1};
    failed.resumed = true;
    return findings_report_size (dir) > RESUME_LOOK_BYTES
           || s_class (dir, &failed) == RUN_CLASS_PARTIAL;
}

void
resume_restore (const char *dir)
{
    if (s_valid (dir))
        return;
    own (own_fd) int fd = folder_open_path (dir);
    const int rc = fd < 0 ? fd : s_duplicate (fd, s_copy, s_report);
    if (rc < 0)
        log_warn ("report of the first run is gone", kv ("path", dir), kv ("error", err_str (rc)));
}
