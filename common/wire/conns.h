//  conns - the connections of one bound socket, and the key of each.
//
//  libzmq limits what one connection may make us hold.  A limit per peer needs the number of
//  connections per key.
//  libzmq reports each new and each ended connection by its descriptor.  Each message names its
//  connection, and the first one names the key.
//  A connection that has sent nothing yet costs little and counts for no key.  Pure.  Threads: the
//  owner's only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct conns conns_t;

//  Own: fresh, NULL when out of memory.  max: how many connections of one key are heard.
conns_t *
conns_new (size_t max);
void
conns_destroy (conns_t **self_p);

//  A connection was made on this descriptor; address is its peer's, for the log.  Err: -ENOMEM; the
//  connection is not counted.
int
conns_made (conns_t *self, int fd, const char *address) must_check;
//  The connection on this descriptor has ended.  An unknown descriptor is ignored.
void
conns_ended (conns_t *self, int fd);
//  The number of connections.
size_t
conns_count (const conns_t *self);
//  Is there a connection on this descriptor?
bool
conns_open (const conns_t *self, int fd);
//  Mark the connection on this descriptor as cut by us; conns_is_cut asks for the mark.
void
conns_cut (conns_t *self, int fd);
bool
conns_is_cut (const conns_t *self, int fd);
//  The peer's address, "" when unknown.  Own: borrowed until the next conns_made.
const char *
conns_address (const conns_t *self, int fd);

//  May this message be heard?  number: the connection's, counting up with each one made (mod 2^32);
//  0 where there is none.
//  A message read after its connection ended is heard: few more can follow.
typedef enum {
    CONNS_HEARD,
    //  One connection too many of this key, and the first of its messages: send an error.
    CONNS_CROWDED,
    //  As CONNS_CROWDED, but the error was sent before.
    CONNS_MUTE
} conns_verdict_t;
conns_verdict_t
conns_message (conns_t *self, int fd, uint32_t number, const char *identity);

//  The identity behind the connection of this number; "" when there is none or it has sent nothing
//  yet.  Own: borrowed until the next call of another kind.
const char *
conns_whose (const conns_t *self, uint32_t number);
