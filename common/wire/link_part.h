//  link_part - shared by the files of link.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/limits.h"
#include "common/wire/conns.h"
#include "common/wire/held.h"
#include "common/wire/link.h"

#include <czmq.h>

//  A log line that is repeated once a minute at most, with the number of times it came up since.
typedef struct {
    int64_t since_ms; //  boot time, 0 = never logged
    int64_t unlogged;
} link_logged_t;

//  What the monitor has reported so far.
typedef struct {
    //  bound
    int failed; //  ZMQ_PROTOCOL_ERROR_* of the connection that ends next, 0 = none
    link_logged_t refused, left, crowded, shed;
    //  connected
    bool up; //  a peer is connected
    //  The peer is gone; a new socket is due once all its messages are read.
    bool stale;
    //  The endpoint holds a name, which may have an IPv6 address only.
    bool named;
    //  ipv6: now trying IPv6.  reached: this kind of address has reached a peer.
    bool ipv6, reached;
    //  Failed tries with this kind of address since the last connection.
    int retries;
    //  Handshakes in a row that the peer ended at once.
    int dropped;
    int64_t connected_ms; //  boot time of the last TCP connection
    //  The hint logged last; cleared by the next accepted connection.
    const char *hint_said;
} link_watch_t;

struct link {
    zsock_t *sock;
    void *raw;        //  libzmq's socket inside sock
    zsock_t *monitor; //  reports connections, see link_watch
    conns_t *conns;   //  bound, with keys: the connections by key
    link_watch_t watch;
    int64_t connections;
    link_counts_t counts;
    bool curve; //  peers are authenticated
    link_kind_t kind;
    int type; //  ZMQ_ROUTER, ...
    uint64_t session, seq;
    codec_t *codec;
    buf_t out;    //  reused by every send
    held_t *held; //  ROUTER: messages that wait for room; sent by link_wait
    //  Topics that taps have subscribed to; libzmq keeps them for each connection.
    struct topic *topics;
    size_t topic_bytes, topic_count;
    int burst; //  XPUB: messages read without a pause
    bool subscribed, flooded;
    char endpoint [256];
};


//  --- link_option

//  Set a constant option that this type of socket has.
void
link_option_set (link_t *self, int option, int value);
//  Set every option that a bound, or a connected, socket needs.  Call it before the bind or
//  connect.
void
link_option_bind (link_t *self, const curve_keys_t *keys);
void
link_option_connect (link_t *self, const curve_keys_t *keys);
//  The ZAP domain of a kind of socket: "work", ...
const char *
link_option_domain (link_kind_t kind);
//  Size of the largest message that the broker sends on this kind of socket.
size_t
link_option_frame_bytes (link_kind_t kind);

//  --- link_watch

//  Start to watch.  Call it before the bind or the connect.  Err: a negative errno; zmq_errno is
//  set.
int
link_watch_bound (link_t *self) must_check;
int
link_watch_connected (link_t *self) must_check;
//  Stop watching; frees the monitor and the connections.
void
link_watch_end (link_t *self);
//  Handle all reports of the monitor that wait.
void
link_watch_read (link_t *self);
//  Connected: is a peer connected?
bool
link_watch_up (link_t *self);
//  Bound: may the sender of this message, on this descriptor, be heard?
//  Err: ERR_LIMIT: the connection is one too many of its key.  On the stream it is cut.
//  *ret_tell is true for the first such message: send the peer an error.
int
link_watch_message (link_t *self, int fd, const link_msg_t *msg, bool *ret_tell);
//  Bound: the identity behind this route; "" when it is gone or not authenticated.  Own: borrowed.
const char *
link_watch_whose (const link_t *self, const link_route_t *route);
