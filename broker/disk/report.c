//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/report.h"

#include "broker/disk/confidence.h"
#include "broker/disk/report_block.h"
#include "broker/disk/report_word.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    S_CAUSE_BYTES = 4 * LIMIT_ROOT_CAUSE_BYTES, //  collected before the text is cut
    S_TITLE_WORDS = 6,
    S_LABEL_WORDS = 8
};

static const char s_nothing [] = "See investigation report for details";


//  --- lines and cells

//  Take the next line or cell from the front of *rest.
static bool
s_part (report_span_t *rest, char separator, report_span_t *ret_part)
{
    if (rest->size == 0)
        return false;
    const char *end = memchr (rest->at, separator, rest->size);
    size_t size = end ? (size_t) (end - rest->at) : rest->size;
    size_t step = end ? size + 1 : size;
    *ret_part = report_word_trim ((report_span_t){.at = rest->at, .size = size});
    *rest = (report_span_t){.at = rest->at + step, .size = rest->size - step};
    return true;
}


//  --- labels

//  Skip the end of a label: ":", a dash between spaces, or the end of the line.
static bool
s_separator (report_span_t *rest)
{
    static const char *const marks [] = {":", " - ", " \xe2\x80\x93 ", " \xe2\x80\x94 "};
    while (rest->size > 0 && strchr ("*)", rest->at [0])) {
        rest->at++;
        rest->size--;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks [0]; i++) {
        size_t size = strlen (marks [i]);
        if (rest->size >= size && memcmp (rest->at, marks [i], size) == 0) {
            *rest = report_word_trim (
                (report_span_t){.at = rest->at + size, .size = rest->size - size});
            return true;
        }
    }
    return report_word_trim (*rest).size == 0;
}

//  Does a text begin with "root cause", as in "3.1 Most likely root cause analysis ..." or "Root
//  cause of the crash"?  A few words may precede.  A text that only speaks about the words ("Why
//  DNS is not the root cause") does not count.  *ret_rest is the text behind them.
static bool
s_root_cause (report_span_t text, report_span_t *ret_rest)
{
    static const char *const about [] = {"not",   "no",  "why",      "evidence",
                                         "how",   "isn", "rejected", "excluded",
                                         "ruled", "for", "possible", NULL};
    static const char *const out [] = {"ruled", "excluded", "rejected", "not", "unknown", NULL};
    static const char *const named [] = {"s",          "analysis",   "summary",   "assessment",
                                         "hypothesis", "hypotheses", "rca",       "identified",
                                         "found",      "confirmed",  "statement", "determination",
                                         "conclusion", "details",    NULL};
    report_span_t rest = text;
    report_word_t word = {.first = false};
    bool found = false, other = false;
    for (int i = 0; i < S_LABEL_WORDS && !found && report_word_next (&rest, &word); i++) {
        other = other || (report_word_any (&word, about) && !report_word_is (&word, "possible"));
        if (!report_word_is (&word, "root"))
            continue;
        report_span_t after = rest;
        found = report_word_next (&after, &word)
                && (report_word_is (&word, "cause") || report_word_is (&word, "causes"));
        rest = found ? after : rest;
    }
    report_span_t after = rest;
    if (!found || other || (report_word_next (&after, &word) && report_word_any (&word, out)))
        return false;
    after = rest;
    while (report_word_next (&after, &word) && report_word_any (&word, named))
        rest = after;
    *ret_rest = rest;
    return true;
}

//  Skip the rest of a label up to its colon: "of the crash: ...".
static bool
s_label_end (report_span_t *rest)
{
    static const char *const leads [] = {"of", "for", "is", "was", NULL};
    report_span_t after = *rest;
    report_word_t word;
    for (int i = 0; i < S_LABEL_WORDS && report_word_next (&after, &word) && !word.first; i++) {
        if (i == 0 && word.before != '(' && !report_word_any (&word, leads))
            return false;
        bool bracket = word.after == ')' && after.size > 1 && after.at [1] == ':';
        if (word.after == ':' || bracket) {
            *rest = after;
            return true;
        }
    }
    return false;
}

