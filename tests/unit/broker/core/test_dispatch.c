//  Assignment: credit, silence, quarantine, other hosts.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

#include <errno.h>

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
    bench_credit (&bench, "w", 2, 1); //  crossed the ASSIGN on the wire
    assert_null (bench_schedule (&bench));
    bench_say (&bench, "w", STEP_IN_ACCEPT, &fence);
    bench_credit (&bench, "w", 3, 1); //  this one was sent after the ASSIGN
    assert_non_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

//  Admitted and assigned in one turn: the incident's row is written once, in its final state.
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
    //  The probe succeeds: all is as before.
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

//  The worker repeats its one failure until a turn with it is committed.
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

//  Lost once on "a", the only worker with room.
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
    bench_later (&bench, LIMIT_ACCEPT_MS); //  nor accepted by "b", and now "b" is full
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

//  The number of a worker's records in this turn.
static size_t
s_records (const bench_t *bench, const char *change)
{
    size_t count = 0, found = 0;
    const step_write_t *writes = step_writes (bench->step, &count);
    for (size_t i = 0; i < count; i++)
        found += writes [i].kind == STEP_WRITE_RECORD
                 && strcmp (writes [i].as.record.kind, "worker") == 0
                 && strcmp (writes [i].as.record.change, change) == 0;
    return found;
}

//  Otherwise the stream would never show a worker that joined in it.
static void
test_what_was_told_of_a_worker_in_a_turn_that_is_rolled_back_is_told_again (void **state)
{
    bench_t bench = bench_new ();
    step_in_t hello = bench_from ("w", STEP_IN_HELLO);
    hello.as.hello.slots = 1;
    bench_step (&bench, &hello);
    assert_int_equal (s_records (&bench, "joined"), 1);
    step_reload (bench.step);
    step_loaded (bench.step, 0, 0, 0, bench.now);
    bench_later (&bench, 1);
    bench_step (&bench, &hello);
    assert_int_equal (s_records (&bench, "joined"), 1);
    bench_later (&bench, 1);
    step_in_t bye = bench_from ("w", STEP_IN_BYE);
    bench_step (&bench, &bye);
    bench_later (&bench, LIMIT_WORKER_RECORD_MS);
    (void) bench_schedule (&bench);
    assert_int_equal (s_records (&bench, "left"), 1);
    step_reload (bench.step);
    step_loaded (bench.step, 0, 0, 0, bench.now);
    bench_later (&bench, 1);
    (void) bench_schedule (&bench);
    assert_int_equal (s_records (&bench, "left"), 1);
    bench_later (&bench, LIMIT_WORKER_RECORD_MS);
    (void) bench_schedule (&bench);
    assert_int_equal (s_records (&bench, "left"), 0);
    step_destroy (&bench.step);
}

//  The operator got no answer and repeats the command.
static void
test_a_drain_whose_turn_is_rolled_back_has_not_begun (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 1);
    bench_later (&bench, 1);
    step_in_t drain = {.kind = STEP_IN_COMMAND};
    drain.as.command.command = STEP_COMMAND_DRAIN;
    snprintf (drain.as.command.worker, ROW_NAME, "w");
    bench_step (&bench, &drain);
    assert_int_equal (s_records (&bench, "draining"), 1);
    step_reload (bench.step);
    step_loaded (bench.step, 0, 0, 1, bench.now);
    bench_later (&bench, 1);
    (void) bench_event (&bench, "a", "1", FAULT_WARNING);
    assert_non_null (bench_schedule (&bench));
    bench_later (&bench, 1);
    bench_step (&bench, &drain);
    assert_int_equal (s_records (&bench, "draining"), 1);
    step_destroy (&bench.step);
}

//  A HELLO of a second live worker with the same key.
static int
s_twin_hello (bench_t *bench, uint64_t session, bool asked)
{
    step_in_t in = bench_from ("w", STEP_IN_HELLO);
    in.peer.session = session;
    in.as.hello.slots = 8;
    in.as.hello.holder_asked = asked;
    return step (bench->step, &in, bench->now);
}

