//  report - root cause and confidence out of the blocks of a report.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/report.h"

#include "broker/io/report_block.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
    S_CAUSE_BYTES = 4 * LIMIT_ROOT_CAUSE_BYTES, //  gathered before it is cut
    S_WORDS_AFTER = 6,                          //  "confidence in this diagnosis is currently high"
    S_WORDS_BEFORE = 3,
    S_TITLE_WORDS = 6
};

static const char s_nothing [] = "See investigation report for details";

typedef struct {
    const char *at;
    size_t size;
} span_t;

//  A word and what stands around it; bytes above ASCII count as letters.
typedef struct {
    span_t text;
    char before, after; //  0 at the ends
    bool first;         //  of its sentence
} word_t;


//  --- words

static bool
s_is_letter (char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z')
           || (byte >= '0' && byte <= '9') || byte == '_' || (unsigned char) byte >= 0x80;
}

static bool
s_is_break (char byte)
{
    return byte == '.' || byte == '!' || byte == '?' || byte == ';' || byte == '\n'
           || byte == REPORT_BLOCK_CELL;
}

//  Take the next word off the front of *rest; false when there is none.
static bool
s_next (span_t *rest, word_t *ret_word)
{
    size_t at = 0;
    bool broken = false;
    for (; at < rest->size && !s_is_letter (rest->at [at]); at++)
        if (s_is_break (rest->at [at]) && (at == 0 || rest->at [at - 1] != ':'))
            broken = true;
    size_t end = at;
    while (end < rest->size && s_is_letter (rest->at [end]))
        end++;
    if (end == at)
        return false;
    *ret_word = (word_t){.text = {.at = rest->at + at, .size = end - at},
                         .before = (char) (at > 0 ? rest->at [at - 1] : 0),
                         .after = (char) (end < rest->size ? rest->at [end] : 0),
                         .first = broken};
    *rest = (span_t){.at = rest->at + end, .size = rest->size - end};
    return true;
}

static bool
s_is (const word_t *word, const char *text)
{
    return strlen (text) == word->text.size
           && strncasecmp (word->text.at, text, word->text.size) == 0;
}

//  Is it one of a list ended by NULL?
static bool
s_any (const word_t *word, const char *const *list)
{
    for (; *list; list++)
        if (s_is (word, *list))
            return true;
    return false;
}

//  A number, or what stands for one ("A."); a word without any ASCII letter is an ornament.
static bool
s_is_number (const word_t *word)
{
    static const char *const roman [] = {"i",       "ii",   "iii",  "iv",    "v",
                                         "vi",      "vii",  "viii", "ix",    "x",
                                         "section", "step", "part", "phase", NULL};
    size_t plain = 0;
    while (plain < word->text.size
           && ((unsigned char) word->text.at [plain] >= 0x80
               || (word->text.at [plain] >= '0' && word->text.at [plain] <= '9')))
        plain++;
    bool letter = word->text.size == 1 && word->after && strchr (".)", word->after);
    return plain == word->text.size || letter || s_any (word, roman);
}

static span_t
s_trim (span_t text)
{
    while (text.size > 0 && strchr (" \n\t", text.at [0])) {
        text.at++;
        text.size--;
    }
    while (text.size > 0 && strchr (" \n\t", text.at [text.size - 1]))
        text.size--;
    return text;
}

//  Take the next line, or cell, off the front of *rest.
static bool
s_part (span_t *rest, char separator, span_t *ret_part)
{
    if (rest->size == 0)
        return false;
    const char *end = memchr (rest->at, separator, rest->size);
    size_t size = end ? (size_t) (end - rest->at) : rest->size;
    size_t step = end ? size + 1 : size;
    *ret_part = s_trim ((span_t){.at = rest->at, .size = size});
    *rest = (span_t){.at = rest->at + step, .size = rest->size - step};
    return true;
}


//  --- levels

static report_confidence_t
s_level (const word_t *word)
{
    if (s_is (word, "high"))
        return REPORT_HIGH;
    if (s_is (word, "medium"))
        return REPORT_MEDIUM;
    return s_is (word, "low") ? REPORT_LOW : REPORT_UNKNOWN;
}

