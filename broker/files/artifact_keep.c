//  artifact_keep - which folders the sweep keeps, and what the store must know of them.
//
//  A folder without an incident was left by a broker whose store is lost or was set back.  It is
//  removed only when it is older than retain_incidents, and after retention was announced: a wrong
//  state_path must not remove what people still look for.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/disk/artifact_dir.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

//  The first 48 bits of the id.
int64_t
artifact_keep_made_ms (const char *incident)
{
    char digits [13];
    snprintf (digits, sizeof digits, "%.8s%.4s", incident, incident + 9);
    return strtoll (digits, NULL, 16);
}

void
artifact_keep_begin (artifact_t *self)
{
    const int64_t now_ms = clk_now (self->clk).wall_ms;
    row_retention_t row;
    self->look.before_ms = INT64_MIN;
    if (self->settings->retain_incidents_ms > 0 && store_reader_retention (self->reader, &row) == 0
        && now_ms >= row.not_before_ms)
        self->look.before_ms = now_ms - self->settings->retain_incidents_ms;
}

//  Tell the loop what a folder takes that no save has reported: an earlier version saved it, or no
//  save succeeded.
static void
s_tell (artifact_t *self, const char *incident, int64_t bytes)
{
    row_folder_t known;
    if (store_reader_folder (self->reader, incident, &known) != ERR_NONE
        || !actor_flush (self->actor)) //  the loop is busy: the next sweep tells it
        return;
    mail_t *mail = mail_new (MAIL_FOLDER);
    if (!mail)
        return;
    snprintf (mail->as.folder.incident.text, sizeof mail->as.folder.incident.text, "%s", incident);
    mail->as.folder.bytes = bytes;
    actor_post (self->actor, &mail);
}

//  An orphan: is it old enough to be removed?  It is counted until it is.
static bool
s_old (artifact_t *self, const char *incident, int fd)
{
    struct stat st;
    const int64_t keep_ms = self->settings->retain_incidents_ms;
    const int64_t before_ms = clk_now (self->clk).wall_ms - keep_ms;
    if (keep_ms == 0 || artifact_keep_made_ms (incident) >= before_ms || fstat (fd, &st) < 0
        || (int64_t) st.st_mtim.tv_sec * 1000 >= before_ms)
        return false;
    self->look.orphans++;
    return artifact_keep_made_ms (incident) < self->look.before_ms;
}

static bool
s_remove (artifact_t *self, const char *incident)
{
    own (own_fd) int root_fd = folder_open_path (self->settings->workspace_root);
    const int rc = root_fd < 0 ? root_fd : artifact_dir_remove (root_fd, incident);
    if (rc < 0)
        log_warn ("a folder without an incident cannot be removed", kv ("incident_id", incident),
                  kv ("error", err_str (rc)));
    else
        log_info ("an old folder without an incident is removed", kv ("incident_id", incident));
    self->look.orphans -= rc == 0;
    return rc == 0;
}

bool
artifact_keep_look (artifact_t *self, const char *incident, int fd, int64_t bytes)
{
    row_incident_t row;
    const int rc = store_reader_incident (self->reader, incident, &row);
    if (rc == 0 && incident_terminal (row.state))
        s_tell (self, incident, bytes);
    return rc == ERR_NONE && s_old (self, incident, fd) && s_remove (self, incident);
}
