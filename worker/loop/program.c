//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/program.h"

#include "common/base/log.h"
#include "worker/keeper/secrets.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char s_custom [] = "AGENT_CUSTOM_COMMAND";

static bool
s_passed_on (const settings_t *settings, const char *variable)
{
    char name [SECRETS_NAME];
    for (const char *at = settings->agent_env; secrets_next_name (&at, name);)
        if (strcmp (name, variable) == 0)
            return true;
    return false;
}

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
    size_t size = 0;
    const char *command =
        s_passed_on (settings, s_custom) ? secrets_variable (s_custom, &size) : NULL;
    return command ? command : "";
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

int
program_folder (char ret_folder [PATH_MAX], err_diag_t *diag)
{
    const ssize_t size = readlink ("/proc/self/exe", ret_folder, PATH_MAX - 1);
    ret_folder [size > 0 ? size : 0] = 0;
    char *slash = strrchr (ret_folder, '/');
    if (!slash) {
        err_diag (diag, "cannot find this program's own folder");
        return ERR_CONFIG;
    }
    *slash = 0;
    return 0;
}

//  Make the script's path absolute, because agents run in other folders.
static int
s_absolute (const char *script, char ret_script [PATH_MAX], err_diag_t *diag)
{
    char cwd [PATH_MAX / 2] = "/";
    const bool relative = *script != '/' && getcwd (cwd, sizeof cwd);
    script += strncmp (script, "./", 2) == 0 ? 2 : 0;
    if (snprintf (ret_script, PATH_MAX, "%s%s%s", relative ? cwd : "", relative ? "/" : "", script)
        < PATH_MAX)
        return 0;
    err_diag (diag, "agent_script_path is too long");
    return ERR_CONFIG;
}

int
program_script (const settings_t *settings, const char *program_dir, char ret_script [PATH_MAX],
                err_diag_t *diag)
{
    //  Beside this program, or in the libexec folder of its prefix.
    static const char *const places [] = {"run-agent.sh", "../libexec/k8s-triage/run-agent.sh"};
    const char *script = settings->agent_script_path;
    int rc = realpath (script, ret_script) ? 0 : -errno;
    for (size_t i = 0; rc < 0 && i < 2 && strcmp (script, SETTINGS_SCRIPT) == 0; i++) {
        char path [PATH_MAX + 64];
        snprintf (path, sizeof path, "%s/%s", program_dir, places [i]);
        if (realpath (path, ret_script))
            rc = 0;
    }
    if (rc < 0 && s_absolute (script, ret_script, diag) < 0)
        return ERR_CONFIG;
    if (rc == 0 && !s_is_program (ret_script))
        rc = -EACCES;
    if (rc < 0)
        err_diag (diag, "%s: %s", script, rc == -EACCES ? "not an executable file" : err_str (rc));
    return rc;
}

void
program_check (const settings_t *settings, const char *script, const char *program_dir)
{
    const char *name = program_name (settings, script);
    if (name && !name [0])
        log_error (
            "the agent's program is not there: no incident can be investigated",
            kv ("agent", settings_agent (settings)),
            kv ("program", "AGENT_CUSTOM_COMMAND is not set, or agent_env does not name it"));
    else if (name && !program_found (name, program_dir))
        log_error ("the agent's program is not there: no incident can be investigated",
                   kv ("agent", settings_agent (settings)), kv ("program", name));
    if (geteuid () == 0)
        log_warn (
            "running as root: agents can read the keys of all providers, and whatever else is on "
            "this host");
}
