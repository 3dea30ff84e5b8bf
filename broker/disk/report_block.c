//  Src: md4c.h 0.4.8 (tight list items have text without a paragraph around it).
//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/report_block.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <md4c.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    S_STOP = 1,
    S_FIRST_BLOCKS = 64,
    S_CODE_MAX = 0x10ffff,
    S_OWN_BYTES = 16, //  longest of md4c's own pieces, blanks and line ends
    S_PAD = 64
};
static const char s_unknown [] = "\xef\xbf\xbd"; //  U+FFFD

typedef struct {
    report_blocks_t *out;
    const char *begin; //  of the text that md4c reads
    size_t size;
    bool open;  //  a block is open for text
    bool code;  //  inside a code block
    bool head;  //  inside a table's head
    bool fresh; //  a list item has begun and has no text yet
    bool shown; //  the open block has text outside images
    int images; //  number of images around the text
    int struck; //  number of deletions around it; struck-out text is left out
    int lists;
    int cells; //  of the current row so far
    int failed;
} reader_t;


//  --- blocks

static report_block_t *
s_last (const reader_t *self)
{
    return &self->out->items [self->out->count - 1];
}

static bool
s_is_blank (char byte)
{
    return byte == ' ' || byte == '\n' || byte == REPORT_BLOCK_CELL;
}

//  Close the open block; one without text is dropped.
static void
s_close (reader_t *self)
{
    if (!self->open)
        return;
    self->open = false;
    report_block_t *block = s_last (self);
    buf_t *text = &self->out->text;
    bool row = block->kind == REPORT_BLOCK_HEAD || block->kind == REPORT_BLOCK_ROW;
    size_t end = text->size, used = text->size;
    while (used > block->at && s_is_blank (text->data [used - 1]))
        used--;
    if (used == block->at || !self->shown)
        self->out->count--;
    else if (!row) //  a row keeps empty cells at its end
        end = used;
    block->size = end - block->at;
}

static int
s_open (reader_t *self, report_block_kind_t kind, int level)
{
    s_close (self);
    report_blocks_t *out = self->out;
    if (out->count == LIMIT_REPORT_BLOCKS)
        return S_STOP;
    if (out->count == out->capacity) {
        size_t capacity = out->capacity ? out->capacity * 2 : S_FIRST_BLOCKS;
        report_block_t *items = realloc (out->items, capacity * sizeof *items);
        if (!items)
            return self->failed = -ENOMEM;
        out->items = items;
        out->capacity = capacity;
    }
    out->items [out->count++] =
        (report_block_t){.kind = kind, .level = level, .at = out->text.size};
    self->open = true;
    self->fresh = false;
    self->shown = false;
    self->cells = 0;
    return 0;
}

static int
s_enter_block (MD_BLOCKTYPE type, void *detail, void *ctx)
{
    reader_t *self = ctx;
    switch (type) {
        case MD_BLOCK_H:
            return s_open (self, REPORT_BLOCK_HEADING,
                           (int) ((const MD_BLOCK_H_DETAIL *) detail)->level);
        case MD_BLOCK_P:
            return s_open (self, self->fresh ? REPORT_BLOCK_ITEM : REPORT_BLOCK_PARAGRAPH,
                           self->lists);
        case MD_BLOCK_UL:
        case MD_BLOCK_OL:
            s_close (self);
            self->lists++;
            return 0;
        case MD_BLOCK_LI:
            s_close (self);
            self->fresh = true;
            return 0;
        case MD_BLOCK_CODE:
            s_close (self);
            self->code = true;
            return 0;
        case MD_BLOCK_THEAD: self->head = true; return 0;
        case MD_BLOCK_TR:
            return s_open (self, self->head ? REPORT_BLOCK_HEAD : REPORT_BLOCK_ROW, self->lists);
        case MD_BLOCK_TH:
        case MD_BLOCK_TD:
            if (self->cells++ > 0)
                return buf_append (&self->out->text, &(char){REPORT_BLOCK_CELL}, 1);
            return 0;
        case MD_BLOCK_DOC:
        case MD_BLOCK_QUOTE:
        case MD_BLOCK_HR:
        case MD_BLOCK_HTML:
        case MD_BLOCK_TABLE:
        case MD_BLOCK_TBODY: return 0;
    }
    return 0;
}

