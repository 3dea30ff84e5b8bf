//  worker - one worker in memory.  fleet owns it; other files of broker/core read it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/step_input.h"

#include <uthash.h>

typedef struct attempt attempt_t;
typedef struct worker worker_t;

enum { WORKER_RETIRED = 8 };

//  The results of a worker.
typedef struct {
    bool quarantined;
    int64_t probe_ms, backoff_ms;
    int64_t streak;                //  failures in a row, without those that hold it for its key
    int64_t streak_mark;           //  successes of the fleet when the streak began
    int64_t refusals;              //  rounds in a row in which it ran no assignment
    int64_t refusal_mark;          //  last assignment of the rounds counted so far
    run_class_t class;             //  of the run that led to the quarantine; NONE = streak
    char why [LIMIT_REASON_BYTES]; //  reason of the quarantine
} trial_t;

//  The last record about a worker.  Changes faster than LIMIT_WORKER_RECORD_MS share one later
//  record.
typedef struct {
    bool ever;  //  there was a record
    bool state; //  the state in it
    int64_t at_ms;
    const char *reason; //  of a change that has no record yet; static, or of the worker
} told_state_t;

//  The records about a worker, and an operator's drain command.
typedef struct {
    told_state_t here, draining, held;
    bool drained; //  gets no more work
} worker_told_t;

struct worker {
    char identity [ROW_IDENTITY], name [ROW_NAME];
    char agent [LIMIT_AGENT_BYTES + 1]; //  the CLI that it runs; "" = it does not say
    uint64_t session;
    uint64_t retired [WORKER_RETIRED]; //  superseded sessions, whose late HELLO is ignored
    unsigned retired_next;
    bool connected;
    uint64_t rival;   //  session that wants to replace it, until it answers; 0 = none
    int64_t rival_ms; //  boot time since which the rival waits
    int64_t refused_total, refused_ms, refusal_logged_ms; //  of rivals
    char held [LIMIT_REASON_BYTES];  //  why it takes no work, as it says itself; "" = it does
    run_class_t held_class;          //  of a run that lacks it; NONE = it does not say
    int64_t unwanted_total;          //  assignments that it returned and that cost nothing
    worker_told_t told, told_before; //  before: when the turn that changed it last began
    uint64_t told_turn;              //  number of that turn
    int64_t slots, live, unreflected, credit_number, credit_free, seen_ms, last_assigned;
    trial_t trial, trial_before; //  before: when the turn that changed it last began
    uint64_t trial_turn;         //  number of that turn
    uint64_t entered;            //  number of the turn in which its session began
    attempt_t *attempts;         //  `live` of them, `unreflected` of these not yet in credit_free
    UT_hash_handle hh;
};
