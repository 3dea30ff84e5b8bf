//  store_schema - the tables of the store's file and the version that the file says it has.
//
//  The columns of the rows stand in store_row.c.  Whoever changes a row, or the meaning of a
//  number or name in it, raises STORE_SCHEMA and says how an earlier store gets there.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store_db.h"

enum { STORE_SCHEMA = 3 };

//  Is the file empty, or has it the schema that this program knows?
//  Err, each with a diag: -EBADMSG it is damaged, of another program or of another schema; -ENOSPC;
//  ERR_STORE.
int
store_schema_known (store_t *self, err_diag_t *diag) must_check;
//  Make what is missing, in one transaction, and count this start.  A store without counts
//  is counted once; one in which damage was seen is counted anew.  Err, each with a diag: as above.
int
store_schema_make (store_t *self, err_diag_t *diag) must_check;
