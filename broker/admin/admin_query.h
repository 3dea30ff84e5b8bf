//  admin_query - what a request asks for: its path and what stands behind the question mark.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store.h"

#include <stdint.h>

typedef struct {
    const char *state, *reason; //  as written, borrowed; NULL = not asked for
    int64_t before;             //  incident number or effect id, 0 = from the newest
    int64_t after;              //  journal seq
    int64_t limit;              //  1..LIMIT_HTTP_PAGE_ROWS
} admin_query_t;

//  Nothing asked for, a whole page wanted.
admin_query_t
admin_query_init (void);
//  Set one parameter; value is borrowed.  Err: ERR_PROTO with a diag: unknown name, not a
//  number, out of range.
int
admin_query_set (admin_query_t *self, const char *name, const char *value,
                 err_diag_t *diag) must_check;
//  Decimal digits only.  Err: ERR_PROTO: not a number, or outside min..max (at most 2^62).
int
admin_query_number (const char *text, int64_t min, int64_t max, int64_t *ret_number) must_check;
//  The incident that a path names by its id or its number.  Err: ERR_NONE, ERR_STORE.
int
admin_query_incident (store_reader_t *reader, const char *name, ident_t *ret_id) must_check;
