//  outage - somebody does not answer: said at once, then seldom, and once when he is back.  Pure.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

//  All zero: there is none.  Units: ms of the boot clock.
typedef struct {
    int64_t since_ms; //  what was heard last before it
    int64_t told_ms;  //  when it was said last
    int64_t tries;    //  that nobody has answered; 0 = no outage
} outage_t;

//  One more try that nobody has answered; heard_ms (when something was heard last) counts at the
//  first only.  Returns: say so now.  That is the first try, and then one in LIMIT_OUTAGE_TOLD_MS.
bool
outage_try (outage_t *self, int64_t heard_ms, int64_t now_ms);
//  He answers.  Returns: there was an outage, so say that it is over; *ret_was has it.
bool
outage_over (outage_t *self, outage_t *ret_was);
