//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/retires.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t
s_age_ms (const row_incident_t *row)
{
    return row->last_seen_ms > row->completed_ms ? row->last_seen_ms : row->completed_ms;
}

step_in_t
retires_input (peers_t *peers, const disk_t *disk, step_retire_t chosen [RETIRES])
{
    step_in_t in;
    memset (&in, 0, sizeof in);
    in.kind = STEP_IN_RETIRE;
    in.as.retire.incidents = chosen;
    size_t count = 0;
    for (const disk_incident_t *item = disk->incidents; item && count < RETIRES;
         item = item->hh.next) {
        if (peers_random (peers, 16))
            continue;
        chosen [count].incident = item->id;
        chosen [count++].age_ms = s_age_ms (item->row) - (peers_random (peers, 8) == 0);
    }
    in.as.retire.count = count;
    return in;
}

//  Does an effect of the incident wait, other than its removal?
static bool
s_waits (const disk_t *disk, const ident_t *incident)
{
    for (const disk_effect_t *effect = disk->effects; effect; effect = effect->hh.next)
        if (effect->row.channel != ROW_CHANNEL_RETIRE
            && strcmp (effect->row.incident.text, incident->text) == 0)
            return true;
    return false;
}

void
retires_notice (disk_t *disk, const row_retention_t *row, clk_now_t now)
{
    disk->retention = *row;
    if (row->not_before_ms <= now.wall_ms) //  an operator does not want to wait
        disk->ahead_ms = 0;
}

void
retires_begin (disk_t *disk, const row_effect_t *row, clk_now_t now)
{
    disk_incident_t *incident = disk_incident (disk, row->incident.text);
    if (!disk->retention.id || now.wall_ms < disk->retention.not_before_ms)
        disk_break (disk, "I24 %s goes too early", row->incident.text);
    if (disk->ahead_ms && now.boot_ms - disk->ahead_ms < LIMIT_RETAIN_NOTICE_MS)
        disk_break (disk, "I24 %s goes, as the clock was set ahead", row->incident.text);
    if (!incident || incident->gone)
        disk_break (disk, "I23 %s goes, and is not there", row->incident.text);
    else if (!incident_terminal (incident->state))
        disk_break (disk, "I23 %s goes, and is open", row->incident.text);
    else if (s_waits (disk, &row->incident))
        disk_break (disk, "I23 %s goes, and an effect of it waits", row->incident.text);
    else
        incident->goes = incident->went = true;
}

void
retires_end (disk_t *disk, const row_effect_t *row)
{
    disk_incident_t *incident = disk_incident (disk, row->incident.text);
    if (incident && row->state != ROW_EFFECT_DONE)
        incident->goes = false;
}

void
retires_written (disk_t *disk, const disk_incident_t *incident)
{
    if (incident->goes || incident->gone)
        disk_break (disk, "I23 %s is written, and it is going", incident->id.text);
}

static int64_t
s_key (const row_incident_t *row)
{
    return strtol (row->fault.key + strlen ("key-"), NULL, 10);
}

bool
retires_newer (const disk_t *disk, const row_incident_t *row)
{
    return disk->gone_of_key [s_key (row)] > row->number;
}

void
retires_apply (disk_t *disk, const ident_t *id)
{
    disk_incident_t *incident = disk_incident (disk, id->text);
    if (!incident || !incident->goes)
        disk_break (disk, "I23 %s is gone without an effect", id->text);
    else if (!incident_terminal (incident->state) || s_waits (disk, id))
        disk_break (disk, "I23 %s is gone, and something of it waits", id->text);
    else {
        const row_incident_t *row = incident->row;
        int64_t *highest = row ? &disk->gone_of_key [s_key (row)] : NULL;
        if (highest && row->number > *highest)
            *highest = row->number;
        incident->goes = false;
        incident->gone = true;
        disk->gone++;
        disk_forget (disk, incident);
    }
}

void
retires_report (const disk_t *disk)
{
    printf ("incidents removed %" PRId64 "\n", disk->gone);
}
