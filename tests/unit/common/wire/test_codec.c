//  test_codec - the scan rejects hostile msgpack; good maps survive the round trip.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/codec.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/wire/msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(...) (const uint8_t []){__VA_ARGS__}, sizeof ((const uint8_t []){__VA_ARGS__})

static void
s_refused (const uint8_t *bytes, size_t size, const char *what)
{
    err_diag_t diag = {0};
    assert_int_equal (codec_scan (bytes, size, LIMIT_CHUNK_BYTES, &diag), ERR_PROTO);
    if (!strstr (diag.text, what))
        fail_msg ("\"%s\" does not speak of \"%s\"", diag.text, what);
}

static void
test_scan_takes_a_map_of_every_type_we_use (void **state)
{
    //  {"a": -1, "b": true, "c": "x", "d": h'00', "e": [{"f": nil}], "g": uint16, "h": int64}
    static const uint8_t good [] = {0x87, 0xa1, 'a',  0xff, 0xa1, 'b',  0xc3, 0xa1, 'c',  0xa1,
                                    'x',  0xa1, 'd',  0xc4, 1,    0,    0xa1, 'e',  0x91, 0x81,
                                    0xa1, 'f',  0xc0, 0xa1, 'g',  0xcd, 1,    0,    0xa1, 'h',
                                    0xd3, 0x80, 0,    0,    0,    0,    0,    0,    0};
    assert_int_equal (codec_scan (good, sizeof good, LIMIT_CHUNK_BYTES, NULL), 0);
    //  every truncation is rejected
    for (size_t size = 0; size < sizeof good; size++)
        assert_int_equal (codec_scan (good, size, LIMIT_CHUNK_BYTES, NULL), ERR_PROTO);
}

