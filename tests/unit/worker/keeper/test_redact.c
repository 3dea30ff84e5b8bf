//  redact - every copy of a secret in every encoding, and nothing else.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/own.h"
#include "worker/keeper/redact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
s_add (redact_t *secrets, const char *secret)
{
    assert_true (redact_add (secrets, secret, strlen (secret)));
}

//  The text as redacted with this secret.
static void
s_expect (const char *secret, const char *text, const char *expected)
{
    own (redact_fini) redact_t secrets = {0};
    char copy [512];
    snprintf (copy, sizeof copy, "%s", text);
    s_add (&secrets, secret);
    assert_true (redact (&secrets, copy, strlen (copy), false) >= 0);
    assert_string_equal (copy, expected);
}

static void
test_every_copy_goes (void **state)
{
    own (redact_fini) redact_t secrets = {0};
    s_add (&secrets, "sk-abcdefgh");
    s_add (&secrets, "token-12345");
    char text [] = "sk-abcdefgh token-12345sk-abcdefgh, sk-abcdefg.";
    assert_int_equal (redact (&secrets, text, sizeof text - 1, false), 2);
    assert_string_equal (text, "*********** **********************, sk-abcdefg.");
    assert_int_equal (redact (&secrets, text, sizeof text - 1, false), 0);
}

static void
test_copies_that_overlap_go_whole (void **state)
{
    own (redact_fini) redact_t secrets = {0};
    s_add (&secrets, "abcdefgh");
    s_add (&secrets, "Bearer abcdefgh-xyz");
    s_add (&secrets, "efgh12345678");
    char text [] = "Bearer abcdefgh-xyz, abcdefgh, abcdefgh12345678.";
    assert_int_equal (redact (&secrets, text, sizeof text - 1, false), 3);
    assert_string_equal (text, "*******************, ********, ****************.");
    s_expect ("aabaabaab", "xaabaabaabaabx", "x************x");
}

static void
test_nothing_beyond_the_end_is_looked_at (void **state)
{
    own (redact_fini) redact_t secrets = {0};
    s_add (&secrets, "sk-abcdefgh");
    char text [] = "sk-abcdefgh";
    assert_int_equal (redact (&secrets, text, 7, false), 0);
    assert_int_equal (redact (&secrets, text, 0, false), 0);
    char zeros [] = "\0\0sk-abcdefgh";
    assert_int_equal (redact (&secrets, zeros, sizeof zeros - 1, false), 1);
}

static void
test_short_texts_are_no_secrets (void **state)
{
    own (redact_fini) redact_t secrets = {0};
    assert_false (redact_add (&secrets, "", 0));
    assert_false (redact_add (&secrets, "1234567", 7));
    assert_int_equal (secrets.count, 0);
    char text [] = "1234567";
    assert_int_equal (redact (&secrets, text, sizeof text - 1, false), 0);
    for (int i = 0; i < 1000; i++) {
        char secret [32];
        snprintf (secret, sizeof secret, "secret-of-%06d", i);
        s_add (&secrets, secret);
    }
    char last [] = "secret-of-000999";
    assert_int_equal (redact (&secrets, last, sizeof last - 1, false), 1);
}

static void
test_as_json_writes_it (void **state)
{
    const char secret [] = "a\"b\\c/d\te\nf\xc3\xa9g&h";
    s_expect (secret, "x a\"b\\c/d\te\nf\xc3\xa9g&h x", "x **************** x");
    s_expect (secret, "{\"k\":\"a\\\"b\\\\c/d\\te\\nf\xc3\xa9g&h\"}",
              "{\"k\":\"*********\\t*\\n******\"}");
    s_expect (secret, "{\"k\":\"a\\\"b\\\\c\\/d\\te\\nf\\u00e9g\\u0026h\"}",
              "{\"k\":\"**********\\t*\\n***************\"}");
    //  JSON inside a JSON text
    s_expect (secret, "\"{\\\"k\\\":\\\"a\\\\\\\"b\\\\\\\\c/d\\\\te\\\\nf\\u00e9g&h\\\"}\"",
              "\"{\\\"k\\\":\\\"*************\\\\t*\\\\n**********\\\"}\"");
    s_expect ("key\xf0\x9f\x94\x91-1234", "key\\ud83d\\udd11-1234.", "********************.");
}

