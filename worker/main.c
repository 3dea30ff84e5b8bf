//  triage-worker - runs agents for incidents that the broker assigns.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/process.h"
#include "common/base/ready.h"
#include "common/base/threads.h"
#include "common/conf/conf.h"
#include "worker/base/home.h"
#include "worker/base/settings.h"
#include "worker/check_agent.h"
#include "worker/loop/worker.h"
#include "worker/settings_check.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

enum { S_THREADS = 6 }; //  keeper, gateway, remover, the look at agents, and two of libzmq

static int
s_refuse (int rc, const char *text)
{
    log_error (text);
    return rc == -EBUSY ? EXIT_SECOND : err_exit_path (rc);
}

static int
s_ready (const settings_t *settings, const home_t *home)
{
    char lines [HOME_NAME + 1024];
    snprintf (lines, sizeof lines, "worker=%s\nid=%s\nwork=%s\nfiles=%s\n", home->name,
              home->id.text, settings->broker_endpoint, settings->broker_files_endpoint);
    return ready_write (settings->common.ready_file, lines);
}

static int
s_run (conf_t *conf, home_t *home, curve_keys_t *keys, int signal_fd)
{
    const settings_t *settings = conf_settings (conf);
    err_diag_t diag = {""};
    own (worker_destroy) worker_t *worker = worker_new (conf, home, keys, signal_fd, &diag);
    if (!worker)
        return s_refuse (ERR_CONFIG, diag.text);
    int rc = s_ready (settings, home);
    if (rc < 0) {
        log_error ("ready file not written", kv ("error", err_str (rc)));
        return err_exit_path (rc);
    }
    return worker_run (worker);
}

//  Take a question out of the arguments.  Was it there?
static bool
s_asked (int *argc, char **argv, const char *flag)
{
    int kept = 0;
    for (int i = 0; i < *argc; i++)
        if (strcmp (argv [i], flag) != 0)
            argv [kept++] = argv [i];
    const bool asked = kept < *argc;
    *argc = kept;
    argv [kept] = NULL;
    return asked;
}

int
main (int argc, char **argv)
{
    //  Agents run as the same user, and this process holds the keys of all providers.
    //  triage-run is not hidden: it holds only the keys of its own agent, and a worker finds one
    //  that was left behind by its environment.
    process_hide ();
    failpoint_init ("worker");
    own (own_fd) int signal_fd = process_signals (true);
    if (signal_fd < 0)
        return EXIT_RUNTIME;
    own (conf_destroy) conf_t *conf = NULL;
    conf_spec_t spec = settings_spec;
    spec.check = settings_check;
    const bool check = s_asked (&argc, argv, "--check-agent");
    const bool list = s_asked (&argc, argv, "--list-runtimes");
    int rc = conf_load (&spec, argc, argv, environ, &conf);
    if (rc > 0)
        return 0;
    if (rc < 0)
        return rc == -EINVAL ? EXIT_USAGE : EXIT_CONFIG;

    const settings_t *settings = conf_settings (conf);
    log_set_level ((enum log_level) settings->common.log_level);
    log_set_format ((enum log_format) settings->common.log_format);
    if (check || list) {
        (void) setlocale (LC_CTYPE, ""); //  for the width of characters in a table
        return check ? check_agent (settings) : check_agent_runtimes (settings);
    }
    if (threads_check (S_THREADS) < 0)
        return EXIT_RUNTIME;
    err_diag_t diag = {""};
    curve_keys_t keys = {0};
    char name [HOME_NAME];
    home_t home = {.lock_fd = -1};
    rc = home_name (settings->worker_name, name, &diag);
    if (rc == 0)
        rc = curve_load_peer (settings->keys_dir, CURVE_ROLE_WORKER, &keys, &diag);
    if (rc == 0)
        rc = home_open (&home, settings->workspace_root, name, &diag);
    if (rc < 0) {
        home_close (&home);
        return s_refuse (rc, diag.text);
    }
    rc = s_run (conf, &home, &keys, signal_fd);
    curve_wipe (&keys); //  only now: until here a socket may be rebuilt
    home_close (&home);
    return rc;
}
