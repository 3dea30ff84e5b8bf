//  store_migrate - migrates a store of an earlier schema to the present one.
//
//  Ensures: a crash leaves the store as it was, or migrated.  First the whole store is copied to
//  <path>.schema-<version> beside it.  Then one step for each version runs, all in one transaction.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

//  Migrate the store from this version, at least STORE_SCHEMA_OLDEST, to STORE_SCHEMA.
//  Err: -ENOSPC: no room for the steps; -EBADMSG: damaged, and marked so beside the file;
//  ERR_STORE, also: no room for the copy.  diag says why; the store is unchanged.
int
store_migrate (store_t *self, int64_t version, err_diag_t *diag) must_check;
