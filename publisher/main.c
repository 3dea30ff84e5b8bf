//  triage-publisher - send recorded faults to the broker; argv and wiring only.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "publisher/replay.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

extern char **environ;

static int
s_signal_fd (void)
{
    sigset_t set;
    sigemptyset (&set);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGINT);
    if (sigprocmask (SIG_BLOCK, &set, NULL) != 0 || signal (SIGPIPE, SIG_IGN) == SIG_ERR)
        return -1;
    return signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

//  Err: ERR_CONFIG.
static int
s_keys (const settings_t *settings, curve_keys_t *ret_keys, err_diag_t *diag)
{
    if (strlen (settings->cluster) > 63) {
        err_diag (diag, "cluster: a name of at most 63 bytes is expected");
        return ERR_CONFIG;
    }
    int rc = curve_load_peer (settings->keys_dir, CURVE_ROLE_PUBLISHER, ret_keys, diag);
    if (rc < 0 || ret_keys->enabled)
        return rc;
    const char *endpoints [] = {settings->ingest_endpoint, settings->files_endpoint};
    for (size_t at = 0; at < 2; at++)
        if (!curve_endpoint_local (endpoints [at])) {
            err_diag (diag,
                      "%s is not local and keys_dir %s does not exist: without keys only loopback "
                      "and unix sockets are allowed; make keys with `triagectl key new`",
                      endpoints [at], settings->keys_dir);
            return ERR_CONFIG;
        }
    return 0;
}

static int
s_run (const conf_t *conf)
{
    const settings_t *settings = conf_settings (conf);
    log_set_level ((enum log_level) settings->common.log_level);
    log_set_format ((enum log_format) settings->common.log_format);
    const char *const *inputs = NULL;
    size_t input_count = conf_positional (conf, &inputs);
    if (input_count == 0) {
        fprintf (stderr, "triage-publisher: name at least one FILE, or - for standard input\n");
        return EXIT_USAGE;
    }
    own (own_fd) int signal_fd = s_signal_fd ();
    own (clk_destroy) clk_t *clk = clk_new ();
    if (signal_fd < 0 || !clk)
        return EXIT_RUNTIME;

    own (replay_destroy) replay_t *replay = NULL;
    own (curve_wipe) curve_keys_t keys = {0};
    err_diag_t diag = {.text = ""};
    int rc = s_keys (settings, &keys, &diag);
    replay_args_t args = {.settings = settings,
                          .keys = &keys,
                          .clk = clk,
                          .inputs = inputs,
                          .input_count = input_count,
                          .signal_fd = signal_fd};
    if (rc == 0)
        rc = replay_open (&args, &replay, &diag);
    if (rc < 0) {
        log_error ("cannot start", kv ("reason", *diag.text ? diag.text : err_str (rc)));
        return rc == ERR_CONFIG ? EXIT_CONFIG : rc == -EBUSY ? EXIT_SECOND : EXIT_RUNTIME;
    }
    if (conf_write_ready (settings->common.ready_file, "") < 0)
        log_warn ("ready file cannot be written", kv ("file", settings->common.ready_file));
    return replay_run (replay);
}

int
main (int argc, char **argv)
{
    failpoint_init ("publisher");
    own (conf_destroy) conf_t *conf = NULL;
    int rc = conf_load (&settings_spec, argc, argv, environ, &conf);
    if (rc > 0)
        return 0;
    if (rc < 0)
        return rc == -EINVAL ? EXIT_USAGE : EXIT_CONFIG;
    return s_run (conf);
}
