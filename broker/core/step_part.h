//  step_part - the whole: one struct of each module.
//
//  breaker, overflow, lease, settle, dispatch, dedup and lapse work on several modules and take
//  the whole.  Each module below them takes its own struct, and state where it writes or decides.
//
//  A rollback: what rows hold is cleared and loaded again.  What they do not hold is a struct of
//  its module, which x_begin copies and x_rollback copies back.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/book.h"
#include "broker/core/breaker.h"
#include "broker/core/dispatch.h"
#include "broker/core/fleet.h"
#include "broker/core/lease.h"
#include "broker/core/outbox.h"
#include "broker/core/overflow.h"
#include "broker/core/settle.h"
#include "broker/core/step.h"

struct step {
    state_t state;
    sources_t sources;
    tallies_t tallies;
    queue_t queue;
    journal_t journal;
    attempts_t attempts;
    book_t book;
    fleet_t fleet;
    outbox_t outbox;
    breaker_t breaker;
    overflow_t overflow;
    lease_t lease;
    settle_t settle;
    dispatch_t dispatch;
    bool loaded;
    int64_t asked_ms; //  what step_wake said last
};

//  Forget everything durable; sessions stay.
void
step_clear (step_t *self);
