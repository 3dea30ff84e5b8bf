//  test_term - hostile text on a terminal.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "tools/term.h"

#include <string.h>

static void
s_expect (const char *text, const char *wanted)
{
    own (buf_fini) buf_t out = buf_init (256);
    assert_int_equal (term_escape (text, strlen (text), &out), 0);
    assert_string_equal (out.data, wanted);
}

static void
test_plain_text_of_any_script_stays (void **state)
{
    s_expect ("pod-7 \"x\" \\", "pod-7 \"x\" \\");
    s_expect ("Grüße 日本 \xF0\x9F\x98\x80", "Grüße 日本 \xF0\x9F\x98\x80");
}

static void
test_controls_of_all_kinds_are_written_out (void **state)
{
    s_expect ("\033[2Ja", "\\x1b[2Ja");
    s_expect ("a\r\n\tb\x7f", "a\\x0d\\x0a\\x09b\\x7f");
    s_expect ("\xC2\x9B"
              "31m",
              "\\u{9b}31m");
    s_expect ("\xE2\x80\xAE", "\\u{202e}");
    s_expect ("\xE2\x80\x8B", "\\u{200b}");
    s_expect ("\xEF\xBB\xBF", "\\u{feff}");
}

static void
test_what_is_not_utf8_is_shown_byte_by_byte (void **state)
{
    s_expect ("\xC0\xAF", "\\xc0\\xaf");
    s_expect ("\xED\xA0\x80", "\\xed\\xa0\\x80");
    s_expect ("a\xE2\x80", "a\\xe2\\x80");
    s_expect ("\xF4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    s_expect ("\x9B", "\\x9b");
}

static void
test_a_zero_byte_is_written_out (void **state)
{
    own (buf_fini) buf_t out = buf_init (256);
    assert_int_equal (term_escape ("a\0b", 3, &out), 0);
    assert_string_equal (out.data, "a\\x00b");
}

static void
test_colours_follow_the_choice_where_there_is_no_terminal (void **state)
{
    FILE *file = tmpfile ();
    assert_non_null (file);
    assert_true (term_color (file, TERM_ALWAYS));
    assert_false (term_color (file, TERM_NEVER));
    assert_false (term_color (file, TERM_AUTO));
    fclose (file);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_plain_text_of_any_script_stays),
        cmocka_unit_test (test_controls_of_all_kinds_are_written_out),
        cmocka_unit_test (test_what_is_not_utf8_is_shown_byte_by_byte),
        cmocka_unit_test (test_a_zero_byte_is_written_out),
        cmocka_unit_test (test_colours_follow_the_choice_where_there_is_no_terminal),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
