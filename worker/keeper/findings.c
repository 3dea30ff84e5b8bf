//  SPDX-License-Identifier: Apache-2.0
#include "worker/keeper/findings.h"

#include "common/base/buf.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "worker/keeper/collect.h"

#include <stdio.h>
#include <string.h>

static const char s_report_path [] = "output/investigation.md";
static const char s_result_path [] = "output/agent-result.json";
static const char s_error_path [] = "logs/agent.stderr.log";

facts_t
findings_no_facts (void)
{
    return (facts_t){.seen = usage_none ()};
}

int64_t
findings_report_size (const char *dir)
{
    int64_t size = 0;
    own (own_fd) int fd = folder_open_path (dir);
    return fd >= 0 && folder_look_file (fd, s_report_path, &size) == 0 ? size : -1;
}

//  The files of a run.
typedef struct {
    buf_t report, result, error;
    int report_rc, result_rc; //  0, ERR_NONE: it is not there, or why it was not read
} files_t;

static void
s_files_fini (files_t *self)
{
    buf_fini (&self->report);
    buf_fini (&self->result);
    buf_fini (&self->error);
}

static int
s_read (int dir_fd, const char *path, size_t most, buf_t *text)
{
    const size_t limit = (size_t) verdict_path_limit (path);
    *text = buf_init (most < limit ? most : limit);
    return dir_fd < 0 ? dir_fd : collect_read (dir_fd, path, text);
}

static void
s_files_read (const char *dir, size_t most, files_t *ret_files)
{
    own (own_fd) int fd = folder_open_path (dir);
    ret_files->report_rc = s_read (fd, s_report_path, most, &ret_files->report);
    ret_files->result_rc = s_read (fd, s_result_path, most, &ret_files->result);
    if (s_read (fd, s_error_path, most, &ret_files->error) < 0)
        buf_reset (&ret_files->error);
}

static void
s_tell_ignored (const spool_verdict_t *verdict, const files_t *files, const finding_t *finding)
{
    const int rc = files->result_rc == 0 ? finding->ignored : files->result_rc;
    if (rc && rc != ERR_NONE)
        log_warn ("agent result ignored", kv ("incident_id", verdict->incident.text),
                  kv ("path", s_result_path), kv ("error", err_str (rc)));
}

static void
s_apply (const finding_t *finding, const facts_t *facts, spool_verdict_t *verdict)
{
    verdict->outcome = finding->outcome;
    verdict->class = finding->class;
    verdict->exit_code = finding->exit_code;
    verdict->retry_ms = finding->retry_ms;
    snprintf (verdict->reason, sizeof verdict->reason, "%s", finding->reason);
    verdict->usage = finding->usage;
    usage_prefer (&verdict->usage, &facts->seen);
    if (verdict->usage.duration_ms < 0)
        verdict->usage.duration_ms = verdict->completed_ms - verdict->started_ms;
    usage_bound (&verdict->usage);
}

int
findings_judge (const char *dir, const facts_t *facts, size_t most, spool_verdict_t *verdict)
{
    own (s_files_fini) files_t files = {.report_rc = 0};
    s_files_read (dir, most, &files);
    if (files.report_rc < 0 && files.report_rc != ERR_NONE)
        return files.report_rc;
    evidence_t evidence = {.run = facts->run,
                           .report = files.report_rc == 0 ? files.report.data : NULL,
                           .report_bytes = files.report.size,
                           .result = files.result_rc == 0 ? files.result.data : NULL,
                           .result_bytes = files.result.size,
                           .error = files.error.data,
                           .error_bytes = files.error.size,
                           .observed = facts->observed,
                           .resumed = facts->resumed};
    evidence.run.report_exists = files.report_rc == 0;
    evidence.run.report_bytes = (int64_t) files.report.size;
    finding_t finding;
    evidence_find (&evidence, &finding);
    s_tell_ignored (verdict, &files, &finding);
    s_apply (&finding, facts, verdict);
    return 0;
}
