//  What is removed with an incident, and in which order.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/delivery/retire.h"
#include "broker/delivery/storage_fs.h"
#include "common/base/own.h"
#include "tests/unit/broker/world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char s_body [] = "{}";

//  A backend that keeps blobs, and what it was asked.
static storage_removal_t *s_asked;
static int s_removals, s_turns, s_cancelled;

static bool
s_chosen (const settings_t *settings)
{
    return settings->azure_storage_container && settings->azure_storage_container [0];
}

static void
s_remove (storage_removal_t *removal)
{
    s_asked = removal;
    s_asked->work = &s_removals;
    s_removals++;
}

static void
s_go_on (void *work)
{
    s_turns++;
}

static void
s_cancel (void *work)
{
    s_cancelled++;
}

static const storage_backend_t s_blobs = {
    .name = "blobs", .chosen = s_chosen, .remove = s_remove, .go_on = s_go_on, .cancel = s_cancel};
static const storage_backend_t *const s_backends [] = {&s_blobs, &storage_fs, NULL};

typedef struct {
    world_t world;
    settings_t settings;
    storage_env_t env;
    retire_t *retire;
    row_effect_t effect;
    char file [256];
} fixture_t;

static int
s_setup (void **state)
{
    fixture_t *self = calloc (1, sizeof *self);
    assert_non_null (self);
    world_init (&self->world, s_body, sizeof s_body - 1);
    world_seal (&self->world, 1, (const char *const [2]){"output/investigation.md", "logs/a.log"},
                (const char *const [2]){"report", "log"});
    snprintf (self->file, sizeof self->file, "%s",
              world_path (&self->world, "attempts/1/output/investigation.md"));
    self->settings = self->world.settings;
    self->settings.azure_storage_container = "container";
    self->env = (storage_env_t){.settings = &self->settings};
    self->retire = retire_new (s_backends, &self->env);
    assert_non_null (self->retire);
    self->effect =
        (row_effect_t){.id = 7, .channel = ROW_CHANNEL_RETIRE, .incident = self->world.incident.id};
    s_asked = NULL;
    s_removals = s_turns = s_cancelled = 0;
    *state = self;
    return 0;
}

static int
s_teardown (void **state)
{
    fixture_t *self = *state;
    retire_destroy (&self->retire);
    world_fini (&self->world);
    free (self);
    return 0;
}

//  The backend answers; then the removal has ended.
static mail_effect_done_t
s_answer (fixture_t *self, const storage_file_t *end)
{
    mail_effect_done_t done = {0};
    s_asked->end = *end;
    s_asked->work = NULL;
    s_asked->removed (s_asked);
    assert_true (retire_waits (self->retire));
    assert_true (retire_ended (self->retire, &done));
    assert_int_equal (done.id, 7);
    assert_false (retire_waits (self->retire));
    return done;
}

//  Without it blobs stay; with it they go first, and the folder after them.
static void
test_option_broker_retain_blobs (void **state)
{
    fixture_t *self = *state;
    mail_effect_done_t done;
    retire_begin (self->retire, &self->effect);
    assert_true (retire_ended (self->retire, &done));
    assert_int_equal (done.result, STEP_EFFECT_OK);
    assert_int_equal (s_removals, 0);
    assert_int_not_equal (access (self->file, F_OK), 0);
    world_seal (&self->world, 1, (const char *const [2]){"output/investigation.md", "logs/a.log"},
                (const char *const [2]){"report", "log"});
    self->settings.retain_blobs = true;
    retire_configure (self->retire, &self->settings);
    retire_begin (self->retire, &self->effect);
    assert_false (retire_ended (self->retire, &done));
    assert_int_equal (s_turns, 1);
    assert_int_equal (s_removals, 1);
    assert_string_equal (s_asked->incident, self->effect.incident.text);
    assert_int_equal (access (self->file, F_OK), 0);
    done = s_answer (self, &(storage_file_t){.result = STEP_EFFECT_OK});
    assert_int_equal (done.result, STEP_EFFECT_OK);
    assert_int_not_equal (access (self->file, F_OK), 0);
    retire_begin (self->retire, &self->effect); //  again: nothing is left to do
    done = s_answer (self, &(storage_file_t){.result = STEP_EFFECT_OK});
    assert_int_equal (done.result, STEP_EFFECT_OK);
}

static void
test_a_folder_stays_as_long_as_its_blobs (void **state)
{
    fixture_t *self = *state;
    self->settings.retain_blobs = true;
    retire_begin (self->retire, &self->effect);
    mail_effect_done_t done = s_answer (self, &(storage_file_t){.result = STEP_EFFECT_RETRY,
                                                                .unreached = true,
                                                                .retry_after_ms = 5000,
                                                                .error = "no server"});
    assert_int_equal (done.result, STEP_EFFECT_RETRY);
    assert_true (done.unreached);
    assert_int_equal (done.retry_after_ms, 5000);
    assert_string_equal (done.error, "no server");
    assert_int_equal (access (self->file, F_OK), 0);
    retire_begin (self->retire, &self->effect); //  what is refused for good is tried again too
    done = s_answer (self, &(storage_file_t){.result = STEP_EFFECT_PERMANENT, .error = "no"});
    assert_int_equal (done.result, STEP_EFFECT_RETRY);
    assert_int_equal (access (self->file, F_OK), 0);
}

static void
test_a_removal_under_way_is_given_up_at_the_end (void **state)
{
    fixture_t *self = *state;
    self->settings.retain_blobs = true;
    retire_begin (self->retire, &self->effect);
    retire_destroy (&self->retire);
    retire_destroy (&self->retire);
    assert_int_equal (s_cancelled, 1);
}

int
main (void)
{
#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)
    const struct CMUnitTest tests [] = {
        TEST (test_option_broker_retain_blobs),
        TEST (test_a_folder_stays_as_long_as_its_blobs),
        TEST (test_a_removal_under_way_is_given_up_at_the_end),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
