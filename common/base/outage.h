//  outage - decides when to log that a peer does not answer: at once, then rarely, and once when it
//  is back.  Pure.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

//  All zero: no outage.  Units: ms of the boot clock.
typedef struct {
    int64_t since_ms;  //  last sign of life before it
    int64_t logged_ms; //  last log line about it
    int64_t tries;     //  unanswered tries; 0 = no outage
} outage_t;

//  Count an unanswered try.  heard_ms, the last sign of life, is used at the first try only.
//  Returns true when it should be logged: at the first try, then once in LIMIT_OUTAGE_LOG_MS.
bool
outage_try (outage_t *self, int64_t heard_ms, int64_t now_ms);
//  The peer answers.  Returns true if there was an outage, so that its end is logged; *ret_was
//  describes it.
bool
outage_over (outage_t *self, outage_t *ret_was);
