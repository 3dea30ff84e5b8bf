//  admin - HTTP: health, metrics, API; libmicrohttpd's thread, one read-only store connection.
//
//  GET /healthz /readyz /metrics /api/v1/status /api/v1/workers
//  /api/v1/incidents[?state=&before=&limit=]
//      /api/v1/incidents/<id> /api/v1/stream?after=SEQ (JSON lines, one page; header X-Next-After)
//  POST /api/v1/incidents/<id>/retry|cancel, /api/v1/workers/<name>/drain|resume
//  POST needs the token of admin_token.
//  Non-loopback addresses are refused without keys (EXIT_CONFIG).
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/base/mail.h"
#include "broker/base/settings.h"
#include "broker/loop/snapshot.h"

typedef struct admin admin_t;

//  Would admin_new take admin_listen?  Nothing is bound.  Err: ERR_CONFIG; diag says why.
int
admin_check (const settings_t *settings, err_diag_t *diag) must_check;
//  Err: ERR_CONFIG admin_listen is no address, or one that needs keys; the token's file may not be
//  used; -errno; diag says why.
int
admin_new (const settings_t *settings, snapshot_t *snapshot, mailbox_t *loop, admin_t **ret_admin,
           err_diag_t *diag) must_check;
void
admin_destroy (admin_t **self_p);
//  "127.0.0.1:5580" with the real port.
const char *
admin_address (const admin_t *self);
