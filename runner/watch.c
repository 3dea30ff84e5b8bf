//  SPDX-License-Identifier: Apache-2.0
#include "runner/watch.h"

#include "common/base/clk.h"
#include "common/base/folder.h"
#include "common/base/own.h"
#include "runner/usage_of.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    WATCH_DEPTH = 128,        //  a workspace with folders below this depth counts as too many files
    WATCH_MIN_US = 2000,      //  between two looks near a limit
    WATCH_MAX_US = 50000,     //  and far from it
    WATCH_TREE_US = 100000,   //  between two looks at processes
    WATCH_COUNT_US = 2000000, //  the workspace is counted so often at least,
    WATCH_SHARE = 50,         //  if that takes less than this part of the time;
    WATCH_SHARE_BACK = 20,    //  the same after something was given back
    //  Faster than a run can go, so that it never goes far between two looks.
    WATCH_BYTES_PER_US = 4096,
    WATCH_FILES_PER_MS = 50
};

//  What the file system has given away.  Units: bytes, files.
typedef struct {
    int64_t bytes, files;
} taken_t;

struct watch {
    watch_spec_t spec;
    const cgroup_t *cgroup;
    bool memory, pids;               //  no kernel holds it
    int fd;                          //  the workspace
    int memory_fd;                   //  a file in memory, where the watch is over memory
    taken_t counted;                 //  in the workspace, when it was last counted
    taken_t last;                    //  of the file system, at the last look
    taken_t grown;                   //  what it gave away since the count, look by look
    bool given_back;                 //  it also got something back, which may hide what was taken
    taken_t bound;                   //  the workspace holds no more than that now
    int64_t counted_us, counting_us; //  when, and how long that took
    int64_t tree_us;                 //  when the processes were looked at
    int64_t next_us;                 //  the next look
    int64_t cost_us;
    pid_t tree [USAGE_OF_PIDS];
    size_t tree_count;
};

const char *
watch_word (watch_limit_t limit)
{
    static const char *const words [] = {"", "disk", "files", "memory", "pids"};
    return words [limit];
}

static taken_t
s_taken (const watch_t *self)
{
    struct statvfs fs;
    if (fstatvfs (self->fd, &fs) != 0)
        return (taken_t){0};
    return (taken_t){(int64_t) ((fs.f_blocks - fs.f_bfree) * fs.f_frsize),
                     (int64_t) (fs.f_files - fs.f_ffree)};
}

static bool
s_over (int64_t used, int64_t limit)
{
    return limit > 0 && used > limit;
}

static watch_limit_t
s_judge (const watch_t *self, taken_t used)
{
    if (s_over (used.bytes, self->spec.disk))
        return WATCH_DISK;
    return s_over (used.files, self->spec.files) ? WATCH_FILES : WATCH_FINE;
}

