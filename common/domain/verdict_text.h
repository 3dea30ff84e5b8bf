//  verdict_text - what shows of an agent's text, and the line of it that explains a failure.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { VERDICT_REASON_BYTES = 256 };

//  Place of the first visible character; size when there is none.
size_t
verdict_text_begin (const char *bytes, size_t size);
//  Length of the text without invisible characters at its end, or more than max.
size_t
verdict_text_length (const char *text, size_t size, size_t max);
//  The first line that names an error, else the first with visible characters; NULL = none.
//  Own: borrowed from text.
const char *
verdict_text_line (const char *text, size_t size, size_t *ret_size);
//  Append text as one line, cut where the reason is full.
void
verdict_text_quote (char reason [VERDICT_REASON_BYTES], const char *text, size_t size);
