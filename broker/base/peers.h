//  peers - the peers of one ROUTER socket, found by route or by (identity, session).
//
//  Holds LIMIT_PEERS routes; a new one replaces the route that has been silent for longest.
//  Threads: the owner's alone.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "common/wire/curve.h"
#include "common/wire/link.h"

typedef struct peers peers_t;
typedef struct peer peer_t;

//  Own: fresh; NULL when out of memory.
peers_t *
peers_new (void);
void
peers_destroy (peers_t **self_p);

//  Find the peer of a route, or add it.  Own: borrowed until the next peers_get.
//  NULL when out of memory.
peer_t *
peers_get (peers_t *self, const link_route_t *route);
//  Bind an accepted HELLO: this route now belongs to (identity, session), and no other does.
//  address: of the peer, for the log; copied.
void
peers_bind (peers_t *self, peer_t *peer, const char *identity, uint64_t session,
            const char *address);
//  The address of a session's current route; "" when unknown.  Own: borrowed.
const char *
peers_address (peers_t *self, const char *identity, uint64_t session);
//  The current route of a session; NULL when there is none.  Own: borrowed.
const link_route_t *
peers_route (peers_t *self, const char *identity, uint64_t session);
//  The identity bound to this peer's route in that session; NULL before its HELLO.  Own: borrowed.
const char *
peers_identity (const peer_t *peer, uint64_t session);

//  Count one bad message.  Too many within a minute mute the peer, which is logged.
//  socket, code, reason: for the log.
void
peers_strike (peer_t *peer, const char *socket, const char *identity, const char *code,
              const char *reason, int64_t boot_ms);
//  Are this peer's messages ignored now?
bool
peers_muted (const peer_t *peer, int64_t boot_ms);

//  Call visit for each bound peer; it may unbind that peer.
typedef void (peers_visit_fn) (void *ctx, peer_t *peer);
void
peers_each (peers_t *self, peers_visit_fn *visit, void *ctx);
//  The identity, session and route of a bound peer.  Own: borrowed.
void
peers_bound (const peer_t *peer, const char **ret_identity, uint64_t *ret_session,
             const link_route_t **ret_route);
//  Undo peers_bind: nothing is sent to this route until it says HELLO again.
void
peers_unbind (peers_t *self, peer_t *peer);

//  May this authenticated identity act in this role now?  Without keys zap is NULL and all may.
bool
peers_allowed (curve_zap_t *zap, const char *identity, curve_role_t role);
