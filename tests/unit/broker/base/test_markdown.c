//  Parts in their order, and texts that cost a parser more than their size.
//  SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/base/markdown.h"
#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/limits.h"

#include <stdio.h>
#include <string.h>

enum { GOAL_US = 1000000, FAIL = 10 }; //  printed; ten times as much is a failure

//  ASan checks whole strings at each call that gets one (strict_string_checks), which is quadratic
//  by itself: it gets a smaller text.
#ifdef __SANITIZE_ADDRESS__
enum { TEXT_BYTES = LIMIT_REPORT_PARSE_BYTES / 32 };
#else
enum { TEXT_BYTES = LIMIT_REPORT_PARSE_BYTES };
#endif

typedef struct {
    buf_t out;
    int stop_at; //  the kind of part whose beginning stops the reading, -1 = none
} trace_t;

static int
s_enter (const markdown_part_t *part, void *ctx)
{
    trace_t *trace = ctx;
    buf_printf (&trace->out, "<%d", (int) part->kind);
    if (part->level)
        buf_printf (&trace->out, " level=%d", part->level);
    if (part->start)
        buf_printf (&trace->out, " start=%u", part->start);
    if (part->task)
        buf_text (&trace->out, part->done ? " done" : " open");
    if (part->target_size)
        buf_printf (&trace->out, " to=%.*s", (int) part->target_size, part->target);
    buf_text (&trace->out, ">");
    return (int) part->kind == trace->stop_at ? 42 : 0;
}

static int
s_leave (const markdown_part_t *part, void *ctx)
{
    trace_t *trace = ctx;
    buf_printf (&trace->out, "</%d>", (int) part->kind);
    return 0;
}

static int
s_text (markdown_text_t type, const char *bytes, size_t size, void *ctx)
{
    static const char *const marks [] = {"", "`", "TAG:", "|", "/"};
    trace_t *trace = ctx;
    buf_text (&trace->out, marks [type]);
    buf_append (&trace->out, bytes, size);
    return 0;
}

static const markdown_hooks_t s_hooks = {.enter = s_enter, .leave = s_leave, .text = s_text};

static void
s_expect (const char *markdown, const char *expected)
{
    trace_t trace = {.out = buf_init (4096), .stop_at = -1};
    size_t used = 0;
    assert_int_equal (markdown_read (markdown, strlen (markdown), &s_hooks, &trace, &used), 0);
    assert_int_equal (used, strlen (markdown));
    assert_string_equal (trace.out.data, expected);
    buf_fini (&trace.out);
}

static void
test_parts_come_in_order (void **state)
{
    s_expect ("# A", "<5 level=1>A</5>");
    s_expect ("3. a\n   - [x] b", "<2 start=3><3>a<1><3 done>b</3></1></3></2>");
    s_expect ("> a\nb  \nc", "<0><7>a/b|c</7></0>");
    s_expect ("**a** ~~b~~ `c`", "<7><15>a</15> <19>b</19> <18>`c</18></7>");
    s_expect ("|a|b|\n|---|---|\n|c|", "<8><9><11><12>a</12><12>b</12></11></9>"
                                       "<10><11><13>c</13><13></13></11></10></8>");
    s_expect ("```c\nx\n```", "<6>`x`\n</6>");
    s_expect ("a <br> <none>", "<7>a TAG:<br> TAG:<none></7>");
}

//  md4c pairs marks with those inside of addresses.
static void
test_spans_are_nested_and_left (void **state)
{
    s_expect ("[x](h~u) a~b", "<7><16 to=h~u>x</16> ab</7>");
    s_expect ("a~b [x](h~c) d", "<7>a<19>b <16 to=h~c>x</16> d</19></7>");
    s_expect ("*a [x](h*c) d\n\ne", "<7><14>a <16 to=h*c>x</16> d</14></7><7>e</7>");
    s_expect ("> - [x](h**a) b** c", "<0><1><3><16 to=h**a>x</16> b c</3></1></0>");
}

static void
test_entities_are_decoded_in_text_and_addresses_and_not_in_code (void **state)
{
    s_expect ("&lt;&#65;&#x42;&who; `&lt;`", "<7><AB&who; <18>`&lt;</18></7>");
    s_expect ("[a](java&#115;cript:x)", "<7><16 to=javascript:x>a</16></7>");
    s_expect ("![a](b 't')", "<7><17 to=b>a</17></7>");
}

static void
test_a_fence_around_everything_is_not_there (void **state)
{
    s_expect ("```markdown\n# A\n```\n", "<5 level=1>A</5>");
    s_expect ("\xef\xbb\xbf# A", "<5 level=1>A</5>");
    s_expect ("```\na\n```\n\n```\nb\n```", "<6>`a`\n</6><6>`b`\n</6>");
}

static void
test_a_hook_ends_the_reading (void **state)
{
    trace_t trace = {.out = buf_init (4096), .stop_at = MARKDOWN_RULE};
    size_t used = 0;
    assert_int_equal (markdown_read ("a\n\n---\n\nb", 9, &s_hooks, &trace, &used), 42);
    assert_string_equal (trace.out.data, "<7>a</7><4>");
    buf_fini (&trace.out);
}

