//  status - words over a pipe.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runner/status.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void
test_each_word_is_read_as_it_was_told (void **state)
{
    for (int word = 0; word < STATUS_WORDS; word++) {
        int pipe_fd [2];
        char line [STATUS_LINE] = "";
        const char *text;
        assert_int_equal (pipe2 (pipe_fd, O_NONBLOCK), 0);
        status_tell (pipe_fd [1], (status_word_t) word, word == STATUS_RESULT ? "{} {}" : NULL);
        const ssize_t size = read (pipe_fd [0], line, sizeof line - 1);
        assert_true (size > 1 && line [size - 1] == '\n');
        line [size - 1] = 0;
        assert_int_equal (status_read (line, &text), word);
        assert_string_equal (text, word == STATUS_RESULT ? "{} {}" : "");
        close (pipe_fd [0]);
        close (pipe_fd [1]);
    }
}

static void
test_other_words_are_none (void **state)
{
    static const char *const lines [] = {"", "start", "startedx", " started", "output 5"};
    const char *text;
    for (size_t i = 0; i < sizeof lines / sizeof lines [0]; i++)
        assert_int_equal (status_read (lines [i], &text), STATUS_WORDS);
}

static void
test_nobody_is_waited_for (void **state)
{
    int pipe_fd [2];
    char text [STATUS_LINE], got [2 * STATUS_LINE];
    assert_int_equal (pipe2 (pipe_fd, O_NONBLOCK), 0);
    memset (text, 'x', sizeof text - 1);
    text [sizeof text - 1] = 0;
    status_tell (pipe_fd [1], STATUS_RESULT, text); //  longer than a line
    status_tell (-1, STATUS_STARTED, NULL);
    assert_int_equal (read (pipe_fd [0], got, sizeof got), -1);
    for (int i = 0; i < 200; i++) //  more than a pipe holds
        status_tell (pipe_fd [1], STATUS_RESULT, text + 100);
    assert_true (read (pipe_fd [0], got, sizeof got) > 0);
    close (pipe_fd [0]);
    close (pipe_fd [1]);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_each_word_is_read_as_it_was_told),
        cmocka_unit_test (test_other_words_are_none),
        cmocka_unit_test (test_nobody_is_waited_for),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
