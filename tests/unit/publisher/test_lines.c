//  Tests of publisher/lines: bounded lines from files and pipes.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "publisher/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path [] = "/tmp/triage-lines-XXXXXX";

static void
s_put (const char *text)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    fputs (text, file);
    fclose (file);
}

static int
setup (void **state)
{
    (void) state;
    int fd = mkstemp (path);
    if (fd >= 0)
        close (fd);
    return fd < 0;
}

static int
teardown (void **state)
{
    (void) state;
    return unlink (path);
}

static void
s_expect (lines_t *lines, const char *text, int64_t number)
{
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), 1);
    assert_int_equal (line.size, strlen (text));
    assert_memory_equal (line.data, text, line.size);
    assert_int_equal (line.number, number);
}

static void
test_lines_keep_their_numbers_past_empty_ones (void **state)
{
    (void) state;
    s_put ("{\"a\":1}\r\n\n  \t\n{\"b\":2}\nlast");
    const char *paths [] = {path, path};
    lines_t *lines = lines_new (paths, 2, 100);
    for (int round = 0; round < 2; round++) {
        s_expect (lines, "{\"a\":1}", 1);
        s_expect (lines, "{\"b\":2}", 4);
        s_expect (lines, "last", 5);
    }
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), 0);
    lines_destroy (&lines);
    lines_destroy (&lines);
}

static void
test_a_line_at_the_limit_passes_and_one_byte_more_is_reported (void **state)
{
    (void) state;
    s_put ("1234567890\n12345678901\nshort\n1234567890\r\n");
    const char *paths [] = {path};
    lines_t *lines = lines_new (paths, 1, 10);
    lines_line_t line;
    s_expect (lines, "1234567890", 1);
    assert_int_equal (lines_next (lines, &line), ERR_LIMIT);
    assert_int_equal (line.number, 2);
    assert_null (line.data);
    s_expect (lines, "short", 3);
    s_expect (lines, "1234567890", 4);
    lines_destroy (&lines);
}

static void
test_a_line_far_over_the_limit_is_skipped_without_being_kept (void **state)
{
    (void) state;
    char *text = malloc (1000001);
    memset (text, 'x', 1000000);
    memcpy (text + 999990, "\nnext\n", 6);
    text [999996] = 0;
    s_put (text);
    free (text);
    const char *paths [] = {path};
    lines_t *lines = lines_new (paths, 1, 1000);
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), ERR_LIMIT);
    s_expect (lines, "next", 2);
    assert_int_equal (lines_next (lines, &line), 0);
    lines_destroy (&lines);
}

static void
test_an_unreadable_file_is_reported_and_the_next_one_is_read (void **state)
{
    (void) state;
    s_put ("one\n");
    const char *paths [] = {"/nonexistent/file", "/tmp", path};
    lines_t *lines = lines_new (paths, 3, 100);
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), -ENOENT);
    assert_string_equal (line.path, "/nonexistent/file");
    assert_int_equal (lines_next (lines, &line), -EISDIR);
    s_expect (lines, "one", 1);
    lines_destroy (&lines);
}

static void
test_an_idle_pipe_does_not_wait (void **state)
{
    (void) state;
    int ends [2];
    assert_int_equal (pipe (ends), 0);
    char name [32];
    snprintf (name, sizeof (name), "/dev/fd/%d", ends [0]);
    const char *paths [] = {name};
    lines_t *lines = lines_new (paths, 1, 100);
    lines_line_t line;
    assert_int_equal (lines_next (lines, &line), -EAGAIN);
    assert_true (lines_fd (lines) >= 0);
    assert_int_equal (write (ends [1], "ab", 2), 2);
    assert_int_equal (lines_next (lines, &line), -EAGAIN);
    assert_int_equal (write (ends [1], "c\n", 2), 2);
    s_expect (lines, "abc", 1);
    close (ends [1]);
    assert_int_equal (lines_next (lines, &line), 0);
    close (ends [0]);
    lines_destroy (&lines);
}

//  All events of a file of these bytes, one per line of the text.  For a refused file: "!" and what
//  it looks like.
static void
s_events (const char *bytes, size_t size, char *ret_text, size_t room)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    assert_int_equal (fwrite (bytes, 1, size, file), size);
    fclose (file);
    const char *paths [] = {path};
    lines_t *lines = lines_new (paths, 1, 1000);
    lines_line_t line;
    int rc;
    ret_text [0] = 0;
    while ((rc = lines_next (lines, &line)) != 0) {
        const size_t used = strlen (ret_text);
        if (rc == 1)
            snprintf (ret_text + used, room - used, "%.*s|", (int) line.size, line.data);
        else
            snprintf (ret_text + used, room - used, "!%s|", line.looks ? line.looks : "early");
    }
    lines_destroy (&lines);
}

