//  Short times and small queues, so that much happens in few steps.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/plan.h"

#include "common/base/limits.h"

#include <stdlib.h>

uint64_t
plan_number (const char *name, uint64_t otherwise)
{
    const char *text = getenv (name);
    return text && *text ? strtoull (text, NULL, 10) : otherwise;
}

step_settings_t
plan_settings (uint64_t seed)
{
    //  Of each incident the default receiver, a webhook, gets one message, a bot shows it, and a
    //  signed webhook hears of each end.
    static const route_rule_t rules [] = {
        {.cluster = "", .namespace_ = "", .fault_type = "", .receiver = "slack", .goes_on = true},
        {.cluster = "", .namespace_ = "", .fault_type = "", .receiver = PLAN_BOT, .goes_on = true},
        {.cluster = "", .namespace_ = "", .fault_type = "", .receiver = PLAN_ENDS}};
    static const route_receiver_t receivers [] = {{.name = PLAN_BOT, .shows = true},
                                                  {.name = PLAN_ENDS, .ends = true}};
    return (step_settings_t){
        .agent_attempts = 2,
        .max_deliveries = 3,
        .give_back_ms = 120000,
        .lease_ttl_ms = 10000,
        .reconnect_grace_ms = 8000,
        .agent_timeout_ms = 20000,
        .agent_grace_ms = 2000,
        .revoke_slack_ms = LIMIT_REVOKE_SLACK_MS,
        .dedup_window_ms = 30000,
        .reinvestigate_after_ms = 60000,
        .global_queue_size = PLAN_QUEUE,
        .cluster_queue_size = 10,
        .severity_threshold = FAULT_INFO,
        .failure_threshold = 1 + (int64_t) (seed % 4),
        .notify_failures = true,
        .breaker_pause = seed % 5 == 0,
        .revive = true,
        .slack = true,
        .slack_shows = seed % 4 == 2,
        .routing = {.rules = rules, .rule_count = 3, .receivers = receivers, .receiver_count = 2},
        .pace_ms = (int64_t) (seed % 3) * 150,
        .overflow_reject = seed % 3 == 0};
}
