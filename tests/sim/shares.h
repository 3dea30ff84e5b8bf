//  shares - checks I14: a source below its share loses nothing from a full queue.
//
//  The share is an equal part of the places, for each source that has some or wants one.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step.h"
#include "tests/sim/disk.h"

enum { SHARES_SOURCES = 16, SHARES_SCOPES = 2 };

typedef struct {
    char name [ROW_SOURCE];
    int64_t queued [SHARES_SCOPES]; //  in the event's cluster, in the whole queue
    int64_t fresh [SHARES_SCOPES];  //  of them, those that were never attempted
} shares_source_t;

//  The queue before an event.
typedef struct {
    shares_source_t sources [SHARES_SOURCES];
    int source_count;
    int64_t limit [SHARES_SCOPES]; //  0 = there is room
    size_t writes;                 //  writes of the turn so far
    int64_t last_number;           //  of the incidents so far
    const char *comer, *cluster;   //  source and cluster of the event
} shares_t;

//  Call both around the step of an event; comer and cluster are borrowed until then.
shares_t
shares_before (const step_t *step, const char *comer, const char *cluster);
void
shares_after (shares_t *self, const step_t *step, disk_t *disk);