//  "High/Medium/Low", "LOW, MEDIUM or HIGH": the choice of levels, not one of them.  Skips it.
static bool
s_skip_scale (const word_t *first, span_t *rest)
{
    int seen = 1 << s_level (first), count = 1;
    span_t text = *rest;
    word_t word;
    while (count < 3 && s_next (&text, &word) && !word.first) {
        if (s_is (&word, "or") || s_is_number (&word))
            continue;
        if (s_level (&word) == REPORT_UNKNOWN || (seen & 1 << s_level (&word)))
            return false;
        seen |= 1 << s_level (&word);
        count++;
    }
    if (count < 3)
        return false;
    *rest = text;
    return true;
}

static report_confidence_t
s_first_level (span_t text)
{
    word_t word;
    while (s_next (&text, &word))
        if (s_level (&word) != REPORT_UNKNOWN && !s_skip_scale (&word, &text))
            return s_level (&word);
    return REPORT_UNKNOWN;
}

//  Of the first word.
static report_confidence_t
s_leading (span_t text)
{
    word_t word = {.first = false};
    return s_next (&text, &word) ? s_level (&word) : REPORT_UNKNOWN;
}

//  Behind the word "confidence", in its sentence.
static report_confidence_t
s_level_after (span_t rest)
{
    word_t word;
    bool negated = false;
    for (int i = 0; i < S_WORDS_AFTER && s_next (&rest, &word) && !word.first; i++) {
        bool level = s_level (&word) != REPORT_UNKNOWN;
        if (level && !negated && !s_skip_scale (&word, &rest))
            return s_level (&word);
        negated = s_is (&word, "not");
    }
    return REPORT_UNKNOWN;
}

static bool
s_is_confidence (const word_t *word)
{
    return s_is (word, "confidence") || s_is (word, "confident");
}

//  A level said of the word "confidence": before it ("high confidence"), or behind it ("Confidence:
//  high"), which goes first where a label asks for it.
static report_confidence_t
s_said (span_t text)
{
    word_t word;
    report_confidence_t before = REPORT_UNKNOWN;
    int age = 0;
    bool negated = false;
    while (s_next (&text, &word)) {
        if (word.first || age++ >= S_WORDS_BEFORE)
            before = REPORT_UNKNOWN;
        if (s_is_confidence (&word)) {
            report_confidence_t after = s_level_after (text);
            bool label = word.after && strchr (":=*", word.after);
            if (before != REPORT_UNKNOWN && !(label && after != REPORT_UNKNOWN))
                return before;
            if (after != REPORT_UNKNOWN)
                return after;
        }
        if (s_level (&word) != REPORT_UNKNOWN && !negated && !s_skip_scale (&word, &text)) {
            before = s_level (&word);
            age = 0;
        }
        negated = s_is (&word, "not");
    }
    return REPORT_UNKNOWN;
}

//  A level in capitals and brackets; in a heading also as its last word.
static report_confidence_t
s_marked (span_t text, bool heading)
{
    word_t word;
    while (s_next (&text, &word)) {
        bool capitals = word.text.at [0] <= 'Z' && word.text.at [word.text.size - 1] <= 'Z';
        bool enclosed = word.before == '(' || word.before == '[';
        bool last = heading && !word.after;
        if (s_level (&word) != REPORT_UNKNOWN && capitals && (enclosed || last)
            && !s_skip_scale (&word, &text))
            return s_level (&word);
    }
    return REPORT_UNKNOWN;
}

static report_confidence_t
s_stated (span_t text, bool heading)
{
    report_confidence_t level = s_said (text);
    return level != REPORT_UNKNOWN ? level : s_marked (text, heading);
}


//  --- labels

//  Behind a label: ":", a dash between spaces, the end of the line.  Skips it.
static bool
s_separator (span_t *rest)
{
    static const char *const marks [] = {":", " - ", " \xe2\x80\x93 ", " \xe2\x80\x94 "};
    while (rest->size > 0 && strchr ("*)", rest->at [0])) {
        rest->at++;
        rest->size--;
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks [0]; i++) {
        size_t size = strlen (marks [i]);
        if (rest->size >= size && memcmp (rest->at, marks [i], size) == 0) {
            *rest = s_trim ((span_t){.at = rest->at + size, .size = rest->size - size});
            return true;
        }
    }
    return s_trim (*rest).size == 0;
}

