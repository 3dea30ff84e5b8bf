//  Order of service: classes, aging, fairness between clusters, overflow.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

#include "broker/core/step_part.h"

#include <time.h>

//  One worker takes one incident at a time; returns the cluster served.
static void
s_serve (bench_t *bench, int64_t number, char ret_cluster [64])
{
    bench_later (bench, 1);
    bench_credit (bench, "w", number, 1);
    const step_out_t *out = bench_schedule (bench);
    assert_non_null (out);
    snprintf (ret_cluster, 64, "%.63s", out->as.assign.cluster);
    step_fence_t fence = out->as.assign.fence;
    assert_int_equal (bench_verdict (bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
}

static void
s_fill (bench_t *bench, const char *cluster, int count)
{
    for (int i = 0; i < count; i++) {
        char key [64];
        snprintf (key, sizeof key, "%s-%d", cluster, i);
        (void) bench_event (bench, cluster, key, FAULT_WARNING);
    }
}

static void
test_small_clusters_that_come_later_are_among_the_first_36 (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 0);
    s_fill (&bench, "big", 40);
    char cluster [64];
    int64_t number = 2;
    int small = 0;
    for (int i = 0; i < 6; i++)
        s_serve (&bench, number++, cluster);
    s_fill (&bench, "b", 10);
    s_fill (&bench, "c", 10);
    for (int i = 6; i < 36; i++) {
        s_serve (&bench, number++, cluster);
        small += strcmp (cluster, "big") != 0;
    }
    assert_int_equal (small, 20);
    step_destroy (&bench.step);
}

static void
test_inside_a_cluster_the_first_come_is_served_first (void **state)
{
    bench_t bench = bench_new ();
    ident_t first = bench_event (&bench, "a", "1", FAULT_INFO);
    (void) bench_event (&bench, "a", "2", FAULT_INFO);
    bench_join (&bench, "w", 1);
    assert_string_equal (bench_schedule (&bench)->as.assign.fence.incident.text, first.text);
    step_destroy (&bench.step);
}

static void
test_critical_goes_before_warning_before_info (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_event (&bench, "info", "1", FAULT_INFO);
    (void) bench_event (&bench, "warning", "2", FAULT_WARNING);
    (void) bench_event (&bench, "critical", "3", FAULT_CRITICAL);
    bench_join (&bench, "w", 0);
    char cluster [64];
    s_serve (&bench, 2, cluster);
    assert_string_equal (cluster, "critical");
    s_serve (&bench, 3, cluster);
    assert_string_equal (cluster, "warning");
    s_serve (&bench, 4, cluster);
    assert_string_equal (cluster, "info");
    step_destroy (&bench.step);
}

static void
test_an_old_info_overtakes_a_warning_but_never_a_critical (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_event (&bench, "info", "1", FAULT_INFO);
    bench_later (&bench, 3 * LIMIT_AGE_STEP_MS);
    (void) bench_event (&bench, "warning", "2", FAULT_WARNING);
    (void) bench_event (&bench, "critical", "3", FAULT_CRITICAL);
    bench_join (&bench, "w", 0);
    char cluster [64];
    s_serve (&bench, 2, cluster);
    assert_string_equal (cluster, "critical");
    s_serve (&bench, 3, cluster);
    assert_string_equal (cluster, "info");
    step_destroy (&bench.step);
}

static void
test_a_full_queue_drops_the_oldest_of_the_lowest_severity (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.cluster_queue_size = 3;
    bench_configure (&bench);
    (void) bench_event (&bench, "a", "1", FAULT_CRITICAL);
    ident_t victim = bench_event (&bench, "a", "2", FAULT_INFO);
    (void) bench_event (&bench, "a", "3", FAULT_INFO);
    bench_later (&bench, 1);
    (void) bench_event (&bench, "a", "4", FAULT_WARNING);
    const row_incident_t *row = bench_row (&bench, victim.text);
    assert_int_equal (row->state, INCIDENT_SUPPRESSED);
    assert_int_equal (row->suppress, INCIDENT_SUPPRESS_OVERFLOW);
    step_destroy (&bench.step);
}

static void
test_a_newcomer_of_the_lowest_severity_is_the_one_dropped (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.global_queue_size = 1;
    bench_configure (&bench);
    (void) bench_event (&bench, "a", "1", FAULT_CRITICAL);
    fault_t fault = bench_fault ("b", "2", FAULT_INFO);
    assert_int_equal (bench_fault_event (&bench, &fault)->as.ack.disposition,
                      STEP_EVENT_SUPPRESSED);
    step_destroy (&bench.step);
}

static void
test_the_policy_reject_suppresses_the_newcomer_whatever_it_is (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.global_queue_size = 1;
    bench.settings.overflow_reject = true;
    bench_configure (&bench);
    (void) bench_event (&bench, "a", "1", FAULT_INFO);
    fault_t fault = bench_fault ("b", "2", FAULT_CRITICAL);
    assert_int_equal (bench_fault_event (&bench, &fault)->as.ack.disposition,
                      STEP_EVENT_SUPPRESSED);
    step_destroy (&bench.step);
}

static void
test_a_suppressed_overflow_is_revived_by_a_retry (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.global_queue_size = 1;
    bench.settings.overflow_reject = true;
    bench_configure (&bench);
    (void) bench_event (&bench, "a", "1", FAULT_INFO);
    ident_t refused = bench_event (&bench, "b", "2", FAULT_INFO);
    row_incident_t row = *bench_row (&bench, refused.text);
    const char *text = NULL;
    assert_int_equal (bench_command (&bench, STEP_COMMAND_RETRY, &row, NULL, "", &text), ERR_FULL);
    bench.settings.global_queue_size = 2;
    bench_configure (&bench);
    assert_int_equal (bench_command (&bench, STEP_COMMAND_RETRY, &row, NULL, "", &text), 0);
    assert_int_equal (bench_row (&bench, refused.text)->state, INCIDENT_PENDING);
    step_destroy (&bench.step);
}

static worker_t *
s_none_fits (void *arg, entry_t *entry, clk_now_t now)
{
    (void) arg;
    (void) entry;
    (void) now;
    return NULL;
}

//  CPU time of ten turns that look at one waiting incident of each cluster and take none.
static double
s_looking (int clusters)
{
    bench_t bench = bench_new ();
    worker_t *worker = NULL;
    bench.settings.global_queue_size = clusters;
    bench_configure (&bench);
    for (int i = 0; i < clusters; i++) {
        char name [64];
        snprintf (name, sizeof name, "cluster-%d", i);
        (void) bench_event (&bench, name, name, FAULT_WARNING);
        if (i % 100 == 0)
            bench_later (&bench, 1);
    }
    const queue_fits_t fits = {.worker = s_none_fits};
    clock_t from = clock ();
    for (int i = 0; i < 10; i++) {
        bench_later (&bench, 1);
        assert_null (
            queue_pick (&bench.step->queue, &bench.step->state, bench.now, &fits, &worker));
    }
    clock_t took = clock () - from;
    step_destroy (&bench.step);
    return (double) took + 1;
}

static void
test_clusters_that_all_wait_are_looked_at_once_each (void **state)
{
    double few = s_looking (500);
    double many = s_looking (8000);
    assert_true (many < few * 100); //  16 times as many; one look per pair would be 256 times
}

static void
test_clusters_that_do_not_fit_are_passed_in_the_order_of_service (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 3);
    (void) bench_event (&bench, "a", "1", FAULT_WARNING);
    (void) bench_event (&bench, "b", "2", FAULT_WARNING);
    (void) bench_event (&bench, "c", "3", FAULT_WARNING);
    step_fence_t given [3];
    for (int round = 0; round < 2; round++) { //  given back twice: they wait
        (void) bench_schedule (&bench);
        size_t count, found = 0;
        const step_out_t *outs = step_outputs (bench.step, &count);
        for (size_t i = 0; i < count && found < 3; i++)
            if (outs [i].kind == STEP_OUT_ASSIGN)
                given [found++] = outs [i].as.assign.fence;
        assert_int_equal (found, 3);
        bench_later (&bench, LIMIT_PREFER_MS);
        for (int i = 0; i < 3; i++)
            bench_release (&bench, "w", &given [i], STEP_RELEASE_BUSY);
        bench_credit (&bench, "w", 2 + round, 3);
    }
    bench_later (&bench, 1);
    (void) bench_event (&bench, "e", "5", FAULT_WARNING);
    (void) bench_event (&bench, "d", "4", FAULT_WARNING);
    bench_credit (&bench, "w", 9, 2);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_count (&bench, STEP_OUT_ASSIGN), 2);
    assert_string_equal (bench_last (&bench, STEP_OUT_ASSIGN)->as.assign.cluster, "d");
    step_destroy (&bench.step);
}

