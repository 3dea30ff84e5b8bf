//  azure_list - reads the answer of List Blobs; port: libxml2's reader.
//
//  Hostile bytes: no document type, no entities but XML's own, no network, bounded depth and names.
//  Src: learn.microsoft.com, "List Blobs".  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { AZURE_LIST_NAME = 1025, AZURE_LIST_MARKER = 1025 }; //  with the NUL

//  Pass each blob's name to each.  ret_marker: parameter "marker" of the next page; "" = no more.
//  Err: ERR_PROTO: no such answer, or the name or marker is too long; each may have had some names.
int
azure_list_read (const char *xml, size_t size, void (*each) (void *arg, const char *name),
                 void *arg, char ret_marker [AZURE_LIST_MARKER]) must_check;
