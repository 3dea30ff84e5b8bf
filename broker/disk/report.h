//  report - reads the root cause and its confidence from a report.  Pure.
//
//  Ensures: the confidence is never higher than written; in doubt it is UNKNOWN.
//  Root cause, the first of these that exists: the first paragraph or list item under a heading
//  with the words "root cause"; a table under it; the text behind a label with these words.
//  A heading that only speaks about them ("ruled out", "not") does not count.
//  Confidence (confidence.h), the first of these: in that heading, in or under its text, in a
//  heading of its own, behind a label "Confidence:" before it.
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

//  Read a report; its bytes may be anything.  If nothing is found, the root cause is "See
//  investigation report for details" and the confidence UNKNOWN.
//  Err: -ENOMEM: *ret_report is as if nothing was found.
int
report_read (const char *markdown, size_t size, report_t *ret_report) must_check;
//  "HIGH", "MEDIUM", "LOW", "UNKNOWN".
const char *
report_confidence_name (report_confidence_t confidence);
