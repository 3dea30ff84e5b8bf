//  admin - the HTTP server for health, metrics and API.
//
//  Threads: an actor of its own, with a read-only connection to the store.  The table s_routes in
//  admin.c holds the routes.  A command (POST) must carry the token of admin_token.
//  Without keys admin listens on loopback addresses only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/settings.h"
#include "broker/loop/snapshot.h"

typedef struct admin admin_t;

//  Would admin_new accept admin_listen?  Binds nothing.  Err: ERR_CONFIG; diag says why.
int
admin_check (const settings_t *settings, err_diag_t *diag) must_check;
//  Bind, open the store for reading and start the thread.
//  Own: *ret_admin is fresh; it borrows settings, snapshot and loop until admin_destroy.
//  Err: ERR_CONFIG: admin_listen is no address or needs keys, or the token file is not usable;
//  -errno.  diag says why; nothing is left open.
int
admin_new (const settings_t *settings, snapshot_t *snapshot, mailbox_t *loop, admin_t **ret_admin,
           err_diag_t *diag) must_check;
//  End the thread.  Commands that still wait for the loop are answered with 503 first.
void
admin_destroy (admin_t **self_p);
//  The bound address with its real port, as in "127.0.0.1:5580".  Own: borrowed.
const char *
admin_address (const admin_t *self);
