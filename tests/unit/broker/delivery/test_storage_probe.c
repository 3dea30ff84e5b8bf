//  When the storage is checked, and what the loop hears, with a backend and a clock of the test.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/delivery/storage_probe.h"
#include "common/base/own.h"

#include <stdlib.h>
#include <string.h>

static storage_check_t *s_asked; //  under way
static int s_checks, s_cancelled;

static bool
s_chosen (const settings_t *settings)
{
    return true;
}

static void
s_check (storage_check_t *check)
{
    assert_null (s_asked);
    s_asked = check;
    check->work = &s_checks;
    s_checks++;
}

static void
s_go_on (void *work)
{
    assert_ptr_equal (work, &s_checks);
}

static void
s_cancel (void *work)
{
    assert_ptr_equal (work, &s_checks);
    s_asked->work = NULL;
    s_asked = NULL;
    s_cancelled++;
}

static const storage_backend_t s_backend = {
    .name = "fake", .chosen = s_chosen, .check = s_check, .go_on = s_go_on, .cancel = s_cancel};
static const storage_backend_t *const s_backends [] = {&s_backend, NULL};

typedef struct {
    clk_t *clk;
    storage_env_t env;
    settings_t settings;
    storage_probe_t *probe;
} fixture_t;

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    s_asked = NULL;
    s_checks = s_cancelled = 0;
    self->clk = clk_new_manual (1000, 1767225600000);
    self->env = (storage_env_t){.settings = &self->settings, .clk = self->clk};
    self->probe = storage_probe_new (s_backends, &self->env);
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    storage_probe_destroy (&self->probe);
    clk_destroy (&self->clk);
    free (self);
    return 0;
}

//  End the check under way: bad NULL = all is well.
static void
s_answer (fixture_t *self, const char *bad, bool stops)
{
    storage_check_t *check = s_asked;
    assert_non_null (check);
    s_asked = NULL;
    mail_storage_found (&check->found, "write", bad ? MAIL_STORAGE_BAD : MAIL_STORAGE_GOOD, "%s",
                        bad ? bad : "fine");
    check->found.stops = stops;
    check->work = NULL;
    check->checked (check);
    storage_probe_go_on (self->probe);
}

static storage_probe_stats_t
s_stats (const fixture_t *self)
{
    storage_probe_stats_t stats;
    storage_probe_stats (self->probe, &stats);
    return stats;
}

static void
s_expect_mail (fixture_t *self, mail_kind_t kind, uint64_t cookie)
{
    own (mail_destroy) mail_t *mail = storage_probe_mail (self->probe);
    assert_non_null (mail);
    assert_int_equal (mail->kind, kind);
    if (kind == MAIL_STORAGE_CHECKED)
        assert_int_equal (mail->as.storage.cookie, cookie);
}

static void
test_a_storage_that_does_not_work_is_checked_later_and_later (void **state)
{
    fixture_t *self = *state;
    static const int64_t waits_ms [] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    assert_int_equal (s_stats (self).up, -1);
    assert_int_equal (storage_probe_wait_ms (self->probe, 5000), 0);
    storage_probe_go_on (self->probe);
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms [0]; i++) {
        assert_int_equal (s_checks, i + 1);
        s_answer (self, "no server", true);
        assert_string_equal (storage_probe_trouble (self->probe), "no server");
        assert_int_equal (s_stats (self).up, 0);
        s_expect_mail (self, MAIL_STORAGE, 0);
        assert_int_equal (storage_probe_wait_ms (self->probe, 100000), waits_ms [i]);
        clk_advance (self->clk, waits_ms [i] - 1, 0);
        storage_probe_go_on (self->probe);
        assert_null (s_asked);
        clk_advance (self->clk, 1, 0);
        storage_probe_go_on (self->probe);
    }
    s_answer (self, NULL, false);
    assert_string_equal (storage_probe_trouble (self->probe), "");
    assert_int_equal (s_stats (self).up, 1);
    assert_int_equal (s_stats (self).good_ms, 1767225600000);
    assert_int_equal (s_stats (self).failed_total, 8);
    s_expect_mail (self, MAIL_STORAGE, 0);
    own (mail_destroy) mail_t *retry = storage_probe_mail (self->probe); //  what waits is due now
    assert_int_equal (retry->kind, MAIL_COMMAND);
    assert_int_equal (retry->as.command.command, STEP_COMMAND_CHANNEL_RETRY);
    assert_string_equal (retry->as.command.channel, "storage");
    assert_null (storage_probe_mail (self->probe));
    clk_advance (self->clk, 1000000, 0);
    storage_probe_go_on (self->probe);
    assert_null (s_asked); //  a good one is not checked again by itself
    assert_int_equal (storage_probe_wait_ms (self->probe, 5000), 5000);
}

static void
test_only_what_stops_uploads_is_trouble_for_them (void **state)
{
    fixture_t *self = *state;
    storage_probe_go_on (self->probe);
    s_answer (self, "links cannot be opened", false);
    assert_string_equal (storage_probe_trouble (self->probe), "");
    assert_int_equal (s_stats (self).up, 0);
}

