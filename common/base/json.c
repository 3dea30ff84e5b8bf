//  json - strict JSON: the one port to jansson.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/json.h"

#include "common/base/buf.h"
#include "common/base/clk.h"
#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"

#include <stdlib.h>
#include <string.h>

//  Real numbers have 15 digits: so many of a decimal number survive.
#define S_DIGITS JSON_REAL_PRECISION (15)

//  Index of the closing quote of the string that opens at `at`, or size.

static size_t
s_skip_text (const char *bytes, size_t size, size_t at)
{
    for (at++; at < size && bytes [at] != '"'; at++) {
        if (bytes [at] == '\\')
            at++;
    }
    return at;
}

//  Check the size of the tree before anything is built.  jansson recurses up to 2048 deep and takes
//  up to 250 bytes of heap for three of text.
//  Each value follows a bracket or a comma, so these are counted.  Stops at the end of the first
//  value, so that bytes after a prefix do not count.  Err: ERR_LIMIT.

static int
s_fits (const char *bytes, size_t size, err_diag_t *diag)
{
    size_t depth = 0, nodes = 0;
    for (size_t i = 0; i < size; i++) {
        switch (bytes [i]) {
            case '"': i = s_skip_text (bytes, size, i); break;
            case ',': nodes++; break;
            case '{':
            case '[':
                depth++;
                nodes++;
                break;
            case '}':
            case ']':
                if (depth <= 1)
                    return 0;
                depth--;
                break;
            default: break;
        }
        if (depth > LIMIT_JSON_DEPTH) {
            err_diag (diag, "JSON nested deeper than %d", LIMIT_JSON_DEPTH);
            return ERR_LIMIT;
        }
        if (nodes > LIMIT_JSON_NODES) {
            err_diag (diag, "JSON of more than %d values", LIMIT_JSON_NODES);
            return ERR_LIMIT;
        }
    }
    return 0;
}

static int
s_parse (const char *bytes, size_t size, size_t flags, json_t **ret_doc, err_diag_t *diag)
{
    if (size > LIMIT_HTTP_RESPONSE_BYTES) {
        err_diag (diag, "JSON of %zu bytes, at most %d are read", size, LIMIT_HTTP_RESPONSE_BYTES);
        return ERR_LIMIT;
    }
    if (s_fits (bytes, size, diag) < 0)
        return ERR_LIMIT;
    json_error_t error;
    json_t *doc = json_loadb (size ? bytes : "", size,
                              flags | JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!doc) {
        err_diag (diag, "line %d column %d: %s", error.line, error.column, error.text);
        return ERR_PROTO;
    }
    *ret_doc = doc;
    return 0;
}

int
json_parse (const char *bytes, size_t size, json_t **ret_doc, err_diag_t *diag)
{
    return s_parse (bytes, size, 0, ret_doc, diag);
}

int
json_parse_prefix (const char *bytes, size_t size, json_t **ret_doc, err_diag_t *diag)
{
    return s_parse (bytes, size, JSON_DISABLE_EOF_CHECK, ret_doc, diag);
}

char *
json_text (const json_t *doc)
{
    char *text = json_dumps (doc, JSON_INDENT (2) | S_DIGITS | JSON_ENCODE_ANY);
    if (!text)
        return NULL;
    size_t size = strlen (text);
    char *longer = realloc (text, size + 2);
    if (!longer) {
        free (text);
        return NULL;
    }
    longer [size] = '\n';
    longer [size + 1] = 0;
    return longer;
}

char *
json_line (const json_t *doc)
{
    return json_dumps (doc, JSON_COMPACT | S_DIGITS | JSON_ENCODE_ANY);
}

const char *
json_member_text (const json_t *object, const char *key, const char *other)
{
    const char *text = json_string_value (json_object_get (object, key));
    return text ? text : other;
}

int64_t
json_member_int (const json_t *object, const char *key, int64_t other)
{
    const json_t *value = json_object_get (object, key);
    return json_is_integer (value) ? (int64_t) json_integer_value (value) : other;
}

json_t *
json_time (int64_t wall_ms)
{
    if (wall_ms <= 0)
        return json_null ();
    char text [CLK_TEXT];
    clk_text (wall_ms, text, sizeof text);
    return json_string (text);
}

json_t *
json_any_bytes (const char *bytes, size_t size)
{
    static const char replacement [] = "\xef\xbf\xbd";
    if (json_utf8_valid (bytes, size))
        return json_stringn (bytes, size);
    own (buf_fini) buf_t clean = buf_init (size * (sizeof replacement - 1) + 1);
    for (size_t at = 0; at < size;) {
        uint32_t code = 0;
        const size_t length = utf8_next (bytes + at, size - at, &code);
        if (length > 0 && code > 0)
            buf_append (&clean, bytes + at, length);
        else
            buf_text (&clean, replacement);
        at += length > 0 ? length : 1;
    }
    return clean.failed ? NULL : json_stringn (clean.data, clean.size);
}

json_t *
json_any (const char *text)
{
    return json_any_bytes (text, strlen (text));
}

json_t *
json_any_or_null (const char *text)
{
    return text [0] ? json_any (text) : json_null ();
}

bool
json_utf8_valid (const char *bytes, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint32_t code = 0;
        size_t length = utf8_next (bytes + i, size - i, &code);
        if (length == 0 || code == 0)
            return false;
        i += length;
    }
    return true;
}
