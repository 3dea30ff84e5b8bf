//  SPDX-License-Identifier: Apache-2.0
#include "broker/core/lapse.h"

#include "broker/core/book.h"
#include "broker/core/fleet.h"
#include "broker/core/lease.h"
#include "broker/core/settle.h"
#include "broker/core/step_part.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

static bool
s_listed (const step_fence_t *list, size_t count, const attempt_t *attempt)
{
    for (size_t i = 0; i < count; i++)
        if (list [i].attempt == attempt->row.number
            && strcmp (list [i].incident.text, attempt->row.incident.text) == 0)
            return true;
    return false;
}

//  Settle attempts of earlier sessions of this identity: those that HELLO names go on, others are
//  lost.
static void
s_reconcile_own (step_t *self, worker_t *worker, const step_in_t *in, clk_now_t now)
{
    attempt_t *attempt, *next;
    DL_FOREACH_SAFE2 (self->attempts.open, attempt, next, onext) {
        if (strcmp (attempt->row.identity, worker->identity) != 0
            || attempt->term.session == worker->session)
            continue;
        if (s_listed (in->as.hello.running, in->as.hello.running_count, attempt)
            || s_listed (in->as.hello.spooled, in->as.hello.spooled_count, attempt)) {
            attempt->term.session = worker->session;
            if (attempt->row.state == ROW_ATTEMPT_LIVE)
                lease_renew (self, attempt, worker, now);
            continue;
        }
        settle_forgotten (self, attempt, worker, now);
        next = self->attempts.open; //  settling may end others: start over
    }
}

int
lapse_hello (step_t *self, worker_t *worker, const step_in_t *in, clk_now_t now)
{
    s_reconcile_own (self, worker, in, now);
    size_t count = in->as.hello.running_count;
    step_fence_t *revoke = state_fences (&self->state, count);
    if (!revoke)
        return -ENOMEM;
    size_t revoked = 0;
    for (size_t i = 0; i < count; i++) {
        const attempt_t *attempt = book_attempt (&self->book, &in->as.hello.running [i]);
        if (!attempt || attempt->row.state != ROW_ATTEMPT_LIVE
            || strcmp (attempt->row.identity, worker->identity) != 0)
            revoke [revoked++] = in->as.hello.running [i];
    }
    step_out_t *out = state_out (&self->state, STEP_OUT_WELCOME, &in->peer);
    out->as.welcome.revoke = revoke;
    out->as.welcome.revoke_count = revoked;
    out->as.welcome.lease_ms = self->state.settings.lease_ttl_ms;
    return 0;
}

//  Count it if its worker has sent messages since the assignment, but has not begun it.
static void
s_unwanted (step_t *self, const attempt_t *attempt, clk_now_t now)
{
    worker_t *worker = attempt->worker;
    if (worker && worker->connected && attempt->term.session == worker->session
        && worker->seen_ms > attempt->term.accept_ms - LIMIT_ACCEPT_MS)
        fleet_unwanted (&self->fleet, &self->state, worker, attempt,
                        attempt->term.accepted ? "it does not begin what it is assigned"
                                               : "it does not accept what it is assigned",
                        now);
}

static void
s_expire (step_t *self, attempt_t *attempt, clk_now_t now)
{
    if (now.boot_ms >= attempt->term.deadline_ms) {
        bool live = attempt->row.state == ROW_ATTEMPT_LIVE;
        if (live)
            lease_cancel (self, attempt, "deadline");
        settle_lost (self, attempt, live ? "no verdict by its deadline" : "", now);
        return;
    }
    if (attempt->row.state != ROW_ATTEMPT_LIVE)
        return;
    bool unaccepted = !attempt->term.accepted && now.boot_ms >= attempt->term.accept_ms;
    if (!unaccepted && now.boot_ms < attempt->term.lease_ms)
        return;
    if (!unaccepted)
        self->state.stats.leases_expired_total++;
    bool charge = attempt->row.started;
    if (!charge)
        s_unwanted (self, attempt, now);
    lease_supersede (self, attempt, unaccepted ? "assignment not accepted" : "lease expired", now);
    settle_superseded (self, attempt->entry, charge, now);
}

void
lapse_timers (step_t *self, clk_now_t now)
{
    int changed = 0;
    attempt_t *attempt, *next;
    DL_FOREACH_SAFE2 (self->attempts.open, attempt, next, onext) {
        bool live = attempt->row.state == ROW_ATTEMPT_LIVE;
        bool due = now.boot_ms >= attempt->term.deadline_ms
                   || (live
                       && (now.boot_ms >= attempt->term.lease_ms
                           || (!attempt->term.accepted && now.boot_ms >= attempt->term.accept_ms)));
        if (!due)
            continue;
        if (++changed > LIMIT_TURN_TIMERS)
            return;
        //  Ending one attempt may end others of its incident: start over, `next` may be gone.
        s_expire (self, attempt, now);
        next = self->attempts.open;
    }
}
