//  cgroup - real cgroups where this host allows them, nothing where it does not.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/own.h"
#include "runner/cgroup.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const cgroup_limits_t s_limits = {LIMIT_MIB (48), 1000, 6};
static char s_name [64], s_prefix [48];

static cgroup_t *
s_new (void)
{
    cgroup_t *cgroup = NULL;
    assert_int_equal (cgroup_new (s_name, &s_limits, &cgroup), 0);
    return cgroup;
}

//  Start a child in the cgroup; it ends with the code of act.
static pid_t
s_start (const cgroup_t *cgroup, int (*act) (void))
{
    int ready [2];
    char byte;
    assert_int_equal (pipe (ready), 0);
    const pid_t pid = fork ();
    if (pid == 0) {
        const bool joined = cgroup_join (cgroup) == 0;
        close (ready [0]);
        (void) !write (ready [1], "", 1);
        _exit (joined ? act () : 99);
    }
    assert_int_equal (read (ready [0], &byte, 1), 1);
    close (ready [0]);
    close (ready [1]);
    return pid;
}

static int
s_wait (pid_t pid)
{
    int status = 0;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

static int
s_pause (void)
{
    while (pause () < 0)
        ;
    return 0;
}

static int
s_eat (void)
{
    const size_t size = LIMIT_MIB (128);
    char *bytes = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    memset (bytes, 'x', size);
    return bytes [size / 2] == 'x' ? 0 : 1;
}

static int
s_breed (void)
{
    int born = 0;
    while (born < 100) {
        const pid_t pid = fork ();
        if (pid == 0)
            s_pause ();
        if (pid < 0)
            break;
        born++;
    }
    return born;
}

static void
s_need (const cgroup_t *cgroup, cgroup_part_t part)
{
    print_message ("%s: %s\n", cgroup_place_part (part),
                   cgroup_place_by (cgroup_by (cgroup, part)));
    if (cgroup_by (cgroup, part) == CGROUP_POLLED)
        skip ();
}

static void
test_memory_is_held (void **state)
{
    own (cgroup_destroy) cgroup_t *cgroup = s_new ();
    s_need (cgroup, CGROUP_MEMORY);
    cgroup_events_t events;
    cgroup_look (cgroup, &events);
    assert_int_equal (events.oom_kills, 0);
    assert_int_equal (s_wait (s_start (cgroup, s_eat)), 128 + SIGKILL);
    cgroup_look (cgroup, &events);
    assert_int_equal (events.oom_kills, 1);
}

static void
test_processes_are_held_and_killed (void **state)
{
    own (cgroup_destroy) cgroup_t *cgroup = s_new ();
    s_need (cgroup, CGROUP_PIDS);
    assert_int_equal (s_wait (s_start (cgroup, s_breed)), s_limits.pids - 1);
    cgroup_events_t events;
    cgroup_look (cgroup, &events);
    assert_int_equal (events.refused_forks, 1);
    int32_t pids [32];
    assert_int_equal (cgroup_pids (cgroup, pids, 32), s_limits.pids - 1);
    assert_int_equal (cgroup_pids (cgroup, pids, 2), 2);
    cgroup_destroy (&cgroup);
    own (cgroup_destroy) cgroup_t *next = s_new ();
    assert_int_equal (cgroup_pids (next, pids, 32), 0);
}

static void
test_what_a_killed_owner_left_is_swept (void **state)
{
    cgroup_t *cgroup = s_new ();
    if (cgroup_by (cgroup, CGROUP_PIDS) == CGROUP_POLLED) {
        cgroup_destroy (&cgroup);
        skip ();
    }
    const pid_t pid = s_start (cgroup, s_pause);
    assert_int_equal (cgroup_sweep ("triage-nobody-"), 0);
    assert_int_equal (waitpid (pid, NULL, WNOHANG), 0);
    assert_int_equal (cgroup_sweep (s_prefix), 0);
    assert_int_equal (s_wait (pid), 128 + SIGKILL);
    assert_int_equal (cgroup_join (cgroup), -ENODEV);
    //  A new one of the same name starts empty, also when the earlier one is still there.
    own (cgroup_destroy) cgroup_t *first = s_new ();
    const pid_t other = s_start (first, s_pause);
    own (cgroup_destroy) cgroup_t *second = s_new ();
    assert_int_equal (s_wait (other), 128 + SIGKILL);
    assert_int_equal (s_wait (s_start (second, s_breed)), s_limits.pids - 1);
    int32_t pids [32];
    cgroup_remove (s_prefix); //  not its name
    assert_int_equal (cgroup_pids (second, pids, 32), s_limits.pids - 1);
    cgroup_remove (s_name);
    assert_int_equal (cgroup_pids (second, pids, 32), -1);
    cgroup_destroy (&cgroup);
}

static void
test_a_host_without_cgroups_polls (void **state)
{
    cgroup_by_t by [CGROUP_PARTS];
    cgroup_probe (by);
    own (cgroup_destroy) cgroup_t *cgroup = s_new ();
    for (cgroup_part_t part = CGROUP_MEMORY; part < CGROUP_PARTS; part++)
        assert_int_equal (by [part], cgroup_by (cgroup, part));
    assert_int_equal (cgroup_by (NULL, CGROUP_MEMORY), CGROUP_POLLED);
}

int
main (void)
{
    snprintf (s_prefix, sizeof s_prefix, "triage-test-%d-", (int) getpid ());
    snprintf (s_name, sizeof s_name, "%srun", s_prefix);
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_memory_is_held),
        cmocka_unit_test (test_processes_are_held_and_killed),
        cmocka_unit_test (test_what_a_killed_owner_left_is_swept),
        cmocka_unit_test (test_a_host_without_cgroups_polls),
    };
    return cmocka_run_group_tests_name ("cgroup", tests, NULL, NULL);
}
