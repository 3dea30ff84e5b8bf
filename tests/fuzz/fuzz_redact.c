//  fuzz_redact - secrets in an agent's files.
//
//  Input: secrets, each up to the byte 0x1E; the last part is the file.
//  Holds: of every copy of every secret, overlapping or not, no byte is left; every other byte is as it was;
//  what was found is found no more.
//  SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz.h"

#include "common/base/own.h"
#include "worker/redact.h"

#include <stdbool.h>
#include <string.h>

//  Does a copy of one of the secrets cover bytes [at]?
static bool
s_covered (const redact_t *secrets, const char *bytes, size_t size, size_t at)
{
    for (size_t i = 0; i < secrets->count; i++) {
        size_t length = secrets->sizes [i];
        size_t from = at + 1 > length ? at + 1 - length : 0;
        for (; from <= at && from + length <= size; from++)
            if (memcmp (bytes + from, secrets->items [i], length) == 0)
                return true;
    }
    return false;
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    char *texts [REDACT_SECRETS];
    size_t count = 0;
    redact_t secrets = {.count = 0};
    const uint8_t *end = size ? memchr (data, FUZZ_STEP_END, size) : NULL;
    for (; end && count < REDACT_SECRETS; end = size ? memchr (data, FUZZ_STEP_END, size) : NULL) {
        size_t length = (size_t) (end - data);
        texts [count] = strndup ((const char *) data, length);
        redact_add (&secrets, texts [count++]);
        data += length + 1;
        size -= length + 1;
    }
    own (own_mem) char *bytes = malloc (size + 1);
    assert (bytes);
    memcpy (bytes, data, size);
    size_t found = redact (&secrets, bytes, size), covered = 0;
    for (size_t at = 0; at < size; at++) {
        bool hit = s_covered (&secrets, (const char *) data, size, at);
        assert (bytes [at] == (hit ? '*' : (char) data [at]));
        covered += hit;
    }
    assert ((found > 0) == (covered > 0) && found <= covered);
    for (size_t i = 0; i < count; i++)
        free (texts [i]);
    return 0;
}
