//  Modules of the core on their own, each with a state and without a step.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/core/attempt.h"
#include "broker/core/book.h"
#include "broker/core/fleet.h"
#include "broker/core/outbox.h"
#include "broker/core/pack.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    clk_now_t now;
    state_t state;
    sources_t sources;
    tallies_t tallies;
    journal_t journal;
    queue_t queue;
    attempts_t attempts;
    book_t book;
    fleet_t fleet;
    outbox_t outbox;
} alone_t;

static int
s_set_up (void **state)
{
    static alone_t self;
    memset (&self, 0, sizeof self);
    const step_settings_t settings = {.dedup_window_ms = 1000};
    self.now = (clk_now_t){.boot_ms = 5000, .wall_ms = INT64_C (1768000000000)};
    self.tallies.sources = self.journal.sources = self.queue.sources = &self.sources;
    self.fleet.journal = &self.journal;
    self.book = (book_t){.queue = &self.queue,
                         .attempts = &self.attempts,
                         .tallies = &self.tallies,
                         .sources = &self.sources};
    assert_true (state_init (&self.state, &settings, 42));
    *state = &self;
    return 0;
}

static int
s_tear_down (void **state)
{
    alone_t *self = *state;
    outbox_fini (&self->outbox);
    book_clear (&self->book);
    queue_clear (&self->queue);
    fleet_clear (&self->fleet);
    journal_clear (&self->journal);
    tally_clear (&self->tallies);
    assert_null (self->sources.all);
    state_fini (&self->state);
    return 0;
}

static entry_t *
s_incident (alone_t *self, int64_t number)
{
    row_incident_t row = {.number = number, .state = INCIDENT_PENDING, .exit_code = -1};
    snprintf (row.id.text, sizeof row.id.text, "incident-%d", (int) number);
    snprintf (row.fault.key, sizeof row.fault.key, "key-%d", (int) number);
    snprintf (row.fault.cluster, sizeof row.fault.cluster, "a");
    snprintf (row.source, sizeof row.source, "publisher");
    row.created_ms = row.last_seen_ms = self->now.wall_ms;
    return book_add (&self->book, &self->state, &row, self->now);
}

static worker_t *
s_takes_all (void *arg, entry_t *entry, clk_now_t now)
{
    (void) entry;
    (void) now;
    return arg;
}

static void
test_the_queue_gives_by_number (void **state)
{
    alone_t *self = *state;
    worker_t worker = {.identity = "w"};
    const queue_fits_t fits = {.worker = s_takes_all, .arg = &worker};
    for (int64_t i = 3; i > 0; i--)
        queue_push (&self->queue, &self->state, s_incident (self, i));
    assert_int_equal (self->queue.queued, 3);
    for (int64_t i = 1; i <= 3; i++) {
        worker_t *taker = NULL;
        entry_t *entry = queue_pick (&self->queue, &self->state, self->now, &fits, &taker);
        assert_int_equal (entry->number, i);
        assert_ptr_equal (taker, &worker);
    }
    assert_int_equal (self->queue.queued, 0);
}

static void
test_the_book_keeps_a_row_and_writes_it_once (void **state)
{
    alone_t *self = *state;
    row_incident_t row;
    size_t writes = self->state.write_count;
    entry_t *entry = s_incident (self, 1);
    for (int64_t i = 1; i <= 3; i++) {
        pack_row (entry, &row);
        row.occurrences = i;
        book_save (&self->book, &self->state, entry, &row);
    }
    assert_int_equal (self->state.write_count, writes + 1);
    assert_int_equal (self->state.writes [writes].as.incident.occurrences, 3);
    assert_ptr_equal (book_find_key (&self->book, "key-1"), entry);
}

static void
test_a_closed_incident_is_forgotten_after_its_window (void **state)
{
    alone_t *self = *state;
    row_incident_t row;
    entry_t *entry = s_incident (self, 1);
    queue_push (&self->queue, &self->state, entry);
    pack_row (entry, &row);
    book_move (&row, INCIDENT_ON_CANCEL);
    book_save (&self->book, &self->state, entry, &row);
    assert_int_equal (self->queue.queued, 0);
    assert_int_equal (self->book.open_count, 0);
    book_expire (&self->book, &self->state, self->now);
    assert_non_null (book_find (&self->book, "incident-1"));
    self->now.boot_ms += LIMIT_CLOSED_KEEP_MS + 1;
    book_expire (&self->book, &self->state, self->now);
    assert_null (book_find (&self->book, "incident-1"));
}

