//  bot - checks what the bot of the simulator shows.
//
//  I25  A bot shows the state in which an incident has ended, unless its message has failed for
//       good or was cancelled.
//  I26  It has one message for an incident: a crash or a lost answer makes no second one.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/sim/disk.h"

//  Is the default receiver a bot too?
void
bot_default (bool shows);
//  Is this a message of a bot?
bool
bot_is (const row_effect_t *row);
//  It looks at its incident.
void
bot_looks (disk_t *disk, const row_effect_t *row);
//  It posts or edits.  *ret_message is what it wants to find again.
void
bot_shows (disk_t *disk, const row_effect_t *row, row_message_t *ret_message);
//  It does not know whether it has posted.  *ret_message says so, unless it knows its message.
void
bot_doubts (disk_t *disk, const row_effect_t *row, row_message_t *ret_message);
//  A row was committed.
void
bot_kept (disk_t *disk, const row_message_t *row);
void
bot_effect (disk_t *disk, const row_effect_t *row);
//  Check an incident at the end of a turn.
void
bot_check (disk_t *disk, const disk_incident_t *incident);
