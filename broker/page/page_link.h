//  page_link - judges the address of a link in foreign text.  Pure.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

//  Where a link leads, for a reader.  Own: a view into the address.
typedef struct {
    const char *host; //  of http and https with its port; of mailto the whole address
    size_t size;
} page_link_t;

//  May a page link to this address?  It begins with http://, https:// or mailto:, and is made of
//  printable ASCII without blanks, quotes, brackets < > and backslashes.  An authority with a user
//  is refused: "https://example.com@evil.example".  *ret_link is then untouched.
bool
page_link_judge (const char *address, size_t size, page_link_t *ret_link);
