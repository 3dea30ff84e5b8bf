//  SPDX-License-Identifier: Apache-2.0
#include "common/base/json_scan.h"

#include "common/base/utf8.h"

#include <assert.h>
#include <string.h>

enum { S_VALUE, S_VALUE_OR_END, S_KEY, S_KEY_OR_END, S_COLON, S_COMMA_OR_END, S_DONE };

#define S_REPLACEMENT 0xfffdU

//  --- errors

static int
s_bad (const json_scan_t *self, size_t at, const char *what, err_diag_t *diag)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; diag && i < at && i < self->size; i++) {
        column = self->bytes [i] == '\n' ? 1 : column + 1;
        line += self->bytes [i] == '\n';
    }
    err_diag (diag, "line %zu column %zu: %s", line, column, what);
    return ERR_PROTO;
}

//  --- texts

static int
s_hex (const char *bytes, size_t size, uint32_t *ret_code)
{
    uint32_t code = 0;
    if (size < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        const char c = bytes [i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        code = code << 4 | (uint32_t) digit;
    }
    *ret_code = code;
    return 0;
}

//  Length of the escape at `bytes` (a backslash), its character in *ret_code; 0 when it is invalid.
static size_t
s_escape (const char *bytes, size_t size, uint32_t *ret_code)
{
    static const char from [] = "\"\\/bfnrt", to [] = "\"\\/\b\f\n\r\t";
    const char *found = size > 1 && bytes [1] ? strchr (from, bytes [1]) : NULL;
    if (found) {
        *ret_code = (unsigned char) to [found - from];
        return 2;
    }
    uint32_t code = 0, low = 0;
    if (size < 6 || bytes [1] != 'u' || s_hex (bytes + 2, size - 2, &code) < 0)
        return 0;
    size_t taken = 6;
    if (code >= 0xd800 && code < 0xdc00 && size >= 12 && bytes [6] == '\\' && bytes [7] == 'u'
        && s_hex (bytes + 8, size - 8, &low) == 0 && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        taken = 12;
    }
    *ret_code = code == 0 || (code >= 0xd800 && code < 0xe000) ? S_REPLACEMENT : code;
    return taken;
}

//  Scan the text whose opening quote is at `at`; *ret_end is the place after its closing quote.
static int
s_text (const json_scan_t *self, size_t at, size_t *ret_end, err_diag_t *diag)
{
    const char *bytes = self->bytes;
    for (at++; at < self->size;) {
        const unsigned char c = (unsigned char) bytes [at];
        uint32_t code = 0;
        if (c == '"') {
            *ret_end = at + 1;
            return 1;
        }
        if (c < 0x20)
            return s_bad (self, at, "control character in a text", diag);
        const size_t step = c == '\\'  ? s_escape (bytes + at, self->size - at, &code)
                            : c < 0x80 ? 1
                                       : utf8_next (bytes + at, self->size - at, &code);
        if (step == 0)
            return s_bad (self, at, c == '\\' ? "invalid escape" : "invalid UTF-8", diag);
        at += step;
    }
    return s_bad (self, at, "a text without its end", diag);
}

static size_t
s_put (uint32_t code, char *ret_bytes)
{
    unsigned char *to = (unsigned char *) ret_bytes;
    if (code < 0x80) {
        to [0] = (unsigned char) code;
        return 1;
    }
    const size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code >>= 6)
        to [i] = (unsigned char) (0x80 | (code & 0x3f));
    to [0] = (unsigned char) ((0xf00U >> size) | code);
    return size;
}

size_t
json_scan_decode (const json_scan_token_t *text, size_t *at_p, char *ret_bytes, size_t room)
{
    assert (room >= 4);
    size_t at = *at_p, out = 0;
    while (at < text->size && out + 4 <= room) {
        if (text->data [at] != '\\') {
            const unsigned char c = (unsigned char) text->data [at];
            const size_t step = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
            memcpy (ret_bytes + out, text->data + at, step);
            out += step;
            at += step;
            continue;
        }
        uint32_t code = 0;
        const size_t step = s_escape (text->data + at, text->size - at, &code);
        assert (step > 0); //  it was scanned before
        out += s_put (code, ret_bytes + out);
        at += step;
    }
    *at_p = at;
    return out;
}

bool
json_scan_is (const json_scan_token_t *text, const char *other)
{
    size_t size = strlen (other);
    if (!memchr (text->data, '\\', text->size))
        return text->size == size && memcmp (text->data, other, size) == 0;
    char bytes [64];
    size_t at = 0, got;
    while ((got = json_scan_decode (text, &at, bytes, sizeof bytes)) > 0) {
        if (got > size || memcmp (bytes, other, got) != 0)
            return false;
        other += got;
        size -= got;
    }
    return size == 0;
}

//  --- tokens

static size_t
s_digits (const json_scan_t *self, size_t at)
{
    while (at < self->size && self->bytes [at] >= '0' && self->bytes [at] <= '9')
        at++;
    return at;
}

static char
s_byte (const json_scan_t *self, size_t at)
{
    return at < self->size ? self->bytes [at] : '\0';
}

//  The end of the number that begins at `at`; `at` when there is none.
static size_t
s_number (const json_scan_t *self, size_t at)
{
    const size_t start = at;
    at += s_byte (self, at) == '-';
    size_t end = s_byte (self, at) == '0' ? at + 1 : s_digits (self, at);
    if (end == at)
        return start;
    if (s_byte (self, end) == '.') {
        at = end + 1;
        end = s_digits (self, at);
        if (end == at)
            return start;
    }
    if (s_byte (self, end) == 'e' || s_byte (self, end) == 'E') {
        at = end + 1;
        at += s_byte (self, at) == '+' || s_byte (self, at) == '-';
        end = s_digits (self, at);
        if (end == at)
            return start;
    }
    return end;
}

