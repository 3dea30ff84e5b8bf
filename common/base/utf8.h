//  utf8 - one step of a strict UTF-8 decoder, and where a text may be cut.
//  Src: Unicode 15 table 3-7 (no overlong forms, no surrogates, at most U+10FFFF).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

//  Length in bytes (1..4) of the character at `bytes`; its code point in *ret_code.  0 when size is
//  0 or the bytes are not a whole valid character; *ret_code is then untouched.
size_t
utf8_next (const char *bytes, size_t size, uint32_t *ret_code);

//  Length of the longest prefix of at most max bytes that does not end inside a character.
size_t
utf8_cut (const char *bytes, size_t size, size_t max);
//  Copy a text into size bytes, NUL included; one that does not fit is cut as by utf8_cut.
void
utf8_copy (char *ret_text, size_t size, const char *text);
//  Length of the longest prefix of at most max bytes that ends with a sentence.  If no sentence
//  ends in its second half, it ends with a word.  Else it ends with a whole visible character:
//  combined and joined ones stay whole.
size_t
utf8_sentence (const char *bytes, size_t size, size_t max);

//  Is the character invisible, a mere format or direction mark of the text around it?
//  Src: Unicode 15, Bidi_Control, Cf, Zl, Zp.
bool
utf8_unseen (uint32_t code);
//  Does the character leave a visible mark?  Unseen ones, blanks and controls do not.
//  Src: Unicode 15, White_Space, Default_Ignorable_Code_Point, category Cc; and the braille blank.
bool
utf8_shows (uint32_t code);
//  Length of the terminal escape sequence (ECMA-48: CSI, OSC and the like, ESC and one more) at the
//  start of bytes, 0 = none.
size_t
utf8_escape (const char *bytes, size_t size);

//  Make a text safe for a terminal and for JSON, in place: control characters become dots, bytes of
//  invalid UTF-8 become question marks.
void
utf8_clean (char *text);
