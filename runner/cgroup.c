//  SPDX-License-Identifier: Apache-2.0
#include "runner/cgroup.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "runner/kernel_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    CGROUP_FILE_BYTES = LIMIT_MIB (1),
    CGROUP_CPU_PERIOD_US = 100000, //  the kernel's default
    CGROUP_DEPTH = 8,              //  of cgroups that an agent has made in its own
    CGROUP_ROUND_MS = 5,           //  between two looks at a cgroup that is ending
    CGROUP_ROUNDS = 50
};

typedef struct {
    cgroup_by_t by;
    char path [CGROUP_PATH + 256];
    int fd;       //  of the folder
    int procs_fd; //  of cgroup.procs, for writing
} hold_t;

struct cgroup {
    hold_t holds [CGROUP_PARTS]; //  one for each hierarchy
    size_t count;
    const hold_t *parts [CGROUP_PARTS]; //  who holds it; NULL = polled
};

//  A file to write.  What is not required may be missing, such as the account of swap.
typedef struct {
    cgroup_part_t part;
    cgroup_by_t by;
    const char *file;
    bool required;
} row_t;

static const row_t s_rows [] = {
    {CGROUP_MEMORY, CGROUP_V2, "memory.max", true},
    {CGROUP_MEMORY, CGROUP_V2, "memory.swap.max", false},
    {CGROUP_MEMORY, CGROUP_V2, "memory.oom.group", false},
    {CGROUP_MEMORY, CGROUP_V1, "memory.limit_in_bytes", true},
    {CGROUP_MEMORY, CGROUP_V1, "memory.memsw.limit_in_bytes", false},
    {CGROUP_PIDS, CGROUP_V2, "pids.max", true},
    {CGROUP_PIDS, CGROUP_V1, "pids.max", true},
    {CGROUP_CPU, CGROUP_V2, "cpu.max", true},
    {CGROUP_CPU, CGROUP_V1, "cpu.cfs_quota_us", true},
    {CGROUP_CPU, CGROUP_V2, "cpu.weight", false},
    {CGROUP_CPU, CGROUP_V1, "cpu.shares", false},
    {CGROUP_KILL, CGROUP_V2, "cgroup.kill", true},
};

//  What to write into a row's file; "" = there is no limit.
static void
s_value (const row_t *row, const cgroup_limits_t *limits, char ret_text [64])
{
    const int64_t quota_us = limits->cpu_milli * (CGROUP_CPU_PERIOD_US / 1000);
    ret_text [0] = 0;
    if (row->part == CGROUP_MEMORY && limits->memory > 0)
        snprintf (ret_text, 64, "%" PRId64, limits->memory);
    else if (row->part == CGROUP_PIDS && limits->pids > 0)
        snprintf (ret_text, 64, "%" PRId64, limits->pids);
    else if (row->part == CGROUP_CPU && limits->cpu_milli > 0)
        snprintf (ret_text, 64, row->by == CGROUP_V2 ? "%" PRId64 " %d" : "%" PRId64, quota_us,
                  CGROUP_CPU_PERIOD_US);
    if (*ret_text && strcmp (row->file, "memory.swap.max") == 0)
        snprintf (ret_text, 64, "0");
    else if (*ret_text && strcmp (row->file, "memory.oom.group") == 0)
        snprintf (ret_text, 64, "1");
    //  A quarter of the usual share: the worker and triage-run come first.
    else if (strcmp (row->file, "cpu.weight") == 0)
        snprintf (ret_text, 64, "25");
    else if (strcmp (row->file, "cpu.shares") == 0)
        snprintf (ret_text, 64, "256");
}

//  Set the limits of one part.  Err: -errno: the kernel does not hold it.
static int
s_limit (const hold_t *hold, cgroup_part_t part, const cgroup_limits_t *limits)
{
    for (size_t i = 0; i < sizeof s_rows / sizeof s_rows [0]; i++) {
        const row_t *row = &s_rows [i];
        if (row->part != part || row->by != hold->by)
            continue;
        char text [64];
        s_value (row, limits, text);
        int rc = *text ? kernel_file_write (hold->fd, row->file, text) : 0;
        if (rc == 0 && !*text && faccessat (hold->fd, row->file, W_OK, 0) != 0)
            rc = -errno;
        if (rc < 0 && row->required)
            return rc;
    }
    return 0;
}

