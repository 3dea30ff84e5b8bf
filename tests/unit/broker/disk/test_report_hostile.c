//  Reports that nobody should write: no text, too much of it, or input that upsets a parser.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/disk/report.h"
#include "common/base/buf.h"
#include "common/base/json.h"

#include <string.h>

//  Bytes that are no text, and texts with active content.
static void
test_what_comes_out_is_one_line_of_valid_text (void **state)
{
    static const char bytes [] = "## Root Cause\n\nA\xff\xc3( \x1b[31mred\x07 \xe2\x80\xae"
                                 "backwards &#x202e;&#0;&#7;&#99999999; \x00 end.\x1f\n";
    report_t report;
    assert_int_equal (report_read (bytes, sizeof bytes - 1, &report), 0);
    assert_true (json_utf8_valid (report.root_cause, strlen (report.root_cause)));
    for (const char *at = report.root_cause; *at; at++)
        assert_true ((unsigned char) *at >= ' ');
    assert_null (strstr (report.root_cause, "\xe2\x80\xae"));
    assert_non_null (strstr (report.root_cause, "backwards"));
    assert_non_null (strstr (report.root_cause, "end."));
}

//  Each of these made some Markdown parser slow or large.  The test's time limit decides.
static void
test_hostile_megabytes_are_read_in_bounded_time_and_memory (void **state)
{
    static const char *const units [] = {"[",           "![",
                                         "*a_",         "**",
                                         "`",           "<",
                                         "<a ",         "> ",
                                         "- ",          "|a",
                                         "|\n|-\n",     "#\n",
                                         "\\",          "&#1;",
                                         "[a](b",       "[a]: b\n",
                                         "a\n\n",       "_a ",
                                         "* * *\n",     "- - ",
                                         "confidence ", "# Root Cause\n",
                                         "|\n",         "~~~\n",
                                         "<!-- ",       "\xff"};
    for (size_t i = 0; i < sizeof units / sizeof units [0]; i++) {
        buf_t text = buf_init (LIMIT_REPORT_PARSE_BYTES + LIMIT_KIB (1));
        buf_text (&text, "# Root Cause\n\nDisk full.\n\n");
        while (text.size < LIMIT_REPORT_PARSE_BYTES)
            buf_text (&text, units [i]);
        report_t report;
        assert_int_equal (report_read (text.data, text.size, &report), 0);
        assert_true (strncmp (report.root_cause, "Disk full.", 10) == 0);
        buf_fini (&text);
    }
}

//  md4c reads the byte after a text that ends with an unfinished link.
static void
test_what_stands_behind_a_report_is_not_read (void **state)
{
    static const char markdown [] = "## Root Cause\n\nThe limit is too low. [see](`";
    static const char *const behind [] = {"`", "``", "](a)", "\n`", ")", "(", "\"", "*"};
    for (size_t i = 0; i < sizeof behind / sizeof behind [0]; i++) {
        char memory [sizeof markdown + 64];
        strcpy (memory, markdown);
        for (int k = 0; k < 10; k++)
            strcat (memory, behind [i]);
        report_t report;
        assert_int_equal (report_read (memory, sizeof markdown - 1, &report), 0);
        assert_string_equal (report.root_cause, "The limit is too low. [see](`");
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_what_comes_out_is_one_line_of_valid_text),
        cmocka_unit_test (test_hostile_megabytes_are_read_in_bounded_time_and_memory),
        cmocka_unit_test (test_what_stands_behind_a_report_is_not_read),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
