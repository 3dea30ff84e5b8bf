//  fuzz_report - an agent's report, any bytes, read for its root cause and confidence.
//
//  Input: Markdown; a short one that begins with '*' is repeated, for what grows
//  faster than the text.
//  Holds: the root cause is one line of clean text within its limit; blocks lie in their text in
//  order; line ends do not matter; what stands in a code fence is not read.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "broker/disk/report.h"
#include "broker/disk/report_block.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stdbool.h>
#include <string.h>

#define FENCE "````````````````````````"
#define NOTHING "See investigation report for details"

enum { REPEATED_PART_BYTES = 24, REPEATED_BYTES = LIMIT_KIB (32) };

static bool
s_is_bidi (uint32_t code)
{
    return code == 0x61c || code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e)
           || (code >= 0x2066 && code <= 0x2069);
}

//  Clean text; `extra` are the control characters that may stand in it.
static void
s_check_text (const char *text, size_t size, const char *extra)
{
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t step = utf8_next (text + at, size - at, &code);
        assert (step > 0 && code > 0 && !s_is_bidi (code));
        bool control = code < ' ' || (code >= 0x7f && code < 0xa0);
        assert (!control || (code < 0x80 && strchr (extra, (int) code)));
        at += step;
    }
}

static report_t
s_read (const char *bytes, size_t size)
{
    report_t report;
    assert (report_read (bytes, size, &report) == 0);
    size_t length = strnlen (report.root_cause, sizeof report.root_cause);
    assert (length > 0 && length < sizeof report.root_cause);
    s_check_text (report.root_cause, length, "");
    assert (*report_confidence_name (report.confidence));
    return report;
}

static void
s_assert_same (const report_t *a, const report_t *b)
{
    assert (strcmp (a->root_cause, b->root_cause) == 0);
    assert (a->confidence == b->confidence);
}

static void
s_blocks (const char *bytes, size_t size)
{
    own (report_block_fini) report_blocks_t blocks;
    assert (report_block_read (bytes, size, &blocks) == 0);
    assert (blocks.count <= LIMIT_REPORT_BLOCKS);
    s_check_text (blocks.text.data, blocks.text.size, "\n\x1f");
    size_t end = 0;
    for (size_t i = 0; i < blocks.count; i++) {
        const report_block_t *block = &blocks.items [i];
        const char *text = blocks.text.data + block->at;
        bool row = block->kind == REPORT_BLOCK_HEAD || block->kind == REPORT_BLOCK_ROW;
        assert (block->at >= end && block->size > 0);
        assert (row || !memchr (text, REPORT_BLOCK_CELL, block->size));
        end = block->at + block->size;
        assert (end <= blocks.text.size);
    }
}

//  The same report with the line ends of another system.
static void
s_line_ends (const char *bytes, size_t size, const report_t *expected)
{
    if (memchr (bytes, '\r', size))
        return;
    own (buf_fini) buf_t text = buf_init (2 * size + 1);
    for (size_t i = 0; i < size; i++)
        (void) buf_append (&text, bytes [i] == '\n' ? "\r\n" : bytes + i, 1 + (bytes [i] == '\n'));
    assert (!text.failed);
    report_t other = s_read (text.data, text.size);
    s_assert_same (expected, &other);
}

static void
s_fenced (const char *bytes, size_t size)
{
    if (memmem (bytes, size, FENCE, strlen (FENCE)))
        return;
    own (buf_fini) buf_t text = buf_init (size + 2 * sizeof FENCE + 2);
    (void) buf_text (&text, FENCE "\n");
    (void) buf_append (&text, bytes, size);
    (void) buf_text (&text, "\n" FENCE "\n");
    assert (!text.failed);
    report_t report = s_read (text.data, text.size);
    assert (strcmp (report.root_cause, NOTHING) == 0 && report.confidence == REPORT_UNKNOWN);
}

static void
s_repeated (const char *part, size_t size)
{
    own (buf_fini) buf_t text = buf_init (REPEATED_BYTES + REPEATED_PART_BYTES);
    while (text.size < REPEATED_BYTES)
        assert (buf_append (&text, part, size) == 0);
    s_read (text.data, text.size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    const char *bytes = size ? (const char *) data : "";
    if (size > 1 && size <= REPEATED_PART_BYTES && *bytes == '*') {
        s_repeated (bytes + 1, size - 1);
        return 0;
    }
    report_t report = s_read (bytes, size);
    report_t again = s_read (bytes, size);
    s_assert_same (&report, &again);
    s_blocks (bytes, size);
    s_line_ends (bytes, size, &report);
    s_fenced (bytes, size);
    return 0;
}
