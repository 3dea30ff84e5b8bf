//  test_conns - connections are counted by key, in whatever order libzmq reports them.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/conns.h"

#include "common/base/own.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { MAX = 8 };

static void
test_one_too_many_of_a_key_is_told_once_and_heard_when_there_is_room (void **state)
{
    own (conns_destroy) conns_t *self = conns_new (MAX);
    for (int fd = 10; fd < 10 + MAX + 1; fd++)
        assert_int_equal (conns_made (self, fd, "a"), 0);
    for (int fd = 10; fd < 10 + MAX; fd++)
        assert_int_equal (conns_message (self, fd, (uint32_t) fd, "worker:k"), CONNS_HEARD);
    assert_int_equal (conns_message (self, 10 + MAX, 99, "worker:k"), CONNS_CROWDED);
    assert_int_equal (conns_message (self, 10 + MAX, 99, "worker:k"), CONNS_MUTE);
    assert_int_equal (conns_message (self, 10, 10, "worker:k"), CONNS_HEARD);
    conns_ended (self, 12);
    assert_int_equal (conns_message (self, 10 + MAX, 99, "worker:k"), CONNS_HEARD);
    assert_int_equal (conns_count (self), MAX);
}

static void
test_each_key_has_its_own_number (void **state)
{
    own (conns_destroy) conns_t *self = conns_new (1);
    char identity [32];
    for (int fd = 0; fd < 300; fd++) {
        snprintf (identity, sizeof identity, "worker:%d", fd);
        assert_int_equal (conns_made (self, fd, "a"), 0);
        assert_int_equal (conns_message (self, fd, 1, identity), CONNS_HEARD);
    }
    assert_int_equal (conns_count (self), 300);
}

static void
test_a_connection_that_says_nothing_counts_for_nobody (void **state)
{
    own (conns_destroy) conns_t *self = conns_new (1);
    for (int fd = 5; fd < 20; fd++)
        assert_int_equal (conns_made (self, fd, "a"), 0);
    assert_int_equal (conns_message (self, 19, 1, "tap:k"), CONNS_HEARD);
}

//  Messages that wait in libzmq outlive their connection, even when a new one has its descriptor.
static void
test_messages_of_an_ended_connection_take_nobodys_place (void **state)
{
    own (conns_destroy) conns_t *self = conns_new (1);
    assert_int_equal (conns_made (self, 7, "old"), 0);
    conns_ended (self, 7);
    assert_int_equal (conns_message (self, 7, 1, "worker:k"), CONNS_HEARD);
    assert_int_equal (conns_made (self, 7, "new"), 0);
    assert_string_equal (conns_address (self, 7), "new");
    assert_int_equal (conns_message (self, 7, 1, "worker:k"),
                      CONNS_HEARD); //  counted for the new one
    assert_int_equal (conns_message (self, 7, 2, "worker:other"), CONNS_HEARD);
    assert_int_equal (conns_message (self, 7, 1, "worker:k"), CONNS_HEARD); //  still the old one's
    assert_int_equal (conns_made (self, 8, "a"), 0);
    assert_int_equal (conns_message (self, 8, 3, "worker:k"), CONNS_HEARD);
    assert_int_equal (conns_made (self, 9, "a"), 0);
    assert_int_equal (conns_message (self, 9, 4, "worker:other"), CONNS_CROWDED);
}

//  Numbers wrap around.  A descriptor that is reported twice was closed unseen.
static void
test_numbers_wrap_and_a_descriptor_made_anew_begins_anew (void **state)
{
    own (conns_destroy) conns_t *self = conns_new (1);
    assert_int_equal (conns_made (self, 7, "a"), 0);
    assert_int_equal (conns_message (self, 7, UINT32_MAX, "worker:k"), CONNS_HEARD);
    assert_int_equal (conns_made (self, 7, "b"), 0);
    assert_int_equal (conns_message (self, 7, 0, "worker:k"), CONNS_HEARD);
    assert_int_equal (conns_count (self), 1);
    conns_ended (self, 7);
    conns_ended (self, 7);
    conns_ended (self, 4000);
    assert_int_equal (conns_count (self), 0);
    assert_false (conns_open (self, 7));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_one_too_many_of_a_key_is_told_once_and_heard_when_there_is_room),
        cmocka_unit_test (test_each_key_has_its_own_number),
        cmocka_unit_test (test_a_connection_that_says_nothing_counts_for_nobody),
        cmocka_unit_test (test_messages_of_an_ended_connection_take_nobodys_place),
        cmocka_unit_test (test_numbers_wrap_and_a_descriptor_made_anew_begins_anew),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
