//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/run_class.h"

#include "common/base/limits.h"

#include <string.h>

#define S_CHARGED(name_)                                                                           \
    {                                                                                              \
        .name = (name_), .outcome = VERDICT_AGENT, .charged = true, .counts = true                 \
    }
#define S_HOLDS(name_, mend_)                                                                      \
    {                                                                                              \
        .name = (name_), .outcome = VERDICT_AGENT, .holds = true, .counts = true, .mend = (mend_)  \
    }
#define S_GIVEN_BACK(name_, backoff_)                                                              \
    {                                                                                              \
        .name = (name_), .outcome = VERDICT_AGENT, .given_back = true, .backoff = (backoff_),      \
        .counts = true, .wait_ms = LIMIT_GIVE_BACK_MS                                              \
    }

static const run_class_rule_t s_rules [RUN_CLASSES] = {
    [RUN_CLASS_NONE] = {.name = "", .outcome = VERDICT_OUTCOMES},
    [RUN_CLASS_SUCCESS] = {.name = "success", .outcome = VERDICT_SUCCESS},
    [RUN_CLASS_PARTIAL] = S_CHARGED ("partial"),
    [RUN_CLASS_INVALID_OUTPUT] = S_CHARGED ("invalid_output"),
    [RUN_CLASS_REFUSED] = S_CHARGED ("refused"),
    [RUN_CLASS_LIMIT] = S_CHARGED ("limit"),
    [RUN_CLASS_TOO_LARGE] = S_CHARGED ("too_large"),
    [RUN_CLASS_TIMEOUT] = S_CHARGED ("timeout"),
    [RUN_CLASS_RATE_LIMITED] = S_GIVEN_BACK ("rate_limited", false),
    [RUN_CLASS_OVERLOADED] = S_GIVEN_BACK ("overloaded", false),
    [RUN_CLASS_PROVIDER] = S_GIVEN_BACK ("provider", true),
    [RUN_CLASS_AUTH] =
        S_HOLDS ("auth", "correct its provider's key on that worker; a key file is read again "
                         "within 30 s, else start the worker again"),
    [RUN_CLASS_QUOTA] =
        S_HOLDS ("quota", "give the account credit, then: triagectl workers resume NAME"),
    [RUN_CLASS_CONFIG] =
        S_HOLDS ("config", "correct agent_model, the base URL or other options there and start it "
                           "again"),
    [RUN_CLASS_OOM] = S_CHARGED ("oom"),
    [RUN_CLASS_KILLED] = S_CHARGED ("killed"),
    [RUN_CLASS_INFRA] = {.name = "infra", .outcome = VERDICT_HOST},
};

//  An agent's failure without a class.
static const run_class_rule_t s_failure = S_CHARGED ("");

const run_class_rule_t *
run_class_rule (run_class_t class)
{
    return &s_rules [class < RUN_CLASSES ? class : RUN_CLASS_NONE];
}

const run_class_rule_t *
run_class_rule_of (run_class_t class, verdict_outcome_t outcome)
{
    const bool known = class > RUN_CLASS_NONE && class < RUN_CLASSES;
    return known || outcome != VERDICT_AGENT ? run_class_rule (class) : &s_failure;
}

bool
run_class_may_hold (run_class_t class)
{
    return run_class_rule (class)->holds || class == RUN_CLASS_INFRA;
}

const char *
run_class_name (run_class_t class)
{
    return run_class_rule (class)->name;
}

bool
run_class_parse (const char *name, size_t size, run_class_t *ret_class)
{
    for (size_t i = RUN_CLASS_SUCCESS; i < RUN_CLASSES; i++)
        if (strlen (s_rules [i].name) == size && memcmp (s_rules [i].name, name, size) == 0) {
            *ret_class = (run_class_t) i;
            return true;
        }
    return false;
}

run_class_t
run_class_of_verdict (const char *name, size_t size, verdict_outcome_t outcome)
{
    run_class_t class = RUN_CLASS_NONE;
    return size && run_class_parse (name, size, &class) && s_rules [class].outcome == outcome
               ? class
               : RUN_CLASS_NONE;
}
