//  redact_text - what text stands for, whoever wrote it down.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

//  Of one writing of a character: what it stands for, "" for what is passed over.
typedef struct {
    char bytes [4];
    size_t size; //  never more than was read for it
} redact_unit_t;

//  Read the unit at `at`; where it ends.  Backslashes are passed over with what they escape,
//  control characters and line ends stand for nothing, and what the alphabets of base64
//  and of forms differ in is one character.
size_t
redact_text_unit (const char *text, size_t size, size_t at, redact_unit_t *ret_unit);
//  All of it.  ret_bytes has room for size bytes.  Returns how many there are.
size_t
redact_text (const char *text, size_t size, char *ret_bytes);
//  The characters of base64 that depend on these bytes alone when `shift` other bytes (0 to 2)
//  stand before them in their group, as redact_text has them.  ret_bytes has room for 2 * size +
//  4.  Returns how many there are.
size_t
redact_text_base64 (const char *bytes, size_t size, size_t shift, char *ret_bytes);
