//  admin_case - a broker's admin on a free loopback port over a real store, and a client that can
//  be rude.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/admin/admin.h"
#include "broker/admin/admin_part.h"
#include "broker/store/store.h"
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/own.h"

enum { ADMIN_CASE_ROWS = 205 };

#define ADMIN_CASE_TOKEN "token-of-the-unit-tests"
#define ADMIN_CASE_BEARER "Authorization: Bearer " ADMIN_CASE_TOKEN "\r\n"
#define ADMIN_CASE_JSON "Content-Type: application/json\r\nContent-Length: 0\r\n" ADMIN_CASE_BEARER

//  Own: everything; made by admin_case_setup.
typedef struct {
    char dir [64], db [96], root [96], keys [96], token [96];
    settings_t settings;
    clk_t *clk;
    store_t *store;
    snapshot_t *snapshot;
    mailbox_t *inbox;
    admin_t *admin;
    char ids [ADMIN_CASE_ROWS + 1][IDENT_SIZE];
    err_diag_t diag;
} admin_case_t;

typedef struct {
    int status;
    buf_t text;       //  the whole answer
    const char *body; //  in text
} admin_answer_t;


//  --- the client
int
admin_case_connect (const admin_case_t *self);
void
admin_case_send_text (int fd, const char *text);
//  Read until the other side closes.  Own: fini ret->text.
void
admin_case_read_answer (int fd, admin_answer_t *ret);
//  headers: lines that end with CRLF, or "".
admin_answer_t
admin_case_request (const admin_case_t *self, const char *method, const char *path,
                    const char *headers);
admin_answer_t
admin_case_get (const admin_case_t *self, const char *path);
//  Own: fresh.
json_t *
admin_case_body_json (const admin_answer_t *answer);
//  These two free the answer.
void
admin_case_expect_error (admin_answer_t answer, int status, const char *code);
void
admin_case_expect_status (admin_answer_t answer, int status);

//  --- for cmocka
int
admin_case_setup (void **state);
int
admin_case_teardown (void **state);
//  Write the token's file.
void
admin_case_token (const admin_case_t *self, const char *text);
//  Publish a snapshot of this age.
void
admin_case_publish (admin_case_t *self, int64_t age_ms);
#define ADMIN_CASE(name)                                                                           \
    cmocka_unit_test_setup_teardown (name, admin_case_setup, admin_case_teardown)
