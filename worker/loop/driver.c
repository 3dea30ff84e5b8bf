//  SPDX-License-Identifier: Apache-2.0
#include "worker/loop/driver.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/own.h"
#include "runner/sandbox/engine.h"
#include "runner/sandbox/probe.h"
#include "runner/sandbox/trial.h"
#include "worker/keeper/secrets.h"
#include "worker/loop/agent_user.h"
#include "worker/loop/read_paths.h"
#include "worker/loop/run_env.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    DRIVER_ASK_MS = 20000, //  a CLI of npm takes a second to tell its version, on a busy host more
    DRIVER_MISSING = 127   //  exit code: the agent's program is not there
};

//  --- names

//  Add the names of the drivers in a folder.  True: that of the agent is one of them.
static bool
s_names (const char *folder, const char *agent, buf_t *names)
{
    DIR *dir = opendir (folder);
    const struct dirent *entry;
    bool found = false;
    while (dir && (entry = readdir (dir))) {
        const size_t size = strlen (entry->d_name);
        if (size <= 3 || strcmp (entry->d_name + size - 3, ".sh") != 0)
            continue;
        found =
            found || (strlen (agent) == size - 3 && memcmp (agent, entry->d_name, size - 3) == 0);
        (void) buf_printf (names, " %.*s", (int) size - 3, entry->d_name);
    }
    if (dir)
        closedir (dir);
    return found;
}

int
driver_check (const settings_t *settings, const char *script, err_diag_t *diag)
{
    const char *agent = settings_agent (settings), *slash = strrchr (script, '/');
    char folder [PATH_MAX];
    own (buf_fini) buf_t names = buf_init (PATH_MAX);
    if (!settings_is_ours (script) || !slash || access (script, F_OK) != 0)
        return 0;
    snprintf (folder, sizeof folder, "%.*s/drivers", (int) (slash - script), script);
    bool found = s_names (folder, agent, &names);
    const char *more = settings->agent_drivers_dir;
    if (*more)
        found = s_names (more, agent, &names) || found;
    if (found)
        return 0;
    err_diag (diag, "agent_cli: no driver %s.sh in %s%s%s; there are:%s", agent, folder,
              *more ? " or " : "", more, names.data);
    return ERR_CONFIG;
}

//  --- the question

static void
s_copy (const json_t *doc, const char *key, char *ret_text, size_t size)
{
    const char *text = json_member_text (doc, key, "");
    snprintf (ret_text, size, "%s", text);
}

static int
s_parse (const probe_t *answer, driver_t *ret_driver, err_diag_t *diag)
{
    own (json_drop) json_t *doc = NULL;
    if (json_parse (answer->out, strlen (answer->out), &doc, diag) < 0 || !json_is_object (doc))
        return ERR_CONFIG;
    s_copy (doc, "program", ret_driver->program, sizeof ret_driver->program);
    s_copy (doc, "path", ret_driver->path, sizeof ret_driver->path);
    s_copy (doc, "version", ret_driver->version, sizeof ret_driver->version);
    s_copy (doc, "model", ret_driver->model, sizeof ret_driver->model);
    s_copy (doc, "provider", ret_driver->provider, sizeof ret_driver->provider);
    s_copy (doc, "key_env", ret_driver->key_env, sizeof ret_driver->key_env);
    s_copy (doc, "base_url_env", ret_driver->base_url_env, sizeof ret_driver->base_url_env);
    s_copy (doc, "tools", ret_driver->tools, sizeof ret_driver->tools);
    s_copy (doc, "resume_prompt", ret_driver->resume_prompt, sizeof ret_driver->resume_prompt);
    ret_driver->resumes = json_is_true (json_object_get (doc, "resumes"));
    return 0;
}

//  Make a box of the runtime, without any network.
static int
s_box (const driver_ask_t *ask, const driver_t *driver, const words_t *envp, read_paths_t *read,
       trial_t *trial, err_diag_t *diag)
{
    const settings_t *settings = ask->settings;
    sandbox_spec_t spec = {.workspace = ask->home,
                           .program_dir = ask->program_dir,
                           .image = settings->agent_image,
                           .variables = envp->items};
    int rc = read_paths_find (settings, driver, ask->script, ask->program_dir, ask->runtime->image,
                              read);
    read_paths_give (read, &spec);
    rc = rc ? rc : agent_user_give (settings->agent_user, &spec, diag);
    return rc ? rc : trial_open (trial, ask->runtime, &spec, diag);
}

