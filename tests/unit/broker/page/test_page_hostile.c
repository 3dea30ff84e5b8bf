//  Reports that nobody should write: their page is made in bounded time and memory, and is inert.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/page/page.h"
#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

//  The goals are printed beside what was measured; ten times as much is a failure.
enum { GOAL_US = 1000000, GOAL_KIB = 64 * 1024, FAIL = 10 };

#define SCRIPT "<script>alert(1)</script> <img src=x onerror=alert(1)>\n\n"
#define LINKS "[a](javascript:alert(1)) [b](data:text/html,x) ![c](https://x.example/t.png)\n\n"

typedef struct {
    const char *name;
    const char *begin;        //  once
    const char *first, *then; //  each repeated for one half of the report; NULL: the other for all
} hostile_t;

static const hostile_t s_reports [] = {
    {"scripts", "", SCRIPT, NULL},
    {"links", "", LINKS, NULL},
    {"quotes", "", "\"'&<>", NULL},
    {"table, many rows", "| a | b |\n|---|---|\n", "| 1 | <b> |\n", NULL},
    {"table, many columns", "", "|a", NULL},
    {"table, many of both", "",
     "|a|b|c|d|e|f|g|h|i|j|k|l\n|---|---|---|---|---|---|---|---|---|---"
     "|---|---\n",
     "|\n"},
    {"quotes in quotes", "", "> ", NULL},
    {"quotes, then lines", "", "> ", "a\n"},
    {"lists in lists", "", "1. ", "\n"},
    {"emphasis", "", "*a **b ", "** *"},
    {"brackets", "", "[", NULL},
    {"brackets over lines", "", "[\n", "](\n"},
    {"definitions", "[a]: https://x.example/\n\n", "[a] ", NULL},
    {"headings", "", "# a\n", NULL},
    {"headings, all different", "", "# a <b> [c](d)\n\n", NULL},
    {"addresses", "", "http://@", NULL},
    {"one word", "", "x", NULL},
    {"no text", "", "\xff", NULL},
    {"entities", "", "&#1;&lt;", NULL},
    {"code", "```\n", "<b>\n", NULL},
    {"a line", "", "a\n\n", NULL},
    {"backslashes", "", "\\", NULL},
};

static void
s_fill (buf_t *text, const char *unit, size_t upto)
{
    while (unit && text->size + strlen (unit) <= upto)
        buf_text (text, unit);
}

static void
s_make (buf_t *text, const hostile_t *hostile, size_t size)
{
    buf_text (text, hostile->begin);
    s_fill (text, hostile->first, hostile->then ? size / 2 : size);
    buf_text (text, hostile->then ? "\n" : "");
    s_fill (text, hostile->then, size);
    assert_int_equal (text->failed, 0);
}

//  Every "<" begins an element of the page's own; no address is of another kind.
static void
s_check_inert (const char *html)
{
    static const char *const elements [] = {
        "!doctype", "html",   "head", "meta", "style",   "title",   "body",       "main",  "header",
        "p",        "span",   "h1",   "h2",   "h3",      "h4",      "h5",         "h6",    "b",
        "div",      "dl",     "dt",   "dd",   "details", "summary", "table",      "thead", "tbody",
        "tr",       "th",     "td",   "pre",  "code",    "ol",      "ul",         "li",    "time",
        "article",  "footer", "a",    "em",   "strong",  "s",       "blockquote", "hr",    "br"};
    for (const char *at = html; (at = strchr (at, '<')); at++) {
        const char *name = at [1] == '/' ? at + 2 : at + 1;
        const size_t length = strcspn (name, " >");
        bool known = false;
        for (size_t i = 0; i < sizeof elements / sizeof elements [0]; i++)
            known =
                known
                || (strlen (elements [i]) == length && memcmp (elements [i], name, length) == 0);
        if (!known)
            print_error ("%.40s\n", at);
        assert_true (known);
    }
    for (const char *at = html; (at = strstr (at, "href=\"")); at++)
        assert_true (at [6] == '#' || strncmp (at + 6, "https://", 8) == 0
                     || strncmp (at + 6, "http://", 7) == 0);
}

