//  run - what a supervisor left, and who is told to end.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runner/supervise.h"
#include "tests/unit/folder.h"
#include "worker/loop/run.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

static void
s_write (folder_t *folder, const char *text)
{
    int fd = open (folder_at (folder, "run.json"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal (write (fd, text, strlen (text)), (ssize_t) strlen (text));
    close (fd);
}

static void
test_a_result_of_this_boot_is_read (void **state)
{
    folder_t *folder = *state;
    char boot [SUPERVISE_BOOT], text [512];
    supervise_boot (boot);
    assert_int_equal (strlen (boot), SUPERVISE_BOOT - 1);
    snprintf (text, sizeof text,
              "{\"exit_code\": 7, \"timed_out\": false, \"stopped\": false, \"timeout_ms\": 300, "
              "\"started_ms\": 5, \"completed_ms\": 6, \"left\": 0, \"boot\": \"%s\"}",
              boot);
    s_write (folder, text);
    run_result_t result = {0};
    assert_int_equal (run_result_load (folder->path, &result), 0);
    assert_true (run_result_final (&result));
    assert_int_equal (result.exit_code, 7);
    assert_int_equal (result.timeout_ms, 300);
    assert_false (result.left);
}

static void
test_a_result_of_another_boot_or_none_at_all_is_refused (void **state)
{
    folder_t *folder = *state;
    run_result_t result = {0};
    assert_int_equal (run_result_load (folder->path, &result), -ENOENT);
    s_write (folder, "{\"exit_code\": 0, \"boot\": \"2d1c7a52-6d1e-4b6e-9d35-0e5b7d1f3c11\"}");
    assert_int_equal (run_result_load (folder->path, &result), ERR_STALE);
    s_write (folder, "{\"exit_code\": 0}");
    assert_int_equal (run_result_load (folder->path, &result), ERR_STALE);
    static const char *const bad [] = {"",
                                       "[]",
                                       "7",
                                       "{}",
                                       "{\"exit_code\": \"0\"}",
                                       "{\"exit_code\": 256}",
                                       "{\"exit_code\": -2}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        s_write (folder, bad [i]);
        assert_int_equal (run_result_load (folder->path, &result), ERR_PROTO);
    }
    assert_false (result.valid);
}

static void
test_an_end_from_outside_is_not_its_own (void **state)
{
    assert_false (run_result_final (&(run_result_t){.valid = false}));
    assert_false (run_result_final (&(run_result_t){.valid = true, .stopped = true}));
    assert_false (run_result_final (&(run_result_t){.valid = true, .timed_out = true}));
    assert_true (run_result_final (&(run_result_t){.valid = true, .exit_code = 1}));
}

//  A supervisor that is gone is seen even when somebody else holds its status stream open.
static void
test_the_end_is_seen_though_the_stream_stays_open (void **state)
{
    int status [2], control [2];
    assert_int_equal (pipe2 (status, O_NONBLOCK), 0);
    assert_int_equal (pipe (control), 0);
    assert_int_equal (write (status [1], "started\n", 8), 8);
    pid_t pid = fork ();
    if (pid == 0)
        _exit (0);
    siginfo_t info;
    assert_int_equal (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);
    run_t run = {.pid = pid, .control_fd = control [1], .status_fd = status [0]};
    assert_int_equal (run_read (&run), RUN_ENDED);
    assert_true (run.started);
    assert_int_equal (run.pid, 0);
    assert_int_equal (run.status_fd, -1);
    assert_int_equal (run.control_fd, -1);
    close (status [1]);
    close (control [0]);
}

//  Only an agent that is there can have killed its supervisor.
static void
test_a_supervisor_killed_after_its_agent_is_not_the_agents_doing (void **state)
{
    static const char *const said [] = {"", "starting\n", "starting\nstarted\n",
                                        "starting\nstarted\nended\n"};
    for (size_t i = 0; i < sizeof said / sizeof said [0]; i++) {
        int status [2];
        assert_int_equal (pipe2 (status, O_NONBLOCK), 0);
        assert_int_equal (write (status [1], said [i], strlen (said [i])), strlen (said [i]));
        close (status [1]);
        const pid_t pid = fork ();
        if (pid == 0)
            raise (SIGKILL);
        siginfo_t info;
        assert_int_equal (waitid (P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);
        run_t run = {.pid = pid, .control_fd = -1, .status_fd = status [0]};
        assert_int_equal (run_read (&run), RUN_ENDED);
        assert_int_equal (run.signal, SIGKILL);
        assert_int_equal (run_killed_under_agent (&run), i == 1 || i == 2);
    }
}

static void
test_a_stop_can_become_a_kill (void **state)
{
    int control [2];
    char orders [4];
    assert_int_equal (pipe2 (control, O_NONBLOCK), 0);
    run_t run = {.pid = 0, .control_fd = control [1], .status_fd = -1};
    run_stop (&run, false);
    run_stop (&run, true);
    assert_int_equal (read (control [0], orders, sizeof orders), 2);
    assert_memory_equal (orders, "TK", 2);
    signal (SIGPIPE, SIG_IGN);
    close (control [0]);
    run_stop (&run, true);
    assert_int_equal (run.control_fd, -1);
    run_kill (&run);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_result_of_this_boot_is_read, folder_setup,
                                         folder_teardown),
        cmocka_unit_test_setup_teardown (test_a_result_of_another_boot_or_none_at_all_is_refused,
                                         folder_setup, folder_teardown),
        cmocka_unit_test (test_an_end_from_outside_is_not_its_own),
        cmocka_unit_test (test_the_end_is_seen_though_the_stream_stays_open),
        cmocka_unit_test (test_a_supervisor_killed_after_its_agent_is_not_the_agents_doing),
        cmocka_unit_test (test_a_stop_can_become_a_kill),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