//  Is it a label of the confidence: "Overall confidence level: ...", "Confidence is low"?  Numbers
//  before it are skipped.
static bool
s_confidence_label (report_span_t text)
{
    static const char *const before [] = {"overall", "root", "cause", "diagnostic", "my", NULL};
    static const char *const behind [] = {"level", "score", "rating", "assessment", NULL};
    report_span_t rest = text;
    report_word_t word = {.first = false};
    bool more = report_word_next (&rest, &word);
    while (more && (report_word_is_number (&word) || report_word_any (&word, before)))
        more = report_word_next (&rest, &word);
    if (!more || !report_word_is (&word, "confidence"))
        return false;
    report_span_t after = rest;
    if (report_word_next (&after, &word) && report_word_any (&word, behind))
        rest = after;
    return s_separator (&rest) || confidence_behind (rest) != REPORT_UNKNOWN;
}

//  Is the text a level and nothing else: "HIGH confidence"?
static bool
s_is_level (report_span_t text)
{
    report_word_t word;
    bool more = report_word_next (&text, &word);
    while (more && report_word_is_number (&word))
        more = report_word_next (&text, &word);
    return more && confidence_level (&word) != REPORT_UNKNOWN && report_word_next (&text, &word)
           && confidence_is_word (&word) && !report_word_next (&text, &word);
}

//  Is it a label "Confidence:" whose level is in the next block?
static bool
s_is_label_alone (report_span_t text)
{
    report_word_t word = {.first = false};
    if (!s_confidence_label (text))
        return false;
    while (report_word_next (&text, &word))
        ;
    return confidence_is_word (&word) || report_word_is (&word, "level");
}

//  Does the line begin with another label: "Memory limit: ..."?
static bool
s_is_labelled (report_span_t line)
{
    report_word_t word;
    for (int i = 0; i < 3 && report_word_next (&line, &word); i++)
        if (word.after == ':')
            return true;
    return false;
}

//  Is it about another hypothesis than the first?
static bool
s_is_other (report_span_t text)
{
    static const char *const others [] = {"alternative", "alternatives", "alternatively",
                                          "secondary",   "other",        "less",
                                          "h2",          "h3",           NULL};
    static const char *const second [] = {"2", "3", "b", "c", "two", "three", NULL};
    report_word_t word;
    if (!report_word_next (&text, &word))
        return false;
    if (report_word_any (&word, others))
        return true;
    return report_word_is (&word, "hypothesis") && report_word_next (&text, &word)
           && report_word_any (&word, second);
}

//  Is it a title over the text: "Primary hypothesis (HIGH)", "H1:"?
static bool
s_is_title (report_span_t text)
{
    static const char *const firsts [] = {"h1", "hypothesis", "primary", NULL};
    report_word_t word;
    report_span_t rest = text;
    if (!report_word_next (&rest, &word) || !report_word_any (&word, firsts)
        || memchr (text.at, '.', text.size))
        return false;
    int count = 1;
    bool named = word.after == ':'; //  the hypothesis itself follows
    while (count <= S_TITLE_WORDS && report_word_next (&rest, &word)) {
        if (named)
            return false;
        named = word.after == ':';
        count++;
    }
    return count <= S_TITLE_WORDS;
}


//  --- blocks

static report_span_t
s_text (const report_blocks_t *blocks, size_t i)
{
    return (report_span_t){.at = blocks->text.data + blocks->items [i].at,
                           .size = blocks->items [i].size};
}

static bool
s_is_row (const report_blocks_t *blocks, size_t i)
{
    return blocks->items [i].kind == REPORT_BLOCK_ROW;
}

static bool
s_is_heading (const report_blocks_t *blocks, size_t i)
{
    return blocks->items [i].kind == REPORT_BLOCK_HEADING;
}

//  The first block, from `from` on, that is a heading of this level or a higher one.
static size_t
s_section_end (const report_blocks_t *blocks, size_t from, int level)
{
    while (from < blocks->count
           && !(s_is_heading (blocks, from) && blocks->items [from].level <= level))
        from++;
    return from;
}

