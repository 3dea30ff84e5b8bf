//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/courier.h"

#include "tests/sim/bot.h"
#include "tests/sim/luck.h"
#include "tests/sim/voice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
courier_take (peers_t *self, const row_effect_t *row)
{
    row_effect_t *room = NULL;
    for (int i = 0; i < PEERS_LANES; i++) {
        row_effect_t *flight = &self->flight [i];
        if (flight->id && strcmp (row_lane_name (flight), row_lane_name (row)) == 0)
            disk_break (self->disk, "I3 two effects of %s in flight", row_lane_name (row));
        if (!flight->id)
            room = flight;
    }
    if (!room) {
        disk_break (self->disk, "I3 more lanes than receivers");
        return;
    }
    *room = *row;
    if (row->channel == ROW_CHANNEL_MESSAGE)
        voice_handed (self->disk, row, self->now);
    if (bot_is (row))
        bot_looks (self->disk, row);
}

//  Execute an effect.  message: what a bot keeps of it.
static void
s_execute (peers_t *self, const row_effect_t *row, row_message_t *message)
{
    disk_incident_t *incident = disk_incident (self->disk, row->incident.text);
    if (bot_is (row))
        bot_shows (self->disk, row, message);
    else if (row->channel == ROW_CHANNEL_MESSAGE)
        voice_arrived (self->disk, row);
    else if (row->channel == ROW_CHANNEL_STORAGE && incident
             && ++incident->executed > incident->ends + incident->ambiguous)
        disk_break (self->disk, "I3 the effect of %s was executed %" PRId64 " times",
                    incident->id.text, incident->executed);
}

void
courier_crash (peers_t *self)
{
    voice_died (self->disk);
    for (int i = 0; i < PEERS_LANES; i++) {
        row_effect_t *row = &self->flight [i];
        row_message_t lost;
        disk_incident_t *incident = disk_incident (self->disk, row->incident.text);
        if (!row->id || peers_random (self, 2) == 0)
            continue;
        if (row->channel == ROW_CHANNEL_STORAGE && incident)
            incident->ambiguous++;
        s_execute (self, row, &lost);
    }
}

static void
s_end (peers_t *self, row_effect_t *row)
{
    step_in_t in;
    if (!row->id || peers_random (self, 3) == 0)
        return;
    memset (&in, 0, sizeof in);
    in.kind = STEP_IN_EFFECT_DONE;
    in.as.effect.id = row->id;
    in.as.effect.result = luck_effect (self, (int) row->channel);
    if (in.as.effect.result != STEP_EFFECT_OK)
        snprintf (in.as.effect.error, sizeof in.as.effect.error, "trouble");
    const bool unsure = in.as.effect.result == STEP_EFFECT_UNSURE;
    row_message_t lost;
    if (unsure)
        voice_unsure (self->disk, row->key);
    //  A bot may fail after its post, in the thread.
    const bool late = bot_is (row) && in.as.effect.result == STEP_EFFECT_RETRY;
    if (in.as.effect.result == STEP_EFFECT_OK || (late && peers_random (self, 2)))
        s_execute (self, row, &in.as.effect.message);
    else if (unsure && peers_random (self, 2))
        s_execute (self, row, &lost);
    if (bot_is (row) && !in.as.effect.message.key [0] && (unsure || row->unsure))
        bot_doubts (self->disk, row, &in.as.effect.message);
    row->id = 0;
    peers_again (self, &in);
}

void
courier_act (peers_t *self)
{
    for (int i = 0; i < PEERS_LANES; i++)
        s_end (self, &self->flight [i]);
}
