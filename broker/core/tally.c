//  tally - what the core has counted.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/tally.h"

#include "broker/core/source.h"

#include <stdlib.h>
#include <string.h>

static tally_t *
s_find (const step_t *self, const char *cluster)
{
    tally_t *tally = NULL;
    HASH_FIND_STR (self->tallies, cluster, tally);
    return tally;
}

//  Where its counts go.
static tally_t *
s_place (tally_t *tally)
{
    return tally->into ? tally->into : tally;
}

static tally_t *
s_add (step_t *self, const char *cluster, source_t *source)
{
    tally_t *tally = calloc (1, sizeof *tally);
    if (!tally)
        return &self->tally_spare;
    state_text (tally->shown.cluster, cluster);
    HASH_ADD_STR (self->tallies, shown.cluster, tally);
    if (source) {
        tally->source = source;
        source->holders++;
        source->tallies++;
    }
    return tally;
}

static tally_t *
s_other (step_t *self)
{
    tally_t *other = s_find (self, "other");
    return other ? other : s_add (self, "other", NULL);
}

//  Before its events are counted.
static void
s_touch (const step_t *self, tally_t *tally)
{
    if (tally->turn == self->turn)
        return;
    tally->turn = self->turn;
    tally->before = tally->shown;
}

static void
s_set_events (step_cluster_t *to, const step_cluster_t *from)
{
    memcpy (to->events, from->events, sizeof to->events);
    memcpy (to->suppressed, from->suppressed, sizeof to->suppressed);
    to->last_event_ms = from->last_event_ms;
}

static void
s_add_events (step_cluster_t *to, const step_cluster_t *from)
{
    for (int i = 0; i < FAULT_SEVERITIES; i++)
        to->events [i] += from->events [i];
    for (int i = 0; i < INCIDENT_SUPPRESS_REASONS; i++)
        to->suppressed [i] += from->suppressed [i];
    if (to->last_event_ms < from->last_event_ms)
        to->last_event_ms = from->last_event_ms;
}

//  Its counts go to "other"; its incidents may still point here.
static void
s_fold (step_t *self, tally_t *tally)
{
    tally_t *other = s_other (self);
    s_touch (self, other);
    s_touch (self, tally);
    s_add_events (&other->shown, &tally->shown);
    s_add_events (&other->before, &tally->before);
    for (int i = 0; i < INCIDENT_STATES; i++)
        other->shown.states [i] += tally->shown.states [i];
    HASH_DEL (self->tallies, tally);
    tally->source->tallies--;
    source_release (self, &tally->source);
    tally->into = other;
    if (!tally->entries)
        free (tally);
}

//  A place for a new cluster of this source: of the one that has the most, unless that is this one.
//  Its cluster that was heard of longest ago goes.
static bool
s_make_room (step_t *self, const source_t *source)
{
    const source_t *most = NULL;
    for (const source_t *each = self->sources; each; each = each->hh.next)
        if (!most || each->tallies > most->tallies)
            most = each;
    if (!most
        || most->tallies <= source->tallies + 1) //  or two would take it from each other for ever
        return false;
    tally_t *oldest = NULL;
    for (tally_t *tally = self->tallies; tally; tally = tally->hh.next)
        if (tally->source == most
            && (!oldest || tally->shown.last_event_ms < oldest->shown.last_event_ms))
            oldest = tally;
    if (!oldest)
        return false;
    s_fold (self, oldest);
    return true;
}

tally_t *
tally_get (step_t *self, const char *cluster, source_t *source)
{
    tally_t *tally = s_find (self, cluster);
    if (tally)
        return tally;
    if (!source || strcmp (cluster, "other") == 0)
        return s_other (self);
    const size_t named = HASH_COUNT (self->tallies) - (s_find (self, "other") != NULL);
    if (named >= LIMIT_TALLIES - 1 && !s_make_room (self, source))
        return s_other (self);
    return s_add (self, cluster, source);
}

void
tally_event (step_t *self, const fault_t *fault, const char *source, clk_now_t now)
{
    source_t *held = source_hold (self, source);
    tally_t *tally = tally_get (self, fault->cluster, held);
    s_touch (self, tally);
    tally->shown.events [fault->severity]++;
    tally->shown.last_event_ms = now.wall_ms;
    if (strcmp (tally->shown.cluster, fault->cluster) != 0)
        source_lost (self, source, STEP_LOSS_CLUSTER);
    source_release (self, &held);
}

void
tally_suppressed (step_t *self, tally_t *tally, incident_suppress_t reason)
{
    tally_t *place = s_place (tally);
    s_touch (self, place);
    place->shown.suppressed [reason]++;
}

void
tally_rollback (step_t *self)
{
    for (tally_t *tally = self->tallies; tally; tally = tally->hh.next)
        if (tally->turn == self->turn)
            s_set_events (&tally->shown, &tally->before);
}

void
tally_moved (step_t *self, tally_t *tally, incident_state_t from, incident_state_t to)
{
    step_cluster_t *shown = &s_place (tally)->shown;
    if (from != INCIDENT_NONE)
        shown->states [from]--;
    if (to != INCIDENT_NONE)
        shown->states [to]++;
    tally->entries += (from == INCIDENT_NONE) - (to == INCIDENT_NONE);
    if (tally->into && !tally->entries)
        free (tally);
}

void
tally_clear (step_t *self)
{
    tally_t *tally = NULL, *next = NULL;
    HASH_ITER (hh, self->tallies, tally, next) {
        HASH_DEL (self->tallies, tally);
        source_release (self, &tally->source);
        free (tally);
    }
}
