//  report_word - splits the text of a report into words.  Pure.
//
//  Bytes above ASCII count as letters, except dashes and quotes.
//  Own: all spans are borrowed from the text.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *at;
    size_t size;
} report_span_t;

//  A word and the bytes around it.
typedef struct {
    report_span_t text;
    char before, after; //  0 at the ends of the text
    bool first;         //  first word of its sentence
} report_word_t;

//  Take the next word from the front of *rest.  False: there is none.
bool
report_word_next (report_span_t *rest, report_word_t *ret_word);
//  Is it this word, ignoring case?
bool
report_word_is (const report_word_t *word, const char *text);
//  Is it one of the words of a list that ends with NULL?
bool
report_word_any (const report_word_t *word, const char *const *list);
//  Does it number something: a number, "A.", "step", or a word without any ASCII letter?
bool
report_word_is_number (const report_word_t *word);
//  The text without spaces and line ends around it.
report_span_t
report_word_trim (report_span_t text);
