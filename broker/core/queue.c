//  queue - severity classes with bounded aging, virtual time between clusters, FIFO inside one.
//  Src: start-time fair queueing; docs/life.md "Dedup and the queue".
//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/queue.h"

#include "broker/core/source.h"

#include "common/base/least.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

//  Waiting incidents of one cluster and one severity, FIFO by number.
struct lane {
    char cluster [ROW_CLUSTER];
    entry_t *head;
    int64_t count;
    int64_t virtual_time; //  of its next service
    uint64_t skipped;     //  turn that found nothing here
    UT_hash_handle hh;
};

static int
s_by_number (const entry_t *a, const entry_t *b)
{
    return (a->number > b->number) - (a->number < b->number);
}

static lane_t *
s_lane (queue_t *self, state_t *state, const entry_t *entry)
{
    lane_t *lane = NULL;
    HASH_FIND_STR (self->lanes [entry->severity], entry->cluster, lane);
    if (lane)
        return lane;
    lane = calloc (1, sizeof *lane);
    if (!lane) {
        state->failed = true;
        return NULL;
    }
    state_text (lane->cluster, entry->cluster);
    HASH_ADD_STR (self->lanes [entry->severity], cluster, lane);
    return lane;
}

void
queue_push (queue_t *self, state_t *state, entry_t *entry)
{
    lane_t *lane = entry->lane ? NULL : s_lane (self, state, entry);
    if (!lane)
        return;
    if (!lane->head && lane->virtual_time < self->virtual_now [entry->severity])
        lane->virtual_time = self->virtual_now [entry->severity];
    //  A new one goes to the end.  One that comes back belongs near the front, so walk from there.
    if (!lane->head || lane->head->prev->number < entry->number)
        DL_APPEND (lane->head, entry);
    else
        DL_INSERT_INORDER (lane->head, entry, s_by_number);
    lane->count++;
    self->queued++;
    entry->source->count++;
    if (!entry->attempted) {
        DL_APPEND2 (entry->source->fresh [entry->severity], entry, sprev, snext);
        entry->listed = true;
    }
    entry->lane = lane;
}

static void
s_drop_lane (queue_t *self, enum fault_severity severity, lane_t *lane)
{
    HASH_DEL (self->lanes [severity], lane);
    free (lane);
}

void
queue_remove (queue_t *self, entry_t *entry)
{
    lane_t *lane = entry->lane;
    if (!lane)
        return;
    DL_DELETE (lane->head, entry);
    entry->lane = NULL;
    entry->prev = entry->next = NULL;
    lane->count--;
    self->queued--;
    entry->source->count--;
    if (entry->listed)
        DL_DELETE2 (entry->source->fresh [entry->severity], entry, sprev, snext);
    entry->listed = false;
    //  An empty lane is forgotten once it owes nothing.
    if (!lane->head && lane->virtual_time <= self->virtual_now [entry->severity])
        s_drop_lane (self, entry->severity, lane);
}

void
queue_clear (queue_t *self)
{
    for (int i = 0; i < FAULT_SEVERITIES; i++) {
        lane_t *lane, *next;
        HASH_ITER (hh, self->lanes [i], lane, next)
            s_drop_lane (self, (enum fault_severity) i, lane);
        self->virtual_now [i] = 0;
    }
}

int64_t
queue_cluster_count (const queue_t *self, const char *cluster)
{
    int64_t count = 0;
    for (int i = 0; i < FAULT_SEVERITIES; i++) {
        lane_t *lane = NULL;
        HASH_FIND_STR (self->lanes [i], cluster, lane);
        count += lane ? lane->count : 0;
    }
    return count;
}

bool
queue_full (const queue_t *self, const state_t *state, const char *cluster)
{
    return cluster ? queue_cluster_count (self, cluster) >= state->settings.cluster_queue_size
                   : self->queued >= state->settings.global_queue_size;
}

static int64_t
s_oldest (const queue_t *self, int severity)
{
    int64_t oldest = INT64_MAX;
    for (const lane_t *lane = self->lanes [severity]; lane; lane = lane->hh.next)
        if (lane->head && lane->head->queued_ms < oldest)
            oldest = lane->head->queued_ms;
    return oldest;
}

void
queue_figures (const queue_t *self, clk_now_t now, step_stats_t *ret_stats)
{
    int64_t oldest = INT64_MAX;
    for (int i = 0; i < FAULT_SEVERITIES; i++)
        oldest = least (oldest, s_oldest (self, i));
    ret_stats->queued = self->queued;
    ret_stats->oldest_queued_ms = oldest == INT64_MAX ? 0 : now.boot_ms - oldest;
}

//  The least served lane that has an incident and is not skipped in this turn.
static lane_t *
s_least_served (queue_t *self, const state_t *state, int severity)
{
    lane_t *best = NULL;
    lane_t *lane, *next;
    HASH_ITER (hh, self->lanes [severity], lane, next) {
        if (!lane->head && lane->virtual_time <= self->virtual_now [severity]) {
            s_drop_lane (self, (enum fault_severity) severity, lane);
            continue;
        }
        if (!lane->head || lane->skipped == state->turn)
            continue;
        if (!best || lane->virtual_time < best->virtual_time
            || (lane->virtual_time == best->virtual_time
                && lane->head->number < best->head->number))
            best = lane;
    }
    return best;
}

