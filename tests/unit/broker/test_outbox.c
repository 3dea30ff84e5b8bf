//  Effects: one at a time in each channel, tried again, and what an operator may do to them.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core_bench.h"

//  The last written effect of this turn.
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

static void
test_effects_go_one_at_a_time_and_a_retrying_one_holds_its_channel (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    (void) bench_event (&bench, "a", "2", FAULT_WARNING);
    bench_credit (&bench, "w", 2, 1);
    fence = bench_schedule (&bench)->as.assign.fence;
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_count (&bench, STEP_OUT_EFFECT), 1);
    step_in_t done = bench_from ("-", STEP_IN_EFFECT_DONE);
    done.as.effect.id = 1;
    done.as.effect.result = STEP_EFFECT_RETRY;
    done.as.effect.retry_after_ms = 30000;
    bench_later (&bench, 1);
    bench_step (&bench, &done);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_count (&bench, STEP_OUT_EFFECT), 0);
    bench_later (&bench, 30000);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_last (&bench, STEP_OUT_EFFECT)->as.effect.id, 1);
    done.as.effect.result = STEP_EFFECT_OK;
    bench_later (&bench, 1);
    bench_step (&bench, &done);
    bench_step (&bench, &done); //  said twice means nothing
    (void) bench_schedule (&bench);
    assert_int_equal (bench_last (&bench, STEP_OUT_EFFECT)->as.effect.id, 2);
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
    assert_int_equal (s_cancel (&bench, &row), ERR_STALE); //  delivery has it
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
    row.state = ROW_EFFECT_DEAD; //  had it come so far
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
                      ERR_STALE); //  delivery has it
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
    //  Another one waits by now, held up by its own retry.
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
        cmocka_unit_test (test_effects_go_one_at_a_time_and_a_retrying_one_holds_its_channel),
        cmocka_unit_test (test_an_effect_is_cancelled_before_it_is_handed_out_and_when_it_is_dead),
        cmocka_unit_test (test_an_effect_that_waits_for_its_next_try_is_due_now),
        cmocka_unit_test (test_a_dead_effect_is_due_again_at_its_old_place),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