//  Returns how many processes it names, at most max; -1: not readable.
static int
s_pids (int dir_fd, int32_t *ret_pids, size_t max)
{
    own (buf_fini) buf_t text = buf_init (CGROUP_FILE_BYTES);
    if (kernel_file_read (dir_fd, "cgroup.procs", &text) < 0)
        return -1;
    size_t count = 0;
    for (const char *at = text.data; *at && count < max;) {
        char *end = NULL;
        const long pid = strtol (at, &end, 10);
        if (end == at)
            break;
        if (pid > 0)
            ret_pids [count++] = (int32_t) pid;
        at = end + (*end == '\n');
    }
    return (int) count;
}

static void
s_kill (int dir_fd)
{
    enum { CGROUP_PIDS_MAX = 4096 };
    if (kernel_file_write (dir_fd, "cgroup.kill", "1") == 0)
        return;
    own (own_mem) int32_t *pids = calloc (CGROUP_PIDS_MAX, sizeof *pids);
    const int count = pids ? s_pids (dir_fd, pids, CGROUP_PIDS_MAX) : 0;
    for (int i = 0; i < count; i++)
        (void) kill (pids [i], SIGKILL);
}

static void
s_close (DIR **dir_p)
{
    if (*dir_p)
        closedir (*dir_p);
    *dir_p = NULL;
}

