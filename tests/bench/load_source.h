//  load_source - a publisher that keeps a window of events under way and times
//  their acknowledgements.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/link.h"
#include "tests/bench/bench.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    link_t *link;
    link_msg_t in;
    char run [17];        //  makes event ids and faults of this run unlike those of others
    int64_t jobs, window; //  events to send; sent and not acknowledged at most
    int64_t sent, acked;
    int64_t refused; //  NACKs: these are sent again
    int64_t *again;  //  numbers refused, a ring of `window`
    int64_t again_head, again_count, again_us;
    int64_t *sent_us;       //  by number
    bench_samples_t ack_us; //  EVENT to EVENT_ACK
} load_source_t;

void
load_source_init (load_source_t *self, const char *endpoint, const curve_keys_t *keys, int64_t jobs,
                  int64_t window);
void
load_source_fini (load_source_t *self);
//  Send what the window and the socket take, at most `limit` new events in all.
void
load_source_send (load_source_t *self, int64_t limit);
//  Take what has come.
void
load_source_receive (load_source_t *self);
