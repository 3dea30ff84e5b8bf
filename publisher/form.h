//  form - recognises a file's format by its first bytes.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    FORM_UNKNOWN,  //  more bytes are needed
    FORM_LINES,    //  one event per line
    FORM_DOCUMENT, //  values over several lines (publisher/values)
    FORM_OTHER     //  not readable here
} form_t;

//  ret_skip: length of a leading byte order mark.  ret_looks: for FORM_OTHER, what the file looks
//  like ("a gzip file").  at_end: there are no more bytes.  A format once known does not change
//  when more bytes come.
form_t
form_of (const char *bytes, size_t size, bool at_end, size_t *ret_skip, const char **ret_looks);
//  Does this line hold several events, or none: an array of objects, or a List with items?  An
//  event may have items of its own.  A List has a List kind, or no kind and no other keys.
bool
form_holds_many (const char *line, size_t size);
//  Is this one of the keys of a Kubernetes List: apiVersion, kind, metadata, items?
bool
form_list_key (const char *key, size_t size);