static void
test_scan_refuses_what_msgpack_c_would_take (void **state)
{
    s_refused (BYTES (0x80, 0x80), "behind the map");
    s_refused (BYTES (0x82, 0xa1, 'a', 1, 0xa1, 'a', 2), "twice");
    s_refused (BYTES (0x81, 0xa1, 'a', 0xa1, 0xff), "UTF-8");
    s_refused (BYTES (0x81, 0x01, 0x01), "not text");
    s_refused (BYTES (0x91, 0x01), "not a map");
    s_refused (BYTES (0x81, 0xa1, 'a', 0xca, 0, 0, 0, 0), "float");
    s_refused (BYTES (0x81, 0xa1, 'a', 0xd4, 1, 0), "extension");
    s_refused (BYTES (0x81, 0xa1, 'a', 0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
               "64-bit unsigned");
}

static void
test_scan_refuses_forged_lengths_without_believing_them (void **state)
{
    s_refused (BYTES (0x81, 0xa1, 'a', 0xdd, 0x04, 0, 0, 0), "more items");
    s_refused (BYTES (0xdf, 0x04, 0, 0, 0), "more pairs");
    s_refused (BYTES (0x81, 0xa1, 'a', 0xdb, 0xff, 0xff, 0xff, 0xff), "longer than allowed");
    s_refused (BYTES (0x81, 0xa1, 'a', 0xc6, 0x00, 0x00, 0xff, 0xff), "end inside");
}

static void
test_scan_bounds_depth (void **state)
{
    //  {"a": [[[...]]]}: the map is depth 1, so seven arrays fit and eight do not
    uint8_t bytes [16] = {0x81, 0xa1, 'a'};
    memset (bytes + 3, 0x91, 8);
    bytes [10] = 0xc0;
    assert_int_equal (codec_scan (bytes, 11, 64, NULL), 0);
    bytes [10] = 0x91;
    bytes [11] = 0xc0;
    s_refused (bytes, 12, "nested deeper");
}

static void
test_hello_survives_the_round_trip (void **state)
{
    own (codec_destroy) codec_t *codec = codec_new ();
    buf_t out = buf_init (LIMIT_WORK_FRAME_BYTES);
    msg_fence_t running [2] = {{.incident = codec_text ("one"), .attempt = 1},
                               {.incident = codec_text ("two"), .attempt = 7}};
    msg_hello_t hello = {.proto_min = 1,
                         .proto_max = 1,
                         .name = codec_text ("w1"),
                         .slots = 2,
                         .running = {.items = running, .count = 2}};
    assert_int_equal (codec_encode (msg_fields (MSG_HELLO), &hello, &out), 0);
    msg_hello_t back;
    assert_int_equal (codec_decode (codec, msg_fields (MSG_HELLO), (const uint8_t *) out.data,
                                    out.size, &back, sizeof back, NULL),
                      0);
    assert_true (codec_is (back.name, "w1"));
    assert_int_equal (back.slots, 2);
    assert_null (back.worker_id.data);
    assert_int_equal (back.running.count, 2);
    const msg_fence_t *second = (const msg_fence_t *) back.running.items + 1;
    assert_true (codec_is (second->incident, "two"));
    assert_int_equal (second->attempt, 7);
    buf_fini (&out);
}

static void
test_usage_survives_the_round_trip (void **state)
{
    own (codec_destroy) codec_t *codec = codec_new ();
    own (buf_fini) buf_t out = buf_init (LIMIT_WORK_FRAME_BYTES);
    msg_usage_t usage = {.agent = codec_text ("claude"), .calls = 3, .input = -1, .output = 0};
    const msg_verdict_t sent = {.incident = codec_text ("one"),
                                .attempt = 1,
                                .outcome = codec_text ("agent"),
                                .class = codec_text ("overloaded"),
                                .retry_ms = 1500,
                                .usage = {.items = &usage, .count = 1}};
    assert_int_equal (codec_encode (msg_fields (MSG_VERDICT), &sent, &out), 0);
    msg_verdict_t got;
    assert_int_equal (codec_decode (codec, msg_fields (MSG_VERDICT), (const uint8_t *) out.data,
                                    out.size, &got, sizeof got, NULL),
                      0);
    assert_true (codec_is (got.class, "overloaded"));
    assert_int_equal (got.retry_ms, 1500);
    assert_int_equal (got.usage.count, 1);
    const msg_usage_t *back = got.usage.items;
    assert_true (codec_is (back->agent, "claude"));
    assert_int_equal (back->calls, 3);
    assert_int_equal (back->input, -1);
    assert_int_equal (back->output, 0);
}

//  {"usage": {"turns": 2}}
static void
test_what_usage_leaves_out_is_unknown (void **state)
{
    static const codec_field_t row [] = {{.key = "turns", .type = CODEC_INT}, {.key = NULL}};
    static const codec_field_t rows [] = {
        {.key = "usage", .type = CODEC_MAP, .rows = row, .item_size = sizeof (int64_t)},
        {.key = NULL}};
    own (codec_destroy) codec_t *codec = codec_new ();
    const codec_list_t turns = {.items = &(int64_t){2}, .count = 1};
    own (buf_fini) buf_t little = buf_init (LIMIT_WORK_FRAME_BYTES);
    assert_int_equal (codec_encode (rows, &turns, &little), 0);
    const codec_field_t *fields = msg_fields (MSG_VERDICT);
    while (strcmp (fields->key, "usage") != 0)
        fields++;
    codec_field_t only [2] = {*fields, {.key = NULL}};
    only [0].offset = 0;
    codec_list_t list;
    assert_int_equal (codec_decode (codec, only, (const uint8_t *) little.data, little.size, &list,
                                    sizeof list, NULL),
                      0);
    const msg_usage_t *back = list.items;
    assert_int_equal (list.count, 1);
    assert_int_equal (back->turns, 2);
    assert_int_equal (back->calls, -1);
    assert_int_equal (back->cost_micro_usd, -1);
    assert_null (back->model.data);
    //  {"usage": 1}
    assert_int_equal (codec_decode (codec, only, BYTES (0x81, 0xa5, 'u', 's', 'a', 'g', 'e', 1),
                                    &list, sizeof list, NULL),
                      ERR_PROTO);
}

static void
test_the_verdict_of_an_older_worker_has_no_class_and_no_usage (void **state)
{
    own (codec_destroy) codec_t *codec = codec_new ();
    msg_verdict_t got;
    assert_int_equal (
        codec_decode (codec, msg_fields (MSG_VERDICT),
                      BYTES (0x84, 0xa8, 'i', 'n', 'c', 'i', 'd', 'e', 'n', 't', 0xa1, 'x', 0xa7,
                             'a', 't', 't', 'e', 'm', 'p', 't', 1, 0xa7, 'o', 'u', 't', 'c', 'o',
                             'm', 'e', 0xa5, 'a', 'g', 'e', 'n', 't', 0xa9, 'e', 'x', 'i', 't', '_',
                             'c', 'o', 'd', 'e', 1),
                      &got, sizeof got, NULL),
        0);
    assert_null (got.class.data);
    assert_int_equal (got.retry_ms, 0);
    assert_int_equal (got.usage.count, 0);
}

static void
test_decode_names_the_key_that_is_wrong (void **state)
{
    own (codec_destroy) codec_t *codec = codec_new ();
    static const struct {
        uint8_t bytes [32];
        size_t size;
        const char *says;
    } cases [] = {
        {{0x80}, 1, "\"number\": missing"},
        {{0x81, 0xa6, 'n', 'u', 'm', 'b', 'e', 'r', 0xa1, 'x'}, 10, "\"number\": an integer"},
        {{0x83, 0xa6, 'n', 'u', 'm',  'b',  'e', 'r', 1,   0xa5, 't',
          'o',  't',  'a', 'l', 0xff, 0xa4, 'f', 'r', 'e', 'e',  0},
         22,
         "\"total\": the number is out of range"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        msg_credit_t credit = {.free = 9};
        err_diag_t diag = {0};
        assert_int_equal (codec_decode (codec, msg_fields (MSG_CREDIT), cases [i].bytes,
                                        cases [i].size, &credit, sizeof credit, &diag),
                          ERR_PROTO);
        if (!strstr (diag.text, cases [i].says))
            fail_msg ("\"%s\" does not say %s", diag.text, cases [i].says);
        assert_int_equal (credit.free, 0);
    }
}

static void
test_unknown_keys_are_ignored (void **state)
{
    own (codec_destroy) codec_t *codec = codec_new ();
    msg_ping_t ping;
    assert_int_equal (codec_decode (codec, msg_fields (MSG_PING),
                                    BYTES (0x82, 0xa3, 'n', 'e', 'w', 0x90, 0xa6, 'n', 'o', 'w',
                                           '_', 'm', 's', 5),
                                    &ping, sizeof ping, NULL),
                      0);
    assert_int_equal (ping.now_ms, 5);
}

typedef struct {
    codec_text_t incident, phase;
    int64_t attempt, elapsed_ms, output_bytes;
} s_older_t;

//  Workers of an earlier version send two additional keys.
static void
test_the_progress_of_an_older_worker_is_taken (void **state)
{
    static const codec_field_t older [] = {
        {.key = "incident", .type = CODEC_TEXT, .offset = offsetof (s_older_t, incident)},
        {.key = "attempt", .type = CODEC_INT, .offset = offsetof (s_older_t, attempt)},
        {.key = "phase", .type = CODEC_TEXT, .offset = offsetof (s_older_t, phase)},
        {.key = "elapsed_ms", .type = CODEC_INT, .offset = offsetof (s_older_t, elapsed_ms)},
        {.key = "output_bytes", .type = CODEC_INT, .offset = offsetof (s_older_t, output_bytes)},
        {.key = NULL}};
    const s_older_t sent = {.incident = codec_text ("one"),
                            .attempt = 2,
                            .phase = codec_text ("run"),
                            .elapsed_ms = 1000,
                            .output_bytes = 5};
    own (codec_destroy) codec_t *codec = codec_new ();
    own (buf_fini) buf_t bytes = buf_init (1024);
    msg_progress_t got;
    err_diag_t diag = {0};
    assert_int_equal (codec_encode (older, &sent, &bytes), 0);
    assert_int_equal (codec_decode (codec, msg_fields (MSG_PROGRESS), (const uint8_t *) bytes.data,
                                    bytes.size, &got, sizeof got, &diag),
                      0);
    assert_true (codec_is (got.incident, "one"));
    assert_int_equal (got.attempt, 2);
    assert_true (codec_is (got.phase, "run"));
}

static void
test_copy_never_leaves_half_a_character (void **state)
{
    char text [4];
    assert_false (codec_copy (codec_text ("ab\xc3\xa9"), text, sizeof text));
    assert_string_equal (text, "ab");
    assert_true (codec_copy (codec_text ("abc"), text, sizeof text));
    assert_string_equal (text, "abc");
}

//  --- ranges

typedef union {
    msg_t msg;
    char bytes [sizeof (msg_t)];
} s_any_t;

static bool
s_has_rows (const codec_field_t *field)
{
    return field->type == CODEC_LIST || field->type == CODEC_MAP;
}

//  Fill every field with a valid value.  A list gets one item, the next of `items`.
static void
s_fill (const codec_field_t *fields, char *base, char (**items) [1024])
{
    for (size_t i = 0; fields [i].key; i++) {
        const codec_field_t *field = &fields [i];
        if (field->type == CODEC_TEXT || field->type == CODEC_BIN)
            memcpy (base + field->offset, &(codec_text_t){.data = "x", .size = 1},
                    sizeof (codec_text_t));
        if (field->type == CODEC_INT)
            memcpy (base + field->offset, &field->min, sizeof field->min);
        if (!s_has_rows (field))
            continue;
        const codec_list_t list = {.items = (*items)++, .count = 1};
        s_fill (field->rows, list.items, items);
        memcpy (base + field->offset, &list, sizeof list);
    }
}

//  The result of decoding the whole message with this number in this field.
static int
s_sent (const codec_field_t *whole, uint8_t type, const char *base, char *place, int64_t number)
{
    static s_any_t got;
    own (codec_destroy) codec_t *codec = codec_new ();
    own (buf_fini) buf_t bytes = buf_init (LIMIT_KIB (64));
    int64_t before;
    memcpy (&before, place, sizeof before);
    memcpy (place, &number, sizeof number);
    assert_int_equal (codec_encode (whole, base, &bytes), 0);
    memcpy (place, &before, sizeof before);
    return codec_decode (codec, whole, (const uint8_t *) bytes.data, bytes.size, &got,
                         msg_size (type), NULL);
}

static int
s_check_ranges (const codec_field_t *whole, const codec_field_t *fields, uint8_t type,
                const char *base, char *at)
{
    int count = 0;
    for (size_t i = 0; fields [i].key; i++) {
        const codec_field_t *field = &fields [i];
        codec_list_t list;
        memcpy (&list, at + field->offset, s_has_rows (field) ? sizeof list : 0);
        if (s_has_rows (field))
            count += s_check_ranges (whole, field->rows, type, base, list.items);
        if (field->type != CODEC_INT)
            continue;
        count++;
        const int64_t max = (int64_t) field->max;
        char *place = at + field->offset;
        print_message ("%s %s %lld..%lld\n", msg_name (type), field->key, (long long) field->min,
                       (long long) max);
        //  far enough from the ends of int64_t that the sum or difference of two cannot overflow
        assert_true (field->min < max && max <= INT64_MAX / 4 && field->min >= INT64_MIN / 4);
        assert_int_equal (s_sent (whole, type, base, place, field->min), 0);
        assert_int_equal (s_sent (whole, type, base, place, max), 0);
        assert_int_equal (s_sent (whole, type, base, place, field->min - 1), ERR_PROTO);
        assert_int_equal (s_sent (whole, type, base, place, max + 1), ERR_PROTO);
        assert_int_equal (s_sent (whole, type, base, place, INT64_MIN), ERR_PROTO);
        assert_int_equal (s_sent (whole, type, base, place, INT64_MAX), ERR_PROTO);
    }
    return count;
}

static void
test_every_integer_of_every_message_has_its_range (void **state)
{
    int count = 0;
    for (int type = 1; type < 256; type++) {
        const codec_field_t *fields = msg_fields ((uint8_t) type);
        static s_any_t whole;
        static char items [4][1024];
        char (*next) [1024] = items;
        if (!fields)
            continue;
        memset (&whole, 0, sizeof whole);
        s_fill (fields, whole.bytes, &next);
        assert_true (next <= items + 4);
        count += s_check_ranges (fields, fields, (uint8_t) type, whole.bytes, whole.bytes);
    }
    assert_in_range (count, 50, 200);
}

static void
test_a_text_that_is_not_utf8_goes_as_one_that_is (void **state)
{
    static const struct {
        const char *text;
        size_t size;
        const char *got;
    } cases [] = {{"cut \xc3", 5, "cut ?"},
                  {"\xe2\x82\xac \xe2\x82", 6, "\xe2\x82\xac ??"},
                  {"\xff\xc3\xa9", 3, "?\xc3\xa9"},
                  {"a\0b", 3, "a?b"},
                  {"", 0, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        own (codec_destroy) codec_t *codec = codec_new ();
        own (buf_fini) buf_t out = buf_init (1024);
        msg_credit_t credit = {.held = {cases [i].text, cases [i].size}};
        assert_int_equal (codec_encode (msg_fields (MSG_CREDIT), &credit, &out), 0);
        err_diag_t diag = {""};
        msg_credit_t got = {0};
        assert_int_equal (codec_decode (codec, msg_fields (MSG_CREDIT), (const uint8_t *) out.data,
                                        out.size, &got, sizeof got, &diag),
                          0);
        assert_true (codec_is (got.held, cases [i].got));
    }
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_every_integer_of_every_message_has_its_range),
        cmocka_unit_test (test_scan_takes_a_map_of_every_type_we_use),
        cmocka_unit_test (test_scan_refuses_what_msgpack_c_would_take),
        cmocka_unit_test (test_scan_refuses_forged_lengths_without_believing_them),
        cmocka_unit_test (test_scan_bounds_depth),
        cmocka_unit_test (test_hello_survives_the_round_trip),
        cmocka_unit_test (test_usage_survives_the_round_trip),
        cmocka_unit_test (test_what_usage_leaves_out_is_unknown),
        cmocka_unit_test (test_the_verdict_of_an_older_worker_has_no_class_and_no_usage),
        cmocka_unit_test (test_decode_names_the_key_that_is_wrong),
        cmocka_unit_test (test_unknown_keys_are_ignored),
        cmocka_unit_test (test_the_progress_of_an_older_worker_is_taken),
        cmocka_unit_test (test_copy_never_leaves_half_a_character),
        cmocka_unit_test (test_a_text_that_is_not_utf8_goes_as_one_that_is),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
