//  SPDX-License-Identifier: Apache-2.0
#include "worker/base/home.h"

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/durable.h"
#include "common/base/folder.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/reach.h"
#include "runner/cgroup.h"
#include "runner/sandbox/engine.h"
#include "runner/tree.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
    HOME_TAG = 12,     //  last digits of the identity, all random
    HOME_DEPTH = 25,   //  folders below this depth are moved up before they are removed
    HOME_ROUND_MS = 20 //  between two attempts at a lock, or to kill agents
};

static bool
s_name_good (const char *name)
{
    if (!*name || *name == '.' || strlen (name) >= HOME_NAME)
        return false;
    for (; *name; name++)
        if (!isalnum ((unsigned char) *name) && !strchr ("._-", *name))
            return false;
    return true;
}

int
home_name (const char *configured, char ret_name [HOME_NAME], err_diag_t *diag)
{
    char host [HOME_NAME] = "worker";
    if (!*configured && gethostname (host, sizeof host - 1) == 0)
        for (char *at = host; *at; at++)
            if (!isalnum ((unsigned char) *at) && !strchr ("._-", *at))
                *at = '-';
    host [HOME_NAME - 1] = 0;
    const char *name = *configured ? configured : host;
    if (!s_name_good (name)) {
        err_diag (diag,
                  "worker_name \"%.64s\": expected 1 to 63 of A-Z a-z 0-9 . _ -, not first a dot",
                  name);
        return ERR_CONFIG;
    }
    snprintf (ret_name, HOME_NAME, "%s", name);
    return 0;
}

//  Mode of the folders above a workspace.  The agents of root are another user: it may pass
//  through, but list nothing.
static mode_t
s_mode (void)
{
    return geteuid () == 0 ? 0711 : 0700;
}

static int
s_mkdirs (const char *path)
{
    char part [HOME_PATH];
    if (snprintf (part, sizeof part, "%s", path) >= (int) sizeof part)
        return -ENAMETOOLONG;
    for (char *at = part + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        if (mkdir (part, s_mode ()) != 0 && errno != EEXIST)
            return -errno;
        *at = '/';
    }
    return mkdir (part, s_mode ()) == 0 || errno == EEXIST ? 0 : -errno;
}

int
home_folders (const home_t *self)
{
    static const char *const parts [] = {"jobs", "spool", "trash"};
    int rc = s_mkdirs (self->path);
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof parts [0]; i++) {
        char path [HOME_PATH];
        snprintf (path, sizeof path, "%s/%s", self->path, parts [i]);
        struct stat status;
        if (mkdir (path, 0700) != 0 && errno != EEXIST)
            rc = -errno;
        else if (stat (path, &status) != 0 || !S_ISDIR (status.st_mode))
            rc = -ENOTDIR;
        else if (i == 0 && (chmod (self->path, s_mode ()) != 0 || chmod (path, s_mode ()) != 0))
            rc = -errno;
    }
    return rc;
}

