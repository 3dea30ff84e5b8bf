//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/dispatch.h"

#include "broker/core/attempt.h"
#include "broker/core/breaker.h"
#include "broker/core/fleet.h"
#include "broker/core/journal.h"
#include "broker/core/lease.h"
#include "broker/core/queue.h"
#include "broker/core/step_part.h"

#include "common/base/least.h"

#include <string.h>

static void
s_retry_at (step_t *self, int64_t at_ms)
{
    if (at_ms < self->dispatch.retry_ms)
        self->dispatch.retry_ms = at_ms;
}

//  The identity that had it last, NULL = none.
static const char *
s_last_host (const entry_t *entry)
{
    return entry->attempts ? entry->attempts->prev->row.identity : NULL;
}

//  A worker that may get an incident.
typedef struct {
    worker_t *worker; //  NULL = none
    bool last;        //  it had the incident last
    bool set_aside;   //  it gets probes only, and others are wanted more
    int64_t free;
} choice_t;

static bool
s_better (const choice_t *a, const choice_t *b)
{
    if (!b->worker || a->set_aside != b->set_aside)
        return !b->worker || b->set_aside;
    if (a->last != b->last)
        return b->last;
    return a->free > b->free
           || (a->free == b->free && a->worker->last_assigned < b->worker->last_assigned);
}

//  May this worker get the incident at all?
static bool
s_may (step_t *self, const entry_t *entry, const worker_t *worker, clk_now_t now)
{
    if (!fleet_ready (worker, now) || fleet_excluded (entry, worker->identity))
        return false;
    if (self->dispatch.last_resort || !fleet_avoided (entry, worker))
        return true;
    self->dispatch.avoided = self->dispatch.avoided || fleet_available (worker, now);
    return false;
}

//  A probe of the breaker goes to a worker in quarantine only when there is no other: it is to tell
//  whether agents can run again, and not whether this worker can.
static worker_t *
s_worker (step_t *self, const entry_t *entry, clk_now_t now)
{
    const bool paused = breaker_paused (self);
    const char *last = s_last_host (entry);
    bool other_ready = false, healthy = false;
    choice_t best = {.worker = NULL};
    for (worker_t *worker = self->fleet.workers; worker; worker = worker->hh.next) {
        if (!s_may (self, entry, worker, now))
            continue;
        const choice_t choice = {.worker = worker,
                                 .last = last && strcmp (last, worker->identity) == 0,
                                 .set_aside = paused && worker->trial.quarantined,
                                 .free = fleet_available (worker, now)};
        other_ready = other_ready || (!choice.last && !worker->trial.quarantined);
        healthy = healthy || !worker->trial.quarantined;
        if (choice.free && s_better (&choice, &best))
            best = choice;
    }
    if (best.worker && best.set_aside && healthy)
        return NULL;
    if (best.worker && best.last && other_ready && now.boot_ms < entry->prefer_until_ms) {
        s_retry_at (self, entry->prefer_until_ms);
        return NULL;
    }
    return best.worker;
}

static worker_t *
s_fits (void *arg, entry_t *entry, clk_now_t now)
{
    step_t *self = arg;
    if (entry->not_before_ms > now.boot_ms) {
        s_retry_at (self, entry->not_before_ms);
        return NULL;
    }
    return s_worker (self, entry, now);
}

//  Assign at most so many.  Returns how many were.
static int64_t
s_assign (step_t *self, int64_t most, clk_now_t now)
{
    const queue_fits_t fits = {.worker = s_fits, .arg = self};
    int64_t count = 0;
    for (; count < most && self->queue.queued; count++) {
        worker_t *worker = NULL;
        entry_t *entry = queue_pick (&self->queue, &self->state, now, &fits, &worker);
        if (!entry)
            break;
        if (worker->trial.quarantined)
            journal_worker (&self->journal, &self->state, worker, "probed", "", now);
        lease_issue (self, entry, worker, now);
    }
    return count;
}

void
dispatch (step_t *self, clk_now_t now)
{
    self->dispatch.retry_ms = INT64_MAX;
    self->dispatch.avoided = false;
    if (self->state.drained || self->state.held)
        return;
    int64_t free = self->queue.queued ? fleet_free (&self->fleet, now) : 0;
    const int64_t room = breaker_room (self, now); //  it also notes the end of a probe
    if (free > 0 && room == 0)
        s_retry_at (self, breaker_wake (self));
    const int64_t wanted = least (free, room), most = least (wanted, LIMIT_TURN_ASSIGNS);
    const int64_t count = s_assign (self, most, now);
    self->dispatch.last_resort = count == 0 && self->dispatch.avoided;
    if ((count == most && most < wanted && self->queue.queued) || self->dispatch.last_resort)
        s_retry_at (self, now.boot_ms); //  the others: next turn
}

int64_t
dispatch_wake (const step_t *self)
{
    return self->dispatch.retry_ms;
}
