//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/conns.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

enum { S_IDENTITY = 64, S_ADDRESS = 64, S_ROOM = 64 };

//  A key with connections.
typedef struct {
    char identity [S_IDENTITY];
    size_t count; //  connections that are heard
    UT_hash_handle hh;
} s_key_t;

//  The connection on one descriptor.
typedef struct {
    bool open, told, cut;
    uint32_t number;
    s_key_t *key;               //  the key it counts for; NULL: none yet, or one too many
    char identity [S_IDENTITY]; //  from its last message, "" = none yet
    char address [S_ADDRESS];
} s_conn_t;

struct conns {
    s_conn_t *rows; //  by descriptor
    size_t room, count, max;
    s_key_t *keys;
};

conns_t *
conns_new (size_t max)
{
    conns_t *self = calloc (1, sizeof (conns_t));
    if (self)
        self->max = max;
    return self;
}

static void
s_key_drop (conns_t *self, s_key_t *key)
{
    HASH_DEL (self->keys, key);
    free (key);
}

void
conns_destroy (conns_t **self_p)
{
    conns_t *self = *self_p;
    if (!self)
        return;
    while (self->keys)
        s_key_drop (self, self->keys);
    free (self->rows);
    free (self);
    *self_p = NULL;
}

static s_conn_t *
s_find (const conns_t *self, int fd)
{
    const bool known = fd >= 0 && (size_t) fd < self->room && self->rows [fd].open;
    return known ? &self->rows [fd] : NULL;
}

//  Stop counting this connection for its key.
static void
s_leave (conns_t *self, s_conn_t *conn)
{
    if (conn->key && --conn->key->count == 0)
        s_key_drop (self, conn->key);
    conn->key = NULL;
}

static int
s_grow (conns_t *self, size_t room)
{
    if (room <= self->room)
        return 0;
    room = (room / S_ROOM + 1) * S_ROOM;
    s_conn_t *rows = realloc (self->rows, room * sizeof (s_conn_t));
    if (!rows)
        return -ENOMEM;
    memset (rows + self->room, 0, (room - self->room) * sizeof (s_conn_t));
    self->rows = rows;
    self->room = room;
    return 0;
}

int
conns_made (conns_t *self, int fd, const char *address)
{
    assert (self && fd >= 0 && address);
    conns_ended (self, fd);
    const int rc = s_grow (self, (size_t) fd + 1);
    if (rc < 0)
        return rc;
    s_conn_t *conn = &self->rows [fd];
    *conn = (s_conn_t){.open = true};
    snprintf (conn->address, sizeof conn->address, "%s", address);
    self->count++;
    return 0;
}

void
conns_ended (conns_t *self, int fd)
{
    s_conn_t *conn = s_find (self, fd);
    if (!conn)
        return;
    s_leave (self, conn);
    conn->open = false;
    self->count--;
}

size_t
conns_count (const conns_t *self)
{
    return self->count;
}

bool
conns_open (const conns_t *self, int fd)
{
    return s_find (self, fd) != NULL;
}

void
conns_cut (conns_t *self, int fd)
{
    s_conn_t *conn = s_find (self, fd);
    if (conn)
        conn->cut = true;
}

bool
conns_is_cut (const conns_t *self, int fd)
{
    const s_conn_t *conn = s_find (self, fd);
    return conn && conn->cut;
}

const char *
conns_address (const conns_t *self, int fd)
{
    return fd >= 0 && (size_t) fd < self->room ? self->rows [fd].address : "";
}

//  NULL: the key is at its limit, or memory is out.
static s_key_t *
s_join (conns_t *self, const char *identity)
{
    s_key_t *key = NULL;
    HASH_FIND_STR (self->keys, identity, key);
    if (!key) {
        key = calloc (1, sizeof (s_key_t));
        if (!key)
            return NULL;
        snprintf (key->identity, sizeof key->identity, "%s", identity);
        HASH_ADD_STR (self->keys, identity, key);
    }
    if (key->count >= self->max)
        return NULL;
    key->count++;
    return key;
}

conns_verdict_t
conns_message (conns_t *self, int fd, uint32_t number, const char *identity)
{
    s_conn_t *conn = s_find (self, fd);
    if (!conn)
        return CONNS_HEARD;
    const bool first = conn->identity [0] == '\0';
    if (!first && number != conn->number && (int32_t) (number - conn->number) < 0)
        return CONNS_HEARD; //  from an earlier connection on this descriptor
    if (first || number != conn->number || strcmp (identity, conn->identity) != 0) {
        s_leave (self, conn);
        conn->number = number;
        conn->told = false;
        snprintf (conn->identity, sizeof conn->identity, "%s", identity);
    }
    if (!conn->key) //  try again: another connection of the key may have ended
        conn->key = s_join (self, identity);
    if (conn->key)
        return CONNS_HEARD;
    const bool told = conn->told;
    conn->told = true;
    return told ? CONNS_MUTE : CONNS_CROWDED;
}

//  Searches by descriptor; called only when a peer does not read.
const char *
conns_whose (const conns_t *self, uint32_t number)
{
    for (size_t i = 0; i < self->room; i++) {
        const s_conn_t *conn = &self->rows [i];
        if (conn->open && conn->identity [0] && conn->number == number)
            return conn->identity;
    }
    return "";
}
