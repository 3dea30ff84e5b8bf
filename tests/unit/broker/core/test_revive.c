//  What failed is put back into the queue when the circuit breaker has closed.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

enum { FAILED = 3 };

typedef struct {
    bench_t bench;
    row_incident_t rows [FAILED]; //  as the store has them
    row_breaker_t breaker;
} revive_case_t;

static void
s_commit (revive_case_t *self)
{
    size_t count;
    const step_write_t *writes = step_writes (self->bench.step, &count);
    for (size_t i = 0; i < count; i++)
        if (writes [i].kind == STEP_WRITE_BREAKER)
            self->breaker = writes [i].as.breaker;
        else if (writes [i].kind == STEP_WRITE_INCIDENT && writes [i].as.incident.number <= FAILED)
            self->rows [writes [i].as.incident.number - 1] = writes [i].as.incident;
}

//  Failed incidents of one streak, the last one of cluster b, and a breaker that has just closed.
static revive_case_t
s_closed (int64_t queue, int64_t share)
{
    revive_case_t self = {.bench = bench_new ()};
    self.bench.settings.global_queue_size = queue;
    self.bench.settings.cluster_queue_size = share;
    self.bench.settings.revive = true;
    step_destroy (&self.bench.step);
    self.bench.step = step_new (&self.bench.settings, 7);
    for (int i = 0; i < FAILED; i++) {
        row_incident_t *row = &self.rows [i];
        char key [16];
        snprintf (key, sizeof key, "k%d", i);
        snprintf (row->id.text, sizeof row->id.text, "id%d", i);
        row->fault = bench_fault (i == FAILED - 1 ? "b" : "a", key, FAULT_WARNING);
        snprintf (row->source, sizeof row->source, "test");
        row->number = i + 1;
        row->attempts = 1;
        row->state = INCIDENT_AGENT_FAILED;
        row->created_ms = row->last_seen_ms = row->completed_ms = self.bench.now.wall_ms;
        row->streak = 1;
        assert_int_equal (step_load_incident (self.bench.step, row), 0);
    }
    self.breaker = (row_breaker_t){.id = 1, .streak = 2, .reviving = 1};
    assert_int_equal (step_load_breaker (self.bench.step, &self.breaker), 0);
    step_loaded (self.bench.step, FAILED, 0, 0, self.bench.now);
    bench_later (&self.bench, 0);
    return self;
}

//  A turn that looks for as long as the core wants to.
static void
s_look (revive_case_t *self, int64_t later_ms)
{
    step_revive_t wanted;
    bench_later (&self->bench, later_ms);
    for (int i = 0; (wanted = step_reviving (self->bench.step, self->bench.now)).streak; i++) {
        step_in_t in = {.kind = STEP_IN_REVIVE};
        assert_true (i <= 2 * FAILED);
        for (int at = FAILED - 1; at >= 0; at--)
            if (self->rows [at].number > wanted.after && self->rows [at].streak == wanted.streak)
                in.as.revive = &self->rows [at];
        bench_step (&self->bench, &in);
    }
    s_commit (self);
}

static int
s_put_back (const revive_case_t *self)
{
    int numbers = 0;
    for (int i = 0; i < FAILED; i++)
        if (self->rows [i].revived)
            numbers = 10 * numbers + i + 1;
    return numbers;
}

//  Let the worker take all that waits.
static void
s_take (revive_case_t *self)
{
    bench_later (&self->bench, 1);
    bench_join (&self->bench, "w", 8);
    assert_non_null (bench_schedule (&self->bench));
    s_commit (self);
}

static void
test_all_are_put_back_once (void **state)
{
    revive_case_t self = s_closed (10, 10);
    s_look (&self, 0);
    assert_int_equal (s_put_back (&self), 123);
    assert_int_equal (self.breaker.reviving, 0);
    step_destroy (&self.bench.step);
}

