//  link - one ZeroMQ socket that speaks frames; the port to libzmq and CZMQ's zsock.
//
//  ROUTER, DEALER, XPUB, SUB with the options of docs/protocol.md: MANDATORY, HWM, MAXMSGSIZE,
//  TCP keepalive, HANDSHAKE_IVL, automatic routing ids, CURVE, LINGER.  Messages are
//  [route] header map; on the stream [topic] header map.  All parts of a message are always read;
//  wrong counts, sizes or headers are rejected and counted.
//  Threads: a link belongs to the thread that uses it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/conf/conf_check.h"
#include "common/wire/curve.h"
#include "common/wire/frame.h"
#include "common/wire/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { LINK_WORK, LINK_INGEST, LINK_FILES, LINK_STREAM } link_kind_t;

typedef struct link link_t;

//  A route on a ROUTER: libzmq's automatic routing id.  A plain value;
//  compare with link_route_equal.
typedef struct {
    uint8_t size;
    uint8_t bytes [31];
} link_route_t;

//  One received message.  Views in msg point into it.
typedef struct {
    link_route_t route;             //  ROUTER only
    char identity [CURVE_IDENTITY]; //  "<role>:<key>" from ZAP, "" without keys
    char topic [LIMIT_TOPIC_BYTES]; //  SUB only
    frame_t frame;
    msg_t msg;    //  valid when rc == 0
    size_t bytes; //  size of the whole message
    void *held_;  //  the body's bytes, freed by the next receive
} link_msg_t;

//  Can this endpoint be bound, or connected to, as far as its text, this host's interfaces and,
//  of ipc, the folder tell?  No name is asked for.  keys: NULL = not known.
//  Err: ERR_CONFIG, -errno; diag says why.
int
link_check_bind (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag) must_check;
int
link_check_connect (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag) must_check;
//  --check-config of a program that connects: its keys, and each endpoint.  keys_dir, endpoints:
//  where the settings hold them.
void
link_check_peer (conf_check_t *check, const char *const *keys_dir, curve_role_t role,
                 const char *const *const *endpoints, size_t count);
//  Bind the broker's side.  endpoint may end in :0 or :*; link_endpoint tells the real one.
//  Of names only localhost.
//  Err: NULL with a diag (address in use, bad endpoint, not local without keys).
link_t *
link_bind (link_kind_t kind, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag);
//  Connect a peer's side (DEALER; SUB for LINK_STREAM).  A name is tried as IPv4 and as IPv6
//  in turn.  What a broker refuses is told in the log, with what it may be.
link_t *
link_connect (link_kind_t kind, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag);
//  linger_ms: how long unsent messages may still go.
void
link_close (link_t **self_p, int linger_ms);
//  for own(): closes with linger 0
void
link_destroy (link_t **self_p);
const char *
link_endpoint (const link_t *self);
//  Connected: what it has said in the log of why it is not let in, NULL = nothing.  A link that
//  is built in the place of another is given that one's, and does not say it again.  Static text.
const char *
link_hint (const link_t *self);
void
link_set_hint (link_t *self, const char *hint);
//  Connected: how often the peer was reached so far; more than before, and more than once,
//  means that it was away, and that what was under way is lost.  The first time may be told after
//  something has gone over it.
int64_t
link_connections (link_t *self);
//  Bound: what has happened since the last call.
typedef struct {
    //  connections: peers that left, and those that were cut, as for a frame over the limit
    int64_t ended;
    //  messages that found no room with their peer, and none or no more in what waits
    int64_t unsent;
    int64_t refused; //  handshakes without the right keys; those that ZAP refuses it counts itself
    int64_t crowded; //  connections that are one too many of their key
    int64_t shed;    //  connections cut at once, for too few descriptors were left
} link_counts_t;
link_counts_t
link_take_counts (link_t *self);
//  SUB: subscribe to a topic prefix.
int
link_subscribe (link_t *self, const char *prefix) must_check;

//  Session id of our own frames; 0 until set.  Setting it starts seq at 1 again.
void
link_set_session (link_t *self, uint64_t session);

//  Take the next message without waiting.
//  Err: 0 a good message in *ret; -EAGAIN nothing there; ERR_PROTO a bad one: ret->route, identity
//  and, where readable, frame are set, diag says why (answer ERROR, count a strike).
//  Unknown types: ERR_NONE with ret->frame set.
//  ROUTER: ERR_LIMIT: not to be heard, for its connection is one too many of its key
//  (LIMIT_KEY_CONNECTIONS); it was told so.  XPUB: 0 a subscription;
//  only ret->identity is set, whose it was.
int
link_recv (link_t *self, link_msg_t *ret, err_diag_t *diag) must_check;
//  XPUB: the subscriptions of all taps are more than LIMIT_SUBSCRIPTIONS_BYTES, or link_recv had no
//  pause for more than LIMIT_STREAM_BURST messages: close it, or libzmq grows.
bool
link_flooded (const link_t *self);
//  XPUB: has link_recv read of a subscription since the bind?
//  Until then nobody gets what is published.
bool
link_subscribed (const link_t *self);
//  XPUB: how many different topics its peers subscribe to, as far as link_recv has read of them.
//  A figure only: a peer may end a subscription that another one has.
size_t
link_topics (const link_t *self);
//  Where the last received message came from, as libzmq has it ("10.0.0.7"); "" when it does not
//  say.  Own: borrowed, until the next receive.
const char *
link_peer_address (const link_msg_t *msg);
//  Free what a link_msg_t holds (after the last receive).
void
link_msg_fini (link_msg_t *msg);

//  Send one message without waiting.  `from` is the struct of `type`.  route: ROUTER only, else
//  NULL.  corr: seq being answered or 0.  Returns the message's seq (> 0).
//  ROUTER: what a peer's queue has no room for is kept, within LIMIT_HELD_, and sent by link_wait;
//  others may push it out.
//  Err: -EAGAIN no room (DEALER: or not connected), -EHOSTUNREACH peer gone, ERR_LIMIT too large;
//  nothing sent.
int64_t
link_send (link_t *self, const link_route_t *route, uint8_t type, const void *from, uint64_t corr);
//  XPUB: send under a topic; drops for slow subscribers.
int64_t
link_publish (link_t *self, const char *topic, const void *record);

bool
link_route_equal (const link_route_t *a, const link_route_t *b);

//  Wait for any of the items: a link or a plain fd (level-triggered).
typedef struct {
    link_t *link;  //  or NULL
    int fd;        //  used when link is NULL
    bool readable; //  out
} link_wait_t;
//  timeout_ms -1 waits without end.  Returns the number of readable items; 0 on timeout or EINTR,
//  and soon while something is held for a peer.
//  A connection made is news too: the link is readable though link_recv may find nothing.
int
link_wait (link_wait_t *items, size_t count, int64_t timeout_ms);
