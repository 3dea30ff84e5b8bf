//  conns - the connections of one bound socket: which are there, and whose they are.
//
//  libzmq bounds what one connection may make us hold; a promise by peer needs their number by key.
//  It tells of a connection that is made or ended by its descriptor, and says of each message on
//  which one it came: the first message names the key.  A connection that has said nothing yet
//  costs little and counts for nobody.  Pure.  Threads: the owner's only.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct conns conns_t;

//  Own: fresh, NULL when out of memory.  max: connections of one key that are heard.
conns_t *
conns_new (size_t max);
void
conns_destroy (conns_t **self_p);

//  A connection was made on this descriptor; address is who it is for the log.
//  Err: -ENOMEM: it is not counted.
int
conns_made (conns_t *self, int fd, const char *address) must_check;
//  It is over.  One that was not known is no matter.
void
conns_ended (conns_t *self, int fd);
//  How many there are.
size_t
conns_count (const conns_t *self);
//  Is there one on this descriptor?
bool
conns_open (const conns_t *self, int fd);
//  We end the one on this descriptor, whatever its peer does; have we?
void
conns_cut (conns_t *self, int fd);
bool
conns_is_cut (const conns_t *self, int fd);
//  Whose address; "" when it is not known.  Own: borrowed until the next conns_made.
const char *
conns_address (const conns_t *self, int fd);

//  May this message be heard?  number: of the connection, counting up with each one made (mod
//  2^32), or 0 where there is none.  A message that is read after the end of its connection
//  is heard: there will not be many more.
typedef enum {
    CONNS_HEARD,
    CONNS_CROWDED, //  one too many of this key; the first message of this connection to be told so
    CONNS_MUTE     //  the same, and it was told
} conns_verdict_t;
conns_verdict_t
conns_message (conns_t *self, int fd, uint32_t number, const char *identity);

//  Whose is the connection of this number?  "" when there is none, or it has said nothing yet.
//  Own: borrowed until the next call of another kind.
const char *
conns_whose (const conns_t *self, uint32_t number);
