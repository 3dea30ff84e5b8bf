//  The figures the loop publishes for other threads.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/loop/snapshot.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
test_readers_see_what_was_published_not_what_is_being_edited (void **state)
{
    snapshot_t *self = snapshot_new ();
    assert_non_null (self);
    snapshot_edit (self)->turns_total = 1;
    assert_int_equal (snapshot_read (self)->turns_total, 0);
    snapshot_release (self);
    snapshot_publish (self);
    snapshot_edit (self)->turns_total = 2;
    assert_int_equal (snapshot_read (self)->turns_total, 1);
    snapshot_release (self);
    snapshot_destroy (&self);
    assert_null (self);
}

//  Another thread reads while the loop publishes; the loop is never blocked.
static void *
s_publish (void *ctx)
{
    snapshot_t *self = ctx;
    snapshot_edit (self)->turns_total = 7;
    snapshot_publish (self);
    return NULL;
}

static void
test_publishing_does_not_wait_for_a_reader (void **state)
{
    snapshot_t *self = snapshot_new ();
    assert_non_null (self);
    const snapshot_data_t *data = snapshot_read (self);
    pthread_t thread;
    assert_int_equal (pthread_create (&thread, NULL, s_publish, self), 0);
    assert_int_equal (pthread_join (thread, NULL), 0);
    assert_int_equal (data->turns_total, 0);
    snapshot_release (self);
    s_publish (self);
    assert_int_equal (snapshot_read (self)->turns_total, 7);
    snapshot_release (self);
    snapshot_destroy (&self);
}

static void
test_both_copies_have_room_for_every_worker_and_source (void **state)
{
    snapshot_t *self = snapshot_new ();
    assert_non_null (self);
    for (int i = 0; i < 2; i++) {
        snapshot_data_t *data = snapshot_edit (self);
        data->workers [LIMIT_WORKERS - 1].slots = 3;
        data->sources [LIMIT_CLUSTERS - 1].events_total = 4;
        snapshot_publish (self);
    }
    snapshot_destroy (&self);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_readers_see_what_was_published_not_what_is_being_edited),
        cmocka_unit_test (test_publishing_does_not_wait_for_a_reader),
        cmocka_unit_test (test_both_copies_have_room_for_every_worker_and_source),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
