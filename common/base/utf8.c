//  utf8 - one step of a strict UTF-8 decoder, and where a text may be cut.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/utf8.h"

#include <stdbool.h>
#include <string.h>

static bool
s_is_tail (unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

//  Length by the lead byte, 0 for a byte that cannot lead.

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

static bool
s_is_space (char byte)
{
    return byte == ' ' || byte == '\n' || byte == '\t';
}

//  Does a sentence end before bytes [at]?  One of the ASCII stops and a space, or an ideographic stop.

static bool
s_ends_sentence (const char *bytes, size_t at)
{
    char last = bytes [at - 1];
    if (s_is_space (bytes [at]) && (last == '.' || last == '!' || last == '?'))
        return true;
    return at >= 3 && memcmp (bytes + at - 3, "\xe3\x80\x82", 3) == 0;
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
    return cut;
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
