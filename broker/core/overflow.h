//  overflow - a full queue that loses incidents is announced, once per cluster and hour.
//
//  One source has LIMIT_OVERFLOW_SOURCE such messages an hour: one that invents clusters must not
//  hold up the messages of others.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

//  When the overflow of a cluster was announced last.
typedef struct told told_t;

typedef struct {
    told_t *told; //  owned
} overflow_t;

//  An incident of the cluster was not queued, or was dropped from the queue.
//  source: the one that sent its event.
void
overflow_announce (step_t *self, const char *cluster, const char *source, clk_now_t now);
//  An alert of the last hour.  Err: -ENOMEM.
int
overflow_load (step_t *self, const row_alert_t *row) must_check;
//  Forget what was announced.
void
overflow_clear (step_t *self);
