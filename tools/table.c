//  table - rows and columns for people; the port to libsmartcols.
//  SPDX-License-Identifier: Apache-2.0
#include "tools/table.h"

#include "common/base/limits.h"
#include "common/base/own.h"
#include "common/base/utf8.h"
#include "tools/term.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

struct table {
    struct libscols_table *table;
    struct libscols_line *line; //  borrowed from table
    size_t cell;                //  next cell of the line
    bool failed;
};

static int
s_column (table_t *self, const table_column_t *column)
{
    int flags = (column->flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0)
                | (column->flags & TABLE_CUT ? SCOLS_FL_TRUNC : 0)
                | (column->flags & TABLE_WRAP ? SCOLS_FL_WRAP : 0);
    struct libscols_column *made = scols_table_new_column (self->table, column->title, 0, flags);
    return made ? scols_cell_set_color (scols_column_get_header (made), "bold") : -ENOMEM;
}

table_t *
table_new (const table_column_t *columns, size_t count, bool head, bool color)
{
    own (table_destroy) table_t *self = calloc (1, sizeof (table_t));
    if (!self)
        return NULL;
    self->table = scols_new_table ();
    if (!self->table)
        return NULL;
    int rc = scols_table_enable_noheadings (self->table, !head);
    rc = rc ? rc : scols_table_enable_colors (self->table, color);
    //  term_escape has done that already
    rc = rc ? rc : scols_table_enable_noencoding (self->table, 1);
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = s_column (self, &columns [i]);
    return rc ? NULL : own_take (self);
}

void
table_destroy (table_t **self_p)
{
    table_t *self = *self_p;
    if (!self)
        return;
    scols_unref_table (self->table);
    free (self);
    *self_p = NULL;
}

void
table_line (table_t *self)
{
    self->line = scols_table_new_line (self->table, NULL);
    self->failed = self->failed || !self->line;
    self->cell = 0;
}

void
table_text (table_t *self, const char *text, const char *color)
{
    own (buf_fini) buf_t safe = buf_init (LIMIT_KIB (64));
    struct libscols_cell *cell = self->line ? scols_line_get_cell (self->line, self->cell++) : NULL;
    if (!text || !text [0])
        text = "-";
    if (!cell || term_escape (text, strlen (text), &safe) || scols_cell_set_data (cell, safe.data)
        || (color && scols_cell_set_color (cell, color)))
        self->failed = true;
}

void
table_number (table_t *self, int64_t number)
{
    char text [24];
    snprintf (text, sizeof (text), "%" PRId64, number);
    table_text (self, text, NULL);
}

//  --- printing

static size_t
s_width (const char *text, size_t size, size_t *ret_length)
{
    uint32_t code = 0;
    *ret_length = utf8_next (text, size, &code);
    const int width = *ret_length ? wcwidth ((wchar_t) code) : 1;
    *ret_length += *ret_length == 0;
    return width < 0 ? 1 : (size_t) width;
}

//  Mark the end of a text that is wider than its column, so that it is not read as complete.
static int
s_mark (struct libscols_cell *cell, size_t width)
{
    const char *text = cell ? scols_cell_get_data (cell) : NULL;
    const size_t size = text ? strlen (text) : 0;
    size_t length = 0, used = 0, kept = 0;
    for (size_t at = 0; at < size; at += length) {
        used += s_width (text + at, size - at, &length);
        if (used < width) //  there is room for the mark
            kept = at + length;
    }
    if (used <= width || width < 2)
        return 0;
    own (buf_fini) buf_t cut = buf_init (LIMIT_KIB (64));
    buf_append (&cut, text, kept);
    buf_text (&cut, "\xE2\x80\xA6");
    return cut.failed ? -ENOMEM : scols_cell_set_data (cell, cut.data);
}

//  libsmartcols wraps at any character: blanks make each line of a wrapped text end with a word.
static int
s_wrap (struct libscols_cell *cell, size_t width)
{
    const char *text = cell ? scols_cell_get_data (cell) : NULL;
    own (buf_fini) buf_t padded = buf_init (LIMIT_KIB (256));
    size_t column = 0, length = 0;
    if (!text || width == 0)
        return 0;
    for (const char *word = text; *word;) {
        const size_t size = strcspn (word, " ");
        size_t wide = 0;
        for (size_t at = 0; at < size; at += length)
            wide += s_width (word + at, size - at, &length);
        const bool fits = column == 0 || column + 1 + wide <= width;
        const size_t gap = column == 0 ? 0 : fits ? 1 : width - column;
        (void) buf_printf (&padded, "%*s%.*s", (int) gap, "", (int) size, word);
        column = (fits ? column + gap : 0) + wide;
        while (column > width) //  a word that no line can hold
            column -= width;
        word += size + (word [size] == ' ');
    }
    return padded.failed ? -ENOMEM : scols_cell_set_data (cell, padded.data);
}

//  Each line of a column that is wrapped; its width is as drawn from now on.
static int
s_wrap_column (table_t *self, struct libscols_column *column, size_t n)
{
    const size_t width = scols_column_get_width (column);
    int rc = scols_column_set_whint (column, (double) width);
    rc = rc ? rc : scols_column_set_flags (column, SCOLS_FL_WRAP | SCOLS_FL_STRICTWIDTH);
    for (size_t i = 0; rc == 0 && i < scols_table_get_nlines (self->table); i++)
        rc = s_wrap (scols_line_get_cell (scols_table_get_line (self->table, i), n), width);
    return rc;
}

//  libsmartcols cuts silently, and its column widths are known only after it has drawn them.
static int
s_fit (table_t *self)
{
    own (own_mem) char *drawn = NULL;
    int rc = scols_print_table_to_string (self->table, &drawn);
    for (size_t n = 0; rc == 0 && n < scols_table_get_ncols (self->table); n++) {
        struct libscols_column *column = scols_table_get_column (self->table, n);
        for (size_t i = 0; rc == 0 && i < scols_table_get_nlines (self->table); i++)
            if (scols_column_get_flags (column) & SCOLS_FL_TRUNC)
                rc = s_mark (scols_line_get_cell (scols_table_get_line (self->table, i), n),
                             scols_column_get_width (column));
        if (rc == 0 && scols_column_get_flags (column) & SCOLS_FL_WRAP)
            rc = s_wrap_column (self, column, n);
    }
    return rc;
}

int
table_print (table_t *self)
{
    if (self->failed || (isatty (1) && MB_CUR_MAX > 1 && s_fit (self))
        || scols_print_table (self->table))
        return -ENOMEM;
    return 0;
}
