//  test_frame - the bytes of the header are as in the protocol.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t s_golden [FRAME_BYTES] = {
    'K',  '8',  'T',  '1',  1,    9,    0x34, 0x12, //  magic, version, type, flags
    0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01, //  session
    7,    0,    0,    0,    0,    0,    0,    0,    //  seq
    0,    0,    0,    0,    0,    0,    0,    0x80, //  corr
};

static void
test_encode_gives_the_golden_bytes (void **state)
{
    frame_t frame = {.version = 1,
                     .type = 9,
                     .flags = 0x1234,
                     .session = 0x0123456789abcdef,
                     .seq = 7,
                     .corr = 0x8000000000000000};
    uint8_t bytes [FRAME_BYTES];
    frame_encode (&frame, bytes);
    assert_memory_equal (bytes, s_golden, sizeof s_golden);
}

static void
test_decode_reads_back_what_encode_wrote (void **state)
{
    frame_t frame;
    assert_int_equal (frame_decode (s_golden, sizeof s_golden, &frame), 0);
    assert_int_equal (frame.type, 9);
    assert_int_equal (frame.flags, 0x1234);
    assert_true (frame.session == 0x0123456789abcdef);
    assert_true (frame.seq == 7);
    assert_true (frame.corr == 0x8000000000000000);
}

static void
test_wrong_size_or_magic_leaves_the_result_alone (void **state)
{
    frame_t frame = {.type = 77};
    uint8_t bytes [FRAME_BYTES + 1] = {0};
    memcpy (bytes, s_golden, FRAME_BYTES);
    assert_int_equal (frame_decode (bytes, FRAME_BYTES - 1, &frame), ERR_PROTO);
    assert_int_equal (frame_decode (bytes, FRAME_BYTES + 1, &frame), ERR_PROTO);
    bytes [0] = 'k';
    assert_int_equal (frame_decode (bytes, FRAME_BYTES, &frame), ERR_PROTO);
    assert_int_equal (frame.type, 77);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_encode_gives_the_golden_bytes),
        cmocka_unit_test (test_decode_reads_back_what_encode_wrote),
        cmocka_unit_test (test_wrong_size_or_magic_leaves_the_result_alone),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
