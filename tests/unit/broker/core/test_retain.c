//  Which incidents the core gives up, and what reaches them then.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/broker/core/core_bench.h"

#include <stdlib.h>

//  An incident of severity info is over at once, without a folder and a message.
static ident_t
s_over (bench_t *bench, const char *key)
{
    bench->settings.severity_threshold = FAULT_WARNING;
    bench_configure (bench);
    const ident_t id = bench_event (bench, "c", key, FAULT_INFO);
    assert_int_equal (bench_row (bench, id.text)->state, INCIDENT_SUPPRESSED);
    return id;
}

static void
s_retire (bench_t *bench, const ident_t *ids, size_t count, int64_t age_ms)
{
    step_retire_t *found = calloc (count + 1, sizeof *found);
    assert_non_null (found);
    for (size_t i = 0; i < count; i++)
        found [i] = (step_retire_t){.incident = ids [i], .age_ms = age_ms};
    step_in_t in = {.kind = STEP_IN_RETIRE};
    in.as.retire.incidents = found;
    in.as.retire.count = count;
    bench_step (bench, &in);
    free (found);
}

static int64_t
s_retiring (const bench_t *bench)
{
    return step_retention (bench->step, bench->now).retiring;
}

static int
s_command (bench_t *bench, step_command_t command, const row_incident_t *incident,
           const row_effect_t *effect)
{
    step_in_t in = {.kind = STEP_IN_COMMAND};
    in.as.command.command = command;
    in.as.command.incident = incident;
    in.as.command.effect = effect;
    bench_step (bench, &in);
    return bench_last (bench, STEP_OUT_COMMAND_REPLY)->as.reply.rc;
}

//  The last write of a kind in this turn; NULL: there is none.
static const step_write_t *
s_write (const bench_t *bench, step_write_kind_t kind)
{
    size_t count;
    const step_write_t *writes = step_writes (bench->step, &count);
    while (count--)
        if (writes [count].kind == kind)
            return &writes [count];
    return NULL;
}

static bench_t
s_begun (void)
{
    bench_t bench = bench_new ();
    assert_int_equal (s_command (&bench, STEP_COMMAND_RETIRE, NULL, NULL), 0);
    return bench;
}

static void
test_the_first_removal_is_announced_a_day_before (void **state)
{
    bench_t bench = bench_new ();
    const ident_t id = s_over (&bench, "1");
    const int64_t age_ms = bench.now.wall_ms;
    bench_later (&bench, 1000);
    s_retire (&bench, &id, 1, age_ms);
    assert_int_equal (s_retiring (&bench), 0);
    const int64_t begins_ms = bench.now.wall_ms + LIMIT_RETAIN_NOTICE_MS;
    assert_int_equal (s_write (&bench, STEP_WRITE_RETENTION)->as.retention.not_before_ms,
                      begins_ms);
    bench_later (&bench, LIMIT_RETAIN_NOTICE_MS - 1);
    s_retire (&bench, &id, 1, age_ms);
    assert_int_equal (s_retiring (&bench), 0);
    assert_null (s_write (&bench, STEP_WRITE_RETENTION)); //  it is announced once
    assert_false (step_retention (bench.step, bench.now).begun);
    bench_later (&bench, 1);
    assert_true (step_retention (bench.step, bench.now).begun);
    s_retire (&bench, &id, 1, age_ms);
    assert_int_equal (s_retiring (&bench), 1);
    step_destroy (&bench.step);
}

static void
test_a_clock_that_was_set_back_makes_the_notice_no_longer (void **state)
{
    bench_t bench = bench_new ();
    s_retire (&bench, NULL, 0, 0);
    bench.now.wall_ms -= 30 * (int64_t) LIMIT_RETAIN_NOTICE_MS;
    bench_later (&bench, 0);
    assert_int_equal (step_retention (bench.step, bench.now).not_before_ms,
                      bench.now.wall_ms + LIMIT_RETAIN_NOTICE_MS);
    step_destroy (&bench.step);
}

