//  SPDX-License-Identifier: Apache-2.0
#include "worker/keeper/redact_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static int
s_digit (char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

//  The value of `count` hexadecimal digits at `at`; -1 when they are not there.
static int
s_hex (const char *text, size_t size, size_t at, size_t count)
{
    if (at > size || count > size - at)
        return -1;
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        int digit = s_digit (text [at + i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

//  Decode %41, or %2541 when it is encoded twice.  Returns the byte; -1 when there is none.
//  *ret_end is the position behind it.
static int
s_percent (const char *text, size_t size, size_t at, size_t *ret_end)
{
    if (at >= size || text [at] != '%')
        return -1;
    size_t from = at + 1;
    while (s_hex (text, size, from, 2) == '%' && s_hex (text, size, from + 2, 2) >= 0)
        from += 2;
    *ret_end = from + 2;
    return s_hex (text, size, from, 2);
}

//  The position behind all backslashes at `at`, plain or encoded.
static size_t
s_behind_slashes (const char *text, size_t size, size_t at)
{
    for (;;) {
        size_t end = 0;
        if (at < size && text [at] == '\\')
            at++;
        else if (s_percent (text, size, at, &end) == '\\')
            at = end;
        else
            return at;
    }
}

static void
s_put (redact_unit_t *unit, int byte)
{
    if (byte < ' ' || byte == 0x7f)
        return;
    if (byte == '+' || byte == '-')
        byte = ' ';
    if (byte == '_')
        byte = '/';
    unit->bytes [unit->size++] = (char) byte;
}

static void
s_put_code (redact_unit_t *unit, int code)
{
    if (code < 0x80) {
        s_put (unit, code);
        return;
    }
    if (code >= 0x10000)
        s_put (unit, 0xf0 | code >> 18);
    if (code >= 0x800)
        s_put (unit, code >= 0x10000 ? 0x80 | (code >> 12 & 0x3f) : 0xe0 | code >> 12);
    s_put (unit, code >= 0x800 ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6);
    s_put (unit, 0x80 | (code & 0x3f));
}

//  Decode the four digits behind \u, and the second half of a surrogate pair.  Returns the end.
static size_t
s_unicode (const char *text, size_t size, size_t at, redact_unit_t *unit)
{
    int code = s_hex (text, size, at, 4);
    at += 4;
    size_t next = s_behind_slashes (text, size, at);
    if (code >= 0xd800 && code < 0xdc00 && next > at && next < size && text [next] == 'u') {
        int low = s_hex (text, size, next + 1, 4);
        if (low >= 0xdc00 && low < 0xe000) {
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            at = next + 5;
        }
    }
    s_put_code (unit, code);
    return at;
}

//  Decode the character behind backslashes.  Returns the position behind it.
static size_t
s_escaped (const char *text, size_t size, size_t at, redact_unit_t *unit)
{
    if (at == size)
        return at;
    if (text [at] == 'u' && s_hex (text, size, at + 1, 4) >= 0)
        return s_unicode (text, size, at + 1, unit);
    if (text [at] == 'x' && s_hex (text, size, at + 1, 2) >= 0) {
        s_put (unit, s_hex (text, size, at + 1, 2));
        return at + 3;
    }
    if (!strchr ("bfnrtv", text [at]))
        s_put (unit, (unsigned char) text [at]);
    return at + 1;
}

size_t
redact_text_unit (const char *text, size_t size, size_t at, redact_unit_t *ret_unit)
{
    ret_unit->size = 0;
    size_t end = s_behind_slashes (text, size, at);
    if (end > at)
        return s_escaped (text, size, end, ret_unit);
    int byte = s_percent (text, size, at, &end);
    if (byte < 0) {
        byte = (unsigned char) text [at];
        end = at + 1;
    }
    s_put (ret_unit, byte);
    return end;
}

size_t
redact_text (const char *text, size_t size, char *ret_bytes)
{
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        redact_unit_t unit;
        at = redact_text_unit (text, size, at, &unit);
        memcpy (ret_bytes + count, unit.bytes, unit.size);
        count += unit.size;
    }
    return count;
}

size_t
redact_text_base64 (const char *bytes, size_t size, size_t shift, char *ret_bytes)
{
    static const char alphabet [] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 /";
    size_t count = 0;
    size_t bits = 8 * (shift + size);
    //  Character i holds 6 bits from bit 6 i on.  Start at the first one without foreign bits.
    for (size_t bit = (8 * shift + 5) / 6 * 6; bit + 6 <= bits; bit += 6) {
        size_t at = bit / 8 - shift;
        unsigned pair = (unsigned) (unsigned char) bytes [at] << 8;
        if (at + 1 < size)
            pair |= (unsigned char) bytes [at + 1];
        ret_bytes [count++] = alphabet [pair >> (10 - bit % 8) & 0x3f];
    }
    return count;
}