static void
test_of_two_live_workers_with_one_key_the_first_stays_and_the_second_is_refused (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fence = bench_running (&bench);
    for (uint64_t session = 2; session < 20; session++) {
        bench_later (&bench, 1000);
        assert_int_equal (s_twin_hello (&bench, session, true), -EAGAIN);
        assert_null (bench_last (&bench, STEP_OUT_REFUSE)); //  the first one may be gone
        step_in_t pong = bench_from ("w", STEP_IN_PONG);
        bench_step (&bench, &pong);
        const step_out_t *out = bench_last (&bench, STEP_OUT_REFUSE);
        assert_non_null (out);
        assert_int_equal (out->peer.session, session);
        assert_int_equal (out->as.refuse.holder, 1);
        assert_int_equal (out->as.refuse.log,
                          session == 2); //  each is counted, but not each is logged
        assert_int_equal (s_records (&bench, "refused"), session == 2);
    }
    step_worker_t shown;
    assert_int_equal (step_workers (bench.step, bench.now, &shown, 1), 1);
    assert_int_equal (shown.refused_total, 18);
    assert_int_equal (shown.refused_ms_ago, 0);
    assert_int_equal (bench_verdict (&bench, "w", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    step_destroy (&bench.step);
}

static void
test_a_session_that_does_not_answer_gives_way_after_two_seconds (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 1);
    bench_later (&bench, 100);
    assert_int_equal (s_twin_hello (&bench, 2, true), -EAGAIN);
    bench_later (&bench, LIMIT_RIVAL_MS - 1);
    assert_int_equal (s_twin_hello (&bench, 2, true), -EAGAIN);
    bench_later (&bench, 1);
    assert_int_equal (s_twin_hello (&bench, 2, true), 0);
    assert_non_null (bench_last (&bench, STEP_OUT_WELCOME));
    assert_int_equal (step_session (bench.step, "worker:w"), 2);
    step_destroy (&bench.step);
}

static void
test_a_session_whose_connection_is_closed_or_that_was_silent_gives_way_at_once (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 1);
    assert_int_equal (s_twin_hello (&bench, 2, false), 0); //  there was nobody to ask
    bench_later (&bench, 3 * LIMIT_PING_MS + 1);
    assert_int_equal (s_twin_hello (&bench, 3, true), 0);
    assert_int_equal (step_session (bench.step, "worker:w"), 3);
    step_destroy (&bench.step);
}

//  One round: if the next incident is assigned to `liar`, it gives it back as busy.
static bool
s_refused_round (bench_t *bench, const char *liar)
{
    const step_out_t *out = bench_schedule (bench);
    if (!out || strcmp (out->peer.identity + 7, liar) != 0)
        return false;
    step_fence_t fence = out->as.assign.fence;
    bench_release (bench, liar, &fence, STEP_RELEASE_BUSY);
    return true;
}

static void
test_refusals_cost_an_incident_nothing_and_set_the_worker_aside (void **state)
{
    bench_t bench = bench_new ();
    ident_t incident = bench_event (&bench, "a", "1", FAULT_INFO);
    bench_join (&bench, "liar", 8);
    int refused = 0, turns = 0, named = 0;
    for (; refused < 2 * LIMIT_ATTEMPTS && turns < 100000; turns++) {
        refused += s_refused_round (&bench, "liar");
        named += (int) s_records (&bench, "quarantined");
        bench_later (&bench, 1000);
        bench_credit (&bench, "liar", turns + 2, 8);
    }
    assert_int_equal (refused, 2 * LIMIT_ATTEMPTS);
    assert_int_equal (named, 1);
    step_worker_t shown;
    assert_int_equal (step_workers (bench.step, bench.now, &shown, 1), 1);
    assert_true (shown.quarantined && !shown.ready);
    assert_string_equal (shown.why, "it gives back what it is assigned");
    assert_int_equal (shown.returned_total, refused);
    //  With backoff: 64 rounds take far longer than the incident's own minute each.
    assert_true (turns > 3 * 64 * 60);
    bench_join (&bench, "good", 1);
    const step_out_t *out = bench_schedule (&bench);
    for (int i = 0; !out && i < 70; i++) {
        bench_later (&bench, 1000);
        bench_credit (&bench, "good", i + 2, 1);
        out = bench_schedule (&bench);
    }
    assert_non_null (out);
    assert_string_equal (out->peer.identity, "worker:good");
    step_fence_t fence = out->as.assign.fence;
    assert_string_equal (fence.incident.text, incident.text);
    assert_int_equal (bench_verdict (&bench, "good", &fence, VERDICT_SUCCESS), STEP_COMMITTED);
    step_destroy (&bench.step);
}

static void
test_a_worker_that_never_accepts_is_set_aside_and_one_that_is_gone_is_not (void **state)
{
    for (int heard = 0; heard < 2; heard++) {
        bench_t bench = bench_new ();
        (void) bench_event (&bench, "a", "1", FAULT_INFO);
        bench_join (&bench, "w", 8);
        int named = 0;
        for (int i = 0; i < 60; i++) {
            (void) bench_schedule (&bench);
            named += (int) s_records (&bench, "quarantined");
            bench_later (&bench, 1000);
            if (heard)
                bench_ping (&bench, "w");
        }
        assert_int_equal (named, heard);
        step_destroy (&bench.step);
    }
}

