//  Tests of common/base/ident.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/ident.h"

#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_given_bytes_make_the_layout_of_the_rfc (void **state)
{
    //  RFC 9562 A.6: unix_ts_ms 0x017F22E279B0, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F.
    const uint8_t random [10] = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    ident_t id = ident_make (INT64_C (0x017F22E279B0), random);
    assert_string_equal (id.text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    assert_true (ident_valid (id.text));
}

static void
test_new_ids_rise_even_when_the_clock_stands_or_goes_back (void **state)
{
    ident_t last = ident_new (1000000);
    for (int i = 0; i < 10000; i++) {
        ident_t next = ident_new (i % 3 ? 1000000 : 999000);
        assert_true (strcmp (next.text, last.text) > 0);
        assert_true (ident_valid (next.text));
        last = next;
    }
}

static void
test_only_canonical_lower_case_ids_are_valid (void **state)
{
    static const char *const bad [] = {
        "",
        "..",
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
        "017f22e2-79b0-7cc3-98c4/dc0c0c07398f",
        "017f22e2079b0-7cc3-98c4-dc0c0c07398f",
        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
        "../../../../../../../../etc/passwd..",
    };
    for (size_t i = 0; i < sizeof (bad) / sizeof (bad [0]); i++)
        assert_false (ident_valid (bad [i]));
    assert_false (ident_valid (NULL));
    assert_true (ident_valid ("00000000-0000-0000-0000-000000000000"));
}

static void
test_sessions_differ_and_are_never_zero (void **state)
{
    uint64_t last = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t next = ident_random64 ();
        assert_true (next != 0 && next != last);
        last = next;
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_given_bytes_make_the_layout_of_the_rfc),
        cmocka_unit_test (test_new_ids_rise_even_when_the_clock_stands_or_goes_back),
        cmocka_unit_test (test_only_canonical_lower_case_ids_are_valid),
        cmocka_unit_test (test_sessions_differ_and_are_never_zero),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
