//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/bot.h"

#include "tests/sim/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN = -1 };

static disk_message_t *
s_message (const disk_t *disk, const char *key)
{
    disk_message_t *message = NULL;
    HASH_FIND_STR (disk->messages, key, message);
    return message;
}

static bool s_default;

void
bot_default (bool shows)
{
    s_default = shows;
}

bool
bot_is (const row_effect_t *row)
{
    return row->channel == ROW_CHANNEL_MESSAGE
           && (strcmp (row->receiver, PLAN_BOT) == 0
               || (s_default && strcmp (row->receiver, row_default_receiver) == 0));
}

void
bot_looks (disk_t *disk, const row_effect_t *row)
{
    disk_message_t *message = s_message (disk, row->key);
    const disk_incident_t *incident = disk_incident (disk, row->incident.text);
    if (message && incident)
        message->looked = incident->state;
}

static void
s_name (const row_effect_t *row, row_message_t *ret_message)
{
    *ret_message = (row_message_t){.incident = row->incident};
    snprintf (ret_message->key, sizeof ret_message->key, "%s", row->key);
    snprintf (ret_message->receiver, sizeof ret_message->receiver, "%s", row->receiver);
}

//  It asks the channel's history when it is not sure that it has not posted yet.
void
bot_shows (disk_t *disk, const row_effect_t *row, row_message_t *ret_message)
{
    disk_message_t *message = s_message (disk, row->key);
    if (!message)
        return;
    const bool asks = row->unsure || message->kept == UNKNOWN;
    if (message->kept <= 0 && !(asks && message->posts > 0) && ++message->posts > 1)
        disk_break (disk, "I26 %s was posted twice", row->key);
    message->arrived++;
    s_name (row, ret_message);
    snprintf (ret_message->ts, sizeof ret_message->ts, "1");
}

void
bot_doubts (disk_t *disk, const row_effect_t *row, row_message_t *ret_message)
{
    const disk_message_t *message = s_message (disk, row->key);
    if (message && message->kept <= 0)
        s_name (row, ret_message);
}

void
bot_kept (disk_t *disk, const row_message_t *row)
{
    disk_message_t *message = s_message (disk, row->key);
    if (message)
        message->kept = row->ts [0] ? 1 : UNKNOWN;
}

//  A message that an operator cancels while it is in doubt may be posted again.
void
bot_effect (disk_t *disk, const row_effect_t *row)
{
    disk_message_t *message = s_message (disk, row->key);
    if (message && row->state == ROW_EFFECT_DONE)
        message->shown = message->looked;
    if (message && row->state == ROW_EFFECT_CANCELLED)
        message->posts = 0;
    const disk_incident_t *incident = disk_incident (disk, row->incident.text);
    if (message && incident
        && (row->state == ROW_EFFECT_CANCELLED || row->state == ROW_EFFECT_DEAD))
        message->shown = incident->state; //  it will not be
}

void
bot_check (disk_t *disk, const disk_incident_t *incident)
{
    char key [ROW_ALERT];
    if (!incident || !incident_terminal (incident->state) || incident->state == INCIDENT_SUPPRESSED)
        return;
    snprintf (key, sizeof key, "incident/%s@" PLAN_BOT, incident->id.text);
    const disk_message_t *message = s_message (disk, key);
    if (!message)
        disk_break (disk, "I25 the bot was not told that %s is %s", incident->id.text,
                    incident_state_name (incident->state));
    else if (message->state == ROW_EFFECT_DONE && message->shown != incident->state)
        disk_break (disk, "I25 the bot shows %s as %s, and it is %s", incident->id.text,
                    incident_state_name (message->shown), incident_state_name (incident->state));
}
