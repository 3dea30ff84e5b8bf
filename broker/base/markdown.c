//  Src: md4c.h 0.4.8.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/markdown.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <md4c.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

enum {
    S_CODE_MAX = 0x10ffff,
    S_OWN_BYTES = 16, //  longest of md4c's own pieces, blanks and line ends
    S_PAD = 64,
    S_TARGET_BYTES = LIMIT_KIB (2),
    S_ENTITY_BYTES = 64,
    S_SPANS_MAX = LIMIT_REPORT_BYTES, //  open ones
    S_TARGETS_BYTES = LIMIT_MIB (16), //  all addresses and titles: a definition may be used often
    S_DEPTH_COST = 12,                //  an open container at a line
    S_NAMES_COST = 12                 //  brackets, where "]:" may define what they stand for
};
//  About 0.3 s.  A log in one block, with two brackets in each of 10,000 lines, costs a fifth.
#define S_COST_MAX INT64_C (3000000000)

typedef struct {
    const markdown_hooks_t *hooks;
    void *ctx;
    const char *begin; //  of the text that md4c reads
    size_t size;
    size_t targets; //  bytes of addresses and titles so far
    buf_t target;
    buf_t spans;                          //  the kinds of the open ones, a byte each
    size_t open_of [MARKDOWN_STRUCK + 1]; //  how many of a kind
    int ended;                            //  why the reading ends before the text; 0 = it does not
} reader_t;


//  --- what a text costs

//  Containers that a line may open: marks of quotes and lists, and what is indented.
static int64_t
s_containers (const char *line, const char *end)
{
    int64_t marks = 0, blanks = 0;
    while (line < end) {
        const char *digit = line;
        while (digit < end && digit - line < 9 && *digit >= '0' && *digit <= '9')
            digit++;
        const char *mark = digit;
        if (mark == end)
            break;
        if (*line == ' ' || *line == '\t')
            blanks += *line == '\t' ? 4 : 1;
        else if (*line == '>' || (mark == line && strchr ("-+*", *mark))
                 || (mark > line && strchr (".)", *mark))) {
            marks++;
            line = mark;
        }
        else
            break;
        line++;
    }
    return marks + blanks / 2;
}

static const char *
s_line_end (const char *line, const char *end)
{
    while (line < end && *line != '\n' && *line != '\r')
        line++;
    return line;
}

//  The bytes, up to an end of a line, whose work is bounded.  What grows faster than the text: md4c
//  looks through the lines of a paragraph for each pair of brackets, through nested pairs, and at
//  each line through the open containers.  An upper bound of these is counted.
static size_t
s_affordable (const char *text, size_t size)
{
    const int64_t weight = size > 0 && memmem (text, size, "]:", 2) ? S_NAMES_COST : 1;
    int64_t cost = 0, depth = 0, brackets = 0, lines = 0;
    const char *end = text + size, *paragraph = text;
    for (const char *line = text; line < end;) {
        const char *next = s_line_end (line, end), *shown = line;
        while (shown < next && strchr (" \t>", *shown))
            shown++;
        if (shown == next) { //  no text: the paragraph has ended
            cost += weight * brackets * (brackets + lines);
            brackets = lines = 0;
            paragraph = line;
        }
        const int64_t containers = s_containers (line, next);
        depth = containers > depth ? containers : depth;
        cost += depth * S_DEPTH_COST;
        for (lines++; shown < next; shown++)
            brackets += *shown == '[' || *shown == ']';
        if (cost + weight * brackets * (brackets + lines) > S_COST_MAX)
            return (size_t) (paragraph - text);
        line = next + (next + 1 < end && next [0] == '\r' && next [1] == '\n' ? 2 : 1);
    }
    return size;
}


//  --- entities

