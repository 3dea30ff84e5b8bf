//  artifact_sweep - one look after the other at every incident's folder, a few at a time: what
//  must go, and how much there is.
//
//  The figures are those of the last look that came to its end.  The next one begins after a pause
//  that is ten times as long as it took, at least a minute.  What goes: attempts/<n>.staging
//  of incidents that are over, if it was there at the start: its worker died while uploading,
//  and so did the broker that had counted it.  What a row names stays: nothing else is called so.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/files/artifact_part.h"

#include "broker/disk/artifact_dir.h"
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
    S_SLACK_MS = 2000, //  a file's time may lag behind the clock, and has whole seconds here
    S_DEPTH = 4,       //  attempts/<n>/output/<file>
    S_WHOLE = 5040     //  an inode of so many names is counted at each by its share
};

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
s_count (artifact_look_t *look, const struct stat *st)
{
    const int64_t names = S_ISDIR (st->st_mode) || st->st_nlink < 1 ? 1 : (int64_t) st->st_nlink;
    look->bytes += (int64_t) st->st_blocks * 512 / names;
    look->shares += S_WHOLE / names;
}

static void
s_count_folder (artifact_look_t *look, int fd, const char *path, int depth)
{
    own (s_close) DIR *dir = NULL;
    if (depth == 0 || artifact_dir_list (fd, path, &dir) < 0)
        return; //  removed meanwhile
    const struct dirent *entry;
    while ((entry = readdir (dir))) { // NOLINT(concurrency-mt-unsafe): own DIR
        struct stat st;
        const char *name = entry->d_name;
        if (strcmp (name, ".") == 0 || strcmp (name, "..") == 0
            || fstatat (dirfd (dir), name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        s_count (look, &st);
        if (S_ISDIR (st.st_mode))
            s_count_folder (look, dirfd (dir), name, depth - 1);
    }
}

//  When the incident was made: the first 48 bits of its name.  Units: wall clock ms.
static int64_t
s_made_ms (const char *incident)
{
    char digits [13];
    snprintf (digits, sizeof digits, "%.8s%.4s", incident, incident + 9);
    return strtoll (digits, NULL, 16);
}

static void
s_folder (artifact_t *self, const char *incident)
{
    artifact_look_t *look = &self->look;
    struct stat st;
    own (own_fd) int fd = artifact_dir_open (self->settings->workspace_root, incident, false);
    if (fd < 0)
        return;
    s_drop_staging (self, fd, incident);
    if (fstat (fd, &st) == 0)
        s_count (look, &st);
    s_count_folder (look, fd, "", S_DEPTH);
    const int64_t made_ms = s_made_ms (incident);
    if (look->oldest_ms == 0 || made_ms < look->oldest_ms)
        look->oldest_ms = made_ms;
}

static void
s_begin (artifact_t *self, int64_t now_ms)
{
    self->look = (artifact_look_t){.since_ms = now_ms};
    self->sweep = opendir (self->settings->workspace_root);
}

static void
s_end (artifact_t *self, int64_t now_ms)
{
    const artifact_look_t *look = &self->look;
    s_close (&self->sweep);
    atomic_store (&self->counts [COUNT_DISK_BYTES], look->bytes);
    atomic_store (&self->counts [COUNT_DISK_FILES], look->shares / S_WHOLE);
    atomic_store (&self->counts [COUNT_DISK_OLDEST], look->oldest_ms);
    const int64_t pause_ms = 10 * (now_ms - look->since_ms);
    self->sweep_ms = now_ms + (pause_ms > LIMIT_COUNT_MS ? pause_ms : LIMIT_COUNT_MS);
}

int
artifact_sweep_init (artifact_t *self, err_diag_t *diag)
{
    self->started_ms = clk_now (self->clk).wall_ms - S_SLACK_MS;
    s_begin (self, clk_now (self->clk).boot_ms);
    if (self->sweep)
        return 0;
    const int rc = -errno;
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
    if (!self->sweep)
        s_begin (self, now_ms);
    const struct dirent *entry = NULL;
    for (int i = 0; self->sweep && i < LIMIT_SWEEP_FOLDERS; i++) {
        entry = readdir (self->sweep); // NOLINT(concurrency-mt-unsafe): own DIR
        if (!entry)
            break;
        if (ident_valid (entry->d_name))
            s_folder (self, entry->d_name);
    }
    if (!entry)
        s_end (self, now_ms);
    return entry != NULL;
}

void
artifact_sweep_fini (artifact_t *self)
{
    s_close (&self->sweep);
}
