//  ident - UUIDv7 identifiers as text: incidents, events, keyless workers.
//  Src: RFC 9562 section 5.7 (48 bits of unix ms, 74 random bits; monotonic within one process).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IDENT_SIZE = 37 }; //  36 characters and the NUL

//  A plain value: copy it, compare with strcmp.
typedef struct {
    char text [IDENT_SIZE];
} ident_t;

//  Make an id for wall_ms; randomness comes from getrandom(2).
ident_t
ident_new (int64_t wall_ms);
//  As ident_new, from 10 given bytes, for simulators and golden files.
ident_t
ident_make (int64_t wall_ms, const uint8_t random [10]);
//  Is it a canonical lower-case UUID of any version?  No other text may become a path component.
bool
ident_valid (const char *text);
//  64 random bits from getrandom(2), never 0; used for sessions.
uint64_t
ident_random64 (void);
