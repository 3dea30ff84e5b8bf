//  Tests of broker/admin/admin_query.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"

static void
test_a_number_is_digits_in_its_range (void **state)
{
    static const char *const bad [] = {"",    "-1",  "+1", " 1",  "1 ",
                                       "0x1", "1e3", "0",  "201", "99999999999999999999"};
    int64_t number = 42;
    for (size_t i = 0; i < sizeof bad / sizeof bad [0]; i++) {
        assert_int_equal (admin_query_number (bad [i], 1, 200, &number), ERR_PROTO);
        assert_int_equal (number, 42);
    }
    assert_int_equal (admin_query_number ("0200", 1, 200, &number), 0);
    assert_int_equal (number, 200);
}

static void
test_what_is_not_asked_for_is_a_whole_page_from_the_newest (void **state)
{
    const admin_query_t query = admin_query_init ();
    assert_null (query.state);
    assert_null (query.reason);
    assert_int_equal (query.before, 0);
    assert_int_equal (query.after, 0);
    assert_int_equal (query.limit, LIMIT_HTTP_PAGE_ROWS);
}

static void
test_a_bad_parameter_is_named_and_changes_nothing (void **state)
{
    err_diag_t diag = {{0}};
    admin_query_t query = admin_query_init ();
    assert_int_equal (admin_query_set (&query, "limit", "201", &diag), ERR_PROTO);
    assert_string_equal (diag.text, "limit: a number from 1 to 200 expected");
    assert_int_equal (query.limit, LIMIT_HTTP_PAGE_ROWS);
    assert_int_equal (admin_query_set (&query, "limits", "1", &diag), ERR_PROTO);
    assert_string_equal (diag.text, "unknown query parameter");
    assert_int_equal (admin_query_set (&query, "after", "0", &diag), 0);
    assert_int_equal (admin_query_set (&query, "before", "7", &diag), 0);
    assert_int_equal (query.before, 7);
    assert_int_equal (admin_query_set (&query, "state", "failed", &diag), 0);
    assert_string_equal (query.state, "failed");
}

static void
test_a_fault_is_described_by_its_parameters (void **state)
{
    err_diag_t diag = {{0}};
    admin_query_t query = admin_query_init ();
    assert_null (query.cluster);
    assert_int_equal (admin_query_set (&query, "cluster", "c", &diag), 0);
    assert_int_equal (admin_query_set (&query, "namespace", "n", &diag), 0);
    assert_int_equal (admin_query_set (&query, "severity", "s", &diag), 0);
    assert_int_equal (admin_query_set (&query, "type", "t", &diag), 0);
    assert_string_equal (query.cluster, "c");
    assert_string_equal (query.namespace_, "n");
    assert_string_equal (query.severity, "s");
    assert_string_equal (query.type, "t");
    for (size_t i = 0; i < LIMIT_LABELS; i++)
        assert_int_equal (admin_query_set (&query, "label", "a=b", &diag), 0);
    assert_int_equal (query.label_count, LIMIT_LABELS);
    assert_int_equal (admin_query_set (&query, "label", "a=b", &diag), ERR_PROTO);
    assert_string_equal (diag.text, "label: at most 16 expected");
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_number_is_digits_in_its_range),
        cmocka_unit_test (test_what_is_not_asked_for_is_a_whole_page_from_the_newest),
        cmocka_unit_test (test_a_bad_parameter_is_named_and_changes_nothing),
        cmocka_unit_test (test_a_fault_is_described_by_its_parameters),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
