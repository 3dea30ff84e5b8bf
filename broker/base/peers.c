//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/peers.h"

#include "common/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { S_STRIKE_WINDOW_MS = 60000 };

typedef struct {
    char identity [ROW_IDENTITY]; //  zero-padded: the whole struct is a hash key
    uint64_t session;
} s_name_t;

struct peer {
    link_route_t route; //  key of the first table, zero-padded
    s_name_t name;      //  key of the second table while bound
    bool bound;
    char address [64];
    int strikes;
    int64_t strikes_ms;     //  boot time of the first strike of this minute
    int64_t muted_ms;       //  boot time until which its messages are ignored
    UT_hash_handle hh;      //  by route, longest silent first
    UT_hash_handle hh_name; //  by name, bound peers only
};

struct peers {
    peer_t *routes;
    peer_t *names;
};

peers_t *
peers_new (void)
{
    return calloc (1, sizeof (peers_t));
}

static void
s_unbind (peers_t *self, peer_t *peer)
{
    if (peer->bound)
        HASH_DELETE (hh_name, self->names, peer);
    peer->bound = false;
}

static void
s_drop (peers_t *self, peer_t *peer)
{
    s_unbind (self, peer);
    HASH_DELETE (hh, self->routes, peer);
    free (peer);
}

void
peers_destroy (peers_t **self_p)
{
    assert (self_p);
    peers_t *self = *self_p;
    if (!self)
        return;
    while (self->routes)
        s_drop (self, self->routes);
    free (self);
    *self_p = NULL;
}

peer_t *
peers_get (peers_t *self, const link_route_t *route)
{
    assert (self && route && route->size <= sizeof route->bytes);
    link_route_t key;
    memset (&key, 0, sizeof key);
    key.size = route->size;
    memcpy (key.bytes, route->bytes, route->size);
    peer_t *peer = NULL;
    HASH_FIND (hh, self->routes, &key, sizeof key, peer);
    if (peer) {
        HASH_DELETE (hh, self->routes, peer);
    }
    else {
        if (HASH_CNT (hh, self->routes) >= LIMIT_PEERS)
            s_drop (self, self->routes);
        peer = calloc (1, sizeof (peer_t));
        if (!peer)
            return NULL;
        peer->route = key;
    }
    HASH_ADD (hh, self->routes, route, sizeof peer->route, peer);
    return peer;
}

static void
s_name (const char *identity, uint64_t session, s_name_t *ret_name)
{
    memset (ret_name, 0, sizeof *ret_name);
    snprintf (ret_name->identity, sizeof ret_name->identity, "%s", identity);
    ret_name->session = session;
}

static peer_t *
s_find (peers_t *self, const s_name_t *name)
{
    peer_t *peer = NULL;
    HASH_FIND (hh_name, self->names, name, sizeof *name, peer);
    return peer;
}

void
peers_bind (peers_t *self, peer_t *peer, const char *identity, uint64_t session,
            const char *address)
{
    assert (self && peer && identity);
    s_name_t name;
    snprintf (peer->address, sizeof peer->address, "%s", address);
    s_name (identity, session, &name);
    peer_t *older = s_find (self, &name);
    if (older == peer)
        return;
    if (older)
        s_unbind (self, older);
    s_unbind (self, peer);
    peer->name = name;
    peer->bound = true;
    HASH_ADD (hh_name, self->names, name, sizeof peer->name, peer);
}

const link_route_t *
peers_route (peers_t *self, const char *identity, uint64_t session)
{
    assert (self && identity);
    s_name_t name;
    s_name (identity, session, &name);
    const peer_t *peer = s_find (self, &name);
    return peer ? &peer->route : NULL;
}

const char *
peers_address (peers_t *self, const char *identity, uint64_t session)
{
    assert (self && identity);
    s_name_t name;
    s_name (identity, session, &name);
    const peer_t *peer = s_find (self, &name);
    return peer ? peer->address : "";
}

const char *
peers_identity (const peer_t *peer, uint64_t session)
{
    assert (peer);
    return peer->bound && peer->name.session == session ? peer->name.identity : NULL;
}

void
peers_strike (peer_t *peer, const char *socket, const char *identity, const char *code,
              const char *reason, int64_t boot_ms)
{
    assert (peer);
    if (peer->strikes == 0 || boot_ms - peer->strikes_ms > S_STRIKE_WINDOW_MS) {
        peer->strikes = 0;
        peer->strikes_ms = boot_ms;
    }
    if (++peer->strikes < LIMIT_STRIKES)
        return;
    peer->strikes = 0;
    peer->muted_ms = boot_ms + LIMIT_MUTE_MS;
    log_warn ("peer muted after bad messages", kv ("socket", socket), kv ("peer", identity),
              kv ("code", code), kv ("reason", reason), kv ("mute_ms", LIMIT_MUTE_MS));
}

bool
peers_muted (const peer_t *peer, int64_t boot_ms)
{
    assert (peer);
    return boot_ms < peer->muted_ms;
}

void
peers_each (peers_t *self, peers_visit_fn *visit, void *ctx)
{
    assert (self && visit);
    peer_t *peer, *next;
    HASH_ITER (hh_name, self->names, peer, next) {
        visit (ctx, peer);
    }
}

void
peers_bound (const peer_t *peer, const char **ret_identity, uint64_t *ret_session,
             const link_route_t **ret_route)
{
    assert (peer && peer->bound && ret_identity && ret_session && ret_route);
    *ret_identity = peer->name.identity;
    *ret_session = peer->name.session;
    *ret_route = &peer->route;
}

void
peers_unbind (peers_t *self, peer_t *peer)
{
    assert (self && peer);
    s_unbind (self, peer);
}

bool
peers_allowed (curve_zap_t *zap, const char *identity, curve_role_t role)
{
    if (!zap)
        return true;
    const char *name = curve_role_name (role);
    const size_t size = strlen (name);
    return strncmp (identity, name, size) == 0 && identity [size] == ':'
           && curve_zap_enrolled (zap, identity);
}
