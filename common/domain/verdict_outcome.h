//  verdict_outcome - the outcomes of an attempt, and their names on the wire.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    VERDICT_SUCCESS,   //  validated report
    VERDICT_AGENT,     //  the agent ran and failed: uses up an attempt
    VERDICT_HOST,      //  the host could not run it: another worker tries, no attempt used up
    VERDICT_LOST,      //  set by the broker: worker or broker went away
    VERDICT_CANCELLED, //  set by the broker: an operator ended it
    VERDICT_OUTCOMES
} verdict_outcome_t;

//  "success", "agent", "host", "lost", "cancelled".
const char *
verdict_outcome_name (verdict_outcome_t outcome);
//  False: no such name, *ret_outcome is untouched.
bool
verdict_outcome_parse (const char *name, size_t size, verdict_outcome_t *ret_outcome);
