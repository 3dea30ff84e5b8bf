//  confidence - reads from a text how confident it is.  Pure.
//
//  Ensures: the result is never higher than written; in doubt it is UNKNOWN.
//  A value belongs to the word "confidence".  It stands directly before it ("high confidence",
//  "90% confident"), or behind it in the same sentence, line or cell.
//  80 % and more are HIGH, 50 % and more MEDIUM.
//  Of two values ("medium to high", "high; 40 %") the lower counts.
//  An upper bound of at most 50 % is LOW ("<40%").
//  These do not count: a denied level; a level of something else ("high restart count"); another
//  upper bound ("<90%", "at most high"); a question; a value that is taken back ("95% unsure",
//  "high (not verified)").
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/disk/report.h"
#include "broker/disk/report_word.h"

//  The level of the words "high", "medium", "moderate" and "low"; UNKNOWN for any other.
report_confidence_t
confidence_level (const report_word_t *word);
//  Is it the word "confidence" or a form of it?
bool
confidence_is_word (const report_word_t *word);
//  The value of a text in a place for values: a cell, or the text under a label.
report_confidence_t
confidence_value (report_span_t text);
//  The value in the rest of a text, behind the word "confidence".
report_confidence_t
confidence_behind (report_span_t rest);
//  The value of the first word "confidence" in the text that has one.
report_confidence_t
confidence_said (report_span_t text);
//  A level in capitals that is alone in brackets.  In a heading it may stand anywhere, or be the
//  last word; in other texts it must be at the end.
report_confidence_t
confidence_marked (report_span_t text, bool heading);
