//  Tests of common/base/err.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/err.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_every_code_has_its_own_text (void **state)
{
    for (int a = ERR_PROTO; a >= ERR_NONE; a--) {
        assert_string_not_equal (err_str (a), "unknown error");
        for (int b = a - 1; b >= ERR_NONE; b--)
            assert_string_not_equal (err_str (a), err_str (b));
    }
}

static void
test_errno_is_named_by_the_system (void **state)
{
    assert_string_equal (err_str (-ENOENT), "No such file or directory");
    assert_string_equal (err_str (0), "ok");
}

//  On exit code 78 a supervisor does not restart it.
static void
test_a_disk_that_fails_is_no_bad_configuration (void **state)
{
    static const int passes [] = {-EIO, -ENOSPC, -EDQUOT, -EROFS, -EMFILE, -ENOMEM};
    static const int stays [] = {-ENOENT, -EACCES, -ENOTDIR, -ELOOP, -ENAMETOOLONG, ERR_CONFIG};
    for (size_t i = 0; i < sizeof passes / sizeof passes [0]; i++)
        assert_int_equal (err_exit_path (passes [i]), EXIT_STORE);
    for (size_t i = 0; i < sizeof stays / sizeof stays [0]; i++)
        assert_int_equal (err_exit_path (stays [i]), EXIT_CONFIG);
}

static void
test_codes_of_nobody_still_have_a_text (void **state)
{
    assert_string_equal (err_str (INT_MIN), "unknown error");
    assert_string_equal (err_str (7), "unknown error");
    assert_string_equal (err_str (-999), "unknown error");
}

static void
test_diag_is_cut_at_its_end_and_may_be_missing (void **state)
{
    char longer [1000];
    memset (longer, 'x', sizeof (longer));
    longer [sizeof (longer) - 1] = 0;
    err_diag_t diag;
    err_diag (&diag, "%s", longer);
    assert_int_equal (strlen (diag.text), sizeof (diag.text) - 1);
    err_diag (NULL, "%s", longer);
}

static void
test_what_a_diag_quotes_is_cleaned (void **state)
{
    err_diag_t diag;
    err_diag (&diag, "near %.2s, %s", "\xe2\x82\xac", "\x1b[2J");
    assert_string_equal (diag.text, "near ??, .[2J");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_every_code_has_its_own_text),
        cmocka_unit_test (test_errno_is_named_by_the_system),
        cmocka_unit_test (test_a_disk_that_fails_is_no_bad_configuration),
        cmocka_unit_test (test_codes_of_nobody_still_have_a_text),
        cmocka_unit_test (test_diag_is_cut_at_its_end_and_may_be_missing),
        cmocka_unit_test (test_what_a_diag_quotes_is_cleaned),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
