//  page_html - appends foreign text, times and spans of time to HTML.
//
//  Ensures: what is appended is text, in an element or in a quoted attribute, whatever its bytes.
//  It is valid UTF-8.  Other bytes and control characters, except tab and line feed, become U+FFFD.
//  Marks that turn the direction of text are written out, "[U+202E]", so that a command reads as it
//  is copied.
//  Err: the buffer's own `failed`.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"

void
page_html_bytes (buf_t *out, const char *bytes, size_t size);
void
page_html_text (buf_t *out, const char *text);
//  A point in time as a <time> element, "2026-01-15 12:34:56 UTC"; "-" for one that is not after
//  the epoch.  Units: ms.
void
page_html_time (buf_t *out, int64_t wall_ms);
//  A span of time, "3 min 12 s", "320 ms"; a negative one is 0 s.  Units: ms.
void
page_html_span (buf_t *out, int64_t ms);
//  Money, "$0.41"; less than a cent with four digits.  Units: millionths of a US dollar.
void
page_html_cost (buf_t *out, int64_t micro_usd);
//  A number of bytes, "12 KiB".
void
page_html_size (buf_t *out, int64_t bytes);