//  The last line that the script has said, without its name in front.
static const char *
s_said (probe_t *answer)
{
    static const char prefix [] = "run-agent.sh: ";
    const char *line = probe_last_line (answer);
    return strncmp (line, prefix, sizeof prefix - 1) == 0 ? line + sizeof prefix - 1 : line;
}

//  Run the script with --describe, in its box or here.
static int
s_run (const driver_ask_t *ask, probe_t *answer, err_diag_t *diag)
{
    own (words_fini) words_t here = {0}, envp = {0};
    own (read_paths_fini) read_paths_t read = {.count = 0};
    own (trial_close) trial_t trial = {.ended = false};
    const bool boxed = ask->runtime && ask->runtime->image;
    int rc = 0;
    run_env_describe (ask->settings, ask->program_dir, &envp);
    if (boxed) {
        rc = s_box (ask, &(driver_t){.ours = true}, &envp, &read, &trial, diag);
        engine_environment (&envp);
    }
    words_t *argv = boxed ? &trial.words : &here;
    words_add (argv, "%s", ask->script);
    words_add (argv, "--describe");
    words_flag (argv, "--agent", settings_agent (ask->settings));
    rc = rc ? rc : probe_ask (argv, &envp, DRIVER_ASK_MS, answer);
    trial.ended = rc == 0;
    return rc;
}

int
driver_describe (const driver_ask_t *ask, driver_t *ret_driver, err_diag_t *diag)
{
    *ret_driver = (driver_t){.ours = settings_is_ours (ask->script)};
    if (!ret_driver->ours) {
        if (access (ask->script, X_OK) == 0)
            return 0;
        err_diag (diag, "the agent's script cannot be run: %s: %s", ask->script, err_str (-errno));
        return ERR_CONFIG;
    }
    own (own_mem) probe_t *answer = calloc (1, sizeof *answer);
    err_diag_t why = {""};
    int rc = answer ? s_run (ask, answer, &why) : -ENOMEM;
    if (rc == 0 && answer->code == 0)
        return s_parse (answer, ret_driver, diag);
    const char *line = rc == 0 ? s_said (answer) : why.text;
    if (*line)
        err_diag (diag, "%s", line);
    else
        err_diag (diag, "%s --describe: %s", ask->script, rc < 0 ? err_str (rc) : "failed");
    return rc < 0 ? rc : answer->code == DRIVER_MISSING ? -ENOENT : ERR_CONFIG;
}

//  --- the same in the box

//  Prints the first of these paths that cannot be executed.
static const char s_test [] =
    "for path; do test -x \"$path\" || { echo \"$path\" >&2; exit 1; }; done";

int
driver_try (const driver_ask_t *ask, const driver_t *driver, err_diag_t *diag)
{
    if (!ask->runtime || ask->runtime->image || strcmp (ask->runtime->name, "none") == 0)
        return 0;
    own (words_fini) words_t envp = {0};
    own (read_paths_fini) read_paths_t read = {.count = 0};
    own (trial_close) trial_t trial = {.ended = false};
    own (own_mem) probe_t *answer = calloc (1, sizeof *answer);
    err_diag_t why = {""};
    run_env_describe (ask->settings, ask->program_dir, &envp);
    int rc = answer ? s_box (ask, driver, &envp, &read, &trial, &why) : -ENOMEM;
    words_add (&trial.words, "/bin/sh");
    words_flag (&trial.words, "-c", s_test);
    words_flag (&trial.words, "sh", ask->script);
    if (*driver->path == '/')
        words_add (&trial.words, "%s", driver->path);
    rc = rc ? rc : probe_ask (&trial.words, &envp, DRIVER_ASK_MS, answer);
    trial.ended = rc == 0;
    if (rc == 0 && answer->code == 0)
        return 0;
    const char *line = rc == 0 ? probe_last_line (answer) : why.text;
    err_diag (diag,
              "%s: the agent's user cannot run it in the sandbox (%s): open its folders to others "
              "(chmod o+x), or install it elsewhere",
              *line    ? line
              : rc < 0 ? err_str (rc)
                       : ask->script,
              ask->runtime->name);
    return ERR_CONFIG;
}
