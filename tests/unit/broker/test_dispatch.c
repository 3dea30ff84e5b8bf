//  Who gets what: credit, silence, quarantine, other hosts.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core_bench.h"

static void
test_no_more_is_assigned_than_was_credited (void **state)
{
    bench_t bench = bench_new ();
    for (int i = 0; i < 5; i++) {
        char key [8];
        snprintf (key, sizeof key, "%d", i);
        (void) bench_event (&bench, "a", key, FAULT_INFO);
    }
    bench_join (&bench, "w", 2);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_count (&bench, STEP_OUT_ASSIGN), 2);
    step_destroy (&bench.step);
}

static void
test_a_credit_sent_before_the_assignment_arrived_does_not_free_its_slot (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_event (&bench, "a", "1", FAULT_INFO);
    (void) bench_event (&bench, "a", "2", FAULT_INFO);
    bench_join (&bench, "w", 1);
    step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    bench_later (&bench, 10);
    bench_credit (&bench, "w", 2, 1); //  crossed with the ASSIGN on the wire
    assert_null (bench_schedule (&bench));
    bench_say (&bench, "w", STEP_IN_ACCEPT, &fence);
    bench_credit (&bench, "w", 3, 1); //  this one knows of it
    assert_non_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

//  Admitted and assigned in one turn: the incident's row is written as it is at the end.
static void
test_a_row_that_changes_twice_in_a_turn_is_written_once (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 1);
    (void) bench_schedule (&bench);
    bench_later (&bench, 1);
    (void) bench_event (&bench, "a", "1", FAULT_INFO);
    assert_non_null (bench_schedule (&bench));
    size_t count = 0, incidents = 0, records = 0;
    const step_write_t *writes = step_writes (bench.step, &count);
    for (size_t i = 0; i < count; i++) {
        records += writes [i].kind == STEP_WRITE_RECORD;
        if (writes [i].kind != STEP_WRITE_INCIDENT)
            continue;
        incidents++;
        assert_int_equal (writes [i].as.incident.state, INCIDENT_INVESTIGATING);
        assert_int_equal (writes [i].as.incident.attempts, 1);
    }
    assert_int_equal (incidents, 1);
    assert_int_equal (records, 3); //  pending, investigating, assigned
    step_destroy (&bench.step);
}

static void
test_an_older_credit_is_ignored (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_event (&bench, "a", "1", FAULT_INFO);
    bench_join (&bench, "w", 0);
    bench_credit (&bench, "w", 5, 0);
    bench_credit (&bench, "w", 4, 3);
    assert_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

static void
test_a_worker_silent_for_three_pings_gets_nothing (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 1);
    (void) bench_schedule (&bench);
    bench_later (&bench, 3 * LIMIT_PING_MS + 1);
    (void) bench_event (&bench, "a", "1", FAULT_INFO);
    assert_null (bench_schedule (&bench));
    bench_ping (&bench, "w");
    assert_non_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

static void
test_a_drained_worker_gets_nothing_until_it_is_resumed (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 1);
    (void) bench_event (&bench, "a", "1", FAULT_INFO);
    step_in_t in = bench_from ("-", STEP_IN_COMMAND);
    in.as.command.command = STEP_COMMAND_DRAIN;
    snprintf (in.as.command.worker, ROW_NAME, "w");
    bench_step (&bench, &in);
    assert_null (bench_schedule (&bench));
    in.as.command.command = STEP_COMMAND_RESUME;
    bench_step (&bench, &in);
    assert_non_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

static void
test_a_host_failure_is_free_and_goes_to_another_worker (void **state)
{
    bench_t bench = bench_new ();
    ident_t incident = bench_event (&bench, "a", "1", FAULT_INFO);
    bench_join (&bench, "bad", 8);
    step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    bench_join (&bench, "good", 1);
    bench_release (&bench, "bad", &fence, STEP_RELEASE_HOST);
    const step_out_t *out = bench_schedule (&bench);
    assert_non_null (out);
    assert_string_equal (out->peer.identity, "worker:good");
    assert_int_equal (bench_row (&bench, incident.text)->charged, 0);
    step_destroy (&bench.step);
}

static void
test_an_incident_that_no_host_can_run_ends_after_the_grace (void **state)
{
    bench_t bench = bench_new ();
    ident_t incident = bench_event (&bench, "a", "1", FAULT_INFO);
    bench_join (&bench, "bad", 8);
    step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    bench_release (&bench, "bad", &fence, STEP_RELEASE_HOST);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_row (&bench, incident.text)->state, INCIDENT_PENDING);
    for (int64_t waited = 0; waited < bench.settings.reconnect_grace_ms; waited += 5000) {
        bench_later (&bench, 5000);
        bench_ping (&bench, "bad");
        (void) bench_schedule (&bench);
    }
    const row_incident_t *row = bench_row (&bench, incident.text);
    assert_non_null (row);
    assert_int_equal (row->state, INCIDENT_AGENT_FAILED);
    assert_string_equal (row->reason, "agent execution error: no sandbox");
    step_destroy (&bench.step);
}

