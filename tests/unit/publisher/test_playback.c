//  Tests of publisher/playback: when the next fault is due; time is set by hand.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "publisher/playback.h"

enum { NOW_MS = 1000000 };

//  Recorded at 0, 10 and 40 seconds, one without a time.
static recording_fault_t faults [] = {
    {.time_ms = 1000}, {.time_ms = 11000}, {.time_ms = 41000}, {.time_ms = 0}};
static const recording_tape_t tape = {.faults = faults, .count = 4, .span_ms = 41000};

static void
test_without_a_pace_everything_is_due_at_once (void **state)
{
    (void) state;
    const playback_pace_t pace = {.repeat = 1};
    playback_t playback = playback_init (&tape, NOW_MS);
    for (size_t at = 0; at < tape.count; at++) {
        assert_true (playback_due (&playback, NOW_MS));
        assert_int_equal (playback.index, at);
        playback_next (&playback, &pace, NOW_MS);
    }
    assert_true (playback.ended);
    assert_false (playback_due (&playback, NOW_MS + 1000));
    assert_true (playback_due_ms (&playback) == INT64_MAX);
}

static void
test_rate_spaces_faults_evenly (void **state)
{
    (void) state;
    const playback_pace_t pace = {.rate = 4, .repeat = 1};
    playback_t playback = playback_init (&tape, NOW_MS);
    playback_next (&playback, &pace, NOW_MS);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 250);
    assert_false (playback_due (&playback, NOW_MS + 249));
    assert_true (playback_due (&playback, NOW_MS + 250));
    playback_next (&playback, &pace, NOW_MS + 260);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 500); //  no drift
}

static void
test_speed_keeps_recorded_pauses_in_proportion (void **state)
{
    (void) state;
    const playback_pace_t pace = {.speed = 10, .repeat = 1};
    playback_t playback = playback_init (&tape, NOW_MS);
    playback_next (&playback, &pace, NOW_MS);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 1000);
    playback_next (&playback, &pace, NOW_MS + 1000);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 4000);
    playback_next (&playback, &pace, NOW_MS + 4000);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 4000); //  no time, no pause
}

static void
test_the_longer_pause_of_rate_and_speed_holds (void **state)
{
    (void) state;
    const playback_pace_t pace = {.speed = 10, .rate = 1, .repeat = 1};
    playback_t playback = playback_init (&tape, NOW_MS);
    playback_next (&playback, &pace, NOW_MS);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 1000);
    playback_next (&playback, &pace, NOW_MS + 1000);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 4000);
    playback_next (&playback, &pace, NOW_MS + 4000);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 5000);
}

static void
test_rounds_follow_each_other_and_zero_is_without_end (void **state)
{
    (void) state;
    const playback_pace_t twice = {.repeat = 2, .speed = 1};
    const playback_pace_t ever = {.repeat = 0};
    playback_t playback = playback_init (&tape, NOW_MS);
    for (int at = 0; at < 3; at++)
        playback_next (&playback, &ever, NOW_MS);
    playback_next (&playback, &twice, NOW_MS);
    assert_int_equal (playback.round, 1);
    assert_int_equal (playback.index, 0);
    assert_int_equal (playback_due_ms (&playback), NOW_MS + 1000); //  one recorded second later
    for (int at = 0; at < 4; at++)
        playback_next (&playback, &twice, NOW_MS);
    assert_true (playback.ended);

    playback = playback_init (&tape, NOW_MS);
    for (int at = 0; at < 4000; at++)
        playback_next (&playback, &ever, NOW_MS);
    assert_false (playback.ended);
    assert_int_equal (playback.round, 1000);
}

static void
test_a_delay_is_not_made_up_for_by_more_than_a_second (void **state)
{
    (void) state;
    const playback_pace_t pace = {.rate = 10, .repeat = 0};
    playback_t playback = playback_init (&tape, NOW_MS);
    int64_t later_ms = NOW_MS + 60000;
    int burst = 0;
    for (; playback_due (&playback, later_ms); burst++)
        playback_next (&playback, &pace, later_ms);
    assert_int_equal (burst, 11); //  the one due, and those of one second
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_without_a_pace_everything_is_due_at_once),
        cmocka_unit_test (test_rate_spaces_faults_evenly),
        cmocka_unit_test (test_speed_keeps_recorded_pauses_in_proportion),
        cmocka_unit_test (test_the_longer_pause_of_rate_and_speed_holds),
        cmocka_unit_test (test_rounds_follow_each_other_and_zero_is_without_end),
        cmocka_unit_test (test_a_delay_is_not_made_up_for_by_more_than_a_second),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