//  The first incident of a lane that can be assigned.  A lane without one is skipped in this turn.
static entry_t *
s_first (lane_t *lane, const state_t *state, clk_now_t now, const queue_fits_t *fits,
         worker_t **ret_worker)
{
    entry_t *entry;
    DL_FOREACH (lane->head, entry) {
        *ret_worker = fits->worker (fits->arg, entry, now);
        if (*ret_worker)
            return entry;
    }
    lane->skipped = state->turn;
    return NULL;
}

static int
s_by_service (const lane_t *a, const lane_t *b)
{
    if (a->virtual_time != b->virtual_time)
        return a->virtual_time < b->virtual_time ? -1 : 1;
    if (!a->head || !b->head)
        return (a->head == NULL) - (b->head == NULL);
    return s_by_number (a->head, b->head);
}

static entry_t *
s_pick (queue_t *self, const state_t *state, int severity, clk_now_t now, const queue_fits_t *fits,
        worker_t **ret_worker)
{
    lane_t *lane = s_least_served (self, state, severity);
    if (!lane)
        return NULL;
    entry_t *entry = s_first (lane, state, now, fits, ret_worker);
    if (!entry) { //  look once at each of the others: there may be a lane for each incident
        HASH_SRT (hh, self->lanes [severity], s_by_service);
        for (lane = self->lanes [severity]; lane; lane = lane->hh.next) {
            if (lane->skipped != state->turn)
                entry = s_first (lane, state, now, fits, ret_worker);
            if (entry)
                break;
        }
    }
    if (!entry)
        return NULL;
    if (self->virtual_now [severity] < lane->virtual_time)
        self->virtual_now [severity] = lane->virtual_time;
    lane->virtual_time++;
    queue_remove (self, entry);
    return entry;
}

//  The rank of a class; 0 is served first.  Waiting raises the others, but never to critical.
static int64_t
s_rank (int severity, int64_t oldest, clk_now_t now)
{
    if (severity == FAULT_CRITICAL)
        return 0;
    int64_t rank = (FAULT_CRITICAL - severity) + 1 - (now.boot_ms - oldest) / LIMIT_AGE_STEP_MS;
    return rank < 1 ? 1 : rank;
}

entry_t *
queue_pick (queue_t *self, const state_t *state, clk_now_t now, const queue_fits_t *fits,
            worker_t **ret_worker)
{
    assert (fits && fits->worker && ret_worker);
    bool tried [FAULT_SEVERITIES] = {false};
    for (int round = 0; round < FAULT_SEVERITIES; round++) {
        int best = -1;
        int64_t best_rank = 0, best_oldest = 0;
        for (int i = FAULT_SEVERITIES - 1; i >= 0; i--) {
            int64_t oldest = tried [i] ? INT64_MAX : s_oldest (self, i);
            if (oldest == INT64_MAX)
                continue;
            int64_t rank = s_rank (i, oldest, now);
            if (best < 0 || rank < best_rank || (rank == best_rank && oldest < best_oldest)) {
                best = i;
                best_rank = rank;
                best_oldest = oldest;
            }
        }
        if (best < 0)
            return NULL;
        entry_t *entry = s_pick (self, state, best, now, fits, ret_worker);
        if (entry)
            return entry;
        tried [best] = true;
    }
    return NULL;
}

//  Count what each source has in the cluster, NULL = in the whole queue.
static void
s_count_here (queue_t *self, const char *cluster)
{
    for (source_t *source = self->sources->all; source; source = source->hh.next)
        source->here = cluster ? 0 : source->count;
    for (int i = 0; cluster && i < FAULT_SEVERITIES; i++) {
        lane_t *lane = NULL;
        HASH_FIND_STR (self->lanes [i], cluster, lane);
        for (const entry_t *entry = lane ? lane->head : NULL; entry; entry = entry->next)
            entry->source->here++;
    }
}

//  The oldest of the lowest severity up to this one that was never attempted.
static entry_t *
s_oldest_of (const queue_t *self, const char *cluster, const source_t *source, int severity)
{
    for (int i = 0; i <= severity; i++) {
        lane_t *lane = NULL;
        if (!cluster && source->fresh [i])
            return source->fresh [i];
        if (cluster)
            HASH_FIND_STR (self->lanes [i], cluster, lane);
        for (entry_t *entry = lane ? lane->head : NULL; entry; entry = entry->next)
            if (entry->source == source && !entry->attempted)
                return entry;
    }
    return NULL;
}

entry_t *
queue_victim (queue_t *self, const char *cluster, const char *source, enum fault_severity severity)
{
    source_t *own = source_find (self->sources, source);
    s_count_here (self, cluster);
    int64_t most = own ? own->here : 0;
    entry_t *victim = NULL;
    for (const source_t *other = self->sources->all; other; other = other->hh.next) {
        entry_t *oldest = other != own && other->here > most
                              ? s_oldest_of (self, cluster, other, FAULT_SEVERITIES - 1)
                              : NULL;
        if (oldest) {
            victim = oldest;
            most = other->here;
        }
    }
    if (victim)
        return victim;
    return own ? s_oldest_of (self, cluster, own, (int) severity) : NULL;
}
