//  A hash finds the places where a word may begin.  A short word is compared there; a long one is
//  searched for with the algorithm of Knuth, Morris and Pratt.
//  SPDX-License-Identifier: Apache-2.0
#include "worker/keeper/redact.h"

#include "common/base/own.h"
#include "worker/keeper/redact_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    REDACT_SHIFTS = 3,     //  positions of a byte in a group of base64
    REDACT_HASH_BITS = 14, //  of a word's first bytes
    REDACT_SHORT = 128     //  longest word that is compared at each place
};

void
redact_fini (redact_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        explicit_bzero (self->words [i].bytes, self->words [i].size);
        free (self->words [i].bytes);
        free (self->words [i].back);
    }
    free (self->words);
    free (self->heads);
    *self = (redact_t){0};
}

//  --- words

static uint32_t
s_hash (const char *bytes)
{
    uint64_t start;
    memcpy (&start, bytes, sizeof start);
    return (uint32_t) (start * UINT64_C (0x9e3779b97f4a7c15) >> (64 - REDACT_HASH_BITS));
}

static bool
s_known (const redact_t *self, const char *bytes, size_t size, bool plain)
{
    for (uint32_t i = self->heads ? self->heads [s_hash (bytes)] : 0; i > 0;) {
        const redact_word_t *word = &self->words [i - 1];
        if (word->plain == plain && word->size == size && memcmp (word->bytes, bytes, size) == 0)
            return true;
        i = word->next;
    }
    return false;
}

static uint32_t *
s_back (const char *bytes, size_t size)
{
    uint32_t *back = malloc (size * sizeof *back);
    if (!back)
        return NULL;
    back [0] = 0;
    for (size_t i = 1; i < size; i++) {
        uint32_t k = back [i - 1];
        while (k > 0 && bytes [k] != bytes [i])
            k = back [k - 1];
        back [i] = k + (bytes [k] == bytes [i]);
    }
    return back;
}

static bool
s_grow (redact_t *self)
{
    if (!self->heads)
        self->heads = calloc (1 << REDACT_HASH_BITS, sizeof *self->heads);
    if (!self->heads)
        return false;
    if (self->count < self->room)
        return true;
    size_t room = self->room ? 2 * self->room : 32;
    redact_word_t *words = realloc (self->words, room * sizeof *words);
    if (!words)
        return false;
    self->words = words;
    self->room = room;
    return true;
}

//  Add one form of a secret.  Own: copies bytes.
static void
s_word (redact_t *self, const char *bytes, size_t size, bool plain)
{
    if (size < REDACT_MIN_BYTES || s_known (self, bytes, size, plain))
        return;
    const bool is_long = size > REDACT_SHORT;
    redact_word_t word = {.bytes = malloc (size),
                          .back = is_long ? s_back (bytes, size) : NULL,
                          .size = size,
                          .plain = plain};
    if (!word.bytes || (is_long && !word.back) || !s_grow (self)) {
        free (word.bytes);
        free (word.back);
        self->failed = -ENOMEM;
        return;
    }
    memcpy (word.bytes, bytes, size);
    uint32_t *head = &self->heads [s_hash (bytes)];
    word.next = *head;
    self->words [self->count++] = word;
    *head = (uint32_t) self->count;
}

//  Add all forms of a secret.
static void
s_writings (redact_t *self, const char *secret, size_t size)
{
    size_t room = 2 * size + 4;
    own (own_mem) char *text = malloc (room);
    if (!text) {
        self->failed = -ENOMEM;
        return;
    }
    s_word (self, secret, size, true);
    s_word (self, text, redact_text (secret, size, text), false);
    for (size_t shift = 0; shift < REDACT_SHIFTS; shift++)
        s_word (self, text, redact_text_base64 (secret, size, shift, text), false);
    explicit_bzero (text, room);
}

//  The bytes of the first line; it ends with a line feed or its JSON escape \n.
static size_t
s_line (const char *bytes, size_t size, size_t *ret_end)
{
    size_t length = 0;
    while (length < size && bytes [length] != '\n'
           && !(bytes [length] == '\\' && length + 1 < size && bytes [length + 1] == 'n'))
        length++;
    *ret_end = length < size && bytes [length] == '\\' ? length + 2 : length + 1;
    return length;
}

static void
s_lines (redact_t *self, const char *secret, size_t size)
{
    static const char begin [] = "-----BEGIN ", end [] = "-----END ", blank [] = " \t\r";
    for (size_t at = 0, next = 0; at < size; at += next) {
        const char *line = secret + at;
        size_t length = s_line (line, size - at, &next);
        for (; length > 0 && memchr (blank, line [0], sizeof blank - 1); length--)
            line++;
        while (length > 0 && memchr (blank, line [length - 1], sizeof blank - 1))
            length--;
        if (length < REDACT_LINE_BYTES || length == size
            || memcmp (line, begin, sizeof begin - 1) == 0
            || memcmp (line, end, sizeof end - 1) == 0)
            continue;
        if (self->lines == REDACT_LINES) {
            self->lines_left++;
            continue;
        }
        self->lines++;
        s_writings (self, line, length);
    }
}

