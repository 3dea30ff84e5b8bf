//  worker - the worker's loop: it waits for sockets, signals, agents and timers.
//
//  Threads: one, the caller's.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf.h"
#include "common/wire/curve.h"
#include "worker/base/home.h"
#include "worker/base/settings.h"

typedef struct worker worker_t;

//  Load the jobs of the spool and of finished runs, and begin to connect.
//  signal_fd: a signalfd.  Own: fresh; borrows everything.  NULL: diag says why.
worker_t *
worker_new (conf_t *conf, home_t *home, const curve_keys_t *keys, int signal_fd, err_diag_t *diag);
void
worker_destroy (worker_t **self_p);
//  Run until drained by a signal.  Returns the exit code of the program, 0.
int
worker_run (worker_t *self);
