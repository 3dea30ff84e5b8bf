//  The broker's promises for one incident: dedup, leases, verdicts, restarts.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

static step_event_t
s_event (bench_t *bench, const char *key)
{
    fault_t fault = bench_fault ("a", key, FAULT_WARNING);
    return bench_fault_event (bench, &fault)->as.ack.disposition;
}

//  Turns of a second with pings of w, so that only the lease expires.
static void
s_wait (bench_t *bench, int64_t ms)
{
    while (ms > 0) {
        int64_t part = ms < 5000 ? ms : 5000;
        bench_later (bench, part);
        bench_ping (bench, "w");
        (void) bench_schedule (bench);
        ms -= part;
    }
}

static int
s_command_incident (bench_t *bench, step_command_t command, const row_incident_t *incident)
{
    const char *text = NULL;
    return bench_command (bench, command, incident, NULL, "", &text);
}

static int
s_command_worker (bench_t *bench, step_command_t command, const char *worker)
{
    const char *text = NULL;
    return bench_command (bench, command, NULL, NULL, worker, &text);
}

static void
test_a_known_event_id_is_acknowledged_and_writes_nothing (void **state)
{
    bench_t bench = bench_new ();
    ident_t incident = bench_event (&bench, "a", "1", FAULT_INFO);
    bench_later (&bench, 1);
    fault_t fault = bench_fault ("a", "1", FAULT_INFO);
    step_in_t in = bench_from ("-", STEP_IN_EVENT);
    in.as.event.fault = &fault;
    in.as.event.row.incident = incident;
    bench_step (&bench, &in);
    assert_int_equal (bench_last (&bench, STEP_OUT_EVENT_ACK)->as.ack.disposition,
                      STEP_EVENT_REPEAT);
    size_t writes;
    (void) step_writes (bench.step, &writes);
    assert_int_equal (writes, 0);
    step_cluster_t cluster;
    assert_int_equal (step_clusters (bench.step, &cluster, 1), 1);
    assert_int_equal (cluster.events [FAULT_INFO], 1); //  a repeat does not count as received
    step_destroy (&bench.step);
}

static void
test_a_repeating_condition_counts_up_while_open_and_in_its_window (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    assert_int_equal (s_event (&bench, "1"), STEP_EVENT_COUNTED);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    bench_later (&bench, bench.settings.dedup_window_ms - 1);
    assert_int_equal (s_event (&bench, "1"), STEP_EVENT_COUNTED);
    assert_int_equal (bench_row (&bench, NULL)->occurrences, 3);
    bench_later (&bench, bench.settings.dedup_window_ms + 1);
    assert_int_equal (s_event (&bench, "1"), STEP_EVENT_NEW);
    step_destroy (&bench.step);
}

static void
test_without_a_window_only_open_incidents_count_up (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.dedup_window_ms = 0;
    bench_configure (&bench);
    step_fence_t fence = bench_running (&bench);
    assert_int_equal (s_event (&bench, "1"), STEP_EVENT_COUNTED);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    assert_int_equal (s_event (&bench, "1"), STEP_EVENT_NEW);
    step_destroy (&bench.step);
}

static void
test_a_condition_older_than_its_report_gets_a_linked_incident (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.reinvestigate_after_ms = 2 * bench.settings.dedup_window_ms;
    bench_configure (&bench);
    step_fence_t fence = bench_running (&bench);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    for (int i = 0; i < 3; i++) {
        bench_later (&bench, bench.settings.dedup_window_ms / 2);
        assert_int_equal (s_event (&bench, "1"), STEP_EVENT_COUNTED);
    }
    bench_later (&bench, bench.settings.dedup_window_ms / 2);
    assert_int_equal (s_event (&bench, "1"), STEP_EVENT_NEW);
    assert_string_equal (bench_row (&bench, NULL)->linked.text, fence.incident.text);
    step_destroy (&bench.step);
}

