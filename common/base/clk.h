//  clk - the two clocks of the project, injected so that tests control time; and a stopwatch.
//
//  boot: CLOCK_BOOTTIME, for deadlines and leases; never goes back, counts suspended time.
//  wall: CLOCK_REALTIME, for records that people and files see; may jump.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct clk clk_t;

//  One reading of both clocks, passed to pure modules as `now`.  Units: ms.
typedef struct {
    int64_t boot_ms;
    int64_t wall_ms;
} clk_now_t;

//  Own: fresh, NULL when out of memory.
clk_t *
clk_new (void);
//  A clock for tests, moved only by clk_advance.
clk_t *
clk_new_manual (int64_t boot_ms, int64_t wall_ms);
void
clk_destroy (clk_t **self_p);

clk_now_t
clk_now (const clk_t *self);
//  Move a manual clock; a negative wall delta sets the wall clock back.  Threads: any.
void
clk_advance (clk_t *self, int64_t boot_delta_ms, int64_t wall_delta_ms);

//  A stopwatch for durations inside this process: CLOCK_MONOTONIC, independent of the injected
//  clock.  Units: us.
int64_t
clk_us (void);

//  Is this wall clock time in the years to 9999, or as far before 1970?  No message carries others.
bool
clk_wall_valid (int64_t wall_ms);
//  RFC 3339 UTC with milliseconds, "2026-01-15T12:34:56.789Z"; size at least CLK_TEXT.
enum { CLK_TEXT = 32 };
void
clk_text (int64_t wall_ms, char *ret_text, size_t size);
//  Parse RFC 3339 with any offset and optional fraction.  Err: ERR_PROTO, *ret_ms untouched.
int
clk_parse (const char *text, int64_t *ret_ms) __attribute__ ((warn_unused_result));