//  Set the wall clock, between two turns.
static int64_t
s_set_clock (bench_t *bench, int64_t by_ms)
{
    bench->now.wall_ms += by_ms;
    bench_later (bench, 1000);
    return step_retention (bench->step, bench->now).not_before_ms - bench->now.wall_ms;
}

static void
test_a_clock_that_is_set_ahead_announces_again (void **state)
{
    const int64_t year_ms = 365 * (int64_t) LIMIT_RETAIN_NOTICE_MS;
    bench_t bench = s_begun ();
    const ident_t id = s_over (&bench, "1");
    const int64_t age_ms = bench.now.wall_ms;
    assert_true (s_set_clock (&bench, 3600 * 1000) < 0); //  a little is no harm
    assert_true (s_set_clock (&bench, -3600 * 1000) < 0);
    assert_int_equal (s_set_clock (&bench, year_ms), LIMIT_RETAIN_NOTICE_MS);
    assert_non_null (s_write (&bench, STEP_WRITE_RETENTION));
    s_retire (&bench, &id, 1, age_ms);
    assert_int_equal (s_retiring (&bench), 0);
    assert_int_equal (s_set_clock (&bench, -year_ms), LIMIT_RETAIN_NOTICE_MS);
    bench_later (&bench, LIMIT_RETAIN_NOTICE_MS);
    s_retire (&bench, &id, 1, age_ms);
    assert_int_equal (s_retiring (&bench), 1);
    step_destroy (&bench.step);
}

//  A turn that is taken back has not announced anything.
static void
test_a_rollback_forgets_no_jump_of_the_clock (void **state)
{
    bench_t bench = s_begun ();
    const row_retention_t row = s_write (&bench, STEP_WRITE_RETENTION)->as.retention;
    bench_later (&bench, 1000);
    (void) s_set_clock (&bench, 365 * (int64_t) LIMIT_RETAIN_NOTICE_MS);
    step_reload (bench.step);
    step_load_retention (bench.step, &row);
    step_loaded (bench.step, 0, 0, 0, bench.now);
    assert_int_equal (s_set_clock (&bench, 0), LIMIT_RETAIN_NOTICE_MS);
    step_destroy (&bench.step);
}

static void
test_a_start_long_after_the_last_record_announces_again (void **state)
{
    bench_t bench = s_begun ();
    const row_retention_t row = s_write (&bench, STEP_WRITE_RETENTION)->as.retention;
    const int64_t newest_ms = bench.now.wall_ms;
    for (int quiet = 0; quiet < 2; quiet++) {
        step_destroy (&bench.step);
        bench.step = step_new (&bench.settings, 43);
        bench.now.wall_ms = newest_ms + LIMIT_RETAIN_QUIET_MS + quiet;
        step_load_retention (bench.step, &row);
        step_load_newest (bench.step, newest_ms, bench.now);
        step_loaded (bench.step, 0, 0, 0, bench.now);
        step_begin (bench.step, bench.now);
        assert_int_equal (step_retention (bench.step, bench.now).begun, !quiet);
    }
    step_destroy (&bench.step);
}

static void
test_an_operator_need_not_wait (void **state)
{
    bench_t bench = bench_new ();
    const ident_t id = s_over (&bench, "1");
    s_retire (&bench, NULL, 0, 0);
    assert_int_equal (s_command (&bench, STEP_COMMAND_RETIRE, NULL, NULL), 0);
    s_retire (&bench, &id, 1, bench.now.wall_ms);
    assert_int_equal (s_retiring (&bench), 1);
    step_destroy (&bench.step);
}

