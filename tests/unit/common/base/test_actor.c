//  Tests of common/base/actor.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/actor.h"
#include "common/base/own.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

//  The linker redirects pthread_create to __wrap_pthread_create.
int
__real_pthread_create (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *);
int
__wrap_pthread_create (pthread_t *, const pthread_attr_t *, void *(*) (void *), void *);

static bool s_no_threads;

int
__wrap_pthread_create (pthread_t *thread, const pthread_attr_t *attr, void *(*run) (void *),
                       void *arg)
{
    return s_no_threads ? EAGAIN : __real_pthread_create (thread, attr, run, arg);
}

enum { S_INBOX = 4 };

//  A thread that passes on its mail.
typedef struct {
    actor_t *actor;
    mailbox_t *out;     //  where it passes mail on
    mailbox_t *started; //  gets one item once it runs
    mailbox_t *gate;    //  awake: the thread may begin
    int runs;           //  number of calls
    sigset_t signals;   //  the signals it blocks
} relay_t;

static int s_freed;

static void
s_free (void *item_p)
{
    s_freed++;
    own_mem (item_p);
}

static void
s_send (mailbox_t *to, int value)
{
    int *item = malloc (sizeof (int));
    assert_non_null (item);
    *item = value;
    assert_int_equal (mailbox_send (to, &item), 0);
}

static void
s_wait_for (const mailbox_t *mailbox)
{
    struct pollfd fd = {.fd = mailbox_fd (mailbox), .events = POLLIN};
    while (poll (&fd, 1, -1) != 1) {
    }
}

static void
s_expect (mailbox_t *mailbox, int value)
{
    s_wait_for (mailbox);
    own (own_mem) int *item = mailbox_recv (mailbox);
    assert_int_equal (*item, value);
}

static void
s_begin (relay_t *self)
{
    self->runs++;
    pthread_sigmask (SIG_SETMASK, NULL, &self->signals);
    s_send (self->started, 0);
    s_wait_for (self->gate);
}

static void
s_relay (void *arg)
{
    relay_t *self = arg;
    s_begin (self);
    while (actor_wait (self->actor, -1)) {
        void *item = actor_recv (self->actor);
        if (item)
            actor_post (self->actor, &item);
    }
}

//  A thread that answers all waiting mail before it ends.
static void
s_finish (void *arg)
{
    relay_t *self = arg;
    s_begin (self);
    while (actor_wait (self->actor, -1)) {
    }
    while (actor_flush (self->actor)) {
        void *item = actor_recv (self->actor);
        if (!item)
            return;
        actor_post (self->actor, &item);
    }
}

static int
s_setup (void **state)
{
    static relay_t self;
    self = (relay_t){.out = mailbox_new (1, s_free),
                     .started = mailbox_new (1, own_mem),
                     .gate = mailbox_new (1, own_mem)};
    self.actor = actor_new (S_INBOX, s_free, self.out);
    assert_true (self.out && self.started && self.gate && self.actor);
    s_freed = 0;
    s_no_threads = false;
    *state = &self;
    return 0;
}

static int
s_teardown (void **state)
{
    relay_t *self = *state;
    mailbox_wake (self->gate);
    actor_destroy (&self->actor);
    mailbox_destroy (&self->gate);
    mailbox_destroy (&self->started);
    mailbox_destroy (&self->out);
    return 0;
}

static void
s_start (relay_t *self, actor_run_fn *run, bool open)
{
    if (open)
        mailbox_wake (self->gate);
    assert_int_equal (actor_start (self->actor, run, self), 0);
    s_expect (self->started, 0);
}

static void
test_mail_goes_through_in_order (void **state)
{
    relay_t *self = *state;
    s_send (actor_inbox (self->actor), 1); //  before the thread runs
    s_start (self, s_relay, true);
    s_expect (self->out, 1);
    for (int i = 2; i < 10; i++) {
        s_send (actor_inbox (self->actor), i);
        s_expect (self->out, i);
    }
    assert_int_equal (s_freed, 0);
}

static void
test_it_stops_while_it_waits (void **state)
{
    relay_t *self = *state;
    s_start (self, s_relay, true);
    actor_destroy (&self->actor);
    assert_null (self->actor);
    assert_int_equal (self->runs, 1);
    actor_destroy (&self->actor); //  accepts NULL
}

static void
test_it_stops_before_it_has_waited (void **state)
{
    relay_t *self = *state;
    mailbox_wake (self->gate);
    assert_int_equal (actor_start (self->actor, s_relay, self), 0);
    actor_destroy (&self->actor);
    assert_int_equal (self->runs, 1);
}

//  The end is no mail, so it needs no room.  Unread mail is freed once.
static void
test_it_stops_while_its_inbox_is_full (void **state)
{
    relay_t *self = *state;
    s_start (self, s_relay, false);
    for (int i = 0; i < S_INBOX; i++)
        s_send (actor_inbox (self->actor), i);
    int item = 0, *more = &item;
    assert_int_equal (mailbox_send (actor_inbox (self->actor), &more), ERR_FULL);
    mailbox_wake (self->gate);
    actor_destroy (&self->actor);
    own (mailbox_destroy) mailbox_t *out = own_take (self->out);
    const int passed = (int) mailbox_count (out);
    mailbox_destroy (&out);
    assert_true (passed <= 1);
    assert_int_equal (s_freed, S_INBOX);
}

