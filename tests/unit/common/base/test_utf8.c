//  Tests of common/base/utf8.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/utf8.h"

#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_each_length_decodes_to_its_code_point (void **state)
{
    static const struct {
        const char *bytes;
        uint32_t code;
    } good [] = {{"A", 'A'},
                 {"\xc2\x80", 0x80},
                 {"\xdf\xbf", 0x7ff},
                 {"\xe0\xa0\x80", 0x800},
                 {"\xef\xbf\xbf", 0xffff},
                 {"\xf0\x90\x80\x80", 0x10000},
                 {"\xf4\x8f\xbf\xbf", 0x10ffff}};
    for (size_t i = 0; i < sizeof (good) / sizeof (good [0]); i++) {
        uint32_t code = 0;
        size_t size = strlen (good [i].bytes);
        assert_int_equal (utf8_next (good [i].bytes, size, &code), size);
        assert_int_equal (code, good [i].code);
        assert_int_equal (utf8_next (good [i].bytes, size - 1, &code), 0);
    }
}

static void
test_overlong_surrogate_and_out_of_range_forms_are_refused (void **state)
{
    static const char *const bad [] = {"\x80",
                                       "\xc0\x80",
                                       "\xc1\xbf",
                                       "\xe0\x9f\xbf",
                                       "\xed\xa0\x80",
                                       "\xf0\x8f\xbf\xbf",
                                       "\xf4\x90\x80\x80",
                                       "\xf5\x80\x80\x80",
                                       "\xff",
                                       "\xc3"
                                       "A",
                                       "\xe2\x82"
                                       "A"};
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad [0]); i++) {
        uint32_t code = 77;
        assert_int_equal (utf8_next (bad [i], strlen (bad [i]), &code), 0);
        assert_int_equal (code, 77);
    }
}

static void
test_a_cut_never_ends_inside_a_character (void **state)
{
    const char *text = "ab\xe2\x82\xac"
                       "c"; //  a b EURO c
    assert_int_equal (utf8_cut (text, 6, 10), 6);
    assert_int_equal (utf8_cut (text, 6, 5), 5);
    assert_int_equal (utf8_cut (text, 6, 4), 2);
    assert_int_equal (utf8_cut (text, 6, 3), 2);
    assert_int_equal (utf8_cut (text, 6, 2), 2);
    assert_int_equal (utf8_cut (text, 6, 0), 0);
}

static void
test_a_text_is_cut_at_a_sentence_else_at_a_word (void **state)
{
    static const struct {
        const char *text;
        size_t max, size;
    } cuts [] = {{"One two. Three four.", 40, 20},
                 {"One two. Three four.", 14, 8},  //  after "two."
                 {"One! two three four", 10, 8},   //  the sentence ends too early
                 {"v1.2 is v1.3 or v1.4", 12, 12}, //  a stop inside a number ends no sentence
                 {"abcdefghij", 4, 4},
                 {"\xe4\xb8\x80\xe3\x80\x82\xe4\xba\x8c\xe4\xba\x8c", 9, 6},
                 {"\xe4\xba\x8c\xe4\xba\x8c", 5, 3},
                 {"abc", 0, 0}};
    for (size_t i = 0; i < sizeof (cuts) / sizeof (cuts [0]); i++)
        assert_int_equal (utf8_sentence (cuts [i].text, strlen (cuts [i].text), cuts [i].max),
                          cuts [i].size);
}

static void
test_a_cleaned_text_has_no_control_characters_and_is_utf8 (void **state)
{
    char text [] = "a\x1b[31m\xe2\x82\xac\n\xc2\x85\xe2\x82\x7f"
                   "b\xff";
    utf8_clean (text);
    assert_string_equal (text, "a.[31m\xe2\x82\xac...??.b?");
    char none [] = "";
    utf8_clean (none);
    assert_string_equal (none, "");
}

static void
test_a_copy_that_does_not_fit_ends_with_a_character (void **state)
{
    char text [4];
    utf8_copy (text, sizeof text, "abc");
    assert_string_equal (text, "abc");
    utf8_copy (text, sizeof text, "ab\xc3\xa4");
    assert_string_equal (text, "ab");
    utf8_copy (text, sizeof text, "a\xc3\xa4z");
    assert_string_equal (text, "a\xc3\xa4");
    utf8_copy (text, 1, "a");
    assert_string_equal (text, "");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_each_length_decodes_to_its_code_point),
        cmocka_unit_test (test_overlong_surrogate_and_out_of_range_forms_are_refused),
        cmocka_unit_test (test_a_cut_never_ends_inside_a_character),
        cmocka_unit_test (test_a_text_is_cut_at_a_sentence_else_at_a_word),
        cmocka_unit_test (test_a_cleaned_text_has_no_control_characters_and_is_utf8),
        cmocka_unit_test (test_a_copy_that_does_not_fit_ends_with_a_character),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
