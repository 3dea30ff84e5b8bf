//  Tests of broker/intake/intake_queue and intake_lost: shares of sources, lost events and their
//  reports.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "broker/intake/intake_lost.h"
#include "broker/intake/intake_queue.h"
#include "common/base/own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY = LIMIT_EVENT_INLINE_BYTES, FLOOD = 600 }; //  600 x 256 KiB: more than twice the buffer

typedef struct {
    intake_queue_t *queue;
    mailbox_t *loop, *reply;
    char *body;
    uint64_t cookies [1024]; //  of events that the loop holds
    char first [1024];       //  first letter of their source's name
    size_t count;
    int notices;
} s_world_t;

static int
setup (void **state)
{
    s_world_t *self = calloc (1, sizeof (s_world_t));
    *state = self;
    self->queue = intake_queue_new ("/dev/null/broker.db");
    self->loop = mailbox_new (LIMIT_MAILBOX, mail_item_destroy);
    self->reply = mailbox_new (1, mail_item_destroy);
    self->body = malloc (BODY);
    memset (self->body, ' ', BODY);
    return 0;
}

static int
teardown (void **state)
{
    s_world_t *self = *state;
    intake_queue_destroy (&self->queue);
    mailbox_destroy (&self->loop);
    mailbox_destroy (&self->reply);
    free (self->body);
    free (self);
    return 0;
}

static void
s_say (s_world_t *self, const char *source, size_t size, int64_t wall_ms)
{
    fault_t fault;
    fault_read (self->body, size, source, &fault);
    assert_true (intake_queue_event (self->queue, source, &fault, true, self->body, size, wall_ms));
}

//  The loop takes its mail; returns the bytes of bodies in it.
static size_t
s_hear (s_world_t *self)
{
    size_t bytes = 0;
    mail_t *mail;
    while ((mail = mailbox_recv (self->loop)) != NULL) {
        if (mail->kind == MAIL_EVENT) {
            self->first [self->count] = mail->as.event.row.source [0];
            self->cookies [self->count++] = mail->as.event.cookie;
            bytes += (size_t) mail->as.event.row.body_bytes;
        }
        else {
            self->notices++;
        }
        mail_destroy (&mail);
    }
    return bytes;
}

static size_t
s_offer (s_world_t *self)
{
    (void) intake_queue_offer (self->queue, self->loop, self->reply, 0);
    return s_hear (self);
}

static void
s_accept_all (s_world_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        intake_queue_reply (self->queue, self->cookies [i], true, 0, 0);
    self->count = 0;
}

static size_t
s_heard (const s_world_t *self, char first)
{
    size_t count = 0;
    for (size_t i = 0; i < self->count; i++)
        count += self->first [i] == first;
    return count;
}

static void
test_a_flood_takes_nothing_from_the_quiet_and_is_told_of_its_own_losses (void **state)
{
    s_world_t *self = *state;
    for (int i = 0; i < FLOOD; i++) {
        s_say (self, "flood", BODY, i);
        if (i % 10 == 0)
            s_say (self, "quiet", BODY, i);
    }
    assert_int_equal (intake_queue_take_dropped (self->queue, "quiet"), 0);
    const int64_t dropped = intake_queue_take_dropped (self->queue, "flood");
    assert_int_equal (dropped + (int64_t) intake_queue_count (self->queue), FLOOD + FLOOD / 10);
    assert_int_equal (intake_queue_take_dropped (self->queue, "flood"), 0); //  reported once
}

static void
test_who_takes_most_loses_also_to_others (void **state)
{
    s_world_t *self = *state;
    for (int i = 0; i < FLOOD; i++)
        s_say (self, "first", BODY, i);
    (void) intake_queue_take_dropped (self->queue, "first");
    for (int i = 0; i < 50; i++)
        s_say (self, "second", BODY, i);
    assert_int_equal (intake_queue_take_dropped (self->queue, "second"), 0);
    assert_in_range (intake_queue_take_dropped (self->queue, "first"), 49, 51);
    //  The oldest are dropped
    assert_true (intake_queue_oldest (self->queue, "first") > 400);
    assert_int_equal (intake_queue_oldest (self->queue, "second"), 0);
}

static void
test_what_is_offered_counts_and_is_not_dropped (void **state)
{
    s_world_t *self = *state;
    size_t offered = 0;
    for (int i = 0; i < FLOOD; i++) {
        s_say (self, "flood", BODY, i);
        offered += s_offer (self); //  the loop answers nothing
    }
    assert_true (2 * offered <= LIMIT_INTAKE_OFFERED_BYTES);
    assert_true (intake_queue_count (self->queue) * (size_t) BODY + offered
                 <= LIMIT_INTAKE_BUFFER_BYTES);
    assert_int_equal (intake_queue_oldest (self->queue, "flood"), 0);
    const size_t kept = intake_queue_count (self->queue), answered = self->count;
    s_accept_all (self);
    assert_int_equal (intake_queue_count (self->queue), kept - answered);
    assert_true (s_offer (self) > 0);
}

