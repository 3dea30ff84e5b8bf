//  artifact_peer - who sent bad messages on the files socket, and who is muted for it.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/io/artifact_part.h"

#include "common/base/log.h"

#include <string.h>
#define HASH_FUNCTION(key, size, value)                                                            \
    HASH_FNV (key, size, value) //  the default is not clean in clang
#include <uthash.h>

enum { S_WINDOW_MS = 60000 };

struct artifact_peer {
    link_route_t route; //  key, zeroed behind its size
    int strikes;
    int64_t since_ms;       //  first strike of the window
    int64_t muted_until_ms; //  0 = heard
    UT_hash_handle hh;
};

static artifact_peer_t *
s_find (artifact_t *self, const link_route_t *route)
{
    link_route_t key = {.size = route->size};
    memcpy (key.bytes, route->bytes, route->size);
    artifact_peer_t *found = NULL;
    HASH_FIND (hh, self->peers, &key, sizeof key, found);
    return found;
}

static artifact_peer_t *
s_add (artifact_t *self, const link_route_t *route)
{
    if (HASH_COUNT (self->peers) >= LIMIT_PEERS) {
        artifact_peer_t *oldest = self->peers; //  the hash keeps the order of insertion
        HASH_DEL (self->peers, oldest);
        free (oldest);
    }
    artifact_peer_t *peer = calloc (1, sizeof (artifact_peer_t));
    if (!peer)
        return NULL;
    peer->route.size = route->size;
    memcpy (peer->route.bytes, route->bytes, route->size);
    HASH_ADD (hh, self->peers, route, sizeof peer->route, peer);
    return peer;
}

bool
artifact_peer_muted (artifact_t *self, const link_msg_t *msg)
{
    artifact_peer_t *peer = s_find (self, &msg->route);
    if (!peer || peer->muted_until_ms == 0)
        return false;
    if (clk_now (self->clk).boot_ms < peer->muted_until_ms)
        return true;
    HASH_DEL (self->peers, peer);
    free (peer);
    return false;
}

void
artifact_peer_strike (artifact_t *self, const link_msg_t *msg, const char *code, const char *text)
{
    atomic_fetch_add (&self->counts [COUNT_BAD], 1);
    int64_t now_ms = clk_now (self->clk).boot_ms;
    artifact_peer_t *peer = s_find (self, &msg->route);
    if (!peer)
        peer = s_add (self, &msg->route);
    if (peer && now_ms - peer->since_ms > S_WINDOW_MS) {
        peer->strikes = 0;
        peer->since_ms = now_ms;
    }
    artifact_refuse (self, msg, code, text);
    if (!peer || ++peer->strikes < LIMIT_STRIKES)
        return;
    peer->muted_until_ms = now_ms + LIMIT_MUTE_MS;
    log_warn ("peer muted after bad messages", kv ("socket", "files"), kv ("peer", msg->identity),
              kv ("code", code), kv ("reason", text), kv ("mute_ms", LIMIT_MUTE_MS));
}

bool
artifact_peer_role (artifact_t *self, const link_msg_t *msg, curve_role_t role)
{
    if (!self->zap)
        return true;
    const char *name = curve_role_name (role);
    size_t size = strlen (name);
    return strncmp (msg->identity, name, size) == 0 && msg->identity [size] == ':'
           && curve_zap_enrolled (self->zap, msg->identity);
}

void
artifact_peer_fini (artifact_t *self)
{
    artifact_peer_t *peer = NULL;
    artifact_peer_t *next = NULL;
    HASH_ITER (hh, self->peers, peer, next)
    {
        HASH_DEL (self->peers, peer);
        free (peer);
    }
}
