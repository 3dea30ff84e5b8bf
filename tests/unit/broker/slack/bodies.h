//  bodies - reads the bodies of messages and checks the rules that hold for each.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "common/base/json.h"

//  All texts of the message that was read last, each followed by a line end.
extern char bodies_all [262144];

//  Parse a body, and check the rules of every message: limits, UTF-8, nothing forged.
//  Own: takes text; fresh.
json_t *
bodies_read (char *text);
//  As above, when only the texts matter.
void
bodies_show (char *text);
//  Fail unless a text that was read has this part; or if it has.
void
bodies_expect (const char *part);
void
bodies_expect_not (const char *part);
//  A block of the message; NULL = there is none.  Own: borrowed.
const json_t *
bodies_block (const json_t *message, size_t index);
//  Fill a field with repetitions of a text.
void
bodies_fill (char *field, size_t size, const char *unit);
//  Hostile texts; NULL ends the list.
extern const char *const bodies_hostile [];
