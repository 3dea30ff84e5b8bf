//  redact - find and overwrite, in one pass.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/redact.h"

#include <stdint.h>
#include <string.h>

void
redact_add (redact_t *self, const char *secret)
{
    size_t size = secret ? strlen (secret) : 0;
    if (size < REDACT_MIN_BYTES || self->count == REDACT_SECRETS)
        return;
    self->items [self->count] = secret;
    self->sizes [self->count++] = size;
}

_Static_assert(REDACT_SECRETS <= 64, "a bit each in a mask of 64");

//  End of the longest copy that begins at `at`, `at` when none does.  may: bit i for each secret i that
//  begins with this byte.
static size_t
s_copy_end (const redact_t *self, uint64_t may, const char *bytes, size_t size, size_t at)
{
    size_t end = at;
    for (size_t i = 0; may; i++, may >>= 1) {
        size_t length = self->sizes [i];
        if ((may & 1) && length <= size - at && at + length > end
            && memcmp (bytes + at, self->items [i], length) == 0)
            end = at + length;
    }
    return end;
}

size_t
redact (const redact_t *self, char *bytes, size_t size)
{
    uint64_t first [256] = {0};
    for (size_t i = 0; i < self->count; i++)
        first [(unsigned char) self->items [i][0]] |= UINT64_C (1) << i;
    //  A byte is overwritten only when everything before and at it was compared: copies may overlap.
    size_t found = 0, until = 0;
    for (size_t at = 0; at < size; at++) {
        uint64_t may = first [(unsigned char) bytes [at]];
        size_t end = may ? s_copy_end (self, may, bytes, size, at) : at;
        found += end > at;
        until = end > until ? end : until;
        if (at < until)
            bytes [at] = '*';
    }
    return found;
}
