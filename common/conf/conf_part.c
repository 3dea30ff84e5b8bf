//  conf_part - memory, errors and names, used by all parts of conf.
//  SPDX-License-Identifier: Apache-2.0
#include "common/conf/conf_part.h"

#include "common/base/limits.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conf_block {
    conf_block_t *next;
    size_t size;
    _Alignas(16) char bytes [];
};

//  --- memory

void *
conf_alloc (conf_t *self, size_t size)
{
    conf_block_t *block = calloc (1, sizeof (conf_block_t) + size);
    if (!block)
        abort (); //  at start-up or reload of a file of at most 1 MiB: cannot continue
    block->size = size;
    block->next = self->blocks;
    self->blocks = block;
    return block->bytes;
}

void *
conf_memory (conf_t *self, size_t size)
{
    return conf_alloc (self, size);
}

char *
conf_copy (conf_t *self, const char *text, size_t size)
{
    char *copy = conf_alloc (self, size + 1);
    memcpy (copy, text, size);
    return copy;
}

void
conf_destroy (conf_t **self_p)
{
    assert (self_p);
    conf_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (atomic_fetch_sub (&self->owners, 1) > 1)
        return;
    while (self->blocks) {
        conf_block_t *block = self->blocks;
        self->blocks = block->next;
        explicit_bzero (block->bytes, block->size);
        free (block);
    }
    free (self);
}

conf_t *
conf_share (conf_t *self)
{
    assert (self);
    atomic_fetch_add (&self->owners, 1);
    return self;
}

//  --- errors

void
conf_error (conf_errors_t *errors, const char *where, const char *format, ...)
{
    errors->count++;
    if (errors->count > LIMIT_CONFIG_ERRORS)
        return;
    char place [CONF_WHERE], text [1024]; //  keys and values come from outside
    va_list args;
    va_start (args, format);
    (void) vsnprintf (text, sizeof (text), format, args);
    va_end (args);
    (void) snprintf (place, sizeof (place), "%s", where);
    utf8_clean (place);
    utf8_clean (text);
    (void) buf_printf (&errors->text, "%s: %s\n", place, text);
    if (errors->count == LIMIT_CONFIG_ERRORS)
        (void) buf_text (&errors->text, "more errors are not shown\n");
}

bool
conf_errors_full (const conf_errors_t *errors)
{
    return errors->count >= LIMIT_CONFIG_ERRORS;
}

conf_errors_t
conf_errors_init (void)
{
    return (conf_errors_t){.text = buf_init (LIMIT_CONFIG_BYTES)};
}

//  --- names of rows

static size_t
s_min (size_t a, size_t b)
{
    return a < b ? a : b;
}

//  Levenshtein distance of two short names; SIZE_MAX when one is too long to be an option.
static size_t
s_distance (const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t size_a = strlen (a), size_b = strlen (b);
    if (size_a > LONGEST || size_b > LONGEST)
        return SIZE_MAX;
    size_t row [LONGEST + 1];
    for (size_t j = 0; j <= size_b; j++)
        row [j] = j;
    for (size_t i = 1; i <= size_a; i++) {
        size_t diagonal = row [0];
        row [0] = i;
        for (size_t j = 1; j <= size_b; j++) {
            size_t above = row [j];
            size_t change = diagonal + (a [i - 1] != b [j - 1]);
            row [j] = s_min (change, s_min (above, row [j - 1]) + 1);
            diagonal = above;
        }
    }
    return row [size_b];
}

void
conf_nearest (const char *name, const char *candidate, const char **best_p, size_t *distance_p)
{
    size_t distance = s_distance (name, candidate);
    size_t allowed = strlen (candidate) / 3 + 1;
    if (distance > allowed || (*best_p && distance >= *distance_p))
        return;
    *best_p = candidate;
    *distance_p = distance;
}

size_t
conf_row_count (const conf_option_t *rows)
{
    size_t count = 0;
    while (rows [count].key)
        count++;
    return count;
}

void
conf_flag_name (const char *key, char *ret_flag, size_t size)
{
    (void) snprintf (ret_flag, size, "%s", key);
    for (char *p = ret_flag; *p; p++) {
        if (*p == '_' || *p == '.')
            *p = '-';
    }
}
