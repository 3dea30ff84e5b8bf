//  Tests of common/base/json_scan: against jansson, on given and on generated texts.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/json_scan.h"

#include "common/base/json.h"
#include "common/base/own.h"

#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>

#include <cmocka.h>

static int
s_scan (const char *bytes, size_t size)
{
    json_scan_t scan;
    json_scan_token_t token;
    int rc = 1;
    json_scan_start (&scan, bytes, size);
    while (rc == 1)
        rc = json_scan_next (&scan, &token, NULL);
    return rc;
}

//  A tree refuses it, but a scan accepts it.
static bool
s_tolerated (const json_error_t *error)
{
    const enum json_error_code code = json_error_code (error);
    return code == json_error_numeric_overflow || code == json_error_null_character
           || code == json_error_null_byte_in_key || code == json_error_duplicate_key
           || strstr (error->text, "invalid Unicode") || strstr (error->text, "too big");
}

//  Both judge a text alike.  Rewritten it has the same value, in one line and in many.
static void
s_check (const char *bytes, size_t size)
{
    static const json_scan_style_t styles [] = {{.indent = false}, {.indent = true}};
    json_error_t error;
    json_t *doc = json_loadb (bytes, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
    const int rc = s_scan (bytes, size);
    if (rc == ERR_LIMIT) {
        json_decref (doc);
        return;
    }
    if (doc ? rc != 0 : rc == 0 && !s_tolerated (&error)) {
        print_error ("scan %d, jansson: %s\n%.*s\n", rc, doc ? "fine" : error.text, (int) size,
                     bytes);
        fail ();
    }
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        own (buf_fini) buf_t out = buf_init (size * 200 + 100);
        size_t counted = 0, written = 0;
        assert_int_equal (json_write (bytes, size, &styles [i], NULL, &counted), 0);
        assert_int_equal (json_write (bytes, size, &styles [i], &out, &written), 0);
        assert_int_equal (counted, written);
        assert_int_equal (out.size, written);
        json_t *again =
            json_loadb (out.data, out.size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
        assert_true (again || s_tolerated (&error));
        if (doc)
            assert_true (json_equal (doc, again));
        char *wanted = doc && i == 1 ? json_dumps (doc, JSON_INDENT (2) | JSON_ENCODE_ANY) : NULL;
        if (wanted && !memchr (bytes, '.', size) && !memchr (bytes, 'e', size)
            && !memchr (bytes, 'E', size) && !memchr (bytes, '-', size)) {
            out.data [out.size - 1] = 0;
            assert_string_equal (out.data, wanted);
        }
        free (wanted);
        json_decref (again);
    }
    json_decref (doc);
}

static const char *const s_texts [] = {"",
                                       " ",
                                       "{}",
                                       "[]",
                                       "{} {}",
                                       "{}x",
                                       "null",
                                       "tru",
                                       "truex",
                                       "nulll",
                                       "1",
                                       "-",
                                       "-0",
                                       "01",
                                       "-01",
                                       "1.",
                                       "1.5",
                                       ".5",
                                       "1e",
                                       "1e5",
                                       "1E+5",
                                       "1e-",
                                       "1.5e-3",
                                       "+1",
                                       "0x1",
                                       "NaN",
                                       "Infinity",
                                       "99999999999999999999",
                                       "1e999",
                                       "\"\"",
                                       "\"",
                                       "\"\\",
                                       "\"\\\"",
                                       "\"a\\\"b\"",
                                       "\"\\x\"",
                                       "\"\\u12\"",
                                       "\"\\u123g\"",
                                       "\"\\u00e9\"",
                                       "\"\\u0000\"",
                                       "\"\\ud83d\\ude00\"",
                                       "\"\\ud83d\"",
                                       "\"\\ude00\"",
                                       "\"\\ud83dx\"",
                                       "\"\\ud83d\\n\"",
                                       "\"\\ud83d\\u0041\"",
                                       "\"\t\"",
                                       "\"\x7f\"",
                                       "\"\xff\"",
                                       "\"\xc3\"",
                                       "\"\xc3\xa9\"",
                                       "\"\xed\xa0\x80\"",
                                       "\"\xc0\x80\"",
                                       "\"\xf4\x90\x80\x80\"",
                                       "{\"a\"}",
                                       "{\"a\":}",
                                       "{\"a\":1,}",
                                       "{,}",
                                       "{a:1}",
                                       "{'a':1}",
                                       "{1:1}",
                                       "{\"a\":1 \"b\":2}",
                                       "{\"a\":1,\"b\":2}",
                                       "{\"a\" : 1 , \"b\" : [ 1 , 2 ] }",
                                       "[1,]",
                                       "[,1]",
                                       "[1 2]",
                                       "[1,,2]",
                                       "[",
                                       "{",
                                       "[}",
                                       "{]",
                                       "]",
                                       "}",
                                       "[[]",
                                       "[1]]",
                                       "{\"a\":[{\"b\":{}}]}",
                                       "\xef\xbb\xbf{}",
                                       "[1]\n",
                                       "\r\n\t [1]",
                                       "\v[]",
                                       "{\"a\":1,\"a\":2}",
                                       "{\"\":1}",
                                       "{\"\\u0061\":\"\\/\\b\\f\\n\\r\\t\\\\\"}",
                                       "[true,false,null]",
                                       "[True]",
                                       ":",
                                       ",",
                                       "[:]",
                                       "{\"a\"::1}",
                                       "{:1}",
                                       "\"\\u001f\"",
                                       "/* */ 1",
                                       "[\"a\" : 1]",
                                       "{\"a\", 1}"};

static void
test_given_texts_are_judged_as_by_a_tree (void **state)
{
    for (size_t i = 0; i < sizeof s_texts / sizeof s_texts [0]; i++)
        s_check (s_texts [i], strlen (s_texts [i]));
    s_check ("\"a\0b\"", 5);
    s_check ("[1]\0", 4);
}

static uint64_t s_random = 42;

static size_t
s_below (size_t limit)
{
    s_random = s_random * 6364136223846793005u + 1442695040888963407u;
    return (size_t) (s_random >> 33) % limit;
}

//  Random pieces of JSON, mostly invalid, sometimes valid.
static void
test_generated_texts_are_judged_as_by_a_tree (void **state)
{
    static const char *const pieces [] = {"{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          ":",
                                          "\"a\"",
                                          "\"b\":",
                                          "\"a\":",
                                          "1",
                                          "-2.5e3",
                                          "null",
                                          "true",
                                          " ",
                                          "\n",
                                          "\"\\u0000\"",
                                          "\"\\ud800\"",
                                          "\"\xc3\xa4\\n\"",
                                          "{}",
                                          "[]",
                                          "\"",
                                          "\\",
                                          "{\"x\":[1,2,{\"y\":null}]}"};
    char text [256];
    for (size_t round = 0; round < 200000; round++) {
        size_t size = 0;
        const size_t count = 1 + s_below (12);
        for (size_t i = 0; i < count; i++) {
            const char *piece = pieces [s_below (sizeof pieces / sizeof pieces [0])];
            memcpy (text + size, piece, strlen (piece));
            size += strlen (piece);
        }
        s_check (text, size);
    }
}

//  A valid text with one byte changed, cut or doubled.
static void
test_damaged_texts_are_judged_as_by_a_tree (void **state)
{
    static const char whole [] = "{\"faultId\": \"a\\u00e9\\ud83d\\ude00\", \"n\": [-1.25e+7, 0, "
                                 "true, null, {\"k\": \"\\\"x\\\\\"}], "
                                 "\"t\": {\"u\": [], \"v\": {}}}";
    char text [sizeof whole];
    for (size_t round = 0; round < 100000; round++) {
        size_t size = sizeof whole - 1;
        memcpy (text, whole, sizeof whole);
        for (size_t times = s_below (3) + 1; times > 0; times--)
            text [s_below (size)] = (char) (s_below (4) ? "{}[]\",:\\u019aeE+-. tfn" [s_below (22)]
                                                        : (char) s_below (256));
        s_check (text, s_below (4) ? size : s_below (size));
    }
}

static void
test_odd_characters_are_read_as_replacements (void **state)
{
    static const char text [] = "\"a\\u0000b\\ud800c\\udc00\\ud800\\ud83d\\ude00\\u00e9\"";
    own (buf_fini) buf_t out = buf_init (1000);
    assert_int_equal (
        json_write (text, strlen (text), &(json_scan_style_t){.indent = false}, &out, NULL), 0);
    assert_string_equal (out.data, "\"a\xef\xbf\xbd"
                                   "b\xef\xbf\xbd"
                                   "c\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80\xc3\xa9\"");
}

static void
test_a_member_is_dropped_and_one_is_added (void **state)
{
    static const char *const rows [][2] = {
        {"{}", "{\"id\":7}"},
        {"{\"a\":{\"id\":1},\"id\":[{\"id\":2}],\"b\":[]}", "{\"a\":{\"id\":1},\"b\":[],\"id\":7}"},
        {"{\"i\\u0064\":{},\"id\":2}", "{\"id\":7}"}};
    for (size_t i = 0; i < 3; i++) {
        own (buf_fini) buf_t out = buf_init (1000);
        const json_scan_style_t style = {.drop = "id", .add = "\"id\":7"};
        assert_int_equal (json_write (rows [i][0], strlen (rows [i][0]), &style, &out, NULL), 0);
        assert_string_equal (out.data, rows [i][1]);
    }
}

static void
test_errors_name_line_and_column_and_depth_is_bounded (void **state)
{
    err_diag_t diag = {.text = ""};
    json_scan_t scan;
    json_scan_token_t token;
    int rc = 1;
    json_scan_start (&scan, "{\n  \"a\": }", 10);
    while (rc == 1)
        rc = json_scan_next (&scan, &token, &diag);
    assert_int_equal (rc, ERR_PROTO);
    assert_string_equal (diag.text, "line 2 column 8: unexpected bracket");
    char deep [2 * LIMIT_JSON_DEPTH + 2];
    memset (deep, '[', LIMIT_JSON_DEPTH + 1);
    memset (deep + LIMIT_JSON_DEPTH + 1, ']', LIMIT_JSON_DEPTH + 1);
    assert_int_equal (s_scan (deep, sizeof deep), ERR_LIMIT);
    assert_int_equal (s_scan (deep + 1, sizeof deep - 2), 0);
}

//  Events that took 80 times their size as a tree.
static void
test_many_values_take_no_heap (void **state)
{
    const size_t size = LIMIT_EVENT_BYTES / 4;
    own (own_mem) char *text = malloc (size + 1);
    for (size_t i = 1; i + 2 < size; i += 3)
        memcpy (text + i, "{},", 3);
    text [0] = '[';
    const size_t end = (size - 2) / 3 * 3;
    text [end] = ']';
    const size_t before = mallinfo2 ().uordblks;
    assert_int_equal (s_scan (text, end + 1), 0);
    assert_int_equal (mallinfo2 ().uordblks, before);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_given_texts_are_judged_as_by_a_tree),
        cmocka_unit_test (test_generated_texts_are_judged_as_by_a_tree),
        cmocka_unit_test (test_damaged_texts_are_judged_as_by_a_tree),
        cmocka_unit_test (test_odd_characters_are_read_as_replacements),
        cmocka_unit_test (test_a_member_is_dropped_and_one_is_added),
        cmocka_unit_test (test_errors_name_line_and_column_and_depth_is_bounded),
        cmocka_unit_test (test_many_values_take_no_heap),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
