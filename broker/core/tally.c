//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/tally.h"

#include "broker/core/source.h"

#include <stdlib.h>
#include <string.h>

static tally_t *
s_find (const tallies_t *self, const char *cluster)
{
    tally_t *tally = NULL;
    HASH_FIND_STR (self->all, cluster, tally);
    return tally;
}

//  The tally that counts for it.
static tally_t *
s_place (tally_t *tally)
{
    return tally->into ? tally->into : tally;
}

static tally_t *
s_add (tallies_t *self, const char *cluster, source_t *source)
{
    tally_t *tally = calloc (1, sizeof *tally);
    if (!tally)
        return &self->spare;
    state_text (tally->shown.cluster, cluster);
    HASH_ADD_STR (self->all, shown.cluster, tally);
    if (source) {
        tally->source = source_share (source);
        source->tallies++;
    }
    return tally;
}

static tally_t *
s_other (tallies_t *self)
{
    tally_t *other = s_find (self, "other");
    return other ? other : s_add (self, "other", NULL);
}

//  Keep its counts before an event of this turn, for tally_rollback.
static void
s_touch (tally_t *tally, const state_t *state)
{
    if (tally->turn == state->turn)
        return;
    tally->turn = state->turn;
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

//  Add its counts to "other" and free its place; its incidents may still point to it.
static void
s_fold (tallies_t *self, const state_t *state, tally_t *tally)
{
    tally_t *other = s_other (self);
    s_touch (other, state);
    s_touch (tally, state);
    s_add_events (&other->shown, &tally->shown);
    s_add_events (&other->before, &tally->before);
    for (int i = 0; i < INCIDENT_STATES; i++)
        other->shown.states [i] += tally->shown.states [i];
    HASH_DEL (self->all, tally);
    tally->source->tallies--;
    source_release (self->sources, &tally->source);
    tally->into = other;
    if (!tally->entries)
        free (tally);
}

//  Make a place for a new cluster of this source.  The source that has the most loses the cluster
//  with the oldest last event, unless it has hardly more than this source.
static bool
s_make_room (tallies_t *self, const state_t *state, const source_t *source)
{
    const source_t *most = NULL;
    for (const source_t *each = self->sources->all; each; each = each->hh.next)
        if (!most || each->tallies > most->tallies)
            most = each;
    if (!most || most->tallies <= source->tallies + 1) //  else both would take it in turns forever
        return false;
    tally_t *oldest = NULL;
    for (tally_t *tally = self->all; tally; tally = tally->hh.next)
        if (tally->source == most
            && (!oldest || tally->shown.last_event_ms < oldest->shown.last_event_ms))
            oldest = tally;
    if (!oldest)
        return false;
    s_fold (self, state, oldest);
    return true;
}

tally_t *
tally_get (tallies_t *self, const state_t *state, const char *cluster, source_t *source)
{
    tally_t *tally = s_find (self, cluster);
    if (tally)
        return tally;
    if (!source || strcmp (cluster, "other") == 0)
        return s_other (self);
    const size_t named = HASH_COUNT (self->all) - (s_find (self, "other") != NULL);
    if (named >= LIMIT_TALLIES - 1 && !s_make_room (self, state, source))
        return s_other (self);
    return s_add (self, cluster, source);
}

void
tally_event (tallies_t *self, state_t *state, const fault_t *fault, const char *source,
             clk_now_t now)
{
    source_t *held = source_hold (self->sources, source);
    tally_t *tally = tally_get (self, state, fault->cluster, held);
    s_touch (tally, state);
    tally->shown.events [fault->severity]++;
    tally->shown.last_event_ms = now.wall_ms;
    if (strcmp (tally->shown.cluster, fault->cluster) != 0)
        source_lost (state, source, STEP_LOSS_CLUSTER);
    source_release (self->sources, &held);
}

void
tally_suppressed (tally_t *tally, const state_t *state, incident_suppress_t reason)
{
    tally_t *place = s_place (tally);
    s_touch (place, state);
    place->shown.suppressed [reason]++;
}

void
tally_rollback (tallies_t *self, const state_t *state)
{
    for (tally_t *tally = self->all; tally; tally = tally->hh.next)
        if (tally->turn == state->turn)
            s_set_events (&tally->shown, &tally->before);
}

void
tally_moved (tally_t *tally, incident_state_t from, incident_state_t to)
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
tally_figures (const tallies_t *self, step_stats_t *ret_stats)
{
    for (const tally_t *tally = self->all; tally; tally = tally->hh.next) {
        for (int i = 0; i < INCIDENT_STATES; i++)
            ret_stats->incidents [i] += tally->shown.states [i];
        for (int i = 0; i < INCIDENT_SUPPRESS_REASONS; i++)
            ret_stats->events_suppressed [i] += tally->shown.suppressed [i];
    }
    ret_stats->assigned = ret_stats->incidents [INCIDENT_INVESTIGATING];
}

size_t
tally_clusters (const tallies_t *self, step_cluster_t *ret_clusters, size_t max)
{
    size_t count = 0;
    for (const tally_t *tally = self->all; tally; tally = tally->hh.next)
        if (count++ < max)
            ret_clusters [count - 1] = tally->shown;
    return count;
}

void
tally_clear (tallies_t *self)
{
    tally_t *tally = NULL, *next = NULL;
    HASH_ITER (hh, self->all, tally, next) {
        HASH_DEL (self->all, tally);
        source_release (self->sources, &tally->source);
        free (tally);
    }
}
