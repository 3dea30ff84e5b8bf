//  term - foreign text on a terminal: nothing in it may act on the terminal.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum { TERM_AUTO, TERM_ALWAYS, TERM_NEVER } term_color_t;

//  The color option; the member is an int, a term_color_t.
#define TERM_COLOR_ROW(owner, member)                                                              \
    {                                                                                              \
        .key = "color", .type = CONF_ENUM, .offset = offsetof (owner, member),                     \
        .env = "TRIAGE_COLOR", .fallback = "auto", .choices = "auto|always|never",                 \
        .help = "Colours.  auto: on a terminal, unless NO_COLOR is set."                           \
    }

//  Append text; control bytes, DEL, C1, bidirectional and zero-width controls, line separators and
//  invalid UTF-8 become \xNN (bytes) or \u{N}. Err: the buffer's.
int
term_escape (const char *text, size_t size, buf_t *out);
//  Colours on this stream?  AUTO: on a terminal, when NO_COLOR is unset or empty.
bool
term_color (FILE *stream, term_color_t choice);
