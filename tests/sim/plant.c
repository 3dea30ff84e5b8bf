//  Wrappers around outbox_add_incident, outbox_schedule, book_attempt, lease_renew, lapse_timers,
//  lease_spare_all, queue_victim, rival_may_enter, settle_forgotten, settle_release and
//  settle_verdict.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/plant.h"
#include "tests/sim/plant_part.h"

#include "broker/core/book.h"
#include "broker/core/lapse.h"
#include "broker/core/lease.h"
#include "broker/core/outbox.h"
#include "broker/core/pack.h"
#include "broker/core/rival.h"
#include "broker/core/settle.h"
#include "broker/core/step_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

//  The linker's names: the core's calls reach __wrap_*; __real_* is the function itself.
void
__real_outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                            const ident_t *incident, clk_now_t now);
void
__wrap_outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                            const ident_t *incident, clk_now_t now);
void
__real_outbox_schedule (outbox_t *self, state_t *state, clk_now_t now);
void
__wrap_outbox_schedule (outbox_t *self, state_t *state, clk_now_t now);
attempt_t *
__real_book_attempt (const book_t *self, const step_fence_t *fence);
attempt_t *
__wrap_book_attempt (const book_t *self, const step_fence_t *fence);
void
__real_lease_renew (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
void
__wrap_lease_renew (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
void
__real_lapse_timers (step_t *self, clk_now_t now);
void
__wrap_lapse_timers (step_t *self, clk_now_t now);
void
__real_lease_spare_all (step_t *self, clk_now_t now);
void
__wrap_lease_spare_all (step_t *self, clk_now_t now);
void
__real_settle_verdict (step_t *self, const step_in_t *in, clk_now_t now);
void
__wrap_settle_verdict (step_t *self, const step_in_t *in, clk_now_t now);

entry_t *
__real_queue_victim (queue_t *self, const char *cluster, const char *source,
                     enum fault_severity severity);
entry_t *
__wrap_queue_victim (queue_t *self, const char *cluster, const char *source,
                     enum fault_severity severity);
void
__real_settle_release (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now);
void
__wrap_settle_release (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now);
void
__real_settle_forgotten (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);
void
__wrap_settle_forgotten (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now);

bool
__real_rival_may_enter (worker_t *worker, const step_in_t *hello, clk_now_t now);
bool
__wrap_rival_may_enter (worker_t *worker, const step_in_t *hello, clk_now_t now);

static bool s_no_question;
static bool s_no_key, s_no_fence, s_no_end, s_no_intent, s_miscount, s_early, s_no_hold;
static bool s_no_shares, s_charge, s_keep, s_blame;
static bool s_judging, s_repeated;

const char *
plant (const char *name)
{
    static const struct {
        const char *name, *breaks;
        bool *planted;
    } bugs [] = {
        {"send_before_commit", "I1 ", &s_early},
        {"effect_without_key", "I3 ", &s_no_key},
        {"lease_without_fence", "I2 ", &s_no_fence},
        {"lease_without_end", "I4 ", &s_no_end},
        {"message_without_intent", "I10 ", &s_no_intent},
        {"worker_miscounted", "I11 ", &s_miscount},
        {"hold_without_time", "I12 ", &s_no_hold},
        {"rival_unasked", "I13 ", &s_no_question},
        {"queue_without_shares", "I14 ", &s_no_shares},
        {"refusal_charged", "I15 ", &s_charge},
        {"twin_keeps_what_it_forgot", "I16 ", &s_keep},
        {"hold_blames_hosts", "I17 ", &s_blame},
        {"give_back_charged", "I15 ", &plant_charge_returned},
        {"give_back_without_wait", "I18 ", &plant_no_wait},
        {"give_back_without_end", "I19 ", &plant_no_end},
        {"counted_twice", "I8 ", &plant_count_twice},
        {"worker_not_held", "I20 ", &plant_no_hold_worker},
        {"probe_beside_probe", "I21 ", &plant_many_probes},
        {"left_behind", "I22 ", &plant_left_behind},
        {"removal_beside_effects", "I23 ", &plant_no_waiting},
        {"jump_believed", "I24 ", &plant_jump},
        {"change_not_shown", "I25 ", &plant_no_change},
        {"post_forgotten", "I26 ", &plant_forget_posts},
    };
    for (size_t i = 0; i < sizeof bugs / sizeof bugs [0]; i++)
        if (strcmp (bugs [i].name, name) == 0) {
            *bugs [i].planted = true;
            return bugs [i].breaks;
        }
    return NULL;
}

bool
plant_pauses (void)
{
    return plant_many_probes;
}

//  Add the number of the effect to its key, so that a repeated success makes another effect.
void
__wrap_outbox_add_incident (outbox_t *self, state_t *state, row_channel_t channel, const char *kind,
                            const ident_t *incident, clk_now_t now)
{
    char numbered [32];
    if (!s_repeated) {
        __real_outbox_add_incident (self, state, channel, kind, incident, now);
        return;
    }
    snprintf (numbered, sizeof numbered, "%s/%" PRId64, kind, self->last_effect);
    __real_outbox_add_incident (self, state, channel, numbered, incident, now);
}

void
__wrap_outbox_schedule (outbox_t *self, state_t *state, clk_now_t now)
{
    __real_outbox_schedule (self, state, now);
    for (size_t i = 0; s_no_intent && i < state->write_count; i++)
        if (state->writes [i].kind == STEP_WRITE_EFFECT
            && state->writes [i].as.effect.state == ROW_EFFECT_SENDING)
            state->writes [i].as.effect.state = ROW_EFFECT_READY;
}

void
__wrap_lease_renew (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now)
{
    __real_lease_renew (self, attempt, worker, now);
    worker->live += s_miscount;
}

bool
__wrap_rival_may_enter (worker_t *worker, const step_in_t *hello, clk_now_t now)
{
    return __real_rival_may_enter (worker, hello, now) || s_no_question;
}

//  Choose the oldest droppable incident, whatever its source.
entry_t *
__wrap_queue_victim (queue_t *self, const char *cluster, const char *source,
                     enum fault_severity severity)
{
    entry_t *oldest = NULL;
    for (source_t *one = s_no_shares ? self->sources->all : NULL; one; one = one->hh.next)
        for (int i = 0; i < FAULT_SEVERITIES; i++)
            for (entry_t *entry = one->fresh [i]; entry; entry = entry->snext)
                if ((!cluster || strcmp (entry->cluster, cluster) == 0)
                    && (!oldest || entry->number < oldest->number))
                    oldest = entry;
    return oldest ? oldest : __real_queue_victim (self, cluster, source, severity);
}

void
__wrap_settle_release (step_t *self, const step_in_t *in, worker_t *worker, clk_now_t now)
{
    attempt_t *attempt = __real_book_attempt (&self->book, &in->as.release.fence);
    const bool live = attempt && attempt->row.state == ROW_ATTEMPT_LIVE && !attempt->row.started
                      && strcmp (attempt->row.identity, worker->identity) == 0;
    if (attempt && s_blame)
        attempt->term.spared = false;
    const bool held = self->state.held;
    self->state.held = held && !s_blame;
    __real_settle_release (self, in, worker, now);
    self->state.held = held;
    entry_t *entry = book_find (&self->book, in->as.release.fence.incident.text);
    if (!s_charge || !live || !entry || incident_terminal (entry->state))
        return;
    row_incident_t row;
    pack_row (entry, &row);
    row.lost++;
    book_save (&self->book, &self->state, entry, &row);
}

//  Keep attempts that the HELLO does not name.
void
__wrap_settle_forgotten (step_t *self, attempt_t *attempt, worker_t *worker, clk_now_t now)
{
    if (!s_keep)
        __real_settle_forgotten (self, attempt, worker, now);
    else
        attempt->term.session = worker->session;
}

//  Ignore leases: only the hard deadline ends an attempt.
void
__wrap_lapse_timers (step_t *self, clk_now_t now)
{
    attempt_t *attempt;
    DL_FOREACH2 (self->attempts.open, attempt, onext)
        if (s_no_end) {
            attempt->term.accepted = true;
            attempt->term.lease_ms = INT64_MAX;
        }
    __real_lapse_timers (self, now);
}

void
__wrap_lease_spare_all (step_t *self, clk_now_t now)
{
    attempt_t *attempt;
    DL_FOREACH2 (self->attempts.open, attempt, onext)
        attempt->term.spared = attempt->term.spared || s_no_hold;
    if (!s_no_hold)
        __real_lease_spare_all (self, now);
}

attempt_t *
__wrap_book_attempt (const book_t *self, const step_fence_t *fence)
{
    const entry_t *entry = book_find (self, fence->incident.text);
    attempt_t *live = s_no_fence && s_judging && entry ? lease_live (entry) : NULL;
    return live ? live : __real_book_attempt (self, fence);
}

void
__wrap_settle_verdict (step_t *self, const step_in_t *in, clk_now_t now)
{
    s_judging = true;
    const step_fence_t *fence = &in->as.verdict.fence;
    const attempt_t *attempt = __wrap_book_attempt (&self->book, fence);
    bool known = attempt && attempt->row.state == ROW_ATTEMPT_ENDED
                 && attempt->row.outcome == VERDICT_SUCCESS;
    step_in_t taken = *in;
    if (s_no_fence && attempt)
        snprintf (taken.peer.identity, sizeof taken.peer.identity, "%s", attempt->row.identity);
    __real_settle_verdict (self, &taken, now);
    const entry_t *entry = book_find (&self->book, fence->incident.text);
    s_repeated = s_no_key && known && entry;
    if (s_repeated)
        __wrap_outbox_add_incident (&self->outbox, &self->state, ROW_CHANNEL_STORAGE, "storage",
                                    &entry->id, now);
    s_repeated = false;
    s_judging = false;
}
