//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/revival.h"

#include "tests/sim/retires.h"

#include <inttypes.h>
#include <string.h>

static bool
s_is_left (const disk_incident_t *incident, int64_t streak)
{
    const row_incident_t *row = incident->row;
    return row && row->streak == streak && !row->revived
           && (row->state == INCIDENT_AGENT_FAILED || row->state == INCIDENT_FAILED);
}

const row_incident_t *
revival_find (const disk_t *disk, const step_revive_t *wanted)
{
    const row_incident_t *found = NULL;
    for (const disk_incident_t *at = disk->incidents; at; at = at->hh.next)
        if (s_is_left (at, wanted->streak) && at->row->number > wanted->after
            && (!found || at->row->number < found->number))
            found = at->row;
    return found;
}

void
revival_row (disk_t *disk, const row_incident_t *before, const row_incident_t *row)
{
    if (row->revived && !before->revived
        && (!before->streak || before->streak != disk->breaker.reviving))
        disk_break (disk, "I22 %s is put back and is not part of the streak", row->id.text);
    if (row->revived && before->revived && incident_terminal (before->state)
        && !incident_terminal (row->state))
        disk_break (disk, "I22 %s is put back twice", row->id.text);
}

//  Another incident of the same fault: a newer one, which may have been open when this one was
//  looked at, or an older one that was put back.
static bool
s_has_other (const disk_t *disk, const row_incident_t *row)
{
    for (const disk_incident_t *at = disk->incidents; at; at = at->hh.next)
        if (at->row && at->row != row
            && (at->row->number > row->number || !incident_terminal (at->row->state))
            && strcmp (at->row->fault.key, row->fault.key) == 0)
            return true;
    return retires_newer (disk, row);
}

void
revival_breaker (disk_t *disk, const row_breaker_t *before, const row_breaker_t *row)
{
    if (!before->reviving || row->reviving)
        return;
    for (const disk_incident_t *at = disk->incidents; at; at = at->hh.next)
        if (s_is_left (at, before->reviving) && at->closed_ms <= disk->revive_ms && !at->went
            && !s_has_other (disk, at->row))
            disk_break (disk, "I22 %s is left behind by the streak %" PRId64, at->id.text,
                        before->reviving);
}
