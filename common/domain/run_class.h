//  run_class - the classes of how a run ended, and what the broker makes of each.
//
//  The worker finds the class and sends it with its VERDICT, beside the outcome.  An older worker
//  sends none.  Then the outcome alone says what follows.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/domain/verdict_outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    RUN_CLASS_NONE,           //  not known
    RUN_CLASS_SUCCESS,        //  a valid report
    RUN_CLASS_PARTIAL,        //  a valid report beside a timeout or a limit
    RUN_CLASS_INVALID_OUTPUT, //  no report, an invalid one, or an exit code without a reason
    RUN_CLASS_REFUSED,        //  the model declined
    RUN_CLASS_LIMIT,          //  turns, tokens, money, disk or files are used up
    RUN_CLASS_TOO_LARGE,      //  the prompt or the request is too long
    RUN_CLASS_TIMEOUT,        //  the deadline of the run
    RUN_CLASS_RATE_LIMITED,   //  the provider's 429
    RUN_CLASS_OVERLOADED,     //  the provider's 529 or 503
    RUN_CLASS_PROVIDER,       //  other errors of the provider and of the way to it
    RUN_CLASS_AUTH,           //  the key is wrong or not allowed
    RUN_CLASS_QUOTA,          //  the account has no credit
    RUN_CLASS_CONFIG,         //  no such model, a wrong option
    RUN_CLASS_OOM,            //  the kernel or the memory limit killed it
    RUN_CLASS_KILLED,         //  a signal that nobody here sent
    RUN_CLASS_INFRA,          //  the host could not run it
    RUN_CLASSES
} run_class_t;

//  What follows a run of a class.  At most one of charged, given_back and holds is true.
typedef struct {
    const char *name;
    verdict_outcome_t outcome; //  that the worker sends beside it
    bool charged;              //  uses up one of agent_attempts
    bool given_back;           //  the incident waits, then any worker may run it
    bool holds;                //  the worker gets no more work but probes; another one runs it
    bool backoff;              //  given back: the wait doubles each time
    bool counts;               //  the circuit breaker counts its incident, once
    int64_t wait_ms;           //  given back: wait when the provider names none
    const char *mend;          //  holds: what an operator does then; else NULL
} run_class_rule_t;

//  Of RUN_CLASS_NONE, and of a number that a damaged store holds: nothing follows.  Own: static.
const run_class_rule_t *run_class_rule (run_class_t class);
//  The rule of the class; of RUN_CLASS_NONE the rule of a run that ended so without a class.  Own:
//  static.
const run_class_rule_t *
run_class_rule_of (run_class_t class, verdict_outcome_t outcome);

//  Can a worker take no work for what a run of this class lacks?  Yes for those that hold it, and
//  for infra.
bool run_class_may_hold (run_class_t class);

//  "success", "partial", ...; NONE is "".
const char *run_class_name (run_class_t class);
//  False: no such name (also for ""), *ret_class is untouched.
bool
run_class_parse (const char *name, size_t size, run_class_t *ret_class);
//  The class of a verdict.  NONE when the name is unknown, as from a newer worker, or contradicts
//  the outcome.  name may be NULL if size is 0.
run_class_t
run_class_of_verdict (const char *name, size_t size, verdict_outcome_t outcome);
