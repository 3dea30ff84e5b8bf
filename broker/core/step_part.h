//  step_part - the whole state: one struct of each module.
//
//  breaker, revive, overflow, lease, settle, dispatch, dedup and lapse work on several modules and
//  take the whole state.  Each module below takes its own struct, and state_t if it writes or
//  decides.
//
//  Rollback: data of rows are cleared and loaded again.  Other data go back to a copy.  outbox,
//  breaker, revive, retain, state and the fleet's counts make it in x_begin; a worker and a tally
//  at their first change in a turn.  lease keeps its timers in lease_rollback.
//
//  Figures: state_t counts what happened since the start.  x_figures of a module fills in what
//  it can count at any time, and finds zeros there.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/book.h"
#include "broker/core/breaker.h"
#include "broker/core/dispatch.h"
#include "broker/core/fleet.h"
#include "broker/core/lease.h"
#include "broker/core/outbox.h"
#include "broker/core/overflow.h"
#include "broker/core/retain.h"
#include "broker/core/returned.h"
#include "broker/core/revive.h"
#include "broker/core/settle.h"
#include "broker/core/step.h"

struct step {
    state_t state;
    sources_t sources;
    tallies_t tallies;
    queue_t queue;
    returned_t returned;
    journal_t journal;
    attempts_t attempts;
    book_t book;
    fleet_t fleet;
    outbox_t outbox;
    breaker_t breaker;
    revive_t revive;
    overflow_t overflow;
    retain_t retain;
    lease_t lease;
    settle_t settle;
    dispatch_t dispatch;
    bool loaded;
    int64_t asked_ms;      //  last result of step_wake
    ident_t retired;       //  the last incident that was removed; one turn removes one at most
    uint64_t retired_turn; //  number of that turn
};

//  Forget everything durable; sessions stay.
void
step_clear (step_t *self);
