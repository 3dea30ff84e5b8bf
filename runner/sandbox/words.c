//  SPDX-License-Identifier: Apache-2.0
#include "runner/sandbox/words.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
words_fini (words_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        explicit_bzero (self->items [i], strlen (self->items [i]));
        free (self->items [i]);
    }
    *self = (words_t){0};
}

void
words_add (words_t *self, const char *format, ...)
{
    if (self->count >= WORDS_COUNT) {
        self->failed = ERR_LIMIT;
        return;
    }
    char *text = NULL;
    va_list args;
    va_start (args, format);
    int size = vasprintf (&text, format, args);
    va_end (args);
    if (size < 0) {
        self->failed = -ENOMEM;
        return;
    }
    self->items [self->count++] = text;
}

void
words_flag (words_t *self, const char *flag, const char *value)
{
    words_add (self, "%s", flag);
    words_add (self, "%s", value);
}

void
words_number (words_t *self, const char *flag, long long value)
{
    words_add (self, "%s", flag);
    words_add (self, "%lld", value);
}
