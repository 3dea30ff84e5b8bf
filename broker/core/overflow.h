//  overflow - a full queue that gives up incidents is announced once per cluster and hour,
//  and of so many clusters of one source (LIMIT_OVERFLOW_SOURCE): whoever invents clusters must not
//  hold up the messages of others.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/state.h"

//  When the overflow of a cluster was announced last.
typedef struct told told_t;

typedef struct {
    told_t *told;
} overflow_t;

//  An incident of the cluster was not taken, or dropped from the queue;
//  source is who sent its event.
void
overflow_announce (step_t *self, const char *cluster, const char *source, clk_now_t now);
//  Err: -ENOMEM.
int
overflow_load (step_t *self, const row_alert_t *row) must_check;
void
overflow_clear (step_t *self);
