//  page_text - turns a report's Markdown into inert HTML.  Pure.
//
//  Ensures: the HTML has only elements of this file's own, all closed; all else is escaped text.
//  They are nested at most LIMIT_PAGE_NESTING and LIMIT_PAGE_SPANS deep; what is deeper is flat.
//  HTML of the report is text, but <br> breaks a line.  An image is its other text and its address.
//  A link leads to http, https or mailto, and says to which host; any other one is text with its
//  address behind it.
//  Headings get anchors, each of them once, that begin with "r-" or "s-".  They are one level lower
//  than in the report: the page has its own first heading.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"

typedef enum {
    PAGE_TEXT_WHOLE,
    PAGE_TEXT_PLAIN, //  the rest, or all, would cost too much as Markdown: it is plain text
    PAGE_TEXT_CUT //  it ends at LIMIT_PAGE_REPORT_BYTES of text, or LIMIT_PAGE_TEXT_BYTES of HTML
} page_text_t;

//  Append a report; its bytes may be anything.  A note stands where something is left out or stays
//  plain.
//  Err: ERR_LIMIT: out has no room for LIMIT_PAGE_TEXT_BYTES; -ENOMEM.  A part may be appended.
int
page_text (buf_t *out, const char *markdown, size_t size, page_text_t *ret_how) must_check;
