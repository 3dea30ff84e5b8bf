//  folder - opens paths with openat, one component at a time.  A walk is a stack of open folders,
//  without recursion.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/folder.h"

#include "common/base/durable.h"
#include "common/base/own.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { S_COMPONENT = NAME_MAX + 1 };

static const int s_folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;


//  --- one component at a time

static bool
s_dots (const char *name)
{
    return strcmp (name, ".") == 0 || strcmp (name, "..") == 0;
}

int
folder_open_path (const char *path)
{
    int fd = open (path, s_folder_flags);
    return fd < 0 ? -errno : fd;
}

//  Open one component below dir_fd, making and syncing it when asked to.
static int
s_enter (int dir_fd, const char *name, bool make)
{
    if (make && mkdirat (dir_fd, name, 0700) == 0) {
        int rc = durable_folder (dir_fd, "mkdir");
        if (rc < 0)
            return rc;
    }
    else if (make && errno != EEXIST) {
        return -errno;
    }
    int fd = openat (dir_fd, name, s_folder_flags);
    return fd < 0 ? -errno : fd;
}

//  Copy the first component of path.  Returns the rest, or NULL for a bad path.
static const char *
s_component (const char *path, char ret_name [S_COMPONENT])
{
    size_t size = strcspn (path, "/");
    if (size == 0 || size >= S_COMPONENT)
        return NULL;
    memcpy (ret_name, path, size);
    ret_name [size] = 0;
    if (s_dots (ret_name))
        return NULL;
    return path [size] == '/' ? path + size + 1 : path + size;
}

