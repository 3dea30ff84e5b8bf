//  overflow - announces a full queue that loses incidents, once per cluster and hour.
//
//  A source gets at most LIMIT_OVERFLOW_SOURCE such messages an hour, so that one that invents
//  clusters does not delay the messages of others.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

//  When the overflow of a cluster was announced last.
typedef struct told told_t;

typedef struct {
    told_t *told; //  owned
} overflow_t;

//  Announce that an incident of this cluster was not queued, or was dropped from the queue.
//  source: of its event.
void
overflow_announce (step_t *self, const char *cluster, const char *source, clk_now_t now);
//  Load an alert of the last hour.  Err: -ENOMEM.
int
overflow_load (step_t *self, const row_alert_t *row) must_check;
//  Forget what was announced.
void
overflow_clear (step_t *self);