static int
s_after_value (const json_scan_t *self)
{
    return self->depth > 0 ? S_COMMA_OR_END : S_DONE;
}

static int
s_open (json_scan_t *self, bool object, json_scan_token_t *token, err_diag_t *diag)
{
    if (self->depth == LIMIT_JSON_DEPTH) {
        err_diag (diag, "JSON nested deeper than %d", LIMIT_JSON_DEPTH);
        return ERR_LIMIT;
    }
    token->type = object ? JSON_SCAN_OBJECT : JSON_SCAN_ARRAY;
    token->size = 1;
    self->object [self->depth++] = object;
    self->at++;
    self->next = object ? S_KEY_OR_END : S_VALUE_OR_END;
    return 1;
}

static int
s_close (json_scan_t *self, bool object, json_scan_token_t *token, err_diag_t *diag)
{
    if (self->depth == 0 || self->object [self->depth - 1] != object
        || (self->next != S_COMMA_OR_END && self->next != S_KEY_OR_END
            && self->next != S_VALUE_OR_END))
        return s_bad (self, self->at, "unexpected bracket", diag);
    token->type = object ? JSON_SCAN_OBJECT_END : JSON_SCAN_ARRAY_END;
    token->size = 1;
    token->depth = --self->depth;
    self->at++;
    self->next = s_after_value (self);
    return 1;
}

static int
s_word (json_scan_t *self, json_scan_token_t *token, err_diag_t *diag)
{
    static const struct {
        const char *text;
        json_scan_type_t type;
    } words [] = {{"true", JSON_SCAN_TRUE}, {"false", JSON_SCAN_FALSE}, {"null", JSON_SCAN_NULL}};
    size_t end = s_number (self, self->at);
    token->type = JSON_SCAN_NUMBER;
    for (size_t i = 0; i < 3 && end == self->at; i++) {
        const size_t size = strlen (words [i].text);
        if (self->size - self->at < size || memcmp (token->data, words [i].text, size) != 0)
            continue;
        token->type = words [i].type;
        end = self->at + size;
    }
    if (end == self->at)
        return s_bad (self, self->at, "a value is expected", diag);
    token->size = end - self->at;
    self->at = end;
    self->next = s_after_value (self);
    return 1;
}

static int
s_quoted (json_scan_t *self, json_scan_token_t *token, err_diag_t *diag)
{
    const bool key = self->next == S_KEY || self->next == S_KEY_OR_END;
    size_t end = 0;
    const int rc = s_text (self, self->at, &end, diag);
    if (rc < 0)
        return rc;
    token->type = key ? JSON_SCAN_KEY : JSON_SCAN_TEXT;
    token->data++;
    token->size = end - self->at - 2;
    self->at = end;
    self->next = key ? S_COLON : s_after_value (self);
    return 1;
}

//  Skip white space and the sign between two tokens.  Err: ERR_PROTO.
static int
s_space (json_scan_t *self, err_diag_t *diag)
{
    for (; self->at < self->size; self->at++) {
        const char c = self->bytes [self->at];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            continue;
        if (c == ':' && self->next == S_COLON)
            self->next = S_VALUE;
        else if (c == ',' && self->next == S_COMMA_OR_END)
            self->next = self->object [self->depth - 1] ? S_KEY : S_VALUE;
        else
            return 0;
    }
    return self->next == S_DONE ? 0 : s_bad (self, self->at, "the end is missing", diag);
}

void
json_scan_start (json_scan_t *self, const char *bytes, size_t size)
{
    assert (self && (bytes || size == 0));
    *self = (json_scan_t){.bytes = bytes, .size = size, .next = S_VALUE};
}

int
json_scan_next (json_scan_t *self, json_scan_token_t *ret_token, err_diag_t *diag)
{
    const int rc = s_space (self, diag);
    if (rc < 0 || self->at == self->size)
        return rc;
    const char c = self->bytes [self->at];
    json_scan_token_t *token = ret_token;
    *token = (json_scan_token_t){.depth = self->depth, .data = self->bytes + self->at};
    if (c == '}' || c == ']')
        return s_close (self, c == '}', token, diag);
    const bool value = self->next == S_VALUE || self->next == S_VALUE_OR_END;
    if (c == '"' && (value || self->next == S_KEY || self->next == S_KEY_OR_END))
        return s_quoted (self, token, diag);
    if (!value)
        return s_bad (self, self->at,
                      self->next == S_DONE           ? "more after the value"
                      : self->next == S_COLON        ? "a colon is expected"
                      : self->next == S_COMMA_OR_END ? "a comma or the end is expected"
                                                     : "a key is expected",
                      diag);
    if (c == '{' || c == '[')
        return s_open (self, c == '{', token, diag);
    return s_word (self, token, diag);
}

int
json_scan_skip (json_scan_t *self, const json_scan_token_t *first, err_diag_t *diag)
{
    json_scan_token_t token;
    int rc = 1;
    if (first->type != JSON_SCAN_OBJECT && first->type != JSON_SCAN_ARRAY)
        return rc;
    while (rc == 1 && self->depth > first->depth)
        rc = json_scan_next (self, &token, diag);
    return rc;
}