//  Open the folder named by the first size bytes of path.
static int
s_open (int base_fd, const char *path, size_t size, bool make)
{
    const char *end = path + size;
    int fd = fcntl (base_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    while (path < end) {
        char name [S_COMPONENT];
        path = s_component (path, name);
        int next = path ? s_enter (fd, name, make) : -EINVAL;
        close (fd);
        if (next < 0)
            return next;
        fd = next;
    }
    return fd;
}

int
folder_open (int base_fd, const char *path, bool make)
{
    return s_open (base_fd, path, strlen (path), make);
}

int
folder_open_parent (int base_fd, const char *path, bool make, const char **ret_name)
{
    const char *slash = strrchr (path, '/');
    *ret_name = slash ? slash + 1 : path;
    if (slash == path || !**ret_name || s_dots (*ret_name))
        return -EINVAL;
    return s_open (base_fd, path, slash ? (size_t) (slash - path) : 0, make);
}


//  --- files

static int
s_regular (const struct stat *st, int64_t *ret_size)
{
    if (S_ISLNK (st->st_mode))
        return -ELOOP;
    if (!S_ISREG (st->st_mode))
        return S_ISDIR (st->st_mode) ? -EISDIR : -ENXIO;
    if (ret_size)
        *ret_size = st->st_size;
    return 0;
}

static int
s_look (int dir_fd, const char *name, int64_t *ret_size)
{
    struct stat st;
    if (fstatat (dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return -errno;
    return s_regular (&st, ret_size);
}

int
folder_look_file (int base_fd, const char *path, int64_t *ret_size)
{
    const char *name = NULL;
    own (own_fd) int dir_fd = folder_open_parent (base_fd, path, false, &name);
    return dir_fd < 0 ? dir_fd : s_look (dir_fd, name, ret_size);
}

int
folder_open_file (int base_fd, const char *path, int flags, int64_t *ret_size)
{
    const char *name = NULL;
    own (own_fd) int dir_fd = folder_open_parent (base_fd, path, false, &name);
    if (dir_fd < 0)
        return dir_fd;
    //  Look first: merely opening a device or a FIFO could have effects.
    int rc = s_look (dir_fd, name, NULL);
    if (rc < 0 && (rc != -ENOENT || !(flags & O_CREAT)))
        return rc;
    //  O_NONBLOCK: a FIFO put there meanwhile must not block the thread.
    own (own_fd) int fd =
        openat (dir_fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    struct stat st;
    if (fstat (fd, &st) != 0)
        return -errno;
    rc = s_regular (&st, ret_size);
    if (rc < 0)
        return rc;
    int result = fd;
    fd = -1;
    return result;
}


//  --- the walk

typedef struct {
    DIR *dir;
    size_t prefix; //  length of the path before this folder's names
} level_t;

struct folder_walk {
    folder_rules_t rules;
    level_t *levels; //  array of rules.depth
    int depth;       //  number of open folders
    int shown;
    char *path; //  path of the entry shown last
    //  Its name in path, if it is a folder that may be entered; else NULL.
    const char *folder;
};

static int
s_push (folder_walk_t *self, int fd, size_t prefix)
{
    DIR *dir = fdopendir (fd);
    if (!dir) {
        close (fd);
        return -ENOMEM;
    }
    self->levels [self->depth++] = (level_t){.dir = dir, .prefix = prefix};
    return 0;
}

int
folder_walk_new (int base_fd, const char *path, const folder_rules_t *rules,
                 folder_walk_t **ret_walk)
{
    assert (rules->depth > 0);
    own (folder_walk_destroy) folder_walk_t *self = calloc (1, sizeof (folder_walk_t));
    if (!self)
        return -ENOMEM;
    self->rules = *rules;
    self->levels = calloc ((size_t) rules->depth, sizeof (level_t));
    self->path = calloc ((size_t) rules->depth, NAME_MAX + 1);
    if (!self->levels || !self->path)
        return -ENOMEM;
    own (own_fd) int dir_fd = folder_open (base_fd, path, false);
    if (dir_fd < 0)
        return dir_fd;
    //  By name: a copy of base's fd would share its read position.
    int fd = openat (dir_fd, ".", s_folder_flags);
    int rc = fd < 0 ? -errno : s_push (self, fd, 0);
    if (rc == 0)
        *ret_walk = own_take (self);
    return rc;
}

void
folder_walk_destroy (folder_walk_t **self_p)
{
    assert (self_p);
    folder_walk_t *self = *self_p;
    if (!self)
        return;
    while (self->depth > 0)
        closedir (self->levels [--self->depth].dir);
    free (self->levels);
    free (self->path);
    free (self);
    *self_p = NULL;
}

//  Show the entry of this name in the topmost open folder.
static void
s_show (folder_walk_t *self, size_t prefix, folder_entry_t *ret_entry)
{
    ret_entry->path = self->path;
    ret_entry->name = self->path + prefix;
    ret_entry->dir_fd = dirfd (self->levels [self->depth - 1].dir);
    ret_entry->depth = self->depth;
}

//  False: it has vanished, or its name is longer than paths have room for.
static bool
s_show_entry (folder_walk_t *self, const char *name, folder_entry_t *ret_entry)
{
    const level_t *top = &self->levels [self->depth - 1];
    const size_t size = strlen (name);
    if (size > NAME_MAX) //  FUSE allows longer ones
        return false;
    *ret_entry = (folder_entry_t){0};
    memcpy (self->path + top->prefix, name, size + 1);
    s_show (self, top->prefix, ret_entry);
    if (fstatat (dirfd (top->dir), name, &ret_entry->st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return false;
        ret_entry->st = (struct stat){0};
    }
    if (S_ISDIR (ret_entry->st.st_mode))
        self->folder = ret_entry->name;
    self->shown++;
    return true;
}

static void
s_show_left (folder_walk_t *self, folder_entry_t *ret_entry)
{
    const level_t *top = &self->levels [--self->depth];
    self->path [top->prefix - 1] = 0; //  the slash
    closedir (top->dir);
    *ret_entry = (folder_entry_t){.left = true, .st = {.st_mode = S_IFDIR}};
    s_show (self, self->levels [self->depth - 1].prefix, ret_entry);
}

int
folder_walk_next (folder_walk_t *self, folder_entry_t *ret_entry)
{
    self->folder = NULL;
    while (true) {
        errno = 0;
        const struct dirent *entry = // NOLINTNEXTLINE(concurrency-mt-unsafe): own DIR
            readdir (self->levels [self->depth - 1].dir);
        if (!entry && errno)
            return -errno;
        if (!entry && self->depth == 1)
            return 0;
        if (!entry) {
            s_show_left (self, ret_entry);
            return 1;
        }
        if (s_dots (entry->d_name))
            continue;
        if (self->rules.entries > 0 && self->shown >= self->rules.entries)
            return ERR_LIMIT;
        if (s_show_entry (self, entry->d_name, ret_entry))
            return 1;
    }
}

int
folder_walk_enter (folder_walk_t *self)
{
    assert (self->folder);
    if (self->depth == self->rules.depth)
        return ERR_LIMIT;
    const level_t *top = &self->levels [self->depth - 1];
    const int dir_fd = dirfd (top->dir);
    int fd = openat (dir_fd, self->folder, s_folder_flags);
    if (fd < 0 && errno == EACCES && self->rules.unlock
        && fchmodat (dir_fd, self->folder, 0700, AT_SYMLINK_NOFOLLOW) == 0)
        fd = openat (dir_fd, self->folder, s_folder_flags);
    if (fd < 0)
        return -errno;
    if (self->rules.unlock)
        (void) fchmod (fd, 0700);
    const size_t prefix = top->prefix + strlen (self->folder) + 1;
    int rc = s_push (self, fd, prefix);
    if (rc == 0)
        self->path [prefix - 1] = '/';
    self->folder = NULL;
    return rc;
}


//  --- removing

static int
s_unlink (int dir_fd, const char *name, int flags)
{
    return unlinkat (dir_fd, name, flags) == 0 || errno == ENOENT ? 0 : -errno;
}

int
folder_remove (int base_fd, const char *path, int depth)
{
    const char *name = NULL;
    own (own_fd) int dir_fd = folder_open_parent (base_fd, path, false, &name);
    if (dir_fd < 0)
        return dir_fd == -ENOENT ? 0 : dir_fd;
    int rc = s_unlink (dir_fd, name, 0);
    if (rc != -EISDIR && rc != -EPERM)
        return rc;
    const folder_rules_t rules = {.depth = depth};
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    rc = folder_walk_new (dir_fd, name, &rules, &walk);
    int more = rc < 0 ? rc : 1;
    while (rc == 0 && (more = folder_walk_next (walk, &entry)) > 0) {
        if (entry.left)
            rc = s_unlink (entry.dir_fd, entry.name, AT_REMOVEDIR);
        else if (S_ISDIR (entry.st.st_mode))
            rc = folder_walk_enter (walk);
        else
            rc = s_unlink (entry.dir_fd, entry.name, 0);
    }
    if (rc == 0)
        rc = more;
    return rc < 0 ? rc : s_unlink (dir_fd, name, AT_REMOVEDIR);
}

int
folder_remove_path (const char *path, int depth)
{
    char parent [PATH_MAX];
    const char *slash = strrchr (path, '/');
    if (!slash)
        return -EINVAL;
    if (snprintf (parent, sizeof parent, "%.*s", (int) (slash - path), path) >= (int) sizeof parent)
        return -ENAMETOOLONG;
    own (own_fd) int fd = folder_open_path (*parent ? parent : "/");
    return fd < 0 ? fd : folder_remove (fd, slash + 1, depth);
}
