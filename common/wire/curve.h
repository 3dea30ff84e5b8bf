//  curve - CURVE keys on disk, and the ZAP handler that knows the role of each key.
//
//  keys_dir of a broker: broker.key (public), broker.key_secret, clients/<role>-<name>.key
//  (public).
//  keys_dir of a peer: broker.key (public), <role>.key, <role>.key_secret.
//  The files are CZMQ certificates (ZPL).  A client certificate's metadata carries its role and
//  name.
//  CURVE is on when keys_dir exists.  Without it only loopback and unix endpoints may be bound or
//  connected (curve_endpoint_local), else EXIT_CONFIG.
//  Identity of an authenticated peer (its ZAP User-Id): "<role>:<40 character public key>".
//  Src: ZeroMQ RFC 26 (CurveZMQ), RFC 27 (ZAP).  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/clk.h"
#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CURVE_KEY = 41, CURVE_IDENTITY = 64 }; //  z85 key and NUL; "<role>:<key>" and NUL

typedef enum {
    CURVE_ROLE_WORKER,
    CURVE_ROLE_PUBLISHER,
    CURVE_ROLE_TAP,
    CURVE_ROLE_COUNT
} curve_role_t;

typedef struct {
    bool enabled;
    char public_key [CURVE_KEY]; //  the program's own pair
    char secret_key [CURVE_KEY];
    char server_key [CURVE_KEY]; //  peers: the broker's public key
} curve_keys_t;

const char *
curve_role_name (curve_role_t role);
//  False: no such name, *ret_role is untouched.
bool
curve_role_parse (const char *name, curve_role_t *ret_role);

//  Load the broker's own pair.  enabled is false when keys_dir does not exist.
//  Err: ERR_CONFIG with a diag: unreadable, no pair, the pair of another role, or a secret that
//  others may access.
int
curve_load_broker (const char *keys_dir, curve_keys_t *ret_keys, err_diag_t *diag) must_check;
//  Load a peer's pair and the broker's public key.  Err: as curve_load_broker.
int
curve_load_peer (const char *keys_dir, curve_role_t role, curve_keys_t *ret_keys,
                 err_diag_t *diag) must_check;
//  Overwrite the secret (explicit_bzero).
void
curve_wipe (curve_keys_t *keys);

//  `triagectl key new`.  Makes keys_dir with the broker's pair if missing, then one pair per call
//  for (role, name).
//  The public part is enrolled in clients/.  The pair and broker.key are written to out_dir.
//  Modes: 0600 for secrets, 0700 for folders.
//  Err: -EEXIST when the name is enrolled already; ERR_CONFIG, also when out_dir is in keys_dir;
//  -errno.
int
curve_key_new (const char *keys_dir, curve_role_t role, const char *name, const char *out_dir,
               err_diag_t *diag) must_check;

//  May this endpoint be used without keys?  (127.0.0.0/8, [::1], localhost, ipc://)
bool
curve_endpoint_local (const char *endpoint);

//  Check the same rule; with keys every endpoint passes.  Err: ERR_CONFIG with a diag.
int
curve_endpoint_check (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag) must_check;

//  The ZAP thread.  It keeps the keys in memory and answers 200 or 400, never 300.
//  It notices within half a second, without a reload, when a key in clients/ is added, deleted or
//  overwritten.  A file that holds no key is skipped and logged.
//  One per process; start it before the first bind.  Its domains are the socket names "work",
//  "ingest", "files", "stream".
//  Own: fresh; borrows clk.  Err: NULL with a diag.
typedef struct curve_zap curve_zap_t;
curve_zap_t *
curve_zap_new (const char *keys_dir, const clk_t *clk, err_diag_t *diag);
void
curve_zap_destroy (curve_zap_t **self_p);
//  Could the thread start with the files in clients/ as they are?  Err: ERR_CONFIG, ERR_LIMIT,
//  -ENOMEM; diag names one file.
int
curve_zap_check (const char *keys_dir, err_diag_t *diag) must_check;
//  Read clients/ again (SIGHUP).
//  Err: ERR_CONFIG.  If a file holds no key, the other keys are in force.  If the folder is
//  unreadable, the old keys stay.
int
curve_zap_reload (curve_zap_t *self, err_diag_t *diag) must_check;
//  Time since the thread's last round; it goes round all the time.  Units: ms.  Threads: any.
int64_t
curve_zap_silent_ms (const curve_zap_t *self);
//  Number of handshakes refused so far.  Threads: any.
int64_t
curve_zap_refused (curve_zap_t *self);
//  Readable once keys are gone.  libzmq checks keys only at the handshake, so their peers must be
//  cut.  Own: borrowed.
int
curve_zap_fd (const curve_zap_t *self);
//  The roles that have lost a key since the last call, as bits 1 << curve_role_t.  Threads: any
//  one.
unsigned
curve_zap_revoked (curve_zap_t *self);
//  Is this identity still enrolled?  CURVE checks only at the handshake, so call this for each
//  message.  Threads: any.
bool
curve_zap_enrolled (curve_zap_t *self, const char *identity);
