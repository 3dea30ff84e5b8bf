//  admin - HTTP: health, metrics, API; a thread of its own, with a read-only store connection.
//
//  The table at the top of admin.c has the routes.
//  Commands (POST) need the token of admin_token.
//  Addresses other than loopback are refused without keys (EXIT_CONFIG).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/settings.h"
#include "broker/loop/snapshot.h"

typedef struct admin admin_t;

//  Would admin_new take admin_listen?  Nothing is bound.  Err: ERR_CONFIG; diag says why.
int
admin_check (const settings_t *settings, err_diag_t *diag) must_check;
//  Bind, open the store for reading and start the thread.
//  Own: fresh in *ret_admin; settings, snapshot and loop are borrowed until admin_destroy.
//  Err: ERR_CONFIG admin_listen is no address, or one that needs keys, or the token's file may not
//  be used; -errno; diag says why, and nothing is left open.
int
admin_new (const settings_t *settings, snapshot_t *snapshot, mailbox_t *loop, admin_t **ret_admin,
           err_diag_t *diag) must_check;
//  End the thread.  Commands that are with the loop are answered with 503 first.
void
admin_destroy (admin_t **self_p);
//  "127.0.0.1:5580" with the real port.
const char *
admin_address (const admin_t *self);
