//  tree - reads /proc/PID/stat into pairs (pid, parent), then marks the descendants.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/tree.h"

#include "common/base/buf.h"
#include "common/base/own.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    TREE_PROCESSES = 1 << 20,    //  more than a kernel's pid_max default allows
    TREE_ENVIRON_BYTES = 1 << 20 //  of one process; the kernel allows a few MiB
};

typedef struct {
    pid_t pid, parent;
    bool zombie;
    bool marked; //  is in the tree
    bool top;    //  marked, its parent is not
} process_t;

typedef bool
chooser_fn (const process_t *process);

typedef struct {
    process_t *items;
    size_t count, capacity;
} table_t;

static void
s_close (DIR **dir_p)
{
    if (*dir_p)
        closedir (*dir_p);
    *dir_p = NULL;
}

//  Read a small file of /proc.  Returns bytes, or a negative errno.
static ssize_t
s_read (const char *path, char *ret_bytes, size_t size)
{
    own (own_fd) int fd = open (path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t got = read (fd, ret_bytes, size);
    return got < 0 ? -errno : got;
}

//  The name in "pid (name) state ppid" may contain anything, so search for its last parenthesis.
static bool
s_stat (pid_t pid, process_t *ret_process)
{
    char path [64], text [1024];
    snprintf (path, sizeof path, "/proc/%d/stat", (int) pid);
    ssize_t size = s_read (path, text, sizeof text - 1);
    if (size <= 0)
        return false;
    text [size] = 0;
    const char *end = strrchr (text, ')');
    if (!end || strlen (end) < 5)
        return false;
    long parent = strtol (end + 4, NULL, 10);
    *ret_process = (process_t){.pid = pid, .parent = (pid_t) parent, .zombie = end [2] == 'Z'};
    return true;
}

static int
s_add (table_t *table, process_t process)
{
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 256;
        process_t *items =
            capacity > TREE_PROCESSES ? NULL : realloc (table->items, capacity * sizeof *items);
        if (!items)
            return -ENOMEM;
        table->items = items;
        table->capacity = capacity;
    }
    table->items [table->count++] = process;
    return 0;
}

static void
s_fini (table_t *table)
{
    free (table->items);
    *table = (table_t){0};
}

static int
s_scan (table_t *table)
{
    own (s_close) DIR *proc = opendir ("/proc");
    if (!proc)
        return -errno;
    for (struct dirent *entry = readdir (proc); entry; entry = readdir (proc)) {
        if (!isdigit ((unsigned char) entry->d_name [0]))
            continue;
        process_t process;
        if (!s_stat ((pid_t) strtol (entry->d_name, NULL, 10), &process))
            continue;
        int rc = s_add (table, process);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool
s_marked (const table_t *table, pid_t pid)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->items [i].pid == pid)
            return table->items [i].marked;
    return false;
}

//  Mark processes with a marked parent until nothing changes.  It ends because marks only grow.
static void
s_close_over (table_t *table)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < table->count; i++) {
            process_t *item = &table->items [i];
            if (!item->marked && s_marked (table, item->parent)) {
                item->marked = true;
                changed = true;
            }
        }
    }
}

static bool
s_is_marked (const process_t *process)
{
    return process->marked;
}

static bool
s_is_top (const process_t *process)
{
    return process->top;
}

static bool
s_is_below (const process_t *process)
{
    return process->marked && !process->top;
}

static int
s_signal (const table_t *table, chooser_fn *chosen, int sig)
{
    int found = 0;
    for (size_t i = 0; i < table->count; i++) {
        const process_t *item = &table->items [i];
        if (!chosen (item) || item->zombie)
            continue;
        if (kill (item->pid, sig) == 0)
            found++;
    }
    return found;
}

int
tree_signal (pid_t root, int sig)
{
    own (s_fini) table_t table = {0};
    int rc = s_scan (&table);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < table.count; i++)
        table.items [i].marked = table.items [i].parent == root;
    s_close_over (&table);
    return s_signal (&table, s_is_marked, sig);
}

static bool
s_among (pid_t pid, const pid_t *known, size_t known_count)
{
    for (size_t i = 0; i < known_count; i++)
        if (known [i] == pid)
            return true;
    return false;
}

int
tree_kill_others (const pid_t *known, size_t known_count)
{
    own (s_fini) table_t table = {0};
    int rc = s_scan (&table);
    if (rc < 0)
        return rc;
    int left = 0;
    for (size_t i = 0; i < table.count; i++) {
        process_t *item = &table.items [i];
        item->marked = item->parent == getpid () && !s_among (item->pid, known, known_count)
                       && waitpid (item->pid, NULL, WNOHANG) == 0;
        left += item->marked;
    }
    s_close_over (&table);
    (void) s_signal (&table, s_is_marked, SIGKILL);
    return left;
}

static bool
s_environ_has (pid_t pid, const char *prefix, char *bytes)
{
    char path [64];
    snprintf (path, sizeof path, "/proc/%d/environ", (int) pid);
    ssize_t size = s_read (path, bytes, TREE_ENVIRON_BYTES - 1);
    if (size <= 0)
        return false;
    bytes [size] = 0;
    for (const char *at = bytes; at < bytes + size; at += strlen (at) + 1)
        if (strncmp (at, prefix, strlen (prefix)) == 0)
            return true;
    return false;
}

int
tree_kill_environ (const char *prefix)
{
    own (s_fini) table_t table = {0};
    int rc = s_scan (&table);
    if (rc < 0)
        return rc;
    own (own_mem) char *bytes = malloc (TREE_ENVIRON_BYTES);
    if (!bytes)
        return -ENOMEM;
    for (size_t i = 0; i < table.count; i++) {
        process_t *item = &table.items [i];
        item->marked = item->pid != getpid () && s_environ_has (item->pid, prefix, bytes);
    }
    s_close_over (&table);
    for (size_t i = 0; i < table.count; i++)
        table.items [i].top = table.items [i].marked && !s_marked (&table, table.items [i].parent);
    //  A living supervisor is the parent of any process born meanwhile, so it goes last.
    int found = s_signal (&table, s_is_below, SIGKILL);
    return found ? found : s_signal (&table, s_is_top, SIGKILL);
}