bool
redact_add (redact_t *self, const char *secret, size_t size)
{
    if (size < REDACT_MIN_BYTES || size > UINT32_MAX / 4)
        return false;
    s_writings (self, secret, size);
    s_lines (self, secret, size);
    return true;
}

//  --- the search

//  The bytes to search, and a mark for each.
typedef struct {
    const char *bytes;
    size_t size;
    char *marks;
    bool cut; //  the bytes may begin with the end of a word
} place_t;

//  Test whether a word begins at `at`.  Mark a short one, or the part of it that the bytes still
//  hold.  Of a long one only set *ret_may.
static void
s_look_at (const redact_word_t *word, const place_t *place, size_t at, char *ret_may)
{
    const size_t left = place->size - at, size = word->size < left ? word->size : left;
    if (memcmp (word->bytes, place->bytes + at, word->back ? REDACT_MIN_BYTES : size) != 0)
        return;
    if (word->back)
        *ret_may = 1;
    else
        memset (place->marks + at, 1, size);
}

//  Mark the short words, and set ret_may for each long one whose start occurs.
//  ret_may has a byte for each word.
static void
s_begin (const redact_t *self, const place_t *place, bool plain, char *ret_may)
{
    memset (ret_may, 0, self->count);
    for (size_t at = 0; at + REDACT_MIN_BYTES <= place->size; at++)
        for (uint32_t i = self->heads [s_hash (place->bytes + at)]; i > 0;) {
            const redact_word_t *word = &self->words [i - 1];
            if (word->plain == plain)
                s_look_at (word, place, at, &ret_may [i - 1]);
            i = word->next;
        }
}

//  Mark every copy of a word, and its longest prefix that the bytes end with.
static void
s_find (const redact_word_t *word, const place_t *place)
{
    size_t have = 0, until = 0;
    for (size_t at = 0; at < place->size; at++) {
        if (have == 0) {
            const char *first = memchr (place->bytes + at, word->bytes [0], place->size - at);
            if (!first)
                return;
            at = (size_t) (first - place->bytes);
        }
        while (have > 0 && (have == word->size || word->bytes [have] != place->bytes [at]))
            have = word->back [have - 1];
        have += word->bytes [have] == place->bytes [at];
        if (have == word->size || (at + 1 == place->size && have >= REDACT_MIN_BYTES)) {
            size_t from = at + 1 - have;
            from = from > until ? from : until;
            memset (place->marks + from, 1, at + 1 - from);
            until = at + 1;
        }
    }
}

//  Mark the longest proper suffix of a word that the bytes begin with.
static void
s_find_end (const redact_word_t *word, const place_t *place)
{
    for (size_t from = 1; from + REDACT_MIN_BYTES <= word->size; from++) {
        size_t size = word->size - from;
        if (size <= place->size && memcmp (word->bytes + from, place->bytes, size) == 0) {
            memset (place->marks, 1, size);
            return;
        }
    }
}

static void
s_search (const redact_t *self, const place_t *place, bool plain, char *may)
{
    s_begin (self, place, plain, may);
    for (size_t i = 0; i < self->count; i++) {
        if (may [i])
            s_find (&self->words [i], place);
        if (place->cut && self->words [i].plain == plain)
            s_find_end (&self->words [i], place);
    }
}

//  --- the result

//  Turn marks of the decoded bytes into marks of the bytes.
static void
s_mark_units (const char *bytes, size_t size, const char *units, char *marks)
{
    for (size_t at = 0, unit_at = 0; at < size;) {
        redact_unit_t unit;
        size_t end = redact_text_unit (bytes, size, at, &unit);
        if (unit.size > 0 && memchr (units + unit_at, 1, unit.size))
            memset (marks + at, 1, end - at);
        unit_at += unit.size;
        at = end;
    }
}

static int
s_overwrite (char *bytes, size_t size, const char *marks)
{
    int pieces = 0;
    for (size_t at = 0; at < size; at++) {
        if (!marks [at])
            continue;
        pieces += at == 0 || !marks [at - 1];
        bytes [at] = '*';
    }
    return pieces;
}

int
redact (const redact_t *self, char *bytes, size_t size, bool cut)
{
    if (self->failed || self->count == 0 || size == 0)
        return self->failed;
    own (own_mem) char *may = malloc (self->count);
    own (own_mem) char *text = malloc (size);
    own (own_mem) char *marks = calloc (2, size);
    if (!may || !text || !marks)
        return -ENOMEM;
    place_t place = {.bytes = bytes, .size = size, .marks = marks, .cut = cut};
    s_search (self, &place, true, may);
    place = (place_t){.bytes = text, .marks = marks + size, .cut = cut};
    place.size = redact_text (bytes, size, text);
    s_search (self, &place, false, may);
    s_mark_units (bytes, size, place.marks, marks);
    return s_overwrite (bytes, size, marks);
}
