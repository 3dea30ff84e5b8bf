//  worker - the loop: two sockets, signals, status streams of agents, and a tick.
//
//  One thread.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/conf/conf.h"
#include "common/wire/curve.h"
#include "worker/base/home.h"
#include "worker/base/settings.h"

typedef struct worker worker_t;

//  Signals come by signal_fd.  Own: borrows everything.  NULL with a diag.
worker_t *
worker_new (const conf_t *conf, home_t *home, const curve_keys_t *keys, int signal_fd,
            err_diag_t *diag);
void
worker_destroy (worker_t **self_p);
//  Run until drained by a signal.  Returns 0.
int
worker_run (worker_t *self);