static void
test_below_the_threshold_is_recorded_and_not_investigated (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.severity_threshold = FAULT_CRITICAL;
    bench_configure (&bench);
    assert_int_equal (s_event (&bench, "1"), STEP_EVENT_SUPPRESSED);
    assert_int_equal (bench_row (&bench, NULL)->suppress, INCIDENT_SUPPRESS_BELOW_SEVERITY);
    bench_join (&bench, "w", 1);
    assert_null (bench_schedule (&bench));
    //  The same condition, now critical: investigated, and linked to the record.
    fault_t fault = bench_fault ("a", "1", FAULT_CRITICAL);
    assert_int_equal (bench_fault_event (&bench, &fault)->as.ack.disposition, STEP_EVENT_NEW);
    step_destroy (&bench.step);
}

static void
test_success_resolves_with_one_effect_in_the_same_turn (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    bench_later (&bench, 1);
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_DUPLICATE);
    size_t count, effects = 0;
    const step_write_t *writes = step_writes (bench.step, &count);
    for (size_t i = 0; i < count; i++)
        effects += writes [i].kind == STEP_WRITE_EFFECT;
    assert_int_equal (effects, 1);
    assert_int_equal (bench_row (&bench, NULL)->state, INCIDENT_REPORTED);
    step_destroy (&bench.step);
}

static void
test_a_success_without_its_files_changes_nothing (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    bench_later (&bench, 1);
    step_in_t in = bench_from ("w", STEP_IN_VERDICT);
    in.as.verdict.fence = fence;
    in.as.verdict.stored = STEP_MISSING;
    bench_step (&bench, &in);
    assert_int_equal (bench_last (&bench, STEP_OUT_VERDICT_ACK)->as.verdict_ack.disposition,
                      STEP_FILES_MISSING);
    size_t writes;
    (void) step_writes (bench.step, &writes);
    assert_int_equal (writes, 0);
    step_destroy (&bench.step);
}

static void
test_agent_failures_are_tried_again_up_to_their_number (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.agent_attempts = 2;
    bench_configure (&bench);
    step_fence_t fence = bench_running (&bench);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_AGENT);
    assert_int_equal (bench_row (&bench, NULL)->state, INCIDENT_PENDING);
    bench_credit (&bench, "w", 2, 1);
    fence = bench_schedule (&bench)->as.assign.fence;
    assert_int_equal (fence.attempt, 2);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_AGENT);
    const row_incident_t *row = bench_row (&bench, NULL);
    assert_int_equal (row->state, INCIDENT_AGENT_FAILED);
    assert_string_equal (row->reason, "investigation.md file not found");
    step_destroy (&bench.step);
}

static void
test_an_assignment_not_accepted_is_taken_back_free_of_charge (void **state)
{
    bench_t bench = bench_new ();
    ident_t incident = bench_event (&bench, "a", "1", FAULT_WARNING);
    bench_join (&bench, "w", 1);
    step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    bench_later (&bench, LIMIT_ACCEPT_MS);
    bench_ping (&bench, "w");
    step_schedule (bench.step, bench.now);
    const row_incident_t *row = bench_row (&bench, incident.text);
    assert_non_null (row);
    assert_int_equal (row->lost, 0);
    //  It had arrived nevertheless: its report still wins.
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_LATE_WIN);
    step_destroy (&bench.step);
}

//  The lease of w expires and v takes over; returns both fences.
static void
s_superseded (bench_t *bench, step_fence_t *ret_old, step_fence_t *ret_new)
{
    *ret_old = bench_running (bench);
    bench_credit (bench, "w", 2, 0); //  its slot is taken
    s_wait (bench, bench->settings.lease_ttl_ms);
    bench_join (bench, "v", 1);
    const step_out_t *out = bench_schedule (bench);
    assert_non_null (out);
    assert_string_equal (out->peer.identity, "worker:v");
    *ret_new = out->as.assign.fence;
}

static void
test_a_late_good_report_wins_and_the_newer_attempt_is_cancelled (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t old, new;
    s_superseded (&bench, &old, &new);
    assert_int_equal (bench_verdict (&bench, "w", &old, VERDICT_SUCCESS), STEP_LATE_WIN);
    const step_out_t *cancel = bench_last (&bench, STEP_OUT_CANCEL);
    assert_string_equal (cancel->peer.identity, "worker:v");
    assert_int_equal (cancel->as.cancel.fence.attempt, new.attempt);
    assert_int_equal (bench_row (&bench, NULL)->winner, old.attempt);
    assert_int_equal (bench_verdict (&bench, "v", &new, VERDICT_SUCCESS), STEP_STALE);
    step_destroy (&bench.step);
}

