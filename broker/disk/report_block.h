//  report_block - a Markdown text reduced to its blocks of plain text; the port to md4c.
//
//  Links, images and emphasis leave their words, formatting tags and comments nothing;
//  code blocks are left out.  The texts are valid UTF-8 without control or bidirectional
//  characters, whatever came in.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"

typedef enum {
    REPORT_BLOCK_HEADING,   //  level: 1..6
    REPORT_BLOCK_PARAGRAPH, //  level: lists around it
    REPORT_BLOCK_ITEM,      //  first paragraph of a list item; level: lists around it, from 1
    REPORT_BLOCK_HEAD,      //  head row of a table
    REPORT_BLOCK_ROW        //  body row of a table
} report_block_kind_t;

enum { REPORT_BLOCK_CELL = 0x1f }; //  stands between the cells of a row, and nowhere else

typedef struct {
    report_block_kind_t kind;
    int level;
    size_t at, size; //  in the list's text: lines end with LF, the last one without
} report_block_t;

typedef struct {
    buf_t text;
    report_block_t *items; //  in order of the document
    size_t count, capacity;
} report_blocks_t;

//  Read at most LIMIT_REPORT_PARSE_BYTES and LIMIT_REPORT_BLOCKS;
//  what comes after is not looked at.
//  Own: fini *ret_blocks, also after an error.  Err: -ENOMEM.
int
report_block_read (const char *markdown, size_t size, report_blocks_t *ret_blocks) must_check;
void
report_block_fini (report_blocks_t *self);
