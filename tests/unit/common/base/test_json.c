//  Tests of common/base/json.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/json.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int
s_parse (const char *text)
{
    own (json_drop) json_t *doc = NULL;
    return json_parse (text, strlen (text), &doc, NULL);
}

static void
test_bad_json_is_refused_with_line_and_column (void **state)
{
    json_t *doc = NULL;
    err_diag_t diag;
    const char *text = "{\n  \"a\": 1,\n  \"b\": }";
    assert_int_equal (json_parse (text, strlen (text), &doc, &diag), ERR_PROTO);
    assert_null (doc);
    assert_non_null (strstr (diag.text, "line 3 column 8"));
}

static void
test_duplicates_nul_and_invalid_utf8_are_refused (void **state)
{
    assert_int_equal (s_parse ("{\"a\": 1, \"a\": 2}"), ERR_PROTO);
    assert_int_equal (s_parse ("\"\\u0000\""), ERR_PROTO);
    assert_int_equal (s_parse ("\"\xff\""), ERR_PROTO);
    assert_int_equal (s_parse (""), ERR_PROTO);
    assert_int_equal (s_parse ("1 2"), ERR_PROTO);
    assert_int_equal (s_parse ("[1e999]"), ERR_PROTO);
}

static int
s_parse_nested (size_t depth)
{
    char text [2 * (LIMIT_JSON_DEPTH + 1) + 1];
    memset (text, '[', depth);
    memset (text + depth, ']', depth);
    text [2 * depth] = 0;
    return s_parse (text);
}

static void
test_nesting_is_bounded_and_brackets_in_text_do_not_count (void **state)
{
    assert_int_equal (s_parse_nested (LIMIT_JSON_DEPTH), 0);
    assert_int_equal (s_parse_nested (LIMIT_JSON_DEPTH + 1), ERR_LIMIT);
    char text [200];
    memset (text, '[', sizeof (text));
    text [0] = '"';
    text [1] = '\\';
    text [2] = '"';
    text [sizeof (text) - 2] = '"';
    text [sizeof (text) - 1] = 0;
    assert_int_equal (s_parse (text), 0);
}

//  A list of `count` copies of the piece.  Own: fresh.
static char *
s_list (const char *piece, size_t count)
{
    const size_t size = strlen (piece);
    char *text = malloc (count * (size + 1) + 2);
    assert_non_null (text);
    text [0] = '[';
    for (size_t i = 0; i < count; i++) {
        memcpy (text + 1 + i * (size + 1), piece, size);
        text [1 + i * (size + 1) + size] = i + 1 < count ? ',' : ']';
    }
    text [count * (size + 1) + 1] = 0;
    return text;
}

