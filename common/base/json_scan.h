//  json_scan - strict JSON in one pass, without a tree: tokens in order, and the text written anew.
//
//  Valid per RFC 8259, UTF-8 checked, depth bounded; nothing is allocated.  Two things are taken
//  that a tree refuses: \u0000 and half a surrogate pair are read as U+FFFD, and numbers may be
//  of any size.  A key that is given twice in one object is two tokens: who reads a key decides.
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
    size_t depth;     //  of what it is in: 0 = the whole value; a bracket's is that of its value
    const char *data; //  KEY, TEXT: between the quotes, escapes as they are written
    size_t size;
} json_scan_token_t;

typedef struct {
    const char *bytes;
    size_t size, at, depth;
    int next; //  what may come here, private
    bool object [LIMIT_JSON_DEPTH];
} json_scan_t;

//  Own: borrows bytes.
void
json_scan_start (json_scan_t *self, const char *bytes, size_t size);
//  The next token.  Returns 1 a token; 0 the end, only white space followed.
//  Err: ERR_PROTO (diag says line and column), ERR_LIMIT nested deeper than LIMIT_JSON_DEPTH.
int
json_scan_next (json_scan_t *self, json_scan_token_t *ret_token, err_diag_t *diag) must_check;
//  Pass over the value whose first token was returned last (OBJECT, ARRAY; others have no rest).
//  Returns 1.  Err: as json_scan_next.
int
json_scan_skip (json_scan_t *self, const json_scan_token_t *first, err_diag_t *diag) must_check;

//  The next characters of a KEY or TEXT, decoded: whole ones, as many as have room
//  (>= 4).  *at_p begins at 0.
//  Returns their bytes, 0 at the end.
size_t
json_scan_decode (const json_scan_token_t *text, size_t *at_p, char *ret_bytes, size_t room);
//  Is a KEY or TEXT this one?
bool
json_scan_is (const json_scan_token_t *text, const char *other);

typedef struct {
    bool indent; //  by 2 spaces, with a final line end; else one line
    //  "@" of texts and keys is written \u0040: agent CLIs read "@/path" as a file to open
    bool hide_at;
    const char *drop; //  this key of the outermost object is left out, NULL = none
    //  put before the end of the outermost object: a key and a value as JSON, NULL = nothing
    const char *add;
} json_scan_style_t;

//  Append the value written anew, its texts decoded and escaped again.
//  Two passes where out is NULL: how many bytes?
//  *ret_size: bytes written, may be NULL.  Err: as json_scan_next; that of the buffer.
int
json_scan_write (const char *bytes, size_t size, const json_scan_style_t *style, buf_t *out,
                 size_t *ret_size) must_check;
