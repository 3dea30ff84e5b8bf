//  home - the worker's folder: its lock, its identity, and the rubbish that is swept bit by bit.
//
//  <root>/<name>/.lock        held while the worker lives
//  <root>/<name>/worker-id    UUIDv7, the identity where no keys are used
//  <root>/<name>/jobs/        workspaces of running attempts: <incident>.<attempt>/
//  <root>/<name>/spool/       finished attempts that the broker has not acknowledged
//  <root>/<name>/trash/       on its way out
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/ident.h"

#include <stdbool.h>
#include <stdint.h>

enum { HOME_PATH = 4096, HOME_NAME = 64 };

typedef struct {
    char name [HOME_NAME];
    char path [HOME_PATH - 256]; //  absolute; room for what is put below it
    ident_t id;
    int lock_fd;
    bool trash_clean; //  nothing to sweep
} home_t;

//  Fill in the worker's name: configured, or made from the host name.  Err: ERR_CONFIG.
int
home_name (const char *configured, char ret_name [HOME_NAME], err_diag_t *diag) must_check;
//  Make and lock the folder, kill what a killed worker left running in it.
//  Err: ERR_CONFIG with a diag (a broker holds the root, not writable), -EBUSY a worker holds it.
int
home_open (home_t *self, const char *root, const char *name, err_diag_t *diag) must_check;
//  Would home_open do?  Nothing is made, and a worker that holds it is no error.
//  Err: ERR_CONFIG, -errno; diag says why.
int
home_look (const char *root, const char *name, err_diag_t *diag) must_check;
void
home_close (home_t *self);
//  Make the folders again: an agent has our user and may have removed them.  Err: -errno.
int
home_folders (const home_t *self) must_check;
//  "<home>/<part>/<incident>.<attempt>"; part is "jobs" or "spool".
void
home_path (const home_t *self, const char *part, const char *incident, int64_t attempt,
           char ret_path [HOME_PATH]);
//  What home_path made of (incident, attempt); false for any other name.
bool
home_name_parse (const char *name, ident_t *ret_incident, int64_t *ret_attempt);
//  Visit each entry of "jobs" or "spool"; a visit may discard what it is shown.
void
home_each (const home_t *self, const char *part, void *ctx,
           void (*visit) (void *ctx, const char *path, const char *name));
//  An agent may have closed its workspace: take read, write and search rights back.
//  No agent may run in it.
void
home_claim (const char *path);
//  Move a folder to the trash; gone from its name at once, its files later.
void
home_discard (home_t *self, const char *path);
//  Remove at most max entries from the trash.  Returns true when it is empty.
bool
home_sweep (home_t *self, int max);
