//  redact - overwrites secrets of an agent's environment in its files.
//
//  Ensures: a secret is found in these forms:
//   - plain;
//   - with escapes of JSON or a URL, nested to any depth: \" \/ \n \u0041 \x41 %41 %2541;
//   - in base64 of either alphabet, also in the middle of other bytes.  A few bits at its ends
//     may remain, because they share a character with its neighbours;
//   - in escapes or base64 that are broken by line ends;
//   - a secret of several lines by each line of REDACT_LINE_BYTES or more.
//  A reversed, encrypted or spelt-out secret is not found.  Only a key that an agent never gets is
//  safe from it.
//
//  Time: linear in the bytes, plus one more pass for each long secret that may be among them.
//  Threads: any, one at a time.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REDACT_MIN_BYTES = 8,   //  a shorter secret may be a word that reports need
    REDACT_LINE_BYTES = 16, //  likewise for a line
    REDACT_LINES = 2048     //  of all secrets together; further lines are not searched for singly
};

//  One form of a secret.
typedef struct {
    char *bytes;
    //  Of a long word, for each prefix: the length of its longest proper suffix that is a prefix
    //  as well (Knuth, Morris and Pratt).  NULL for a short one.
    uint32_t *back;
    size_t size;
    uint32_t next; //  the next word with the same hash of its start, counted from 1; 0 = none
    bool plain;    //  compared with the bytes themselves; else with the decoded bytes
} redact_word_t;

//  A set of secrets.  Own: its words are copies; redact_fini wipes them.
typedef struct {
    redact_word_t *words;
    uint32_t *heads; //  by hash of a word's start: the newest word, counted from 1
    size_t count, room;
    size_t lines, lines_left; //  searched for singly, and over the limit
    int failed;               //  0; -ENOMEM: a secret is missing, so every redact fails
} redact_t;

void
redact_fini (redact_t *self);
//  Add a secret and its lines.  False: it is too short (or too long) to be searched for.
bool
redact_add (redact_t *self, const char *secret, size_t size);
//  Overwrite each copy of a secret with asterisks, in place.  Copies may overlap.
//  The start of a secret at the end of the bytes is overwritten too.  cut: the bytes were cut from
//  a longer text, so the end of a secret at their start is overwritten as well.
//  Returns the number of pieces overwritten.  Err: -ENOMEM: the bytes are unchanged.
int
redact (const redact_t *self, char *bytes, size_t size, bool cut);
