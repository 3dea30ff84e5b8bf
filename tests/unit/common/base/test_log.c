//  Tests of common/base/log: one line each, read back through a pipe.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int s_pipe [2];
static char s_line [4 * LIMIT_LOG_LINE_BYTES];

static int
setup (void **state)
{
    if (pipe2 (s_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    log_set_fd (s_pipe [1]);
    log_set_level (LOG_LEVEL_DEBUG);
    log_set_format (LOG_FORMAT_LOGFMT);
    return 0;
}

static int
teardown (void **state)
{
    log_set_fd (2);
    log_set_level (LOG_LEVEL_INFO);
    log_set_format (LOG_FORMAT_LOGFMT);
    own_fd (&s_pipe [0]);
    own_fd (&s_pipe [1]);
    return 0;
}

//  The output since the last call.

static const char *
s_read (void)
{
    ssize_t size = read (s_pipe [0], s_line, sizeof (s_line) - 1);
    s_line [size > 0 ? size : 0] = 0;
    return s_line;
}

//  The line without its timestamp.

static const char *
s_read_tail (void)
{
    const char *level = strstr (s_read (), " level=");
    return level ? level + 1 : s_line;
}

static void
test_a_line_has_time_level_component_message_and_fields (void **state)
{
    log_info ("lease granted", kv ("incident_id", "abc"), kv ("attempt", 1), kv ("big", UINT64_MAX),
              kv ("ratio", 0.5), kv ("late", (bool) true));
    const char *line = s_read ();
    assert_int_equal (strncmp (line, "ts=20", 5), 0);
    assert_string_equal (strstr (line, "level="),
                         "level=info component=test_log msg=\"lease granted\" incident_id=abc "
                         "attempt=1 big=18446744073709551615 ratio=0.5 late=true\n");
}

static void
test_no_value_can_forge_a_field_or_a_line (void **state)
{
    log_warn ("x", kv ("v", "a\" level=error\nts=1\t\\\x7f\x1b[31m\xff\xc2\x85\xe2\x80\xae"));
    assert_string_equal (s_read_tail (),
                         "level=warn component=test_log msg=x v=\"a\\\" level=error\\nts=1\\t"
                         "\\\\\\u007f\\u001b[31m\\xff\\u0085\\u202e\"\n");
}

static void
test_equal_signs_empty_and_missing_texts_are_quoted (void **state)
{
    log_info ("x", kv ("a", "k=v"), kv ("b", ""), kv ("c", (const char *) NULL),
              kv ("d", "\xc3\xa4"));
    assert_string_equal (s_read_tail (), "level=info component=test_log msg=x a=\"k=v\" b=\"\" "
                                         "c=\"\" d=\"\xc3\xa4\"\n");
}

static void
test_json_lines_parse_with_any_value (void **state)
{
    log_set_format (LOG_FORMAT_JSON);
    log_error ("m\n\"", kv ("v", "a\"\\\x01\xff\xc2\x85"), kv ("n", -5), kv ("nan", (double) NAN),
               kv ("b", (bool) false));
    const char *line = s_read ();
    own (json_drop) json_t *doc = NULL;
    assert_int_equal (json_parse (line, strlen (line), &doc, NULL), 0);
    assert_string_equal (json_member_text (doc, "level", ""), "error");
    assert_string_equal (json_member_text (doc, "msg", ""), "m\n\"");
    assert_string_equal (json_member_text (doc, "v", ""), "a\"\\\x01\\xff\xc2\x85");
    assert_int_equal (json_member_int (doc, "n", 0), -5);
    assert_true (json_is_null (json_object_get (doc, "nan")));
    assert_null (strchr (strchr (line, '\n') + 1, '{'));
}

static void
test_a_long_value_is_cut_between_characters (void **state)
{
    char value [2 * LIMIT_LOG_VALUE_BYTES];
    for (size_t i = 0; i + 3 < sizeof (value); i += 3)
        memcpy (value + i, "\xe2\x82\xac", 4);
    log_info ("x", kv ("v", (const char *) value));
    const char *line = s_read_tail ();
    const char *v = strstr (line, "v=\"") + 3;
    assert_string_equal (v + LIMIT_LOG_VALUE_BYTES / 3 * 3, "...\"\n");
    assert_true (json_utf8_valid (line, strlen (line)));
}

static void
s_test_full_line (const char *end)
{
    char value [LIMIT_LOG_VALUE_BYTES];
    memset (value, '"', sizeof (value) - 1); //  each becomes two bytes
    value [sizeof (value) - 1] = 0;
    log_info ("x", kv ("a", (const char *) value), kv ("b", (const char *) value),
              kv ("c", (const char *) value), kv ("late", 1));
    const char *line = s_read ();
    size_t size = strlen (line);
    assert_true (size <= LIMIT_LOG_LINE_BYTES);
    assert_string_equal (line + size - strlen (end), end);
    assert_null (strstr (line, "late"));
}

static void
test_a_full_line_drops_whole_fields_and_says_so (void **state)
{
    s_test_full_line (" cut=true\n");
    log_set_format (LOG_FORMAT_JSON);
    s_test_full_line (",\"cut\":true}\n");
    own (json_drop) json_t *doc = NULL;
    assert_int_equal (json_parse (s_line, strlen (s_line), &doc, NULL), 0);
}

static void
test_lines_below_the_level_are_not_written_and_errno_survives (void **state)
{
    log_set_level (LOG_LEVEL_WARN);
    log_info ("x");
    assert_string_equal (s_read (), "");
    errno = ENOSPC;
    log_warn ("x");
    assert_int_equal (errno, ENOSPC);
    assert_string_equal (s_read_tail (), "level=warn component=test_log msg=x\n");
}

enum { THREADS = 4, LINES = 100 };

static void *
s_writer (void *arg)
{
    for (int i = 0; i < LINES; i++)
        log_info ("from a thread", kv ("thread", (const char *) arg));
    return NULL;
}

static void
test_lines_of_threads_do_not_mix (void **state)
{
    char t [] = "t";
    pthread_t threads [THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal (pthread_create (&threads [i], NULL, s_writer, t), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal (pthread_join (threads [i], NULL), 0);
    int lines = 0;
    const char *tail = "level=info component=test_log msg=\"from a thread\" thread=t\n";
    for (const char *p = s_read (); *p; lines++) {
        assert_int_equal (strncmp (p, "ts=20", 5), 0);
        p = strstr (p, "level=");
        assert_int_equal (strncmp (p, tail, strlen (tail)), 0);
        p += strlen (tail);
    }
    assert_int_equal (lines, THREADS * LINES);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test_setup_teardown (test_a_line_has_time_level_component_message_and_fields,
                                         setup, teardown),
        cmocka_unit_test_setup_teardown (test_no_value_can_forge_a_field_or_a_line, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_equal_signs_empty_and_missing_texts_are_quoted, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_json_lines_parse_with_any_value, setup, teardown),
        cmocka_unit_test_setup_teardown (test_a_long_value_is_cut_between_characters, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (test_a_full_line_drops_whole_fields_and_says_so, setup,
                                         teardown),
        cmocka_unit_test_setup_teardown (
            test_lines_below_the_level_are_not_written_and_errno_survives, setup, teardown),
        cmocka_unit_test_setup_teardown (test_lines_of_threads_do_not_mix, setup, teardown),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