static void
test_a_late_failure_changes_nothing (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t old, new;
    s_superseded (&bench, &old, &new);
    assert_int_equal (bench_verdict (&bench, "w", &old, VERDICT_AGENT), STEP_STALE);
    assert_int_equal (bench_verdict (&bench, "v", &new, VERDICT_SUCCESS), STEP_COMMITTED);
    assert_int_equal (bench_row (&bench, NULL)->charged, 0);
    step_destroy (&bench.step);
}

static void
test_a_failure_waits_for_the_attempt_that_can_still_report (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t old, new;
    s_superseded (&bench, &old, &new);
    assert_int_equal (bench_verdict (&bench, "v", &new, VERDICT_AGENT), STEP_COMMITTED);
    assert_int_equal (bench_row (&bench, NULL)->state, INCIDENT_PENDING);
    bench_credit (&bench, "v", 2, 1);
    s_wait (&bench, 10000);
    assert_null (bench_last (&bench, STEP_OUT_ASSIGN));
    assert_int_equal (bench_verdict (&bench, "w", &old, VERDICT_AGENT), STEP_STALE);
    (void) bench_schedule (&bench);
    assert_int_equal (bench_row (&bench, NULL)->state, INCIDENT_AGENT_FAILED);
    step_destroy (&bench.step);
}

static void
test_a_verdict_of_somebody_else_is_stale (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    bench_join (&bench, "thief", 0);
    assert_int_equal (bench_verdict (&bench, "thief", &fence, VERDICT_SUCCESS), STEP_STALE);
    fence.attempt = 7;
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_STALE);
    step_destroy (&bench.step);
}

static void
test_deliveries_that_get_lost_end_as_failed (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.max_deliveries = 1;
    bench_configure (&bench);
    step_fence_t fence = bench_running (&bench);
    s_wait (&bench, bench.settings.lease_ttl_ms);
    s_wait (&bench, bench.settings.reconnect_grace_ms);
    const row_incident_t *row = bench_row (&bench, fence.incident.text);
    assert_non_null (row);
    assert_int_equal (row->state, INCIDENT_FAILED);
    step_destroy (&bench.step);
}

//  Its worker renews it but never reports its end.
static void
test_an_attempt_that_is_renewed_for_ever_is_revoked_at_its_hard_deadline (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    bench_later (&bench, 0);
    const int64_t hard_ms =
        bench.settings.agent_timeout_ms + bench.settings.agent_grace_ms + LIMIT_REVOKE_SLACK_MS;
    for (int64_t left = hard_ms; left > 0; left -= LIMIT_PING_MS) {
        assert_null (bench_row (&bench, fence.incident.text));
        bench_later (&bench, LIMIT_PING_MS);
        bench_say (&bench, "w", STEP_IN_PROGRESS, &fence);
        assert_true (bench_last (&bench, STEP_OUT_LEASE)->as.lease.ms > 0);
        (void) bench_schedule (&bench);
    }
    assert_string_equal (bench_last (&bench, STEP_OUT_CANCEL)->as.cancel.reason, "deadline");
    assert_int_equal (bench_row (&bench, fence.incident.text)->lost, 1);
    bench_later (&bench, 1);
    bench_say (&bench, "w", STEP_IN_PROGRESS, &fence);
    assert_int_equal (bench_last (&bench, STEP_OUT_LEASE)->as.lease.ms, 0);
    step_destroy (&bench.step);
}

static void
test_progress_of_an_unknown_attempt_is_told_to_stop (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    bench_say (&bench, "w", STEP_IN_PROGRESS, &fence);
    assert_int_equal (bench_last (&bench, STEP_OUT_LEASE)->as.lease.ms,
                      bench.settings.lease_ttl_ms);
    fence.attempt = 9;
    bench_say (&bench, "w", STEP_IN_PROGRESS, &fence);
    assert_int_equal (bench_last (&bench, STEP_OUT_LEASE)->as.lease.ms, 0);
    step_destroy (&bench.step);
}