static int
s_leave_block (MD_BLOCKTYPE type, void *detail, void *ctx)
{
    reader_t *self = ctx;
    if (type == MD_BLOCK_UL || type == MD_BLOCK_OL)
        self->lists--;
    else if (type == MD_BLOCK_CODE)
        self->code = false;
    else if (type == MD_BLOCK_THEAD)
        self->head = false;
    if (type != MD_BLOCK_TH && type != MD_BLOCK_TD)
        s_close (self);
    return 0;
}

static int
s_enter_span (MD_SPANTYPE type, void *detail, void *ctx)
{
    reader_t *self = ctx;
    self->images += type == MD_SPAN_IMG;
    self->struck += type == MD_SPAN_DEL;
    return 0;
}

static int
s_leave_span (MD_SPANTYPE type, void *detail, void *ctx)
{
    reader_t *self = ctx;
    self->images -= type == MD_SPAN_IMG;
    self->struck -= type == MD_SPAN_DEL;
    return 0;
}


//  --- text

static bool
s_bidi (uint32_t code)
{
    return code == 0x61c || code == 0xfeff || (code >= 0x200e && code <= 0x200f)
           || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

//  Append text; its bytes may be anything.  A run of white space becomes one blank.
static int
s_append (reader_t *self, const char *bytes, size_t size)
{
    buf_t *text = &self->out->text;
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        size_t length = utf8_next (bytes + at, size - at, &code);
        if (length == 0) {
            buf_text (text, s_unknown);
            self->shown = true;
        }
        else if (code <= ' ' || (code >= 0x7f && code < 0xa1)) {
            if (text->size > s_last (self)->at && !s_is_blank (text->data [text->size - 1]))
                buf_text (text, " ");
        }
        else if (!s_bidi (code)) {
            buf_append (text, bytes + at, length);
            self->shown = self->shown || self->images == 0;
        }
        at += length ? length : 1;
    }
    return text->failed ? S_STOP : 0;
}

static int
s_break (reader_t *self)
{
    buf_t *text = &self->out->text;
    if (text->size > s_last (self)->at && text->data [text->size - 1] == ' ')
        text->data [text->size - 1] = '\n';
    else
        buf_text (text, "\n");
    return text->failed ? S_STOP : 0;
}