static size_t
s_encode (uint32_t code, char ret_bytes [4])
{
    size_t size = 0;
    if (code > S_CODE_MAX) {
        ret_bytes [0] = '\xff'; //  no character
        return 1;
    }
    if (code < 0x80)
        ret_bytes [size++] = (char) code;
    else if (code < 0x800)
        ret_bytes [size++] = (char) (0xc0 | code >> 6);
    else if (code < 0x10000) {
        ret_bytes [size++] = (char) (0xe0 | code >> 12);
        ret_bytes [size++] = (char) (0x80 | (code >> 6 & 0x3f));
    }
    else {
        ret_bytes [size++] = (char) (0xf0 | (code >> 18 & 0x07));
        ret_bytes [size++] = (char) (0x80 | (code >> 12 & 0x3f));
        ret_bytes [size++] = (char) (0x80 | (code >> 6 & 0x3f));
    }
    if (code >= 0x80)
        ret_bytes [size++] = (char) (0x80 | (code & 0x3f));
    return size;
}

//  Read the digits of an entity: decimal, or hexadecimal behind an x.  A number that is too large
//  stays above S_CODE_MAX.
static uint32_t
s_number (const char *text, size_t size)
{
    bool hex = text [0] == 'x' || text [0] == 'X';
    uint32_t number = 0;
    for (size_t i = hex; i < size && number <= S_CODE_MAX; i++) {
        uint32_t byte = (unsigned char) text [i];
        uint32_t digit =
            byte <= '9' ? byte - (uint32_t) '0' : (byte | 0x20U) - (uint32_t) 'a' + 10U;
        number = number * (hex ? 16U : 10U) + digit;
    }
    return number;
}

//  Decode an entity that md4c found, "&name;" or "&#number;".  An unknown name stays as it is.
static size_t
s_entity (const char *text, size_t size, char ret_bytes [S_ENTITY_BYTES])
{
    static const struct {
        const char *name, *text;
    } known [] = {{"&amp;", "&"},   {"&lt;", "<"},    {"&gt;", ">"},
                  {"&quot;", "\""}, {"&apos;", "'"},  {"&nbsp;", " "},
                  {"&ndash;", "-"}, {"&mdash;", "-"}, {"&hellip;", "..."}};
    if (size > 3 && text [1] == '#')
        return s_encode (s_number (text + 2, size - 3), ret_bytes);
    for (size_t i = 0; i < sizeof known / sizeof known [0]; i++)
        if (strlen (known [i].name) == size && memcmp (known [i].name, text, size) == 0) {
            memcpy (ret_bytes, known [i].text, strlen (known [i].text));
            return strlen (known [i].text);
        }
    size = size < S_ENTITY_BYTES ? size : S_ENTITY_BYTES;
    memcpy (ret_bytes, text, size);
    return size;
}


//  --- md4c's parts as ours

//  Fill the target.  ERR_LIMIT: there have been too many bytes of them.
static int
s_target (reader_t *self, const MD_ATTRIBUTE *from, const MD_ATTRIBUTE *title,
          markdown_part_t *part)
{
    self->targets += (size_t) from->size + title->size;
    if (self->targets > S_TARGETS_BYTES)
        return ERR_LIMIT;
    buf_reset (&self->target);
    for (size_t i = 0; from->size > 0 && from->substr_offsets [i] < from->size; i++) {
        const char *text = from->text + from->substr_offsets [i];
        size_t size = from->substr_offsets [i + 1] - from->substr_offsets [i];
        char bytes [S_ENTITY_BYTES];
        if (from->substr_types [i] == MD_TEXT_ENTITY)
            buf_append (&self->target, bytes, s_entity (text, size, bytes));
        else if (from->substr_types [i] == MD_TEXT_NULLCHAR)
            buf_append (&self->target, "\xff", 1);
        else
            buf_append (&self->target, text, size);
    }
    if (self->target.failed == -ENOMEM)
        return -ENOMEM;
    if (self->target.failed)
        buf_reset (&self->target);
    part->target = self->target.data;
    part->target_size = self->target.size;
    return 0;
}

