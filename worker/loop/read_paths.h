//  read_paths - what an agent may read besides the system: programs, certificates, settings.
//
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "runner/sandbox/sandbox.h"
#include "worker/base/settings.h"
#include "worker/loop/driver.h"

enum { READ_PATHS_BYTES = 64 * 1024 };

//  All paths, each ended by a NUL.  Paths that are missing are left out.
typedef struct {
    buf_t texts;
    size_t count;
    bool image; //  of a container, which has its own system and programs
} read_paths_t;

//  Find them.  image: programs come from a container's image.
//  Own: fresh; read_paths_fini.  Err: ERR_LIMIT: more than SANDBOX_PATHS; -ENOMEM.
int
read_paths_find (const settings_t *settings, const driver_t *driver, const char *script,
                 const char *program_dir, bool image, read_paths_t *ret_paths) must_check;
void
read_paths_fini (read_paths_t *self);
//  Add them to a sandbox, which borrows them.
void
read_paths_give (const read_paths_t *self, sandbox_spec_t *sandbox);

enum { READ_PATHS_OPTIONS = 4 };

//  An option that names paths for agents.
typedef struct {
    const char *name;
    const char *const *at; //  its value in the settings
} read_paths_option_t;

//  Is all that such an option names there, and can it be read?  Yes where it is not set.  It fills
//  ret_option in any case.  i < READ_PATHS_OPTIONS.  Err: -errno; diag says the first path that is
//  not, and why.
int
read_paths_look (const settings_t *settings, size_t i, read_paths_option_t *ret_option,
                 err_diag_t *diag) must_check;
