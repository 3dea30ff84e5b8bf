//  watch - a workspace that grows, with real files.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/own.h"
#include "runner/watch.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

//  Look until something is found, for 3 s at most.
static watch_limit_t
s_wait (watch_t *watch)
{
    watch_limit_t limit = WATCH_FINE;
    for (int waited_ms = 0; limit == WATCH_FINE && waited_ms < 3000;) {
        const int wait_ms = watch_wait_ms (watch);
        assert_in_range (wait_ms, 1, 60);
        poll (NULL, 0, wait_ms);
        waited_ms += wait_ms;
        limit = watch_look (watch);
    }
    return limit;
}

static watch_t *
s_new (scratch_t *folder, int64_t disk, int64_t files)
{
    const watch_spec_t spec = {.workspace = folder->path, .disk = disk, .files = files};
    watch_t *watch = NULL;
    assert_int_equal (watch_new (&spec, NULL, &watch), 0);
    return watch;
}

static void
test_bytes_on_disk_count_and_not_sizes (void **state)
{
    own (watch_destroy) watch_t *watch = s_new (*state, LIMIT_MIB (8), 0);
    scratch_file (*state, "sparse", 0);
    assert_int_equal (truncate (scratch_at (*state, "sparse"), LIMIT_MIB (512)), 0);
    scratch_file (*state, "most", LIMIT_MIB (7));
    assert_int_equal (s_wait (watch), WATCH_FINE);
    scratch_dir (*state, "below");
    scratch_file (*state, "below/more", LIMIT_MIB (2));
    assert_int_equal (s_wait (watch), WATCH_DISK);
}

static void
test_two_names_of_a_file_are_one_file (void **state)
{
    own (watch_destroy) watch_t *watch = s_new (*state, LIMIT_MIB (8), 0);
    scratch_file (*state, "one", LIMIT_MIB (5));
    char other [512];
    snprintf (other, sizeof other, "%s", scratch_at (*state, "other"));
    assert_int_equal (link (scratch_at (*state, "one"), other), 0);
    assert_int_equal (s_wait (watch), WATCH_FINE);
}

static void
test_folders_and_links_count_as_files (void **state)
{
    own (watch_destroy) watch_t *watch = s_new (*state, 0, 20);
    for (int i = 0; i < 10; i++) {
        char name [32];
        snprintf (name, sizeof name, "d%d", i);
        scratch_dir (*state, name);
        snprintf (name, sizeof name, "l%d", i);
        assert_int_equal (symlink ("/", scratch_at (*state, name)), 0);
    }
    assert_int_equal (s_wait (watch), WATCH_FINE);
    scratch_file (*state, "last", 1);
    assert_int_equal (s_wait (watch), WATCH_FILES);
}

static void
test_a_very_deep_folder_is_too_much (void **state)
{
    own (watch_destroy) watch_t *watch = s_new (*state, 0, 1000);
    int fd = open (((scratch_t *) *state)->path, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 200; i++) {
        assert_int_equal (mkdirat (fd, "d", 0700), 0);
        const int below = openat (fd, "d", O_RDONLY | O_DIRECTORY);
        close (fd);
        fd = below;
    }
    close (fd);
    assert_int_equal (s_wait (watch), WATCH_FILES);
}

//  A child that uses memory or disk, and waits.  It is below this process, so it is watched.
//  Memory with a path is a file in memory, which is not mapped.
static pid_t
s_child (const char *path, size_t size, bool memory)
{
    int ready [2];
    assert_int_equal (pipe (ready), 0);
    const pid_t pid = fork ();
    if (pid == 0) {
        int fd = !memory ? open (path, O_RDWR | O_CREAT, 0600)
                 : *path ? memfd_create (path, 0)
                         : -1;
        char *bytes = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
        memset (bytes, 'x', size);
        if (fd >= 0 && write (fd, bytes, size) != (ssize_t) size)
            _exit (1);
        if (!memory && unlink (path) != 0)
            _exit (1);
        if (fd >= 0)
            munmap (bytes, size);
        (void) !write (ready [1], "", 1);
        pause ();
        _exit (0);
    }
    char byte;
    close (ready [1]);
    assert_int_equal (read (ready [0], &byte, 1), 1);
    close (ready [0]);
    return pid;
}

static void
s_end (pid_t pid)
{
    kill (pid, SIGKILL);
    waitpid (pid, NULL, 0);
}

static void
test_an_open_file_without_a_name_counts (void **state)
{
    own (watch_destroy) watch_t *watch = s_new (*state, LIMIT_MIB (8), 0);
    char path [512];
    snprintf (path, sizeof path, "%s", scratch_at (*state, "gone"));
    const pid_t pid = s_child (path, LIMIT_MIB (12), false);
    const watch_limit_t limit = s_wait (watch);
    s_end (pid);
    assert_int_equal (limit, WATCH_DISK);
}

static void
test_memory_and_processes_are_polled_without_a_cgroup (void **state)
{
    watch_spec_t spec = {.workspace = ((scratch_t *) *state)->path, .memory = LIMIT_MIB (32)};
    own (watch_destroy) watch_t *watch = NULL;
    assert_int_equal (watch_new (&spec, NULL, &watch), 0);
    assert_int_equal (s_wait (watch), WATCH_FINE);
    pid_t pid = s_child ("", LIMIT_MIB (48), true);
    const watch_limit_t memory = s_wait (watch);
    s_end (pid);
    assert_int_equal (memory, WATCH_MEMORY);
    pid = s_child ("file", LIMIT_MIB (48), true);
    const watch_limit_t file = s_wait (watch);
    s_end (pid);
    assert_int_equal (file, WATCH_MEMORY);

    watch_destroy (&watch);
    spec = (watch_spec_t){.workspace = spec.workspace, .pids = 2};
    assert_int_equal (watch_new (&spec, NULL, &watch), 0);
    pid_t pids [3];
    for (int i = 0; i < 2; i++)
        pids [i] = s_child ("", 4096, true);
    const watch_limit_t two = s_wait (watch);
    pids [2] = s_child ("", 4096, true);
    const watch_limit_t three = s_wait (watch);
    for (int i = 0; i < 3; i++)
        s_end (pids [i]);
    assert_int_equal (two, WATCH_FINE);
    assert_int_equal (three, WATCH_PIDS);
}

static void
test_a_workspace_that_is_none_is_refused (void **state)
{
    const watch_spec_t spec = {.workspace = scratch_at (*state, "none"), .disk = 1};
    watch_t *watch = NULL;
    assert_int_equal (watch_new (&spec, NULL, &watch), -ENOENT);
    assert_null (watch);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_bytes_on_disk_count_and_not_sizes, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_two_names_of_a_file_are_one_file, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_folders_and_links_count_as_files, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_very_deep_folder_is_too_much, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_an_open_file_without_a_name_counts, scratch_setup,
                                         scratch_teardown),
        cmocka_unit_test_setup_teardown (test_memory_and_processes_are_polled_without_a_cgroup,
                                         scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown (test_a_workspace_that_is_none_is_refused, scratch_setup,
                                         scratch_teardown),
    };
    return cmocka_run_group_tests_name ("watch", tests, NULL, NULL);
}