static bool
s_is_text (const MD_ATTRIBUTE *language)
{
    static const char text [] = "text";
    return language->text && language->size == sizeof text - 1
           && memcmp (language->text, text, sizeof text - 1) == 0;
}

//  False: a part that means nothing here.
static bool
s_block (MD_BLOCKTYPE type, const void *detail, markdown_part_t *part)
{
    static const markdown_kind_t kinds [] = {
        [MD_BLOCK_QUOTE] = MARKDOWN_QUOTE,      [MD_BLOCK_UL] = MARKDOWN_LIST,
        [MD_BLOCK_OL] = MARKDOWN_ORDERED,       [MD_BLOCK_LI] = MARKDOWN_ITEM,
        [MD_BLOCK_HR] = MARKDOWN_RULE,          [MD_BLOCK_H] = MARKDOWN_HEADING,
        [MD_BLOCK_CODE] = MARKDOWN_CODE_BLOCK,  [MD_BLOCK_P] = MARKDOWN_PARAGRAPH,
        [MD_BLOCK_TABLE] = MARKDOWN_TABLE,      [MD_BLOCK_THEAD] = MARKDOWN_TABLE_HEAD,
        [MD_BLOCK_TBODY] = MARKDOWN_TABLE_BODY, [MD_BLOCK_TR] = MARKDOWN_ROW,
        [MD_BLOCK_TH] = MARKDOWN_HEAD_CELL,     [MD_BLOCK_TD] = MARKDOWN_CELL};
    if (type == MD_BLOCK_DOC || type == MD_BLOCK_HTML)
        return false;
    part->kind = kinds [type];
    if (type == MD_BLOCK_H)
        part->level = (int) ((const MD_BLOCK_H_DETAIL *) detail)->level;
    else if (type == MD_BLOCK_OL)
        part->start = ((const MD_BLOCK_OL_DETAIL *) detail)->start;
    else if (type == MD_BLOCK_CODE)
        part->plain = s_is_text (&((const MD_BLOCK_CODE_DETAIL *) detail)->lang);
    else if (type == MD_BLOCK_LI) {
        const MD_BLOCK_LI_DETAIL *item = detail;
        part->task = item->is_task != 0;
        part->done = part->task && item->task_mark != ' ';
    }
    return true;
}

static int
s_span (reader_t *self, MD_SPANTYPE type, const void *detail, markdown_part_t *part)
{
    switch (type) {
        case MD_SPAN_EM: part->kind = MARKDOWN_EMPHASIS; return 0;
        case MD_SPAN_STRONG: part->kind = MARKDOWN_STRONG; return 0;
        case MD_SPAN_CODE: part->kind = MARKDOWN_CODE; return 0;
        case MD_SPAN_DEL: part->kind = MARKDOWN_STRUCK; return 0;
        case MD_SPAN_A:
            part->kind = MARKDOWN_LINK;
            return s_target (self, &((const MD_SPAN_A_DETAIL *) detail)->href,
                             &((const MD_SPAN_A_DETAIL *) detail)->title, part);
        case MD_SPAN_IMG:
            part->kind = MARKDOWN_IMAGE;
            return s_target (self, &((const MD_SPAN_IMG_DETAIL *) detail)->src,
                             &((const MD_SPAN_IMG_DETAIL *) detail)->title, part);
        case MD_SPAN_LATEXMATH:
        case MD_SPAN_LATEXMATH_DISPLAY:
        case MD_SPAN_WIKILINK:
        case MD_SPAN_U: break; //  of a dialect that is not asked for
    }
    return ERR_LIMIT;
}

//  What a callback returns: md4c goes on with the next block after anything but a negative number.
static int
s_end (reader_t *self, int rc)
{
    self->ended = rc;
    return rc ? -1 : 0;
}

