//  Tests of publisher/lines: bounded lines from files and pipes.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "publisher/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path [] = "/tmp/triage-lines-XXXXXX";

static void
s_put (const char *text)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    fputs (text, file);
    fclose (file);
}

static int
setup (void **state)
{
    (void) state;
    int fd = mkstemp (path);
    if (fd >= 0)
        close (fd);
    return fd < 0;
}

static int
teardown (void **state)
{
    (void) state;
    return unlink (path);
}

static void
s_expect (lines_t *lines, const char *text, int64_t number)
{
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), 1);
    assert_int_equal (line.size, strlen (text));
    assert_memory_equal (line.data, text, line.size);
    assert_int_equal (line.number, number);
}

static void
test_lines_keep_their_numbers_past_empty_ones (void **state)
{
    (void) state;
    s_put ("{\"a\":1}\r\n\n  \t\n{\"b\":2}\nlast");
    const char *paths [] = {path, path};
    lines_t *lines = lines_new (paths, 2, 100);
    for (int round = 0; round < 2; round++) {
        s_expect (lines, "{\"a\":1}", 1);
        s_expect (lines, "{\"b\":2}", 4);
        s_expect (lines, "last", 5);
    }
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), 0);
    lines_destroy (&lines);
    lines_destroy (&lines);
}

static void
test_a_line_at_the_limit_passes_and_one_byte_more_is_reported (void **state)
{
    (void) state;
    s_put ("1234567890\n12345678901\nshort\n1234567890\r\n");
    const char *paths [] = {path};
    lines_t *lines = lines_new (paths, 1, 10);
    lines_line_t line;
    s_expect (lines, "1234567890", 1);
    assert_int_equal (lines_next (lines, &line), ERR_LIMIT);
    assert_int_equal (line.number, 2);
    assert_null (line.data);
    s_expect (lines, "short", 3);
    s_expect (lines, "1234567890", 4);
    lines_destroy (&lines);
}

static void
test_a_line_far_over_the_limit_is_skipped_without_being_kept (void **state)
{
    (void) state;
    char *text = malloc (1000001);
    memset (text, 'x', 1000000);
    memcpy (text + 999990, "\nnext\n", 6);
    text [999996] = 0;
    s_put (text);
    free (text);
    const char *paths [] = {path};
    lines_t *lines = lines_new (paths, 1, 1000);
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), ERR_LIMIT);
    s_expect (lines, "next", 2);
    assert_int_equal (lines_next (lines, &line), 0);
    lines_destroy (&lines);
}

static void
test_an_unreadable_file_is_reported_and_the_next_one_is_read (void **state)
{
    (void) state;
    s_put ("one\n");
    const char *paths [] = {"/nonexistent/file", "/tmp", path};
    lines_t *lines = lines_new (paths, 3, 100);
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), -ENOENT);
    assert_string_equal (line.path, "/nonexistent/file");
    assert_int_equal (lines_next (lines, &line), -EISDIR);
    s_expect (lines, "one", 1);
    lines_destroy (&lines);
}

static void
test_an_idle_pipe_does_not_wait (void **state)
{
    (void) state;
    int ends [2];
    assert_int_equal (pipe (ends), 0);
    char name [32];
    snprintf (name, sizeof (name), "/dev/fd/%d", ends [0]);
    const char *paths [] = {name};
    lines_t *lines = lines_new (paths, 1, 100);
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), -EAGAIN);
    assert_true (lines_fd (lines) >= 0);
    assert_int_equal (write (ends [1], "ab", 2), 2);
    assert_int_equal (lines_next (lines, &line), -EAGAIN);
    assert_int_equal (write (ends [1], "c\n", 2), 2);
    s_expect (lines, "abc", 1);
    close (ends [1]);
    assert_int_equal (lines_next (lines, &line), 0);
    close (ends [0]);
    lines_destroy (&lines);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_lines_keep_their_numbers_past_empty_ones),
        cmocka_unit_test (test_a_line_at_the_limit_passes_and_one_byte_more_is_reported),
        cmocka_unit_test (test_a_line_far_over_the_limit_is_skipped_without_being_kept),
        cmocka_unit_test (test_an_unreadable_file_is_reported_and_the_next_one_is_read),
        cmocka_unit_test (test_an_idle_pipe_does_not_wait),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
