//  report_block - reduces Markdown to blocks of plain text.
//
//  Ensures: the texts are valid UTF-8 without control or bidirectional characters.
//  Links, images and emphasis leave their words.  Formatting tags, comments and code blocks are
//  left out.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"

typedef enum {
    REPORT_BLOCK_HEADING,   //  level: 1..6
    REPORT_BLOCK_PARAGRAPH, //  level: number of lists around it
    REPORT_BLOCK_ITEM,      //  first paragraph of a list item; level: lists around it, from 1
    REPORT_BLOCK_HEAD,      //  head row of a table
    REPORT_BLOCK_ROW        //  body row of a table
} report_block_kind_t;

enum { REPORT_BLOCK_CELL = 0x1f }; //  separates the cells of a row; occurs nowhere else

typedef struct {
    report_block_kind_t kind;
    int level;
    size_t at, size; //  in the list's text; LF separates lines
} report_block_t;

typedef struct {
    buf_t text;
    report_block_t *items; //  in the order of the document
    size_t count, capacity;
} report_blocks_t;

//  Read at most LIMIT_REPORT_PARSE_BYTES and LIMIT_REPORT_BLOCKS; the rest is ignored, as is what
//  markdown_read leaves out.
//  Own: call report_block_fini also after an error.  Err: -ENOMEM.
int
report_block_read (const char *markdown, size_t size, report_blocks_t *ret_blocks) must_check;
void
report_block_fini (report_blocks_t *self);
