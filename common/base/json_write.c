//  json_write - rewrites JSON from its tokens; a part of json_scan.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/json_scan.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    const json_scan_style_t *style;
    buf_t *out; //  NULL: only count
    size_t size;
    bool comma; //  a value precedes
    bool value; //  a key precedes
} write_t;

static void
s_put (write_t *self, const char *bytes, size_t size)
{
    self->size += size;
    if (self->out)
        buf_append (self->out, bytes, size);
}

static void
s_line (write_t *self, size_t depth)
{
    static const char spaces [] =
        "\n                                                                "
        "                                                                ";
    _Static_assert(sizeof spaces - 2 >= 2 * LIMIT_JSON_DEPTH, "room for the deepest line");
    if (self->style->indent)
        s_put (self, spaces, 1 + 2 * depth);
}

//  Copy bytes that need no escape.
static void
s_text (write_t *self, const json_scan_token_t *text)
{
    char bytes [256];
    size_t at = 0, got;
    s_put (self, "\"", 1);
    while ((got = json_scan_decode (text, &at, bytes, sizeof bytes)) > 0) {
        size_t from = 0;
        for (size_t i = 0; i < got; i++) {
            static const char names [] = "\b\t\n\f\r\"\\";
            const unsigned char c = (unsigned char) bytes [i];
            if (c >= 0x20 && c != '"' && c != '\\' && !(c == '@' && self->style->hide_at))
                continue;
            const char *found = memchr (names, c, sizeof names - 1);
            char escaped [8];
            const int size =
                found ? snprintf (escaped, sizeof escaped, "\\%c", "btnfr\"\\" [found - names])
                      : snprintf (escaped, sizeof escaped, "\\u%04X", c);
            s_put (self, bytes + from, i - from);
            s_put (self, escaped, (size_t) size);
            from = i + 1;
        }
        s_put (self, bytes + from, got - from);
    }
    s_put (self, "\"", 1);
}

//  Write the comma and indentation before a value, a key or an added member at this depth.
static void
s_lead (write_t *self, size_t depth)
{
    if (self->value)
        return;
    if (self->comma)
        s_put (self, ",", 1);
    if (depth > 0)
        s_line (self, depth);
}

static void
s_token (write_t *self, const json_scan_token_t *token)
{
    const bool end = token->type == JSON_SCAN_OBJECT_END || token->type == JSON_SCAN_ARRAY_END;
    const bool open = token->type == JSON_SCAN_OBJECT || token->type == JSON_SCAN_ARRAY;
    const char *add = self->style->add;
    if (end && token->depth == 0 && token->type == JSON_SCAN_OBJECT_END && add) {
        s_lead (self, 1);
        s_put (self, add, strlen (add));
        self->comma = true;
    }
    if (end && self->comma)
        s_line (self, token->depth);
    if (!end)
        s_lead (self, token->depth);
    if (token->type == JSON_SCAN_KEY || token->type == JSON_SCAN_TEXT)
        s_text (self, token);
    else
        s_put (self, token->data, token->size);
    self->value = token->type == JSON_SCAN_KEY;
    if (self->value)
        s_put (self, ": ", self->style->indent ? 2 : 1);
    self->comma = !open && !self->value;
}

static bool
s_dropped (const write_t *self, const json_scan_t *scan, const json_scan_token_t *token)
{
    return self->style->drop && token->type == JSON_SCAN_KEY && token->depth == 1
           && scan->object [0] && json_scan_is (token, self->style->drop);
}

int
json_write (const char *bytes, size_t size, const json_scan_style_t *style, buf_t *out,
            size_t *ret_size)
{
    write_t self = {.style = style, .out = out};
    json_scan_t scan;
    json_scan_start (&scan, bytes, size);
    json_scan_token_t token;
    int rc = json_scan_next (&scan, &token, NULL);
    for (; rc == 1; rc = json_scan_next (&scan, &token, NULL)) {
        if (s_dropped (&self, &scan, &token)) {
            rc = json_scan_next (&scan, &token, NULL);
            if (rc == 1)
                rc = json_scan_skip (&scan, &token, NULL);
        }
        else
            s_token (&self, &token);
        if (rc < 0 || (out && out->failed))
            break;
    }
    if (rc == 0 && style->indent)
        s_put (&self, "\n", 1);
    if (ret_size)
        *ret_size = self.size;
    return rc < 0 ? rc : out ? out->failed : 0;
}
