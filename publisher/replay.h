//  replay - send recorded events to the broker until each one is acknowledged.
//
//  At least once, with fixed ids: an event's id is durable (ids) before it is sent.  The event is
//  sent again until the broker has committed it, and the broker recognises a repeated id.
//  Unacknowledged events are bounded in number (window) and bytes (LIMIT_PUBLISH_BYTES).
//  Threads: one.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/clk.h"
#include "common/wire/curve.h"
#include "publisher/settings.h"

#include <stddef.h>

typedef struct replay replay_t;

//  All borrowed; they must outlive self.  inputs: paths; "-" is standard input.
typedef struct {
    const settings_t *settings;
    const curve_keys_t *keys;
    const clk_t *clk;
    const char *const *inputs;
    size_t input_count;
    //  signalfd: the first signal stops reading, the second one stops at once.
    int signal_fd;
} replay_args_t;

//  Open the spool and the ingest socket.  Own: fresh in *ret_replay.  Err: -EBUSY another publisher
//  replays these inputs, another -errno; ERR_CONFIG bad endpoint.
int
replay_open (const replay_args_t *args, replay_t **ret_replay, err_diag_t *diag) must_check;
void
replay_destroy (replay_t **self_p);
//  Run to the end.  Returns the exit code: 0 every event is acknowledged; EXIT_RUNTIME some are
//  not, or lines were too long, unreadable or no JSON; EXIT_STORE the spool cannot be written.
int
replay_run (replay_t *self);
