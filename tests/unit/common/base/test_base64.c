//  Tests of common/base/base64.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/base64.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_the_published_vectors_in_both_directions (void **state)
{
    static const char *const rows [][2] = {//  RFC 4648 section 10
                                           {"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        own (buf_fini) buf_t text = buf_init (64);
        uint8_t bytes [16];
        size_t size = 99;
        assert_int_equal (base64_encode (&text, rows [i][0], strlen (rows [i][0])), 0);
        assert_string_equal (text.data, rows [i][1]);
        assert_int_equal (base64_decode (text.data, text.size, bytes, sizeof bytes, &size), 0);
        assert_int_equal (size, strlen (rows [i][0]));
        assert_memory_equal (bytes, rows [i][0], size);
    }
}

static void
test_every_byte_and_length_survives (void **state)
{
    uint8_t bytes [700], back [sizeof bytes];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes [i] = (uint8_t) (i * 7);
    for (size_t size = 0; size <= sizeof bytes; size += size < 300 ? 1 : 100) {
        own (buf_fini) buf_t text = buf_init (LIMIT_KIB (2));
        size_t read = 0;
        assert_int_equal (base64_encode (&text, bytes, size), 0);
        assert_int_equal (base64_decode (text.data, text.size, back, sizeof back, &read), 0);
        assert_int_equal (read, size);
        assert_memory_equal (back, bytes, size);
    }
}

static void
test_what_is_no_base64_is_refused (void **state)
{
    static const char *const rows [] = {
        "Z",      "Zg",     "Zg=",        "Zg= =", "Zh==", "Zm9=",     "====",     "=Zg=",
        "Zg==\n", " Zg== ", "Zm9v\nZm9v", "Zm-_",  "Z===", "Zg==Zg==", "Zm8=====", "\xff\xff=="};
    uint8_t bytes [16];
    size_t size = 99;
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++)
        assert_int_equal (base64_decode (rows [i], strlen (rows [i]), bytes, sizeof bytes, &size),
                          ERR_PROTO);
    assert_int_equal (base64_decode ("Zm9vYg==", 8, bytes, 3, &size), ERR_LIMIT);
    assert_int_equal (size, 99);
    own (buf_fini) buf_t small = buf_init (7);
    assert_int_equal (base64_encode (&small, "foobar", 6), ERR_LIMIT);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_published_vectors_in_both_directions),
        cmocka_unit_test (test_every_byte_and_length_survives),
        cmocka_unit_test (test_what_is_no_base64_is_refused),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
