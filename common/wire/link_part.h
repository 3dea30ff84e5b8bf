//  link_part - what the files of link share.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/limits.h"
#include "common/wire/conns.h"
#include "common/wire/held.h"
#include "common/wire/link.h"

#include <czmq.h>

//  Said again only after a minute, with how often it came meanwhile.
typedef struct {
    int64_t since_ms; //  boot time, 0 = never said
    int64_t unsaid;
} link_told_t;

//  What the monitor has told so far.
typedef struct {
    //  bound
    int failed; //  ZMQ_PROTOCOL_ERROR_* of the connection that ends next, 0 = none
    link_told_t refused, left, crowded, shed;
    //  connected
    bool up;               //  a peer is there
    bool stale;            //  it is gone: a new socket is due once all that came from it is read
    bool named;            //  the endpoint has a name, which may be of an IPv6 address only
    bool ipv6, reached;    //  tried so now; a peer was reached so
    int retries;           //  in vain, since the last connection, with this kind of address
    int dropped;           //  handshakes that the peer ended at once, one after the other
    int64_t connected_ms;  //  boot time of the last TCP connection
    const char *hint_said; //  until the next connection that is let in
} link_watch_t;

struct link {
    zsock_t *sock;
    void *raw;        //  libzmq's socket inside sock
    zsock_t *monitor; //  tells of connections, see link_watch
    conns_t *conns;   //  bound, with keys: those there are, by key
    link_watch_t watch;
    int64_t connections;
    link_counts_t counts;
    bool curve; //  peers are authenticated
    link_kind_t kind;
    int type; //  ZMQ_ROUTER, ...
    uint64_t session, seq;
    codec_t *codec;
    buf_t out;            //  reused by every send
    held_t *held;         //  ROUTER: what peers had no room for; sent by link_wait
    struct topic *topics; //  that taps have asked for: libzmq keeps them for each connection
    size_t topic_bytes, topic_count;
    int burst; //  XPUB: messages read since there was none
    bool subscribed, flooded;
    char endpoint [256];
};


//  --- link_option

//  Of a constant option that the socket has.
void
link_option_set (link_t *self, int option, int value);
//  All that a bound socket needs, and all that a connected one needs, before its bind or connect.
void
link_option_bind (link_t *self, const curve_keys_t *keys);
void
link_option_connect (link_t *self, const curve_keys_t *keys);
//  "work", ...
const char *
link_option_domain (link_kind_t kind);
//  The largest message that the broker sends on it.
size_t
link_option_frame_bytes (link_kind_t kind);

//  --- link_watch

//  Before the bind or the connect.  Err: -ENOMEM and the like; zmq_errno is set.
int
link_watch_bound (link_t *self) must_check;
int
link_watch_connected (link_t *self) must_check;
void
link_watch_end (link_t *self);
//  Read all that the monitor has to tell.
void
link_watch_read (link_t *self);
//  Connected: is a peer there?
bool
link_watch_up (link_t *self);
//  Bound: may the sender of this message, on this descriptor, be heard?  Err: ERR_LIMIT: one
//  connection too many of this key.  *ret_tell is true with the first of its messages: the peer
//  is to be told so.  On the stream it is cut.
int
link_watch_message (link_t *self, int fd, const link_msg_t *msg, bool *ret_tell);
//  Bound: the identity of who has this route; "" when nobody has vouched for it,
//  or it is gone.  Own: borrowed.
const char *
link_watch_whose (const link_t *self, const link_route_t *route);
