//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/held.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

typedef struct {
    size_t count, bytes;
} s_sum_t;

//  The owner of held messages, which has a limit: a key, or one connection without a key.
typedef struct {
    char name [CURVE_IDENTITY];
    s_sum_t sum;
    UT_hash_handle hh;
} s_owner_t;

typedef struct message {
    struct message *prev, *next;
    uint8_t header [FRAME_BYTES];
    size_t size;
    char body [];
} s_message_t;

//  A connection that messages are held for.
typedef struct {
    link_route_t route;
    s_owner_t *owner;
    s_message_t *messages; //  never empty between two calls
    s_sum_t sum;
    UT_hash_handle hh;
} s_peer_t;

struct held {
    s_peer_t *peers;
    s_owner_t *owners;
    s_sum_t sum;
};

static const s_sum_t s_all = {LIMIT_HELD_MESSAGES, LIMIT_HELD_BYTES},
                     s_share = {LIMIT_HELD_KEY_MESSAGES, LIMIT_HELD_KEY_BYTES};

held_t *
held_new (void)
{
    return calloc (1, sizeof (held_t));
}

static void
s_sum_add (s_sum_t *sum, size_t size)
{
    sum->count++;
    sum->bytes += size;
}

static void
s_sum_take (s_sum_t *sum, size_t size)
{
    sum->count--;
    sum->bytes -= size;
}

//  Would one more message of this size exceed the owner's limit?
static bool
s_full (s_sum_t sum, s_sum_t limit, size_t size)
{
    return sum.count + 1 > limit.count || sum.bytes + size > limit.bytes;
}

//  --- peers and owners

//  Equal routes have equal bytes: unused bytes are zero.
static link_route_t
s_route (const link_route_t *route)
{
    link_route_t plain = {.size = route->size};
    memcpy (plain.bytes, route->bytes, route->size);
    return plain;
}

static s_peer_t *
s_peer (const held_t *self, const link_route_t *route)
{
    const link_route_t plain = s_route (route);
    s_peer_t *peer = NULL;
    HASH_FIND (hh, self->peers, &plain, sizeof plain, peer);
    return peer;
}

//  Name the owner: the key, or the connection alone when it is not authenticated.
static void
s_name (const link_route_t *route, const char *identity, char *ret_name)
{
    const link_route_t plain = s_route (route);
    memset (ret_name, 0, CURVE_IDENTITY);
    if (identity [0])
        memcpy (ret_name, identity, strnlen (identity, CURVE_IDENTITY - 1));
    else
        memcpy (ret_name + 1, &plain, sizeof plain);
}

static s_owner_t *
s_owner (const held_t *self, const char *name)
{
    s_owner_t *owner = NULL;
    HASH_FIND (hh, self->owners, name, CURVE_IDENTITY, owner);
    return owner;
}

//  Free the peer if it has no messages, and its owner if nothing is held for it.
static void
s_tidy (held_t *self, s_peer_t *peer)
{
    s_owner_t *owner = peer->owner;
    if (!peer->messages) {
        HASH_DEL (self->peers, peer);
        free (peer);
    }
    if (owner->sum.count == 0) {
        HASH_DEL (self->owners, owner);
        free (owner);
    }
}

//  A new peer has no message: the caller adds one, or drops the peer by s_tidy.
static s_peer_t *
s_peer_new (held_t *self, const link_route_t *route, const char *name)
{
    s_owner_t *owner = s_owner (self, name);
    s_peer_t *peer = calloc (1, sizeof *peer);
    if (peer && !owner && (owner = calloc (1, sizeof *owner))) {
        memcpy (owner->name, name, CURVE_IDENTITY);
        HASH_ADD (hh, self->owners, name, CURVE_IDENTITY, owner);
    }
    if (!peer || !owner) {
        free (peer);
        return NULL;
    }
    peer->route = s_route (route);
    peer->owner = owner;
    HASH_ADD (hh, self->peers, route, sizeof peer->route, peer);
    return peer;
}

static void
s_drop (held_t *self, s_peer_t *peer, s_message_t *message)
{
    DL_DELETE (peer->messages, message);
    s_sum_take (&peer->sum, message->size);
    s_sum_take (&peer->owner->sum, message->size);
    s_sum_take (&self->sum, message->size);
    free (message);
}