static void
test_a_new_session_supersedes_and_what_it_omits_is_lost_at_once (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    step_in_t in = bench_from ("w", STEP_IN_HELLO);
    in.peer.session = 2;
    in.as.hello.slots = 8;
    bench_step (&bench, &in);
    assert_int_equal (bench_row (&bench, fence.incident.text)->state, INCIDENT_PENDING);
    assert_int_equal (bench_row (&bench, fence.incident.text)->lost, 1);
    step_in_t old = bench_from ("w", STEP_IN_PING);
    assert_int_equal (step (bench.step, &old, bench.now), ERR_STALE);
    old = bench_from ("w", STEP_IN_HELLO); //  a late HELLO of the old session
    assert_int_equal (step (bench.step, &old, bench.now), ERR_STALE);
    step_destroy (&bench.step);
}

static void
test_a_hello_that_runs_it_keeps_it_and_strangers_are_revoked (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t running [2] = {bench_running (&bench), {{"x"}, 1}};
    bench_later (&bench, 1);
    step_in_t in = bench_from ("w", STEP_IN_HELLO);
    in.peer.session = 2;
    in.as.hello.slots = 8;
    in.as.hello.running = running;
    in.as.hello.running_count = 2;
    bench_step (&bench, &in);
    const step_out_t *welcome = bench_last (&bench, STEP_OUT_WELCOME);
    assert_int_equal (welcome->as.welcome.revoke_count, 1);
    assert_string_equal (welcome->as.welcome.revoke [0].incident.text, "x");
    assert_null (bench_row (&bench, NULL));
    step_destroy (&bench.step);
}

//  The rows of a turn, as a restarted broker finds them.
static void
s_restart (bench_t *bench)
{
    static row_incident_t incident;
    static row_attempt_t attempt;
    size_t count;
    const step_write_t *writes = step_writes (bench->step, &count);
    int64_t seq = 0;
    for (size_t i = 0; i < count; i++)
        if (writes [i].kind == STEP_WRITE_INCIDENT)
            incident = writes [i].as.incident;
        else if (writes [i].kind == STEP_WRITE_ATTEMPT)
            attempt = writes [i].as.attempt;
        else if (writes [i].kind == STEP_WRITE_RECORD)
            seq = writes [i].as.record.seq;
    step_destroy (&bench->step);
    bench->step = step_new (&bench->settings, 7);
    assert_int_equal (step_load_incident (bench->step, &incident), 0);
    assert_int_equal (step_load_attempt (bench->step, &attempt), 0);
    step_loaded (bench->step, 1, 0, seq, bench->now);
    step_begin (bench->step, bench->now);
}

static void
test_after_a_restart_the_grace_passes_before_an_attempt_is_lost (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    s_restart (&bench);
    step_schedule (bench.step, bench.now);
    assert_true (step_wake (bench.step) > bench.now.boot_ms);
    bench_later (&bench, bench.settings.reconnect_grace_ms - 1);
    step_schedule (bench.step, bench.now);
    assert_null (bench_row (&bench, NULL));
    bench_later (&bench, 1);
    step_schedule (bench.step, bench.now);
    assert_int_equal (bench_row (&bench, fence.incident.text)->lost, 1);
    step_destroy (&bench.step);
}

static void
test_after_a_restart_a_report_from_the_spool_is_committed (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    s_restart (&bench);
    step_in_t in = bench_from ("w", STEP_IN_HELLO);
    in.as.hello.slots = 8;
    in.as.hello.spooled = &fence;
    in.as.hello.spooled_count = 1;
    bench_step (&bench, &in);
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    step_destroy (&bench.step);
}

static void
test_a_clock_that_jumped_extends_leases_once (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_running (&bench);
    step_schedule (bench.step, bench.now);
    bench_later (&bench, 600000);
    step_schedule (bench.step, bench.now);
    assert_null (bench_row (&bench, NULL));
    const row_incident_t *row = NULL;
    for (int64_t waited = 0;
         !row && waited <= bench.settings.lease_ttl_ms + bench.settings.reconnect_grace_ms;
         waited += 1000) {
        bench_later (&bench, 1000);
        step_schedule (bench.step, bench.now);
        row = bench_row (&bench, NULL);
    }
    assert_non_null (row);
    assert_int_equal (row->lost, 1);
    step_destroy (&bench.step);
}

