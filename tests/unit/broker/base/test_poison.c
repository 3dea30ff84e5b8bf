//  Tests of broker/base/poison: deaths are counted by name, and forgotten after a successful read.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/poison.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char s_state [64], s_root [32];

static int
setup (void **state)
{
    strcpy (s_root, "/tmp/poison.XXXXXX");
    if (!mkdtemp (s_root))
        return -1;
    snprintf (s_state, sizeof s_state, "%s/broker.db", s_root);
    return 0;
}

static int
teardown (void **state)
{
    char command [64];
    snprintf (command, sizeof command, "rm -r %s", s_root);
    return system (command);
}

//  A process that dies while it reads this.  Returns true if it must not read it.
static bool
s_die (const char *name)
{
    const pid_t pid = fork ();
    assert_true (pid >= 0);
    if (pid == 0) {
        poison_t *self = poison_open (s_state, "test");
        _exit (poison_begin (self, name) ? 1 : 0);
    }
    int status = 0;
    assert_int_equal (waitpid (pid, &status, 0), pid);
    return WEXITSTATUS (status) == 1;
}

static bool
s_begin (const char *name)
{
    own (poison_destroy) poison_t *self = poison_open (s_state, "test");
    const bool held = poison_begin (self, name);
    poison_end (self);
    return held;
}

static void
test_three_deaths_hold_an_input_back_and_no_other (void **state)
{
    for (int i = 0; i < LIMIT_POISON_DEATHS; i++)
        assert_false (s_die ("bad"));
    assert_true (s_die ("bad"));
    assert_true (s_begin ("bad")); //  forever
    assert_false (s_begin ("good"));
}

static void
test_what_is_read_in_the_end_begins_anew (void **state)
{
    assert_false (s_die ("a"));
    assert_false (s_die ("a"));
    assert_false (s_begin ("a"));
    for (int i = 0; i < LIMIT_POISON_DEATHS; i++)
        assert_false (s_die ("a"));
    assert_true (s_begin ("a"));
}

static void
test_many_deaths_of_others_do_not_save_the_worst (void **state)
{
    for (int i = 0; i < LIMIT_POISON_DEATHS; i++)
        assert_false (s_die ("bad"));
    char name [32];
    for (int i = 0; i < 2 * LIMIT_POISON_ROWS; i++) {
        snprintf (name, sizeof name, "other-%d", i);
        assert_false (s_die (name));
    }
    assert_true (s_begin ("bad"));
}

static void
test_without_its_folder_nothing_is_held_back (void **state)
{
    own (poison_destroy) poison_t *self = poison_open ("/proc/no/broker.db", "test");
    assert_non_null (self);
    assert_false (poison_begin (self, "a"));
    poison_end (self);
    assert_false (poison_begin (NULL, "a"));
    poison_end (NULL);
}

static void
test_kept_bytes_are_whole (void **state)
{
    own (own_mem) char *path = NULL;
    own (buf_fini) buf_t found = buf_init (100);
    assert_int_equal (poison_keep (s_state, "a\0b", 3, &path), 0);
    assert_int_equal (buf_read_file (&found, path), 0);
    assert_memory_equal (found.data, "a\0b", 3);
}

#define POISON_TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)

static void
test_a_name_longer_than_its_row_is_held_back_too (void **state)
{
    char name [800];
    memset (name, 'n', sizeof name - 1);
    name [sizeof name - 1] = 0;
    for (int i = 0; i < LIMIT_POISON_DEATHS; i++)
        assert_false (s_die (name));
    assert_true (s_die (name));
    assert_true (s_begin (name));
    assert_false (s_begin ("n"));
}

//  A bad disk may leave any bytes; these claim as many deaths as possible.
static void
test_a_file_of_rubbish_holds_up_nobody (void **state)
{
    static const unsigned char fills [][4] = {
        {0xff, 0xff, 0xff, 0x7f}, {0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0x80}, {'x', 'x', 'x', 'x'}};
    for (size_t i = 0; i < sizeof fills / sizeof fills [0]; i++) {
        assert_false (s_begin ("good"));
        char path [96];
        struct stat status;
        snprintf (path, sizeof path, "%s/reading/test", s_root);
        assert_int_equal (stat (path, &status), 0);
        FILE *file = fopen (path, "w");
        assert_non_null (file);
        for (off_t k = 0; k < status.st_size; k++)
            fputc (fills [i][k % 4], file);
        assert_int_equal (fclose (file), 0);
        assert_false (s_begin ("good"));
        for (int k = 0; k < LIMIT_POISON_DEATHS; k++)
            assert_false (s_die ("bad"));
        assert_true (s_begin ("bad"));
        assert_int_equal (unlink (path), 0);
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        POISON_TEST (test_three_deaths_hold_an_input_back_and_no_other),
        POISON_TEST (test_a_name_longer_than_its_row_is_held_back_too),
        POISON_TEST (test_a_file_of_rubbish_holds_up_nobody),
        POISON_TEST (test_what_is_read_in_the_end_begins_anew),
        POISON_TEST (test_many_deaths_of_others_do_not_save_the_worst),
        POISON_TEST (test_without_its_folder_nothing_is_held_back),
        POISON_TEST (test_kept_bytes_are_whole),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
