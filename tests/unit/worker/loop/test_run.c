//  run - the reports of a supervisor, and which process gets a signal.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/loop/run.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

//  A dead supervisor is noticed even when another process holds its status stream open.
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

//  Only an agent that is alive can have killed its supervisor.
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
        cmocka_unit_test (test_the_end_is_seen_though_the_stream_stays_open),
        cmocka_unit_test (test_a_supervisor_killed_after_its_agent_is_not_the_agents_doing),
        cmocka_unit_test (test_a_stop_can_become_a_kill),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
