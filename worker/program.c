//  program - looked for as run-agent.sh does.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/program.h"

#include "common/base/log.h"
#include "worker/secrets.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char s_custom [] = "AGENT_CUSTOM_COMMAND";

const char *
program_name (const settings_t *settings, const char *script)
{
    const char *slash = strrchr (script, '/');
    if (strcmp (slash ? slash + 1 : script, "run-agent.sh") != 0)
        return NULL;
    const char *agent = settings_agent (settings);
    if (strcmp (agent, "playbook") == 0)
        return "triage-playbook";
    if (strcmp (agent, "custom") != 0)
        return agent;
    char name [SECRETS_NAME];
    size_t size = 0;
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        if (strcmp (name, s_custom) == 0)
            return secrets_variable (s_custom, &size);
    return NULL;
}

static bool
s_is_program (const char *path)
{
    struct stat status;
    return stat (path, &status) == 0 && S_ISREG (status.st_mode) && access (path, X_OK) == 0;
}

bool
program_found (const char *name, const char *program_dir)
{
    if (strchr (name, '/'))
        return s_is_program (name);
    char path [PATH_MAX];
    snprintf (path, sizeof path, "%s/%s", program_dir, name);
    if (s_is_program (path))
        return true;
    const char *at = getenv ("PATH");
    at = at && *at ? at : "/usr/bin:/bin";
    while (*at) {
        size_t size = strcspn (at, ":");
        snprintf (path, sizeof path, "%.*s/%s", (int) size, at, name);
        if (size > 0 && s_is_program (path))
            return true;
        at += size + (at [size] == ':');
    }
    return false;
}

void
program_check (const settings_t *settings, const char *script, const char *program_dir)
{
    const char *name = program_name (settings, script);
    if (name && !program_found (name, program_dir))
        log_error ("the agent's program is not there: no incident can be investigated",
                   kv ("agent", settings_agent (settings)), kv ("program", name));
    if (geteuid () == 0)
        log_warn (
            "running as root: agents can read the keys of all providers, and whatever else is on "
            "this host");
}
