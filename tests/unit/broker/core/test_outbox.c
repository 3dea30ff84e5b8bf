//  Effects: one at a time per channel, retries, and an operator's commands.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

//  The effect that this turn wrote last.
static const row_effect_t *
s_effect_row (const bench_t *bench)
{
    size_t count;
    const step_write_t *writes = step_writes (bench->step, &count);
    while (count--)
        if (writes [count].kind == STEP_WRITE_EFFECT)
            return &writes [count].as.effect;
    return NULL;
}

//  The effect at delivery, by channel; 0 = none.
static int64_t s_flights [ROW_CHANNELS];

static void
s_hand_out (bench_t *bench)
{
    size_t count;
    step_schedule (bench->step, bench->now);
    const step_out_t *outs = step_outputs (bench->step, &count);
    for (size_t i = 0; i < count; i++)
        if (outs [i].kind == STEP_OUT_EFFECT)
            s_flights [outs [i].as.effect.channel] = outs [i].as.effect.id;
}

//  The figures of a channel; zeros: there is no such channel.
static step_lane_t
s_lane (const bench_t *bench, const char *name)
{
    step_lane_t lanes [8];
    const size_t count = step_lanes (bench->step, bench->now, lanes, 8);
    for (size_t i = 0; i < count; i++)
        if (strcmp (lanes [i].name, name) == 0)
            return lanes [i];
    return (step_lane_t){.name = ""};
}

//  n reported incidents, each with its upload and, with Slack, its message.
static void
s_reported (bench_t *bench, int count)
{
    bench_join (bench, "w", 1);
    for (int i = 0; i < count; i++) {
        char key [16];
        snprintf (key, sizeof key, "%d", i);
        (void) bench_event (bench, "a", key, FAULT_WARNING);
        bench_credit (bench, "w", i + 2, 1);
        step_fence_t fence = bench_schedule (bench)->as.assign.fence;
        assert_int_equal (bench_verdict (bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    }
    memset (s_flights, 0, sizeof s_flights);
    s_hand_out (bench);
}

//  Delivery has finished an effect of the channel with this result.  Returns its id, 0 = it has
//  none.
static int64_t
s_deliver (bench_t *bench, row_channel_t channel, int64_t bad, step_effect_result_t result)
{
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    int64_t id = s_flights [channel];
    if (!id)
        return 0;
    s_flights [channel] = 0;
    done.as.effect.id = id;
    done.as.effect.result = id == bad ? result : STEP_EFFECT_OK;
    done.as.effect.unreached = result == STEP_EFFECT_RETRY && channel == ROW_CHANNEL_MESSAGE;
    snprintf (done.as.effect.error, LIMIT_REASON_BYTES, "%s", id == bad ? "refused" : "");
    bench_later (bench, 1);
    bench_step (bench, &done);
    bench_step (bench, &done); //  a second report has no effect
    s_hand_out (bench);
    return id;
}

static void
test_an_upload_that_fails_is_passed_over_and_tried_again_until_it_is_dead (void **state)
{
    bench_t bench = bench_new ();
    s_reported (&bench, 20);
    assert_int_equal (bench_count (&bench, STEP_OUT_EFFECT), 1);
    bool done [21] = {false};
    int64_t id, tries = 0;
    while ((id = s_deliver (&bench, ROW_CHANNEL_STORAGE, 1, STEP_EFFECT_RETRY)) > 0)
        done [id] = true;
    for (int i = 1; i <= 20; i++) //  all others finish at once, within milliseconds
        assert_true (done [i]);
    step_stats_t stats;
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.effects_ready, 1);
    step_lane_t lane = s_lane (&bench, "storage");
    assert_int_equal (lane.id, 1);
    assert_int_equal (lane.failing, 1);
    assert_string_equal (lane.error, "refused");
    while (stats.effects_ready && tries < 100) {
        bench_later (&bench, s_lane (&bench, "storage").next_ms);
        s_hand_out (&bench);
        assert_int_equal (s_deliver (&bench, ROW_CHANNEL_STORAGE, 1, STEP_EFFECT_RETRY), 1);
        step_stats (bench.step, bench.now, &stats);
        tries++;
    }
    assert_int_equal (tries, LIMIT_EFFECT_TRIES - 1);
    step_destroy (&bench.step);
}

//  Failing effects alternate with untried ones, so neither waits for all of the others.
static void
test_uploads_that_fail_do_not_keep_new_ones_from_their_turn (void **state)
{
    bench_t bench = bench_new ();
    s_reported (&bench, 10);
    for (int i = 0; i < 5; i++) //  five that fail: 1 to 5
        (void) s_deliver (&bench, ROW_CHANNEL_STORAGE, i + 1, STEP_EFFECT_RETRY);
    (void) s_deliver (&bench, ROW_CHANNEL_STORAGE, 0, STEP_EFFECT_OK);
    bench_later (&bench, LIMIT_EFFECT_RETRY_MAX_MS); //  all are due
    int fresh = 0;
    for (int i = 0; i < 4; i++)
        fresh += s_deliver (&bench, ROW_CHANNEL_STORAGE, 0, STEP_EFFECT_OK) > 5;
    assert_in_range (fresh, 2, 3);
    step_destroy (&bench.step);
}

static void
test_a_message_that_fails_holds_its_channel_and_is_named (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.slack = true;
    bench_configure (&bench);
    s_reported (&bench, 4);
    while (s_deliver (&bench, ROW_CHANNEL_STORAGE, 0, STEP_EFFECT_OK))
        ;
    step_stats_t stats;
    assert_int_equal (s_lane (&bench, "slack").id, 0);
    int64_t head = 0, longest = 0;
    for (int i = 0; i < 3 * LIMIT_EFFECT_TRIES; i++) { //  nobody answers for a long time
        head = s_flights [ROW_CHANNEL_MESSAGE];
        assert_int_equal (s_deliver (&bench, ROW_CHANNEL_MESSAGE, head, STEP_EFFECT_RETRY), head);
        const step_lane_t shown = s_lane (&bench, "slack");
        assert_int_equal (shown.id, head);
        assert_int_equal (shown.behind, 3);
        assert_string_equal (shown.error, "refused");
        longest = shown.next_ms > longest ? shown.next_ms : longest;
        bench_later (&bench, shown.next_ms);
        s_hand_out (&bench);
    }
    //  Retries never end and no effect is lost.  When somebody answers, all are sent within a
    //  minute.
    assert_in_range (longest, 30000, LIMIT_EFFECT_UNREACHED_MS);
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.effects_ready, 4);
    int sent = 0;
    while (s_deliver (&bench, ROW_CHANNEL_MESSAGE, 0, STEP_EFFECT_OK))
        sent++;
    assert_int_equal (sent, 4);
    step_destroy (&bench.step);
}

