//  SPDX-License-Identifier: Apache-2.0
#include "broker/disk/report_block.h"

#include "broker/base/markdown.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { S_STOP = 1, S_FIRST_BLOCKS = 64 };
static const char s_unknown [] = "\xef\xbf\xbd"; //  U+FFFD

typedef struct {
    report_blocks_t *out;
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
s_enter (const markdown_part_t *part, void *ctx)
{
    reader_t *self = ctx;
    switch (part->kind) {
        case MARKDOWN_HEADING: return s_open (self, REPORT_BLOCK_HEADING, part->level);
        case MARKDOWN_PARAGRAPH:
            return s_open (self, self->fresh ? REPORT_BLOCK_ITEM : REPORT_BLOCK_PARAGRAPH,
                           self->lists);
        case MARKDOWN_LIST:
        case MARKDOWN_ORDERED:
            s_close (self);
            self->lists++;
            return 0;
        case MARKDOWN_ITEM:
            s_close (self);
            self->fresh = true;
            return 0;
        case MARKDOWN_CODE_BLOCK:
            s_close (self);
            self->code = true;
            return 0;
        case MARKDOWN_TABLE_HEAD: self->head = true; return 0;
        case MARKDOWN_ROW:
            return s_open (self, self->head ? REPORT_BLOCK_HEAD : REPORT_BLOCK_ROW, self->lists);
        case MARKDOWN_HEAD_CELL:
        case MARKDOWN_CELL:
            if (self->cells++ > 0)
                return buf_append (&self->out->text, &(char){REPORT_BLOCK_CELL}, 1);
            return 0;
        case MARKDOWN_IMAGE: self->images++; return 0;
        case MARKDOWN_STRUCK: self->struck++; return 0;
        case MARKDOWN_QUOTE:
        case MARKDOWN_RULE:
        case MARKDOWN_TABLE:
        case MARKDOWN_TABLE_BODY:
        case MARKDOWN_EMPHASIS:
        case MARKDOWN_STRONG:
        case MARKDOWN_LINK:
        case MARKDOWN_CODE: return 0;
    }
    return 0;
}

static int
s_leave (const markdown_part_t *part, void *ctx)
{
    reader_t *self = ctx;
    switch (part->kind) {
        case MARKDOWN_LIST:
        case MARKDOWN_ORDERED: self->lists--; break;
        case MARKDOWN_CODE_BLOCK: self->code = false; break;
        case MARKDOWN_TABLE_HEAD: self->head = false; break;
        case MARKDOWN_IMAGE: self->images--; return 0;
        case MARKDOWN_STRUCK: self->struck--; return 0;
        case MARKDOWN_EMPHASIS:
        case MARKDOWN_STRONG:
        case MARKDOWN_LINK:
        case MARKDOWN_CODE:
        case MARKDOWN_HEAD_CELL:
        case MARKDOWN_CELL: return 0;
        case MARKDOWN_HEADING:
        case MARKDOWN_PARAGRAPH:
        case MARKDOWN_ITEM:
        case MARKDOWN_ROW:
        case MARKDOWN_QUOTE:
        case MARKDOWN_RULE:
        case MARKDOWN_TABLE:
        case MARKDOWN_TABLE_BODY: break;
    }
    s_close (self);
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

static int
s_text (markdown_text_t type, const char *text, size_t size, void *ctx)
{
    reader_t *self = ctx;
    if (self->code || self->struck)
        return 0;
    if (!self->open) { //  a tight list item
        int rc =
            s_open (self, self->fresh ? REPORT_BLOCK_ITEM : REPORT_BLOCK_PARAGRAPH, self->lists);
        if (rc)
            return rc;
    }
    switch (type) {
        case MARKDOWN_BREAK:
        case MARKDOWN_LINE: return s_break (self);
        case MARKDOWN_TAG: return s_tag (self, text, size);
        case MARKDOWN_TEXT:
        case MARKDOWN_VERBATIM: return s_append (self, text, size);
    }
    return 0;
}

int
report_block_read (const char *markdown, size_t size, report_blocks_t *ret_blocks)
{
    assert ((markdown || size == 0) && ret_blocks);
    static const markdown_hooks_t hooks = {.enter = s_enter, .leave = s_leave, .text = s_text};
    *ret_blocks = (report_blocks_t){.text = buf_init ((size_t) 3 * LIMIT_REPORT_PARSE_BYTES)};
    reader_t self = {.out = ret_blocks};
    size_t used = utf8_cut (markdown, size, LIMIT_REPORT_PARSE_BYTES);
    int rc = markdown_read (markdown, used, &hooks, &self, &used);
    s_close (&self);
    if (self.failed || rc == -ENOMEM || ret_blocks->text.failed == -ENOMEM)
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
