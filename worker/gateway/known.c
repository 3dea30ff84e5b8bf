//  SPDX-License-Identifier: Apache-2.0
#include "worker/gateway/known.h"

#include <string.h>

enum { S_BORDER_TOKENS = 64 }; //  where two texts meet, tokens are cut otherwise

known_t
known_init (void)
{
    return (known_t){.body = buf_init (KNOWN_BODY_BYTES)};
}

void
known_fini (known_t *self)
{
    buf_fini (&self->body);
}

void
known_learn (known_t *self, buf_t *body, const ask_t *ask, int64_t tokens)
{
    if (body->size > KNOWN_BODY_BYTES || body->size == 0 || tokens < 0)
        return;
    buf_fini (&self->body);
    self->body = *body;
    self->tokens = tokens + (int64_t) body->size - ask->text;
    memcpy (self->model, ask->model, sizeof self->model);
    *body = buf_init (1);
}

int64_t
known_bound (const known_t *self, const char *body, size_t size, const ask_t *ask)
{
    const int64_t bound = ask->bound.input;
    const char *old = self->body.data;
    const size_t old_size = self->body.size, least = size < old_size ? size : old_size;
    size_t front = 0, back = 0;
    while (front < least && body [front] == old [front])
        front++;
    while (back < least - front && body [size - 1 - back] == old [old_size - 1 - back])
        back++;
    if (front + back == 0 || strcmp (self->model, ask->model) != 0)
        return bound;
    const int64_t better = self->tokens + S_BORDER_TOKENS + (int64_t) (size - front - back);
    return better < bound ? better : bound;
}
