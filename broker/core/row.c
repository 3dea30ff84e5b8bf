//  row - names in rows.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/row.h"

const char row_default_receiver [] = "slack";

const char *
row_attempt_state_name (row_attempt_state_t state)
{
    switch (state) {
        case ROW_ATTEMPT_LIVE: return "live";
        case ROW_ATTEMPT_SUPERSEDED: return "superseded";
        case ROW_ATTEMPT_ENDED: return "ended";
    }
    return ""; //  of a damaged store
}
