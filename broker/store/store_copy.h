//  store_copy - copies the whole store, its log included, into one file.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

//  Copy the store to `to`, a path in the store's folder.  The copy is durable before it gets that
//  name, and replaces an older file of that name with its log.  The store itself does not change.
//  The copy has mode 0600.  Made by root, it belongs to the store's owner.
//  Err: ERR_STORE; diag says why.  An older file is unchanged, but its log may be gone.
//  Nothing else is left.
int
store_copy (store_t *self, const char *to, err_diag_t *diag) must_check;