//  Kill what is in a cgroup and in those below it, and remove them.  Called again until true.
static bool
s_remove (int parent_fd, const char *name, int depth)
{
    if (unlinkat (parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return true;
    int fd = openat (parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    own (s_close) DIR *dir = fd < 0 ? NULL : fdopendir (fd);
    if (!dir) {
        own_fd (&fd);
        return false;
    }
    s_kill (fd);
    struct dirent *entry;
    while (depth > 0 && (entry = readdir (dir)))
        if (entry->d_type == DT_DIR && entry->d_name [0] != '.')
            (void) s_remove (fd, entry->d_name, depth - 1);
    return unlinkat (parent_fd, name, AT_REMOVEDIR) == 0;
}

static bool
s_end (int parent_fd, const char *name)
{
    bool gone = s_remove (parent_fd, name, CGROUP_DEPTH);
    for (int round = 0; !gone && round < CGROUP_ROUNDS; round++) {
        poll (NULL, 0, CGROUP_ROUND_MS);
        gone = s_remove (parent_fd, name, CGROUP_DEPTH);
    }
    return gone;
}

static void
s_let_go (hold_t *hold)
{
    own_fd (&hold->fd);
    own_fd (&hold->procs_fd);
    if (*hold->path)
        (void) s_end (AT_FDCWD, hold->path);
    hold->path [0] = 0;
}

//  Make the folder in one hierarchy.  Err: -errno: nothing is left of it.
static int
s_hold (hold_t *hold, const cgroup_place_t *place, const char *name)
{
    *hold = (hold_t){.by = place->by, .fd = -1, .procs_fd = -1};
    const int size = snprintf (hold->path, sizeof hold->path, "%s/%s", place->path, name);
    int rc = size < (int) sizeof hold->path ? 0 : -ENAMETOOLONG;
    if (rc == 0 && mkdir (hold->path, 0755) != 0
        && (errno != EEXIST || !s_end (AT_FDCWD, hold->path) || mkdir (hold->path, 0755) != 0))
        rc = errno ? -errno : -EBUSY;
    if (rc < 0) {
        hold->path [0] = 0;
        return rc;
    }
    hold->fd = open (hold->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    hold->procs_fd = hold->fd < 0 ? -1 : openat (hold->fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    if (hold->procs_fd < 0) {
        rc = -errno;
        s_let_go (hold);
    }
    return rc;
}

//  The folder in this place: one that is there already, or a new one; NULL: it cannot be made.
static const hold_t *
s_find (cgroup_t *self, const cgroup_place_t *place, const char *name)
{
    const size_t size = strlen (place->path);
    for (size_t i = 0; i < self->count; i++)
        if (strncmp (self->holds [i].path, place->path, size) == 0
            && strcmp (self->holds [i].path + size + 1, name) == 0)
            return &self->holds [i];
    hold_t *hold = &self->holds [self->count];
    if (s_hold (hold, place, name) < 0)
        return NULL;
    self->count++;
    return hold;
}

int
cgroup_new (const char *name, const cgroup_limits_t *limits, cgroup_t **ret_self)
{
    own (cgroup_destroy) cgroup_t *self = calloc (1, sizeof *self);
    own (own_mem) cgroup_place_t *places = calloc (CGROUP_PARTS, sizeof *places);
    if (!self || !places)
        return -ENOMEM;
    cgroup_place_find (places);
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_PARTS; part++) {
        if (places [part].by == CGROUP_POLLED)
            continue;
        const hold_t *hold = s_find (self, &places [part], name);
        if (hold && s_limit (hold, part, limits) == 0)
            self->parts [part] = hold;
    }
    *ret_self = own_take (self);
    return 0;
}

void
cgroup_destroy (cgroup_t **self_p)
{
    cgroup_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        s_let_go (&self->holds [i]);
    free (self);
    *self_p = NULL;
}

cgroup_by_t
cgroup_by (const cgroup_t *self, cgroup_part_t part)
{
    return self && self->parts [part] ? self->parts [part]->by : CGROUP_POLLED;
}

int
cgroup_join (const cgroup_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        if (write (self->holds [i].procs_fd, "0", 1) != 1)
            return -errno;
    return 0;
}

void
cgroup_kill (const cgroup_t *self)
{
    const hold_t *hold = self->parts [CGROUP_KILL];
    if (!hold && self->count > 0)
        hold = &self->holds [0];
    if (hold)
        s_kill (hold->fd);
}

int
cgroup_pids (const cgroup_t *self, int32_t *ret_pids, size_t max)
{
    return self->count > 0 ? s_pids (self->holds [0].fd, ret_pids, max) : -1;
}

//  0 when the file does not tell.
static int64_t
s_count (const hold_t *hold, const char *file, const char *word)
{
    own (buf_fini) buf_t text = buf_init (CGROUP_FILE_BYTES);
    if (kernel_file_read (hold->fd, file, &text) < 0)
        return 0;
    const int64_t count = kernel_file_number (text.data, word);
    return count > 0 ? count : 0;
}

void
cgroup_look (const cgroup_t *self, cgroup_events_t *ret_events)
{
    const hold_t *memory = self->parts [CGROUP_MEMORY], *pids = self->parts [CGROUP_PIDS];
    *ret_events = (cgroup_events_t){0};
    if (memory)
        ret_events->oom_kills = s_count (
            memory, memory->by == CGROUP_V2 ? "memory.events" : "memory.oom_control", "oom_kill");
    if (pids)
        ret_events->refused_forks = s_count (pids, "pids.events", "max");
}

static int
s_sweep (const char *path, const char *prefix)
{
    own (s_close) DIR *dir = opendir (path);
    int left = 0;
    struct dirent *entry;
    while (dir && (entry = readdir (dir)))
        if (strncmp (entry->d_name, prefix, strlen (prefix)) == 0)
            left += !s_end (dirfd (dir), entry->d_name);
    return left;
}

int
cgroup_sweep (const char *prefix)
{
    own (own_mem) cgroup_place_t *places = calloc (CGROUP_PARTS, sizeof *places);
    if (!places)
        return 0;
    cgroup_place_find (places);
    int left = 0;
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_PARTS; part++)
        if (places [part].by != CGROUP_POLLED)
            left += s_sweep (places [part].path, prefix);
    return left;
}

void
cgroup_remove (const char *name)
{
    own (own_mem) cgroup_place_t *places = calloc (CGROUP_PARTS, sizeof *places);
    if (!places)
        return;
    cgroup_place_find (places);
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_PARTS; part++) {
        own (own_fd) int fd = places [part].by == CGROUP_POLLED
                                  ? -1
                                  : open (places [part].path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
            (void) s_end (fd, name);
    }
}

void
cgroup_probe (cgroup_by_t ret_by [CGROUP_PARTS])
{
    char name [64];
    const cgroup_limits_t limits = {LIMIT_MIB (64), 1000, 64};
    snprintf (name, sizeof name, "triage-probe-%d", (int) getpid ());
    own (cgroup_destroy) cgroup_t *self = NULL;
    const int rc = cgroup_new (name, &limits, &self);
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_PARTS; part++)
        ret_by [part] = rc == 0 ? cgroup_by (self, part) : CGROUP_POLLED;
}
