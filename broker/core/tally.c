//  tally - what the core has counted.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static tally_t *
s_find (const step_t *self, const char *cluster)
{
    tally_t *tally = NULL;
    HASH_FIND_STR (self->tallies, cluster, tally);
    return tally;
}

tally_t *
tally_get (step_t *self, const char *cluster)
{
    tally_t *tally = s_find (self, cluster);
    if (!tally && HASH_COUNT (self->tallies) >= LIMIT_TALLIES - 1) {
        cluster = "other";
        tally = s_find (self, cluster);
    }
    if (tally)
        return tally;
    tally = calloc (1, sizeof *tally);
    if (!tally)
        return &self->tally_spare;
    state_text (tally->shown.cluster, cluster);
    HASH_ADD_STR (self->tallies, shown.cluster, tally);
    return tally;
}

void
tally_event (step_t *self, const fault_t *fault, clk_now_t now)
{
    step_cluster_t *shown = &tally_get (self, fault->cluster)->shown;
    shown->events [fault->severity]++;
    shown->last_event_ms = now.wall_ms;
}

void
tally_suppressed (step_t *self, const char *cluster, incident_suppress_t reason)
{
    tally_get (self, cluster)->shown.suppressed [reason]++;
}

void
tally_moved (tally_t *tally, incident_state_t from, incident_state_t to)
{
    if (from != INCIDENT_NONE)
        tally->shown.states [from]--;
    if (to != INCIDENT_NONE)
        tally->shown.states [to]++;
}

void
tally_took (step_histogram_t *histogram, int64_t ms)
{
    int i = 0;
    if (ms < 0) //  of two clocks
        ms = 0;
    while (i < STEP_BOUNDS && ms > step_bounds_ms [i])
        i++;
    histogram->buckets [i]++;
    histogram->sum_ms += ms;
}

void
tally_clear (step_t *self)
{
    tally_t *tally = NULL, *next = NULL;
    HASH_ITER (hh, self->tallies, tally, next)
    {
        HASH_DEL (self->tallies, tally);
        free (tally);
    }
}
