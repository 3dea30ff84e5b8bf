//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/runtime.h"

#include "common/base/own.h"
#include "runner/sandbox/engine.h"
#include "runner/sandbox/probe.h"
#include "runner/sandbox/runtime_part.h"
#include "runner/sandbox/trial.h"

#include <string.h>

enum { PROBE_MS = 10000 }; //  the first start of a container takes a second

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

int
runtime_probe (const runtime_t *self, const sandbox_spec_t *spec, err_diag_t *diag)
{
    sandbox_spec_t box = {.runtime = self->name,
                          .workspace = spec->workspace,
                          .program_dir = spec->program_dir,
                          .has_user = spec->has_user,
                          .uid = spec->uid,
                          .gid = spec->gid,
                          .landlock_abi = spec->landlock_abi,
                          .image = spec->image,
                          .self_test = true};
    int rc = self->look (&box, diag);
    //  There is nothing to see where nothing is held.
    if (rc < 0 || self == &runtime_none)
        return rc;
    own (trial_close) trial_t trial = {0};
    own (words_fini) words_t environment = {0};
    engine_environment (&environment);
    rc = trial_open (&trial, self, &box, diag);
    const probe_spec_t probe = {
        .words = &trial.words, .environment = &environment, .limit_ms = PROBE_MS};
    rc = rc ? rc : probe_run (&probe, diag);
    trial.ended = rc == 0;
    return rc;
}
