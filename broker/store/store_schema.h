//  store_schema - the tables of the store's file, and the version of their schema.
//
//  The columns of the rows are in store_row.c.  To change a row, or the meaning of a number or name
//  in it, raise STORE_SCHEMA and add a step to store_migrate.c.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

enum {
    STORE_SCHEMA = 7,
    STORE_SCHEMA_OLDEST = 3 //  the oldest that can be migrated
};

//  Read the schema of the file: STORE_SCHEMA_OLDEST to STORE_SCHEMA, or 0 for an empty file.
//  Err: -EBADMSG: damaged, of another program or of another schema; -ENOSPC; ERR_STORE.
//  diag says why.
int
store_schema_version (store_t *self, int64_t *ret_version, err_diag_t *diag) must_check;
//  Make missing tables, in one transaction, and count this start.  Row counts are made if they are
//  missing, and made again after damage.
//  Err: -EBADMSG, -ENOSPC, ERR_STORE; diag says why, the file is unchanged.
int
store_schema_make (store_t *self, err_diag_t *diag) must_check;
