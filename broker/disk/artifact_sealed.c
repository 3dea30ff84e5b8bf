//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/artifact_sealed.h"

#include "broker/disk/artifact_dir.h"
#include "common/base/buf.h"
#include "common/base/failpoint.h"
#include "common/base/ident.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

enum { S_READ_BYTES = LIMIT_KIB (64) };

//  Read a file of the attempt, as many bytes as text may hold.
static int
s_read (int fd, int64_t attempt, const char *name, buf_t *text, int64_t *ret_size)
{
    char path [LIMIT_PATH_BYTES];
    snprintf (path, sizeof path, "attempts/%" PRId64 "/output/%s", attempt, name);
    own (own_fd) int file = artifact_dir_file (fd, path, O_RDONLY, ret_size);
    if (file < 0)
        return file;
    char bytes [S_READ_BYTES];
    while (text->size < text->max) {
        size_t room = text->max - text->size;
        ssize_t count = read (file, bytes, room < sizeof bytes ? room : sizeof bytes);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return count < 0 ? -errno : 0;
        if (buf_append (text, bytes, (size_t) count) < 0)
            return text->failed;
    }
    return 0;
}

int
artifact_sealed_judge (int fd, int64_t attempt, bool result, verdict_outcome_t *ret_outcome,
                       char ret_reason [VERDICT_REASON_BYTES])
{
    own (buf_fini) buf_t report = buf_init (LIMIT_REPORT_BYTES);
    //  One byte more shows that the file is too large.
    own (buf_fini) buf_t text = buf_init (LIMIT_AGENT_RESULT_BYTES + 1);
    int64_t size = 0;
    int rc = s_read (fd, attempt, "investigation.md", &report, &size);
    if (rc == 0 && result)
        rc = s_read (fd, attempt, "agent-result.json", &text, &size);
    if (rc < 0)
        return rc;
    verdict_files_t files = {.report = report.data,
                             .report_bytes = report.size,
                             .result = result ? text.data : NULL,
                             .result_bytes = text.size};
    int ignored = 0; //  the worker has logged it
    *ret_outcome = verdict_judge_files (&files, ret_reason, &ignored);
    return 0;
}

//  Parse a report under the guard of poison: it is an agent's Markdown in a foreign library, which
//  might kill the broker at every start.
static int
s_parse (poison_t *poison, const char *incident, int64_t attempt, const buf_t *text,
         report_t *ret_report)
{
    char name [IDENT_SIZE + 32];
    snprintf (name, sizeof name, "report %.*s/%" PRId64, IDENT_SIZE - 1, incident, attempt);
    const bool unread = poison_begin (poison, name);
    if (unread)
        log_error ("a report that the broker died of is not read", kv ("incident_id", incident),
                   kv ("attempt", attempt));
    else
        (void) failpoint_before ("report", "read");
    const int rc = report_read (unread ? "" : text->data, unread ? 0 : text->size, ret_report);
    if (!unread)
        failpoint_after ("report", "read");
    poison_end (poison);
    return rc;
}

int
artifact_sealed_text (int fd, int64_t attempt, buf_t *text)
{
    int64_t size = 0;
    return s_read (fd, attempt, "investigation.md", text, &size);
}

int
artifact_sealed_report (int fd, poison_t *poison, const char *incident, int64_t attempt,
                        report_t *ret_report)
{
    assert (incident && ret_report);
    own (buf_fini) buf_t text = buf_init (LIMIT_REPORT_PARSE_BYTES);
    int64_t size = 0;
    int rc = s_read (fd, attempt, "investigation.md", &text, &size);
    if (rc < 0 && rc != -ENOENT)
        return rc;
    return s_parse (poison, incident, attempt, &text, ret_report);
}