//  "Diagnosis / ...", "Summary and ...": does something else go on behind this word?
static bool
s_is_joined (span_t rest)
{
    rest = s_trim (rest);
    return (rest.size > 0 && strchr ("/&:", rest.at [0]))
           || (rest.size > 4 && strncasecmp (rest.at, "and ", 4) == 0);
}

//  "3.1 Most likely root cause analysis ...": *ret_rest is what follows those words.
static bool
s_root_cause (span_t text, span_t *ret_rest)
{
    static const char *const before [] = {
        "the",       "most",        "likely",     "probable",  "primary",   "possible",
        "suspected", "confirmed",   "final",      "and",       "potential", "identified",
        "direct",    "preliminary", "underlying", "technical", NULL};
    static const char *const behind [] = {"s",          "analysis",   "summary", "assessment",
                                          "hypothesis", "hypotheses", "rca",     NULL};
    static const char *const not_it [] = {"ruled", "excluded", NULL};
    span_t rest = text;
    word_t word = {.first = false};
    bool more = s_next (&rest, &word);
    while (more && (s_is_number (&word) || s_any (&word, before) || s_is_joined (rest)))
        more = s_next (&rest, &word);
    if (!more || !s_is (&word, "root") || !s_next (&rest, &word)
        || !(s_is (&word, "cause") || s_is (&word, "causes")))
        return false;
    span_t after = rest;
    while (s_next (&after, &word) && s_any (&word, behind))
        rest = after;
    after = rest;
    if (s_next (&after, &word) && s_any (&word, not_it))
        return false;
    *ret_rest = rest;
    return true;
}

//  "Overall confidence level: ...", "Confidence is low", numbers before it skipped.
static bool
s_confidence_label (span_t text)
{
    static const char *const before [] = {"overall", "root", "cause", "diagnostic", "my", NULL};
    static const char *const behind [] = {"level", "score", "rating", "assessment", NULL};
    span_t rest = text;
    word_t word = {.first = false};
    bool more = s_next (&rest, &word);
    while (more && (s_is_number (&word) || s_any (&word, before)))
        more = s_next (&rest, &word);
    if (!more || !s_is (&word, "confidence"))
        return false;
    span_t after = rest;
    if (s_next (&after, &word) && s_any (&word, behind))
        rest = after;
    return s_separator (&rest) || s_level_after (rest) != REPORT_UNKNOWN;
}

//  "HIGH confidence" and no more.
static bool
s_is_level (span_t text)
{
    word_t word;
    bool more = s_next (&text, &word);
    while (more && s_is_number (&word))
        more = s_next (&text, &word);
    return more && s_level (&word) != REPORT_UNKNOWN && s_next (&text, &word)
           && s_is_confidence (&word) && !s_next (&text, &word);
}

//  "Confidence:" with its level in the next block.
static bool
s_is_label_alone (span_t text)
{
    word_t word = {.first = false};
    if (!s_confidence_label (text))
        return false;
    while (s_next (&text, &word))
        ;
    return s_is_confidence (&word) || s_is (&word, "level");
}

//  "Memory limit: ...": a line that begins something of its own.
static bool
s_is_labelled (span_t line)
{
    word_t word;
    for (int i = 0; i < 3 && s_next (&line, &word); i++)
        if (word.after == ':')
            return true;
    return false;
}

//  Does it speak of another hypothesis than the first?
static bool
s_is_other (span_t text)
{
    static const char *const others [] = {"alternative", "alternatives", "alternatively",
                                          "secondary",   "other",        "less",
                                          "h2",          "h3",           NULL};
    static const char *const second [] = {"2", "3", "b", "c", "two", "three", NULL};
    word_t word;
    if (!s_next (&text, &word))
        return false;
    if (s_any (&word, others))
        return true;
    return s_is (&word, "hypothesis") && s_next (&text, &word) && s_any (&word, second);
}

