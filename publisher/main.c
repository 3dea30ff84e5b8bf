//  triage-publisher - send recorded faults to the broker, or serve them; argv and wiring only.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"
#include "common/base/process.h"
#include "common/base/ready.h"
#include "common/base/threads.h"
#include "publisher/replay.h"
#include "publisher/serve.h"
#include "publisher/settings_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

enum { S_THREADS = 2 }; //  libzmq's

//  Err: ERR_CONFIG.
static int
s_keys (const settings_t *settings, curve_keys_t *ret_keys, err_diag_t *diag)
{
    int rc = curve_load_peer (settings->keys_dir, CURVE_ROLE_PUBLISHER, ret_keys, diag);
    if (rc == 0)
        rc = curve_endpoint_check (settings->ingest_endpoint, ret_keys, diag);
    return rc < 0 ? rc : curve_endpoint_check (settings->files_endpoint, ret_keys, diag);
}

typedef struct {
    const settings_t *settings;
    const clk_t *clk;
    const char *const *inputs;
    size_t input_count;
    int signal_fd;
} start_t;

static int
s_refused (int rc, const err_diag_t *diag)
{
    log_error ("cannot start", kv ("reason", *diag->text ? diag->text : err_str (rc)));
    return rc == ERR_CONFIG ? EXIT_CONFIG : rc == -EBUSY ? EXIT_SECOND : EXIT_RUNTIME;
}

static void
s_ready (const settings_t *settings, const char *lines)
{
    if (ready_write (settings->common.ready_file, lines) < 0)
        log_warn ("ready file cannot be written", kv ("file", settings->common.ready_file));
}

static int
s_replay (const start_t *start)
{
    own (replay_destroy) replay_t *replay = NULL;
    own (curve_wipe) curve_keys_t keys = {0};
    err_diag_t diag = {.text = ""};
    int rc = s_keys (start->settings, &keys, &diag);
    replay_args_t args = {.settings = start->settings,
                          .keys = &keys,
                          .clk = start->clk,
                          .inputs = start->inputs,
                          .input_count = start->input_count,
                          .signal_fd = start->signal_fd};
    if (rc == 0)
        rc = replay_open (&args, &replay, &diag);
    if (rc < 0)
        return s_refused (rc, &diag);
    s_ready (start->settings, "");
    return replay_run (replay);
}

static int
s_serve (const start_t *start)
{
    own (serve_destroy) serve_t *serve = NULL;
    own (recording_destroy) recording_t *recording = NULL;
    err_diag_t diag = {.text = ""};
    recording_args_t recorded = {.paths = start->inputs,
                                 .path_count = start->input_count,
                                 .cluster = start->settings->cluster,
                                 .copies = (size_t) start->settings->clusters,
                                 .cancel_fd = start->signal_fd};
    int rc = recording_read (&recorded, &recording);
    if (rc == -EINTR)
        return 0;
    if (rc < 0)
        return rc == ERR_CONFIG || rc == ERR_LIMIT ? EXIT_CONFIG : EXIT_RUNTIME;
    serve_args_t args = {.settings = start->settings,
                         .recording = recording,
                         .clk = start->clk,
                         .signal_fd = start->signal_fd};
    rc = serve_open (&args, &serve, &diag);
    if (rc < 0)
        return s_refused (rc, &diag);
    char line [128];
    snprintf (line, sizeof (line), "serve=%s\n", serve_address (serve));
    s_ready (start->settings, line);
    return serve_run (serve);
}

static int
s_run (const conf_t *conf, int signal_fd)
{
    const settings_t *settings = conf_settings (conf);
    log_set_level ((enum log_level) settings->common.log_level);
    log_set_format ((enum log_format) settings->common.log_format);
    start_t start = {.settings = settings};
    start.input_count = conf_positional (conf, &start.inputs);
    if (start.input_count == 0) {
        fprintf (stderr, "triage-publisher: name at least one FILE, or - for standard input\n");
        return EXIT_USAGE;
    }
    err_diag_t diag = {.text = ""};
    const void *at = NULL;
    int rc = settings_judge (settings, &at, &diag);
    if (rc < 0)
        return s_refused (rc, &diag);
    own (clk_destroy) clk_t *clk = clk_new ();
    if (!clk)
        return EXIT_RUNTIME;
    start.signal_fd = signal_fd;
    start.clk = clk;
    if (threads_check (S_THREADS) < 0)
        return EXIT_RUNTIME;
    return *settings->serve ? s_serve (&start) : s_replay (&start);
}

int
main (int argc, char **argv)
{
    process_hide ();
    failpoint_init ("publisher");
    own (own_fd) int signal_fd = process_signals (false);
    if (signal_fd < 0)
        return EXIT_RUNTIME;
    own (conf_destroy) conf_t *conf = NULL;
    conf_spec_t spec = settings_spec;
    spec.check = settings_check;
    int rc = conf_load (&spec, argc, argv, environ, &conf);
    if (rc > 0)
        return 0;
    if (rc < 0)
        return rc == -EINVAL ? EXIT_USAGE : EXIT_CONFIG;
    return s_run (conf, signal_fd);
}