static void
test_a_question_gets_the_answer_of_a_check_that_began_after_it (void **state)
{
    fixture_t *self = *state;
    mail_t ask = {.kind = MAIL_STORAGE_CHECK};
    storage_probe_go_on (self->probe);
    ask.as.storage.cookie = 1;
    storage_probe_ask (self->probe, &ask);
    ask.as.storage.cookie = 2;
    storage_probe_ask (self->probe, &ask);
    s_answer (self, NULL, false); //  began before: it answers none of them
    s_expect_mail (self, MAIL_STORAGE, 0);
    assert_null (storage_probe_mail (self->probe));
    assert_int_equal (s_checks, 2);
    s_answer (self, "gone", true);
    s_expect_mail (self, MAIL_STORAGE_CHECKED, 1);
    s_expect_mail (self, MAIL_STORAGE_CHECKED, 2);
    s_expect_mail (self, MAIL_STORAGE, 0);
    assert_null (storage_probe_mail (self->probe));
}

static void
test_questions_that_keep_coming_are_answered (void **state)
{
    fixture_t *self = *state;
    mail_t ask = {.kind = MAIL_STORAGE_CHECK};
    storage_probe_go_on (self->probe);
    for (uint64_t i = 1; i <= 20; i++) { //  each comes while a check is under way
        ask.as.storage.cookie = i;
        storage_probe_ask (self->probe, &ask);
        s_answer (self, "no server", true);
        assert_string_equal (storage_probe_trouble (self->probe), "no server");
        if (i > 1)
            s_expect_mail (self, MAIL_STORAGE_CHECKED, i - 1);
        s_expect_mail (self, MAIL_STORAGE, 0);
        assert_null (storage_probe_mail (self->probe));
    }
    assert_int_equal (s_stats (self).failed_total, 20);
}

static void
test_an_upload_that_goes_well_ends_the_failures_before_it (void **state)
{
    fixture_t *self = *state;
    storage_probe_go_on (self->probe);
    s_answer (self, NULL, false);
    for (int i = 0; i < 8; i++) { //  now and then one is refused, and the next one is not
        storage_probe_saved (self->probe, true);
        storage_probe_go_on (self->probe);
        assert_non_null (s_asked);
        s_answer (self, NULL, false);
        storage_probe_saved (self->probe, false);
    }
}

static void
test_questions_that_wait_are_bounded (void **state)
{
    fixture_t *self = *state;
    mail_t ask = {.kind = MAIL_STORAGE_CHECK};
    for (uint64_t i = 1; i <= 20; i++) {
        ask.as.storage.cookie = i;
        storage_probe_ask (self->probe, &ask);
    }
    storage_probe_go_on (self->probe);
    s_answer (self, NULL, false);
    for (uint64_t i = 13; i <= 20; i++)
        s_expect_mail (self, MAIL_STORAGE_CHECKED, i);
    s_expect_mail (self, MAIL_STORAGE, 0);
}

static void
test_a_refused_upload_is_looked_into_at_once_but_not_each_of_many (void **state)
{
    fixture_t *self = *state;
    storage_probe_go_on (self->probe);
    s_answer (self, NULL, false);
    int after_ms = 0;
    for (int i = 0; i < 200; i++, after_ms += 100) { //  each check is good, each upload is not
        storage_probe_saved (self->probe, true);
        storage_probe_go_on (self->probe);
        if (s_asked)
            s_answer (self, NULL, false);
        assert_true (i > 0 || s_checks == 2);
        clk_advance (self->clk, 100, 0);
    }
    assert_true (s_checks > 2 && s_checks <= 8);
    assert_string_equal (storage_probe_trouble (self->probe), "");
    clk_advance (self->clk, 0, 5000);
    storage_probe_saved (self->probe, false);
    assert_int_equal (s_stats (self).good_ms, 1767225600000 + 5000);
}

static void
test_a_new_configuration_is_checked_at_once (void **state)
{
    fixture_t *self = *state;
    storage_probe_go_on (self->probe);
    s_answer (self, "no server", true);
    storage_probe_configure (self->probe, &self->settings);
    storage_probe_go_on (self->probe);
    assert_int_equal (s_checks, 2);
    storage_probe_configure (self->probe, &self->settings); //  what is under way is out of date
    assert_int_equal (s_cancelled, 1);
    storage_probe_go_on (self->probe);
    assert_int_equal (s_checks, 3);
    storage_probe_destroy (&self->probe);
    assert_int_equal (s_cancelled, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_a_storage_that_does_not_work_is_checked_later_and_later),
        TEST (test_only_what_stops_uploads_is_trouble_for_them),
        TEST (test_a_question_gets_the_answer_of_a_check_that_began_after_it),
        TEST (test_questions_that_keep_coming_are_answered),
        TEST (test_an_upload_that_goes_well_ends_the_failures_before_it),
        TEST (test_questions_that_wait_are_bounded),
        TEST (test_a_refused_upload_is_looked_into_at_once_but_not_each_of_many),
        TEST (test_a_new_configuration_is_checked_at_once),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