static void
test_a_host_that_fails_three_times_is_quarantined_and_probed_singly (void **state)
{
    bench_t bench = bench_new ();
    for (int i = 0; i < 8; i++) {
        char key [8];
        snprintf (key, sizeof key, "%d", i);
        (void) bench_event (&bench, "a", key, FAULT_INFO);
    }
    bench_join (&bench, "bad", 8);
    for (int i = 0; i < LIMIT_QUARANTINE_STREAK; i++) {
        bench_later (&bench, 1);
        bench_credit (&bench, "bad", i + 2, 1);
        step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
        bench_release (&bench, "bad", &fence, STEP_RELEASE_HOST);
    }
    bench_later (&bench, 1);
    bench_credit (&bench, "bad", 9, 8);
    assert_null (bench_schedule (&bench));
    bench_later (&bench, LIMIT_QUARANTINE_MIN_MS);
    bench_ping (&bench, "bad");
    (void) bench_schedule (&bench);
    assert_int_equal (bench_count (&bench, STEP_OUT_ASSIGN), 1);
    //  The probe succeeds: everything is as before.
    step_fence_t probe = bench_last (&bench, STEP_OUT_ASSIGN)->as.assign.fence;
    (void) bench_verdict (&bench, "bad", &probe, VERDICT_SUCCESS);
    bench_later (&bench, 1);
    bench_credit (&bench, "bad", 10, 3);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_count (&bench, STEP_OUT_ASSIGN), 3);
    step_destroy (&bench.step);
}

static void
test_a_worker_is_not_quarantined_for_what_fails_everywhere (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 0);
    for (int i = 0; i < 6; i++) {
        char key [8];
        snprintf (key, sizeof key, "%d", i);
        (void) bench_event (&bench, "a", key, FAULT_INFO);
        bench_later (&bench, 1);
        bench_credit (&bench, "w", i + 2, 1);
        step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
        (void) bench_verdict (&bench, "w", &fence, VERDICT_AGENT);
    }
    step_stats_t stats;
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.workers_quarantined, 0);
    step_destroy (&bench.step);
}

static void
test_nothing_is_assigned_while_the_broker_drains (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_event (&bench, "a", "1", FAULT_INFO);
    bench_join (&bench, "w", 1);
    step_drain (bench.step);
    assert_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

//  The worker tells its one failure again and again, until a turn with it is committed.
static void
test_a_failure_counts_once_however_often_its_turn_is_rolled_back (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_event (&bench, "c", "1", FAULT_WARNING);
    bench_join (&bench, "w", 1);
    step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    const row_incident_t incident = *bench_row (&bench, NULL);
    row_attempt_t attempt = {.incident = fence.incident,
                             .number = fence.attempt,
                             .identity = "worker:w",
                             .deadline_ms = bench.now.wall_ms + 60000};
    step_worker_t worker;
    for (int i = 0; i < 2 * LIMIT_QUARANTINE_STREAK; i++) {
        bench_later (&bench, 1);
        assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_HOST), STEP_COMMITTED);
        step_reload (bench.step);
        assert_int_equal (step_load_incident (bench.step, &incident), 0);
        assert_int_equal (step_load_attempt (bench.step, &attempt), 0);
        step_loaded (bench.step, 1, 0, 10, bench.now);
        assert_int_equal (step_workers (bench.step, bench.now, &worker, 1), 1);
        assert_int_equal (worker.streak, 0);
    }
    bench_later (&bench, 1);
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_HOST), STEP_COMMITTED);
    assert_int_equal (step_workers (bench.step, bench.now, &worker, 1), 1);
    assert_int_equal (worker.streak, 1);
    assert_false (worker.quarantined);
    step_destroy (&bench.step);
}

