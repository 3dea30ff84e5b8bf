//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
s_is_program (const char *path)
{
    struct stat status;
    return stat (path, &status) == 0 && S_ISREG (status.st_mode) && access (path, X_OK) == 0;
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