static void
test_its_rows_go_when_its_files_are_gone (void **state)
{
    bench_t bench = s_begun ();
    const ident_t id = s_over (&bench, "1");
    s_retire (&bench, &id, 1, bench.now.wall_ms);
    (void) bench_schedule (&bench);
    const step_out_t *out = bench_last (&bench, STEP_OUT_EFFECT);
    assert_int_equal (out->as.effect.channel, ROW_CHANNEL_RETIRE);
    assert_string_equal (out->as.effect.incident.text, id.text);
    step_in_t in = {.kind = STEP_IN_EFFECT_DONE};
    in.as.effect.id = out->as.effect.id;
    in.as.effect.result = STEP_EFFECT_RETRY;
    bench_later (&bench, 1000);
    bench_step (&bench, &in);
    assert_null (s_write (&bench, STEP_WRITE_RETIRE));
    bench_later (&bench, LIMIT_EFFECT_RETRY_MAX_MS);
    (void) bench_schedule (&bench);
    in.as.effect.result = STEP_EFFECT_OK;
    bench_later (&bench, 1000);
    bench_step (&bench, &in);
    assert_string_equal (s_write (&bench, STEP_WRITE_RETIRE)->as.retire.text, id.text);
    assert_int_equal (step_retention (bench.step, bench.now).retired_total, 1);
    assert_int_equal (s_retiring (&bench), 0);
    step_destroy (&bench.step);
}

static void
test_what_is_open_or_was_seen_meanwhile_or_waits_stays (void **state)
{
    bench_t bench = s_begun ();
    const ident_t over = s_over (&bench, "1");
    const ident_t open = bench_event (&bench, "c", "2", FAULT_WARNING);
    s_retire (&bench, &open, 1, bench.now.wall_ms);
    s_retire (&bench, &over, 1, bench.now.wall_ms - 1); //  found before its last event
    assert_int_equal (s_retiring (&bench), 0);
    const row_incident_t row = *bench_row (&bench, open.text);
    assert_int_equal (s_command (&bench, STEP_COMMAND_CANCEL, &row, NULL), 0);
    s_retire (&bench, &open, 1, bench.now.wall_ms); //  its upload waits
    assert_int_equal (s_retiring (&bench), 0);
    s_retire (&bench, &over, 1, bench.now.wall_ms);
    s_retire (&bench, &over, 1, bench.now.wall_ms);
    assert_int_equal (s_retiring (&bench), 1);
    step_destroy (&bench.step);
}

static void
test_a_repeat_of_what_goes_is_a_new_incident (void **state)
{
    bench_t bench = s_begun ();
    const ident_t id = s_over (&bench, "1");
    s_retire (&bench, &id, 1, bench.now.wall_ms);
    const ident_t other = bench_event (&bench, "c", "1", FAULT_INFO);
    assert_string_not_equal (other.text, id.text);
    step_destroy (&bench.step);
}

static void
test_no_command_reaches_what_goes (void **state)
{
    bench_t bench = s_begun ();
    const ident_t id = s_over (&bench, "1");
    const row_incident_t row = *bench_row (&bench, id.text);
    s_retire (&bench, &id, 1, bench.now.wall_ms);
    const row_effect_t retire = s_write (&bench, STEP_WRITE_EFFECT)->as.effect;
    row_effect_t dead = {.id = 900, .incident = id, .state = ROW_EFFECT_DEAD, .key = "storage/x"};
    assert_int_equal (s_command (&bench, STEP_COMMAND_RETRY, &row, NULL), ERR_STALE);
    assert_int_equal (s_command (&bench, STEP_COMMAND_EFFECT_RETRY, NULL, &dead), ERR_STALE);
    assert_int_equal (s_command (&bench, STEP_COMMAND_EFFECT_CANCEL, NULL, &retire), 0);
    assert_int_equal (s_command (&bench, STEP_COMMAND_RETRY, &row, NULL), 0);
    dead = retire;
    dead.state = ROW_EFFECT_DEAD; //  its incident may be open again
    assert_int_equal (s_command (&bench, STEP_COMMAND_EFFECT_RETRY, NULL, &dead), ERR_STALE);
    step_destroy (&bench.step);
}

