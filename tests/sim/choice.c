//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/choice.h"

#include <string.h>

const row_incident_t *
choice_open_incident (peers_t *peers, const disk_t *disk)
{
    uint64_t skip = peers_random (peers, 8);
    const row_incident_t *chosen = NULL;
    for (const disk_incident_t *item = disk->incidents; item; item = item->hh.next) {
        if (incident_terminal (item->state))
            continue;
        chosen = item->row;
        if (!skip--)
            break;
    }
    return chosen;
}

const row_incident_t *
choice_incident (peers_t *peers, const disk_t *disk)
{
    uint64_t count = HASH_COUNT (disk->incidents);
    uint64_t skip = peers_random (peers, 80);
    if (peers_random (peers, 2) && skip < count) //  one of the newest may be open
        skip = count - 1 - skip / 8;
    const row_incident_t *chosen = NULL;
    for (const disk_incident_t *item = disk->incidents; item; item = item->hh.next) {
        chosen = item->row;
        if (!skip--)
            break;
    }
    return chosen;
}

const row_effect_t *
choice_effect (peers_t *peers, const disk_t *disk)
{
    //  Not a "recovered": it is dead because its "degraded" is, so no operator retries it.
    uint64_t skip = peers_random (peers, 4);
    const row_effect_t *chosen = NULL;
    const disk_effect_t *item = peers_random (peers, 4) ? disk->dead : disk->effects;
    for (; item; item = item->hh.next)
        if (strncmp (item->row.key, "recovered/", 10) != 0) {
            chosen = &item->row;
            if (!skip--)
                break;
        }
    return chosen;
}