//  Leave the innermost span.
static int
s_close_span (reader_t *self, const markdown_part_t *part)
{
    self->spans.data [--self->spans.size] = 0;
    self->open_of [part->kind]--;
    return self->hooks->leave (part, self->ctx);
}

static markdown_kind_t
s_innermost (const reader_t *self)
{
    return (markdown_kind_t) self->spans.data [self->spans.size - 1];
}

//  Leave the innermost span, whose own end does not come.
static int
s_close_early (reader_t *self)
{
    const markdown_part_t part = {.kind = s_innermost (self), .target = ""};
    return s_close_span (self, &part);
}

static int
s_enter_block (MD_BLOCKTYPE type, void *detail, void *ctx)
{
    reader_t *self = ctx;
    markdown_part_t part = {.target = ""};
    return s_block (type, detail, &part) ? s_end (self, self->hooks->enter (&part, self->ctx)) : 0;
}

static int
s_leave_block (MD_BLOCKTYPE type, void *detail, void *ctx)
{
    reader_t *self = ctx;
    markdown_part_t part = {.target = ""};
    int rc = 0;
    while (rc == 0 && self->spans.size > 0)
        rc = s_close_early (self);
    if (rc == 0 && s_block (type, detail, &part))
        rc = self->hooks->leave (&part, self->ctx);
    return s_end (self, rc);
}

static int
s_enter_span (MD_SPANTYPE type, void *detail, void *ctx)
{
    reader_t *self = ctx;
    markdown_part_t part = {.target = ""};
    int rc = s_span (self, type, detail, &part);
    const char kind = (char) part.kind;
    rc = rc ? rc : buf_append (&self->spans, &kind, 1);
    if (rc)
        return s_end (self, rc);
    self->open_of [part.kind]++;
    return s_end (self, self->hooks->enter (&part, self->ctx));
}

//  md4c 0.4.8 pairs a mark of the text with one inside an address, "[x](h/~a) b~c".  So an end may
//  come without its beginning, or a beginning without its end.
static int
s_leave_span (MD_SPANTYPE type, void *detail, void *ctx)
{
    reader_t *self = ctx;
    markdown_part_t part = {.target = ""};
    int rc = s_span (self, type, detail, &part);
    if (rc == 0 && !self->open_of [part.kind])
        return 0;
    while (rc == 0 && s_innermost (self) != part.kind)
        rc = s_close_early (self);
    return s_end (self, rc ? rc : s_close_span (self, &part));
}

//  Does this piece lie inside the text, or is it a short one of md4c's own?
static bool
s_sound (const reader_t *self, const char *text, size_t size)
{
    const uintptr_t at = (uintptr_t) text, begin = (uintptr_t) self->begin;
    if (at < begin || at - begin > self->size)
        return size <= S_OWN_BYTES;
    return size <= self->size - (at - begin);
}

static int
s_tell_text (const reader_t *self, MD_TEXTTYPE type, const char *text, size_t size)
{
    char bytes [S_ENTITY_BYTES];
    switch (type) {
        case MD_TEXT_BR: return self->hooks->text (MARKDOWN_BREAK, "", 0, self->ctx);
        case MD_TEXT_SOFTBR: return self->hooks->text (MARKDOWN_LINE, "", 0, self->ctx);
        case MD_TEXT_HTML: return self->hooks->text (MARKDOWN_TAG, text, size, self->ctx);
        case MD_TEXT_CODE: return self->hooks->text (MARKDOWN_VERBATIM, text, size, self->ctx);
        case MD_TEXT_NULLCHAR: return self->hooks->text (MARKDOWN_TEXT, "\xff", 1, self->ctx);
        case MD_TEXT_ENTITY:
            return self->hooks->text (MARKDOWN_TEXT, bytes, s_entity (text, size, bytes),
                                      self->ctx);
        case MD_TEXT_NORMAL:
        case MD_TEXT_LATEXMATH: break;
    }
    return self->hooks->text (MARKDOWN_TEXT, text, size, self->ctx);
}

