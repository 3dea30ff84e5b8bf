//  Shares by source: names that one source invents leave room for the others.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

//  Events of a source, each from another cluster that it invents.
static void
s_invent (bench_t *bench, const char *source, const char *stem, int first, int count)
{
    bench->source = source;
    for (int i = first; i < first + count; i++) {
        char name [48];
        snprintf (name, sizeof name, "%s-%d", stem, i);
        bench_later (bench, 1);
        (void) bench_event (bench, name, name, FAULT_WARNING);
    }
}

static int64_t
s_lost (const bench_t *bench, const char *source, step_loss_t loss)
{
    step_stats_t stats;
    step_stats (bench->step, bench->now, &stats);
    for (int i = 0; i < STEP_SOURCES; i++)
        if (strcmp (stats.sources [i].name, source) == 0)
            return stats.sources [i].lost [loss];
    return 0;
}

static void
test_clusters_that_one_source_invents_leave_room_for_those_of_others (void **state)
{
    bench_t bench = bench_new ();
    s_invent (&bench, "flood", "f", 0, LIMIT_TALLIES + 50);
    assert_int_equal (s_lost (&bench, "flood", STEP_LOSS_CLUSTER), 51);
    s_invent (&bench, "quiet", "q", 0, 20);
    s_invent (&bench, "flood", "g", 0, 30);
    for (int i = 0; i < 20; i++) {
        char name [16];
        snprintf (name, sizeof name, "q-%d", i);
        assert_int_equal (bench_cluster (&bench, name).events [FAULT_WARNING], 1);
        assert_int_equal (bench_cluster (&bench, name).states [INCIDENT_PENDING], 1);
    }
    assert_int_equal (s_lost (&bench, "quiet", STEP_LOSS_CLUSTER), 0);
    assert_int_equal (s_lost (&bench, "flood", STEP_LOSS_CLUSTER), 81);
    assert_int_equal (step_clusters (bench.step, NULL, 0), LIMIT_TALLIES);
    //  the least recent ones were removed with their counts; no event is counted twice or not at
    //  all
    assert_int_equal (bench_cluster (&bench, "f-19").last_event_ms, -1);
    assert_int_equal (bench_cluster (&bench, "f-20").events [FAULT_WARNING], 1);
    assert_int_equal (bench_cluster (&bench, "other").events [FAULT_WARNING], 51 + 20 + 30);
    assert_int_equal (bench_cluster (&bench, "other").states [INCIDENT_PENDING], 51 + 20 + 30);
    step_stats_t stats;
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.incidents [INCIDENT_PENDING], LIMIT_TALLIES + 100);
    step_reload (bench.step); //  incidents of removed clusters go too
    step_loaded (bench.step, 1000, 1, 9999, bench.now);
    assert_int_equal (bench_cluster (&bench, "other").states [INCIDENT_PENDING], 0);
    step_destroy (&bench.step);
}

//  Two inventing sources share equally, and do not take places from each other forever.
static void
test_two_sources_that_invent_clusters_share_the_places (void **state)
{
    bench_t bench = bench_new ();
    s_invent (&bench, "a", "a", 0, LIMIT_TALLIES);
    s_invent (&bench, "b", "b", 0, LIMIT_TALLIES);
    const int64_t before = s_lost (&bench, "b", STEP_LOSS_CLUSTER);
    assert_in_range (before, LIMIT_TALLIES / 2, LIMIT_TALLIES / 2 + 2);
    s_invent (&bench, "a", "x", 0, 50);
    s_invent (&bench, "b", "y", 0, 50);
    assert_int_equal (s_lost (&bench, "b", STEP_LOSS_CLUSTER), before + 50);
    assert_int_equal (s_lost (&bench, "a", STEP_LOSS_CLUSTER), 1 + 50);
    step_destroy (&bench.step);
}

//  The cluster of the record that the core wrote last.
static const char *
s_last_topic (bench_t *bench)
{
    size_t count = 0;
    const step_write_t *writes = step_writes (bench->step, &count);
    while (count-- > 0)
        if (writes [count].kind == STEP_WRITE_RECORD)
            return writes [count].as.record.cluster;
    return "";
}

static void
test_topics_that_one_source_invents_leave_room_for_those_of_others (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.global_queue_size = 2 * LIMIT_TOPICS;
    bench_configure (&bench);
    s_invent (&bench, "flood", "f", 0, LIMIT_SOURCE_TOPICS);
    assert_string_equal (s_last_topic (&bench), "f-2047");
    s_invent (&bench, "flood", "f", LIMIT_SOURCE_TOPICS, LIMIT_TOPICS);
    assert_string_equal (s_last_topic (&bench), "other");
    assert_int_equal (s_lost (&bench, "flood", STEP_LOSS_TOPIC), LIMIT_TOPICS);
    s_invent (&bench, "quiet", "q", 0, 1);
    assert_string_equal (s_last_topic (&bench), "q-0");
    assert_int_equal (s_lost (&bench, "quiet", STEP_LOSS_TOPIC), 0);
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_clusters_that_one_source_invents_leave_room_for_those_of_others),
        cmocka_unit_test (test_two_sources_that_invent_clusters_share_the_places),
        cmocka_unit_test (test_topics_that_one_source_invents_leave_room_for_those_of_others),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
