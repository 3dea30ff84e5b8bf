//  known - the request of a run whose tokens were counted last, as a better bound for the next one.
//
//  Requests of one conversation repeat most of their bytes.  Text at the beginning and at the end
//  that both have is no more tokens than all of the counted one, for the same model.  Bytes of it
//  that were not counted as text (a picture, a tool) may be text in the next one: each is a token.
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "worker/gateway/ask.h"

#include <stddef.h>
#include <stdint.h>

enum { KNOWN_BODY_BYTES = 1024 * 1024 }; //  a longer request is not kept

typedef struct {
    buf_t body; //  failed or empty: nothing is known
    char model [ASK_MODEL];
    int64_t tokens; //  of all of it, and those that its other bytes may become
} known_t;

//  Own: embedded; init, then fini.
known_t
known_init (void);
void
known_fini (known_t *self);
//  Its tokens were counted.  Own: takes the contents of body, which is then empty.
void
known_learn (known_t *self, buf_t *body, const ask_t *ask, int64_t tokens);
//  Tokens that a request has at most; never more than its own bound.
int64_t
known_bound (const known_t *self, const char *body, size_t size, const ask_t *ask);
