//  SPDX-License-Identifier: Apache-2.0
#include "common/domain/verdict_text.h"

#include "common/base/utf8.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

//  Length of the character at bytes.  Invalid UTF-8 counts as one visible byte.
static size_t
s_next (const char *bytes, size_t size, bool *ret_visible)
{
    uint32_t code = 0;
    size_t length = utf8_next (bytes, size, &code);
    *ret_visible = length == 0 || utf8_shows (code);
    return length ? length : 1;
}

size_t
verdict_text_begin (const char *bytes, size_t size)
{
    bool visible = false;
    size_t at = 0;
    for (size_t length = 0; at < size; at += length) {
        length = s_next (bytes + at, size - at, &visible);
        if (visible)
            break;
    }
    return at;
}

size_t
verdict_text_length (const char *text, size_t size, size_t max)
{
    size_t used = 0;
    for (size_t at = 0, length = 0; at < size && used <= max; at += length) {
        bool visible = false;
        length = s_next (text + at, size - at, &visible);
        if (visible)
            used = at + length;
    }
    return used;
}

void
verdict_text_quote (char reason [VERDICT_REASON_BYTES], const char *text, size_t size)
{
    static const char cut [] = "...";
    size_t used = strlen (reason);
    bool gap = false;
    for (size_t at = verdict_text_begin (text, size), length = 0; at < size; at += length) {
        uint32_t code = 0;
        bool visible = false;
        const size_t escape = utf8_escape (text + at, size - at);
        length = escape ? escape : s_next (text + at, size - at, &visible);
        if (!visible) {
            gap = gap || !escape;
            continue;
        }
        if (used + gap + length + sizeof cut > VERDICT_REASON_BYTES) {
            memcpy (reason + used, cut, sizeof cut);
            return;
        }
        if (gap)
            reason [used++] = ' ';
        gap = false;
        if (utf8_next (text + at, size - at, &code) > 0)
            memcpy (reason + used, text + at, length);
        else
            reason [used] = '?';
        used += length;
    }
    reason [used] = 0;
}
//  Does the text begin with a word that is typical of an error line?
static bool
s_word_tells (const char *text, size_t size)
{
    static const char *const by_letter [26][3] = {
        ['c' - 'a'] = {"cannot", "could not"},
        ['d' - 'a'] = {"denied"},
        ['e' - 'a'] = {"error", "expired"},
        ['f' - 'a'] = {"fail", "fatal"},
        ['i' - 'a'] = {"invalid"},
        ['m' - 'a'] = {"missing"},
        ['n' - 'a'] = {"not "},
        ['p' - 'a'] = {"panic"},
        ['r' - 'a'] = {"refuse"},
        ['u' - 'a'] = {"unable"},
    };
    const unsigned letter = ((unsigned char) *text | 0x20U) - 'a';
    if (letter >= 26)
        return false;
    for (const char *const *word = by_letter [letter]; *word; word++)
        if (size > 1 && (text [1] | 0x20) == (*word) [1] && strlen (*word) <= size
            && strncasecmp (text, *word, strlen (*word)) == 0)
            return true;
    return false;
}

static bool
s_tells (const char *line, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if (s_word_tells (line + at, size - at))
            return true;
    return false;
}

const char *
verdict_text_line (const char *text, size_t size, size_t *ret_size)
{
    const char *first = NULL;
    for (size_t at = 0; at < size;) {
        const char *line = text + at;
        const char *end = memchr (line, '\n', size - at);
        size_t length = end ? (size_t) (end - line) : size - at;
        at += length + 1;
        if (verdict_text_begin (line, length) == length)
            continue;
        bool tells = s_tells (line, length);
        if (tells || !first)
            *ret_size = length;
        if (tells)
            return line;
        first = first ? first : line;
    }
    return first;
}
