//  SPDX-License-Identifier: Apache-2.0
#include "tools/term.h"

#include "common/base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static bool
s_acts (uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F) || utf8_unseen (code);
}

int
term_escape (const char *text, size_t size, buf_t *out)
{
    while (size > 0) {
        uint32_t code = 0;
        size_t length = utf8_next (text, size, &code);
        if (length == 0 || (length == 1 && s_acts (code)))
            buf_printf (out, "\\x%02x", (unsigned) (unsigned char) *text);
        else if (s_acts (code))
            buf_printf (out, "\\u{%x}", (unsigned) code);
        else
            buf_append (out, text, length);
        length = length ? length : 1;
        text += length;
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
