//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/runtimes.h"

#include "common/base/log.h"
#include "worker/loop/agent_user.h"

#include <stdio.h>
#include <string.h>

static int
s_spec (const runtimes_ask_t *ask, const runtime_t *runtime, sandbox_spec_t *ret_spec,
        err_diag_t *diag)
{
    *ret_spec = (sandbox_spec_t){.runtime = runtime->name,
                                 .workspace = ask->home,
                                 .program_dir = ask->program_dir,
                                 .image = ask->settings->agent_image};
    return strcmp (runtime->name, "none") == 0
               ? 0
               : agent_user_give (ask->settings->agent_user, ret_spec, diag);
}

int
runtimes_probe (const runtimes_ask_t *ask, const runtime_t *runtime, err_diag_t *diag)
{
    sandbox_spec_t spec;
    int rc = s_spec (ask, runtime, &spec, diag);
    return rc < 0 ? rc : runtime_probe (runtime, &spec, diag);
}

unsigned
runtimes_holes (const runtimes_ask_t *ask, const runtime_t *runtime)
{
    sandbox_spec_t spec;
    return s_spec (ask, runtime, &spec, NULL) < 0 ? 0 : runtime->holes (&spec);
}

//  Why no runtime holds: what bwrap says where it is installed, else the packages to install.
typedef struct {
    char packages [128];
    err_diag_t bwrap;
} refused_t;

static void
s_refused (refused_t *self, const runtime_t *runtime, int rc, const err_diag_t *why)
{
    const size_t size = strlen (self->packages);
    log_debug ("a runtime does not hold here", kv ("runtime", runtime->name),
               kv ("why", why->text));
    if (rc != ERR_NONE && strcmp (runtime->name, "bwrap") == 0)
        self->bwrap = *why;
    if (rc == ERR_NONE && runtime->package)
        snprintf (self->packages + size, sizeof self->packages - size, "%s%s", size ? ", " : "",
                  runtime->package);
}

static int
s_choose (const runtimes_ask_t *ask, char ret_name [DRIVER_WORD], err_diag_t *diag)
{
    refused_t refused = {.packages = ""};
    const runtime_t *runtime;
    for (size_t i = 0; (runtime = runtime_at (i)); i++) {
        err_diag_t why = {""};
        if (strcmp (runtime->name, "none") == 0)
            continue;
        const int rc = runtimes_probe (ask, runtime, &why);
        if (rc == 0) {
            snprintf (ret_name, DRIVER_WORD, "%s", runtime->name);
            return 0;
        }
        s_refused (&refused, runtime, rc, &why);
    }
    if (strcmp (settings_agent (ask->settings), "playbook") == 0) {
        snprintf (ret_name, DRIVER_WORD, "none");
        return 0;
    }
    const char *said = refused.bwrap.text;
    said += strncmp (said, "bwrap: ", 7) == 0 ? 7 : 0; //  it begins with its own name
    static const char more [] = "triage-worker --list-runtimes says why each does not hold";
    if (*said)
        err_diag (diag, "no sandbox holds on this host: bwrap: %.120s; %s", said, more);
    else
        err_diag (diag, "no sandbox holds on this host: install one of these packages: %s; %s",
                  refused.packages, more);
    return ERR_CONFIG;
}

//  Is the user of the agents there?  Without one no runtime holds.
static int
s_look_user (const runtimes_ask_t *ask, err_diag_t *diag)
{
    sandbox_spec_t spec = {.runtime = NULL};
    return agent_user_give (ask->settings->agent_user, &spec, diag);
}

int
runtimes_choose (const runtimes_ask_t *ask, char ret_name [DRIVER_WORD], err_diag_t *diag)
{
    const char *wanted = ask->settings->agent_runtime;
    if (strcmp (wanted, "none") != 0 && s_look_user (ask, diag) < 0)
        return ERR_CONFIG;
    if (strcmp (wanted, "auto") == 0)
        return s_choose (ask, ret_name, diag);
    const runtime_t *runtime = runtime_find (wanted);
    err_diag_t why = {""};
    int rc = runtime ? runtimes_probe (ask, runtime, &why) : ERR_CONFIG;
    if (rc == 0)
        snprintf (ret_name, DRIVER_WORD, "%s", wanted);
    else
        err_diag (diag, "agent_runtime %s does not hold here: %s", wanted,
                  why.text [0] ? why.text : err_str (rc));
    return rc < 0 ? ERR_CONFIG : 0;
}
