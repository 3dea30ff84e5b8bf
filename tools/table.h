//  table - rows and columns for people, with widths, cuts and colours; the port to libsmartcols.
//
//  On a terminal the table fits its width by cutting or wrapping the columns that allow it.
//  Elsewhere nothing is cut.  Every cell passes term_escape, so nothing in it can act on the
//  terminal.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_flag { TABLE_RIGHT = 1, TABLE_CUT = 2, TABLE_WRAP = 4 };

typedef struct {
    const char *title;
    unsigned flags; //  enum table_flag
} table_column_t;

typedef struct table table_t;

//  head: print the titles.  color: cells and titles may have colours.
//  Own: fresh, NULL when out of memory.
table_t *
table_new (const table_column_t *columns, size_t count, bool head, bool color);
void
table_destroy (table_t **self_p);
//  Begin a line; the next cells fill it from the left.
void
table_line (table_t *self);
//  Add one cell.  text: "" and NULL are shown as "-".  color: a name ("red", "green", "yellow",
//  "cyan", "darkgray") or NULL.
void
table_text (table_t *self, const char *text, const char *color);
void
table_number (table_t *self, int64_t number);
//  Print on stdout.  Err: -ENOMEM, also from earlier calls.
int
table_print (table_t *self) must_check;