//  Lost once on "a", which is the only one with room.
static void
test_a_lost_attempt_waits_a_moment_for_another_host (void **state)
{
    bench_t bench = bench_new ();
    ident_t incident = bench_event (&bench, "c", "1", FAULT_WARNING);
    bench_join (&bench, "a", 8);
    step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    bench_join (&bench, "b", 0);
    bench_later (&bench, LIMIT_ACCEPT_MS); //  never accepted
    bench_credit (&bench, "a", 2, 8);
    bench_ping (&bench, "b");
    assert_null (bench_schedule (&bench));
    bench_later (&bench, LIMIT_PREFER_MS - 1);
    bench_credit (&bench, "b", 2, 1);
    const step_out_t *out = bench_schedule (&bench);
    assert_non_null (out);
    assert_string_equal (out->peer.identity, "worker:b");
    assert_string_equal (out->as.assign.fence.incident.text, incident.text);
    assert_int_equal (out->as.assign.fence.attempt, fence.attempt + 1);
    bench_later (&bench, LIMIT_ACCEPT_MS); //  not by "b" either, and now "b" is full
    bench_credit (&bench, "a", 3, 8);
    bench_credit (&bench, "b", 3, 0);
    assert_null (bench_schedule (&bench));
    bench_later (&bench, LIMIT_RELEASE_BACKOFF_MIN_MS);
    out = bench_schedule (&bench);
    assert_non_null (out);
    assert_string_equal (out->peer.identity, "worker:a");
    step_destroy (&bench.step);
}

static void
test_a_large_fleet_is_served_in_more_than_one_turn (void **state)
{
    bench_t bench = bench_new ();
    int free = 0;
    for (int i = 0; free < LIMIT_TURN_ASSIGNS + 8; i++, free += 8) {
        char worker [16];
        snprintf (worker, sizeof worker, "w%d", i);
        bench_join (&bench, worker, 8);
    }
    for (int i = 0; i < free; i++) {
        char key [16];
        snprintf (key, sizeof key, "%d", i);
        (void) bench_event (&bench, "c", key, FAULT_WARNING);
    }
    (void) bench_schedule (&bench);
    assert_int_equal (bench_count (&bench, STEP_OUT_ASSIGN), LIMIT_TURN_ASSIGNS);
    assert_int_equal (step_wake (bench.step), bench.now.boot_ms);
    bench_later (&bench, 0);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_count (&bench, STEP_OUT_ASSIGN), free - LIMIT_TURN_ASSIGNS);
    assert_true (step_wake (bench.step) > bench.now.boot_ms);
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_no_more_is_assigned_than_was_credited),
        cmocka_unit_test (test_a_credit_sent_before_the_assignment_arrived_does_not_free_its_slot),
        cmocka_unit_test (test_a_row_that_changes_twice_in_a_turn_is_written_once),
        cmocka_unit_test (test_an_older_credit_is_ignored),
        cmocka_unit_test (test_a_worker_silent_for_three_pings_gets_nothing),
        cmocka_unit_test (test_a_drained_worker_gets_nothing_until_it_is_resumed),
        cmocka_unit_test (test_a_host_failure_is_free_and_goes_to_another_worker),
        cmocka_unit_test (test_an_incident_that_no_host_can_run_ends_after_the_grace),
        cmocka_unit_test (test_a_host_that_fails_three_times_is_quarantined_and_probed_singly),
        cmocka_unit_test (test_a_worker_is_not_quarantined_for_what_fails_everywhere),
        cmocka_unit_test (test_nothing_is_assigned_while_the_broker_drains),
        cmocka_unit_test (test_a_failure_counts_once_however_often_its_turn_is_rolled_back),
        cmocka_unit_test (test_a_lost_attempt_waits_a_moment_for_another_host),
        cmocka_unit_test (test_a_large_fleet_is_served_in_more_than_one_turn),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