static void
s_render (const buf_t *report, buf_t *out)
{
    static row_incident_t incident = {.state = INCIDENT_REPORTED, .winner = 1, .number = 1};
    const page_t document = {.card = {.incident = &incident, .cause = "c", .confidence = "LOW"},
                             .event = report->data,
                             .event_size = report->size,
                             .report = report->data,
                             .report_size = report->size};
    assert_int_equal (page (out, &document), 0);
    assert_in_range (out->size, 1000, LIMIT_PAGE_BYTES);
}

//  In a child: what it has held at most is that of the report and of its page.
static void
s_measure (const hostile_t *hostile)
{
    struct rusage usage;
    buf_t report = buf_init (LIMIT_REPORT_BYTES + 64), out = buf_init (LIMIT_PAGE_BYTES);
    s_make (&report, hostile, LIMIT_REPORT_BYTES);
    const int64_t begin_us = clk_us ();
    s_render (&report, &out);
    const int64_t us = clk_us () - begin_us;
    getrusage (RUSAGE_SELF, &usage);
    const long kib = usage.ru_maxrss;
    printf ("%-26s %5lld ms %6ld KiB, page %5zu KiB\n", hostile->name, (long long) us / 1000, kib,
            out.size / 1024);
    fflush (stdout);
    s_check_inert (out.data);
    assert_in_range (us, 0, FAIL * GOAL_US);
    assert_in_range (kib, 0, FAIL * GOAL_KIB);
    buf_fini (&out);
    buf_fini (&report);
}

static void
test_ten_megabytes_are_inert_within_a_second_and_64_mib (void **state)
{
    for (size_t i = 0; i < sizeof s_reports / sizeof s_reports [0]; i++) {
        const pid_t pid = fork ();
        assert_true (pid >= 0);
        if (pid == 0) {
            s_measure (&s_reports [i]);
            _exit (0);
        }
        int status = 0;
        assert_int_equal (waitpid (pid, &status, 0), pid);
        assert_int_equal (status, 0);
    }
}

static void
test_what_is_left_out_is_told (void **state)
{
    own (buf_fini) buf_t report = buf_init (LIMIT_REPORT_BYTES), out = buf_init (LIMIT_PAGE_BYTES);
    s_make (&report, &(hostile_t){"", "# Begin\n\n", "word \n\n", NULL}, LIMIT_REPORT_BYTES);
    s_render (&report, &out);
    assert_non_null (strstr (out.data, "The page ends here: the report is too long for it."));
    buf_reset (&report);
    buf_reset (&out);
    s_make (&report, &(hostile_t){"", "# Begin\n\n", "[\n", "]\n"}, LIMIT_MIB (1) / 2);
    s_render (&report, &out);
    assert_non_null (strstr (out.data, "Begin"));
    assert_non_null (strstr (out.data, "The rest is plain text"));
}

//  With any limit the buffer's own error comes back, and nothing is written behind it.
static void
test_a_page_without_room_is_an_error (void **state)
{
    own (buf_fini) buf_t report = buf_init (LIMIT_REPORT_BYTES), out = buf_init (LIMIT_PAGE_BYTES);
    s_make (&report, &(hostile_t){"", "", "\"", NULL}, LIMIT_MIB (1));
    while (out.size < LIMIT_PAGE_BYTES - LIMIT_MIB (1))
        buf_text (&out, "................................................................");
    const row_incident_t incident = {.state = INCIDENT_REPORTED, .winner = 1};
    const page_t document = {.card = {.incident = &incident, .cause = "c"},
                             .report = report.data,
                             .report_size = report.size};
    assert_int_equal (page (&out, &document), ERR_LIMIT);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_ten_megabytes_are_inert_within_a_second_and_64_mib),
        cmocka_unit_test (test_what_is_left_out_is_told),
        cmocka_unit_test (test_a_page_without_room_is_an_error),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
