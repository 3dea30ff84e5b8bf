//  artifact_sweep - one look at every incident's folder after the start, a few at a time.
//
//  What goes: attempts/<n>.staging of incidents that are over, if it was there at the start: its worker died while
//  uploading, and so did the broker that had counted it.  What a row names stays: nothing else is called
//  so.  SPDX-License-Identifier: Apache-2.0
#include "broker/io/artifact_part.h"

#include "broker/io/artifact_dir.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { S_SLACK_MS = 2000 }; //  a file's time may lag behind the clock, and has whole seconds here

static void
s_close (DIR **dir_p)
{
    if (*dir_p)
        closedir (*dir_p);
    *dir_p = NULL;
}

//  "<n>.staging" of an earlier life -> n, 0 for other names and for what this one has begun.
static int64_t
s_staging (const artifact_t *self, DIR *dir, const char *name)
{
    int64_t attempt = 0;
    int end = 0;
    struct stat st;
    if (strspn (name, "0123456789") > 9
        || sscanf (name, "%" SCNd64 ".staging%n", &attempt, &end) != 1 || end == 0
        || name [end] != '\0')
        return 0;
    if (fstatat (dirfd (dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0
        || (int64_t) st.st_mtim.tv_sec * 1000 >= self->started_ms)
        return 0;
    return attempt;
}

//  Is the incident over?  One that the store does not know is left alone.
static bool
s_over (artifact_t *self, const char *incident)
{
    row_incident_t row;
    const int rc = store_reader_incident (self->reader, incident, &row);
    if (rc < 0 && rc != ERR_NONE)
        log_warn ("cannot read the store", kv ("incident_id", incident),
                  kv ("error", err_str (rc)));
    return rc == 0 && incident_terminal (row.state);
}

static void
s_drop_staging (artifact_t *self, int fd, const char *incident)
{
    own (s_close) DIR *dir = NULL;
    if (artifact_dir_list (fd, "attempts", &dir) < 0)
        return; //  most have none
    bool over = false;
    const struct dirent *entry;
    while ((entry = readdir (dir))) { // NOLINT(concurrency-mt-unsafe): own DIR
        const int64_t attempt = s_staging (self, dir, entry->d_name);
        if (attempt == 0)
            continue;
        if (!over && !s_over (self, incident))
            return;
        over = true;
        artifact_stage_drop (fd, attempt);
        log_info ("staged files removed, their incident is over", kv ("incident_id", incident),
                  kv ("attempt", attempt));
    }
}

static void
s_folder (artifact_t *self, const char *incident)
{
    own (own_fd) int fd = artifact_dir_open (self->settings->workspace_root, incident, false);
    if (fd >= 0)
        s_drop_staging (self, fd, incident);
}

int
artifact_sweep_init (artifact_t *self, err_diag_t *diag)
{
    self->started_ms = clk_now (self->clk).wall_ms - S_SLACK_MS;
    self->sweep = opendir (self->settings->workspace_root);
    if (self->sweep)
        return 0;
    const int rc = -errno;
    err_diag (diag, "workspace_root %s: %s", self->settings->workspace_root, err_str (rc));
    return rc;
}

bool
artifact_sweep (artifact_t *self)
{
    for (int i = 0; self->sweep && i < LIMIT_SWEEP_FOLDERS; i++) {
        const struct dirent *entry =
            readdir (self->sweep); // NOLINT(concurrency-mt-unsafe): own DIR
        if (!entry)
            s_close (&self->sweep);
        else if (ident_valid (entry->d_name))
            s_folder (self, entry->d_name);
    }
    return self->sweep != NULL;
}

void
artifact_sweep_fini (artifact_t *self)
{
    s_close (&self->sweep);
}
