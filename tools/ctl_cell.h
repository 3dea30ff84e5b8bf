//  ctl_cell - members of the broker's answers as cells of a table.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"
#include "tools/table.h"

//  "" when absent.  Own: borrowed from object.
const char *
ctl_cell_text (const json_t *object, const char *key);
//  0 when absent.
long long
ctl_cell_count (const json_t *object, const char *key);
//  Add the age of this time as the next cell.
void
ctl_cell_age (table_t *table, const json_t *object, const char *key);
//  Append what runs used, as far as it is known: "3 calls, 1200 tokens in, 90 out, $0.0150, 4.2s".
//  Nothing is appended for null.
void
ctl_cell_usage (const json_t *usage, buf_t *out);
//  Append a size: "812 B", "3.4 MiB"; nothing for null.
void
ctl_cell_bytes (const json_t *bytes, buf_t *out);
//  Print the table; NULL: out of memory.  Returns an exit code.
int
ctl_cell_end (table_t *table);
//  Why a worker gets no work, and what to do; nothing when it does.
void
ctl_cell_worker_note (const json_t *worker, buf_t *out);
