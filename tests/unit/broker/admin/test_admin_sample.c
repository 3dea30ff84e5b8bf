//  Tests of broker/admin/admin_sample.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/admin/admin_sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/own.h"

#include <string.h>

static void
test_a_value_cannot_leave_its_quotes (void **state)
{
    own (buf_fini) buf_t out = buf_init (256);
    admin_sample (&out, "m", "cluster", "a\"b\\c\nd", 1.5);
    assert_string_equal (out.data, "m{cluster=\"a\\\"b\\\\c\\nd\"} 1.5\n");
}

static void
test_bytes_that_are_not_utf8_are_shown_as_question_marks (void **state)
{
    own (buf_fini) buf_t out = buf_init (256);
    admin_sample (&out, "m", "l", "\xc3\xa4", 0);
    admin_sample (&out, "m", "l", "a\xff", 0);
    assert_string_equal (out.data, "m{l=\"\xc3\xa4\"} 0\nm{l=\"a?\"} 0\n");
}

static void
test_a_second_label_follows_the_first (void **state)
{
    own (buf_fini) buf_t out = buf_init (256);
    admin_sample_of (&out, "m", "worker", "w1", "state", "free", 3);
    assert_string_equal (out.data, "m{worker=\"w1\",state=\"free\"} 3\n");
}

static void
test_buckets_of_a_histogram_add_up (void **state)
{
    step_histogram_t histogram = {.sum_ms = 2500};
    histogram.buckets [0] = 2;
    histogram.buckets [STEP_BOUNDS] = 1;
    own (buf_fini) buf_t out = buf_init (LIMIT_KIB (8)), bare = buf_init (LIMIT_KIB (8));
    admin_sample_histogram (&out, "m", &histogram, "outcome", "success");
    assert_non_null (strstr (out.data, "m_bucket{outcome=\"success\",le=\"+Inf\"} 3\n"));
    assert_non_null (strstr (out.data, "m_sum{outcome=\"success\"} 2.500\n"));
    assert_non_null (strstr (out.data, "m_count{outcome=\"success\"} 3\n"));
    admin_sample_histogram (&bare, "m", &histogram, NULL, NULL);
    assert_non_null (strstr (bare.data, "m_bucket{le=\"+Inf\"} 3\n"));
    assert_non_null (strstr (bare.data, "m_sum 2.500\nm_count 3\n"));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_a_value_cannot_leave_its_quotes),
        cmocka_unit_test (test_bytes_that_are_not_utf8_are_shown_as_question_marks),
        cmocka_unit_test (test_a_second_label_follows_the_first),
        cmocka_unit_test (test_buckets_of_a_histogram_add_up),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
