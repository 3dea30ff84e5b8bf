//  values - where one event after another stands in a JSON document: an array of them, a List with
//  items, or one value after another on as many lines as they like.
//
//  Fed with a growing view of the bytes; keeps only its place.  What it cuts out need not be valid
//  JSON; what stands between must be no more than commas.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VALUES_WORD = 12 }; //  bytes of the keys that are known, and one more

typedef struct {
    size_t depth;  //  brackets open here
    size_t inside; //  depth at which events stand: 0 one after another, 1 in an array, 2 in `items`
    bool text, escape, rest; //  in a text; behind a backslash; behind `items` that were taken apart
    bool begun;              //  an event: it began at `from`
    //  Of the outermost object: its `items` are next; its kind is; it has an array of items; it has
    //  a kind, that of a List; it has a key that a List does not have.
    bool list, kind, items, kinded, list_kind, other;
    bool told; //  set by the caller before the first byte: the outermost object is a List
    char word [VALUES_WORD]; //  the last text of the outermost object begins so
    char tail [4];           //  and ends so
    size_t word_size;
    size_t from;         //  place of the event in the view
    int64_t line, lines; //  where the event began, from 1; line ends so far
    const char *wrong;   //  what it looks like instead, static; NULL = nothing is wrong
} values_t;

//  Go on at *at_p.  Returns 1 an event of *ret_size bytes at *ret_from; 0 more bytes are wanted.
//  Err: ERR_PROTO what stands on line lines + 1 are no events, `wrong` says what they look like.
int
values_next (values_t *self, const char *bytes, size_t size, size_t *at_p, size_t *ret_from,
             size_t *ret_size);
//  Is nothing left open at the end of the bytes?
bool
values_whole (const values_t *self);
//  The view lost so many bytes at its front.
void
values_consumed (values_t *self, size_t count);