//  The store still has the rows of what went in this turn.
static void
test_no_command_brings_back_what_has_gone (void **state)
{
    bench_t bench = s_begun ();
    const ident_t id = s_over (&bench, "1"), other = s_over (&bench, "2");
    const row_incident_t row = *bench_row (&bench, id.text);
    const row_incident_t other_row = *bench_row (&bench, other.text);
    const row_effect_t dead = {
        .id = 900, .incident = id, .state = ROW_EFFECT_DEAD, .key = "storage/x"};
    s_retire (&bench, &id, 1, bench.now.wall_ms);
    (void) bench_schedule (&bench);
    step_in_t in = {.kind = STEP_IN_EFFECT_DONE};
    in.as.effect.id = bench_last (&bench, STEP_OUT_EFFECT)->as.effect.id;
    bench_later (&bench, 1000);
    bench_step (&bench, &in);
    assert_non_null (s_write (&bench, STEP_WRITE_RETIRE));
    assert_int_equal (s_command (&bench, STEP_COMMAND_RETRY, &row, NULL), ERR_STALE);
    assert_int_equal (s_command (&bench, STEP_COMMAND_EFFECT_RETRY, NULL, &dead), ERR_STALE);
    assert_int_equal (s_command (&bench, STEP_COMMAND_EFFECT_CANCEL, NULL, &dead), ERR_STALE);
    assert_int_equal (s_command (&bench, STEP_COMMAND_RETRY, &other_row, NULL), 0);
    step_destroy (&bench.step);
}

static void
test_few_wait_at_a_time (void **state)
{
    bench_t bench = s_begun ();
    enum { MORE = LIMIT_RETIRING + 5 };
    ident_t ids [MORE];
    char key [16];
    for (int i = 0; i < MORE; i++) {
        snprintf (key, sizeof key, "%d", i);
        ids [i] = s_over (&bench, key);
    }
    s_retire (&bench, ids, MORE, bench.now.wall_ms);
    assert_int_equal (s_retiring (&bench), LIMIT_RETIRING);
    step_destroy (&bench.step);
}

static void
test_after_a_start_it_still_goes (void **state)
{
    bench_t bench = s_begun ();
    const ident_t id = s_over (&bench, "1");
    const row_incident_t row = *bench_row (&bench, id.text);
    s_retire (&bench, &id, 1, bench.now.wall_ms);
    const row_effect_t effect = s_write (&bench, STEP_WRITE_EFFECT)->as.effect;
    const row_retention_t retention = s_write (&bench, STEP_WRITE_RETENTION)->as.retention;
    step_destroy (&bench.step);
    bench.step = step_new (&bench.settings, 43);
    assert_int_equal (step_load_incident (bench.step, &row), 0);
    assert_int_equal (step_load_effect (bench.step, &effect), 0);
    step_load_retention (bench.step, &retention);
    step_loaded (bench.step, row.number, effect.id, 0, bench.now);
    step_begin (bench.step, bench.now);
    assert_true (step_retention (bench.step, bench.now).begun);
    assert_int_equal (s_retiring (&bench), 1);
    const ident_t other = bench_event (&bench, "c", "1", FAULT_INFO);
    assert_string_not_equal (other.text, id.text);
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_first_removal_is_announced_a_day_before),
        cmocka_unit_test (test_a_clock_that_was_set_back_makes_the_notice_no_longer),
        cmocka_unit_test (test_a_clock_that_is_set_ahead_announces_again),
        cmocka_unit_test (test_a_rollback_forgets_no_jump_of_the_clock),
        cmocka_unit_test (test_a_start_long_after_the_last_record_announces_again),
        cmocka_unit_test (test_an_operator_need_not_wait),
        cmocka_unit_test (test_its_rows_go_when_its_files_are_gone),
        cmocka_unit_test (test_what_is_open_or_was_seen_meanwhile_or_waits_stays),
        cmocka_unit_test (test_a_repeat_of_what_goes_is_a_new_incident),
        cmocka_unit_test (test_no_command_reaches_what_goes),
        cmocka_unit_test (test_no_command_brings_back_what_has_gone),
        cmocka_unit_test (test_few_wait_at_a_time),
        cmocka_unit_test (test_after_a_start_it_still_goes),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
