//  Runs that charge nothing: given back, held workers, how long that goes on; partial reports.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

#include "common/domain/run_class.h"

typedef struct {
    bench_t bench;
    int64_t credit;
    row_incident_t row; //  as written last
    row_breaker_t breaker;
} case_t;

static case_t
s_new (void)
{
    case_t self = {.bench = bench_new (), .credit = 1};
    return self;
}

//  Read what this turn has written, and begin the next one.
static void
s_later (case_t *self, int64_t ms)
{
    size_t count;
    const step_write_t *writes = step_writes (self->bench.step, &count);
    for (size_t i = 0; i < count; i++) {
        if (writes [i].kind == STEP_WRITE_INCIDENT)
            self->row = writes [i].as.incident;
        if (writes [i].kind == STEP_WRITE_BREAKER)
            self->breaker = writes [i].as.breaker;
    }
    bench_later (&self->bench, ms);
}

//  A worker reports that it is there, with free slots.
static void
s_free (case_t *self, const char *worker, int64_t free)
{
    bench_credit (&self->bench, worker, ++self->credit, free);
}

static void
s_event (case_t *self, const char *key)
{
    (void) bench_event (&self->bench, "a", key, FAULT_WARNING);
}

//  The assignment of this turn, begun by its worker; attempt 0 = none.
static step_fence_t
s_begin (case_t *self, const char *worker)
{
    const step_out_t *out = bench_schedule (&self->bench);
    step_fence_t fence = {.attempt = 0};
    if (!out)
        return fence;
    fence = out->as.assign.fence;
    char identity [ROW_IDENTITY];
    snprintf (identity, sizeof identity, "worker:%s", worker);
    assert_string_equal (out->peer.identity, identity);
    bench_say (&self->bench, worker, STEP_IN_ACCEPT, &fence);
    bench_say (&self->bench, worker, STEP_IN_STARTED, &fence);
    return fence;
}

static void
s_end (case_t *self, const char *worker, const step_fence_t *fence, run_class_t class,
       int64_t retry_ms)
{
    step_in_t in = bench_from (worker, STEP_IN_VERDICT);
    assert_true (fence->attempt > 0);
    in.as.verdict.fence = *fence;
    in.as.verdict.outcome = run_class_rule (class)->outcome;
    in.as.verdict.class = class;
    in.as.verdict.retry_ms = retry_ms;
    in.as.verdict.exit_code = (int) class;
    in.as.verdict.stored = STEP_STORED;
    snprintf (in.as.verdict.reason, LIMIT_REASON_BYTES, "as %s", run_class_name (class));
    bench_step (&self->bench, &in);
    assert_int_equal (bench_last (&self->bench, STEP_OUT_VERDICT_ACK)->as.verdict_ack.disposition,
                      STEP_COMMITTED);
}

//  One incident, given back by w so often.
static void
s_give_back (case_t *self, run_class_t class, int64_t retry_ms)
{
    s_free (self, "w", 1);
    step_fence_t fence = s_begin (self, "w");
    s_end (self, "w", &fence, class, retry_ms);
    (void) bench_schedule (&self->bench);
    s_later (self, 0);
}

//  Returns how long it takes until the incident is assigned, in steps of `step` ms.
static int64_t
s_wait (case_t *self, int64_t step)
{
    for (int64_t waited = 0; waited < LIMIT_GIVE_BACK_MAX_MS * 2; waited += step) {
        s_free (self, "w", 1);
        if (bench_schedule (&self->bench))
            return waited;
        s_later (self, step);
    }
    return -1;
}

//  End the assignment of this turn, and begin the next one.
static void
s_end_assigned (case_t *self, run_class_t class, int64_t retry_ms)
{
    const step_fence_t fence = bench_last (&self->bench, STEP_OUT_ASSIGN)->as.assign.fence;
    bench_say (&self->bench, "w", STEP_IN_ACCEPT, &fence);
    s_end (self, "w", &fence, class, retry_ms);
    (void) bench_schedule (&self->bench);
    s_later (self, 0);
}

//  The first worker.
static step_worker_t
s_worker (const case_t *self)
{
    step_worker_t workers [4];
    assert_in_range (step_workers (self->bench.step, self->bench.now, workers, 4), 1, 4);
    return workers [0];
}

