//  cgroup_place - reads /proc/self/mountinfo and /proc/self/cgroup.
//  SPDX-License-Identifier: Apache-2.0
#include "runner/cgroup_place.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "runner/kernel_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLACE_LEAF "/triage-worker"

enum { PLACE_FILE_BYTES = LIMIT_MIB (1), PLACE_WORD = 512 };

static const char *const s_parts [CGROUP_PARTS] = {"memory", "pids", "cpu", "kill"};

const char *
cgroup_place_part (cgroup_part_t part)
{
    return s_parts [part];
}

const char *
cgroup_place_by (cgroup_by_t by)
{
    static const char *const words [] = {"polled", "v1", "v2"};
    return words [by];
}

//  Is word one of the words in list, which end with a comma, a space, a colon or the line?
static bool
s_has_word (const char *list, const char *word)
{
    const size_t size = strlen (word);
    while (*list && *list != '\n') {
        const size_t length = strcspn (list, ", :\n");
        if (length == size && strncmp (list, word, size) == 0)
            return true;
        list += length;
        list += *list && *list != '\n';
    }
    return false;
}

//  The path of our cgroup: of version 2 (part == CGROUP_KILL), or of a controller of version 1.
static bool
s_own_path (const char *cgroup, cgroup_part_t part, char ret_path [PLACE_WORD])
{
    for (const char *line = cgroup; *line; line += strcspn (line, "\n"), line += *line != 0) {
        const char *controllers = strchr (line, ':');
        const char *path = controllers ? strchr (controllers + 1, ':') : NULL;
        const size_t length = path ? strcspn (path + 1, "\n") : PLACE_WORD;
        if (length >= PLACE_WORD)
            continue;
        const bool v2 = strncmp (line, "0::", 3) == 0;
        char list [PLACE_WORD] = "";
        snprintf (list, sizeof list, "%.*s", (int) (path - controllers - 1), controllers + 1);
        if (part == CGROUP_KILL ? !v2 : v2 || !s_has_word (list, s_parts [part]))
            continue;
        snprintf (ret_path, PLACE_WORD, "%.*s", (int) length, path + 1);
        return *ret_path == '/' && !strstr (ret_path, "/..");
    }
    return false;
}

//  Our cgroup's folder: a mount shows the hierarchy from its root on.
static void
s_join (cgroup_place_t *place, cgroup_by_t by, const char *mount, const char *root,
        const char *own_path)
{
    const size_t shared = strcmp (root, "/") == 0 ? 0 : strlen (root);
    if (strncmp (own_path, root, shared) != 0 || (own_path [shared] && own_path [shared] != '/'))
        return;
    const char *rest = own_path + shared;
    const int size = snprintf (place->path, sizeof place->path, "%s%s", mount,
                               strcmp (rest, "/") == 0 ? "" : rest);
    place->by = size < (int) sizeof place->path - PLACE_WORD ? by : CGROUP_POLLED;
    if (place->by == CGROUP_POLLED)
        place->path [0] = 0;
}

static void
s_mount (const char *line, const char *cgroup, cgroup_place_t *v2, cgroup_place_t v1 [CGROUP_PARTS])
{
    char root [PLACE_WORD] = "", mount [PLACE_WORD] = "", type [16] = "", options [PLACE_WORD] = "";
    char own_path [PLACE_WORD];
    const char *rest = strstr (line, " - ");
    if (!rest || rest > line + strcspn (line, "\n")
        || sscanf (line, "%*s %*s %*s %511s %511s", root, mount) != 2
        || sscanf (rest, " - %15s %*s %511s", type, options) != 2)
        return;
    if (strcmp (type, "cgroup2") == 0 && s_own_path (cgroup, CGROUP_KILL, own_path))
        s_join (v2, CGROUP_V2, mount, root, own_path);
    if (strcmp (type, "cgroup") != 0)
        return;
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_KILL; part++)
        if (s_has_word (options, s_parts [part]) && s_own_path (cgroup, part, own_path))
            s_join (&v1 [part], CGROUP_V1, mount, root, own_path);
}

