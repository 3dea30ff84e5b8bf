//  link - one ZeroMQ socket that speaks frames; the port to libzmq and CZMQ's zsock.
//
//  ROUTER, DEALER, XPUB and SUB sockets with the options of docs/protocol.md.  These are MANDATORY,
//  HWM, MAXMSGSIZE, TCP keepalive, HANDSHAKE_IVL, automatic routing ids, CURVE and LINGER.
//  A message is [route] header map; on the stream [topic] header map.  All parts of a message are
//  always read.  Wrong counts, sizes or headers are rejected and counted.
//  Threads: a link belongs to the thread that uses it.
//  SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/wire/curve.h"
#include "common/wire/frame.h"
#include "common/wire/msg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { LINK_WORK, LINK_INGEST, LINK_FILES, LINK_STREAM } link_kind_t;

typedef struct link link_t;

//  A route on a ROUTER: libzmq's automatic routing id.  A plain value; compare with
//  link_route_equal.
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
    //  Owns the body's bytes; freed by the next receive.
    void *held_;
} link_msg_t;

//  Can this endpoint be bound, or connected to?  Checks its text, this host's interfaces and, for
//  ipc, the folder.  No name is resolved.  keys: NULL = unknown.
//  Err: ERR_CONFIG, -errno; diag says why.
int
link_check_bind (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag) must_check;
int
link_check_connect (const char *endpoint, const curve_keys_t *keys, err_diag_t *diag) must_check;
//  Bind the broker's side.  endpoint may end in :0 or :*; link_endpoint returns the real one.  The
//  only name allowed is localhost.
//  Err: NULL with a diag: address in use, bad endpoint, not local without keys.
link_t *
link_bind (link_kind_t kind, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag);
//  Connect a peer's side: a DEALER, or a SUB for LINK_STREAM.  A name is tried as IPv4 and IPv6 in
//  turn.
//  When the broker refuses the connection, a log line names the likely reason.  Err: NULL with a
//  diag.
link_t *
link_connect (link_kind_t kind, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag);
//  linger_ms: how long unsent messages may still be sent.
void
link_close (link_t **self_p, int linger_ms);
//  For own(): closes with linger 0.
void
link_destroy (link_t **self_p);
//  The endpoint as bound or connected.  Own: borrowed, valid as long as the link.
const char *
link_endpoint (const link_t *self);
//  Connected: the hint last logged on why the broker refuses us, NULL = none.  Set it on a link
//  that replaces another, so that it is not logged again.  Static text.
const char *
link_hint (const link_t *self);
void
link_set_hint (link_t *self, const char *hint);
//  Connected: the number of connections made so far.  When it grows beyond 1, the peer was away and
//  unanswered messages are lost.  The first one may be counted after the first send.
int64_t
link_connections (link_t *self);
//  Bound: counts since the last call.
typedef struct {
    //  Connections that peers ended, or that were cut, for example for a frame over the limit.
    int64_t ended;
    //  Messages dropped because their peer, or the held queue, had no room.
    int64_t unsent;
    //  Handshakes with wrong keys; ZAP counts those that it refuses itself.
    int64_t refused;
    int64_t crowded; //  connections beyond the limit of their key
    int64_t shed;    //  connections cut at once because few descriptors were left
} link_counts_t;
link_counts_t
link_take_counts (link_t *self);
//  SUB: subscribe to a topic prefix.  Err: -errno.
int
link_subscribe (link_t *self, const char *prefix) must_check;

//  Session id of our own frames; 0 until set.  Setting it restarts seq at 1.
void
link_set_session (link_t *self, uint64_t session);

//  Take the next message without waiting.  0: a good message in *ret.
//  Err: -EAGAIN: none waits.  -ENOMEM: a good message is lost; ret->frame is set.
//  ERR_PROTO: a bad message: answer ERROR and count a strike.  ret->route, identity and, where
//  readable, frame are set; diag says why.
//  ERR_NONE: an unknown type; ret->frame is set.
//  ERR_LIMIT (ROUTER): the connection is one too many of its key (LIMIT_KEY_CONNECTIONS) and has
//  been sent an ERROR.
//  XPUB: 0 means a subscription; only ret->identity, the subscriber's, is set.
int
link_recv (link_t *self, link_msg_t *ret, err_diag_t *diag) must_check;
//  XPUB: the taps' subscriptions exceed LIMIT_SUBSCRIPTIONS_BYTES, or more than LIMIT_STREAM_BURST
//  messages came without a pause.  Close the link, or libzmq's memory grows.
bool
link_flooded (const link_t *self);
//  XPUB: has link_recv read a subscription since the bind?  Until then nobody receives what is
//  published.
bool
link_subscribed (const link_t *self);
//  XPUB: the number of different topics subscribed to, as far as link_recv has read.  A figure
//  only: a peer may end a subscription that another one still has.
size_t
link_topics (const link_t *self);
//  Address of the last message's sender as libzmq gives it ("10.0.0.7"); "" when unknown.  Own:
//  borrowed, until the next receive.
const char *
link_peer_address (const link_msg_t *msg);
//  Free what a link_msg_t holds; call it after the last receive.
void
link_msg_fini (link_msg_t *msg);

//  Send one message without waiting.  `from` is the struct of `type`.  route: ROUTER only, else
//  NULL.  corr: the seq this answers, or 0.  Returns the message's seq (> 0).
//  ROUTER: if the peer's queue is full, the message is held within LIMIT_HELD_ and sent by
//  link_wait.  Messages of other peers may displace it.
//  Err: -EAGAIN no room (DEALER: or not connected), -EHOSTUNREACH peer gone, ERR_LIMIT too large;
//  nothing is sent.
int64_t
link_send (link_t *self, const link_route_t *route, uint8_t type, const void *from, uint64_t corr);
//  XPUB: publish under a topic; slow subscribers miss it.
int64_t
link_publish (link_t *self, const char *topic, const void *record);

bool
link_route_equal (const link_route_t *a, const link_route_t *b);

//  One item to wait for: a link or a plain fd (level-triggered).
typedef struct {
    link_t *link;  //  or NULL
    int fd;        //  used when link is NULL
    bool readable; //  out
} link_wait_t;
//  timeout_ms -1 waits forever.  Returns the number of readable items; 0 on timeout or EINTR, and
//  soon while messages are held for a peer.
//  A new connection also makes its link readable, though link_recv may find nothing.
int
link_wait (link_wait_t *items, size_t count, int64_t timeout_ms);
