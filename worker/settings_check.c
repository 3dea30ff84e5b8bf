//  SPDX-License-Identifier: Apache-2.0
#include "worker/settings_check.h"

#include "common/base/own.h"
#include "common/base/reach.h"
#include "common/client/client.h"
#include "common/wire/curve.h"
#include "worker/base/home.h"
#include "worker/keeper/secrets.h"
#include "worker/loop/agent_user.h"
#include "worker/loop/driver.h"
#include "worker/loop/network.h"
#include "worker/loop/program.h"
#include "worker/loop/read_paths.h"

static void
s_keys (const settings_t *settings, conf_check_t *check)
{
    const char *const *at [] = {&settings->broker_endpoint, &settings->broker_files_endpoint};
    client_check (check, &settings->keys_dir, CURVE_ROLE_WORKER, at, sizeof at / sizeof at [0]);
}

static void
s_home (const settings_t *settings, conf_check_t *check)
{
    char name [HOME_NAME];
    err_diag_t diag = {""};
    int rc = home_name (settings->worker_name, name, &diag);
    conf_check_result (check, &settings->worker_name, rc, &diag);
    if (rc < 0)
        return;
    diag = (err_diag_t){""};
    rc = home_look (settings->workspace_root, name, &diag);
    conf_check_result (check, &settings->workspace_root, rc, &diag);
    conf_check_skip (check, "whether another worker of this name is running");
}

//  Here a missing program is an error.  The start only logs it: it may be installed later.
static void
s_programs (const settings_t *settings, conf_check_t *check)
{
    char folder [PATH_MAX], script [PATH_MAX];
    err_diag_t diag = {""};
    int rc = program_folder (folder, &diag);
    if (rc == 0)
        rc = program_script (settings, folder, script, &diag);
    conf_check_result (check, &settings->agent_script_path, rc, &diag);
    if (rc == ERR_CONFIG)
        return;
    const runtime_t *runtime = runtime_find (settings->agent_runtime);
    const driver_ask_t ask = {.settings = settings, .script = script, .program_dir = folder};
    driver_t driver = {.ours = true};
    err_diag_t why = {""};
    if (rc == 0)
        rc = driver_check (settings, script, &why);
    if (rc == 0 && runtime && runtime->image) {
        conf_check_skip (check, "whether the program of the agent is in its image");
        return;
    }
    if (rc == 0)
        rc = driver_describe (&ask, &driver, &why);
    if (rc == 0)
        rc = network_check_key (settings, &driver, &why);
    if (why.text [0])
        conf_check_error (check, &settings->agent_cli, "%s", why.text);
    if (rc == 0 && !driver.ours)
        conf_check_skip (check, "whether the program of the agent is there: only %s knows its name",
                         script);
}

//  Likewise for a kubeconfig file: a Secret may be mounted later.
static void
s_kubeconfig (conf_check_t *check, const char *const *at)
{
    char path [PATH_MAX];
    err_diag_t diag = {""};
    for (const char *list = *at; settings_next_path (&list, path);)
        conf_check_result (check, at, reach_readable (path, &diag), &diag);
}

//  The box of agents: its user, and the hosts that it may reach.
static void
s_box (const settings_t *settings, conf_check_t *check)
{
    sandbox_spec_t spec = {.runtime = NULL};
    err_diag_t diag = {""};
    int rc = agent_user_give (settings->agent_user, &spec, &diag);
    conf_check_result (check, &settings->agent_user, rc, &diag);
    diag = (err_diag_t){""};
    rc = network_check_hosts (settings, &diag);
    conf_check_result (check, &settings->agent_allowed_hosts, rc, &diag);
    conf_check_skip (check, "whether a sandbox holds here: --list-runtimes and --check-agent look");
}

static void
s_paths (const settings_t *settings, conf_check_t *check)
{
    for (size_t i = 0; i < READ_PATHS_OPTIONS; i++) {
        read_paths_option_t option;
        err_diag_t diag = {""};
        const int rc = read_paths_look (settings, i, &option, &diag);
        conf_check_result (check, option.at, rc, &diag);
    }
}

static void
s_short (void *ctx, const void *at, const char *name, size_t size)
{
    conf_check_warn (ctx, at, "%s has %zu bytes: too short to be removed from what agents write",
                     name, size);
}

void
settings_check (const conf_t *conf, conf_check_t *check)
{
    const settings_t *settings = conf_settings (conf);
    const settings_cluster_t *clusters = settings->clusters.items;
    s_keys (settings, check);
    s_home (settings, check);
    s_programs (settings, check);
    s_kubeconfig (check, &settings->kubeconfig);
    s_paths (settings, check);
    s_box (settings, check);
    for (size_t i = 0; i < settings->clusters.count; i++)
        s_kubeconfig (check, &clusters [i].kubeconfig);
    secrets_short (settings, check, s_short);
    conf_check_skip (check, "whether clusters, agents and providers take the credentials: nothing "
                            "is sent to the network");
}
