//  values - where one event after another stands in a JSON document: an array of them, a List with items, or one value
//  after another on as many lines as they like.
//
//  Fed with a growing view of the bytes; keeps only its place.  What it cuts out need not be valid JSON.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    size_t depth;  //  brackets open here
    size_t inside; //  depth at which events stand: 0 one after another, 1 in an array, 2 in `items`
    bool text, escape, rest; //  in a text; behind a backslash; behind `items`
    bool begun;              //  an event: it began at `from`
    bool key_items, list;    //  the last text of the outermost object was `items`; its colon came
    bool key_list, other;    //  it was a key of a List; a key came that a List does not have
    size_t from, word;       //  places in the view: of the event; of the last text
    int64_t line, lines;     //  where the event began, from 1; line ends so far
} values_t;

//  Go on at *at_p.  Returns 1 an event of *ret_size bytes at *ret_from; 0 more bytes are wanted.
int
values_next (values_t *self, const char *bytes, size_t size, size_t *at_p, size_t *ret_from,
             size_t *ret_size);
//  Is nothing left open at the end of the bytes?
bool
values_whole (const values_t *self);
//  The view lost so many bytes at its front.
void
values_consumed (values_t *self, size_t count);