//  The heap of the worst trees is bounded; a text over the limit takes none.
static void
test_a_tree_is_bounded_before_it_is_built (void **state)
{
    static const struct {
        const char *piece;
        size_t nodes;
    } rows [] = {{"{}", 2},   {"[]", 2}, {"{\"a\":1}", 2},
                 {"\"\"", 1}, {"1", 1},  {"{\"a\":{\"b\":{\"c\":1}}}", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows [0]; i++) {
        const size_t most = (LIMIT_JSON_NODES - 1) / rows [i].nodes;
        own (own_mem) char *good = s_list (rows [i].piece, most);
        own (own_mem) char *bad = s_list (rows [i].piece, most + 2);
        own (json_drop) json_t *doc = NULL;
        const size_t before = mallinfo2 ().uordblks;
        assert_int_equal (s_parse (bad), ERR_LIMIT);
        assert_int_equal (mallinfo2 ().uordblks, before);
        assert_int_equal (json_parse (good, strlen (good), &doc, NULL), 0);
        assert_true (mallinfo2 ().uordblks - before < LIMIT_MIB (33));
    }
}

static void
test_too_many_bytes_are_refused_unread (void **state)
{
    json_t *doc = NULL;
    assert_int_equal (json_parse ("1", LIMIT_HTTP_RESPONSE_BYTES + 1, &doc, NULL), ERR_LIMIT);
}

static void
test_a_prefix_ends_at_its_value (void **state)
{
    own (json_drop) json_t *doc = NULL;
    const char *text = "{\"a\": \"b\"}\n``` and \xff more ]]]";
    assert_int_equal (json_parse_prefix (text, strlen (text), &doc, NULL), 0);
    assert_string_equal (json_member_text (doc, "a", ""), "b");
}

static void
test_text_keeps_the_order_of_keys (void **state)
{
    own (json_drop) json_t *doc = NULL;
    const char *text = "{\"z\":1,\"a\":{\"m\":[true,null]}}";
    assert_int_equal (json_parse (text, strlen (text), &doc, NULL), 0);
    own (own_mem) char *line = json_line (doc);
    assert_string_equal (line, text);
    own (own_mem) char *pretty = json_text (doc);
    assert_string_equal (pretty, "{\n  \"z\": 1,\n  \"a\": {\n    \"m\": [\n      true,\n"
                                 "      null\n    ]\n  }\n}\n");
}

static void
test_members_of_another_type_give_the_other_value (void **state)
{
    own (json_drop) json_t *doc = NULL;
    const char *text = "{\"n\": 7, \"s\": \"x\", \"z\": null}";
    assert_int_equal (json_parse (text, strlen (text), &doc, NULL), 0);
    assert_int_equal (json_member_int (doc, "n", 1), 7);
    assert_int_equal (json_member_int (doc, "s", 1), 1);
    assert_string_equal (json_member_text (doc, "n", "other"), "other");
    assert_string_equal (json_member_text (doc, "z", "other"), "other");
    assert_string_equal (json_member_text (NULL, "z", "other"), "other");
}

static void
test_utf8_without_nul (void **state)
{
    assert_true (json_utf8_valid ("\xc3\xa4x", 3));
    assert_false (json_utf8_valid ("a\0b", 3));
    assert_false (json_utf8_valid ("\xc3", 1));
    assert_true (json_utf8_valid ("", 0));
}

static void
test_any_bytes_become_a_string (void **state)
{
    own (json_drop) json_t *good = json_any ("\xc3\xa4");
    own (json_drop) json_t *bad = json_any_bytes ("a\0\xff\xc3\xa4\xc3", 6);
    own (json_drop) json_t *none = json_any_or_null ("");
    own (json_drop) json_t *some = json_any_or_null ("x");
    assert_string_equal (json_string_value (good), "\xc3\xa4");
    assert_string_equal (json_string_value (bad), "a\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");
    assert_true (json_is_null (none));
    assert_string_equal (json_string_value (some), "x");
}

static void
test_a_time_is_text_and_none_is_null (void **state)
{
    own (json_drop) json_t *time = json_time (1700000000123);
    own (json_drop) json_t *none = json_time (0);
    assert_string_equal (json_string_value (time), "2023-11-14T22:13:20.123Z");
    assert_true (json_is_null (none));
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_bad_json_is_refused_with_line_and_column),
        cmocka_unit_test (test_duplicates_nul_and_invalid_utf8_are_refused),
        cmocka_unit_test (test_nesting_is_bounded_and_brackets_in_text_do_not_count),
        cmocka_unit_test (test_a_tree_is_bounded_before_it_is_built),
        cmocka_unit_test (test_too_many_bytes_are_refused_unread),
        cmocka_unit_test (test_a_prefix_ends_at_its_value),
        cmocka_unit_test (test_text_keeps_the_order_of_keys),
        cmocka_unit_test (test_members_of_another_type_give_the_other_value),
        cmocka_unit_test (test_utf8_without_nul),
        cmocka_unit_test (test_any_bytes_become_a_string),
        cmocka_unit_test (test_a_time_is_text_and_none_is_null),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
