//  SPDX-License-Identifier: Apache-2.0
#include "tests/sim/luck.h"

enum { TROUBLE_MS = 60000, RETRY_MS = 20000 };

//  NONE: an older worker.
static const run_class_t s_failures [] = {
    RUN_CLASS_NONE,      RUN_CLASS_PARTIAL,      RUN_CLASS_INVALID_OUTPUT, RUN_CLASS_REFUSED,
    RUN_CLASS_LIMIT,     RUN_CLASS_TOO_LARGE,    RUN_CLASS_TIMEOUT,        RUN_CLASS_OOM,
    RUN_CLASS_KILLED,    RUN_CLASS_RATE_LIMITED, RUN_CLASS_OVERLOADED,     RUN_CLASS_PROVIDER,
    RUN_CLASS_OVERLOADED};
static const run_class_t s_holds [] = {RUN_CLASS_AUTH, RUN_CLASS_QUOTA, RUN_CLASS_CONFIG};

spooled_t
luck_run (peers_t *peers, const peer_worker_t *worker)
{
    const uint64_t luck = peers->calm ? 0 : peers_random (peers, 100);
    const bool stored = peers_random (peers, 10) > 0;
    spooled_t run = {.outcome = VERDICT_SUCCESS, .class = RUN_CLASS_SUCCESS, .stored = stored};
    const bool keyless = !peers->calm && peers->now.boot_ms < worker->keyless_ms;
    if (luck < 75 && !keyless)
        return run;
    run.outcome = VERDICT_AGENT;
    run.class = keyless
                    ? s_holds [luck % (sizeof s_holds / sizeof s_holds [0])]
                    : s_failures [peers_random (peers, sizeof s_failures / sizeof s_failures [0])];
    if (peers_random (peers, 2))
        run.retry_ms = (int64_t) peers_random (peers, RETRY_MS);
    return run;
}

step_effect_result_t
luck_effect (peers_t *peers, int channel)
{
    const uint64_t luck = peers->calm ? 0 : peers_random (peers, 40);
    if (luck < 32)
        return STEP_EFFECT_OK;
    if (luck < 37)
        return STEP_EFFECT_RETRY;
    return luck < 38 && channel == ROW_CHANNEL_MESSAGE ? STEP_EFFECT_UNSURE : STEP_EFFECT_PERMANENT;
}

void
luck_trouble (peers_t *peers, int64_t *until_ms)
{
    const int64_t now = peers->now.boot_ms;
    if (!peers->calm && now >= *until_ms && peers_random (peers, 2000) == 0)
        *until_ms = now + (int64_t) peers_random (peers, TROUBLE_MS);
}
