//  step_figures - bounds and buckets.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/step_figures.h"

#include <assert.h>

const int64_t step_bounds_ms [STEP_BOUNDS] = {10,     50,      250,     1000,   5000,
                                              10000,  30000,   60000,   120000, 300000,
                                              600000, 1200000, 1800000, 3600000};

void
step_histogram_add (step_histogram_t *self, int64_t ms)
{
    int i = 0;
    if (ms < 0) //  the times are from two clocks
        ms = 0;
    while (i < STEP_BOUNDS && ms > step_bounds_ms [i])
        i++;
    self->buckets [i]++;
    self->sum_ms += ms;
}

const char *
step_breaker_name (step_breaker_t state)
{
    static const char *const names [STEP_BREAKERS] = {[STEP_BREAKER_CLOSED] = "closed",
                                                      [STEP_BREAKER_OPEN] = "open",
                                                      [STEP_BREAKER_HALF_OPEN] = "half_open"};
    assert (state < STEP_BREAKERS);
    return names [state];
}
