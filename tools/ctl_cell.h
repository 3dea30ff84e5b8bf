//  ctl_cell - members of the broker's answers as cells of a table.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/ctl.h"
#include "tools/table.h"

//  "" where there is none.  Own: borrowed from object.
const char *
ctl_cell_text (const json_t *object, const char *key);
//  0 where there is none.
long long
ctl_cell_count (const json_t *object, const char *key);
//  How long ago this time is, as the next cell.
void
ctl_cell_age (table_t *table, const json_t *object, const char *key);
//  Print the table; NULL: there was no memory for it.  Returns an exit code.
int
ctl_cell_end (table_t *table);
