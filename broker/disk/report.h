//  report - what an investigation says: its root cause and how sure it is; pure.
//
//  Root cause: the first paragraph (or list item) under a heading that holds the words
//  "root cause", of any level and case, unless it speaks about them only ("ruled out", "not");
//  else a table under it; else the text behind a label with these words anywhere.  Confidence: what
//  is said by the word "confidence" of the primary hypothesis (confidence.h): in that heading,
//  in or under its text, or in a heading of its own; else by a label "Confidence:" before it.
//  In doubt UNKNOWN, never higher than written.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"
#include "common/base/limits.h"

#include <stddef.h>

typedef enum { REPORT_UNKNOWN, REPORT_LOW, REPORT_MEDIUM, REPORT_HIGH } report_confidence_t;

typedef struct {
    char root_cause [LIMIT_ROOT_CAUSE_BYTES]; //  one line of valid UTF-8, cut at a sentence
    report_confidence_t confidence;
} report_t;

//  Read a report of any bytes.  Nothing found: "See investigation report for details", UNKNOWN.
//  Err: -ENOMEM; *ret_report is then as if nothing was found.
int
report_read (const char *markdown, size_t size, report_t *ret_report) must_check;
//  "HIGH", "MEDIUM", "LOW", "UNKNOWN".
const char *
report_confidence_name (report_confidence_t confidence);
