//  artifact_sweep - visits the folders of all incidents, a few at a time: it counts their files and
//  removes left-overs.
//
//  The figures are those of the last complete sweep.  The next one begins after a pause ten times
//  as long as the sweep, and at least a minute.
//  It removes <n>.staging of finished incidents if it predates this start: worker and broker died
//  during the upload.  Sealed folders never carry that suffix.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/disk/artifact_dir.h"
#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    S_SLACK_MS = 2000 //  a file's time may lag behind the clock, and is in whole seconds here
};

//  The number n of a folder "<n>.staging" that predates this start; 0 for any other.
static int64_t
s_staging (const artifact_t *self, const folder_entry_t *entry)
{
    const char *name = entry->name;
    int64_t attempt = 0;
    int end = 0;
    if (strspn (name, "0123456789") > 9
        || sscanf (name, "%" SCNd64 ".staging%n", &attempt, &end) != 1 || end == 0
        || name [end] != '\0')
        return 0;
    if (entry->st.st_mode == 0 || (int64_t) entry->st.st_mtim.tv_sec * 1000 >= self->started_ms)
        return 0;
    return attempt;
}

//  Is the incident over?  False for one that the store does not know.
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
    const folder_rules_t rules = {.depth = 1};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    if (folder_walk_new (fd, "attempts", &rules, &walk) < 0)
        return; //  most incidents have no staging folder
    bool over = false;
    while (folder_walk_next (walk, &entry) > 0) {
        const int64_t attempt = s_staging (self, &entry);
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
    artifact_look_t *look = &self->look;
    artifact_dir_size_t size = {.bytes = 0};
    own (own_fd) int fd = artifact_dir_open (self->settings->workspace_root, incident, false);
    if (fd < 0)
        return;
    s_drop_staging (self, fd, incident);
    artifact_dir_size (fd, &size);
    if (artifact_keep_look (self, incident, fd, size.bytes))
        return; //  it was removed
    look->bytes += size.bytes;
    look->shares += size.shares;
    const int64_t made_ms = artifact_keep_made_ms (incident);
    if (look->oldest_ms == 0 || made_ms < look->oldest_ms)
        look->oldest_ms = made_ms;
}

static int
s_begin (artifact_t *self, int64_t now_ms)
{
    const folder_rules_t rules = {.depth = 1};
    self->look = (artifact_look_t){.since_ms = now_ms};
    artifact_keep_begin (self);
    own (own_fd) int fd = open (self->settings->workspace_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : folder_walk_new (fd, "", &rules, &self->sweep);
}

static void
s_end (artifact_t *self, int64_t now_ms)
{
    const artifact_look_t *look = &self->look;
    folder_walk_destroy (&self->sweep);
    atomic_store (&self->counts [COUNT_DISK_BYTES], look->bytes);
    atomic_store (&self->counts [COUNT_DISK_FILES], look->shares / ARTIFACT_DIR_WHOLE);
    atomic_store (&self->counts [COUNT_DISK_OLDEST], look->oldest_ms);
    atomic_store (&self->counts [COUNT_DISK_ORPHANS], look->orphans);
    const int64_t pause_ms = 10 * (now_ms - look->since_ms);
    self->sweep_ms = now_ms + (pause_ms > LIMIT_COUNT_MS ? pause_ms : LIMIT_COUNT_MS);
}

int
artifact_sweep_init (artifact_t *self, err_diag_t *diag)
{
    self->started_ms = clk_now (self->clk).wall_ms - S_SLACK_MS;
    const int rc = s_begin (self, clk_now (self->clk).boot_ms);
    if (rc == 0)
        return 0;
    char path [PATH_MAX];
    err_diag (diag, "workspace_root %s: %s", path_absolute (self->settings->workspace_root, path),
              err_str (rc));
    return rc;
}

bool
artifact_sweep (artifact_t *self, int64_t now_ms)
{
    if (!self->sweep && now_ms < self->sweep_ms)
        return false;
    int more = self->sweep ? 0 : s_begin (self, now_ms);
    for (int i = 0; self->sweep && i < LIMIT_SWEEP_FOLDERS; i++) {
        folder_entry_t entry;
        more = folder_walk_next (self->sweep, &entry);
        if (more <= 0)
            break;
        if (ident_valid (entry.name))
            s_folder (self, entry.name);
    }
    if (more <= 0)
        s_end (self, now_ms);
    return more > 0;
}

void
artifact_sweep_fini (artifact_t *self)
{
    folder_walk_destroy (&self->sweep);
}
