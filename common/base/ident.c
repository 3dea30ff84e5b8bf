//  ident - UUIDv7 identifiers as text.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/ident.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define IDENT_MS_MASK ((UINT64_C (1) << 48) - 1)
#define IDENT_LOW_MASK ((UINT64_C (1) << 62) - 1)

//  The parts of a UUIDv7 by significance; ids sort as text in the same order.
typedef struct {
    uint64_t ms;   //  48 bits
    uint64_t high; //  rand_a, 12 bits
    uint64_t low;  //  rand_b, 62 bits
} parts_t;

//  The last id of this process: RFC 9562 6.2 method 2 needs it to stay monotonic.
static pthread_mutex_t s_lock = PTHREAD_MUTEX_INITIALIZER;
static parts_t s_last;

static void
s_random (void *bytes, size_t size)
{
    ssize_t count = 0;
    do {
        count = getrandom (bytes, size, 0);
    } while (count < 0 && errno == EINTR);
    //  getrandom returns up to 256 bytes at once when its pool is ready.  Nothing is safe without
    //  randomness.
    assert (count == (ssize_t) size);
}

static parts_t
s_parts (int64_t wall_ms, const uint8_t random [10])
{
    parts_t parts = {.ms = wall_ms < 0 ? 0 : (uint64_t) wall_ms & IDENT_MS_MASK,
                     .high = (uint64_t) (random [0] & 15) << 8 | random [1]};
    for (size_t i = 2; i < 10; i++)
        parts.low = parts.low << 8 | random [i];
    parts.low &= IDENT_LOW_MASK;
    return parts;
}

static ident_t
s_format (const parts_t *parts)
{
    ident_t id;
    uint64_t variant = parts->low | UINT64_C (1) << 63;
    (void) snprintf (id.text, sizeof (id.text), "%08x-%04x-7%03x-%04x-%04x%08x",
                     (unsigned) (parts->ms >> 16), (unsigned) (parts->ms & 0xffff),
                     (unsigned) parts->high & 0xfff, (unsigned) (variant >> 48),
                     (unsigned) (variant >> 32) & 0xffff, (unsigned) (variant & 0xffffffff));
    return id;
}

static bool
s_after (const parts_t *a, const parts_t *b)
{
    if (a->ms != b->ms)
        return a->ms > b->ms;
    return a->high != b->high ? a->high > b->high : a->low > b->low;
}

static parts_t
s_successor (const parts_t *last)
{
    parts_t next = *last;
    next.low = (next.low + 1) & IDENT_LOW_MASK;
    if (next.low == 0)
        next.high = (next.high + 1) & 0xfff;
    if (next.low == 0 && next.high == 0)
        next.ms = (next.ms + 1) & IDENT_MS_MASK;
    return next;
}

ident_t
ident_new (int64_t wall_ms)
{
    uint8_t random [10];
    s_random (random, sizeof (random));
    parts_t parts = s_parts (wall_ms, random);
    (void) pthread_mutex_lock (&s_lock);
    //  The same millisecond with smaller random bits, or the wall clock was set back.
    if (!s_after (&parts, &s_last))
        parts = s_successor (&s_last);
    s_last = parts;
    (void) pthread_mutex_unlock (&s_lock);
    return s_format (&parts);
}

ident_t
ident_make (int64_t wall_ms, const uint8_t random [10])
{
    parts_t parts = s_parts (wall_ms, random);
    return s_format (&parts);
}

bool
ident_valid (const char *text)
{
    if (!text || strnlen (text, IDENT_SIZE) != IDENT_SIZE - 1)
        return false;
    for (size_t i = 0; i < IDENT_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool hex = (text [i] >= '0' && text [i] <= '9') || (text [i] >= 'a' && text [i] <= 'f');
        if (dash ? text [i] != '-' : !hex)
            return false;
    }
    return true;
}

uint64_t
ident_random64 (void)
{
    uint64_t value = 0;
    while (value == 0)
        s_random (&value, sizeof (value));
    return value;
}
