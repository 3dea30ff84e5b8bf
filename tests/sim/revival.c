//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/revival.h"

#include "tests/sim/retires.h"

#include <inttypes.h>
#include <string.h>

//  Has it failed, or may it fail yet, and was not put back?
static bool
s_is_left (const row_incident_t *row)
{
    return row && row->streak && !row->revived
           && (row->state == INCIDENT_AGENT_FAILED || row->state == INCIDENT_FAILED
               || !incident_terminal (row->state));
}

const row_incident_t *
revival_find (const disk_t *disk, const step_revive_t *wanted)
{
    const row_incident_t *found = NULL;
    for (const disk_incident_t *at = disk->incidents; at; at = at->hh.next)
        if (s_is_left (at->row) && at->row->streak == wanted->streak
            && at->row->number > wanted->after && (!found || at->row->number < found->number))
            found = at->row;
    return found;
}

void
revival_row (disk_t *disk, const row_incident_t *before, const row_incident_t *row)
{
    const row_breaker_t *breaker = &disk->breaker;
    if (row->revived && !before->revived
        && (!before->streak || !breaker->reviving || before->streak < breaker->reviving
            || before->streak >= breaker->streak))
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

bool
revival_awaits (const disk_t *disk, const row_incident_t *row)
{
    const row_breaker_t *breaker = &disk->breaker;
    return s_is_left (row) && (breaker->open || breaker->reviving)
           && row->streak >= (breaker->reviving ? breaker->reviving : breaker->streak);
}

void
revival_breaker (disk_t *disk, const row_breaker_t *before, const row_breaker_t *row)
{
    if (!before->reviving || row->reviving == before->reviving)
        return;
    for (const disk_incident_t *at = disk->incidents; at; at = at->hh.next)
        if (s_is_left (at->row) && at->row->streak >= before->reviving
            && at->row->streak < before->streak && !at->went && !s_has_other (disk, at->row))
            disk_break (disk, "I22 %s is left behind by the streaks from %" PRId64, at->id.text,
                        before->reviving);
}
