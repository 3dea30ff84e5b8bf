//  store_migrate - takes a store of an earlier schema to the present one.
//
//  The whole store is copied first, to <path>.schema-<version> beside it.  Then one step for each
//  version runs, all in one transaction: a crash leaves the store as it was, or migrated.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

//  Take the store from this version, from STORE_SCHEMA_OLDEST on, to STORE_SCHEMA.
//  Err, each with a diag; the store is as it was: -ENOSPC the steps found no room;
//  -EBADMSG damaged; ERR_STORE, also when there is no room for the copy.
int
store_migrate (store_t *self, int64_t version, err_diag_t *diag) must_check;