//  Attempts given back together, as at an orderly stop, count as one refusal.
static void
test_what_is_given_back_in_one_go_counts_once (void **state)
{
    bench_t bench = bench_new ();
    step_fence_t fences [6];
    for (int i = 0; i < 6; i++) {
        char key [8];
        snprintf (key, sizeof key, "%d", i);
        (void) bench_event (&bench, "a", key, FAULT_INFO);
    }
    bench_join (&bench, "w", 6);
    (void) bench_schedule (&bench);
    size_t count = 0, assigned = 0;
    const step_out_t *outs = step_outputs (bench.step, &count);
    for (size_t i = 0; i < count; i++)
        if (outs [i].kind == STEP_OUT_ASSIGN)
            fences [assigned++] = outs [i].as.assign.fence;
    assert_int_equal (assigned, 6);
    for (size_t i = 0; i < assigned; i++)
        bench_release (&bench, "w", &fences [i], STEP_RELEASE_DRAIN);
    step_worker_t shown;
    assert_int_equal (step_workers (bench.step, bench.now, &shown, 1), 1);
    assert_false (shown.quarantined);
    assert_int_equal (shown.returned_total, 6);
    step_destroy (&bench.step);
}

//  HELLO and BYE in turn, or drain and resume: one record per five seconds, and the last state is
//  reported.
static void
test_what_a_worker_says_without_pause_is_recorded_seldom (void **state)
{
    bench_t bench = bench_new ();
    size_t joined = 0, left = 0, draining = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        step_in_t in = bench_from ("w", STEP_IN_HELLO);
        in.peer.session = i + 1;
        in.as.hello.slots = 1;
        bench_step (&bench, &in);
        const char *text;
        assert_int_equal (bench_command (&bench, i % 2 ? STEP_COMMAND_RESUME : STEP_COMMAND_DRAIN,
                                         NULL, NULL, "worker:w", &text),
                          0);
        in.kind = STEP_IN_BYE;
        bench_step (&bench, &in);
        joined += s_records (&bench, "joined");
        left += s_records (&bench, "left");
        draining += s_records (&bench, "draining") + s_records (&bench, "resumed");
        bench_later (&bench, 10);
    }
    assert_in_range (joined + left, 2, 4); //  ten seconds
    assert_in_range (draining, 1, 3);
    left = 0;
    for (int i = 0; i < 6; i++) {
        bench_later (&bench, 1000);
        (void) bench_schedule (&bench);
        left += s_records (&bench, "left");
    }
    assert_int_equal (left, 1);
    assert_int_equal (step_session (bench.step, "worker:w"), 0);
    step_destroy (&bench.step);
}

static void
test_a_worker_that_is_drained_or_set_aside_is_not_ready (void **state)
{
    bench_t bench = bench_new ();
    bench_join (&bench, "w", 1);
    step_worker_t shown;
    step_stats_t stats;
    const char *text;
    assert_int_equal (bench_command (&bench, STEP_COMMAND_DRAIN, NULL, NULL, "worker:w", &text), 0);
    assert_int_equal (step_workers (bench.step, bench.now, &shown, 1), 1);
    step_stats (bench.step, bench.now, &stats);
    assert_true (shown.draining && !shown.ready && stats.workers_ready == 0);
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
        cmocka_unit_test (
            test_of_two_live_workers_with_one_key_the_first_stays_and_the_second_is_refused),
        cmocka_unit_test (test_a_session_that_does_not_answer_gives_way_after_two_seconds),
        cmocka_unit_test (
            test_a_session_whose_connection_is_closed_or_that_was_silent_gives_way_at_once),
        cmocka_unit_test (test_refusals_cost_an_incident_nothing_and_set_the_worker_aside),
        cmocka_unit_test (
            test_a_worker_that_never_accepts_is_set_aside_and_one_that_is_gone_is_not),
        cmocka_unit_test (test_what_is_given_back_in_one_go_counts_once),
        cmocka_unit_test (test_what_a_worker_says_without_pause_is_recorded_seldom),
        cmocka_unit_test (test_a_drain_whose_turn_is_rolled_back_has_not_begun),
        cmocka_unit_test (
            test_what_was_told_of_a_worker_in_a_turn_that_is_rolled_back_is_told_again),
        cmocka_unit_test (test_a_worker_that_is_drained_or_set_aside_is_not_ready),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