//  It is dead after a day of such answers, and those behind it are sent.
static void
test_a_message_outlives_a_night_in_which_its_receiver_takes_none (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.slack = true;
    bench_configure (&bench);
    s_reported (&bench, 2);
    while (s_deliver (&bench, ROW_CHANNEL_STORAGE, 0, STEP_EFFECT_OK))
        ;
    const int64_t head = s_flights [ROW_CHANNEL_MESSAGE], begin_ms = bench.now.boot_ms;
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    done.as.effect.id = head;
    done.as.effect.result = STEP_EFFECT_RETRY;
    done.as.effect.down = true;
    int tries = 0;
    for (; s_flights [ROW_CHANNEL_MESSAGE] == head && tries < 1000; tries++) {
        s_flights [ROW_CHANNEL_MESSAGE] = 0;
        bench_step (&bench, &done);
        bench_later (&bench, s_lane (&bench, "slack").next_ms + LIMIT_MESSAGE_PACE_MS);
        s_hand_out (&bench);
    }
    assert_int_equal (tries, LIMIT_EFFECT_DOWN_TRIES);
    const int64_t hour_ms = 3600000;
    assert_in_range (bench.now.boot_ms - begin_ms, 18 * hour_ms, 32 * hour_ms);
    assert_true (s_flights [ROW_CHANNEL_MESSAGE] > head);
    step_destroy (&bench.step);
}

static int
s_cancel (bench_t *bench, const row_effect_t *row)
{
    const char *text = NULL;
    return bench_command (bench, STEP_COMMAND_EFFECT_CANCEL, NULL, row, "", &text);
}

