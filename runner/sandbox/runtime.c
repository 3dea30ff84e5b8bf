//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/runtime.h"

#include "common/base/folder.h"
#include "common/base/own.h"
#include "runner/sandbox/engine.h"
#include "runner/sandbox/probe.h"
#include "runner/sandbox/runtime_part.h"
#include "runner/sandbox/workspace.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROBE_DEPTH = 64, PROBE_MS = 10000 }; //  the first start of a container takes a second

static const runtime_t *const s_rows [] = {&runtime_podman, &runtime_docker, &runtime_bwrap,
                                           &runtime_landlock, &runtime_none};

enum { ROWS = sizeof s_rows / sizeof s_rows [0] };

const runtime_t *
runtime_at (size_t index)
{
    return index < ROWS ? s_rows [index] : NULL;
}

const runtime_t *
runtime_find (const char *name)
{
    for (size_t i = 0; i < ROWS; i++)
        if (strcmp (s_rows [i]->name, name) == 0)
            return s_rows [i];
    return NULL;
}

static int
s_run (const words_t *words, err_diag_t *diag)
{
    own (words_fini) words_t environment = {0};
    engine_environment (&environment);
    const probe_spec_t spec = {.words = words, .environment = &environment, .limit_ms = PROBE_MS};
    return probe_run (&spec, diag);
}

//  Run the self-test in this new folder.
static int
s_try (const runtime_t *self, const sandbox_spec_t *spec, const char *folder, err_diag_t *diag)
{
    sandbox_spec_t box = {.runtime = self->name,
                          .workspace = folder,
                          .program_dir = spec->program_dir,
                          .has_user = spec->has_user,
                          .uid = spec->uid,
                          .gid = spec->gid,
                          .landlock_abi = spec->landlock_abi,
                          .image = spec->image,
                          .self_test = true};
    own (words_fini) words_t words = {0};
    int rc = box.has_user ? workspace_give (folder, box.uid, box.gid)
                          : workspace_give (folder, geteuid (), getegid ());
    if (rc < 0)
        err_diag (diag, "%s: %s", folder, err_str (rc));
    rc = rc ? rc : self->command (&box, &words, diag);
    return rc ? rc : words.count > 0 ? s_run (&words, diag) : 0;
}

int
runtime_probe (const runtime_t *self, const sandbox_spec_t *spec, err_diag_t *diag)
{
    sandbox_spec_t named = *spec;
    named.runtime = self->name;
    int rc = self->look (&named, diag);
    //  There is nothing to see where nothing is held.
    if (rc < 0 || self == &runtime_none)
        return rc;
    char folder [PATH_MAX];
    if (snprintf (folder, sizeof folder, "%s/.probe-XXXXXX", spec->workspace)
        >= (int) sizeof folder)
        return -ENAMETOOLONG;
    own (own_fd) int fd = folder_open_path (spec->workspace);
    if (fd < 0 || !mkdtemp (folder)) {
        rc = fd < 0 ? fd : -errno;
        err_diag (diag, "%s: %s", spec->workspace, err_str (rc));
        return rc;
    }
    rc = s_try (self, spec, folder, diag);
    int gone = folder_remove (fd, strrchr (folder, '/') + 1, PROBE_DEPTH);
    return rc ? rc : gone;
}
