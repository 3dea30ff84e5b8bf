//  redact - every copy of a secret, and nothing else.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/redact.h"

#include <stdio.h>
#include <string.h>

static void
test_every_copy_goes (void **state)
{
    redact_t secrets = {.count = 0};
    redact_add (&secrets, "sk-abcdefgh");
    redact_add (&secrets, "token-12345");
    char text [] = "sk-abcdefgh token-12345sk-abcdefgh, sk-abcdefg";
    assert_int_equal (redact (&secrets, text, sizeof text - 1), 3);
    assert_string_equal (text, "*********** **********************, sk-abcdefg");
    assert_int_equal (redact (&secrets, text, sizeof text - 1), 0);
}

static void
test_copies_that_overlap_go_whole (void **state)
{
    redact_t secrets = {.count = 0};
    redact_add (&secrets, "abcdefgh");
    redact_add (&secrets, "Bearer abcdefgh-xyz");
    redact_add (&secrets, "efgh12345678");
    char text [] = "Bearer abcdefgh-xyz, abcdefgh, abcdefgh12345678.";
    assert_int_equal (redact (&secrets, text, sizeof text - 1), 5);
    assert_string_equal (text, "*******************, ********, ****************.");
}

static void
test_nothing_beyond_the_end_is_looked_at (void **state)
{
    redact_t secrets = {.count = 0};
    redact_add (&secrets, "sk-abcdefgh");
    char text [] = "sk-abcdefgh";
    assert_int_equal (redact (&secrets, text, sizeof text - 2), 0);
    assert_int_equal (redact (&secrets, text, 0), 0);
    char zeros [] = "\0\0sk-abcdefgh";
    assert_int_equal (redact (&secrets, zeros, sizeof zeros - 1), 1);
}

static void
test_short_texts_and_too_many_are_no_secrets (void **state)
{
    redact_t secrets = {.count = 0};
    redact_add (&secrets, NULL);
    redact_add (&secrets, "");
    redact_add (&secrets, "1234567");
    assert_int_equal (secrets.count, 0);
    for (int i = 0; i < REDACT_SECRETS + 5; i++)
        redact_add (&secrets, "12345678");
    assert_int_equal (secrets.count, REDACT_SECRETS);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_every_copy_goes),
        cmocka_unit_test (test_copies_that_overlap_go_whole),
        cmocka_unit_test (test_nothing_beyond_the_end_is_looked_at),
        cmocka_unit_test (test_short_texts_and_too_many_are_no_secrets),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
