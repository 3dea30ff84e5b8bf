//  Tests of common/base/outage.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/outage.h"

#include "common/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
test_an_outage_is_said_at_once_then_seldom_and_its_end_once (void **state)
{
    outage_t self = {0}, was;
    assert_false (outage_over (&self, &was));
    int told = 0;
    for (int64_t now_ms = 31000; now_ms <= 31000 + 11 * 60000; now_ms += 15000)
        told += outage_try (&self, now_ms - 30000, now_ms);
    assert_int_equal (told, 3); //  at once, after 5 and after 10 minutes
    assert_true (outage_over (&self, &was));
    assert_int_equal (was.since_ms, 1000);
    assert_int_equal (was.tries, 45);
    assert_false (outage_over (&self, &was));
    assert_true (outage_try (&self, 5, 6)); //  another one
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_an_outage_is_said_at_once_then_seldom_and_its_end_once),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
