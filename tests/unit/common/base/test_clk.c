//  Tests of common/base/clk.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/clk.h"
#include "common/base/err.h"
#include "common/base/own.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
s_same_time (const char *text, const char *utc)
{
    int64_t ms = 0;
    char back [CLK_TEXT];
    assert_int_equal (clk_parse (text, &ms), 0);
    clk_text (ms, back, sizeof (back));
    assert_string_equal (back, utc);
}

static void
test_a_manual_clock_moves_only_when_told (void **state)
{
    own (clk_destroy) clk_t *clk = clk_new_manual (100, 5000);
    assert_int_equal (clk_now (clk).boot_ms, 100);
    clk_advance (clk, 7, -1000);
    assert_int_equal (clk_now (clk).boot_ms, 107);
    assert_int_equal (clk_now (clk).wall_ms, 4000);
}

static void
test_the_real_boot_clock_never_goes_back (void **state)
{
    own (clk_destroy) clk_t *clk = clk_new ();
    clk_now_t last = clk_now (clk);
    assert_true (last.wall_ms > INT64_C (1700000000000));
    for (int i = 0; i < 1000; i++) {
        clk_now_t now = clk_now (clk);
        assert_true (now.boot_ms >= last.boot_ms);
        last = now;
    }
}

static void
test_text_has_milliseconds_and_is_clamped_to_four_digit_years (void **state)
{
    char text [CLK_TEXT];
    clk_text (INT64_C (1768480496789), text, sizeof (text));
    assert_string_equal (text, "2026-01-15T12:34:56.789Z");
    clk_text (-5, text, sizeof (text));
    assert_string_equal (text, "1970-01-01T00:00:00.000Z");
    clk_text (INT64_MAX, text, sizeof (text));
    assert_string_equal (text, "9999-12-31T23:59:59.999Z");
}

static void
test_parse_reads_offsets_and_fractions (void **state)
{
    s_same_time ("2026-01-15T12:34:56Z", "2026-01-15T12:34:56.000Z");
    s_same_time ("2026-01-15t12:34:56.5z", "2026-01-15T12:34:56.500Z");
    s_same_time ("2026-01-15T12:34:56.123456789+02:00", "2026-01-15T10:34:56.123Z");
    s_same_time ("2026-01-15T23:34:56-05:30", "2026-01-16T05:04:56.000Z");
    s_same_time ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z");
    s_same_time ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z");
}

static void
test_parse_refuses_what_is_no_time (void **state)
{
    static const char *const bad [] = {
        "",
        "2026",
        "2026-01-15",
        "2026-01-15T12:34:56",
        "2026-13-15T12:34:56Z",
        "2026-02-29T12:34:56Z",
        "2026-04-31T12:34:56Z",
        "2026-01-15T24:00:00Z",
        "2026-01-15T12:34:61Z",
        "2026-01-15T12:34:56.Z",
        "2026-01-15T12:34:56Z ",
        "2026-01-15T12:34:56+2:00",
        "2026-01-15T12:34:56+24:00",
        " 2026-01-15T12:34:56Z",
        "-026-01-15T12:34:56Z",
    };
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad [0]); i++) {
        int64_t ms = 42;
        assert_int_equal (clk_parse (bad [i], &ms), ERR_PROTO);
        assert_int_equal (ms, 42);
    }
}

static void
test_the_stopwatch_never_goes_back (void **state)
{
    const int64_t from_us = clk_us ();
    for (int i = 0; i < 1000; i++)
        assert_true (clk_us () >= from_us);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_manual_clock_moves_only_when_told),
        cmocka_unit_test (test_the_real_boot_clock_never_goes_back),
        cmocka_unit_test (test_text_has_milliseconds_and_is_clamped_to_four_digit_years),
        cmocka_unit_test (test_parse_reads_offsets_and_fractions),
        cmocka_unit_test (test_parse_refuses_what_is_no_time),
        cmocka_unit_test (test_the_stopwatch_never_goes_back),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