static void
test_as_a_url_writes_it (void **state)
{
    s_expect ("p%4ss +w/rd#1=", "?t=p%254ss%20%2Bw%2Frd%231%3D&", "?t=**************************&");
    s_expect ("p%4ss +w/rd#1=", "?t=p%254ss+%2bw/rd%231%3d&", "?t=**********************&");
    s_expect ("sk-ant-0123", "%73k%2Dant%2d%30123 %252D", "******************* %252D");
    s_expect ("sk-ant-0123", "a=%2573k-ant-0123", "a=***************");
    s_expect ("\xc3\xa9t\xc3\xa9-2026", "%C3%A9t%c3%a9-2026!", "******************!");
    s_expect ("a\\nbcdefghi", "a%5Cnbcdefghi.", "*%5Cn********."); //  a backslash of its own
}

//  At each place in the group of three.
static void
test_as_base64_writes_it (void **state)
{
    const char secret [] = "sk-ant-field-0001>?>?";
    s_expect (secret, "c2stYW50LWZpZWxkLTAwMDE+Pz4/", "****************************");
    s_expect (secret, "c2stYW50LWZpZWxkLTAwMDE+Pz4/Cg==", "****************************Cg==");
    s_expect (secret, "c2stYW50LWZpZWxkLTAwMDE-Pz4_", "****************************");
    s_expect (secret, "c2stYW50LWZpZWxkLTAwMDE%2BPz4%2F.", "********************************.");
    s_expect (secret, "eHNrLWFudC1maWVsZC0wMDAxPj8+Pw==", "eH***************************w==");
    s_expect (secret, "eHhzay1hbnQtZmllbGQtMDAwMT4/Pj8=", "eHh***************************8=");
    s_expect (secret, "\"c2stYW50LWZpZWxk\\nLTAwMDE+Pz4\\/\"",
              "\"****************\\n*************\"");
}

static void
test_line_ends_inside_are_passed_over (void **state)
{
    s_expect ("sk-ant-field-0001", "k: sk-ant-\nfield-\r\n0001\n", "k: *******\n******\r\n****\n");
    s_expect ("-----BEGIN KEY-----\nAAAABBBB\n-----END KEY-----",
              "-----BEGIN KEY-----\r\nAAAABBBB\r\n-----END KEY-----",
              "*******************\r\n********\r\n*****************");
}

static void
test_a_secret_that_is_cut_goes (void **state)
{
    own (redact_fini) redact_t secrets = {0};
    s_add (&secrets, "sk-ant-field-0001");
    char end [] = "key: sk-ant-fiel";
    assert_int_equal (redact (&secrets, end, sizeof end - 1, false), 1);
    assert_string_equal (end, "key: ***********");
    char begin [] = "t-field-0001 was refused, t-field-0001";
    assert_int_equal (redact (&secrets, begin, sizeof begin - 1, true), 1);
    assert_string_equal (begin, "************ was refused, t-field-0001");
    char whole [] = "t-field-0001 was refused";
    assert_int_equal (redact (&secrets, whole, sizeof whole - 1, false), 0);
}

static void
test_a_secret_of_several_lines_goes_line_by_line (void **state)
{
    const char key [] =
        "-----BEGIN RSA KEY-----\n0123456789abcdefghijkl\r\n  mnopqrstuvwxyzAB\nshort\n"
        "-----END RSA KEY-----";
    s_expect (key, "> 0123456789abcdefghijkl\n", "> **********************\n");
    s_expect (key, "mnopqrstuvwxyzAB\n    short", "****************\n    short");
    //  The text may be cut here.
    s_expect (key, "-----BEGIN RSA KEY-----", "***********************");
    s_expect (key, "-----BEGIN RSA KEY-----.", "-----BEGIN RSA KEY-----.");
    s_expect (key, "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbA==.", "*****************************A==.");
    s_expect ("{\"key\":\"-----BEGIN KEY-----\\n0123456789abcdefghijkl\\nmnopqrstuvwxyzAB\\n\"}",
              "x mnopqrstuvwxyzAB 0123456789abcdefghijkl.",
              "x **************** **********************.");
}

