//  confidence - how sure a text says that it is; pure.
//
//  A value belongs to the word "confidence": directly before it ("high confidence",
//  "90% confident"), or behind it in its sentence, line or cell, before a dash or bracket that
//  explains it.  A level denied, or said of a thing ("high restart count"), is none;
//  of "medium to high" or "high; 40 %" it is the lower; 80 % and more are HIGH, 50 % MEDIUM.
//  What is not reached ("<90%", "at most high"), asked or taken back ("95% unsure",
//  "high (not verified)") is none either: in doubt UNKNOWN, never higher than written.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/disk/report.h"
#include "broker/disk/report_word.h"

//  "high", "medium", "moderate", "low"; else UNKNOWN.
report_confidence_t
confidence_level (const report_word_t *word);
bool
confidence_is_word (const report_word_t *word);
//  What a text states that stands where a value is expected: a cell, the text under a label.
report_confidence_t
confidence_value (report_span_t text);
//  The value behind the word, whose rest of text this is.
report_confidence_t
confidence_behind (report_span_t rest);
//  The value said of the word "confidence" anywhere in the text.
report_confidence_t
confidence_said (report_span_t text);
//  A level in capitals, alone in brackets: in a heading anywhere or as its last word,
//  else at the text's end.
report_confidence_t
confidence_marked (report_span_t text, bool heading);