#define EVENTS(bytes, wanted)                                                                      \
    do {                                                                                           \
        char seen [1000];                                                                          \
        s_events (bytes, sizeof (bytes) - 1, seen, sizeof seen);                                   \
        assert_string_equal (seen, wanted);                                                        \
    } while (0)

static void
test_documents_are_read_as_their_events (void **state)
{
    EVENTS ("\xef\xbb\xbf{\"a\":1}\n{\"b\":2}\n", "{\"a\":1}|{\"b\":2}|");
    EVENTS ("[\n {\"a\": [1, \"]\"]},\n {\"b\": {\"c\": \"}\\\"\"}}\n]\n",
            "{\"a\": [1, \"]\"]}|{\"b\": {\"c\": \"}\\\"\"}}|");
    EVENTS ("[{\"a\":1},{\"b\":2}]", "{\"a\":1}|{\"b\":2}|");
    EVENTS ("{\n \"apiVersion\": \"v1\",\n \"items\": [\n  {\"a\": 1},\n  {\"items\": [2]}\n ],\n "
            "\"kind\": \"List\",\n"
            " \"metadata\": {\"x\": [3]}\n}\n",
            "{\"a\": 1}|{\"items\": [2]}|");
    EVENTS ("{\"kind\":\"List\",\"items\":[{\"a\":1},{\"b\":2}],\"z\":[{}]}\n{\"c\":3}\n",
            "{\"a\":1}|{\"b\":2}|{\"c\":3}|");
    EVENTS ("{\n \"a\": 1\n}\n{\n \"b\": {\n}}", "{\n \"a\": 1\n}|{\n \"b\": {\n}}|");
    EVENTS ("\xef\xbb\xbf[\n]\n", "");
    EVENTS ("[]\n{\"a\":1}\n [ ] \n{\"kind\":\"List\",\"items\":[]}\n", "{\"a\":1}|");
    EVENTS ("[1]\n\"text\"\nnot json\n", "[1]|\"text\"|not json|");
    EVENTS ("[\n{\"a\":1},\n{\"b\":", "{\"a\":1}|!early|");
}

static void
test_an_event_with_items_of_its_own_is_one_event (void **state)
{
    EVENTS ("{\"cluster\":\"c\",\"items\":[{\"a\":1}]}\n",
            "{\"cluster\":\"c\",\"items\":[{\"a\":1}]}|");
    EVENTS ("{\"items\":[{\"a\":1}],\"reason\":\"r\"}\n",
            "{\"items\":[{\"a\":1}],\"reason\":\"r\"}|");
    EVENTS ("{\"kind\":\"Quota\",\"items\":[{\"a\":1}]}\n",
            "{\"kind\":\"Quota\",\"items\":[{\"a\":1}]}|");
    EVENTS ("{\"items\":[\"a\",\"b\"]}\n", "{\"items\":[\"a\",\"b\"]}|");
    EVENTS ("{\n \"cluster\": \"c\",\n \"items\": [{\"a\": 1}]\n}\n",
            "{\n \"cluster\": \"c\",\n \"items\": [{\"a\": 1}]\n}|");
    EVENTS ("{\n \"b\": 1\n}\n{\n \"items\": [{\"a\": 1}]\n}\n", "{\n \"b\": 1\n}|{\"a\": 1}|");
    EVENTS ("{\"items\":[{\"a\":1}],\"kind\":\"EventList\"}\n{\"items\":[]}\n", "{\"a\":1}|");
}

static void
test_what_is_no_json_is_refused_with_what_it_looks_like (void **state)
{
    EVENTS ("\xff\xfe{\0\"\0a\0\"\0", "!UTF-16 or UTF-32 text|");
    EVENTS ("\xfe\xff\0{\0\"\0a\0\"", "!UTF-16 text|");
    EVENTS ("{\0\"\0a\0\"\0:\0001\0}\0\n\0", "!UTF-16 text without a byte order mark|");
    EVENTS ("\x1f\x8b\x08\0\0\0\0\0abcdefghij\n", "!a gzip file|");
    EVENTS ("apiVersion: v1\nkind: List\n", "!YAML; ask for -o json|");
    EVENTS ("LAST SEEN   TYPE\n1m  Warning\n", "!a table of kubectl; ask for -o json|");
    err_diag_t diag = {.text = ""};
    const char *paths [] = {"-", "/nowhere", path};
    assert_int_equal (lines_check (paths, 3, &diag), ERR_PROTO);
    assert_non_null (strstr (diag.text, "is not JSON, it looks like a table of kubectl"));
    s_put ("{}\n");
    assert_int_equal (lines_check (paths, 3, &diag), 0);
}