//  The row's cell in the column whose head has one of these words; size 0: there is no such column.
static report_span_t
s_cell (const report_blocks_t *blocks, size_t row, const char *const *names)
{
    size_t head = row;
    while (head > 0 && s_is_row (blocks, head))
        head--;
    report_span_t titles = s_text (blocks, head), cells = s_text (blocks, row), title, cell;
    if (blocks->items [head].kind != REPORT_BLOCK_HEAD)
        return (report_span_t){.at = ""};
    while (s_part (&titles, REPORT_BLOCK_CELL, &title)
           && s_part (&cells, REPORT_BLOCK_CELL, &cell)) {
        report_word_t word;
        while (report_word_next (&title, &word))
            if (report_word_any (&word, names))
                return cell;
    }
    return (report_span_t){.at = ""};
}

static report_confidence_t
s_row_level (const report_blocks_t *blocks, size_t row)
{
    static const char *const names [] = {"confidence", NULL};
    report_span_t cells = s_text (blocks, row), first = {.at = ""};
    report_span_t cell = s_cell (blocks, row, names);
    if (cell.size > 0)
        return confidence_value (cell);
    s_part (&cells, REPORT_BLOCK_CELL, &first);
    return s_confidence_label (first) ? confidence_value (cells)
                                      : confidence_said (s_text (blocks, row));
}


//  --- the root cause

typedef struct {
    const report_blocks_t *blocks;
    size_t from;  //  block with its heading or label
    size_t cause; //  block with its text
    size_t end;   //  end of its section
    buf_t text;
} find_t;

static void
s_add (find_t *self, report_span_t text, const char *before)
{
    text = report_word_trim (text);
    size_t room = S_CAUSE_BYTES - self->text.size;
    if (text.size == 0 || room < 8)
        return;
    if (self->text.size > 0)
        buf_text (&self->text, before);
    buf_append (&self->text, text.at, utf8_cut (text.at, text.size, room - 8));
}

//  Add the lines of a text, without those that only state the confidence.
static void
s_add_lines (find_t *self, report_span_t text)
{
    report_span_t line, rest;
    while (s_part (&text, '\n', &line)) {
        if (s_confidence_label (line) || s_is_level (line))
            continue;
        if (self->text.size == 0 && s_root_cause (line, &rest) && s_separator (&rest))
            line = rest;
        s_add (self, line, " ");
    }
}

//  Add the cell that names the cause, or else all cells.
static void
s_add_row (find_t *self, size_t row)
{
    static const char *const names [] = {"cause", "hypothesis", "finding", "description", NULL};
    report_span_t cells = s_text (self->blocks, row), cell = s_cell (self->blocks, row, names);
    s_add (self, cell, " ");
    while (cell.size == 0 && s_part (&cells, REPORT_BLOCK_CELL, &cell)) {
        s_add (self, cell, ": ");
        cell.size = 0;
    }
}

//  Add the paragraph, the items or the row after a lead-in ("Two things came together:").
static void
s_add_led (find_t *self, size_t i)
{
    const report_block_t *items = self->blocks->items;
    bool list = false;
    if (i < self->end && items [i].kind == REPORT_BLOCK_HEAD)
        i++;
    if (i < self->end && s_is_row (self->blocks, i)) {
        s_add_row (self, i);
        return;
    }
    for (; i < self->end && self->text.size < S_CAUSE_BYTES / 2; i++) {
        if (items [i].kind != REPORT_BLOCK_ITEM
            && (list || items [i].kind != REPORT_BLOCK_PARAGRAPH))
            return;
        if (!s_confidence_label (s_text (self->blocks, i)))
            s_add (self, s_text (self->blocks, i), list ? "; " : " ");
        if (items [i].kind == REPORT_BLOCK_PARAGRAPH)
            return;
        list = true;
    }
}

//  Read one block of the section.  Returns true if it has the cause.
static bool
s_take (find_t *self, size_t i)
{
    report_block_kind_t kind = self->blocks->items [i].kind;
    if (kind != REPORT_BLOCK_PARAGRAPH && kind != REPORT_BLOCK_ITEM)
        return false;
    report_span_t text = s_text (self->blocks, i);
    if (i + 1 < self->end && s_is_title (text) && !s_is_heading (self->blocks, i + 1))
        return false;
    s_add_lines (self, text);
    if (self->text.size > 0 && self->text.data [self->text.size - 1] == ':')
        s_add_led (self, i + 1);
    self->cause = i;
    return self->text.size > 0;
}