static void
test_an_effect_of_a_lost_turn_has_not_left (void **state)
{
    alone_t *self = *state;
    const entry_t *entry = s_incident (self, 1);
    state_begin (&self->state);
    outbox_begin (&self->outbox, &self->state);
    outbox_add_incident (&self->outbox, &self->state, ROW_CHANNEL_STORAGE, "storage", &entry->id,
                         self->now);
    outbox_schedule (&self->outbox, &self->state, self->now);
    assert_int_equal (outbox_flights (&self->outbox), 1);
    outbox_rollback (&self->outbox);
    assert_int_equal (outbox_flights (&self->outbox), 0);
    state_rollback (&self->state);
    state_begin (&self->state);
    outbox_schedule (&self->outbox, &self->state, self->now);
    assert_int_equal (self->state.out_count, 1);
    assert_int_equal (self->state.outs [0].kind, STEP_OUT_EFFECT);
}

static void
test_a_message_that_was_sent_is_named (void **state)
{
    alone_t *self = *state;
    const entry_t *entry = s_incident (self, 1);
    outbox_add_message (&self->outbox, &self->state, "slack", &entry->id, self->now);
    outbox_schedule (&self->outbox, &self->state, self->now);
    step_in_t done = {.kind = STEP_IN_EFFECT_DONE};
    done.as.effect.id = channel_of (self->outbox.channels, "slack")->run.flight;
    const outbox_end_t end = outbox_done (&self->outbox, &self->state, &done, self->now);
    assert_string_equal (end.key, "incident/incident-1");
    assert_int_equal (end.state, ROW_EFFECT_DONE);
    assert_string_equal (end.sent.text, "incident-1");
    assert_int_equal (outbox_count (&self->outbox), 0);
}

static worker_t *
s_hello (alone_t *self, const char *identity)
{
    worker_t *worker = NULL;
    step_in_t hello = {.kind = STEP_IN_HELLO, .peer.session = 1};
    snprintf (hello.peer.identity, sizeof hello.peer.identity, "%s", identity);
    hello.as.hello.slots = 4;
    assert_int_equal (fleet_hello (&self->fleet, &self->state, &hello, self->now, &worker), 0);
    return worker;
}

static void
test_what_a_lost_turn_found_of_a_worker_is_taken_back (void **state)
{
    alone_t *self = *state;
    worker_t *worker = s_hello (self, "w");
    state_begin (&self->state);
    fleet_begin (&self->fleet);
    for (int i = 0; i < LIMIT_QUARANTINE_STREAK; i++)
        fleet_failed (&self->fleet, &self->state, worker, VERDICT_HOST, self->now);
    fleet_drain (&self->fleet, &self->state, worker, true, self->now);
    assert_true (worker->trial.quarantined && worker->told.drained);
    fleet_rollback (&self->fleet, &self->state);
    assert_false (worker->trial.quarantined || worker->told.drained);
    assert_int_equal (worker->trial.streak, 0);
    assert_true (worker->connected); //  its session began in a turn that was not lost
}

static void
test_a_session_of_a_lost_turn_says_hello_again (void **state)
{
    alone_t *self = *state;
    state_begin (&self->state);
    fleet_begin (&self->fleet);
    worker_t *worker = s_hello (self, "w");
    assert_true (worker->connected);
    fleet_rollback (&self->fleet, &self->state);
    assert_false (worker->connected);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_the_queue_gives_by_number, s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown (test_the_book_keeps_a_row_and_writes_it_once, s_set_up,
                                         s_tear_down),
        cmocka_unit_test_setup_teardown (test_a_closed_incident_is_forgotten_after_its_window,
                                         s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown (test_an_effect_of_a_lost_turn_has_not_left, s_set_up,
                                         s_tear_down),
        cmocka_unit_test_setup_teardown (test_a_message_that_was_sent_is_named, s_set_up,
                                         s_tear_down),
        cmocka_unit_test_setup_teardown (test_what_a_lost_turn_found_of_a_worker_is_taken_back,
                                         s_set_up, s_tear_down),
        cmocka_unit_test_setup_teardown (test_a_session_of_a_lost_turn_says_hello_again, s_set_up,
                                         s_tear_down),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
