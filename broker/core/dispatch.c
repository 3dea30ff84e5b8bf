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

static worker_t *
s_worker (step_t *self, const entry_t *entry, clk_now_t now)
{
    const char *last = s_last_host (entry);
    bool other_ready = false;
    worker_t *best = NULL;
    bool best_last = false;
    int64_t best_free = 0;
    for (worker_t *worker = self->fleet.workers; worker; worker = worker->hh.next) {
        if (!fleet_ready (worker, now) || fleet_excluded (entry, worker->identity))
            continue;
        bool is_last = last && strcmp (last, worker->identity) == 0;
        other_ready = other_ready || (!is_last && !worker->trial.quarantined);
        int64_t free = fleet_available (worker, now);
        if (!free)
            continue;
        bool better =
            !best || (best_last && !is_last)
            || (best_last == is_last
                && (free > best_free
                    || (free == best_free && worker->last_assigned < best->last_assigned)));
        if (!better)
            continue;
        best = worker;
        best_last = is_last;
        best_free = free;
    }
    if (best && best_last && other_ready && now.boot_ms < entry->prefer_until_ms) {
        s_retry_at (self, entry->prefer_until_ms);
        return NULL;
    }
    return best;
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

void
dispatch (step_t *self, clk_now_t now)
{
    self->dispatch.retry_ms = INT64_MAX;
    if (self->state.drained || self->state.held)
        return;
    int64_t free = self->queue.queued ? fleet_free (&self->fleet, now) : 0;
    int64_t room = free > 0 ? breaker_room (self, now) : 0;
    if (free > 0 && room == 0)
        s_retry_at (self, breaker_wake (self));
    const queue_fits_t fits = {.worker = s_fits, .arg = self};
    int64_t most = least (least (free, room), LIMIT_TURN_ASSIGNS);
    for (int64_t i = 0; i < most && self->queue.queued; i++) {
        worker_t *worker = NULL;
        entry_t *entry = queue_pick (&self->queue, &self->state, now, &fits, &worker);
        if (!entry)
            return;
        if (worker->trial.quarantined)
            journal_worker (&self->journal, &self->state, worker, "probed", "", now);
        lease_issue (self, entry, worker, now);
    }
    if (most < least (free, room) && self->queue.queued)
        s_retry_at (self, now.boot_ms); //  the others: next turn
}

int64_t
dispatch_wake (const step_t *self)
{
    return self->dispatch.retry_ms;
}
