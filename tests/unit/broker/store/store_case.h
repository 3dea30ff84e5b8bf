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
    char path [128]; //  path of the database
    store_t *store;  //  a test may destroy it and open another one
    err_diag_t diag;
} store_case_t;

//  For cmocka.
int
store_case_setup (void **state);
int
store_case_teardown (void **state);

//  The id of an incident by its number, a format.
#define STORE_CASE_ID "0190a000-0000-7000-8000-%012d"

//  A row with unusual characters.
row_incident_t
store_case_incident (int number, incident_state_t state);
//  Calls that must not fail.
void
store_case_apply (store_t *store, const step_write_t *write);
void
store_case_put_incident (store_t *store, const row_incident_t *row);
//  The write of the incident's event.  body: borrowed, NULL = no body in the row.
step_write_t
store_case_event (const row_incident_t *incident, const char *body, int64_t received_ms);
//  As store_known_event.
int
store_case_known (store_case_t *self, const char *source, const char *event_id,
                  ident_t *ret_incident);