static void
test_an_incident_waits_for_its_provider_and_pays_nothing (void **state)
{
    static const struct {
        run_class_t class;
        int64_t retry_ms, wait_ms;
    } cases [] = {{RUN_CLASS_RATE_LIMITED, 7000, 7000},
                  {RUN_CLASS_RATE_LIMITED, 0, LIMIT_GIVE_BACK_MS},
                  {RUN_CLASS_OVERLOADED, 1, LIMIT_GIVE_BACK_MIN_MS},
                  {RUN_CLASS_OVERLOADED, INT64_C (1) << 50, LIMIT_GIVE_BACK_MAX_MS},
                  {RUN_CLASS_PROVIDER, 0, LIMIT_GIVE_BACK_MS},
                  {RUN_CLASS_PROVIDER, 45000, 45000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        case_t self = s_new ();
        self.bench.settings.give_back_ms = INT64_C (1) << 40;
        bench_configure (&self.bench);
        bench_join (&self.bench, "w", 0);
        s_event (&self, "1");
        s_give_back (&self, cases [i].class, cases [i].retry_ms);
        assert_int_equal (self.row.state, INCIDENT_PENDING);
        assert_int_equal (self.row.charged, 0);
        assert_int_equal (self.row.given_back, 1);
        assert_int_equal (s_wait (&self, 500), cases [i].wait_ms);
        step_destroy (&self.bench.step);
    }
}

static void
test_the_wait_for_a_provider_that_fails_doubles (void **state)
{
    case_t self = s_new ();
    bench_join (&self.bench, "w", 0);
    s_event (&self, "1");
    int64_t expected = 0;
    for (int i = 0; i < 7; i++) {
        assert_int_equal (s_wait (&self, 1000), expected);
        s_end_assigned (&self, RUN_CLASS_PROVIDER, 1);
        expected = expected ? 2 * expected : LIMIT_GIVE_BACK_MS;
        if (expected > LIMIT_GIVE_BACK_BACKOFF_MS)
            expected = LIMIT_GIVE_BACK_BACKOFF_MS;
    }
    assert_int_equal (self.row.given_back, 7);
    assert_int_equal (expected, LIMIT_GIVE_BACK_BACKOFF_MS);
    step_destroy (&self.bench.step);
}

static void
test_a_key_that_fails_holds_its_worker_and_another_one_runs_it_at_once (void **state)
{
    static const run_class_t classes [] = {RUN_CLASS_AUTH, RUN_CLASS_QUOTA, RUN_CLASS_CONFIG};
    for (size_t i = 0; i < sizeof classes / sizeof classes [0]; i++) {
        case_t self = s_new ();
        bench_join (&self.bench, "w", 1);
        s_event (&self, "1");
        const step_fence_t fence = s_begin (&self, "w");
        bench_join (&self.bench, "x", 1);
        s_free (&self, "w", 8);
        s_end (&self, "w", &fence, classes [i], 0);
        assert_int_equal (s_begin (&self, "x").attempt, 2); //  in the same turn
        s_later (&self, 0);
        assert_int_equal (self.row.charged, 0);
        const step_worker_t shown = s_worker (&self);
        assert_true (shown.quarantined && !shown.ready);
        assert_int_equal (shown.class, classes [i]);
        char why [64];
        snprintf (why, sizeof why, "%s: as %s", run_class_name (classes [i]),
                  run_class_name (classes [i]));
        assert_string_equal (shown.why, why);
        step_destroy (&self.bench.step);
    }
}

//  Its probes take incidents that it has not failed yet: three bad ones in a row open the breaker.
static void
test_without_another_worker_the_probes_of_a_held_one_open_the_breaker (void **state)
{
    case_t self = s_new ();
    bench_join (&self.bench, "w", 0);
    for (int i = 0; i < 4; i++)
        s_event (&self, (char [2]){(char) ('1' + i), 0});
    int64_t waits [3];
    for (int i = 0; i < 3; i++) {
        waits [i] = s_wait (&self, 500);
        s_end_assigned (&self, RUN_CLASS_AUTH, 0);
        assert_int_equal (self.breaker.failures, i + 1);
    }
    assert_int_equal (waits [0], 0);
    assert_int_equal (waits [1], LIMIT_QUARANTINE_MIN_MS);
    assert_int_equal (waits [2], 2 * LIMIT_QUARANTINE_MIN_MS);
    assert_true (self.breaker.open);
    step_destroy (&self.bench.step);
}

static void
test_a_hold_ends_when_the_agent_works_or_its_worker_starts_anew (void **state)
{
    for (int way = 0; way < 4; way++) {
        case_t self = s_new ();
        bench_join (&self.bench, "w", 1);
        s_event (&self, "1");
        s_event (&self, "2");
        step_fence_t fence = s_begin (&self, "w");
        s_end (&self, "w", &fence, RUN_CLASS_QUOTA, 0);
        (void) bench_schedule (&self.bench);
        s_later (&self, 0);
        assert_true (s_worker (&self).quarantined);
        if (way < 2) { //  a probe
            (void) s_wait (&self, 1000);
            s_end_assigned (&self, way ? RUN_CLASS_REFUSED : RUN_CLASS_SUCCESS, 0);
        }
        else if (way == 2) { //  it stops in order
            step_in_t bye = bench_from ("w", STEP_IN_BYE);
            bench_step (&self.bench, &bye);
            bench_join (&self.bench, "w", 0);
        }
        else { //  it says that it is not ready, and then that it is
            step_in_t in = bench_from ("w", STEP_IN_CREDIT);
            in.as.credit.number = ++self.credit;
            snprintf (in.as.credit.held, sizeof in.as.credit.held, "no key");
            bench_step (&self.bench, &in);
            assert_true (s_worker (&self).held);
            s_free (&self, "w", 1);
        }
        assert_false (s_worker (&self).quarantined);
        assert_string_equal (s_worker (&self).why, "");
        step_destroy (&self.bench.step);
    }
}

static void
test_a_held_worker_that_is_probed_with_another_failure_stays_held_for_its_key (void **state)
{
    case_t self = s_new ();
    bench_join (&self.bench, "w", 1);
    s_event (&self, "1");
    s_event (&self, "2");
    step_fence_t fence = s_begin (&self, "w");
    s_end (&self, "w", &fence, RUN_CLASS_AUTH, 0);
    s_later (&self, 0);
    (void) s_wait (&self, 1000);
    s_end_assigned (&self, RUN_CLASS_PROVIDER, 0);
    assert_true (s_worker (&self).quarantined);
    assert_string_equal (s_worker (&self).why, "auth: as auth");
    step_destroy (&self.bench.step);
}

//  Two runs with a bad key, then one that is charged: by no comparison with others.
static void
test_a_repaired_worker_is_not_set_aside_by_its_first_failure (void **state)
{
    for (int others = 0; others < 2; others++) {
        case_t self = s_new ();
        bench_join (&self.bench, "w", 0);
        for (int i = 0; i < 5; i++)
            s_event (&self, (char [2]){(char) ('1' + i), 0});
        for (int i = 0; i < LIMIT_QUARANTINE_STREAK; i++) {
            assert_true (s_wait (&self, 1000) >= 0);
            s_end_assigned (&self, RUN_CLASS_AUTH, 0);
        }
        assert_true (s_worker (&self).quarantined);
        if (others) {
            bench_join (&self.bench, "x", 1);
            const step_fence_t fence = s_begin (&self, "x");
            s_end (&self, "x", &fence, RUN_CLASS_SUCCESS, 0);
            s_later (&self, 0);
        }
        step_in_t bye = bench_from ("w", STEP_IN_BYE);
        bench_step (&self.bench, &bye);
        bench_join (&self.bench, "w", 0);
        assert_true (s_wait (&self, 1000) >= 0);
        s_end_assigned (&self, RUN_CLASS_INVALID_OUTPUT, 0);
        assert_string_equal (s_worker (&self).why, "");
        assert_false (s_worker (&self).quarantined);
        step_destroy (&self.bench.step);
    }
}

static void
test_resume_ends_a_quarantine_or_says_what_is_missing (void **state)
{
    case_t self = s_new ();
    const char *text = "";
    bench_join (&self.bench, "w", 1);
    s_event (&self, "1");
    s_event (&self, "2");
    const step_fence_t fence = s_begin (&self, "w");
    s_end (&self, "w", &fence, RUN_CLASS_QUOTA, 0);
    s_later (&self, 0);
    s_free (&self, "w", 1);
    assert_null (bench_schedule (&self.bench));
    assert_int_equal (bench_command (&self.bench, STEP_COMMAND_RESUME, NULL, NULL, "w", &text), 0);
    assert_string_equal (text, "gets work again");
    assert_false (s_worker (&self).quarantined);
    assert_non_null (bench_schedule (&self.bench)); //  at once
    step_in_t in = bench_from ("w", STEP_IN_CREDIT);
    in.as.credit.number = ++self.credit;
    snprintf (in.as.credit.held, sizeof in.as.credit.held, "no key");
    bench_step (&self.bench, &in);
    assert_int_equal (bench_command (&self.bench, STEP_COMMAND_RESUME, NULL, NULL, "w", &text), 0);
    assert_non_null (strstr (text, "once it can run agents"));
    step_destroy (&self.bench.step);
}

static void
test_a_worker_that_says_why_gets_no_work (void **state)
{
    case_t self = s_new ();
    bench_join (&self.bench, "w", 1);
    step_in_t in = bench_from ("w", STEP_IN_CREDIT);
    in.as.credit.number = ++self.credit;
    in.as.credit.total = in.as.credit.free = 8; //  its text counts, whatever its slots
    snprintf (in.as.credit.held, sizeof in.as.credit.held, "claude is not on PATH");
    in.as.credit.class = RUN_CLASS_INFRA;
    bench_step (&self.bench, &in);
    s_event (&self, "1");
    assert_null (bench_schedule (&self.bench));
    const step_worker_t shown = s_worker (&self);
    assert_true (shown.held && !shown.ready && !shown.quarantined);
    assert_string_equal (shown.why, "claude is not on PATH");
    assert_int_equal (shown.class, RUN_CLASS_INFRA);
    step_stats_t stats;
    step_stats (self.bench.step, self.bench.now, &stats);
    assert_int_equal (stats.workers_held, 1);
    assert_int_equal (stats.workers_ready, 0);
    s_free (&self, "w", 1);
    assert_non_null (bench_schedule (&self.bench));
    step_destroy (&self.bench.step);
}

static void
test_after_give_back_for_it_ends_with_the_last_reason (void **state)
{
    static const run_class_t classes [] = {RUN_CLASS_OVERLOADED, RUN_CLASS_AUTH};
    for (size_t i = 0; i < 2; i++) {
        case_t self = s_new ();
        self.bench.settings.give_back_ms = 100000;
        self.bench.settings.agent_attempts = 10;
        bench_configure (&self.bench);
        bench_join (&self.bench, "w", 0);
        s_event (&self, "1");
        s_give_back (&self, RUN_CLASS_PROVIDER, 0);
        const int64_t since = self.bench.now.boot_ms;
        int runs = 1;
        while (self.row.state != INCIDENT_AGENT_FAILED) {
            assert_true (self.bench.now.boot_ms <= since + 100000);
            s_free (&self, "w", 1);
            if (bench_schedule (&self.bench)) {
                s_end_assigned (&self, classes [i], 0);
                runs++;
            }
            s_later (&self, 1000);
        }
        assert_in_range (runs, 2, 8);
        assert_int_equal (self.row.charged, 0);
        assert_int_equal (self.row.given_back, runs);
        assert_string_equal (self.row.reason, i ? "as auth" : "as overloaded");
        assert_int_equal (self.breaker.failures, 1); //  once, not at each run, not again at the end
        step_destroy (&self.bench.step);
    }
}

static void
test_with_give_back_for_0_the_first_such_run_ends_it (void **state)
{
    case_t self = s_new ();
    self.bench.settings.give_back_ms = 0;
    bench_configure (&self.bench);
    bench_join (&self.bench, "w", 0);
    s_event (&self, "1");
    s_give_back (&self, RUN_CLASS_OVERLOADED, 0);
    assert_int_equal (self.row.state, INCIDENT_AGENT_FAILED);
    step_destroy (&self.bench.step);
}

static void
test_three_overloaded_incidents_open_the_breaker (void **state)
{
    case_t self = s_new ();
    bench_join (&self.bench, "w", 0);
    for (int i = 0; i < 3; i++) {
        assert_false (self.breaker.open);
        s_event (&self, (char [2]){(char) ('1' + i), 0});
        s_give_back (&self, RUN_CLASS_OVERLOADED, 90000);
    }
    assert_true (self.breaker.open);
    assert_int_equal (self.breaker.failures, 3);
    assert_string_equal (self.breaker.reasons [0], "as overloaded");
    step_stats_t stats;
    step_stats (self.bench.step, self.bench.now, &stats);
    assert_int_equal (stats.given_back, 3);
    assert_int_equal (stats.given_back_total, 3);
    assert_int_equal (stats.classes_total [RUN_CLASS_OVERLOADED], 3);
    step_destroy (&self.bench.step);
}

static void
test_a_restart_forgets_neither_the_wait_nor_the_count (void **state)
{
    case_t self = s_new ();
    bench_join (&self.bench, "w", 0);
    s_event (&self, "1");
    s_give_back (&self, RUN_CLASS_RATE_LIMITED, 600000);
    assert_true (self.row.counted);
    assert_int_equal (self.row.given_back_ms, self.bench.now.wall_ms);
    case_t again = s_new ();
    again.bench.settings.reconnect_grace_ms = 1;
    bench_configure (&again.bench);
    again.bench.now = self.bench.now;
    step_reload (again.bench.step);
    assert_int_equal (step_load_incident (again.bench.step, &self.row), 0);
    assert_int_equal (step_load_breaker (again.bench.step, &self.breaker), 0);
    step_loaded (again.bench.step, 9, 9, 9, again.bench.now);
    step_begin (again.bench.step, again.bench.now);
    again.row = self.row;
    again.breaker = self.breaker;
    bench_join (&again.bench, "w", 0);
    assert_int_equal (s_wait (&again, 1000), 600000);
    const step_fence_t fence = bench_last (&again.bench, STEP_OUT_ASSIGN)->as.assign.fence;
    bench_say (&again.bench, "w", STEP_IN_ACCEPT, &fence);
    s_end (&again, "w", &fence, RUN_CLASS_TIMEOUT, 0);
    s_later (&again, 0);
    assert_int_equal (again.row.state, INCIDENT_AGENT_FAILED);
    assert_int_equal (again.breaker.failures, 1);
    step_destroy (&self.bench.step);
    step_destroy (&again.bench.step);
}

//  Its attempts in memory are bounded, and it does not end as a dead letter.
static void
test_it_may_be_given_back_more_often_than_attempts_are_kept (void **state)
{
    case_t self = s_new ();
    bench_join (&self.bench, "w", 0);
    s_event (&self, "1");
    for (int i = 0; i < LIMIT_ATTEMPTS + 8; i++) {
        assert_true (s_wait (&self, 1000) >= 0);
        s_end_assigned (&self, RUN_CLASS_OVERLOADED, 1000);
    }
    assert_int_equal (self.row.state, INCIDENT_PENDING);
    assert_int_equal (self.row.given_back, LIMIT_ATTEMPTS + 8);
    step_destroy (&self.bench.step);
}

static void
test_a_partial_report_is_charged_and_decides (void **state)
{
    case_t self = s_new ();
    self.bench.settings.agent_attempts = 2;
    self.bench.settings.slack = true;
    bench_configure (&self.bench);
    bench_join (&self.bench, "w", 1);
    s_event (&self, "1");
    step_fence_t fence = s_begin (&self, "w");
    s_end (&self, "w", &fence, RUN_CLASS_PARTIAL, 0);
    fence = s_begin (&self, "w"); //  its second attempt
    s_later (&self, 0);
    assert_int_equal (self.row.charged, 1);
    assert_int_equal (self.row.partial, 1);
    assert_int_equal (self.breaker.failures, 1);
    s_end (&self, "w", &fence, RUN_CLASS_INVALID_OUTPUT, 0);
    size_t count;
    const step_write_t *writes = step_writes (self.bench.step, &count);
    for (size_t i = 0; i < count; i++) //  its files are saved, nobody gets a message
        assert_true (writes [i].kind != STEP_WRITE_EFFECT
                     || writes [i].as.effect.channel == ROW_CHANNEL_STORAGE);
    s_later (&self, 0);
    assert_int_equal (self.row.state, INCIDENT_AGENT_FAILED);
    assert_int_equal (self.row.partial, 1);
    assert_int_equal (self.row.exit_code, RUN_CLASS_PARTIAL);
    assert_string_equal (self.row.reason, "as partial");
    step_destroy (&self.bench.step);
}

static void
test_a_partial_report_that_is_not_stored_is_asked_for_again (void **state)
{
    bench_t bench = bench_new ();
    const step_fence_t fence = bench_running (&bench);
    step_in_t in = bench_from ("w", STEP_IN_VERDICT);
    in.as.verdict.fence = fence;
    in.as.verdict.outcome = VERDICT_AGENT;
    in.as.verdict.class = RUN_CLASS_PARTIAL;
    in.as.verdict.stored = STEP_MISSING;
    bench_step (&bench, &in);
    assert_int_equal (bench_last (&bench, STEP_OUT_VERDICT_ACK)->as.verdict_ack.disposition,
                      STEP_FILES_MISSING);
    step_destroy (&bench.step);
}

//  A worker in quarantine would fail the probe for a reason of its own.
static void
test_a_probe_of_the_breaker_goes_to_a_good_worker (void **state)
{
    case_t self = s_new ();
    self.bench.settings.breaker_pause = true;
    self.bench.settings.failure_threshold = 1;
    bench_configure (&self.bench);
    bench_join (&self.bench, "w", 1);
    s_event (&self, "1");
    s_event (&self, "2");
    const step_fence_t fence = s_begin (&self, "w");
    s_end (&self, "w", &fence, RUN_CLASS_AUTH, 0);
    s_later (&self, LIMIT_QUARANTINE_MIN_MS * 10);
    s_free (&self, "w", 8);
    bench_join (&self.bench, "x", 0); //  it is busy: the probe waits for it
    assert_null (bench_schedule (&self.bench));
    s_later (&self, 0);
    s_free (&self, "x", 1);
    assert_int_equal (s_begin (&self, "x").attempt, 2);
    assert_int_equal (bench_count (&self.bench, STEP_OUT_ASSIGN), 1);
    step_destroy (&self.bench.step);
}

static void
test_an_operators_retry_starts_anew (void **state)
{
    case_t self = s_new ();
    self.bench.settings.give_back_ms = 0;
    bench_configure (&self.bench);
    bench_join (&self.bench, "w", 0);
    s_event (&self, "1");
    s_give_back (&self, RUN_CLASS_OVERLOADED, 0);
    const char *text;
    const row_incident_t ended = self.row;
    assert_int_equal (bench_command (&self.bench, STEP_COMMAND_RETRY, &ended, NULL, "", &text), 0);
    s_later (&self, 0);
    assert_false (self.row.counted);
    assert_int_equal (self.row.given_back + self.row.given_back_ms, 0);
    s_give_back (&self, RUN_CLASS_OVERLOADED, 0);
    assert_int_equal (self.breaker.failures, 2);
    step_destroy (&self.bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_an_incident_waits_for_its_provider_and_pays_nothing),
        cmocka_unit_test (test_the_wait_for_a_provider_that_fails_doubles),
        cmocka_unit_test (test_a_key_that_fails_holds_its_worker_and_another_one_runs_it_at_once),
        cmocka_unit_test (test_without_another_worker_the_probes_of_a_held_one_open_the_breaker),
        cmocka_unit_test (test_a_hold_ends_when_the_agent_works_or_its_worker_starts_anew),
        cmocka_unit_test (
            test_a_held_worker_that_is_probed_with_another_failure_stays_held_for_its_key),
        cmocka_unit_test (test_a_repaired_worker_is_not_set_aside_by_its_first_failure),
        cmocka_unit_test (test_resume_ends_a_quarantine_or_says_what_is_missing),
        cmocka_unit_test (test_a_worker_that_says_why_gets_no_work),
        cmocka_unit_test (test_after_give_back_for_it_ends_with_the_last_reason),
        cmocka_unit_test (test_with_give_back_for_0_the_first_such_run_ends_it),
        cmocka_unit_test (test_three_overloaded_incidents_open_the_breaker),
        cmocka_unit_test (test_a_restart_forgets_neither_the_wait_nor_the_count),
        cmocka_unit_test (test_it_may_be_given_back_more_often_than_attempts_are_kept),
        cmocka_unit_test (test_a_partial_report_is_charged_and_decides),
        cmocka_unit_test (test_a_partial_report_that_is_not_stored_is_asked_for_again),
        cmocka_unit_test (test_a_probe_of_the_breaker_goes_to_a_good_worker),
        cmocka_unit_test (test_an_operators_retry_starts_anew),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