static void
test_sources_are_offered_in_turn (void **state)
{
    s_world_t *self = *state;
    for (int i = 0; i < 1000; i++)
        s_say (self, "flood", 100, i);
    (void) s_offer (self);
    s_say (self, "quiet", 100, 7);
    s_accept_all (self);
    (void) s_offer (self);
    assert_int_equal (s_heard (self, 'q'), 1);
    assert_in_range (intake_queue_oldest (self->queue, "quiet"), 7, 7);
    //  Refused, all come again in order
    const size_t count = self->count;
    for (size_t i = count; i > 0; i--)
        intake_queue_reply (self->queue, self->cookies [i - 1], false, 20, 0);
    self->count = 0;
    assert_in_range (intake_queue_offer (self->queue, self->loop, self->reply, 0), 20, 20);
    assert_int_equal (s_hear (self), 0);
    (void) intake_queue_offer (self->queue, self->loop, self->reply, 20);
    (void) s_hear (self);
    uint64_t last = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (self->first [i] == 'f') {
            assert_true (self->cookies [i] > last);
            last = self->cookies [i];
        }
    }
    assert_int_equal (self->count, count);
}

static void
test_a_body_that_cannot_be_written_holds_its_source_only (void **state)
{
    s_world_t *self = *state;
    s_say (self, "flood", 100, 1);
    own (own_mem) char *large = malloc (BODY + 1);
    memset (large, ' ', BODY + 1);
    fault_t fault;
    fault_read (large, BODY + 1, "large", &fault);
    assert_true (intake_queue_event (self->queue, "large", &fault, true, large, BODY + 1, 1));
    s_say (self, "quiet", 100, 1);
    const int64_t wake = intake_queue_offer (self->queue, self->loop, self->reply, 0);
    (void) s_hear (self);
    assert_int_equal (self->count, 2); //  the large one's folder is missing
    assert_in_range (wake, 1, 5000);
}

static void
test_notices_pass_a_closed_window_and_one_source_cannot_take_all (void **state)
{
    s_world_t *self = *state;
    intake_queue_notice (self->queue, "quiet", "quiet", "connected", "");
    for (int i = 0; i < 3000; i++)
        intake_queue_notice (self->queue, "flood", "flood", "lost", "");
    (void) s_offer (self);
    assert_int_equal (self->notices, 1024);
    s_say (self, "flood", 100, 1);
    for (int i = 0; i < 1000; i++)
        s_say (self, "other", 100, 1);
    (void) s_offer (self);
    intake_queue_notice (self->queue, "quiet", "quiet", "lost", "");
    (void) s_offer (self);
    assert_int_equal (self->notices, 1025);
}

static void
test_losses_are_told_at_once_and_then_together (void **state)
{
    intake_lost_t lost = {0};
    char text [256];
    assert_false (intake_lost_tell (&lost, 1000, text, sizeof text));
    assert_true (intake_lost_due (&lost) == INT64_MAX);
    intake_lost_add (&lost, INTAKE_LOST_FULL, 1);
    assert_true (intake_lost_tell (&lost, 1000, text, sizeof text));
    assert_non_null (strstr (text, "1 events dropped"));
    for (int i = 0; i < 3000; i++) {
        intake_lost_add (&lost, INTAKE_LOST_FULL, 1);
        intake_lost_add (&lost, INTAKE_LOST_LARGE, 1);
        assert_false (intake_lost_tell (&lost, 1000 + i, text, sizeof text));
    }
    assert_int_equal (intake_lost_due (&lost), 1000 + LIMIT_LOST_LOG_MS);
    assert_true (intake_lost_tell (&lost, 1000 + LIMIT_LOST_LOG_MS, text, sizeof text));
    assert_non_null (strstr (text, "3000 events dropped, the oldest"));
    assert_non_null (strstr (text, "3000 events dropped: over the limit"));
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_a_flood_takes_nothing_from_the_quiet_and_is_told_of_its_own_losses),
        TEST (test_who_takes_most_loses_also_to_others),
        TEST (test_what_is_offered_counts_and_is_not_dropped),
        TEST (test_sources_are_offered_in_turn),
        TEST (test_a_body_that_cannot_be_written_holds_its_source_only),
        TEST (test_notices_pass_a_closed_window_and_one_source_cannot_take_all),
        TEST (test_losses_are_told_at_once_and_then_together),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
