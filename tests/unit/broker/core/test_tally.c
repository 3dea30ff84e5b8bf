//  Counts of each cluster: events received and incidents held.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

static void
test_what_each_cluster_sends_and_has_is_counted (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.severity_threshold = FAULT_WARNING;
    bench_configure (&bench);
    (void) bench_event (&bench, "a", "1", FAULT_CRITICAL);
    (void) bench_event (&bench, "a", "1", FAULT_CRITICAL); //  counts on the same incident
    (void) bench_event (&bench, "a", "2", FAULT_INFO);
    (void) bench_event (&bench, "b", "3", FAULT_WARNING);
    bench_join (&bench, "w", 1);
    step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    step_cluster_t shown = bench_cluster (&bench, "a");
    assert_int_equal (shown.events [FAULT_CRITICAL], 2);
    assert_int_equal (shown.events [FAULT_INFO], 1);
    assert_int_equal (shown.suppressed [INCIDENT_SUPPRESS_BELOW_SEVERITY], 1);
    assert_int_equal (shown.states [INCIDENT_INVESTIGATING], 1);
    assert_int_equal (shown.last_event_ms, bench.now.wall_ms);
    assert_int_equal (bench_cluster (&bench, "b").states [INCIDENT_PENDING], 1);

    step_in_t in = bench_from ("w", STEP_IN_VERDICT);
    in.as.verdict.fence = fence;
    in.as.verdict.started_ms = bench.now.wall_ms;
    in.as.verdict.completed_ms = bench.now.wall_ms + 7000;
    bench_later (&bench, 61000);
    bench_step (&bench, &in);
    step_stats_t stats;
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.run_time [VERDICT_SUCCESS].buckets [5], 1); //  at most 10 s
    assert_int_equal (stats.run_time [VERDICT_SUCCESS].sum_ms, 7000);
    assert_int_equal (stats.report_time.buckets [8], 1); //  at most 2 min
    assert_int_equal (stats.incidents [INCIDENT_REPORTED], 1);
    assert_int_equal (stats.events_suppressed [INCIDENT_SUPPRESS_BELOW_SEVERITY], 1);

    step_reload (bench.step); //  nothing is held; the counts stay
    step_loaded (bench.step, 3, 1, 9, bench.now);
    shown = bench_cluster (&bench, "a");
    assert_int_equal (shown.events [FAULT_CRITICAL], 2);
    assert_int_equal (shown.states [INCIDENT_REPORTED], 0);
    step_destroy (&bench.step);
}

//  The store was full.  Its events come again several times, and the turn that commits them counts
//  them.
static void
test_what_a_turn_counted_is_forgotten_with_it (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.severity_threshold = FAULT_WARNING;
    bench_configure (&bench);
    (void) bench_event (&bench, "a", "1", FAULT_CRITICAL);
    const int64_t heard_ms = bench_cluster (&bench, "a").last_event_ms;
    for (int i = 0; i < 3; i++) {
        bench_later (&bench, 1000);
        (void) bench_event (&bench, "a", "2", FAULT_CRITICAL);
        (void) bench_event (&bench, "a", "3", FAULT_INFO);
        step_reload (bench.step);
        step_loaded (bench.step, 1, 0, 9, bench.now);
    }
    step_stats_t stats;
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.events_total, 1);
    step_cluster_t shown = bench_cluster (&bench, "a");
    assert_int_equal (shown.events [FAULT_CRITICAL], 1);
    assert_int_equal (shown.events [FAULT_INFO], 0);
    assert_int_equal (shown.suppressed [INCIDENT_SUPPRESS_BELOW_SEVERITY], 0);
    assert_int_equal (shown.last_event_ms, heard_ms);
    bench_later (&bench, 1000);
    (void) bench_event (&bench, "a", "3", FAULT_INFO);
    assert_int_equal (bench_cluster (&bench, "a").events [FAULT_INFO], 1);
    step_destroy (&bench.step);
}

static void
test_clusters_that_somebody_invents_are_counted_as_other (void **state)
{
    bench_t bench = bench_new ();
    for (int i = 0; i < LIMIT_TALLIES + 50; i++) {
        char name [32];
        snprintf (name, sizeof name, "c%d", i);
        (void) bench_event (&bench, name, name, FAULT_WARNING);
    }
    assert_int_equal (step_clusters (bench.step, NULL, 0), LIMIT_TALLIES);
    assert_int_equal (bench_cluster (&bench, "c0").events [FAULT_WARNING], 1);
    assert_int_equal (bench_cluster (&bench, "other").events [FAULT_WARNING], 51);
    assert_int_equal (bench_cluster (&bench, "other").states [INCIDENT_PENDING], 51);
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_what_each_cluster_sends_and_has_is_counted),
        cmocka_unit_test (test_what_a_turn_counted_is_forgotten_with_it),
        cmocka_unit_test (test_clusters_that_somebody_invents_are_counted_as_other),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
