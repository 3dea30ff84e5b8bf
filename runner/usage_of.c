//  SPDX-License-Identifier: Apache-2.0
#include "runner/usage_of.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "runner/kernel_file.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    USAGE_FILE_BYTES = LIMIT_KIB (64),
    USAGE_UNLINKED = 1024,   //  files without a name of which each counts once
    USAGE_LOOKED_FDS = 65536 //  open files of one group that are looked at
};

static void
s_close (DIR **dir_p)
{
    if (*dir_p)
        closedir (*dir_p);
    *dir_p = NULL;
}

//  The next name in a folder of /proc that is a number; -1 at the end.
static long
s_next_number (DIR *dir)
{
    struct dirent *entry;
    while (dir && (entry = readdir (dir))) // NOLINT(concurrency-mt-unsafe): own DIR
        if (isdigit ((unsigned char) entry->d_name [0]))
            return strtol (entry->d_name, NULL, 10);
    return -1;
}

static int
s_read (pid_t pid, const char *name, buf_t *text)
{
    char path [96];
    snprintf (path, sizeof path, "/proc/%d/%s", (int) pid, name);
    return kernel_file_read (AT_FDCWD, path, text);
}

typedef struct {
    pid_t *pids;
    size_t count, max;
} list_t;

//  Add the children that one thread has started.
static void
s_add_children (list_t *list, pid_t pid, long task)
{
    char name [64];
    own (buf_fini) buf_t text = buf_init (USAGE_FILE_BYTES);
    snprintf (name, sizeof name, "task/%ld/children", task);
    if (s_read (pid, name, &text) < 0)
        return;
    char *end = NULL;
    for (const char *at = text.data; list->count < list->max; at = end) {
        const long child = strtol (at, &end, 10);
        if (end == at)
            return;
        list->pids [list->count++] = (pid_t) child;
    }
}

static void
s_add_below (list_t *list, pid_t pid)
{
    char path [64];
    snprintf (path, sizeof path, "/proc/%d/task", (int) pid);
    own (s_close) DIR *dir = opendir (path);
    for (long task = s_next_number (dir); task > 0; task = s_next_number (dir))
        s_add_children (list, pid, task);
}

int
usage_of_tree (pid_t root, pid_t *ret_pids, size_t max)
{
    list_t list = {.pids = ret_pids, .max = max};
    s_add_below (&list, root);
    for (size_t i = 0; i < list.count; i++)
        s_add_below (&list, list.pids [i]);
    return (int) list.count;
}

int64_t
usage_of_threads (const pid_t *pids, size_t count)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        own (buf_fini) buf_t text = buf_init (USAGE_FILE_BYTES);
        const int64_t threads =
            s_read (pids [i], "status", &text) < 0 ? 0 : kernel_file_number (text.data, "Threads:");
        sum += threads > 0 ? threads : 0;
    }
    return sum;
}

//  The number of a line in KiB, as bytes; 0: there is no such line.
static int64_t
s_kib (const buf_t *text, const char *word)
{
    const int64_t kib = kernel_file_number (text->data, word);
    return kib > 0 ? kib * 1024 : 0;
}

int64_t
usage_of_memory (const pid_t *pids, size_t count, bool exact, int64_t *ret_shared)
{
    int64_t sum = 0;
    *ret_shared = 0;
    for (size_t i = 0; i < count; i++) {
        own (buf_fini) buf_t text = buf_init (USAGE_FILE_BYTES);
        const bool rollup = exact && s_read (pids [i], "smaps_rollup", &text) == 0;
        if (!rollup && s_read (pids [i], "status", &text) < 0)
            continue;
        sum += s_kib (&text, rollup ? "Pss_Anon:" : "RssAnon:");
        *ret_shared += s_kib (&text, rollup ? "Pss_Shmem:" : "RssShmem:");
    }
    return sum;
}

typedef struct {
    dev_t device;
    ino_t seen [USAGE_UNLINKED];
    size_t count;
    int64_t bytes, looked;
} unlinked_t;

static void
s_add_unlinked (unlinked_t *self, const struct stat *st)
{
    if (!S_ISREG (st->st_mode) || st->st_nlink > 0 || st->st_dev != self->device)
        return;
    for (size_t i = 0; i < self->count; i++)
        if (self->seen [i] == st->st_ino)
            return;
    if (self->count < USAGE_UNLINKED)
        self->seen [self->count++] = st->st_ino;
    self->bytes += (int64_t) st->st_blocks * 512;
}

int64_t
usage_of_unlinked (const pid_t *pids, size_t count, int folder_fd)
{
    own (own_mem) unlinked_t *sum = calloc (1, sizeof *sum);
    struct stat st;
    if (!sum || fstat (folder_fd, &st) != 0)
        return 0;
    sum->device = st.st_dev;
    for (size_t i = 0; i < count; i++) {
        char path [64];
        snprintf (path, sizeof path, "/proc/%d/fd", (int) pids [i]);
        own (s_close) DIR *dir = opendir (path);
        for (long fd = s_next_number (dir); fd >= 0 && sum->looked++ < USAGE_LOOKED_FDS;
             fd = s_next_number (dir)) {
            snprintf (path, sizeof path, "%ld", fd);
            if (fstatat (dirfd (dir), path, &st, 0) == 0)
                s_add_unlinked (sum, &st);
        }
    }
    return sum->bytes;
}
