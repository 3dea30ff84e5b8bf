//  redact - what was secret in an agent's environment does not leave in its files.
//
//  A secret is found as it is, and as JSON, a URL or base64 write it: with escapes of any depth (\"
//  \/ \n \u0041 \x41 %41 %2541), in base64 of either alphabet wherever it stands among other bytes,
//  and with line ends inside it.  Of one in base64 a few bits at its ends may stay, for they share
//  a character with its neighbours.  A secret of several lines, such as a private key, is also
//  found by each line of REDACT_LINE_BYTES or more.  What is reversed, enciphered or spelt out
//  is not found: only a key that an agent was never given is safe from it.
//
//  Takes time in proportion to the bytes, and once more for each long secret that may be among
//  them.  Any thread, one at a time.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REDACT_MIN_BYTES = 8,   //  anything shorter is a word that reports may need
    REDACT_LINE_BYTES = 16, //  the same of a line
    REDACT_LINES = 2048     //  of all secrets; the lines of what is added later are not looked for
};

//  One writing of a secret.
typedef struct {
    char *bytes;
    //  a long one, of each prefix: how long its longest own end is that it begins with; else NULL
    uint32_t *back;
    size_t size;
    uint32_t next; //  the next one that begins with the same hash, counted from 1; 0 = none
    bool plain;    //  compared with bytes as they are, else with what they stand for
} redact_word_t;

//  Own: its words are copies; redact_fini wipes them.
typedef struct {
    redact_word_t *words;
    uint32_t *heads; //  by hash of how words begin: the newest, counted from 1
    size_t count, room;
    size_t lines, lines_left; //  that are looked for singly, and that are not
    int failed;               //  0 or -ENOMEM: a secret is missing, and redact says so each time
} redact_t;

void
redact_fini (redact_t *self);
//  One more secret, and its lines.  Returns false when it is too short to be looked for.
bool
redact_add (redact_t *self, const char *secret, size_t size);
//  Overwrite each copy of a secret with asterisks, in place, also where copies overlap;
//  what a secret begins with too, at the end of the bytes.  cut: something stood before the bytes,
//  so they may begin with the end of a secret.
//  Returns how many pieces were overwritten.  Err: -ENOMEM, the bytes are as they were.
int
redact (const redact_t *self, char *bytes, size_t size, bool cut);