//  "Primary hypothesis (HIGH)", "H1:": a title over the text, not the text.
static bool
s_is_title (span_t text)
{
    static const char *const firsts [] = {"h1", "hypothesis", "primary", NULL};
    word_t word;
    span_t rest = text;
    if (!s_next (&rest, &word) || !s_any (&word, firsts) || memchr (text.at, '.', text.size))
        return false;
    int count = 1;
    bool named = word.after == ':'; //  what comes then is the hypothesis itself
    while (count <= S_TITLE_WORDS && s_next (&rest, &word)) {
        if (named)
            return false;
        named = word.after == ':';
        count++;
    }
    return count <= S_TITLE_WORDS;
}


//  --- blocks

static span_t
s_text (const report_blocks_t *blocks, size_t i)
{
    return (span_t){.at = blocks->text.data + blocks->items [i].at, .size = blocks->items [i].size};
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

//  The first block from `from` on that is a heading of at most this level.
static size_t
s_section_end (const report_blocks_t *blocks, size_t from, int level)
{
    while (from < blocks->count
           && !(s_is_heading (blocks, from) && blocks->items [from].level <= level))
        from++;
    return from;
}

//  The row's cell under the column whose head has one of these words; size 0 = no such column.
static span_t
s_cell (const report_blocks_t *blocks, size_t row, const char *const *names)
{
    size_t head = row;
    while (head > 0 && s_is_row (blocks, head))
        head--;
    span_t titles = s_text (blocks, head), cells = s_text (blocks, row), title, cell;
    if (blocks->items [head].kind != REPORT_BLOCK_HEAD)
        return (span_t){.at = ""};
    while (s_part (&titles, REPORT_BLOCK_CELL, &title)
           && s_part (&cells, REPORT_BLOCK_CELL, &cell)) {
        word_t word;
        while (s_next (&title, &word))
            if (s_any (&word, names))
                return cell;
    }
    return (span_t){.at = ""};
}

static report_confidence_t
s_row_level (const report_blocks_t *blocks, size_t row)
{
    static const char *const names [] = {"confidence", NULL};
    span_t cells = s_text (blocks, row), first = {.at = ""};
    span_t cell = s_cell (blocks, row, names);
    if (cell.size > 0)
        return s_first_level (cell);
    s_part (&cells, REPORT_BLOCK_CELL, &first);
    return s_confidence_label (first) ? s_first_level (cells) : s_said (s_text (blocks, row));
}


//  --- the root cause

typedef struct {
    const report_blocks_t *blocks;
    size_t from;  //  its heading, or the block with its label
    size_t cause; //  the block that has it
    size_t end;   //  of its section
    buf_t text;
} find_t;

static void
s_add (find_t *self, span_t text, const char *before)
{
    text = s_trim (text);
    size_t room = S_CAUSE_BYTES - self->text.size;
    if (text.size == 0 || room < 8)
        return;
    if (self->text.size > 0)
        buf_text (&self->text, before);
    buf_append (&self->text, text.at, utf8_cut (text.at, text.size, room - 8));
}

//  The lines of a text, without those that only state the confidence.
static void
s_add_lines (find_t *self, span_t text)
{
    span_t line, rest;
    while (s_part (&text, '\n', &line)) {
        if (s_confidence_label (line) || s_is_level (line))
            continue;
        if (self->text.size == 0 && s_root_cause (line, &rest) && s_separator (&rest))
            line = rest;
        s_add (self, line, " ");
    }
}

//  The cell that names the cause, else all of them.
static void
s_add_row (find_t *self, size_t row)
{
    static const char *const names [] = {"cause", "hypothesis", "finding", "description", NULL};
    span_t cells = s_text (self->blocks, row), cell = s_cell (self->blocks, row, names);
    s_add (self, cell, " ");
    while (cell.size == 0 && s_part (&cells, REPORT_BLOCK_CELL, &cell)) {
        s_add (self, cell, ": ");
        cell.size = 0;
    }
}

//  A lead-in ("Two things came together:") goes on with the paragraph, the items or the row after it.
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

//  Look at one block of the section.  Returns whether it has the cause.
static bool
s_take (find_t *self, size_t i)
{
    report_block_kind_t kind = self->blocks->items [i].kind;
    if (kind != REPORT_BLOCK_PARAGRAPH && kind != REPORT_BLOCK_ITEM)
        return false;
    span_t text = s_text (self->blocks, i);
    if (i + 1 < self->end && s_is_title (text) && !s_is_heading (self->blocks, i + 1))
        return false;
    s_add_lines (self, text);
    if (self->text.size > 0 && self->text.data [self->text.size - 1] == ':')
        s_add_led (self, i + 1);
    self->cause = i;
    return self->text.size > 0;
}

//  Under the heading at `from`: a paragraph, else a table, else what the heading itself says.
static bool
s_find_under (find_t *self, span_t title)
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
        span_t title;
        if (!s_is_heading (blocks, i) || !s_root_cause (s_text (blocks, i), &title))
            continue;
        self->from = i;
        self->end = s_section_end (blocks, i + 1, blocks->items [i].level);
        if (s_find_under (self, title))
            return true;
    }
    return false;
}

