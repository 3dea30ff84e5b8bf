//  values - finds the events of a JSON document: an array, a List with items, or values one after
//  another over any number of lines.
//
//  Its owner passes in a growing view of the bytes; it keeps only its place.  An event it cuts out
//  need not be valid JSON.  Between events only commas may stand.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VALUES_WORD = 12 }; //  bytes of the longest known key, and one more

typedef struct {
    size_t depth; //  brackets open at this place
    //  Depth of the events: 0 one after another, 1 in an array, 2 in `items`.
    size_t inside;
    //  In a text; after a backslash; after `items` that were split into events.
    bool text, escape, rest;
    bool begun; //  inside an event, which began at `from`
    //  Of the outermost object.  list: the value of `items` comes next.  kind: the value of its
    //  kind comes next.  items: it has an array of items.  kinded: it has a kind.  list_kind: that
    //  of a List.  other: it has a key that no List has.
    bool list, kind, items, kinded, list_kind, other;
    //  The caller knows that the outermost object is a List; set before the first byte.
    bool told;
    char word [VALUES_WORD]; //  start of the last text in the outermost object
    char tail [4];           //  and its end
    size_t word_size;
    size_t from;         //  place of the event in the view
    int64_t line, lines; //  line where the event began, from 1; line ends so far
    //  What the bytes look like instead, static; NULL = nothing is wrong.
    const char *wrong;
} values_t;

//  Continue at *at_p.  Returns 1: an event of *ret_size bytes at *ret_from; 0: more bytes are
//  needed.  Err: ERR_PROTO: line lines + 1 holds no events; `wrong` says what it looks like.
int
values_next (values_t *self, const char *bytes, size_t size, size_t *at_p, size_t *ret_from,
             size_t *ret_size);
//  Is everything closed at the end of the bytes?
bool
values_whole (const values_t *self);
//  The view has lost `count` bytes at its front.
void
values_consumed (values_t *self, size_t count);
