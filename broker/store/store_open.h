//  store_open - open, check and close the writer; the reserve file that is freed
//  when the disk is full.
//
//  store_open and store_destroy are declared in store.h.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

//  Make the reserve file if it is not there.  Returns false when there is no room for it.
bool
store_open_reserve (store_t *self);