static int
s_on_text (MD_TEXTTYPE type, const char *text, MD_SIZE size, void *ctx)
{
    reader_t *self = ctx;
    return s_end (self,
                  s_sound (self, text, size) ? s_tell_text (self, type, text, size) : ERR_LIMIT);
}


//  --- reading

//  The bytes to skip when the whole text is wrapped in "```markdown" and "```", as some models do.
//  A fence without a language counts only if it is the only one, because it may end early.
//  *size_p: becomes the size without the closing fence.
static size_t
s_wrapping (const char *text, size_t *size_p)
{
    static const char *const languages [] = {"markdown", "md", "text", "txt", ""};
    size_t size = *size_p;
    while (size > 0 && strchr (" \r\n", text [size - 1]))
        size--;
    size_t from = 0;
    while (from < size && strchr (" \r\n", text [from]))
        from++;
    const char mark = from < size ? text [from] : 0;
    const char fence [] = {mark, mark, mark, 0}, closing [] = {'\n', mark, mark, mark, 0};
    if ((mark != '`' && mark != '~') || size - from < 8 || memcmp (text + from, fence, 3) != 0
        || memcmp (text + size - 4, closing, 4) != 0)
        return 0;
    const char *line = memchr (text + from, '\n', size - from);
    const char *name = text + from + 3;
    size_t length = (size_t) (line - name);
    while (length > 0 && strchr (" \r", name [length - 1]))
        length--;
    size_t inside = (size_t) (text + size - 4 - line);
    for (size_t i = 0; i < sizeof languages / sizeof languages [0]; i++)
        if (strlen (languages [i]) == length && strncasecmp (languages [i], name, length) == 0) {
            if (length == 0 && memmem (line, inside, closing, 4))
                return 0;
            *size_p = size - 3;
            return (size_t) (line - text) + 1;
        }
    return 0;
}

//  Parse a copy with a line end and zeros behind it.  md4c reads beyond the text: if it finds a
//  mark of Markdown there, it returns a piece of 3 GB.
static int
s_parse (reader_t *self, const char *text, size_t size)
{
    static const char pad [S_PAD] = "\n";
    static const MD_PARSER parser = {.flags = MD_FLAG_COLLAPSEWHITESPACE | MD_FLAG_TABLES
                                              | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS
                                              | MD_FLAG_NOHTMLBLOCKS,
                                     .enter_block = s_enter_block,
                                     .leave_block = s_leave_block,
                                     .enter_span = s_enter_span,
                                     .leave_span = s_leave_span,
                                     .text = s_on_text};
    own (buf_fini) buf_t copy = buf_init (size + sizeof pad);
    if (size > 0)
        (void) buf_append (&copy, text, size);
    if (buf_append (&copy, pad, sizeof pad) < 0)
        return -ENOMEM;
    self->begin = copy.data;
    self->size = size + 1;
    int rc = md_parse (copy.data, (MD_SIZE) self->size, &parser, self);
    return rc && !self->ended ? -ENOMEM : self->ended; //  md4c itself fails only without memory
}

int
markdown_read (const char *text, size_t size, const markdown_hooks_t *hooks, void *ctx,
               size_t *ret_read)
{
    assert ((text || size == 0) && size <= LIMIT_REPORT_BYTES && hooks && ret_read);
    reader_t self = {.hooks = hooks,
                     .ctx = ctx,
                     .target = buf_init (S_TARGET_BYTES),
                     .spans = buf_init (S_SPANS_MAX)};
    size_t from = size >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    size_t inside = size - from;
    const size_t skipped = s_wrapping (text + from, &inside);
    from += skipped;
    inside -= skipped;
    const size_t used = s_affordable (text + from, inside);
    *ret_read = used < inside ? from + used : size;
    int rc = s_parse (&self, text + from, used);
    buf_fini (&self.target);
    buf_fini (&self.spans);
    return rc;
}
