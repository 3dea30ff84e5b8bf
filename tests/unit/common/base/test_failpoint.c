//  Tests of common/base/failpoint: each case is a child process that may die.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/err.h"
#include "common/base/failpoint.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SELF "/proc/self/exe"

static char s_output [8192];

//  Run this program again as "test_failpoint ACTION PASSAGES" with TRIAGE_FAILPOINT=arm; returns
//  its wait status.

static int
s_run (const char *arm, const char *action, const char *passages)
{
    int fds [2];
    assert_int_equal (pipe2 (fds, O_CLOEXEC), 0);
    pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0) {
        char variable [256], name [] = "test_failpoint", first [64], second [16];
        (void) snprintf (variable, sizeof (variable), "TRIAGE_FAILPOINT=%s", arm);
        (void) snprintf (first, sizeof (first), "%s", action);
        (void) snprintf (second, sizeof (second), "%s", passages);
        char *argv [] = {name, first, second, NULL};
        char *envp [] = {variable, NULL};
        (void) dup2 (fds [1], 1);
        (void) dup2 (fds [1], 2);
        (void) execve (SELF, argv, envp);
        _exit (127);
    }
    own_fd (&fds [1]);
    size_t size = 0;
    ssize_t count = 0;
    while ((count = read (fds [0], s_output + size, sizeof (s_output) - 1 - size)) > 0)
        size += (size_t) count;
    s_output [size] = 0;
    own_fd (&fds [0]);
    int status = 0;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    return status;
}

//  The child: pass the two points of store.ACTION PASSAGES times and print each result.

static int
s_child (const char *action, const char *passages)
{
    failpoint_init ("broker");
    for (long i = strtol (passages, NULL, 10); i > 0; i--) {
        int rc = failpoint_before ("store", action);
        if (rc == 0)
            failpoint_after ("store", action);
        (void) printf ("%d\n", rc);
    }
    (void) fflush (stdout);
    return 0;
}

static bool
s_killed (int status)
{
    return WIFSIGNALED (status) && WTERMSIG (status) == SIGKILL;
}

static bool
s_ended (int status, int code)
{
    return WIFEXITED (status) && WEXITSTATUS (status) == code;
}

static void
test_kill_happens_at_the_nth_passage_and_is_announced (void **state)
{
    assert_true (s_ended (s_run ("broker.store.commit.before:kill:3", "commit", "2"), 0));
    assert_string_equal (s_output, "0\n0\n");
    assert_true (s_killed (s_run ("broker.store.commit.before:kill:3", "commit", "3")));
    assert_string_equal (s_output, "failpoint broker.store.commit.before\n");
    assert_true (s_killed (s_run ("broker.store.commit.after:kill", "commit", "1")));
    assert_string_equal (s_output, "failpoint broker.store.commit.after\n");
    assert_true (s_ended (s_run ("broker.store.commit.after:kill", "checkpoint", "1"), 0));
}

static void
test_errno_comes_once (void **state)
{
    int status = s_run ("broker.store.commit.before:errno=ENOSPC:2", "commit", "3");
    assert_true (s_ended (status, 0));
    char expected [32];
    (void) snprintf (expected, sizeof (expected), "0\n%d\n0\n", -ENOSPC);
    assert_string_equal (s_output, expected);
}

static void
test_slow_waits_once_and_goes_on (void **state)
{
    struct timespec begin, end;
    clock_gettime (CLOCK_MONOTONIC, &begin);
    assert_true (s_ended (s_run ("broker.store.commit.before:slow=300:2", "commit", "3"), 0));
    clock_gettime (CLOCK_MONOTONIC, &end);
    assert_string_equal (s_output, "0\n0\n0\n");
    int64_t ms = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
    assert_true (ms >= 300);
}

static void
test_a_point_of_another_program_is_ignored (void **state)
{
    assert_true (s_ended (s_run ("worker.run.start.before:kill", "commit", "1"), 0));
    assert_string_equal (s_output, "0\n");
}

static void
test_a_program_that_is_not_named_has_no_failpoints (void **state)
{
    assert_int_equal (failpoint_before ("no", "such"), 0);
    failpoint_after ("no", "such");
}

static void
test_list_prints_the_programs_points_only (void **state)
{
    assert_true (s_ended (s_run ("list", "commit", "1"), 0));
    assert_non_null (strstr (s_output, "broker.store.commit.before\nbroker.store.commit.after\n"));
    assert_null (strstr (s_output, "worker."));
}

static void
test_a_name_outside_the_table_aborts (void **state)
{
    int status = s_run ("", "no_such_action", "1");
    assert_true (WIFSIGNALED (status) && WTERMSIG (status) == SIGABRT);
    assert_non_null (strstr (s_output, "broker.store.no_such_action is not in the table"));
}

static void
test_nonsense_in_the_environment_is_refused (void **state)
{
    static const char *const bad [] = {
        "broker.no.such.before:kill",          "broker.store.commit:kill",
        "broker.store.commit.before",          "broker.store.commit.before:",
        "broker.store.commit.before:die",      "broker.store.commit.before:kill:0",
        "broker.store.commit.before:kill:x",   "broker.store.commit.before:errno=",
        "broker.store.commit.after:errno=EIO", "broker.store.commit.before:errno=ENOTHING",
        "broker.store.commit.before:slow=",    "broker.store.commit.before:slow=-1",
        "broker.store.commit.before:slow=0",   "broker.store.commit.before:slow=99999999",
    };
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad [0]); i++) {
        assert_true (s_ended (s_run (bad [i], "commit", "1"), EXIT_USAGE));
        assert_non_null (strstr (s_output, "expected list, NAME:kill"));
    }
}

int
main (int argc, char **argv)
{
    if (argc == 3)
        return s_child (argv [1], argv [2]);
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_kill_happens_at_the_nth_passage_and_is_announced),
        cmocka_unit_test (test_errno_comes_once),
        cmocka_unit_test (test_slow_waits_once_and_goes_on),
        cmocka_unit_test (test_a_point_of_another_program_is_ignored),
        cmocka_unit_test (test_a_program_that_is_not_named_has_no_failpoints),
        cmocka_unit_test (test_list_prints_the_programs_points_only),
        cmocka_unit_test (test_a_name_outside_the_table_aborts),
        cmocka_unit_test (test_nonsense_in_the_environment_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
