//  loop - the one thread that owns the state and the work, ingest and stream sockets.
//
//  It works in turns.  Ensures: a change is committed before any peer sees it.
//  When a turn cannot be committed, none of its messages is sent and its changes are undone.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/delivery/delivery.h"
#include "broker/files/artifact.h"
#include "broker/intake/intake.h"
#include "broker/loop/snapshot.h"
#include "broker/store/store.h"
#include "broker/store/store_check.h"

typedef struct loop loop_t;

typedef struct {
    conf_t *conf; //  the configuration, which SIGHUP reads again; the loop takes a share
    const curve_keys_t *keys;
    curve_zap_t *zap; //  NULL without keys
    clk_t *clk;
    store_t *store;
    mailbox_t *inbox; //  mails from all threads
    snapshot_t *snapshot;
    int signal_fd; //  SIGTERM, SIGINT, SIGHUP
} loop_args_t;

//  The threads the loop talks to; they start after loop_new, which loads the state.
typedef struct {
    artifact_t *artifact;
    delivery_t *delivery;
    intake_t *intake;
    store_check_t *check; //  NULL: opening the store has checked all of it
} loop_threads_t;

//  Load the state, then bind the sockets.  Messages are read only by loop_run.
//  Own: fresh; borrows everything in args.  NULL: diag says why, nothing is bound.
loop_t *
loop_new (const loop_args_t *args, err_diag_t *diag);
void
loop_destroy (loop_t **self_p);
//  The bound addresses for the ready file: "work=...\nstream=...\ningest=...\n".  Own: borrowed.
const char *
loop_endpoints (const loop_t *self);
//  The settings in force.  Own: borrowed until the next SIGHUP.
const settings_t *
loop_settings (const loop_t *self);
//  Run until drained (SIGTERM) or until the store fails.  The caller's thread becomes the loop's.
//  Returns the exit code of the program: 0, EXIT_STORE or EXIT_CORRUPT.
int
loop_run (loop_t *self, const loop_threads_t *threads);
