//  json - strict JSON: the one port to jansson, whose json_t is the project's JSON value.
//
//  The header exposes jansson's value type on purpose: a second tree API would only rename it.
//  Stricter than jansson: size, depth and number of values are bounded, duplicate keys rejected,
//  UTF-8 checked.  Events are not parsed into trees; see json_scan.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  own (json_drop) json_t *doc = NULL;
static inline void
json_drop (json_t **doc_p)
{
    json_decref (*doc_p);
    *doc_p = NULL;
}

//  Parse one value; only white space may follow.  Own: fresh in *ret_doc.  Units: bytes.  Err:
//  ERR_PROTO (diag gives line and column), ERR_LIMIT, -ENOMEM.
int
json_parse (const char *bytes, size_t size, json_t **ret_doc, err_diag_t *diag) must_check;
//  Parse the first value at `bytes` and ignore the rest (JSON inside Markdown).
int
json_parse_prefix (const char *bytes, size_t size, json_t **ret_doc, err_diag_t *diag) must_check;
//  Text with 2-space indent and a final newline, keys in insertion order.  Own: fresh, free().
char *
json_text (const json_t *doc);
//  One line, no final newline.  Own: fresh, free().
char *
json_line (const json_t *doc);

//  The member's text, or `other` when it is missing or not a string.  Own: borrowed from object.
const char *
json_member_text (const json_t *object, const char *key, const char *other);
int64_t
json_member_int (const json_t *object, const char *key, int64_t other);
//  A wall clock time as text, as clk_text writes it; null when it is not after the epoch.  Own:
//  fresh.  Units: ms.
json_t *
json_time (int64_t wall_ms);
//  A string of any bytes: NULs and invalid UTF-8 become U+FFFD.  Own: fresh, NULL without memory.
json_t *
json_any_bytes (const char *bytes, size_t size);
//  As json_any_bytes, for a NUL-terminated text.
json_t *
json_any (const char *text);
//  As json_any, null for an empty text.
json_t *
json_any_or_null (const char *text);
//  Is it valid UTF-8 without NUL?
bool
json_utf8_valid (const char *bytes, size_t size);