static void
test_lines_of_secrets_are_bounded (void **state)
{
    own (redact_fini) redact_t secrets = {0};
    enum { LINES = 3 * REDACT_LINES };
    static char text [LINES * 20 + 1];
    for (int i = 0; i < LINES; i++)
        snprintf (text + 20L * i, 21, "line-of-key-%07d\n", i);
    s_add (&secrets, text);
    assert_int_equal (secrets.lines, REDACT_LINES);
    assert_int_equal (secrets.lines_left, LINES - REDACT_LINES);
    assert_in_range (secrets.count, REDACT_LINES, 5 * REDACT_LINES + 5);
    char first [] = ". line-of-key-0000000 .", whole [sizeof text];
    assert_int_equal (redact (&secrets, first, sizeof first - 1, false), 1);
    memcpy (whole, text, sizeof text); //  the secret itself is in it whole
    assert_true (redact (&secrets, whole, sizeof whole - 1, false) > 0);
    assert_null (strpbrk (whole, "line"));
}

static double
s_spent (const redact_t *secrets, char *text, size_t size)
{
    const clock_t before = clock ();
    assert_int_equal (redact (secrets, text, size, true), 1);
    return (double) (clock () - before) / CLOCKS_PER_SEC;
}

//  A secret and a text that force most searches to go back repeatedly.
static void
test_takes_time_in_proportion (void **state)
{
    enum { SIZE = 4 << 20, SECRET = 16 << 10 };
    own (redact_fini) redact_t secrets = {0};
    own (own_mem) char *text = malloc (SIZE);
    own (own_mem) char *secret = malloc (SECRET);
    assert_true (text && secret);
    memset (text, 'a', SIZE);
    memset (secret, 'a', SECRET);
    secret [SECRET - 1] = 'b';
    redact_add (&secrets, secret, SECRET);
    secret [SECRET - 1] = 'a';
    redact_add (&secrets, secret, SECRET);
    const double small_s = s_spent (&secrets, text, SIZE / 16);
    memset (text, 'a', SIZE);
    const double whole_s = s_spent (&secrets, text, SIZE);
    assert_true (whole_s
                 < 160 * small_s
                       + 1); //  about 16; a search that goes back takes that many times more
    assert_int_equal (text [0] + text [SIZE - 1], 2 * '*');
}

//  A key of many lines, each of them printed, in a file of 4 MiB.
static void
test_lines_cost_no_search_each (void **state)
{
    enum { SIZE = 4 << 20, LINE = 65, LINES = 256 };
    own (redact_fini) redact_t one = {0}, all = {0};
    own (own_mem) char *text = malloc (SIZE), *copy = malloc (SIZE);
    assert_true (text && copy);
    uint32_t seed = 7;
    for (size_t i = 0; i < SIZE; i++) {
        seed = seed * 1664525 + 1013904223;
        text [i] = i % LINE == LINE - 1 ? '\n' : (char) ('A' + (seed >> 24) % 26);
    }
    redact_add (&one, text, LINE - 1);
    redact_add (&all, text, LINE * LINES - 1);
    for (size_t i = LINE - 1; i < SIZE; i += LINE)
        text [i] = '|'; //  the lines are there, but not the whole key
    memcpy (copy, text, SIZE);
    clock_t before = clock ();
    assert_int_equal (redact (&one, copy, SIZE, false), 1);
    const double one_s = (double) (clock () - before) / CLOCKS_PER_SEC;
    memcpy (copy, text, SIZE);
    before = clock ();
    assert_int_equal (redact (&all, copy, SIZE, false), LINES);
    const double all_s = (double) (clock () - before) / CLOCKS_PER_SEC;
    assert_true (all_s < 12 * one_s + 0.5); //  about 3; with one search per line 256
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_every_copy_goes),
        cmocka_unit_test (test_copies_that_overlap_go_whole),
        cmocka_unit_test (test_nothing_beyond_the_end_is_looked_at),
        cmocka_unit_test (test_short_texts_are_no_secrets),
        cmocka_unit_test (test_as_json_writes_it),
        cmocka_unit_test (test_as_a_url_writes_it),
        cmocka_unit_test (test_as_base64_writes_it),
        cmocka_unit_test (test_line_ends_inside_are_passed_over),
        cmocka_unit_test (test_a_secret_that_is_cut_goes),
        cmocka_unit_test (test_a_secret_of_several_lines_goes_line_by_line),
        cmocka_unit_test (test_lines_of_secrets_are_bounded),
        cmocka_unit_test (test_takes_time_in_proportion),
        cmocka_unit_test (test_lines_cost_no_search_each),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