//  A source that invents clusters, or uses another's name, loses only incidents of its own.
static void
test_a_source_that_floods_loses_its_own (void **state)
{
    for (int invents = 0; invents < 2; invents++) {
        bench_t bench = bench_new ();
        bench.settings.global_queue_size = 100;
        bench.settings.cluster_queue_size = 60;
        bench_configure (&bench);
        ident_t quiet [30];
        char key [32], cluster [32];
        bench.source = "publisher:quiet";
        for (int i = 0; i < 20; i++) {
            snprintf (key, sizeof key, "q%d", i);
            quiet [i] = bench_event (&bench, "prod", key, FAULT_WARNING);
        }
        bench.source = "publisher:flood";
        for (int i = 0; i < 1000; i++) {
            snprintf (key, sizeof key, "f%d", i);
            snprintf (cluster, sizeof cluster, "c%d", i % 40);
            (void) bench_event (&bench, invents ? cluster : "prod", key, FAULT_CRITICAL);
        }
        bench.source = "publisher:quiet"; //  its share is free, whatever others send
        for (int i = 20; i < 30; i++) {
            snprintf (key, sizeof key, "q%d", i);
            quiet [i] = bench_event (&bench, "prod", key, FAULT_INFO);
        }
        for (int i = 0; i < 30; i++)
            assert_int_equal (bench_row (&bench, quiet [i].text)->state, INCIDENT_PENDING);
        step_stats_t stats;
        step_stats (bench.step, bench.now, &stats);
        assert_int_equal (stats.queued, invents ? 100 : 60);
        //  reported for the source that lost them, and for no other
        assert_string_equal (stats.sources [0].name, "publisher:flood");
        assert_int_equal (stats.sources [0].lost [STEP_LOSS_QUEUE], 1000 - (stats.queued - 30));
        assert_string_equal (stats.sources [1].name, "");
        step_destroy (&bench.step);
    }
}