static void
test_a_long_address_is_left_out (void **state)
{
    buf_t text = buf_init (LIMIT_KIB (8));
    buf_text (&text, "[a](");
    while (text.size < LIMIT_KIB (4))
        buf_text (&text, "x");
    buf_text (&text, ")");
    trace_t trace = {.out = buf_init (LIMIT_KIB (8)), .stop_at = -1};
    size_t used = 0;
    assert_int_equal (markdown_read (text.data, text.size, &s_hooks, &trace, &used), 0);
    assert_string_equal (trace.out.data, "<7><16>a</16></7>");
    buf_fini (&trace.out);
    buf_fini (&text);
}


//  --- cost

typedef struct {
    const char *first, *then; //  each repeated for one half of the text; NULL: the other for all
} costly_t;

static void
s_fill (buf_t *text, const char *unit, size_t upto)
{
    while (unit && text->size + strlen (unit) <= upto)
        buf_text (text, unit);
}

static int
s_no_part (const markdown_part_t *part, void *ctx)
{
    return 0;
}

static int
s_no_text (markdown_text_t type, const char *bytes, size_t size, void *ctx)
{
    return 0;
}

//  These take md4c minutes, or all memory, when it reads them whole.
static void
test_what_is_quadratic_in_the_parser_is_read_in_part (void **state)
{
    static const costly_t texts [] = {
        {"[", NULL},           {"![", NULL},      {"[]\n", NULL}, {"[\n", "]\n"},
        {"[\n", "](\n"},       {"1. ", "\n"},     {"1. ", "\r"},  {"> ", "a\n"},
        {"- ", "\n"},          {"[[[\n\n", NULL}, {"[^", "](\n"}, {"[a]: b\n![&amp;", "]: <b"},
        {"[a]: b\n\n[x", "]"},
    };
    static const markdown_hooks_t hooks = {s_no_part, s_no_part, s_no_text};
    for (size_t i = 0; i < sizeof texts / sizeof texts [0]; i++) {
        buf_t text = buf_init (TEXT_BYTES + 64);
        buf_text (&text, "Disk full.\n\n");
        s_fill (&text, texts [i].first, texts [i].then ? TEXT_BYTES / 2 : TEXT_BYTES);
        buf_text (&text, texts [i].then ? "\n" : "");
        s_fill (&text, texts [i].then, TEXT_BYTES);
        size_t used = 0;
        const int64_t begin_us = clk_us ();
        assert_int_equal (markdown_read (text.data, text.size, &hooks, NULL, &used), 0);
        const int64_t us = clk_us () - begin_us;
        print_message ("%zu of %zu bytes in %lld ms: %.4s...\n", used, text.size,
                       (long long) us / 1000, texts [i].first);
        assert_in_range (used, strlen ("Disk full.\n"), text.size);
        assert_in_range (us, 0, FAIL * GOAL_US);
        buf_fini (&text);
    }
}

//  One long definition, used again and again.
static void
test_addresses_that_multiply_end_the_reading (void **state)
{
    static const markdown_hooks_t hooks = {s_no_part, s_no_part, s_no_text};
    buf_t text = buf_init (TEXT_BYTES + 64);
    buf_text (&text, "[a]: <");
    s_fill (&text, "&amp;x", TEXT_BYTES / 2);
    buf_text (&text, ">\n\n");
    s_fill (&text, "[a]\n\n", TEXT_BYTES);
    size_t used = 0;
    const int64_t begin_us = clk_us ();
    assert_int_equal (markdown_read (text.data, text.size, &hooks, NULL, &used), ERR_LIMIT);
    assert_in_range (clk_us () - begin_us, 0, FAIL * GOAL_US);
    buf_fini (&text);
}

static void
test_a_long_log_is_read_whole (void **state)
{
    static const markdown_hooks_t hooks = {s_no_part, s_no_part, s_no_text};
    buf_t text = buf_init (TEXT_BYTES);
    buf_text (&text, "# Log\n\n```\n");
    for (int i = 0; i < 10000; i++)
        buf_printf (&text, "[2026-01-01T00:00:%02d] info: request %d answered\n", i % 60, i);
    buf_text (&text, "```\n\nThat was all.\n");
    size_t used = 0;
    assert_int_equal (markdown_read (text.data, text.size, &hooks, NULL, &used), 0);
    assert_int_equal (used, text.size);
    buf_fini (&text);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_parts_come_in_order),
        cmocka_unit_test (test_spans_are_nested_and_left),
        cmocka_unit_test (test_entities_are_decoded_in_text_and_addresses_and_not_in_code),
        cmocka_unit_test (test_a_fence_around_everything_is_not_there),
        cmocka_unit_test (test_a_hook_ends_the_reading),
        cmocka_unit_test (test_a_long_address_is_left_out),
        cmocka_unit_test (test_what_is_quadratic_in_the_parser_is_read_in_part),
        cmocka_unit_test (test_addresses_that_multiply_end_the_reading),
        cmocka_unit_test (test_a_long_log_is_read_whole),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
