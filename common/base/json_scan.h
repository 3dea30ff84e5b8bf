//  json_scan - strict JSON in one pass, without a tree: reads tokens in order, or rewrites the
//  text.
//
//  Valid per RFC 8259, UTF-8 checked, depth bounded; nothing is allocated.
//  It accepts two things that a tree refuses: \u0000 and half a surrogate pair (both become
//  U+FFFD), and numbers of any size.  A duplicate key yields two tokens: the caller decides.
//  Src: RFC 8259.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    JSON_SCAN_OBJECT,
    JSON_SCAN_OBJECT_END,
    JSON_SCAN_ARRAY,
    JSON_SCAN_ARRAY_END,
    JSON_SCAN_KEY,
    JSON_SCAN_TEXT,
    JSON_SCAN_NUMBER,
    JSON_SCAN_TRUE,
    JSON_SCAN_FALSE,
    JSON_SCAN_NULL
} json_scan_type_t;

//  Own: a view into the bytes.
typedef struct {
    json_scan_type_t type;
    //  Depth of its container: 0 = the whole value.  A bracket has the depth of its value.
    size_t depth;
    const char *data; //  KEY, TEXT: between the quotes, escapes as written
    size_t size;
} json_scan_token_t;

typedef struct {
    const char *bytes;
    size_t size, at, depth;
    int next; //  what may come next; private
    bool object [LIMIT_JSON_DEPTH];
} json_scan_t;

//  Own: borrows bytes.
void
json_scan_start (json_scan_t *self, const char *bytes, size_t size);
//  The next token.  Returns 1, or 0 at the end, after only white space.  Err: ERR_PROTO (diag gives
//  line and column), ERR_LIMIT nested deeper than LIMIT_JSON_DEPTH.
int
json_scan_next (json_scan_t *self, json_scan_token_t *ret_token, err_diag_t *diag) must_check;
//  Skip the rest of the value whose first token was just returned.  Only OBJECT and ARRAY have a
//  rest.  Returns 1.  Err: as json_scan_next.
int
json_scan_skip (json_scan_t *self, const json_scan_token_t *first, err_diag_t *diag) must_check;

//  Decode the next characters of a KEY or TEXT: as many whole ones as fit into room (>= 4 bytes).
//  *at_p begins at 0.  Returns the number of bytes, 0 at the end.
size_t
json_scan_decode (const json_scan_token_t *text, size_t *at_p, char *ret_bytes, size_t room);
//  Does a KEY or TEXT equal `other`?
bool
json_scan_is (const json_scan_token_t *text, const char *other);

typedef struct {
    bool indent; //  by 2 spaces, with a final line end; else one line
    //  Write "@" in texts and keys as \u0040: agent CLIs open the file of "@/path".
    bool hide_at;
    const char *drop; //  leave out this key of the outermost object, NULL = none
    //  Append this member, a key and a value as JSON, to the outermost object; NULL = none.
    const char *add;
} json_scan_style_t;

//  Rewrite the value and append it; texts are decoded and escaped again.  With out NULL it only
//  counts the bytes.
//  *ret_size: bytes written, may be NULL.  Err: as json_scan_next; the buffer's.
int
json_write (const char *bytes, size_t size, const json_scan_style_t *style, buf_t *out,
            size_t *ret_size) must_check;
