//  report_word - the words of a report's text; pure.
//
//  Bytes above ASCII count as letters, but dashes and quotes do not.
//  All is borrowed from the text.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    const char *at;
    size_t size;
} report_span_t;

//  A word and what stands around it.
typedef struct {
    report_span_t text;
    char before, after; //  0 at the ends
    bool first;         //  of its sentence
} report_word_t;

//  Take the next word off the front of *rest; false when there is none.
bool
report_word_next (report_span_t *rest, report_word_t *ret_word);
//  In any case.
bool
report_word_is (const report_word_t *word, const char *text);
//  Is it one of a list ended by NULL?
bool
report_word_any (const report_word_t *word, const char *const *list);
//  A number, or what stands for one ("A."); a word without any ASCII letter is an ornament.
bool
report_word_is_number (const report_word_t *word);
//  Without spaces and line ends around it.
report_span_t
report_word_trim (report_span_t text);