//  The attempt as this turn wrote it.
static const row_attempt_t *
s_attempt_row (const bench_t *bench)
{
    size_t count = 0;
    const step_write_t *writes = step_writes (bench->step, &count);
    while (count-- > 0)
        if (writes [count].kind == STEP_WRITE_ATTEMPT)
            return &writes [count].as.attempt;
    fail_msg ("no attempt was written");
    return NULL;
}

static void
test_a_cancelled_incident_stops_its_worker_and_takes_no_report (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    row_incident_t row = *bench_row (&bench, NULL);
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_CANCEL, &row), 0);
    assert_int_equal (bench_row (&bench, NULL)->state, INCIDENT_CANCELLED);
    assert_non_null (bench_last (&bench, STEP_OUT_CANCEL));
    //  it does not count as a lost delivery
    assert_int_equal (s_attempt_row (&bench)->outcome, VERDICT_CANCELLED);
    assert_string_equal (s_attempt_row (&bench)->reason, "cancelled by an operator");
    step_stats_t stats;
    step_stats (bench.step, bench.now, &stats);
    assert_int_equal (stats.outcomes_total [VERDICT_CANCELLED], 1);
    assert_int_equal (stats.outcomes_total [VERDICT_LOST], 0);
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_STALE);
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_CANCEL, &row), ERR_STALE);
    step_destroy (&bench.step);
}

static void
test_a_retry_starts_with_a_clean_slate_also_after_a_reload (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_event (&bench, "a", "1", FAULT_WARNING);
    row_incident_t row = *bench_row (&bench, NULL);
    bench_join (&bench, "w", 1);
    step_fence_t fence = bench_schedule (&bench)->as.assign.fence;
    bench_release (&bench, "w", &fence, STEP_RELEASE_HOST);
    bench_later (&bench, bench.settings.reconnect_grace_ms + 1);
    bench_ping (&bench, "w");
    (void) bench_schedule (&bench);
    row_attempt_t failed = {.incident = row.id,
                            .number = 1,
                            .state = ROW_ATTEMPT_ENDED,
                            .outcome = VERDICT_HOST,
                            .identity = "worker:w"};
    assert_int_equal (bench_row (&bench, NULL)->state, INCIDENT_AGENT_FAILED);
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_RETRY, &row), 0);
    row = *bench_row (&bench, NULL);
    assert_int_equal (row.state, INCIDENT_PENDING);
    assert_int_equal (row.forgiven, 1);

    step_reload (bench.step);
    assert_int_equal (step_load_incident (bench.step, &row), 0);
    assert_int_equal (step_load_attempt (bench.step, &failed), 0);
    step_loaded (bench.step, 1, 1, 9, bench.now);
    bench_later (&bench, LIMIT_QUARANTINE_MIN_MS);
    bench_credit (&bench, "w", 2, 1);
    const step_out_t *again = bench_schedule (&bench);
    assert_non_null (again); //  the host that failed is assigned it again
    assert_int_equal (again->as.assign.fence.attempt, 2);
    step_destroy (&bench.step);
}