void
cgroup_place_parse (const char *mountinfo, const char *cgroup, cgroup_place_t *ret_v2,
                    cgroup_place_t ret_v1 [CGROUP_PARTS])
{
    *ret_v2 = (cgroup_place_t){0};
    memset (ret_v1, 0, CGROUP_PARTS * sizeof *ret_v1);
    for (const char *line = mountinfo; *line; line += strcspn (line, "\n"), line += *line != 0)
        s_mount (line, cgroup, ret_v2, ret_v1);
    //  A worker lives in its own leaf; its runs lie beside it.
    char *leaf = strrchr (ret_v2->path, '/');
    if (leaf && strcmp (leaf, PLACE_LEAF) == 0)
        *leaf = 0;
}

static bool
s_write (const char *folder, const char *name, const char *text)
{
    char path [CGROUP_PATH + 64];
    snprintf (path, sizeof path, "%s/%s", folder, name);
    return kernel_file_write (AT_FDCWD, path, text) == 0;
}

//  Which controllers does a list of version 2 name?  Returns whether it names any.
static bool
s_listed (const char *folder, const char *name, bool ret_on [CGROUP_PARTS])
{
    char path [CGROUP_PATH + 64];
    own (buf_fini) buf_t list = buf_init (PLACE_FILE_BYTES);
    snprintf (path, sizeof path, "%s/%s", folder, name);
    const bool known = kernel_file_read (AT_FDCWD, path, &list) == 0;
    bool any = false;
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_KILL; part++) {
        ret_on [part] = known && s_has_word (list.data, s_parts [part]);
        any = any || ret_on [part];
    }
    return any;
}

//  Which controllers of version 2 do cgroups in this folder get?  Turn them on if need be.
static bool
s_turn_on (const char *folder, bool ret_on [CGROUP_PARTS])
{
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_KILL; part++) {
        char word [16];
        snprintf (word, sizeof word, "+%s", s_parts [part]);
        (void) s_write (folder, "cgroup.subtree_control", word);
    }
    return s_listed (folder, "cgroup.subtree_control", ret_on);
}

static void
s_read (cgroup_place_t *ret_v2, cgroup_place_t ret_v1 [CGROUP_PARTS])
{
    own (buf_fini) buf_t mountinfo = buf_init (PLACE_FILE_BYTES);
    own (buf_fini) buf_t cgroup = buf_init (PLACE_FILE_BYTES);
    int rc = kernel_file_read (AT_FDCWD, "/proc/self/mountinfo", &mountinfo);
    if (rc == 0)
        rc = kernel_file_read (AT_FDCWD, "/proc/self/cgroup", &cgroup);
    cgroup_place_parse (rc == 0 ? mountinfo.data : "", rc == 0 ? cgroup.data : "", ret_v2, ret_v1);
}

void
cgroup_place_find (cgroup_place_t ret [CGROUP_PARTS])
{
    cgroup_place_t v2, v1 [CGROUP_PARTS];
    bool on [CGROUP_PARTS] = {false};
    s_read (&v2, v1);
    if (v2.by == CGROUP_V2)
        (void) s_turn_on (v2.path, on);
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_KILL; part++)
        ret [part] = on [part] ? v2 : v1 [part];
    ret [CGROUP_KILL] = v2;
}

void
cgroup_place_delegate (void)
{
    cgroup_place_t v2, v1 [CGROUP_PARTS];
    bool on [CGROUP_PARTS] = {false};
    char leaf [CGROUP_PATH + 32], mine [32];
    s_read (&v2, v1);
    if (v2.by != CGROUP_V2 || !s_listed (v2.path, "cgroup.controllers", on)
        || s_turn_on (v2.path, on))
        return;
    snprintf (leaf, sizeof leaf, "%s" PLACE_LEAF, v2.path);
    snprintf (mine, sizeof mine, "%d", (int) getpid ());
    if ((mkdir (leaf, 0755) != 0 && errno != EEXIST) || !s_write (leaf, "cgroup.procs", mine))
        return;
    //  Others live in our cgroup: leave all as it was.
    if (!s_turn_on (v2.path, on) && s_write (v2.path, "cgroup.procs", mine))
        (void) rmdir (leaf);
}
