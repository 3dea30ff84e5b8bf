//  redact - find and overwrite.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/redact.h"

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

static size_t
s_one (const char *secret, size_t secret_size, char *bytes, size_t size)
{
    size_t found = 0;
    char *at = bytes;
    while ((at = memmem (at, size - (size_t) (at - bytes), secret, secret_size))) {
        memset (at, '*', secret_size);
        at += secret_size;
        found++;
    }
    return found;
}

size_t
redact (const redact_t *self, char *bytes, size_t size)
{
    size_t found = 0;
    for (size_t i = 0; i < self->count; i++)
        found += s_one (self->items [i], self->sizes [i], bytes, size);
    return found;
}
