//  A turn that runs out of memory reports it, and the same inputs work after a reload.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/unit/broker/core/core_bench.h"

#include <errno.h>
#include <stdlib.h>

//  Names for the linker: the core's calls to calloc arrive at __wrap_calloc.
void *
__real_calloc (size_t count, size_t size);
void *
__wrap_calloc (size_t count, size_t size);

static int s_left = -1; //  calls that still succeed, -1 = all

void *
__wrap_calloc (size_t count, size_t size)
{
    if (s_left == 0)
        return NULL;
    s_left -= s_left > 0;
    return __real_calloc (count, size);
}

//  What the loop does after a rollback.  incident NULL: nothing was committed before.
static void
s_reload (bench_t *bench, const row_incident_t *incident)
{
    step_begin (bench->step, bench->now);
    step_reload (bench->step);
    if (incident)
        assert_int_equal (step_load_incident (bench->step, incident), 0);
    step_loaded (bench->step, incident != NULL, 0, 10, bench->now);
    step_begin (bench->step, bench->now);
}

static void
test_an_event_without_memory_fails_its_turn_and_is_taken_after_a_reload (void **state)
{
    bench_t bench = bench_new ();
    const fault_t fault = bench_fault ("a", "1", FAULT_WARNING);
    step_in_t in = {.kind = STEP_IN_EVENT, .as.event = {.fault = &fault, .triage_enabled = true}};
    snprintf (in.as.event.row.source, ROW_IDENTITY, "test");
    bool failed = true;
    for (int calls = 0; failed; calls++) { //  fail each call in turn
        s_left = calls;
        int rc = step (bench.step, &in, bench.now);
        s_left = -1;
        failed = step_failed (bench.step);
        assert_int_equal (rc, failed ? -ENOMEM : 0);
        assert_true (failed || calls > 1);
        if (failed)
            s_reload (&bench, NULL);
    }
    assert_int_equal (bench_row (&bench, NULL)->state, INCIDENT_PENDING);
    step_destroy (&bench.step);
}

static void
test_an_assignment_without_memory_fails_its_turn_and_is_made_after_a_reload (void **state)
{
    bench_t bench = bench_new ();
    (void) bench_event (&bench, "a", "1", FAULT_WARNING);
    const row_incident_t committed = *bench_row (&bench, NULL);
    bench_join (&bench, "w", 1);
    bench_later (&bench, 1);
    s_left = 0;
    step_schedule (bench.step, bench.now);
    s_left = -1;
    assert_true (step_failed (bench.step));
    s_reload (&bench, &committed);
    assert_false (step_failed (bench.step));
    assert_non_null (bench_schedule (&bench));
    step_destroy (&bench.step);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_an_event_without_memory_fails_its_turn_and_is_taken_after_a_reload),
        cmocka_unit_test (
            test_an_assignment_without_memory_fails_its_turn_and_is_made_after_a_reload),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
