//  utf8 - one step of a strict UTF-8 decoder, and where a text may be cut.
//  Src: Unicode 15 table 3-7 (no overlong forms, no surrogates, at most U+10FFFF).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

//  Length in bytes (1..4) of the character at `bytes`, its code point in *ret_code; 0 when the bytes
//  are not a whole valid character (*ret_code untouched) or size is 0.
size_t
utf8_next (const char *bytes, size_t size, uint32_t *ret_code);

//  The longest prefix of at most max bytes that does not end inside a character.
size_t
utf8_cut (const char *bytes, size_t size, size_t max);
//  The longest prefix of at most max bytes that ends with a sentence; where none ends in its second
//  half, with a word; else with a character.
size_t
utf8_sentence (const char *bytes, size_t size, size_t max);

//  Make a text fit for a terminal and for JSON, in place: control characters become dots, bytes that
//  are not UTF-8 question marks.
void
utf8_clean (char *text);
