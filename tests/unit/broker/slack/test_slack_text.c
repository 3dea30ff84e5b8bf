//  Foreign text: escaped, on one line, cut at a good place.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/slack/slack_text.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define ZERO "\xe2\x80\x8b" //  U+200B

static const char *
s_add (const char *text, size_t max, bool brief)
{
    static char found [16384];
    own (buf_fini) buf_t out = buf_init (sizeof found - 1);
    if (brief)
        slack_text_brief (&out, text, max);
    else
        slack_text_add (&out, text, max);
    assert_int_equal (out.failed, 0);
    assert_true (slack_text_units (out.data) <= max);
    snprintf (found, sizeof found, "%s", out.data);
    return found;
}

static void
s_check (const char *text, const char *expected)
{
    assert_string_equal (s_add (text, 1000, false), expected);
}

static void
s_check_brief (const char *text, const char *expected)
{
    assert_string_equal (s_add (text, 1000, true), expected);
}

static void
test_characters_that_mean_something_are_escaped (void **state)
{
    s_check ("a & b < c > d", "a &amp; b &lt; c &gt; d");
    s_check ("&lt;", "&amp;lt;");
    s_check ("`x` *b* ~s~ _i_", "'x' \xe2\x88\x97"
                                "b\xe2\x88\x97 \xe2\x88\xbcs\xe2\x88\xbc _i_");
    s_check ("one\ntwo\r\n\tthree\xe2\x80\xa8"
             "four",
             "one two   three four");
    s_check ("\xff x \xe2\x82", "\xef\xbf\xbd x \xef\xbf\xbd\xef\xbf\xbd");
}

static void
test_fullwidth_forms_are_escaped_as_what_they_look_like (void **state)
{
    s_check ("\xef\xbc\x9c!here\xef\xbc\x9e", "&lt;!here&gt;");
    s_check ("\xef\xb9\xa4@U1\xef\xb9\xa5", "&lt;@" ZERO "U1&gt;");
    s_check ("\xef\xbc\x86lt;", "&amp;lt;");
    s_check ("x\xef\xbc\xa0here", "x@" ZERO "here");
    s_check ("x@\xef\xbd\x88\xef\xbd\x85\xef\xbd\x92\xef\xbd\x85",
             "x@" ZERO "\xef\xbd\x88\xef\xbd\x85\xef\xbd\x92\xef\xbd\x85");
}

static void
test_a_mention_is_broken_and_an_address_stays (void **state)
{
    s_check ("@here", "@" ZERO "here");
    s_check ("x@Here x@channels", "x@" ZERO "Here x@" ZERO "channels");
    s_check ("x@h\xcd\x8f"
             "ere",
             "x@" ZERO "h\xcd\x8f"
             "ere");
    s_check ("x@he" ZERO "re", "x@" ZERO "here");
    s_check ("nginx@sha256:0123 by me@example.com", "nginx@sha256:0123 by me@example.com");
}

static void
test_an_emoji_is_told_as_text_and_a_time_stays (void **state)
{
    s_check (":fire: :+1: 12:34:56 :100:", ":" ZERO "fire: :" ZERO "+1: 12:34:56 :" ZERO "100:");
}

static void
test_control_text_goes_and_joined_characters_stay (void **state)
{
    s_check ("\x1b[1;31mDisk\x1b[0m \x1b]0;title\x07"
             "full",
             "Disk full");
    s_check ("\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x94\xa7.",
             "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x94\xa7.");
    s_check ("a\xe2\x80\xae"
             "b\xef\xbb\xbf"
             "c",
             "abc");
}

static void
test_a_notification_has_no_address_that_becomes_a_link (void **state)
{
    s_check ("see https://x.example/a", "see https://x.example/a");
    s_check_brief ("see https://x.example/a", "see https:" ZERO "//x." ZERO "example/a");
    s_check_brief ("www.evil.org", "www." ZERO "evil." ZERO "org");
    s_check_brief ("mailto:a@b.c", "mailto:" ZERO "a@" ZERO "b." ZERO "c");
    s_check_brief ("mailto:/<x>", "mailto:" ZERO "/&lt;x&gt;");
    s_check_brief ("mailto:%61 of a: b", "mailto:" ZERO "%61 of a: b");
    s_check_brief ("10.96.14.7:5432 at 12:30 v1.2.", "10.96.14.7:5432 at 12:30 v1.2.");
}

static void
test_lengths_are_characters_and_not_bytes (void **state)
{
    assert_int_equal (slack_text_units ("abc"), 3);
    assert_int_equal (slack_text_units ("\xe4\xb8\xad\xc3\xa9"), 2);
    assert_int_equal (slack_text_units ("\xf0\x9f\x94\xa5"), 2);
    char text [3 * 100 + 1];
    for (size_t i = 0; i < 100; i++)
        memcpy (text + 3 * i, "\xe4\xb8\xad", 4);
    assert_int_equal (slack_text_units (s_add (text, 100, false)), 100);
    assert_int_equal (slack_text_units (s_add (text, 99, false)), 99);
}

static void
test_a_text_is_cut_at_a_sentence (void **state)
{
    assert_string_equal (s_add ("The disk is full. Nobody knows why it is.", 30, false),
                         "The disk is full. \xe2\x80\xa6");
    assert_string_equal (s_add ("&&&&&&&&", 17, false), "&amp;&amp;&amp; \xe2\x80\xa6");
    assert_string_equal (s_add ("abcdef", 6, false), "abcdef");
    for (size_t max = 2; max < 20; max++)
        s_add ("\xf0\x9f\x94\xa5\xf0\x9f\x94\xa5&&\xff\xff<<@here :fire: x", max, max % 2);
}

//  A cut inside a joined character moves before it.
static void
test_no_cut_goes_through_what_is_seen_as_one_character (void **state)
{
    static const char text [] = "aaa\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x94\xa7"
                                "e\xcc\x81z";
    for (size_t max = 4; max < 14; max++)
        assert_int_equal (utf8_sentence (text, sizeof text - 1, max), 3);
    assert_int_equal (utf8_sentence (text, sizeof text - 1, 15), 14);
    static const uint32_t unseen [] = {0xad,   0x61c,  0x180e, 0x200b, 0x200e,
                                       0x200f, 0x202e, 0x2069, 0xfeff, 0xe0041};
    for (size_t i = 0; i < sizeof unseen / sizeof unseen [0]; i++)
        assert_true (utf8_unseen (unseen [i]) && !utf8_shows (unseen [i]));
    assert_false (utf8_unseen ('a') || utf8_unseen (0x20ac) || utf8_unseen (0x1f527));
    for (uint32_t code = 0; code <= 0x10ffff; code++) //  one list is a part of the other
        assert_false (utf8_unseen (code) && utf8_shows (code));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_characters_that_mean_something_are_escaped),
        cmocka_unit_test (test_fullwidth_forms_are_escaped_as_what_they_look_like),
        cmocka_unit_test (test_a_mention_is_broken_and_an_address_stays),
        cmocka_unit_test (test_an_emoji_is_told_as_text_and_a_time_stays),
        cmocka_unit_test (test_control_text_goes_and_joined_characters_stay),
        cmocka_unit_test (test_a_notification_has_no_address_that_becomes_a_link),
        cmocka_unit_test (test_lengths_are_characters_and_not_bytes),
        cmocka_unit_test (test_a_text_is_cut_at_a_sentence),
        cmocka_unit_test (test_no_cut_goes_through_what_is_seen_as_one_character),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
