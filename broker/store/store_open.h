//  store_open - opens, checks and closes the writer, and keeps the reserve file.
//
//  store_open and store_destroy are declared in store.h.  The reserve file is freed when the disk
//  is full.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

//  Make the reserve file if it is missing.  False: there is no room for it.
bool
store_open_reserve (store_t *self);
