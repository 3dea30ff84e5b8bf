//  yaml_tree - a YAML text as a JSON value.
//
//  Maps become objects, lists arrays.  Of plain scalars, true and false become booleans, "", ~ and
//  null become null; all other scalars, numbers too, become texts as written.
//  Port to libyaml.  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/json.h"

//  Parse the first document of a text.  Own: fresh in *ret_doc; null for an empty text.
//  Err: ERR_PROTO: no YAML, a key that is no text or stands twice; ERR_LIMIT: too deep or too many
//  values, repeated ones (aliases) counted each time; -ENOMEM.  diag says why, with the line.
int
yaml_tree_parse (const char *bytes, size_t size, json_t **ret_doc, err_diag_t *diag) must_check;
