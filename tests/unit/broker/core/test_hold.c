//  While the broker's own disk accepts nothing, no worker is blamed.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/broker/core/core_bench.h"

//  Longer than an attempt may live, while its worker keeps renewing it.
static void
s_long (bench_t *bench, const step_fence_t *fence)
{
    const int64_t hard_ms = bench->settings.agent_timeout_ms + bench->settings.agent_grace_ms
                            + bench->settings.revoke_slack_ms;
    for (int64_t left = 2 * hard_ms; left > 0; left -= LIMIT_PING_MS) {
        bench_later (bench, LIMIT_PING_MS);
        if (fence)
            bench_say (bench, "w", STEP_IN_PROGRESS, fence);
        else
            bench_ping (bench, "w");
        assert_null (bench_schedule (bench));
        assert_null (bench_row (bench, NULL));
    }
}

static void
test_nothing_is_assigned_during_a_hold_and_all_of_it_afterwards (void **state)
{
    bench_t bench = bench_new ();
    step_hold (bench.step, true);
    (void) bench_event (&bench, "a", "1", FAULT_WARNING);
    bench_join (&bench, "w", 1);
    assert_null (bench_schedule (&bench));
    s_long (&bench, NULL);
    step_hold (bench.step, false);
    bench_later (&bench, 0);
    assert_non_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

static void
test_a_hold_longer_than_the_hard_deadline_costs_no_report (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    bench_later (&bench, 0);
    step_hold (bench.step, true);
    s_long (&bench, &fence);
    step_hold (bench.step, false);
    //  the time allowed for an upload then ends too
    bench_later (&bench, bench.settings.revoke_slack_ms - 1000);
    bench_say (&bench, "w", STEP_IN_PROGRESS, &fence);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    step_destroy (&bench.step);
}

static void
test_after_a_hold_a_hard_deadline_comes_again (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    bench_later (&bench, 0);
    step_hold (bench.step, true);
    s_long (&bench, &fence);
    step_hold (bench.step, false);
    for (int64_t left = bench.settings.revoke_slack_ms; left > 0; left -= LIMIT_PING_MS) {
        bench_later (&bench, LIMIT_PING_MS);
        bench_say (&bench, "w", STEP_IN_PROGRESS, &fence);
        (void) bench_schedule (&bench);
    }
    assert_string_equal (bench_last (&bench, STEP_OUT_CANCEL)->as.cancel.reason, "deadline");
    step_destroy (&bench.step);
}

//  A lost attempt may still report, and this was the last delivery.  Its grace begins when the hold
//  ends.
static void
test_the_grace_of_a_late_report_begins_after_the_hold (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.max_deliveries = 1;
    bench_configure (&bench);
    step_fence_t fence = bench_running (&bench);
    bench_later (&bench, 0);
    step_hold (bench.step, true);
    bench_later (&bench, bench.settings.lease_ttl_ms);
    bench_ping (&bench, "w");
    (void) bench_schedule (&bench);
    for (int i = 0; i < 10; i++) {
        bench_later (&bench, bench.settings.reconnect_grace_ms / 4);
        bench_ping (&bench, "w");
        (void) bench_schedule (&bench);
    }
    step_hold (bench.step, false);
    bench_later (&bench, bench.settings.reconnect_grace_ms / 2);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_LATE_WIN);
    step_destroy (&bench.step);
}

//  Assigned to w, which has not started an agent for it.
static step_fence_t
s_fetching (bench_t *bench, const char *key)
{
    (void) bench_event (bench, "a", key, FAULT_WARNING);
    step_fence_t fence = bench_schedule (bench)->as.assign.fence;
    bench_say (bench, "w", STEP_IN_ACCEPT, &fence);
    return fence;
}

static void
s_check_unblamed (bench_t *bench)
{
    step_stats_t stats;
    step_stats (bench->step, bench->now, &stats);
    assert_int_equal (stats.workers_quarantined, 0);
    assert_int_equal (stats.outcomes_total [VERDICT_HOST], 0);
    assert_int_equal (stats.incidents [INCIDENT_PENDING], 4);
}

//  Four times the same host.  Three would quarantine it, one would exclude it for the incident.
static void
test_what_the_broker_could_not_give_is_no_failure_of_a_host (void **state)
{
    static const step_release_t reasons [] = {STEP_RELEASE_HOST, STEP_RELEASE_HOST,
                                              STEP_RELEASE_BUSY, STEP_RELEASE_BUSY};
    for (int i = 0; i < 4; i++) {
        const bool hold = i % 2;
        bench_t bench = bench_new ();
        bench_join (&bench, "w", 8);
        step_fence_t fences [4];
        for (size_t k = 0; k < 4; k++)
            fences [k] = s_fetching (&bench, (const char *[]){"1", "2", "3", "4"} [k]);
        bench_later (&bench, 1000);
        step_hold (bench.step, hold);
        (void) bench_schedule (&bench);
        for (size_t k = 0; k < 4; k++) {
            if (!hold)
                step_spare (bench.step, &fences [k], false, bench.now);
            bench_release (&bench, "w", &fences [k], reasons [i]);
        }
        s_check_unblamed (&bench);
        step_hold (bench.step, false);
        bench_later (&bench, LIMIT_PREFER_MS);
        bench_credit (&bench, "w", 2, 8);
        (void) bench_schedule (&bench);
        assert_int_equal (bench_count (&bench, STEP_OUT_ASSIGN), 4);
        step_destroy (&bench.step);
    }
}