//  Does a broker keep its artifacts in this folder?  It holds a lock there.
static bool
s_broker_holds (const char *root)
{
    char path [PATH_MAX];
    if (snprintf (path, sizeof path, "%s/.broker.lock", root) >= (int) sizeof path)
        return false;
    own (own_fd) int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd >= 0 && flock (fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

//  Take the lock, with some patience: the child of a killed worker holds it until its exec.
//  Err: -EBUSY: a worker holds it; -errno.
static int
s_lock (home_t *self)
{
    char path [HOME_PATH];
    snprintf (path, sizeof path, "%s/.lock", self->path);
    self->lock_fd = open (path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (self->lock_fd < 0)
        return -errno;
    for (int waited_ms = 0; flock (self->lock_fd, LOCK_EX | LOCK_NB) != 0;
         waited_ms += HOME_ROUND_MS) {
        if (errno != EWOULDBLOCK)
            return -errno;
        if (waited_ms >= LIMIT_HOME_LOCK_MS)
            return -EBUSY;
        if (waited_ms == 0)
            log_info ("waiting for the lock, which a killed worker's child may have",
                      kv ("file", path), kv ("at_most_ms", (int64_t) LIMIT_HOME_LOCK_MS));
        poll (NULL, 0, HOME_ROUND_MS);
    }
    return 0;
}

//  Read worker-id.  Err: -ENOENT: there is none; ERR_CONFIG: it is damaged, diag says how.
static int
s_identity_read (home_t *self, err_diag_t *diag)
{
    char path [HOME_PATH];
    snprintf (path, sizeof path, "%s/worker-id", self->path);
    own (buf_fini) buf_t text = buf_init (256);
    int rc = buf_read_file (&text, path);
    if (rc == 0)
        text.data [strcspn (text.data, "\r\n ")] = 0;
    if (rc == 0 && ident_valid (text.data)) {
        snprintf (self->id.text, sizeof self->id.text, "%s", text.data);
        return 0;
    }
    if (rc == -ENOENT)
        return rc;
    err_diag (diag,
              "%.120s: %s; mend it, or delete it for a new identity (the broker then refuses "
              "what is in the spool)",
              path, rc < 0 ? err_str (rc) : "not a UUID");
    return ERR_CONFIG;
}

//  Read the identity, or make one if there is none.  A damaged one is not replaced: the attempts in
//  the spool belong to it.
static int
s_identity (home_t *self, err_diag_t *diag)
{
    const int rc = s_identity_read (self, diag);
    if (rc != -ENOENT)
        return rc;
    own (clk_destroy) clk_t *clk = clk_new ();
    if (!clk)
        return -ENOMEM;
    self->id = ident_new (clk_now (clk).wall_ms);
    own (own_fd) int fd = open (self->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    durable_sweep (fd);
    return durable_write (fd, "worker-id", self->id.text, strlen (self->id.text), "id");
}

void
home_cgroup (const home_t *self, const char *incident, int64_t attempt, char ret_name [HOME_CGROUP])
{
    const char *tag = self->id.text + strlen (self->id.text) - HOME_TAG;
    const int size = snprintf (ret_name, HOME_CGROUP, "triage-%s-%s-", self->name, tag);
    if (incident)
        snprintf (ret_name + size, HOME_CGROUP - (size_t) size, "%.64s-%" PRId64, incident,
                  attempt);
}

//  The file that tells that a worker of this home has used an engine.
static void
s_mark_path (const home_t *self, const char *engine, char ret_path [HOME_PATH])
{
    snprintf (ret_path, HOME_PATH, "%s/.engine-%s", self->path, engine);
}

void
home_mark_engine (const home_t *self, const char *engine)
{
    char path [HOME_PATH];
    s_mark_path (self, engine, path);
    own (own_fd) int fd = open (path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        log_warn ("a later start will not look for containers that are left", kv ("engine", engine),
                  kv ("error", err_str (-errno)));
}

//  Remove containers that a killed worker left behind.  Engines that were not used are not asked.
static void
s_end_containers (const home_t *self)
{
    static const char *const engines [] = {"podman", "docker"};
    char path [HOME_PATH], owner [HOME_CGROUP];
    home_cgroup (self, NULL, 0, owner);
    for (size_t i = 0; i < sizeof engines / sizeof engines [0]; i++) {
        const char *program = engine_program (engines [i]);
        s_mark_path (self, engines [i], path);
        if (access (path, F_OK) != 0)
            continue;
        err_diag_t diag = {""};
        const int count = program ? engine_sweep (program, owner, &diag) : -ENOENT;
        if (count < 0)
            log_error ("containers of an earlier life cannot be looked for; the next start tries "
                       "again",
                       kv ("engine", engines [i]),
                       kv ("why", diag.text [0] ? diag.text : err_str (count)));
        else if (count > 0)
            log_info ("containers of an earlier life removed", kv ("engine", engines [i]),
                      kv ("count", count));
        if (count >= 0)
            (void) unlink (path);
    }
}

//  Kill the agents that a killed worker left behind: by their environment, and by their cgroups.
static void
s_end_agents (const home_t *self)
{
    char prefix [HOME_PATH + 32], cgroups [HOME_CGROUP];
    snprintf (prefix, sizeof prefix, "WORKSPACE_DIR=%s/jobs/", self->path);
    home_cgroup (self, NULL, 0, cgroups);
    int left = cgroup_sweep (cgroups);
    int found = tree_kill_environ (prefix);
    for (int round = 0; (found > 0 || left > 0) && round < LIMIT_KILL_MS / HOME_ROUND_MS; round++) {
        poll (NULL, 0, HOME_ROUND_MS);
        left = cgroup_sweep (cgroups);
        found = tree_kill_environ (prefix);
    }
    if (left > 0)
        log_error ("cgroups of an earlier life cannot be removed", kv ("count", left));
    if (found > 0)
        log_error ("agents of an earlier life cannot be killed", kv ("count", found));
    if (found < 0)
        log_error ("agents of an earlier life not looked for", kv ("error", err_str (found)));
}

bool
home_name_parse (const char *name, ident_t *ret_incident, int64_t *ret_attempt)
{
    ident_t incident;
    char *end = NULL;
    if (strlen (name) < IDENT_SIZE + 1 || name [IDENT_SIZE - 1] != '.')
        return false;
    snprintf (incident.text, sizeof incident.text, "%.*s", IDENT_SIZE - 1, name);
    const char *digits = name + IDENT_SIZE;
    errno = 0;
    long long attempt = strtoll (digits, &end, 10);
    //  One spelling for each attempt, and no number that a message cannot carry.
    if (!ident_valid (incident.text) || *digits < '1' || *digits > '9' || *end || errno
        || attempt > INT32_MAX)
        return false;
    *ret_incident = incident;
    *ret_attempt = attempt;
    return true;
}

void
home_each (const home_t *self, const char *part, void *ctx,
           void (*visit) (void *ctx, const char *path, const char *name))
{
    const folder_rules_t rules = {.depth = 1};
    char path [HOME_PATH];
    snprintf (path, sizeof path, "%s/%s", self->path, part);
    own (own_fd) int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    if (fd < 0 || folder_walk_new (fd, "", &rules, &walk) < 0)
        return;
    folder_entry_t entry;
    while (folder_walk_next (walk, &entry) > 0) {
        char item [HOME_PATH + 256];
        snprintf (item, sizeof item, "%s/%s", path, entry.name);
        visit (ctx, item, entry.name);
    }
}

//  Set the path of the worker's folder in an existing root.
//  Err: ERR_CONFIG: a broker holds the root, diag says so; -errno.
static int
s_place (home_t *self, const char *root, const char *name, err_diag_t *diag)
{
    char absolute [PATH_MAX];
    if (!realpath (root, absolute))
        return -errno;
    if (s_broker_holds (absolute)) {
        err_diag (diag, "workspace_root %.150s is held by a broker: give the worker its own folder",
                  absolute);
        return ERR_CONFIG;
    }
    const int size = snprintf (self->path, sizeof self->path, "%s/%s", absolute, name);
    return size < (int) sizeof self->path ? 0 : -ENAMETOOLONG;
}

int
home_look (const char *root, const char *name, err_diag_t *diag)
{
    static const char *const parts [] = {"jobs", "spool", "trash"};
    home_t self = {.lock_fd = -1};
    char path [HOME_PATH];
    int rc = reach_folder (root, true, diag);
    if (rc == 0)
        rc = s_place (&self, root, name, diag);
    if (rc == -ENOENT) //  the start makes all of it
        return 0;
    for (size_t i = 0; rc == 0 && i < sizeof parts / sizeof parts [0]; i++) {
        snprintf (path, sizeof path, "%s/%s", self.path, parts [i]);
        rc = reach_folder (path, true, diag);
    }
    snprintf (path, sizeof path, "%s/.lock", self.path);
    if (rc == 0)
        rc = reach_writable (path, true, diag);
    if (rc == 0)
        rc = s_identity_read (&self, diag);
    return rc == -ENOENT ? 0 : rc;
}

static void
s_tell_limits (void)
{
    cgroup_by_t by [CGROUP_PARTS];
    cgroup_probe (by);
    log_info ("limits of agents are held", kv ("memory", cgroup_place_by (by [CGROUP_MEMORY])),
              kv ("pids", cgroup_place_by (by [CGROUP_PIDS])),
              kv ("cpu", cgroup_place_by (by [CGROUP_CPU])),
              kv ("kill", cgroup_place_by (by [CGROUP_KILL])));
}

int
home_open (home_t *self, const char *root, const char *name, err_diag_t *diag)
{
    *self = (home_t){.lock_fd = -1};
    int rc = s_mkdirs (root);
    if (rc == 0)
        rc = s_place (self, root, name, diag);
    if (rc == 0)
        rc = s_mkdirs (self->path);
    if (rc == 0)
        rc = s_lock (self);
    if (rc == -EBUSY) {
        err_diag (diag, "%.180s is in use: another worker of this name is running", self->path);
        return rc;
    }
    if (rc == 0)
        rc = home_folders (self);
    if (rc == 0)
        rc = s_identity (self, diag);
    if (rc < 0) {
        if (rc != ERR_CONFIG)
            err_diag (diag, "workspace_root %.150s: %s", root, err_str (rc));
        return rc;
    }
    snprintf (self->name, sizeof self->name, "%s", name);
    cgroup_place_delegate ();
    s_tell_limits ();
    s_end_agents (self);
    s_end_containers (self);
    return 0;
}

void
home_close (home_t *self)
{
    own_fd (&self->lock_fd);
}

void
home_path (const home_t *self, const char *part, const char *incident, int64_t attempt,
           char ret_path [HOME_PATH])
{
    snprintf (ret_path, HOME_PATH, "%s/%s/%s.%" PRId64, self->path, part, incident, attempt);
}

void
home_claim (const char *path)
{
    struct stat status;
    if (lstat (path, &status) == 0 && S_ISDIR (status.st_mode) && (status.st_mode & 0700) != 0700
        && chmod (path, 0700) != 0)
        log_warn ("workspace is closed to us", kv ("path", path), kv ("error", strerror (errno)));
}

void
home_discard (home_t *self, const char *path)
{
    char trash [HOME_PATH];
    snprintf (trash, sizeof trash, "%s/trash/%016" PRIx64, self->path, ident_random64 ());
    home_claim (path);
    int rc = durable_rename (AT_FDCWD, path, AT_FDCWD, trash, "discard");
    if (rc < 0 && rc != -ENOENT)
        log_warn ("workspace not removed", kv ("path", path), kv ("error", err_str (rc)));
    self->trash_clean = false;
}

//  Move a folder that is too deep for one walk to the top of the trash; a later sweep removes it.
static void
s_lift (int trash_fd, const folder_entry_t *entry)
{
    char top [64];
    snprintf (top, sizeof top, "%016" PRIx64, ident_random64 ());
    int rc = durable_rename (entry->dir_fd, entry->name, trash_fd, top, "sweep");
    if (rc < 0)
        log_debug ("folder met again with the next look", kv ("error", err_str (rc)));
}

bool
home_sweep (home_t *self, int max)
{
    const folder_rules_t rules = {.depth = HOME_DEPTH, .unlock = true};
    if (self->trash_clean)
        return true;
    char path [HOME_PATH];
    snprintf (path, sizeof path, "%s/trash", self->path);
    own (own_fd) int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    own (folder_walk_destroy) folder_walk_t *walk = NULL;
    folder_entry_t entry;
    int more = fd < 0 ? 0 : folder_walk_new (fd, "", &rules, &walk);
    int budget = max;
    while (walk && budget > 0 && (more = folder_walk_next (walk, &entry)) > 0) {
        if (entry.left) {
            (void) unlinkat (entry.dir_fd, entry.name, AT_REMOVEDIR);
            continue;
        }
        budget--;
        if (!S_ISDIR (entry.st.st_mode))
            (void) unlinkat (entry.dir_fd, entry.name, 0);
        else if (folder_walk_enter (walk) == ERR_LIMIT)
            s_lift (fd, &entry);
    }
    self->trash_clean = more <= 0 && budget == max;
    return self->trash_clean;
}
