//  known - the request of a run whose tokens were counted last, as a better bound for the next one.
//
//  Requests of one conversation repeat most of their bytes.  Bytes at the beginning and at the end
//  that both requests have are no more tokens than all of the counted one.
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"

#include <stddef.h>
#include <stdint.h>

enum { KNOWN_BODY_BYTES = 1024 * 1024 }; //  a longer request is not kept

typedef struct {
    buf_t body;     //  failed or empty: nothing is known
    int64_t tokens; //  of all of it
} known_t;

//  Own: embedded; init, then fini.
known_t
known_init (void);
void
known_fini (known_t *self);
//  Its tokens were counted.  Own: takes the contents of body, which is then empty.
void
known_learn (known_t *self, buf_t *body, int64_t tokens);
//  Tokens that a request has at most; never more than `bound`.
int64_t
known_bound (const known_t *self, const char *body, size_t size, int64_t bound);