//  The source that has most may have nothing that can be dropped.  Then the next one loses, never a
//  source with less.
static void
test_who_has_most_and_has_tried_all_of_it_is_passed_over (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.global_queue_size = 6;
    bench_configure (&bench);
    char key [16];
    bench_join (&bench, "w", 3);
    bench.source = "publisher:tried";
    for (int i = 0; i < 3; i++) {
        snprintf (key, sizeof key, "t%d", i);
        (void) bench_event (&bench, "a", key, FAULT_WARNING);
    }
    step_fence_t fences [3];
    size_t count = 0, assigned = 0;
    (void) bench_schedule (&bench);
    const step_out_t *outs = step_outputs (bench.step, &count);
    for (size_t i = 0; i < count; i++)
        if (outs [i].kind == STEP_OUT_ASSIGN && assigned < 3)
            fences [assigned++] = outs [i].as.assign.fence;
    assert_int_equal (assigned, 3);
    for (size_t i = 0; i < assigned; i++)
        bench_release (&bench, "w", &fences [i], STEP_RELEASE_BUSY);
    bench.source = "publisher:middle";
    const ident_t middle = bench_event (&bench, "b", "m0", FAULT_WARNING);
    (void) bench_event (&bench, "b", "m1", FAULT_WARNING);
    bench.source = "publisher:quiet";
    const ident_t first = bench_event (&bench, "c", "q0", FAULT_WARNING);
    const ident_t second = bench_event (&bench, "c", "q1", FAULT_WARNING);
    assert_int_equal (bench_row (&bench, first.text)->state, INCIDENT_PENDING);
    assert_int_equal (bench_row (&bench, second.text)->state, INCIDENT_PENDING);
    assert_int_equal (bench_row (&bench, middle.text)->state, INCIDENT_SUPPRESSED);
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_small_clusters_that_come_later_are_among_the_first_36),
        cmocka_unit_test (test_inside_a_cluster_the_first_come_is_served_first),
        cmocka_unit_test (test_critical_goes_before_warning_before_info),
        cmocka_unit_test (test_an_old_info_overtakes_a_warning_but_never_a_critical),
        cmocka_unit_test (test_a_full_queue_drops_the_oldest_of_the_lowest_severity),
        cmocka_unit_test (test_a_newcomer_of_the_lowest_severity_is_the_one_dropped),
        cmocka_unit_test (test_the_policy_reject_suppresses_the_newcomer_whatever_it_is),
        cmocka_unit_test (test_a_suppressed_overflow_is_revived_by_a_retry),
        cmocka_unit_test (test_a_source_that_floods_loses_its_own),
        cmocka_unit_test (test_who_has_most_and_has_tried_all_of_it_is_passed_over),
        cmocka_unit_test (test_clusters_that_all_wait_are_looked_at_once_each),
        cmocka_unit_test (test_clusters_that_do_not_fit_are_passed_in_the_order_of_service),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
