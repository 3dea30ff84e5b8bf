//  store_copy - a copy of the whole store in one file, as it stands now, with what is in its log.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

//  Copy the store to this path, which is in the store's folder.  The copy is durable before it has
//  its name, and replaces a file of that name whole.  The store is only read.
//  Err, with a diag: ERR_STORE; a file of that name is as it was, and nothing else is left.
int
store_copy (store_t *self, const char *to, err_diag_t *diag) must_check;
