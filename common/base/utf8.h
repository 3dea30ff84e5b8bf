//  utf8 - one step of a strict UTF-8 decoder, and where a text may be cut.
//  Src: Unicode 15 table 3-7 (no overlong forms, no surrogates, at most U+10FFFF).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Length in bytes (1..4) of the character at `bytes`, its code point in *ret_code;
//  0 when the bytes are not a whole valid character (*ret_code untouched) or size is 0.
size_t
utf8_next (const char *bytes, size_t size, uint32_t *ret_code);

//  The longest prefix of at most max bytes that does not end inside a character.
size_t
utf8_cut (const char *bytes, size_t size, size_t max);
//  Copy a text into size bytes, NUL included; where it does not fit it is cut so.
void
utf8_copy (char *ret_text, size_t size, const char *text);
//  The longest prefix of at most max bytes that ends with a sentence; where none ends in its second
//  half, with a word; else with a character as it is seen: joined and combined ones stay whole.
size_t
utf8_sentence (const char *bytes, size_t size, size_t max);

//  Does the character show nothing but format or direct the text around it?
//  Src: Unicode 15, Bidi_Control, Cf, Zl, Zp.
bool
utf8_unseen (uint32_t code);
//  Does the character leave a mark that a reader sees?  Those that are unseen do not,
//  nor do blanks and controls.
//  Src: Unicode 15, White_Space, Default_Ignorable_Code_Point, category Cc; and the braille blank.
bool
utf8_shows (uint32_t code);
//  Length of the terminal's escape sequence (ECMA-48: CSI, OSC and the like, ESC and one more) that
//  bytes begin with, 0 = there is none.
size_t
utf8_escape (const char *bytes, size_t size);

//  Make a text fit for a terminal and for JSON, in place: control characters become dots, bytes
//  that are not UTF-8 question marks.
void
utf8_clean (char *text);