//  Find the cause under the heading: in a paragraph, or else a table, or else the heading itself.
static bool
s_find_under (find_t *self, report_span_t title)
{
    for (size_t i = self->from + 1; i < self->end; i++)
        if (s_take (self, i))
            return true;
    for (size_t i = self->from + 1; i < self->end && self->text.size == 0; i++) {
        self->cause = i;
        if (s_is_row (self->blocks, i))
            s_add_row (self, i);
    }
    if (self->text.size == 0 && s_separator (&title) && !s_confidence_label (title)) {
        self->cause = self->from;
        s_add (self, title, "");
    }
    return self->text.size > 0;
}

static bool
s_find_heading (find_t *self)
{
    const report_blocks_t *blocks = self->blocks;
    for (size_t i = 0; i < blocks->count; i++) {
        report_span_t title;
        if (!s_is_heading (blocks, i) || !s_root_cause (s_text (blocks, i), &title))
            continue;
        self->from = i;
        self->end = s_section_end (blocks, i + 1, blocks->items [i].level);
        if (s_find_under (self, title))
            return true;
    }
    return false;
}

//  Find a line "Root cause: ..." and the lines up to the next label; or the block after it.
static bool
s_find_label (find_t *self)
{
    const report_blocks_t *blocks = self->blocks;
    for (size_t i = 0; i < blocks->count; i++) {
        bool row = s_is_row (blocks, i);
        report_span_t text = s_text (blocks, i), line, rest;
        while (!s_is_heading (blocks, i) && s_part (&text, row ? REPORT_BLOCK_CELL : '\n', &line)) {
            if (!s_root_cause (line, &rest))
                continue;
            (void) s_label_end (&rest);
            if (!s_separator (&rest))
                continue;
            self->from = self->cause = i;
            self->end = s_section_end (blocks, i + 1, 6);
            s_add (self, rest, "");
            while (s_part (&text, row ? REPORT_BLOCK_CELL : '\n', &line)
                   && (row || !(s_is_labelled (line) || s_confidence_label (line))))
                s_add (self, line, " ");
            if (self->text.size > 0 || (i + 1 < self->end && s_take (self, i + 1)))
                return true;
        }
    }
    return false;
}


//  --- its confidence

//  The level in a heading "## Confidence", or directly under it.
static report_confidence_t
s_own_heading (const report_blocks_t *blocks, size_t i)
{
    if (i >= blocks->count || !s_is_heading (blocks, i) || !s_confidence_label (s_text (blocks, i)))
        return REPORT_UNKNOWN;
    report_confidence_t level = confidence_said (s_text (blocks, i));
    if (level == REPORT_UNKNOWN && i + 1 < blocks->count && !s_is_heading (blocks, i + 1))
        level = confidence_value (s_text (blocks, i + 1));
    return level;
}

//  The level after the cause, until the text turns to something else.  A heading "Confidence"
//  counts up to the end of the section.
static report_confidence_t
s_after (const find_t *self)
{
    const report_blocks_t *blocks = self->blocks;
    const report_block_t *cause = &blocks->items [self->cause];
    bool elsewhere = false;
    for (size_t i = self->cause + 1; i < self->end; i++) {
        const report_block_t *block = &blocks->items [i];
        report_span_t text = s_text (blocks, i);
        report_confidence_t level = s_own_heading (blocks, i);
        bool sibling = cause->kind == REPORT_BLOCK_ITEM && block->kind == REPORT_BLOCK_ITEM
                       && block->level <= cause->level;
        elsewhere = elsewhere || s_is_heading (blocks, i) || s_is_other (text);
        if (level == REPORT_UNKNOWN && !elsewhere && (!sibling || s_confidence_label (text)))
            level = s_is_row (blocks, i) ? s_row_level (blocks, i) : confidence_said (text);
        if (level == REPORT_UNKNOWN && !elsewhere && i + 1 < self->end && s_is_label_alone (text))
            level = confidence_value (s_text (blocks, i + 1));
        if (level != REPORT_UNKNOWN)
            return level;
        elsewhere = elsewhere || s_is_row (blocks, i); //  the next row is the next hypothesis
    }
    return s_own_heading (blocks, self->end);
}