//  Round by round: a worker that gives back its assignments is quarantined after three, unless the
//  broker is the cause.
static void
test_a_worker_that_waits_for_our_prompts_in_vain_is_not_set_aside (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 1);
    (void) bench_event (&bench, "a", "1", FAULT_WARNING);
    for (int i = 0; i < 2 * LIMIT_QUARANTINE_STREAK; i++) {
        const step_out_t *out = bench_schedule (&bench);
        assert_non_null (out);
        step_fence_t fence = out->as.assign.fence;
        bench_say (&bench, "w", STEP_IN_ACCEPT, &fence);
        step_spare (bench.step, &fence, false, bench.now);
        bench_release (&bench, "w", &fence, i % 2 ? STEP_RELEASE_BUSY : STEP_RELEASE_HOST);
        bench_later (&bench, LIMIT_RELEASE_BACKOFF_MAX_MS);
        bench_ping (&bench, "w");
        bench_credit (&bench, "w", i + 2, 1);
    }
    step_stats_t stats;
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.workers_quarantined, 0);
    step_destroy (&bench.step);
}

static void
test_a_report_that_could_not_be_taken_has_more_time_and_a_prompt_has_not (void **state)
{
    for (int finished = 0; finished < 2; finished++) {
        bench_t bench = bench_new ();
        step_fence_t fence = bench_running (&bench);
        const int64_t hard_ms = bench.settings.agent_timeout_ms + bench.settings.agent_grace_ms
                                + bench.settings.revoke_slack_ms;
        for (int64_t left = hard_ms; left > 0; left -= LIMIT_PING_MS) {
            bench_later (&bench, LIMIT_PING_MS);
            step_spare (bench.step, &fence, finished, bench.now);
            bench_say (&bench, "w", STEP_IN_PROGRESS, &fence);
            (void) bench_schedule (&bench);
        }
        assert_int_equal (bench_last (&bench, STEP_OUT_CANCEL) == NULL, finished);
        step_destroy (&bench.step);
    }
}

//  The next effect sent to delivery in a turn, 0 = none.
static int64_t
s_handed (bench_t *bench)
{
    bench_later (bench, LIMIT_EFFECT_RETRY_MAX_MS * 2);
    (void) bench_schedule (bench);
    const step_out_t *out = bench_last (bench, STEP_OUT_EFFECT);
    return out ? out->as.effect.id : 0;
}

static void
test_a_folder_is_not_saved_during_a_hold_and_a_failure_in_it_is_no_try (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    (void) bench_schedule (&bench);
    const int64_t id = bench_last (&bench, STEP_OUT_EFFECT)->as.effect.id;
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    done.as.effect.id = id;
    done.as.effect.result = STEP_EFFECT_RETRY;
    for (int i = 0; i < 2 * LIMIT_EFFECT_TRIES; i++) {
        step_hold (bench.step, true); //  the hold began before
        bench_step (&bench, &done);
        assert_int_equal (s_handed (&bench), 0);
        step_hold (bench.step, false);
        assert_int_equal (s_handed (&bench), id);
    }
    step_destroy (&bench.step);
}

//  The broker was away for longer than that.  Its worker still has time to report the attempt.
static void
test_a_deadline_that_passed_while_nobody_looked_leaves_the_grace (void **state)
{
    bench_t bench = bench_new ();
    const step_fence_t fence = bench_running (&bench);
    size_t count;
    const step_write_t *writes = step_writes (bench.step, &count);
    const row_attempt_t *attempt = NULL;
    for (size_t i = 0; i < count; i++)
        if (writes [i].kind == STEP_WRITE_ATTEMPT)
            attempt = &writes [i].as.attempt;
    assert_non_null (attempt);
    step_t *next = step_new (&bench.settings, 43);
    bench.now.wall_ms += INT64_C (100) * 3600000;
    assert_int_equal (step_load_incident (next, bench_row (&bench, fence.incident.text)), 0);
    assert_int_equal (step_load_attempt (next, attempt), 0);
    step_loaded (next, 1, 0, 0, bench.now);
    step_destroy (&bench.step);
    bench.step = next;
    bench_later (&bench, bench.settings.reconnect_grace_ms - 1);
    assert_null (bench_schedule (&bench));
    assert_null (bench_row (&bench, NULL));
    bench_later (&bench, 1);
    (void) bench_schedule (&bench);
    assert_non_null (bench_row (&bench, fence.incident.text));
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_nothing_is_assigned_during_a_hold_and_all_of_it_afterwards),
        cmocka_unit_test (test_a_hold_longer_than_the_hard_deadline_costs_no_report),
        cmocka_unit_test (test_after_a_hold_a_hard_deadline_comes_again),
        cmocka_unit_test (test_the_grace_of_a_late_report_begins_after_the_hold),
        cmocka_unit_test (test_what_the_broker_could_not_give_is_no_failure_of_a_host),
        cmocka_unit_test (test_a_worker_that_waits_for_our_prompts_in_vain_is_not_set_aside),
        cmocka_unit_test (test_a_report_that_could_not_be_taken_has_more_time_and_a_prompt_has_not),
        cmocka_unit_test (test_a_folder_is_not_saved_during_a_hold_and_a_failure_in_it_is_no_try),
        cmocka_unit_test (test_a_deadline_that_passed_while_nobody_looked_leaves_the_grace),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