//  A line "Root cause: ..." and those after it, up to the next label; or the block after it.
static bool
s_find_label (find_t *self)
{
    const report_blocks_t *blocks = self->blocks;
    for (size_t i = 0; i < blocks->count; i++) {
        bool row = s_is_row (blocks, i);
        span_t text = s_text (blocks, i), line, rest;
        while (!s_is_heading (blocks, i) && s_part (&text, row ? REPORT_BLOCK_CELL : '\n', &line)) {
            if (!s_root_cause (line, &rest) || !s_separator (&rest))
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

//  "## Confidence": said in the heading, or right under it.
static report_confidence_t
s_own_heading (const report_blocks_t *blocks, size_t i)
{
    if (i >= blocks->count || !s_is_heading (blocks, i) || !s_confidence_label (s_text (blocks, i)))
        return REPORT_UNKNOWN;
    report_confidence_t level = s_first_level (s_text (blocks, i));
    if (level == REPORT_UNKNOWN && i + 1 < blocks->count && !s_is_heading (blocks, i + 1))
        level = s_first_level (s_text (blocks, i + 1));
    return level;
}

//  After the cause, up to where the text turns to something else; headings of its own to the end.
static report_confidence_t
s_after (const find_t *self)
{
    const report_blocks_t *blocks = self->blocks;
    const report_block_t *cause = &blocks->items [self->cause];
    bool elsewhere = false;
    for (size_t i = self->cause + 1; i < self->end; i++) {
        const report_block_t *block = &blocks->items [i];
        span_t text = s_text (blocks, i);
        report_confidence_t level = s_own_heading (blocks, i);
        bool sibling = cause->kind == REPORT_BLOCK_ITEM && block->kind == REPORT_BLOCK_ITEM
                       && block->level <= cause->level;
        elsewhere = elsewhere || s_is_heading (blocks, i) || s_is_other (text);
        if (level == REPORT_UNKNOWN && !elsewhere && (!sibling || s_confidence_label (text)))
            level = s_is_row (blocks, i) ? s_row_level (blocks, i) : s_said (text);
        if (level == REPORT_UNKNOWN && !elsewhere && i + 1 < self->end && s_is_label_alone (text))
            level = s_leading (s_text (blocks, i + 1));
        if (level != REPORT_UNKNOWN)
            return level;
        elsewhere = elsewhere || s_is_row (blocks, i); //  the next row is the next hypothesis
    }
    return s_own_heading (blocks, self->end);
}

//  A line "Confidence: ..." before all that.
static report_confidence_t
s_earlier (const find_t *self)
{
    for (size_t i = 0; i < self->from; i++) {
        span_t text = s_text (self->blocks, i), line;
        bool row = s_is_row (self->blocks, i);
        while (s_part (&text, '\n', &line)) {
            if (!s_confidence_label (line))
                continue;
            report_confidence_t level = row ? s_row_level (self->blocks, i) : s_said (line);
            if (level != REPORT_UNKNOWN)
                return level;
        }
    }
    return REPORT_UNKNOWN;
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
    return level != REPORT_UNKNOWN ? level : s_earlier (self);
}


//  --- the whole

//  Text over a line "---" is a heading to Markdown; to whoever wrote several lines or a sentence it is not.
static void
s_underlined (report_blocks_t *blocks)
{
    span_t rest;
    for (size_t i = 0; i < blocks->count; i++) {
        span_t text = s_text (blocks, i);
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