//  The level of a line "Confidence: ..." before the root cause.
static report_confidence_t
s_earlier (const find_t *self)
{
    for (size_t i = 0; i < self->from; i++) {
        report_span_t text = s_text (self->blocks, i), line;
        bool row = s_is_row (self->blocks, i);
        while (s_part (&text, '\n', &line)) {
            if (!s_confidence_label (line))
                continue;
            report_confidence_t level =
                row ? s_row_level (self->blocks, i) : confidence_said (line);
            if (level != REPORT_UNKNOWN)
                return level;
        }
    }
    return REPORT_UNKNOWN;
}

//  The level stated by the word "confidence", in a heading also by a mark.
static report_confidence_t
s_stated (report_span_t text, bool heading)
{
    report_confidence_t level = confidence_said (text);
    return level == REPORT_UNKNOWN && heading ? confidence_marked (text, true) : level;
}

static report_confidence_t
s_confidence (const find_t *self)
{
    for (size_t i = self->from; i <= self->cause; i++) {
        bool heading = s_is_heading (self->blocks, i);
        report_confidence_t level = s_is_row (self->blocks, i)
                                        ? s_row_level (self->blocks, i)
                                        : s_stated (s_text (self->blocks, i), heading);
        if (level != REPORT_UNKNOWN)
            return level;
    }
    report_confidence_t level = s_after (self);
    if (level == REPORT_UNKNOWN)
        level = s_earlier (self);
    for (size_t i = self->from; i <= self->cause && level == REPORT_UNKNOWN; i++)
        if (!s_is_row (self->blocks, i))
            level = confidence_marked (s_text (self->blocks, i), false);
    return level;
}


//  --- the whole

//  To Markdown, text over a line "---" is a heading.  Treat several lines, or a sentence, as the
//  paragraph that their author meant.
static void
s_underlined (report_blocks_t *blocks)
{
    report_span_t rest;
    for (size_t i = 0; i < blocks->count; i++) {
        report_span_t text = s_text (blocks, i);
        bool sentence = text.at [text.size - 1] == '.' && !s_root_cause (text, &rest);
        if (s_is_heading (blocks, i) && blocks->items [i].level == 2
            && (sentence || memchr (text.at, '\n', text.size)))
            blocks->items [i].kind = REPORT_BLOCK_PARAGRAPH;
    }
}

static void
s_tell (const find_t *self, report_t *ret_report)
{
    size_t size = utf8_sentence (self->text.data, self->text.size, LIMIT_ROOT_CAUSE_BYTES - 1);
    for (size_t i = 0; i < size; i++) {
        char byte = self->text.data [i];
        ret_report->root_cause [i] = byte == '\n' || byte == REPORT_BLOCK_CELL ? ' ' : byte;
    }
    ret_report->root_cause [size] = 0;
    ret_report->confidence = s_confidence (self);
}

int
report_read (const char *markdown, size_t size, report_t *ret_report)
{
    assert (ret_report);
    *ret_report = (report_t){.confidence = REPORT_UNKNOWN};
    snprintf (ret_report->root_cause, sizeof ret_report->root_cause, "%s", s_nothing);
    own (report_block_fini) report_blocks_t blocks = {.text = buf_init (0)};
    int rc = report_block_read (markdown, size, &blocks);
    if (rc < 0)
        return rc;
    s_underlined (&blocks);
    find_t find = {.blocks = &blocks, .text = buf_init (S_CAUSE_BYTES)};
    if (s_find_heading (&find) || s_find_label (&find))
        s_tell (&find, ret_report);
    rc = find.text.failed == -ENOMEM ? -ENOMEM : 0;
    buf_fini (&find.text);
    return rc;
}

const char *
report_confidence_name (report_confidence_t confidence)
{
    switch (confidence) {
        case REPORT_UNKNOWN: return "UNKNOWN";
        case REPORT_LOW: return "LOW";
        case REPORT_MEDIUM: return "MEDIUM";
        case REPORT_HIGH: return "HIGH";
    }
    return "UNKNOWN";
}
