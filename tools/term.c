//  term - text from elsewhere on a terminal: nothing in it may act on the terminal.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/term.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

//  Length of the valid UTF-8 sequence at `at`, 0 if there is none; its code point in *ret_code.
static size_t
s_sequence (const unsigned char *at, size_t left, uint32_t *ret_code)
{
    static const uint32_t least [] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = at [0] < 0x80   ? 1
                    : at [0] < 0xC2 ? 0
                    : at [0] < 0xE0 ? 2
                    : at [0] < 0xF0 ? 3
                    : at [0] < 0xF5 ? 4
                                    : 0;
    if (length == 0 || length > left)
        return 0;
    uint32_t code = length == 1 ? at [0] : at [0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((at [i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (at [i] & 0x3Fu);
    }
    if (code < least [length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return 0;
    *ret_code = code;
    return length;
}

static bool
s_acts (uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x061C
           || (code >= 0x200B && code <= 0x200F) || (code >= 0x2028 && code <= 0x202E)
           || (code >= 0x2060 && code <= 0x2069) || code == 0xFEFF;
}

int
term_escape (const char *text, size_t size, buf_t *out)
{
    const unsigned char *at = (const unsigned char *) text;
    while (size > 0) {
        uint32_t code = 0;
        size_t length = s_sequence (at, size, &code);
        if (length == 0 || (length == 1 && s_acts (code)))
            buf_printf (out, "\\x%02x", (unsigned) *at);
        else if (s_acts (code))
            buf_printf (out, "\\u{%x}", (unsigned) code);
        else
            buf_append (out, at, length);
        length = length ? length : 1;
        at += length;
        size -= length;
    }
    return out->failed;
}

bool
term_color (FILE *stream, term_color_t choice)
{
    const char *none = getenv ("NO_COLOR"); // NOLINT(concurrency-mt-unsafe): one thread
    if (choice != TERM_AUTO)
        return choice == TERM_ALWAYS;
    return isatty (fileno (stream)) && !(none && none [0]);
}
