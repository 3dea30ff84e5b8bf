//  Tests of common/base/digest.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/digest.h"
#include "common/base/own.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" //  FIPS 180-2 B.1

static void
test_the_published_vector_in_one_shot_and_in_pieces (void **state)
{
    char hex [DIGEST_HEX];
    digest_hex ("abc", 3, hex);
    assert_string_equal (hex, ABC);
    own (digest_destroy) digest_t *digest = digest_new ();
    for (int round = 0; round < 2; round++) { //  finish starts again
        digest_add (digest, "a", 1);
        digest_add (digest, "bc", 2);
        digest_finish_hex (digest, hex);
        assert_string_equal (hex, ABC);
    }
}

static void
test_fields_are_not_the_same_as_their_concatenation (void **state)
{
    char one [DIGEST_HEX], other [DIGEST_HEX];
    own (digest_destroy) digest_t *digest = digest_new ();
    digest_field (digest, "ab");
    digest_field (digest, "c");
    digest_finish_hex (digest, one);
    digest_field (digest, "a");
    digest_field (digest, "bc");
    digest_finish_hex (digest, other);
    assert_string_not_equal (one, other);
}

static void
test_only_64_lower_case_hex_digits_are_a_digest (void **state)
{
    char hex [DIGEST_HEX];
    digest_hex ("abc", 3, hex);
    assert_true (digest_valid (hex));
    hex [DIGEST_HEX - 2] = 'A';
    assert_false (digest_valid (hex));
    hex [DIGEST_HEX - 2] = 0;
    assert_false (digest_valid (hex));
    assert_false (digest_valid (""));
    assert_false (digest_valid (ABC "0"));
}

static void
test_hmac_and_md5_give_the_published_answers (void **state)
{
    static const uint8_t mac [DIGEST_BYTES] = {//  RFC 4231 4.3
                                               0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e,
                                               0x6a, 0x04, 0x24, 0x26, 0x08, 0x95, 0x75, 0xc7,
                                               0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83,
                                               0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    static const uint8_t md5 [DIGEST_MD5] = {//  RFC 1321 A.5
                                             0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                             0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
    uint8_t bytes [DIGEST_BYTES];
    digest_hmac ("Jefe", 4, "what do ya want for nothing?", 28, bytes);
    assert_memory_equal (bytes, mac, sizeof mac);
    digest_md5 ("abc", 3, bytes);
    assert_memory_equal (bytes, md5, sizeof md5);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_the_published_vector_in_one_shot_and_in_pieces),
        cmocka_unit_test (test_fields_are_not_the_same_as_their_concatenation),
        cmocka_unit_test (test_hmac_and_md5_give_the_published_answers),
        cmocka_unit_test (test_only_64_lower_case_hex_digits_are_a_digest),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
