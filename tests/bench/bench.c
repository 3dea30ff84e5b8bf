//  bench - a clock, samples, an end.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int64_t
bench_now_us (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
bench_samples_init (bench_samples_t *self, size_t room)
{
    *self = (bench_samples_t){.room = room, .values = calloc (room ? room : 1, sizeof (int64_t))};
    if (!self->values)
        bench_die ("out of memory");
}

void
bench_samples_fini (bench_samples_t *self)
{
    free (self->values);
    self->values = NULL;
}

void
bench_samples_add (bench_samples_t *self, int64_t value)
{
    if (self->count < self->room)
        self->values [self->count++] = value;
}

static int
s_compare (const void *a, const void *b)
{
    const int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;
    return (x > y) - (x < y);
}

int64_t
bench_samples_at (bench_samples_t *self, int per_mille)
{
    if (self->count == 0)
        return -1;
    qsort (self->values, self->count, sizeof *self->values, s_compare);
    return self->values [(self->count - 1) * (size_t) per_mille / 1000];
}

void
bench_die (const char *format, ...)
{
    va_list args;
    va_start (args, format);
    vfprintf (stderr, format, args);
    va_end (args);
    fputc ('\n', stderr);
    exit (1);
}
