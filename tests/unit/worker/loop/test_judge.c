//  judge - which party caused the end of a run.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "tests/unit/scratch.h"
#include "worker/loop/judge.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { S_NOW_MS = 5000, S_TIMEOUT_MS = 1500 };

static void
s_report_file (scratch_t *folder, off_t size)
{
    assert_int_equal (mkdir (scratch_at (folder, "output"), 0700), 0);
    int fd = open (scratch_at (folder, "output/investigation.md"), O_WRONLY | O_CREAT, 0600);
    assert_true (fd >= 0);
    assert_int_equal (ftruncate (fd, size), 0);
    close (fd);
}

static spool_verdict_t
s_judge (scratch_t *folder, run_t run)
{
    spool_verdict_t verdict = {.started_ms = 1};
    verdict_run_t seen;
    judge_run (&run, folder->path, S_TIMEOUT_MS, S_NOW_MS, &verdict, &seen);
    return verdict;
}

static void
test_a_report_makes_a_success_with_the_times_of_its_supervisor (void **state)
{
    s_report_file (*state, 200);
    run_result_t result = {.valid = true, .started_ms = 7, .completed_ms = 9};
    spool_verdict_t verdict = s_judge (*state, (run_t){.result = result});
    assert_int_equal (verdict.outcome, VERDICT_SUCCESS);
    assert_string_equal (verdict.reason, "");
    assert_int_equal (verdict.exit_code, 0);
    assert_int_equal (verdict.started_ms, 7);
    assert_int_equal (verdict.completed_ms, 9);
    assert_true (judge_has_files (&verdict));
}

static void
test_a_report_over_the_limit_is_the_agents_failure (void **state)
{
    s_report_file (*state, LIMIT_REPORT_BYTES + 1);
    spool_verdict_t verdict = s_judge (*state, (run_t){.result = {.valid = true}});
    assert_int_equal (verdict.outcome, VERDICT_AGENT);
    assert_non_null (strstr (verdict.reason, "investigation.md too large: "));
}

static void
test_an_end_is_the_agents_doing_or_its_hosts (void **state)
{
    static const struct {
        run_t run;
        run_class_t class;
        int exit_code;
        bool has_files;
    } rows [] = {
        //  it ended by itself
        {{.result = {.valid = true, .exit_code = 3}}, RUN_CLASS_INVALID_OUTPUT, 3, true},
        {{.result = {.valid = true, .exit_code = 127}}, RUN_CLASS_INFRA, 127, true},
        {{.result = {.valid = true, .timed_out = true, .exit_code = 137}},
         RUN_CLASS_TIMEOUT,
         -1,
         true},
        {{.result = {.valid = true, .exit_code = 78}}, RUN_CLASS_CONFIG, 78, true},
        {{.result = {.valid = true, .exit_code = 137, .limit = "memory"}},
         RUN_CLASS_OOM,
         137,
         true},
        {{.result = {.valid = true, .exit_code = 139, .signal = SIGSEGV}},
         RUN_CLASS_KILLED,
         139,
         true},
        //  somebody else ordered it to stop
        {{.result = {.valid = true, .stopped = true}}, RUN_CLASS_KILLED, 128 + SIGTERM, true},
        {{.result = {.valid = true, .stopped = true, .exit_code = 3}},
         RUN_CLASS_INVALID_OUTPUT,
         3,
         true},
        //  the supervisor was killed: before the agent ran, during its run, after it
        {{.signal = SIGKILL}, RUN_CLASS_INFRA, -1, false},
        {{.signal = SIGKILL, .starting = true}, RUN_CLASS_KILLED, 128 + SIGKILL, true},
        {{.signal = SIGKILL, .starting = true, .ended = true}, RUN_CLASS_INFRA, -1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        spool_verdict_t verdict = s_judge (*state, rows [i].run);
        assert_int_equal (verdict.class, rows [i].class);
        assert_int_equal (verdict.outcome, run_class_rule (rows [i].class)->outcome);
        assert_int_equal (verdict.exit_code, rows [i].exit_code);
        assert_int_equal (judge_has_files (&verdict), rows [i].has_files);
        assert_int_equal (verdict.completed_ms, S_NOW_MS);
        assert_int_equal (verdict.started_ms, 1);
    }
}

static void
test_a_run_that_could_not_begin_is_the_hosts_matter (void **state)
{
    spool_verdict_t verdict = {.file_count = 3};
    judge_unstarted ("triage-run: no memory", S_NOW_MS, &verdict);
    assert_int_equal (verdict.outcome, VERDICT_HOST);
    assert_non_null (strstr (verdict.reason, "triage-run: no memory"));
    assert_int_equal (verdict.exit_code, -1);
    assert_int_equal (verdict.started_ms, S_NOW_MS);
    assert_int_equal (verdict.completed_ms, S_NOW_MS);
    assert_int_equal (verdict.file_count, 0);
    assert_false (judge_has_files (&verdict));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (
            test_a_report_makes_a_success_with_the_times_of_its_supervisor, scratch_setup,
            scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_report_over_the_limit_is_the_agents_failure,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_an_end_is_the_agents_doing_or_its_hosts,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test (test_a_run_that_could_not_begin_is_the_hosts_matter),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