static void
test_a_list_may_tell_its_kind_last (void **state)
{
    EVENTS ("{\n \"items\": [\n  {\"a\": 1},\n  {\"a\": 2}\n ],\n \"kind\": \"EventList\",\n "
            "\"metadata\": "
            "{\"x\": \"y\"},\n \"apiVersion\": \"v1\"\n}\n",
            "{\"a\": 1}|{\"a\": 2}|");
    EVENTS ("{\n \"kind\": \"List\", \"z\": 1,\n \"items\": [{\"a\": 1}]\n}\n", "{\"a\": 1}|");
    EVENTS ("{\n \"kind\": \"Quota\",\n \"items\": [{\"a\": 1}]\n}\n",
            "{\n \"kind\": \"Quota\",\n \"items\": [{\"a\": 1}]\n}|");
    EVENTS ("{\n \"kind\": null,\n \"items\": [{\"a\": 1}]\n}\n",
            "{\n \"kind\": null,\n \"items\": [{\"a\": 1}]\n}|");
    EVENTS ("[1, 2]\n[{\"a\": 1}, 2]\n", "[1, 2]|[{\"a\": 1}, 2]|");
}

//  A document on one line is known as a whole before it is split, so no key comes too late.
static void
test_a_list_on_one_line_may_have_its_keys_in_any_order (void **state)
{
    EVENTS ("{\"continue\":\"x\",\"items\":[{\"a\":1},{\"b\":2}],\"kind\":\"List\"}\n{\"c\":3}\n",
            "{\"a\":1}|{\"b\":2}|{\"c\":3}|");
    EVENTS ("{\"kind\":\"Pod\",\"items\":[{\"a\":1}],\"kind\":\"List\"}   \n", "{\"a\":1}|");
    EVENTS ("{\"kind\":\"List\",\"items\":[{\"a\":1}],\"kind\":\"Pod\"}  \n{\"c\":3}\n",
            "{\"kind\":\"List\",\"items\":[{\"a\":1}],\"kind\":\"Pod\"}  |{\"c\":3}|");
    EVENTS ("{\"items\":0,\"kind\":\"List\",\"\\u0069tems\":[{\"a\":1}]}\n",
            "{\"items\":0,\"kind\":\"List\",\"\\u0069tems\":[{\"a\":1}]}|");
    EVENTS ("{\"\\u0069tems\":[{\"a\":1}],\"kind\":\"List\"}\n",
            "{\"\\u0069tems\":[{\"a\":1}],\"kind\":\"List\"}|");
}

//  Beyond the first piece of a file nothing is guessed: these are lines, and the second one is bad.
static void
test_a_long_first_line_cut_at_a_comma_is_no_document (void **state)
{
    enum { PIECE = 65536 };
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    const int pad = PIECE - (int) sizeof "{\"a\":\"\",";
    fprintf (file, "{\"a\":\"%0*d\",\"b\":1}\nnot json\n{\"c\":3}\n", pad + 1, 0);
    fclose (file);
    const char *paths [] = {path};
    err_diag_t diag = {.text = ""};
    assert_int_equal (lines_check (paths, 1, &diag), 0);
    file = fopen (path, "w");
    assert_non_null (file);
    fprintf (file, "[{\"a\":\"%0*d\"},1]\n", PIECE, 0);
    fclose (file);
    assert_int_equal (lines_check (paths, 1, &diag), ERR_PROTO);
}

static void
test_commas_around_events_are_passed_over (void **state)
{
    EVENTS ("[,{\"a\":1},{\"b\":2}]\n", "{\"a\":1}|{\"b\":2}|");
    EVENTS ("[\n  {\"a\":1}\n, {\"b\":2}\n,\n]\n", "{\"a\":1}|{\"b\":2}|");
}

//  Any number of them takes no memory.
static void
test_empty_arrays_are_no_events (void **state)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    for (int i = 0; i < 200000; i++)
        fputs ("[]\n", file);
    fputs ("{\"a\":1}\n", file);
    fclose (file);
    const char *paths [] = {path};
    lines_t *lines = lines_new (paths, 1, 1000);
    s_expect (lines, "{\"a\":1}", 200001);
    lines_destroy (&lines);
}