static void
test_an_effect_is_cancelled_before_it_is_handed_out_and_when_it_is_dead (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    row_effect_t row = *s_effect_row (&bench);
    assert_int_equal (s_cancel (&bench, NULL), ERR_NONE);
    (void) bench_schedule (&bench);
    assert_int_equal (s_cancel (&bench, &row), ERR_STALE); //  delivery is sending it
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    done.as.effect.id = row.id;
    done.as.effect.result = STEP_EFFECT_RETRY;
    bench_step (&bench, &done);
    row = *s_effect_row (&bench);
    assert_int_equal (row.state, ROW_EFFECT_READY);
    assert_int_equal (s_cancel (&bench, &row), 0);
    row = *s_effect_row (&bench);
    assert_int_equal (row.state, ROW_EFFECT_CANCELLED);
    assert_int_equal (s_cancel (&bench, &row), ERR_STALE);
    row.state = ROW_EFFECT_DEAD; //  as if it had failed for good
    assert_int_equal (s_cancel (&bench, &row), 0);
    assert_int_equal (s_effect_row (&bench)->state, ROW_EFFECT_CANCELLED);
    bench_later (&bench, LIMIT_EFFECT_RETRY_MAX_MS);
    (void) bench_schedule (&bench);
    assert_null (bench_last (&bench, STEP_OUT_EFFECT));
    step_destroy (&bench.step);
}

static void
test_an_effect_that_waits_for_its_next_try_is_due_now (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    const char *text = NULL;
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    (void) bench_schedule (&bench);
    row_effect_t row = bench_last (&bench, STEP_OUT_EFFECT)->as.effect;
    assert_int_equal (bench_command (&bench, STEP_COMMAND_EFFECT_RETRY, NULL, &row, "", &text),
                      ERR_STALE); //  delivery is sending it
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    done.as.effect.id = row.id;
    done.as.effect.result = STEP_EFFECT_RETRY;
    done.as.effect.retry_after_ms = 60000;
    bench_step (&bench, &done);
    row = *s_effect_row (&bench);
    assert_int_equal (bench_command (&bench, STEP_COMMAND_EFFECT_RETRY, NULL, &row, "", &text), 0);
    assert_string_equal (text, "due now");
    assert_int_equal (s_effect_row (&bench)->tries, 1);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_last (&bench, STEP_OUT_EFFECT)->as.effect.id, row.id);
    step_destroy (&bench.step);
}

static void
test_a_dead_effect_is_due_again_at_its_old_place (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    (void) bench_schedule (&bench);
    row_effect_t first = bench_last (&bench, STEP_OUT_EFFECT)->as.effect;
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    done.as.effect.id = first.id;
    done.as.effect.result = STEP_EFFECT_PERMANENT;
    snprintf (done.as.effect.error, LIMIT_REASON_BYTES, "permission denied");
    bench_step (&bench, &done);
    row_effect_t dead = *s_effect_row (&bench);
    assert_int_equal (dead.state, ROW_EFFECT_DEAD);
    //  Another effect waits now, blocked by the retry.
    (void) bench_event (&bench, "a", "2", FAULT_WARNING);
    bench_credit (&bench, "w", 2, 1);
    fence = bench_schedule (&bench)->as.assign.fence;
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);

    const char *text = NULL;
    assert_int_equal (bench_command (&bench, STEP_COMMAND_EFFECT_RETRY, NULL, NULL, "", &text),
                      ERR_NONE);
    assert_int_equal (bench_command (&bench, STEP_COMMAND_EFFECT_RETRY, NULL, &dead, "", &text), 0);
    assert_string_equal (text, "due again");
    assert_int_equal (s_effect_row (&bench)->state, ROW_EFFECT_READY);
    assert_int_equal (s_effect_row (&bench)->tries, 0);
    assert_int_equal (bench_command (&bench, STEP_COMMAND_EFFECT_RETRY, NULL, &dead, "", &text),
                      ERR_STALE);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_last (&bench, STEP_OUT_EFFECT)->as.effect.id, first.id);
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (
            test_an_upload_that_fails_is_passed_over_and_tried_again_until_it_is_dead),
        cmocka_unit_test (test_uploads_that_fail_do_not_keep_new_ones_from_their_turn),
        cmocka_unit_test (test_a_message_that_fails_holds_its_channel_and_is_named),
        cmocka_unit_test (test_a_message_outlives_a_night_in_which_its_receiver_takes_none),
        cmocka_unit_test (test_an_effect_is_cancelled_before_it_is_handed_out_and_when_it_is_dead),
        cmocka_unit_test (test_an_effect_that_waits_for_its_next_try_is_due_now),
        cmocka_unit_test (test_a_dead_effect_is_due_again_at_its_old_place),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
