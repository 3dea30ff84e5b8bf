//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/trial.h"

#include "common/base/folder.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "runner/sandbox/workspace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIAL_DEPTH = 64 };

int
trial_open (trial_t *self, const runtime_t *runtime, const sandbox_spec_t *spec, err_diag_t *diag)
{
    *self = (trial_t){.ended = false};
    if (snprintf (self->folder, sizeof self->folder, "%s/.probe-XXXXXX", spec->workspace)
        >= (int) sizeof self->folder)
        return -ENAMETOOLONG;
    if (!mkdtemp (self->folder)) {
        const int rc = -errno;
        err_diag (diag, "%s: %s", spec->workspace, err_str (rc));
        return rc;
    }
    self->runtime = runtime;
    const char *random = strrchr (self->folder, '-') + 1;
    snprintf (self->name, sizeof self->name, "triage-agent-probe-%ld-%.16s", (long) getpid (),
              random);
    sandbox_spec_t box = *spec;
    box.runtime = runtime->name;
    box.workspace = self->folder;
    box.name = self->name;
    box.trial = true;
    int rc = box.has_user ? workspace_give (self->folder, box.uid, box.gid)
                          : workspace_give (self->folder, geteuid (), getegid ());
    if (rc < 0)
        err_diag (diag, "%s: %s", self->folder, err_str (rc));
    rc = rc ? rc : runtime->command (&box, &self->words, diag);
    return rc ? rc : self->words.failed;
}

void
trial_close (trial_t *self)
{
    bool oom = false;
    const sandbox_spec_t box = {.runtime = self->runtime ? self->runtime->name : "",
                                .name = self->name};
    //  The engine's next sweep finds what cannot be removed now.
    if (self->runtime && self->runtime->end && !self->ended)
        (void) self->runtime->end (&box, &oom, &(err_diag_t){""});
    words_fini (&self->words);
    const bool entered = self->runtime != NULL;
    self->runtime = NULL;
    const int rc = entered ? folder_remove_path (self->folder, TRIAL_DEPTH) : 0;
    if (rc < 0)
        log_warn ("a folder is left", kv ("folder", self->folder), kv ("error", err_str (rc)));
}