static void
test_an_incident_of_long_ago_is_retried_from_its_row (void **state)
{
    bench_t bench = bench_new ();
    row_incident_t row = {.number = 1, .state = INCIDENT_FAILED, .attempts = 3, .lost = 3};
    row.id = ident_new (1);
    row.fault = bench_fault ("a", "1", FAULT_WARNING);
    row.created_ms = row.last_seen_ms = bench.now.wall_ms - INT64_C (30) * 24 * 3600 * 1000;
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_RETRY, NULL), ERR_NONE);
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_CANCEL, &row), ERR_STALE);
    //  A refused command leaves no incident that the same fault could be counted on.
    assert_int_equal (s_event (&bench, "1"), STEP_EVENT_NEW);
    const char *text = NULL;
    assert_int_equal (bench_command (&bench, STEP_COMMAND_RETRY, &row, NULL, "", &text), ERR_STALE);
    assert_string_equal (text, "a newer incident of the same fault is open");

    row.fault = bench_fault ("a", "2", FAULT_WARNING);
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_RETRY, &row), 0);
    assert_int_equal (bench_row (&bench, row.id.text)->state, INCIDENT_PENDING);
    assert_int_equal (bench_row (&bench, row.id.text)->lost, 0);
    bench_later (&bench, 120000);
    bench_join (&bench, "w", 2);
    step_schedule (bench.step, bench.now);
    assert_int_equal (bench_count (&bench, STEP_OUT_ASSIGN), 2);
    step_destroy (&bench.step);
}

static void
test_a_report_is_never_retried (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    (void) bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS);
    row_incident_t row = *bench_row (&bench, NULL);
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_RETRY, &row), ERR_STALE);
    step_destroy (&bench.step);
}

static void
test_a_full_queue_refuses_a_retry (void **state)
{
    bench_t bench = bench_new ();
    bench.settings.cluster_queue_size = 1;
    bench_configure (&bench);
    (void) bench_event (&bench, "a", "1", FAULT_WARNING);
    (void) bench_event (&bench, "a", "2", FAULT_CRITICAL); //  the first one is dropped
    row_incident_t row = {.number = 9, .state = INCIDENT_SUPPRESSED};
    row.id = ident_new (1);
    row.suppress = INCIDENT_SUPPRESS_OVERFLOW;
    row.fault = bench_fault ("a", "3", FAULT_WARNING);
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_RETRY, &row), ERR_FULL);
    row.fault = bench_fault ("b", "3", FAULT_WARNING);
    assert_int_equal (s_command_incident (&bench, STEP_COMMAND_RETRY, &row), 0);
    assert_int_equal (bench_row (&bench, row.id.text)->suppress, INCIDENT_SUPPRESS_NONE);
    step_destroy (&bench.step);
}

