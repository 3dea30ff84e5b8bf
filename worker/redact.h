//  redact - what was secret in an agent's environment does not leave in its files.
//
//  Exact copies only: an agent that encodes a key gets it out all the same, and only a key that it was never
//  given is safe from it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>

enum {
    REDACT_SECRETS = 64, //  bits of a mask in redact.c
    REDACT_MIN_BYTES = 8 //  anything shorter is a word that reports may need
};

//  Own: borrows the texts.
typedef struct {
    const char *items [REDACT_SECRETS];
    size_t sizes [REDACT_SECRETS];
    size_t count;
} redact_t;

//  One more secret; short ones, and NULL, are none.
void
redact_add (redact_t *self, const char *secret);
//  Replace each copy of a secret by asterisks, in place, also where copies overlap.  Returns how many
//  there were.
size_t
redact (const redact_t *self, char *bytes, size_t size);
