//  An open breaker that holds the queue: what it tells, and an operator's probe.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

typedef struct {
    bench_t bench;
    int64_t credit;
    int keys;
} hold_t;

static hold_t
s_new (bool pause)
{
    hold_t self = {.bench = bench_new (), .credit = 1};
    self.bench.settings.breaker_pause = pause;
    self.bench.settings.failure_threshold = 1;
    bench_configure (&self.bench);
    bench_join (&self.bench, "w", 0);
    return self;
}

//  Bring in an incident, and let w ask for one.
static void
s_wait (hold_t *self)
{
    char key [16];
    snprintf (key, sizeof key, "k%d", self->keys++);
    (void) bench_event (&self->bench, "a", key, FAULT_WARNING);
    bench_credit (&self->bench, "w", ++self->credit, 1);
}

//  Schedule; an incident must be assigned.  w begins with it.
static step_fence_t
s_assigned (hold_t *self)
{
    const step_out_t *out = bench_schedule (&self->bench);
    assert_non_null (out);
    const step_fence_t fence = out->as.assign.fence;
    bench_say (&self->bench, "w", STEP_IN_ACCEPT, &fence);
    bench_say (&self->bench, "w", STEP_IN_STARTED, &fence);
    return fence;
}

static void
s_end (hold_t *self, const step_fence_t *fence, verdict_outcome_t outcome)
{
    assert_int_equal (bench_verdict (&self->bench, "w", fence, outcome), STEP_COMMITTED);
    (void) bench_schedule (&self->bench);
    bench_later (&self->bench, 100);
}

static void
s_open (hold_t *self)
{
    s_wait (self);
    const step_fence_t fence = s_assigned (self);
    s_end (self, &fence, VERDICT_AGENT);
}

static step_stats_t
s_stats (const hold_t *self)
{
    step_stats_t stats;
    step_stats (self->bench.step, self->bench.now, &stats);
    return stats;
}

static void
s_probe (hold_t *self, int rc, const char *words)
{
    const char *text;
    assert_int_equal (bench_command (&self->bench, STEP_COMMAND_PROBE, NULL, NULL, "", &text), rc);
    assert_non_null (strstr (text, words));
}

static void
test_the_figures_say_that_the_queue_is_held_and_until_when (void **state)
{
    hold_t self = s_new (true);
    assert_int_equal (s_stats (&self).breaker_paused, 0);
    assert_int_equal (s_stats (&self).breaker_probe_ms, -1);
    s_open (&self);
    assert_int_equal (s_stats (&self).breaker_paused, 1);
    assert_int_equal (s_stats (&self).breaker_probe_ms, LIMIT_PROBE_MIN_MS - 100);
    bench_later (&self.bench, LIMIT_PROBE_MIN_MS);
    assert_int_equal (s_stats (&self).breaker_probe_ms, 0);
    s_wait (&self);
    const step_fence_t fence = s_assigned (&self);
    assert_int_equal (s_stats (&self).breaker_paused, 1);
    assert_int_equal (s_stats (&self).breaker_probe_ms, -1); //  it is under way
    s_end (&self, &fence, VERDICT_SUCCESS);
    assert_int_equal (s_stats (&self).breaker_paused, 0);
    step_destroy (&self.bench.step);
}

static void
test_a_probe_goes_at_once_on_command_and_the_next_one_waits_longer (void **state)
{
    hold_t self = s_new (true);
    s_open (&self);
    s_probe (&self, 0, "nothing waits");
    s_wait (&self);
    const step_fence_t fence = s_assigned (&self);
    s_probe (&self, ERR_STALE, "under way");
    s_end (&self, &fence, VERDICT_AGENT);
    s_wait (&self);
    assert_null (bench_schedule (&self.bench));
    assert_int_equal (s_stats (&self).breaker_probe_ms, 2 * LIMIT_PROBE_MIN_MS - 100);
    s_probe (&self, 0, "as soon as a worker is free");
    const step_fence_t again = s_assigned (&self);
    s_end (&self, &again, VERDICT_SUCCESS);
    assert_int_equal (s_stats (&self).breaker, STEP_BREAKER_CLOSED);
    step_destroy (&self.bench.step);
}

static void
test_a_breaker_that_holds_nothing_has_no_probe (void **state)
{
    hold_t self = s_new (false);
    s_probe (&self, ERR_STALE, "closed");
    s_open (&self);
    assert_int_equal (s_stats (&self).breaker, STEP_BREAKER_OPEN);
    assert_int_equal (s_stats (&self).breaker_paused, 0);
    s_probe (&self, ERR_STALE, "breaker_mode is alert");
    step_destroy (&self.bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_figures_say_that_the_queue_is_held_and_until_when),
        cmocka_unit_test (test_a_probe_goes_at_once_on_command_and_the_next_one_waits_longer),
        cmocka_unit_test (test_a_breaker_that_holds_nothing_has_no_probe),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
