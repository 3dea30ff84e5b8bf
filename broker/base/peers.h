//  peers - routes of one ROUTER socket: who is behind each, and who misbehaves.
//
//  Bounded by LIMIT_PEERS; the route not heard for longest gives way.  A session's current route is
//  found by (identity, session).  Threads: the owner's only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "broker/core/row.h"
#include "common/wire/curve.h"
#include "common/wire/link.h"

typedef struct peers peers_t;
typedef struct peer peer_t;

//  Own: fresh, NULL when out of memory.
peers_t *
peers_new (void);
void
peers_destroy (peers_t **self_p);

//  The peer behind a route, new if need be.  Valid until the next peers_get.
//  NULL when out of memory.
peer_t *
peers_get (peers_t *self, const link_route_t *route);
//  HELLO was accepted: this route now speaks for (identity, session).
//  address: where it comes from, for the log.
void
peers_bind (peers_t *self, peer_t *peer, const char *identity, uint64_t session,
            const char *address);
//  Where a session's current route comes from, "" when nobody knows.  Own: borrowed.
const char *
peers_address (peers_t *self, const char *identity, uint64_t session);
//  Route of a session, NULL when there is none (any more).  Own: borrowed.
const link_route_t *
peers_route (peers_t *self, const char *identity, uint64_t session);
//  Identity this route speaks for in that session; NULL before its HELLO.
const char *
peers_identity (const peer_t *peer, uint64_t session);

//  Count one bad message on this socket; the one too many of a minute mutes
//  the peer, which is logged.
void
peers_strike (peer_t *peer, const char *socket, const char *identity, const char *code,
              const char *reason, int64_t boot_ms);
bool
peers_muted (const peer_t *peer, int64_t boot_ms);

//  Call for each route that has said HELLO; visit may drop that one.
typedef void (peers_visit_fn) (void *ctx, peer_t *peer);
void
peers_each (peers_t *self, peers_visit_fn *visit, void *ctx);
//  Whom it speaks for, and its route.  Own: borrowed.
void
peers_bound (const peer_t *peer, const char **ret_identity, uint64_t *ret_session,
             const link_route_t **ret_route);
//  Nothing is sent to this route any more; its HELLO would make it known again.
void
peers_unbind (peers_t *self, peer_t *peer);

//  May this authenticated identity act in this role now?  zap NULL: no keys, anybody may.
bool
peers_allowed (curve_zap_t *zap, const char *identity, curve_role_t role);
