//  row - names in rows.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/row.h"

#include <string.h>

const char row_default_receiver [] = "slack";

static const char *const s_lanes [ROW_CHANNELS] = {
    [ROW_CHANNEL_STORAGE] = "storage", [ROW_CHANNEL_RETIRE] = "retention"};

const char *
row_lane_name (const row_effect_t *row)
{
    const char *name = row->channel < ROW_CHANNELS ? s_lanes [row->channel] : NULL;
    return name ? name : row->receiver;
}

row_channel_t
row_lane_channel (const char *name)
{
    for (int i = 0; i < ROW_CHANNELS; i++)
        if (s_lanes [i] && strcmp (s_lanes [i], name) == 0)
            return (row_channel_t) i;
    return ROW_CHANNEL_MESSAGE;
}

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