static void
test_while_the_queue_is_full_the_rest_waits (void **state)
{
    revive_case_t self = s_closed (2, 10);
    s_look (&self, 0);
    assert_int_equal (s_put_back (&self), 12);
    s_look (&self, LIMIT_REVIVE_WAIT_MS);
    assert_int_equal (s_put_back (&self), 12);
    s_take (&self);
    s_look (&self, LIMIT_REVIVE_WAIT_MS);
    assert_int_equal (s_put_back (&self), 123);
    assert_int_equal (self.breaker.reviving, 0);
    step_destroy (&self.bench.step);
}

static void
test_a_cluster_without_room_holds_up_no_other (void **state)
{
    revive_case_t self = s_closed (10, 1);
    s_look (&self, 0);
    assert_int_equal (s_put_back (&self), 13);
    assert_int_equal (self.breaker.reviving, 1);
    s_take (&self);
    s_look (&self, LIMIT_REVIVE_AGAIN_MS);
    assert_int_equal (s_put_back (&self), 123);
    assert_int_equal (self.breaker.reviving, 0);
    step_destroy (&self.bench.step);
}

//  Its further attempt was under way when the breaker closed, and fails.
static void
test_one_that_is_open_is_put_back_when_it_has_failed (void **state)
{
    revive_case_t self = s_closed (10, 10);
    self.rows [1].state = INCIDENT_INVESTIGATING;
    s_look (&self, 0);
    assert_int_equal (s_put_back (&self), 13);
    assert_int_equal (self.breaker.reviving, 1);
    s_look (&self, LIMIT_REVIVE_AGAIN_MS - 1);
    assert_int_equal (self.breaker.reviving, 1);
    self.rows [1].state = INCIDENT_FAILED;
    s_look (&self, 1);
    assert_int_equal (s_put_back (&self), 123);
    assert_int_equal (self.breaker.reviving, 0);
    step_destroy (&self.bench.step);
}

//  The breaker has opened and closed again while the queue was full.
static void
test_the_next_streak_joins (void **state)
{
    revive_case_t self = s_closed (10, 10);
    self.rows [2].streak = 2;
    self.breaker.streak = 3;
    assert_int_equal (step_load_breaker (self.bench.step, &self.breaker), 0);
    s_look (&self, 0);
    assert_int_equal (s_put_back (&self), 123);
    assert_int_equal (self.breaker.reviving, 0);
    assert_int_equal (self.breaker.streak, 4);
    step_destroy (&self.bench.step);
}

static void
test_what_is_turned_off_puts_nothing_back (void **state)
{
    revive_case_t self = s_closed (10, 10);
    self.bench.settings.revive = false;
    bench_configure (&self.bench);
    s_look (&self, 0);
    assert_int_equal (s_put_back (&self), 0);
    self.bench.settings.revive = true;
    bench_configure (&self.bench);
    s_look (&self, 0);
    assert_int_equal (s_put_back (&self), 123);
    step_destroy (&self.bench.step);
}

//  It was attempted before, so the newcomer is dropped.
static void
test_what_was_put_back_is_not_dropped_from_a_full_queue (void **state)
{
    revive_case_t self = s_closed (FAILED, FAILED);
    s_look (&self, 0);
    bench_later (&self.bench, 1);
    const ident_t newcomer = bench_event (&self.bench, "a", "new", FAULT_WARNING);
    assert_int_equal (bench_row (&self.bench, newcomer.text)->state, INCIDENT_SUPPRESSED);
    s_commit (&self);
    for (int i = 0; i < FAILED; i++)
        assert_int_equal (self.rows [i].state, INCIDENT_PENDING);
    step_destroy (&self.bench.step);
}

