//  Tests of common/base/mailbox.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/mailbox.h"
#include "common/base/own.h"

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int s_destroyed;

static void
s_destroy (void *item_p)
{
    s_destroyed++;
    own_mem (item_p);
}

static int *
s_item (int value)
{
    int *item = malloc (sizeof (int));
    assert_non_null (item);
    *item = value;
    return item;
}

static bool
s_readable (const mailbox_t *mailbox)
{
    struct pollfd fd = {.fd = mailbox_fd (mailbox), .events = POLLIN};
    return poll (&fd, 1, 0) == 1;
}

static void
test_send_takes_the_item_and_full_leaves_it (void **state)
{
    own (mailbox_destroy) mailbox_t *mailbox = mailbox_new (2, s_destroy);
    own (own_mem) int *item = s_item (1);
    assert_int_equal (mailbox_send (mailbox, &item), 0);
    assert_null (item);
    item = s_item (2);
    assert_int_equal (mailbox_send (mailbox, &item), 0);
    item = s_item (3);
    assert_int_equal (mailbox_send (mailbox, &item), ERR_FULL);
    assert_int_equal (*item, 3);
    assert_int_equal (mailbox_count (mailbox), 2);
}

static void
test_the_fd_is_readable_exactly_while_there_is_an_item (void **state)
{
    own (mailbox_destroy) mailbox_t *mailbox = mailbox_new (3, s_destroy);
    for (int round = 0; round < 5; round++) {
        assert_false (s_readable (mailbox));
        assert_null (mailbox_recv (mailbox));
        for (int i = 0; i < 2; i++) {
            int *item = s_item (i);
            assert_int_equal (mailbox_send (mailbox, &item), 0);
        }
        for (int i = 0; i < 2; i++) {
            assert_true (s_readable (mailbox));
            own (own_mem) int *item = mailbox_recv (mailbox);
            assert_int_equal (*item, i);
        }
    }
}

static void
test_a_mailbox_that_was_woken_stays_readable (void **state)
{
    own (mailbox_destroy) mailbox_t *mailbox = mailbox_new (2, s_destroy);
    mailbox_wake (mailbox);
    assert_true (s_readable (mailbox));
    assert_null (mailbox_recv (mailbox));
    for (int i = 0; i < 3; i++) {
        own (own_mem) int *item = s_item (i);
        assert_int_equal (mailbox_send (mailbox, &item), 0);
        item = mailbox_recv (mailbox);
        assert_int_equal (*item, i);
        assert_true (s_readable (mailbox));
        mailbox_wake (mailbox); //  a second wake changes nothing
    }
}

static void
test_destroy_frees_what_is_left (void **state)
{
    s_destroyed = 0;
    mailbox_t *mailbox = mailbox_new (4, s_destroy);
    for (int i = 0; i < 3; i++) {
        int *item = s_item (i);
        assert_int_equal (mailbox_send (mailbox, &item), 0);
    }
    mailbox_destroy (&mailbox);
    assert_null (mailbox);
    mailbox_destroy (&mailbox);
    assert_int_equal (s_destroyed, 3);
}

enum { SENDERS = 4, EACH = 20000 };

static void *
s_sender (void *arg)
{
    mailbox_t *mailbox = arg;
    for (int i = 1; i <= EACH; i++) {
        int *item = s_item (i);
        while (mailbox_send (mailbox, &item) == ERR_FULL)
            (void) sched_yield ();
    }
    return NULL;
}

static void
test_nothing_is_lost_or_doubled_between_threads (void **state)
{
    own (mailbox_destroy) mailbox_t *mailbox = mailbox_new (64, s_destroy);
    pthread_t threads [SENDERS];
    for (size_t i = 0; i < SENDERS; i++)
        assert_int_equal (pthread_create (&threads [i], NULL, s_sender, mailbox), 0);
    int64_t sum = 0;
    for (int count = 0; count < SENDERS * EACH;) {
        struct pollfd fd = {.fd = mailbox_fd (mailbox), .events = POLLIN};
        assert_int_equal (poll (&fd, 1, 10000), 1); //  the test fails here if a wake-up is lost
        own (own_mem) int *item = mailbox_recv (mailbox);
        assert_non_null (item);
        sum += *item;
        count++;
    }
    for (size_t i = 0; i < SENDERS; i++)
        assert_int_equal (pthread_join (threads [i], NULL), 0);
    assert_int_equal (sum, (int64_t) SENDERS * EACH * (EACH + 1) / 2);
    assert_false (s_readable (mailbox));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_send_takes_the_item_and_full_leaves_it),
        cmocka_unit_test (test_the_fd_is_readable_exactly_while_there_is_an_item),
        cmocka_unit_test (test_a_mailbox_that_was_woken_stays_readable),
        cmocka_unit_test (test_destroy_frees_what_is_left),
        cmocka_unit_test (test_nothing_is_lost_or_doubled_between_threads),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