//  Enter a folder that the walk has shown.  Returns false when it is too deep.
static bool
s_enter (folder_walk_t *walk, const folder_entry_t *entry)
{
    int rc = folder_walk_enter (walk);
    if (rc == -EACCES && fchmodat (entry->dir_fd, entry->name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
        rc = folder_walk_enter (walk); //  closed by its owner, who is our user
    return rc != ERR_LIMIT;
}

//  Count the workspace, until it is over a limit.
static watch_limit_t
s_walk (watch_t *self, taken_t *used)
{
    const folder_rules_t rules = {.depth = WATCH_DEPTH};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    watch_limit_t limit = WATCH_FINE;
    if (folder_walk_new (self->fd, "", &rules, &walk) < 0)
        return WATCH_FINE;
    while (limit == WATCH_FINE && folder_walk_next (walk, &entry) > 0) {
        if (entry.left)
            continue;
        //  A file with several names counts a share for each of them.
        const int64_t names =
            S_ISDIR (entry.st.st_mode) || !entry.st.st_nlink ? 1 : (int64_t) entry.st.st_nlink;
        used->bytes += (int64_t) entry.st.st_blocks * 512 / names;
        used->files++;
        limit = s_judge (self, *used);
        if (S_ISDIR (entry.st.st_mode) && !s_enter (walk, &entry))
            limit = WATCH_FILES;
    }
    return limit;
}

static void
s_list (watch_t *self)
{
    int count = self->cgroup ? cgroup_pids (self->cgroup, self->tree, USAGE_OF_PIDS) : -1;
    if (count < 0)
        count = usage_of_tree (getpid (), self->tree, USAGE_OF_PIDS);
    self->tree_count = count > 0 ? (size_t) count : 0;
}

static watch_limit_t
s_count (watch_t *self)
{
    const int64_t start_us = clk_us ();
    taken_t used = {0};
    self->last = s_taken (self);
    self->grown = (taken_t){0};
    self->given_back = false;
    watch_limit_t limit = s_walk (self, &used);
    if (limit == WATCH_FINE) {
        //  Files without a name, which live as long as somebody has them open.
        s_list (self);
        used.bytes += usage_of_unlinked (self->tree, self->tree_count, self->fd);
        limit = s_judge (self, used);
    }
    self->counted = used;
    self->counted_us = clk_us ();
    self->counting_us = self->counted_us - start_us;
    return limit;
}

//  No more than that has come into the workspace: all that the file system gave away since.  What
//  it gets back is not taken off: others free room, and a journal frees it late.
static void
s_bound (watch_t *self)
{
    const taken_t now = s_taken (self);
    const taken_t grown = {now.bytes - self->last.bytes, now.files - self->last.files};
    self->given_back = self->given_back || grown.bytes < 0 || grown.files < 0;
    self->grown.bytes += grown.bytes > 0 ? grown.bytes : 0;
    self->grown.files += grown.files > 0 ? grown.files : 0;
    self->bound.bytes = self->counted.bytes + self->grown.bytes;
    self->bound.files = self->counted.files + self->grown.files;
    self->last = now;
}

static bool
s_due (const watch_t *self, int64_t now_us)
{
    const int64_t since_us = now_us - self->counted_us;
    //  At most half of the time goes into counting, also while others fill the disk.
    if (s_judge (self, self->bound) != WATCH_FINE)
        return since_us >= self->counting_us;
    if (self->given_back)
        return since_us >= self->counting_us * WATCH_SHARE_BACK;
    return since_us >= WATCH_COUNT_US && since_us >= self->counting_us * WATCH_SHARE;
}

static watch_limit_t
s_look_disk (watch_t *self, int64_t now_us)
{
    s_bound (self);
    if (!s_due (self, now_us))
        return WATCH_FINE;
    const watch_limit_t limit = s_count (self);
    s_bound (self);
    return limit;
}

//  Shared memory may be files that are not mapped anywhere, so what is more of the two counts.
static bool
s_over_memory (const watch_t *self, bool exact, int64_t files)
{
    int64_t shared = 0;
    const int64_t mine = usage_of_memory (self->tree, self->tree_count, exact, &shared);
    return s_over (mine + (shared > files ? shared : files), self->spec.memory);
}

static watch_limit_t
s_look_tree (watch_t *self, int64_t now_us)
{
    self->tree_us = now_us;
    s_list (self);
    if (self->pids && s_over (usage_of_threads (self->tree, self->tree_count), self->spec.pids))
        return WATCH_PIDS;
    if (!self->memory)
        return WATCH_FINE;
    const int64_t files = usage_of_unlinked (self->tree, self->tree_count, self->memory_fd);
    return s_over_memory (self, false, files) && s_over_memory (self, true, files) ? WATCH_MEMORY
                                                                                   : WATCH_FINE;
}

//  The nearer a limit, the sooner the next look.
static int64_t
s_pause_us (const watch_t *self)
{
    int64_t pause_us = WATCH_MAX_US;
    if (self->spec.disk > 0) {
        const int64_t bytes_us = (self->spec.disk - self->bound.bytes) / WATCH_BYTES_PER_US;
        pause_us = bytes_us < pause_us ? bytes_us : pause_us;
    }
    if (self->spec.files > 0) {
        const int64_t files_us = (self->spec.files - self->bound.files) * 1000 / WATCH_FILES_PER_MS;
        pause_us = files_us < pause_us ? files_us : pause_us;
    }
    return pause_us > WATCH_MIN_US ? pause_us : WATCH_MIN_US;
}

//  What the kernel refused or killed in the run's cgroup.
static watch_limit_t
s_refused (const watch_t *self)
{
    cgroup_events_t events = {0};
    if (self->cgroup)
        cgroup_look (self->cgroup, &events);
    if (events.oom_kills > 0)
        return WATCH_MEMORY;
    return events.refused_forks > 0 ? WATCH_PIDS : WATCH_FINE;
}

watch_limit_t
watch_look (watch_t *self)
{
    const int64_t now_us = clk_us ();
    if (now_us < self->next_us)
        return WATCH_FINE;
    watch_limit_t limit = WATCH_FINE;
    if (self->spec.disk > 0 || self->spec.files > 0)
        limit = s_look_disk (self, now_us);
    if (limit == WATCH_FINE && (self->memory || self->pids)
        && now_us - self->tree_us >= WATCH_TREE_US)
        limit = s_look_tree (self, now_us);
    //  Version 2 ends the whole run when memory is short; elsewhere one process may be killed.
    if (limit == WATCH_FINE && s_refused (self) == WATCH_MEMORY)
        limit = WATCH_MEMORY;
    const int64_t end_us = clk_us ();
    self->cost_us += end_us - now_us;
    self->next_us = end_us + s_pause_us (self);
    return limit;
}

int
watch_wait_ms (const watch_t *self)
{
    const int64_t left_us = self->next_us - clk_us ();
    return left_us > 0 ? (int) ((left_us + 999) / 1000) : 1;
}

watch_limit_t
watch_end (watch_t *self)
{
    watch_limit_t limit = WATCH_FINE;
    if (self->spec.disk > 0 || self->spec.files > 0)
        limit = s_count (self);
    return limit == WATCH_FINE ? s_refused (self) : limit;
}

int64_t
watch_cost_us (const watch_t *self)
{
    return self->cost_us;
}

int
watch_new (const watch_spec_t *spec, const cgroup_t *cgroup, watch_t **ret_self)
{
    own (watch_destroy) watch_t *self = calloc (1, sizeof *self);
    if (!self)
        return -ENOMEM;
    self->spec = *spec;
    self->cgroup = cgroup;
    self->memory = spec->memory > 0 && cgroup_by (cgroup, CGROUP_MEMORY) == CGROUP_POLLED;
    self->pids = spec->pids > 0 && cgroup_by (cgroup, CGROUP_PIDS) == CGROUP_POLLED;
    self->memory_fd = self->memory ? memfd_create ("watch", MFD_CLOEXEC) : -1;
    self->fd = folder_open_path (spec->workspace);
    if (self->fd < 0)
        return self->fd;
    (void) s_count (self);
    s_bound (self);
    *ret_self = own_take (self);
    return 0;
}

void
watch_destroy (watch_t **self_p)
{
    watch_t *self = *self_p;
    if (!self)
        return;
    own_fd (&self->fd);
    own_fd (&self->memory_fd);
    free (self);
    *self_p = NULL;
}