//  All have failed and nothing waits, so there is nothing to try until an operator retries one.
static void
test_a_retried_incident_is_the_probe_of_an_empty_queue (void **state)
{
    revive_case_t self = s_closed (10, 10);
    self.bench.settings.breaker_pause = true;
    bench_configure (&self.bench);
    self.breaker = (row_breaker_t){.id = 1, .open = true, .streak = 1, .failures = FAILED};
    assert_int_equal (step_load_breaker (self.bench.step, &self.breaker), 0);
    bench_join (&self.bench, "w", 8);
    bench_later (&self.bench, LIMIT_PROBE_MIN_MS);
    assert_null (bench_schedule (&self.bench));
    const char *text;
    assert_int_equal (
        bench_command (&self.bench, STEP_COMMAND_RETRY, &self.rows [0], NULL, "", &text), 0);
    const step_out_t *out = bench_schedule (&self.bench);
    assert_non_null (out);
    const step_fence_t fence = out->as.assign.fence;
    assert_string_equal (fence.incident.text, self.rows [0].id.text);
    s_commit (&self);
    bench_later (&self.bench, 1);
    assert_int_equal (bench_verdict (&self.bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    s_commit (&self);
    assert_false (self.breaker.open);
    s_look (&self, 1);
    assert_int_equal (s_put_back (&self), 23);
    assert_int_equal (self.breaker.reviving, 0);
    step_destroy (&self.bench.step);
}

//  All have failed and nothing waits: each is tried in turn.  The count of failures stays.
static void
test_an_open_breaker_without_work_tries_the_failed_in_turn (void **state)
{
    revive_case_t self = s_closed (10, 10);
    self.bench.settings.breaker_pause = true;
    bench_configure (&self.bench);
    self.breaker = (row_breaker_t){.id = 1, .open = true, .streak = 1, .failures = FAILED};
    assert_int_equal (step_load_breaker (self.bench.step, &self.breaker), 0);
    for (int i = 0; i < FAILED; i++)
        self.rows [i].counted = true;
    int64_t wait_ms = LIMIT_PROBE_MIN_MS;
    for (int i = 0; i < FAILED; i++, wait_ms *= 2) {
        bench_later (&self.bench, wait_ms);
        bench_join (&self.bench, "w", 8);
        s_look (&self, 0);
        const step_out_t *out = bench_schedule (&self.bench);
        assert_non_null (out);
        const step_fence_t fence = out->as.assign.fence;
        assert_string_equal (fence.incident.text, self.rows [i].id.text);
        s_commit (&self);
        bench_later (&self.bench, 1);
        bench_verdict (&self.bench, "w", &fence, i == FAILED - 1 ? VERDICT_SUCCESS : VERDICT_AGENT);
        assert_null (bench_schedule (&self.bench));
        s_commit (&self);
    }
    assert_false (self.breaker.open);
    s_look (&self, 1);
    assert_int_equal (s_put_back (&self), 12);
    step_destroy (&self.bench.step);
}

static void
test_without_revival_an_open_breaker_waits_for_work (void **state)
{
    revive_case_t self = s_closed (10, 10);
    self.bench.settings.breaker_pause = true;
    self.bench.settings.revive = false;
    bench_configure (&self.bench);
    self.breaker = (row_breaker_t){.id = 1, .open = true, .streak = 1, .failures = FAILED};
    assert_int_equal (step_load_breaker (self.bench.step, &self.breaker), 0);
    bench_later (&self.bench, LIMIT_PROBE_MAX_MS);
    bench_join (&self.bench, "w", 8);
    s_look (&self, 0);
    assert_null (bench_schedule (&self.bench));
    step_destroy (&self.bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_all_are_put_back_once),
        cmocka_unit_test (test_while_the_queue_is_full_the_rest_waits),
        cmocka_unit_test (test_a_cluster_without_room_holds_up_no_other),
        cmocka_unit_test (test_one_that_is_open_is_put_back_when_it_has_failed),
        cmocka_unit_test (test_the_next_streak_joins),
        cmocka_unit_test (test_what_is_turned_off_puts_nothing_back),
        cmocka_unit_test (test_what_was_put_back_is_not_dropped_from_a_full_queue),
        cmocka_unit_test (test_an_open_breaker_without_work_tries_the_failed_in_turn),
        cmocka_unit_test (test_without_revival_an_open_breaker_waits_for_work),
        cmocka_unit_test (test_a_retried_incident_is_the_probe_of_an_empty_queue),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
