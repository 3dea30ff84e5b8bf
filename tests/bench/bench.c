//  bench - a clock, samples, events, an end.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/bench/bench.h"

#include <inttypes.h>
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

//  A fault as the event server sends it, with its own condition for each number.
static const char s_fault [] =
    "{\"faultId\":\"fault-%s-%" PRId64 "\",\"subscriptionId\":\"sub-1a2b3c4d\",\"cluster\":\"c%d\","
    "\"resource\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"checkout-%" PRId64 "\","
    "\"namespace\":\"shop\",\"uid\":\"7f9c24e5-2b1a-4c6d-9e3f-0a1b2c3d4e5f\"},"
    "\"faultType\":\"CrashLoop\",\"severity\":\"critical\",\"timestamp\":\"2026-01-15T12:34:56Z\","
    "\"context\":\"Container checkout in pod is crash looping: back-off 5m0s restarting failed "
    "container. Last state: terminated, exit code 137, reason OOMKilled. Limits: memory 256Mi.\"}";

size_t
bench_event (const char *run, int64_t number, char ret_body [BENCH_EVENT_BYTES])
{
    return (size_t) snprintf (ret_body, BENCH_EVENT_BYTES, s_fault, run, number,
                              (int) (number % 10), number);
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
