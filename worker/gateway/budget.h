//  budget - the money of one run: what is spent, and what calls in flight may cost at most.
//
//  A call is admitted when all of it fits.  So the sum never exceeds the limit, however many calls
//  are in flight.  Pure.  Units: millionths of a dollar.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

typedef struct {
    int64_t limit; //  0 = none
    int64_t spent;
    int64_t reserved; //  dearest outcomes of the calls in flight
} budget_t;

typedef enum {
    BUDGET_ADMITTED, //  its dearest outcome is reserved
    BUDGET_LATER,    //  it may fit when a call in flight turns out to be cheaper
    BUDGET_REFUSED   //  it would not fit even then
} budget_answer_t;

//  dearest: INT64_MAX = unknown; then it never fits.
budget_answer_t
budget_ask (budget_t *self, int64_t dearest);
//  An admitted call has ended and cost so much; more than was reserved counts too.
void
budget_settle (budget_t *self, int64_t dearest, int64_t cost);
