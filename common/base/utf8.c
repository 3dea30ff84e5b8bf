//  SPDX-License-Identifier: Apache-2.0
#include "common/base/utf8.h"

#include <string.h>

static bool
s_is_tail (unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

//  Length by the lead byte; 0 for a byte that cannot lead.

static size_t
s_length (unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if ((lead & 0xf0) == 0xe0)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

size_t
utf8_next (const char *bytes, size_t size, uint32_t *ret_code)
{
    if (size == 0)
        return 0;
    const unsigned char *p = (const unsigned char *) bytes;
    size_t length = s_length (p [0]);
    if (length == 0 || length > size)
        return 0;
    if (length == 1) {
        *ret_code = p [0];
        return 1;
    }
    uint32_t code = p [0] & (0x7fU >> length);
    for (size_t i = 1; i < length; i++) {
        if (!s_is_tail (p [i]))
            return 0;
        code = code << 6 | (p [i] & 0x3fU);
    }
    bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
        return 0;
    *ret_code = code;
    return length;
}

size_t
utf8_cut (const char *bytes, size_t size, size_t max)
{
    if (size <= max)
        return size;
    size_t cut = max;
    for (size_t back = 0; back < 3 && cut > 0; back++) {
        if (!s_is_tail ((unsigned char) bytes [cut]))
            return cut;
        cut--;
    }
    return s_is_tail ((unsigned char) bytes [cut]) ? max : cut;
}

void
utf8_copy (char *ret_text, size_t size, const char *text)
{
    const size_t length = utf8_cut (text, strnlen (text, size), size - 1);
    memcpy (ret_text, text, length);
    ret_text [length] = 0;
}

static bool
s_is_space (char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t';
}

//  Does a sentence end before bytes [at]?  It ends with an ideographic stop, or with an ASCII stop
//  and a space.

static bool
s_ends_sentence (const char *bytes, size_t at)
{
    char last = bytes [at - 1];
    if (s_is_space (bytes [at]) && (last == '.' || last == '!' || last == '?'))
        return true;
    return at >= 3 && memcmp (bytes + at - 3, "\xe3\x80\x82", 3) == 0;
}

//  Does this character belong to the one before it: combining, joined, a selector, a skin tone, a
//  tag?
static bool
s_extends (uint32_t code)
{
    return (code >= 0x300 && code <= 0x36f) || (code >= 0x1ab0 && code <= 0x1aff)
           || (code >= 0x1dc0 && code <= 0x1dff) || (code >= 0x20d0 && code <= 0x20ff)
           || code == 0x200d || (code >= 0xfe00 && code <= 0xfe0f)
           || (code >= 0xfe20 && code <= 0xfe2f) || (code >= 0x1f3fb && code <= 0x1f3ff)
           || (code >= 0xe0020 && code <= 0xe007f);
}

//  Move a cut to the start of a visible character; it goes back only a limited distance.
static size_t
s_whole (const char *bytes, size_t size, size_t cut)
{
    enum { FAR = 64 };
    for (size_t at = cut; at > 0 && cut - at < FAR; at = utf8_cut (bytes, at, at - 1)) {
        uint32_t code = 0;
        bool inside = utf8_next (bytes + at, size - at, &code) > 0 && s_extends (code);
        bool joined = at >= 3 && memcmp (bytes + at - 3, "\xe2\x80\x8d", 3) == 0;
        if (!inside && !joined)
            return at;
    }
    return cut;
}

size_t
utf8_sentence (const char *bytes, size_t size, size_t max)
{
    size_t cut = utf8_cut (bytes, size, max);
    if (cut == size)
        return size;
    for (size_t at = cut; at > cut / 2; at--)
        if (s_ends_sentence (bytes, at))
            return at;
    for (size_t at = cut; at > cut / 2; at--)
        if (s_is_space (bytes [at]))
            return at;
    return s_whole (bytes, size, cut);
}

bool
utf8_unseen (uint32_t code)
{
    return code == 0xad || code == 0x61c || code == 0x180e || (code >= 0x200b && code <= 0x200f)
           || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x2069)
           || code == 0xfeff || (code >= 0xe0000 && code <= 0xe007f);
}

bool
utf8_shows (uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } blank [] = {{0, 0x20},          {0x7f, 0xa0},      {0xad, 0xad},     {0x34f, 0x34f},
                  {0x61c, 0x61c},     {0x115f, 0x1160},  {0x1680, 0x1680}, {0x17b4, 0x17b5},
                  {0x180b, 0x180f},   {0x2000, 0x200f},  {0x2028, 0x202f}, {0x205f, 0x206f},
                  {0x2800, 0x2800},   {0x3000, 0x3000},  {0x3164, 0x3164}, {0xfe00, 0xfe0f},
                  {0xfeff, 0xfeff},   {0xffa0, 0xffa0},  {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
                  {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};
    for (size_t i = 0; i < sizeof blank / sizeof blank [0]; i++)
        if (code <= blank [i].last)
            return code < blank [i].first;
    return true;
}

size_t
utf8_escape (const char *bytes, size_t size)
{
    if (size < 2 || bytes [0] != 0x1b)
        return 0;
    size_t at = 2;
    if (bytes [1] == '[') { //  parameters, then one of @ to ~
        while (at < size && bytes [at] >= 0x20 && bytes [at] <= 0x3f)
            at++;
        return at < size && bytes [at] >= 0x40 && bytes [at] <= 0x7e ? at + 1 : at;
    }
    if (!strchr ("]PX^_", bytes [1]))
        return bytes [1] >= 0x20 && bytes [1] <= 0x7e ? 2 : 1;
    for (; at < size && bytes [at] != '\n'; at++) { //  a string: to BEL or ESC and a backslash
        if (bytes [at] == 0x07)
            return at + 1;
        if (bytes [at] == 0x1b)
            return at + 1 < size && bytes [at + 1] == '\\' ? at + 2 : at;
    }
    return 2; //  unterminated: the rest is text
}

void
utf8_clean (char *text)
{
    for (size_t left = strlen (text); left > 0;) {
        uint32_t code = 0;
        size_t length = utf8_next (text, left, &code);
        if (length == 0) {
            *text = '?';
            length = 1;
        }
        else if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) {
            memset (text, '.', length);
        }
        text += length;
        left -= length;
    }
}
