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

static int
s_choose (const runtimes_ask_t *ask, char ret_name [DRIVER_WORD], err_diag_t *diag)
{
    char packages [128] = "";
    const runtime_t *runtime;
    for (size_t i = 0; (runtime = runtime_at (i)); i++) {
        err_diag_t why = {""};
        if (strcmp (runtime->name, "none") == 0)
            continue;
        if (runtimes_probe (ask, runtime, &why) == 0) {
            snprintf (ret_name, DRIVER_WORD, "%s", runtime->name);
            return 0;
        }
        log_debug ("a runtime does not hold here", kv ("runtime", runtime->name),
                   kv ("why", why.text));
        const size_t size = strlen (packages);
        if (runtime->package)
            snprintf (packages + size, sizeof packages - size, "%s%s", size ? ", " : "",
                      runtime->package);
    }
    if (strcmp (settings_agent (ask->settings), "playbook") == 0) {
        snprintf (ret_name, DRIVER_WORD, "none");
        return 0;
    }
    err_diag (diag,
              "no sandbox holds on this host: install one of these packages: %s; "
              "triage-worker --list-runtimes says why each does not hold",
              packages [0] ? packages : "bubblewrap, podman");
    return ERR_CONFIG;
}

int
runtimes_choose (const runtimes_ask_t *ask, char ret_name [DRIVER_WORD], err_diag_t *diag)
{
    const char *wanted = ask->settings->agent_runtime;
    if (strcmp (wanted, "auto") == 0)
        return s_choose (ask, ret_name, diag);
    const runtime_t *runtime = runtime_find (wanted);
    err_diag_t why = {""};
    int rc = runtime ? runtimes_probe (ask, runtime, &why) : ERR_CONFIG;
    if (rc == 0)
        snprintf (ret_name, DRIVER_WORD, "%s", wanted);
    else if (runtime && runtime->package)
        err_diag (diag, "agent_runtime %s does not hold here: %s; the package is %s", wanted,
                  why.text [0] ? why.text : err_str (rc), runtime->package);
    else
        err_diag (diag, "agent_runtime %s does not hold here: %s", wanted,
                  why.text [0] ? why.text : "this program does not know it");
    return rc < 0 ? ERR_CONFIG : 0;
}
