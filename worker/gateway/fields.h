//  fields - every value of a JSON text with the path that leads to it, without a tree.
//
//  A path is the keys with dots between them, "[]" for an array: "choices[].finish_reason".
//  Pure.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json_scan.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FIELDS_PATH = 96, //  values with longer paths are left out
    FIELDS_KEYS = 256,
    FIELDS_VALUES = 500000 //  with keys and brackets; a conversation has long ones, not many
};

//  value is a TEXT, NUMBER, TRUE, FALSE or NULL, or the OBJECT whose members follow.
typedef void (fields_fn) (void *arg, const char *path, const json_scan_token_t *value);

//  Err: as json_scan_next, ERR_LIMIT: more than FIELDS_VALUES.  fn has got the values before it.
int
fields_each (const char *bytes, size_t size, fields_fn *fn, void *arg) must_check;
//  Has every object each of its keys once?  Readers do not agree on what a second one means.  False
//  also where an object has more than FIELDS_KEYS keys.
bool
fields_unique (const char *bytes, size_t size);
//  The number as an integer, cut; -1: it is none, or below 0.
int64_t
fields_int (const json_scan_token_t *value);
//  Copy a TEXT, decoded and cut to size bytes with its NUL; "" for any other value.
void
fields_text (const json_scan_token_t *value, char *ret_text, size_t size);
