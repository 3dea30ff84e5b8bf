//  fuzz - what the fuzz targets share.
//
//  A target is one function over bytes; assert() in it states what must hold for all of them.
//  libFuzzer calls it with ever new inputs, replay.c with those that are kept in corpus/<target>.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

//  A row of numbers that depends on the input alone, so that a replay makes the same cuts.
typedef struct {
    uint64_t state;
} fuzz_chance_t;

static inline fuzz_chance_t
fuzz_chance (const uint8_t *data, size_t size)
{
    uint64_t state = 0xcbf29ce484222325; //  FNV-1a
    for (size_t i = 0; i < size; i++)
        state = (state ^ data [i]) * 0x100000001b3;
    return (fuzz_chance_t){state | 1};
}

//  A number from 0 to below - 1.
static inline size_t
fuzz_below (fuzz_chance_t *self, size_t below)
{
    self->state ^= self->state << 13;
    self->state ^= self->state >> 7;
    self->state ^= self->state << 17;
    return (size_t) (self->state % below);
}

//  How a stream of bytes is cut into pieces: the next piece of what is left.
typedef enum { FUZZ_WHOLE, FUZZ_BYTES, FUZZ_PIECES, FUZZ_CUTS } fuzz_cut_t;

static inline size_t
fuzz_piece (fuzz_cut_t cut, fuzz_chance_t *chance, size_t left)
{
    if (cut == FUZZ_WHOLE || left == 0)
        return left;
    size_t piece = cut == FUZZ_BYTES ? 1 : 1 + fuzz_below (chance, 16);
    return piece < left ? piece : left;
}

//  A script of steps: each a letter and its text, up to the byte FUZZ_STEP_END.
enum { FUZZ_STEP_END = 0x1E, FUZZ_STEPS = 200 };
typedef void (fuzz_step_fn) (void *arg, char letter, const char *text, size_t size);

//  Take at most FUZZ_STEPS steps; a text is ended by a NUL that its size does not count.
static inline void
fuzz_steps (const uint8_t *data, size_t size, fuzz_step_fn *fn, void *arg)
{
    for (int steps = 0; size > 0 && steps < FUZZ_STEPS; steps++) {
        const uint8_t *end = memchr (data, FUZZ_STEP_END, size);
        size_t length = end ? (size_t) (end - data) : size;
        char *text = calloc (1, length + 1);
        assert (text);
        if (length > 0) {
            memcpy (text, data + 1, length - 1);
            fn (arg, (char) data [0], text, length - 1);
        }
        free (text);
        length += end != NULL;
        data += length;
        size -= length;
    }
}

//  The number at the front of a text, at most max.
static inline int64_t
fuzz_number (const char *text, int64_t max)
{
    int64_t value = 0;
    for (; *text >= '0' && *text <= '9' && value < max; text++)
        value = value * 10 + (*text - '0');
    return value < max ? value : max;
}