static int
s_append_code (reader_t *self, uint32_t code)
{
    char bytes [4];
    size_t size = 0;
    if (code < 0x80)
        bytes [size++] = (char) code;
    else if (code < 0x800)
        bytes [size++] = (char) (0xc0 | code >> 6);
    else if (code < 0x10000) {
        bytes [size++] = (char) (0xe0 | code >> 12);
        bytes [size++] = (char) (0x80 | (code >> 6 & 0x3f));
    }
    else {
        bytes [size++] = (char) (0xf0 | (code >> 18 & 0x07));
        bytes [size++] = (char) (0x80 | (code >> 12 & 0x3f));
        bytes [size++] = (char) (0x80 | (code >> 6 & 0x3f));
    }
    if (code >= 0x80)
        bytes [size++] = (char) (0x80 | (code & 0x3f));
    return code > S_CODE_MAX ? s_append (self, "\xff", 1) : s_append (self, bytes, size);
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

//  Append an entity that md4c found, "&name;" or "&#number;".  An unknown name stays as it is.
static int
s_entity (reader_t *self, const char *text, size_t size)
{
    static const struct {
        const char *name, *text;
    } known [] = {{"&amp;", "&"},   {"&lt;", "<"},    {"&gt;", ">"},
                  {"&quot;", "\""}, {"&apos;", "'"},  {"&nbsp;", " "},
                  {"&ndash;", "-"}, {"&mdash;", "-"}, {"&hellip;", "..."}};
    if (size > 3 && text [1] == '#')
        return s_append_code (self, s_number (text + 2, size - 3));
    for (size_t i = 0; i < sizeof known / sizeof known [0]; i++)
        if (strlen (known [i].name) == size && memcmp (known [i].name, text, size) == 0)
            return s_append (self, known [i].text, strlen (known [i].text));
    return s_append (self, text, size);
}

//  Leave out an HTML tag.  Anything else in angle brackets ("<none>", "<pod>") is text.
static int
s_tag (reader_t *self, const char *text, size_t size)
{
    static const char *const tags [] = {
        "a",     "b",     "blockquote", "br", "code",  "del", "details", "div", "em",
        "h1",    "h2",    "h3",         "h4", "hr",    "i",   "img",     "kbd", "li",
        "ol",    "p",     "pre",        "s",  "span",  "sub", "summary", "sup", "strong",
        "table", "tbody", "td",         "th", "thead", "tr",  "u",       "ul"};
    if (size < 3 || text [0] != '<' || text [1] == '!' || text [1] == '?')
        return 0; //  a comment, or the next line of a tag
    size_t from = text [1] == '/' ? 2 : 1, length = 0;
    while (from + length < size && !strchr (" \t\n\r/>", text [from + length]))
        length++;
    const char *name = text + from;
    for (size_t i = 0; i < sizeof tags / sizeof tags [0]; i++)
        if (strlen (tags [i]) == length && strncasecmp (tags [i], name, length) == 0)
            return strcmp (tags [i], "br") == 0 ? s_break (self) : 0;
    return s_append (self, text, size);
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
s_on_text (MD_TEXTTYPE type, const char *text, MD_SIZE size, void *ctx)
{
    reader_t *self = ctx;
    if (self->code || self->struck)
        return 0;
    if (!s_sound (self, text, size))
        return S_STOP;
    if (!self->open) { //  a tight list item
        int rc =
            s_open (self, self->fresh ? REPORT_BLOCK_ITEM : REPORT_BLOCK_PARAGRAPH, self->lists);
        if (rc)
            return rc;
    }
    switch (type) {
        case MD_TEXT_BR:
        case MD_TEXT_SOFTBR: return s_break (self);
        case MD_TEXT_ENTITY: return s_entity (self, text, size);
        case MD_TEXT_HTML: return s_tag (self, text, size);
        case MD_TEXT_NULLCHAR: return s_append (self, "\xff", 1);
        case MD_TEXT_NORMAL:
        case MD_TEXT_CODE:
        case MD_TEXT_LATEXMATH: return s_append (self, text, size);
    }
    return 0;
}

//  The bytes to skip when the whole report is wrapped in "```markdown" and "```", as some models
//  do.  A fence without a language counts only if it is the only one, because it may end early.
static size_t
s_wrapping (const char *text, size_t size)
{
    static const char *const languages [] = {"markdown", "md", "text", "txt", ""};
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
        if (strlen (languages [i]) == length && strncasecmp (languages [i], name, length) == 0)
            return length == 0 && memmem (line, inside, closing, 4) ? 0
                                                                    : (size_t) (line - text) + 1;
    return 0;
}

//  Parse a copy with a line end and zeros behind it.  md4c 0.4.8 reads beyond the text: if it finds
//  a mark of Markdown there, it returns a piece of 3 GB.
static int
s_parse (reader_t *self, const MD_PARSER *parser, const char *text, size_t size)
{
    static const char pad [S_PAD] = "\n";
    own (buf_fini) buf_t copy = buf_init (size + sizeof pad);
    if (size > 0)
        (void) buf_append (&copy, text, size);
    if (buf_append (&copy, pad, sizeof pad) < 0)
        return -ENOMEM;
    self->begin = copy.data;
    self->size = size + 1;
    return md_parse (copy.data, (MD_SIZE) self->size, parser, self);
}

int
report_block_read (const char *markdown, size_t size, report_blocks_t *ret_blocks)
{
    assert ((markdown || size == 0) && ret_blocks);
    static const MD_PARSER parser = {.flags = MD_FLAG_COLLAPSEWHITESPACE | MD_FLAG_TABLES
                                              | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS
                                              | MD_FLAG_NOHTMLBLOCKS,
                                     .enter_block = s_enter_block,
                                     .leave_block = s_leave_block,
                                     .enter_span = s_enter_span,
                                     .leave_span = s_leave_span,
                                     .text = s_on_text};
    *ret_blocks = (report_blocks_t){.text = buf_init ((size_t) 3 * LIMIT_REPORT_PARSE_BYTES)};
    reader_t self = {.out = ret_blocks};
    size_t used = utf8_cut (markdown, size, LIMIT_REPORT_PARSE_BYTES);
    size_t from = used >= 3 && memcmp (markdown, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    from += s_wrapping (markdown + from, used - from);
    int rc = s_parse (&self, &parser, markdown + from, used - from);
    s_close (&self);
    if (self.failed || rc < 0 || ret_blocks->text.failed == -ENOMEM)
        return -ENOMEM;
    return 0;
}

void
report_block_fini (report_blocks_t *self)
{
    buf_fini (&self->text);
    free (self->items);
    self->items = NULL;
    self->count = self->capacity = 0;
}
