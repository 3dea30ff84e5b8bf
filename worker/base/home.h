//  home - the worker's folder: its lock, its identity and its workspaces.
//
//  <root>/<name>/.lock        held while the worker runs
//  <root>/<name>/worker-id    a UUIDv7, the identity without keys
//  <root>/<name>/jobs/        workspaces of running attempts: <incident>.<attempt>/
//  <root>/<name>/spool/       finished attempts that the broker has not acknowledged
//  <root>/<name>/trash/       folders to be removed, a few entries at a time
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/ident.h"

#include <stdbool.h>
#include <stdint.h>

enum { HOME_PATH = 4096, HOME_NAME = 64, HOME_CGROUP = 192 };

typedef struct {
    char name [HOME_NAME];
    char path [HOME_PATH - 256]; //  absolute; leaves room for paths below it
    ident_t id;
    int lock_fd;
    bool trash_clean; //  the trash is empty
} home_t;

//  The worker's name: the configured one, or one made from the host name.
//  Err: ERR_CONFIG; diag says why.
int
home_name (const char *configured, char ret_name [HOME_NAME], err_diag_t *diag) must_check;
//  Make and lock the folder, and kill agents that a killed worker left running in it.  Their
//  cgroups and containers are removed; an engine that does not answer delays it by 20 s at most.
//  Err: ERR_CONFIG: a broker holds root, or the identity is none; -errno: not writable; -EBUSY:
//  another worker holds the folder.
//  diag says why; call home_close also on failure.
int
home_open (home_t *self, const char *root, const char *name, err_diag_t *diag) must_check;
//  Would home_open succeed?  Makes nothing.  A worker that holds the folder is no error.
//  Err: ERR_CONFIG, -errno; diag says why.
int
home_look (const char *root, const char *name, err_diag_t *diag) must_check;
//  Release the lock.
void
home_close (home_t *self);
//  Make missing folders: agents run as our user and may have removed them.  Err: -errno.
int
home_folders (const home_t *self) must_check;
//  "<home>/<part>/<incident>.<attempt>"; part is "jobs" or "spool".
void
home_path (const home_t *self, const char *part, const char *incident, int64_t attempt,
           char ret_path [HOME_PATH]);
//  "triage-<worker>-<tag>-<incident>-<attempt>", the name of a run's cgroup.  The tag is a part of
//  our identity: workers of one name in two folders do not touch each other's.  incident NULL: what
//  all names of this home start with.
void
home_cgroup (const home_t *self, const char *incident, int64_t attempt,
             char ret_name [HOME_CGROUP]);
//  Note that containers of this engine, "podman" or "docker", will run: home_open removes what is
//  left of them.  Their label ENGINE_OWNER is the start of home_cgroup's names.
void
home_mark_engine (const home_t *self, const char *engine);
//  Read the name <incident>.<attempt>, the last part of home_path.  False: it is another name.
bool
home_name_parse (const char *name, ident_t *ret_incident, int64_t *ret_attempt);
//  Visit each entry of "jobs" or "spool"; visit may discard its entry.
void
home_each (const home_t *self, const char *part, void *ctx,
           void (*visit) (void *ctx, const char *path, const char *name));
//  Restore our access to a workspace that an agent may have closed.  No agent may run in it now.
void
home_claim (const char *path);
//  Move a folder to the trash.  Its name is free at once; home_sweep removes its files.
void
home_discard (home_t *self, const char *path);
//  Remove at most max entries from the trash.  Returns true when it is empty.
bool
home_sweep (home_t *self, int max);
