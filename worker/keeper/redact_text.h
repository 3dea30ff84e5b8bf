//  redact_text - decodes the escapes of JSON, C and URLs, nested to any depth.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

//  The bytes that one escape or character stands for; none if it is skipped.
typedef struct {
    char bytes [4];
    size_t size; //  never more than the bytes that were read
} redact_unit_t;

//  Decode the unit at `at`.  Returns the position behind it.
//  Backslashes belong to the character that they escape.  Control characters and line ends are
//  skipped.  Characters in which the alphabets of base64 and of URL forms differ become equal.
size_t
redact_text_unit (const char *text, size_t size, size_t at, redact_unit_t *ret_unit);
//  Decode a whole text.  ret_bytes has room for size bytes.  Returns the number of bytes.
size_t
redact_text (const char *text, size_t size, char *ret_bytes);
//  Encode bytes in base64, in the alphabet that redact_text returns.  `shift` other bytes (0 to 2)
//  precede them in their group; characters that depend on other bytes are left out.
//  ret_bytes has room for 2 * size + 4 bytes.  Returns the number of characters.
size_t
redact_text_base64 (const char *bytes, size_t size, size_t shift, char *ret_bytes);
