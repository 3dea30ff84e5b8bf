//  bench - what the benchmark programs share: a clock in microseconds, samples with
//  percentiles, and the events.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

//  CLOCK_MONOTONIC.
int64_t
bench_now_us (void);

//  Latencies of one kind, us.
typedef struct {
    int64_t *values; //  Own: bench_samples_fini
    size_t count, room;
} bench_samples_t;
//  Samples beyond the room are left out.  Ends the process when out of memory.
void
bench_samples_init (bench_samples_t *self, size_t room);
void
bench_samples_fini (bench_samples_t *self);
void
bench_samples_add (bench_samples_t *self, int64_t value);
//  Sorts them; per_mille 500 is the median.  -1 when there is none.
int64_t
bench_samples_at (bench_samples_t *self, int per_mille);

enum { BENCH_EVENT_BYTES = 1024 };
//  The event of this number, another condition for each; run tells the runs apart.
//  Returns its length.
size_t
bench_event (const char *run, int64_t number, char ret_body [BENCH_EVENT_BYTES]);

//  Say what is wrong and end with 1.
__attribute__ ((format (printf, 1, 2), noreturn)) void
bench_die (const char *format, ...);
