//  markdown - reads hostile Markdown and hands its parts to hooks, in order; the port to md4c.
//
//  Ensures: time and memory grow with the size of the text, whatever stands in it.
//  A text that would take md4c more than that is read in part.
//  Parts are nested, and each is left that was entered.
//  Dialect: CommonMark with tables, task lists and ~~struck~~ text.  HTML is inline: tags.
//  A whole text in a fence ("```markdown") is read as if the fence were not there.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    MARKDOWN_QUOTE,
    MARKDOWN_LIST,
    MARKDOWN_ORDERED, //  start: its first number
    MARKDOWN_ITEM,    //  of either list; task: it has a box, done: ticked
    MARKDOWN_RULE,
    MARKDOWN_HEADING,    //  level: 1..6
    MARKDOWN_CODE_BLOCK, //  plain: its fence says "text"
    MARKDOWN_PARAGRAPH,  //  a tight list's items have text without one
    MARKDOWN_TABLE,
    MARKDOWN_TABLE_HEAD,
    MARKDOWN_TABLE_BODY,
    MARKDOWN_ROW,
    MARKDOWN_HEAD_CELL,
    MARKDOWN_CELL,
    //  spans
    MARKDOWN_EMPHASIS,
    MARKDOWN_STRONG,
    MARKDOWN_LINK,  //  target: its address
    MARKDOWN_IMAGE, //  target: its address; its other text is what stands in it
    MARKDOWN_CODE,
    MARKDOWN_STRUCK
} markdown_kind_t;

typedef struct {
    markdown_kind_t kind;
    int level;
    unsigned start;
    bool task, done, plain;
    const char *target; //  any bytes; borrowed for the call; "" when longer than 2 KiB
    size_t target_size;
} markdown_part_t;

typedef enum {
    MARKDOWN_TEXT,     //  entities are decoded
    MARKDOWN_VERBATIM, //  in code; LF ends a line
    MARKDOWN_TAG,      //  "<b>", "<!-- ... -->", "<none>": what looks like HTML, as written
    MARKDOWN_BREAK,    //  a line end that is meant
    MARKDOWN_LINE      //  a line end that is not
} markdown_text_t;

//  What is not 0 ends the reading.  Own: bytes are borrowed for the call; they may be anything.
typedef struct {
    int (*enter) (const markdown_part_t *part, void *ctx);
    int (*leave) (const markdown_part_t *part, void *ctx);
    int (*text) (markdown_text_t type, const char *bytes, size_t size, void *ctx);
} markdown_hooks_t;

//  Read a text.  Returns 0, or what a hook returned.
//  *ret_read: bytes of it that were read.  It is less than size when the text would cost too much;
//  the rest is left out, from the beginning of a paragraph.
//  Err: ERR_LIMIT: it costs too much all the same; a part was read.  -ENOMEM.
int
markdown_read (const char *text, size_t size, const markdown_hooks_t *hooks, void *ctx,
               size_t *ret_read) must_check;
