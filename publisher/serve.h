//  serve - the recorded clusters on an HTTP address: mcp_server behind httpd, in one loop.
//
//  Serves until a signal.  A recording that has ended is not played again, but its sessions stay
//  open.
//  The first signal stops new connections and ends the streams properly; faithful ones linger up to
//  LIMIT_SERVE_LINGER_MS and are cut.  The second signal stops at once.
//  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/clk.h"
#include "publisher/recording.h"
#include "publisher/settings.h"

typedef struct serve serve_t;

//  All borrowed; they must outlive self.
typedef struct {
    const settings_t *settings;
    const recording_t *recording;
    const clk_t *clk;
    int signal_fd; //  signalfd
} serve_args_t;

//  Would serve_open accept the address?  Nothing is bound.  Err: ERR_CONFIG; diag says why.
int
serve_check (const settings_t *settings, err_diag_t *diag) must_check;
//  Bind.  Own: fresh in *ret_serve.  Err: ERR_CONFIG bad address, or a `denied` that names no
//  cluster; -errno; diag says why.
int
serve_open (const serve_args_t *args, serve_t **ret_serve, err_diag_t *diag) must_check;
void
serve_destroy (serve_t **self_p);
//  "127.0.0.1:8080" with the real port.
const char *
serve_address (const serve_t *self);
//  Serve until the end.  Returns the exit code.
int
serve_run (serve_t *self);