static void
test_unsent_mail_is_offered_again_in_order (void **state)
{
    relay_t *self = *state;
    s_send (self->out, 0); //  full
    s_start (self, s_relay, true);
    for (int i = 1; i <= S_INBOX; i++)
        s_send (actor_inbox (self->actor), i);
    while (mailbox_count (actor_inbox (self->actor)) == S_INBOX)
        (void) poll (NULL, 0, 1);
    for (int i = 0; i <= S_INBOX; i++)
        s_expect (self->out, i);
    assert_int_equal (s_freed, 0);
}

//  The unsent mail, those waiting after it and the one sent: each is freed once.
static void
test_it_stops_with_unsent_mail_and_loses_nothing (void **state)
{
    relay_t *self = *state;
    s_send (self->out, 0);
    s_start (self, s_relay, true);
    s_send (actor_inbox (self->actor), 1);
    while (mailbox_count (actor_inbox (self->actor)) > 0)
        (void) poll (NULL, 0, 1);
    s_send (actor_inbox (self->actor), 2);
    actor_destroy (&self->actor);
    assert_int_equal (s_freed, 2);
    s_expect (self->out, 0);
    assert_null (mailbox_recv (self->out));
}

static void
test_it_may_finish_its_work_at_the_end (void **state)
{
    relay_t *self = *state;
    s_send (actor_inbox (self->actor), 1);
    s_start (self, s_finish, true);
    actor_destroy (&self->actor);
    s_expect (self->out, 1);
    assert_int_equal (s_freed, 0);
}

static void
test_the_fd_is_not_readable_while_mail_is_unsent (void **state)
{
    relay_t *self = *state; //  not started, so this is the actor's thread
    assert_true (actor_fd (self->actor) >= 0);
    assert_int_equal (actor_wait_ms (self->actor, 60000), 60000);
    s_send (self->out, 0);
    s_send (actor_inbox (self->actor), 1);
    s_send (actor_inbox (self->actor), 2);
    void *item = actor_recv (self->actor);
    actor_post (self->actor, &item);
    assert_null (item);
    assert_false (actor_flush (self->actor));
    assert_int_equal (actor_fd (self->actor), -1);
    assert_true (actor_wait_ms (self->actor, 60000) < 100);
    assert_true (actor_wait (self->actor, -1));
    assert_null (actor_recv (self->actor)); //  2 does not overtake 1
    s_expect (self->out, 0);
    assert_true (actor_flush (self->actor));
    s_expect (self->out, 1);
    assert_true (actor_fd (self->actor) >= 0);
}

static void
test_without_a_thread_the_start_fails_and_may_be_tried_again (void **state)
{
    relay_t *self = *state;
    s_no_threads = true;
    s_send (actor_inbox (self->actor), 1);
    assert_int_equal (actor_start (self->actor, s_relay, self), -EAGAIN);
    assert_int_equal (self->runs, 0);
    s_no_threads = false;
    s_start (self, s_relay, true);
    s_expect (self->out, 1);
}

static void
test_one_that_never_ran_frees_its_mail (void **state)
{
    relay_t *self = *state;
    s_no_threads = true;
    s_send (actor_inbox (self->actor), 1);
    assert_int_equal (actor_start (self->actor, s_relay, self), -EAGAIN);
    actor_destroy (&self->actor);
    assert_int_equal (s_freed, 1);
    assert_int_equal (self->runs, 0);
}

static void
test_signals_are_left_to_the_main_thread (void **state)
{
    relay_t *self = *state;
    sigset_t before, after;
    pthread_sigmask (SIG_SETMASK, NULL, &before);
    s_start (self, s_relay, true);
    actor_destroy (&self->actor);
    pthread_sigmask (SIG_SETMASK, NULL, &after);
    assert_true (sigismember (&self->signals, SIGTERM));
    assert_true (sigismember (&self->signals, SIGHUP));
    assert_false (sigismember (&self->signals, SIGSEGV));
    assert_int_equal (sigismember (&before, SIGTERM), sigismember (&after, SIGTERM));
}

static void
test_without_mail_it_can_be_stopped_all_the_same (void **state)
{
    relay_t *self = *state;
    actor_destroy (&self->actor);
    self->actor = actor_new (0, NULL, NULL);
    assert_non_null (self->actor);
    s_start (self, s_relay, true);
    actor_destroy (&self->actor);
    assert_int_equal (self->runs, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, s_setup, s_teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_mail_goes_through_in_order),
        TEST (test_it_stops_while_it_waits),
        TEST (test_it_stops_before_it_has_waited),
        TEST (test_it_stops_while_its_inbox_is_full),
        TEST (test_unsent_mail_is_offered_again_in_order),
        TEST (test_it_stops_with_unsent_mail_and_loses_nothing),
        TEST (test_it_may_finish_its_work_at_the_end),
        TEST (test_the_fd_is_not_readable_while_mail_is_unsent),
        TEST (test_without_a_thread_the_start_fails_and_may_be_tried_again),
        TEST (test_one_that_never_ran_frees_its_mail),
        TEST (test_signals_are_left_to_the_main_thread),
        TEST (test_without_mail_it_can_be_stopped_all_the_same),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
