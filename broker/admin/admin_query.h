//  admin_query - reads the path and the query parameters of a request strictly.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/store/store.h"

#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *state, *reason; //  as written, borrowed; NULL = not given
    int64_t before;             //  incident number or effect id; 0 = from the newest
    int64_t after;              //  sequence number in the journal
    int64_t limit;              //  1..LIMIT_HTTP_PAGE_ROWS
    //  Of a fault, for a test of the routes; as written, borrowed; NULL = not given.
    const char *cluster, *namespace_, *severity, *type;
    const char *labels [LIMIT_LABELS]; //  "KEY=VALUE"
    size_t label_count;
} admin_query_t;

//  A query without parameters, for a whole page.
admin_query_t
admin_query_init (void);
//  Set one parameter.  Own: value is borrowed.
//  Err: ERR_PROTO: unknown name, not a number, or out of range; diag says which.
int
admin_query_set (admin_query_t *self, const char *name, const char *value,
                 err_diag_t *diag) must_check;
//  Read a number of decimal digits only; max is at most 2^62.
//  Err: ERR_PROTO: not a number, or outside min..max.
int
admin_query_number (const char *text, int64_t min, int64_t max, int64_t *ret_number) must_check;
//  Find the incident that a path names by its id or its number.  Err: ERR_NONE, ERR_STORE.
int
admin_query_incident (store_reader_t *reader, const char *name, ident_t *ret_id) must_check;