//  In a file it is found before the first event is sent.
static void
test_documents_with_other_things_are_refused_before_they_are_read (void **state)
{
    static const struct {
        const char *text, *says;
    } cases [] = {
        {"[{\"a\":1}] and more\n", "line 1 looks like JSON with other text behind it"},
        {"[\n{\"a\":1}\n]\n\nEOF\n", "line 5 looks like JSON with other text behind it"},
        {"[{\"a\":1}]]\n", "line 1 looks like JSON with a bracket that closes nothing"},
        {"[\n{\"a\":1}\n}\n", "line 3 looks like JSON with a bracket that closes nothing"},
        {"[\n{\"a\":1},\n\"b\"\n]\n", "line 3 looks like an array of other things than events"},
        {"{\n \"items\": [{\"a\": 1}],\n \"reason\": \"r\"\n}\n",
         "line 4 looks like an event whose own items stand in front of its other keys"},
        {"{\n \"items\": [{\"a\": 1}],\n \"kind\": \"Quota\"\n}\n",
         "line 4 looks like an event whose own items stand in front of its other keys"},
        {"{\n \"z\": 1,\n \"items\": [{\"a\": 1}],\n \"kind\": \"List\"\n}\n",
         "line 5 looks like a List with other keys in front of its items and its kind"},
    };
    const char *paths [] = {path};
    for (size_t i = 0; i < sizeof cases / sizeof cases [0]; i++) {
        err_diag_t diag = {.text = ""};
        char seen [1000];
        s_put (cases [i].text);
        assert_int_equal (lines_check (paths, 1, &diag), ERR_PROTO);
        if (!strstr (diag.text, cases [i].says))
            fail_msg ("%s: %s", cases [i].text, diag.text);
        s_events (cases [i].text, strlen (cases [i].text), seen, sizeof seen); //  read like a pipe
        assert_non_null (strchr (seen, '!'));
    }
}

//  Keys after many items are found wherever the file is cut into pieces.
static void
test_keys_behind_items_are_read_across_pieces (void **state)
{
    for (size_t shift = 65500; shift < 65560; shift++) {
        FILE *file = fopen (path, "w");
        assert_non_null (file);
        fprintf (file, "{\n\"items\":[%*s{\"a\":1}],\"kind\":\"Quota\"}", (int) shift, "");
        fclose (file);
        const char *paths [] = {path};
        err_diag_t diag = {.text = ""};
        assert_int_equal (lines_check (paths, 1, &diag), ERR_PROTO);
        lines_t *lines = lines_new (paths, 1, 1000);
        s_expect (lines, "{\"a\":1}", 2);
        lines_line_t line;
        assert_int_equal (lines_next (lines, &line), ERR_PROTO);
        assert_non_null (line.looks);
        lines_destroy (&lines);
    }
}

//  A document of many events is larger than any line, and is read in pieces.
static void
test_a_document_may_be_larger_than_a_line (void **state)
{
    FILE *file = fopen (path, "w");
    assert_non_null (file);
    fputs ("{\n\"items\": [\n", file);
    for (int i = 0; i < 20000; i++)
        fprintf (file, "  {\"n\": %d},\n", i);
    fprintf (file, "  {\"long\": \"%0*d\"},\n  {\"n\": 20000}\n]}", 200000, 1);
    fclose (file);
    const char *paths [] = {path};
    lines_t *lines = lines_new (paths, 1, 100);
    char text [32];
    lines_line_t line;
    for (int i = 0; i <= 20000; i++) {
        if (i == 20000)
            assert_int_equal (lines_next (lines, &line), ERR_LIMIT);
        snprintf (text, sizeof text, "{\"n\": %d}", i);
        s_expect (lines, text, i + 3 + (i == 20000));
    }
    assert_int_equal (lines_next (lines, &line), 0);
    lines_destroy (&lines);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_lines_keep_their_numbers_past_empty_ones),
        cmocka_unit_test (test_a_line_at_the_limit_passes_and_one_byte_more_is_reported),
        cmocka_unit_test (test_a_line_far_over_the_limit_is_skipped_without_being_kept),
        cmocka_unit_test (test_an_unreadable_file_is_reported_and_the_next_one_is_read),
        cmocka_unit_test (test_documents_are_read_as_their_events),
        cmocka_unit_test (test_an_event_with_items_of_its_own_is_one_event),
        cmocka_unit_test (test_what_is_no_json_is_refused_with_what_it_looks_like),
        cmocka_unit_test (test_a_list_may_tell_its_kind_last),
        cmocka_unit_test (test_a_list_on_one_line_may_have_its_keys_in_any_order),
        cmocka_unit_test (test_a_long_first_line_cut_at_a_comma_is_no_document),
        cmocka_unit_test (test_commas_around_events_are_passed_over),
        cmocka_unit_test (test_empty_arrays_are_no_events),
        cmocka_unit_test (test_documents_with_other_things_are_refused_before_they_are_read),
        cmocka_unit_test (test_keys_behind_items_are_read_across_pieces),
        cmocka_unit_test (test_a_document_may_be_larger_than_a_line),
        cmocka_unit_test (test_an_idle_pipe_does_not_wait),
    };
    return cmocka_run_group_tests (tests, setup, teardown);
}