static void
test_a_drained_worker_gets_nothing_until_it_is_resumed_or_says_bye (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    (void) bench_event (&bench, "a", "2", FAULT_WARNING);
    assert_int_equal (s_command_worker (&bench, STEP_COMMAND_DRAIN, "nobody"), ERR_NONE);
    assert_int_equal (s_command_worker (&bench, STEP_COMMAND_DRAIN, "w"), 0);
    bench_credit (&bench, "w", 2, 1);
    bench_later (&bench, 1);
    assert_null (bench_schedule (&bench));
    step_worker_t shown;
    assert_int_equal (step_workers (bench.step, bench.now, &shown, 1), 1);
    assert_true (shown.draining && shown.running == 1);
    //  Its running attempt is finished and counts.  A new session of the same process is draining
    //  too.
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    step_in_t hello = bench_from ("w", STEP_IN_HELLO);
    hello.peer.session = 2;
    snprintf (hello.as.hello.name, ROW_NAME, "w");
    hello.as.hello.slots = 8;
    bench_step (&bench, &hello);
    step_in_t credit = bench_from ("w", STEP_IN_CREDIT);
    credit.peer.session = 2;
    credit.as.credit.number = 1;
    credit.as.credit.total = credit.as.credit.free = 8;
    bench_step (&bench, &credit);
    assert_null (bench_schedule (&bench));
    assert_int_equal (s_command_worker (&bench, STEP_COMMAND_RESUME, "worker:w"), 0);
    assert_non_null (bench_schedule (&bench));

    assert_int_equal (s_command_worker (&bench, STEP_COMMAND_DRAIN, "w"), 0);
    step_in_t bye = bench_from ("w", STEP_IN_BYE);
    bye.peer.session = 2;
    bench_step (&bench, &bye);
    (void) bench_event (&bench, "a", "3", FAULT_WARNING);
    hello.peer.session = credit.peer.session = 3;
    bench_later (&bench, 1);
    bench_step (&bench, &hello);
    bench_step (&bench, &credit);
    assert_non_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

//  The turn of its HELLO is rolled back, so nothing is settled.  It gets nothing before another
//  HELLO: another process with its key may run attempts that it did not name.
static void
test_a_session_whose_turn_is_rolled_back_has_not_begun (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_running (&bench);
    row_incident_t row = *bench_row (&bench, NULL);
    row_attempt_t attempt = *s_attempt_row (&bench);
    bench_later (&bench, 1);
    step_in_t hello = bench_from ("w", STEP_IN_HELLO);
    hello.peer.session = 2;
    hello.as.hello.slots = 8;
    bench_step (&bench, &hello);
    assert_int_equal (s_attempt_row (&bench)->state, ROW_ATTEMPT_ENDED);
    step_reload (bench.step);
    assert_int_equal (step_load_incident (bench.step, &row), 0);
    assert_int_equal (step_load_attempt (bench.step, &attempt), 0);
    step_loaded (bench.step, 1, 0, 9, bench.now);
    bench_later (&bench, 1);
    step_in_t credit = bench_from ("w", STEP_IN_CREDIT);
    credit.peer.session = 2;
    credit.as.credit.number = 1;
    credit.as.credit.total = credit.as.credit.free = 8;
    assert_int_equal (step (bench.step, &credit, bench.now), ERR_STALE);
    (void) bench_event (&bench, "b", "2", FAULT_WARNING);
    assert_null (bench_schedule (&bench));
    bench_step (&bench, &hello);
    bench_step (&bench, &credit);
    assert_int_equal (s_attempt_row (&bench)->state, ROW_ATTEMPT_ENDED);
    assert_non_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_known_event_id_is_acknowledged_and_writes_nothing),
        cmocka_unit_test (test_a_repeating_condition_counts_up_while_open_and_in_its_window),
        cmocka_unit_test (test_without_a_window_only_open_incidents_count_up),
        cmocka_unit_test (test_a_condition_older_than_its_report_gets_a_linked_incident),
        cmocka_unit_test (test_below_the_threshold_is_recorded_and_not_investigated),
        cmocka_unit_test (test_success_resolves_with_one_effect_in_the_same_turn),
        cmocka_unit_test (test_a_success_without_its_files_changes_nothing),
        cmocka_unit_test (test_agent_failures_are_tried_again_up_to_their_number),
        cmocka_unit_test (test_an_assignment_not_accepted_is_taken_back_free_of_charge),
        cmocka_unit_test (test_a_late_good_report_wins_and_the_newer_attempt_is_cancelled),
        cmocka_unit_test (test_a_late_failure_changes_nothing),
        cmocka_unit_test (test_a_failure_waits_for_the_attempt_that_can_still_report),
        cmocka_unit_test (test_a_verdict_of_somebody_else_is_stale),
        cmocka_unit_test (test_deliveries_that_get_lost_end_as_failed),
        cmocka_unit_test (test_an_attempt_that_is_renewed_for_ever_is_revoked_at_its_hard_deadline),
        cmocka_unit_test (test_progress_of_an_unknown_attempt_is_told_to_stop),
        cmocka_unit_test (test_a_new_session_supersedes_and_what_it_omits_is_lost_at_once),
        cmocka_unit_test (test_a_hello_that_runs_it_keeps_it_and_strangers_are_revoked),
        cmocka_unit_test (test_after_a_restart_the_grace_passes_before_an_attempt_is_lost),
        cmocka_unit_test (test_after_a_restart_a_report_from_the_spool_is_committed),
        cmocka_unit_test (test_a_clock_that_jumped_extends_leases_once),
        cmocka_unit_test (test_a_cancelled_incident_stops_its_worker_and_takes_no_report),
        cmocka_unit_test (test_a_retry_starts_with_a_clean_slate_also_after_a_reload),
        cmocka_unit_test (test_an_incident_of_long_ago_is_retried_from_its_row),
        cmocka_unit_test (test_a_report_is_never_retried),
        cmocka_unit_test (test_a_full_queue_refuses_a_retry),
        cmocka_unit_test (test_a_drained_worker_gets_nothing_until_it_is_resumed_or_says_bye),
        cmocka_unit_test (test_a_session_whose_turn_is_rolled_back_has_not_begun),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