void
held_destroy (held_t **self_p)
{
    held_t *self = *self_p;
    if (!self)
        return;
    s_peer_t *peer, *next;
    HASH_ITER (hh, self->peers, peer, next) {
        while (peer->messages)
            s_drop (self, peer, peer->messages);
        s_tidy (self, peer);
    }
    free (self);
    *self_p = NULL;
}

bool
held_any (const held_t *self)
{
    return self->peers != NULL;
}

bool
held_for (const held_t *self, const link_route_t *route)
{
    return self->peers && s_peer (self, route) != NULL;
}

//  --- room

//  The size that counts now: messages while there are too many of them, else bytes.
static size_t
s_weight (s_sum_t sum, bool by_count)
{
    return by_count ? sum.count : sum.bytes;
}

//  The connection that holds most, of the owner that holds most.
static s_peer_t *
s_victim (const held_t *self, bool by_count)
{
    s_peer_t *most = NULL;
    for (s_peer_t *peer = self->peers; peer; peer = peer->hh.next) {
        const size_t owner = s_weight (peer->owner->sum, by_count),
                     than = most ? s_weight (most->owner->sum, by_count) : 0;
        if (!most || owner > than
            || (owner == than && s_weight (peer->sum, by_count) > s_weight (most->sum, by_count)))
            most = peer;
    }
    return most;
}

//  Do the owners that hold more than `level` have `need` to give?
static bool
s_enough (const held_t *self, size_t level, size_t need, bool by_count)
{
    size_t found = 0;
    for (const s_owner_t *owner = self->owners; owner && found < need; owner = owner->hh.next) {
        const size_t weight = s_weight (owner->sum, by_count);
        found += weight > level ? weight - level : 0;
    }
    return found >= need;
}

//  Make room for one more message of an owner that holds `mine`.  No owner is cut below what this
//  one will then hold.
static bool
s_make_room (held_t *self, s_sum_t mine, size_t size, int64_t *dropped)
{
    s_sum_add (&mine, size);
    const size_t bytes = self->sum.bytes + size;
    if (self->sum.count >= s_all.count && !s_enough (self, mine.count, 1, true))
        return false;
    if (bytes > s_all.bytes && !s_enough (self, mine.bytes, bytes - s_all.bytes, false))
        return false;
    while (s_full (self->sum, s_all, size)) {
        s_peer_t *peer = s_victim (self, self->sum.count >= s_all.count);
        if (!peer)
            return false;                          //  nothing is held
        s_drop (self, peer, peer->messages->prev); //  the newest
        s_tidy (self, peer);
        ++*dropped;
    }
    return true;
}

int
held_add (held_t *self, const link_route_t *route, const char *identity, const uint8_t *header,
          const void *body, size_t size, int64_t *dropped)
{
    char name [CURVE_IDENTITY];
    s_name (route, identity, name);
    s_peer_t *peer = s_peer (self, route);
    s_owner_t *owner = peer ? peer->owner : s_owner (self, name);
    const s_sum_t mine = owner ? owner->sum : (s_sum_t){0};
    if (s_full (mine, s_share, size) || !s_make_room (self, mine, size, dropped))
        return -EAGAIN;
    s_message_t *message = calloc (1, sizeof *message + size);
    if (message && !peer) //  its owner holds least, so it lost nothing above
        peer = s_peer_new (self, route, name);
    if (!message || !peer) {
        free (message);
        return -ENOMEM;
    }
    message->size = size;
    memcpy (message->header, header, FRAME_BYTES);
    if (size > 0)
        memcpy (message->body, body, size);
    DL_APPEND (peer->messages, message);
    s_sum_add (&peer->sum, size);
    s_sum_add (&peer->owner->sum, size);
    s_sum_add (&self->sum, size);
    return 0;
}

void
held_flush (held_t *self, held_send_f *send, void *context)
{
    s_peer_t *peer, *next;
    HASH_ITER (hh, self->peers, peer, next) {
        s_message_t *message;
        while ((message = peer->messages)
               && send (context, &peer->route, message->header, message->body, message->size)
                      != -EAGAIN)
            s_drop (self, peer, message);
        s_tidy (self, peer);
    }
}
