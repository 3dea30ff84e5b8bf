//  store_schema - the tables of the store's file and the version that the file says it has.
//
//  The columns of the rows stand in store_row.c.  Whoever changes a row, or the meaning of a
//  number or name in it, raises STORE_SCHEMA and adds the step to store_migrate.c.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

enum {
    STORE_SCHEMA = 5,
    STORE_SCHEMA_OLDEST = 3 //  the oldest that is migrated
};

//  The schema that the file has, from STORE_SCHEMA_OLDEST to STORE_SCHEMA; 0, the file is empty.
//  Err, each with a diag: -EBADMSG it is damaged, of another program or of another schema; -ENOSPC;
//  ERR_STORE.
int
store_schema_version (store_t *self, int64_t *ret_version, err_diag_t *diag) must_check;
//  Make what is missing, in one transaction, and count this start.  A store without counts
//  is counted once; one in which damage was seen is counted anew.  Err, each with a diag: as above.
int
store_schema_make (store_t *self, err_diag_t *diag) must_check;
