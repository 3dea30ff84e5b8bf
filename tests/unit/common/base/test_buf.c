//  Tests of common/base/buf.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/buf.h"
#include "common/base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_an_empty_buffer_reads_as_an_empty_string (void **state)
{
    own (buf_fini) buf_t buf = buf_init (10);
    assert_string_equal (buf.data, "");
    buf_consume (&buf, 0);
    buf_reset (&buf);
    assert_string_equal (buf.data, "");
}

static void
test_exactly_max_fits_and_one_more_fails_for_good (void **state)
{
    own (buf_fini) buf_t buf = buf_init (4);
    assert_int_equal (buf_text (&buf, "abcd"), 0);
    assert_int_equal (buf_text (&buf, "e"), ERR_LIMIT);
    assert_int_equal (buf_append (&buf, "", 0), ERR_LIMIT);
    assert_int_equal (buf.failed, ERR_LIMIT);
    assert_string_equal (buf.data, "abcd");
    buf_reset (&buf);
    assert_int_equal (buf_printf (&buf, "%d", 1234), 0);
    assert_int_equal (buf_printf (&buf, "%d", 5), ERR_LIMIT);
    assert_string_equal (buf.data, "1234");
}

static void
test_a_size_near_the_end_of_memory_does_not_wrap (void **state)
{
    own (buf_fini) buf_t buf = buf_init (100);
    assert_int_equal (buf_text (&buf, "abc"), 0);
    assert_int_equal (buf_append (&buf, "x", SIZE_MAX - 1), ERR_LIMIT);
    assert_string_equal (buf.data, "abc");
}

static void
test_many_small_appends_keep_order_and_the_final_nul (void **state)
{
    own (buf_fini) buf_t buf = buf_init (5000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal (buf_printf (&buf, "%04d,", i), 0);
        assert_int_equal (buf.data [buf.size], 0);
    }
    assert_int_equal (buf.size, 5000);
    assert_memory_equal (buf.data + 4995, "0999,", 5);
    buf_consume (&buf, 4995);
    assert_string_equal (buf.data, "0999,");
}

static void
test_take_hands_out_the_block_and_leaves_an_empty_buffer (void **state)
{
    own (buf_fini) buf_t buf = buf_init (10);
    assert_int_equal (buf_text (&buf, "abc"), 0);
    own (own_mem) char *text = buf_take (&buf);
    assert_string_equal (text, "abc");
    assert_int_equal (buf.size, 0);
    own (own_mem) char *nothing = buf_take (&buf);
    assert_string_equal (nothing, "");
    buf_fini (&buf);
    buf_fini (&buf);
}

static void
s_write (const char *path, const char *text)
{
    FILE *file = fopen (path, "we");
    assert_non_null (file);
    assert_int_equal (fwrite (text, 1, strlen (text), file), strlen (text));
    assert_int_equal (fclose (file), 0);
}

static void
test_read_file_takes_a_regular_file_up_to_max (void **state)
{
    s_write ("buf-six", "sixsix");
    own (buf_fini) buf_t six = buf_init (6);
    assert_int_equal (buf_read_file (&six, "buf-six"), 0);
    assert_string_equal (six.data, "sixsix");
    own (buf_fini) buf_t five = buf_init (5);
    assert_int_equal (buf_read_file (&five, "buf-six"), ERR_LIMIT);
    (void) unlink ("buf-six");
}

static void
test_read_file_refuses_what_is_not_a_regular_file (void **state)
{
    own (buf_fini) buf_t buf = buf_init (100);
    s_write ("buf-target", "x");
    assert_int_equal (symlink ("buf-target", "buf-link"), 0);
    assert_int_equal (mkfifo ("buf-fifo", 0600), 0);
    assert_int_equal (buf_read_file (&buf, "buf-link"), -ELOOP);
    assert_int_equal (buf_read_file (&buf, "buf-fifo"), -ELOOP);
    assert_int_equal (buf_read_file (&buf, "."), -EISDIR);
    assert_int_equal (buf_read_file (&buf, "buf-missing"), -ENOENT);
    (void) unlink ("buf-target");
    (void) unlink ("buf-link");
    (void) unlink ("buf-fifo");
}

static void
test_a_file_larger_than_its_stat_says_is_refused (void **state)
{
    //  Files in /proc have size 0 but contents.
    own (buf_fini) buf_t buf = buf_init (100000);
    assert_int_equal (buf_read_file (&buf, "/proc/self/status"), ERR_LIMIT);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_an_empty_buffer_reads_as_an_empty_string),
        cmocka_unit_test (test_exactly_max_fits_and_one_more_fails_for_good),
        cmocka_unit_test (test_a_size_near_the_end_of_memory_does_not_wrap),
        cmocka_unit_test (test_many_small_appends_keep_order_and_the_final_nul),
        cmocka_unit_test (test_take_hands_out_the_block_and_leaves_an_empty_buffer),
        cmocka_unit_test (test_read_file_takes_a_regular_file_up_to_max),
        cmocka_unit_test (test_read_file_refuses_what_is_not_a_regular_file),
        cmocka_unit_test (test_a_file_larger_than_its_stat_says_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
