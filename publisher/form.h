//  form - what a file is, by its first bytes.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    FORM_UNKNOWN,  //  more bytes are wanted
    FORM_LINES,    //  one event a line
    FORM_DOCUMENT, //  values over several lines (publisher/values)
    FORM_OTHER     //  nothing that can be read here
} form_t;

//  ret_skip: bytes of a byte order mark in front.  ret_looks: what OTHER looks like, "a gzip file".
//  at_end: there are no more bytes.  What is known from a part of the bytes
//  stays so when more come.
form_t
form_of (const char *bytes, size_t size, bool at_end, size_t *ret_skip, const char **ret_looks);
//  Does this line hold several events, or none: an array of objects, or a List with items?
//  An event may have items of its own: a List has that kind, or no kind and nothing else.
bool
form_holds_many (const char *line, size_t size);
//  Is this a key that a List of Kubernetes has: apiVersion, kind, metadata, items?
bool
form_list_key (const char *key, size_t size);
