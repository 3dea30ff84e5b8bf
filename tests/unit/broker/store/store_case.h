//  store_case - an open store in a folder of its own.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/store/store_db.h"

//  Own: everything; made by store_case_setup.
typedef struct {
    char dir [64];
    char path [128]; //  of the database
    store_t *store;  //  a test may destroy it and open another one
    err_diag_t diag;
} store_case_t;

//  cmocka's.
int
store_case_setup (void **state);
int
store_case_teardown (void **state);
