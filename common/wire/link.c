//  link - makes and closes a socket; sends, receives and waits for its messages.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/link_part.h"

#include "common/base/failpoint.h"
#include "common/base/log.h"
#include "common/base/own.h"

#include <assert.h>
#include <errno.h>
#include <uthash.h>

enum {
    S_WAIT_ITEMS = 64,
    S_HELD_MS = 2 //  until held messages are tried again
};

//  XPUB: a topic that somebody has subscribed to.
typedef struct topic {
    UT_hash_handle hh;
    bool wanted; //  still subscribed, as far as libzmq reports
    char bytes [];
} topic_t;

//  --- one message out

static int
s_part (link_t *self, const void *bytes, size_t size, int flags)
{
    return zmq_send (self->raw, bytes, size, flags | ZMQ_DONTWAIT) == -1 ? -zmq_errno () : 0;
}

//  Send [lead] header map.  Once libzmq has taken the first part it takes the others.
static int
s_push (link_t *self, const void *lead, size_t lead_size, const uint8_t *header, const void *body,
        size_t size)
{
    int rc = -EAGAIN;
    for (int tries = 0; rc == -EAGAIN && tries < 2; tries++) {
        //  libzmq looks only now and then at what peers have read: its clock counts to 3,000,000
        //  between two looks.  Asking for its events makes it look.
        if (tries > 0) {
            int events = 0;
            size_t events_size = sizeof events;
            zmq_getsockopt (self->raw, ZMQ_EVENTS, &events, &events_size);
        }
        rc = lead ? s_part (self, lead, lead_size, ZMQ_SNDMORE) : 0;
        if (!rc)
            rc = s_part (self, header, FRAME_BYTES, ZMQ_SNDMORE);
    }
    return rc ? rc : s_part (self, body, size, 0);
}

static int
s_push_held (void *self, const link_route_t *route, const uint8_t *header, const void *body,
             size_t size)
{
    return s_push (self, route->bytes, route->size, header, body, size);
}

//  --- subscriptions

//  A topic stays known when nobody seems to want it any more.  A peer may end a subscription that
//  only another peer has, and libzmq keeps that one.
static void
s_topic_add (link_t *self, const char *bytes, size_t size)
{
    self->flooded = self->topic_bytes + size > LIMIT_SUBSCRIPTIONS_BYTES;
    topic_t *topic = self->flooded ? NULL : calloc (1, sizeof (topic_t) + size);
    if (!topic)
        return;
    topic->wanted = true;
    memcpy (topic->bytes, bytes, size);
    self->topic_bytes += size + 1; //  each topic costs at least one byte
    self->topic_count++;
    HASH_ADD_KEYPTR (hh, self->topics, topic->bytes, size, topic);
}

//  topic 1: its first subscriber came.  topic 0: its last subscriber left, or there never was one.
//  Err: ERR_PROTO: not a subscription.
static int
s_topic_recv (link_t *self, zmq_msg_t *part, err_diag_t *diag)
{
    const char *bytes = zmq_msg_data (part);
    size_t size = zmq_msg_size (part);
    if (size == 0 || bytes [0] < 0 || bytes [0] > 1) {
        err_diag (diag, "the stream takes subscriptions only");
        return ERR_PROTO;
    }
    const bool wanted = bytes [0] == 1;
    topic_t *topic = NULL;
    self->subscribed = true;
    HASH_FIND (hh, self->topics, bytes + 1, size - 1, topic);
    if (!topic && wanted && !self->flooded)
        s_topic_add (self, bytes + 1, size - 1);
    if (!topic)
        return 0;
    self->topic_count = self->topic_count - topic->wanted + wanted;
    topic->wanted = wanted;
    return 0;
}

bool
link_flooded (const link_t *self)
{
    return self->flooded;
}

bool
link_subscribed (const link_t *self)
{
    return self->subscribed;
}

size_t
link_topics (const link_t *self)
{
    return self->topic_count;
}

//  --- making

//  The keys for a connected socket.
static curve_keys_t
s_keys (const link_t *self)
{
    curve_keys_t keys = {.enabled = self->curve};
    size_t size [] = {CURVE_KEY, CURVE_KEY, CURVE_KEY};
    if (!self->curve)
        return keys;
    (void) zmq_getsockopt (self->raw, ZMQ_CURVE_SERVERKEY, keys.server_key, &size [0]);
    (void) zmq_getsockopt (self->raw, ZMQ_CURVE_PUBLICKEY, keys.public_key, &size [1]);
    (void) zmq_getsockopt (self->raw, ZMQ_CURVE_SECRETKEY, keys.secret_key, &size [2]);
    return keys;
}

static link_t *
s_new (link_kind_t kind, int type, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag)
{
    zsys_handler_set (NULL); //  signals are ours
    own (link_destroy) link_t *self = calloc (1, sizeof (link_t));
    if (!self)
        return NULL;
    self->kind = kind;
    self->type = type;
    self->curve = keys->enabled;
    self->out = buf_init ((size_t) link_option_frame_bytes (kind));
    self->codec = codec_new ();
    self->held = type == ZMQ_ROUTER ? held_new () : NULL;
    self->sock = zsock_new (type);
    if (!self->codec || !self->sock || (type == ZMQ_ROUTER && !self->held)) {
        err_diag (diag, "%s socket: %s", link_option_domain (kind),
                  strerror (errno ? errno : ENOMEM));
        return NULL;
    }
    self->raw = zsock_resolve (self->sock);
    //  Only when the text holds an IPv6 address; link_watch handles names.
    self->watch.ipv6 = strchr (endpoint, '[') != NULL;
    link_option_set (self, ZMQ_IPV6, self->watch.ipv6);
    return own_take (self);
}

static void
s_failed (const link_t *self, const char *verb, const char *endpoint, err_diag_t *diag)
{
    const int error = zmq_errno ();
    err_diag (diag, "%s socket: cannot %s %s: %s%s", link_option_domain (self->kind), verb,
              endpoint, zmq_strerror (error),
              error == ENODEV ? "; give an address or a network interface, not a name" : "");
}

//  libzmq binds to addresses and interfaces only; "localhost" means the same address everywhere.
static void
s_bind_address (const char *endpoint, char *ret_text, size_t size)
{
    static const char name [] = "tcp://localhost:";
    const bool local = strncmp (endpoint, name, sizeof name - 1) == 0;
    snprintf (ret_text, size, "%s%s", local ? "tcp://127.0.0.1:" : "",
              local ? endpoint + sizeof name - 1 : endpoint);
}

link_counts_t
link_take_counts (link_t *self)
{
    const link_counts_t counts = self->counts;
    self->counts = (link_counts_t){0};
    return counts;
}

int64_t
link_connections (link_t *self)
{
    link_watch_read (self);
    return self->connections;
}

link_t *
link_bind (link_kind_t kind, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag)
{
    int type = kind == LINK_STREAM ? ZMQ_XPUB : ZMQ_ROUTER;
    char address [sizeof ((link_t *) NULL)->endpoint];
    s_bind_address (endpoint, address, sizeof address);
    if (link_check_bind (endpoint, keys, diag) < 0)
        return NULL;
    own (link_destroy) link_t *self = s_new (kind, type, endpoint, keys, diag);
    if (!self)
        return NULL;
    link_option_bind (self, keys);
    if (link_watch_bound (self) || zmq_bind (self->raw, address)) {
        s_failed (self, "bind", endpoint, diag);
        return NULL;
    }
    size_t size = sizeof self->endpoint;
    if (zmq_getsockopt (self->raw, ZMQ_LAST_ENDPOINT, self->endpoint, &size)) {
        s_failed (self, "bind", endpoint, diag);
        return NULL;
    }
    return own_take (self);
}

link_t *
link_connect (link_kind_t kind, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag)
{
    int type = kind == LINK_STREAM ? ZMQ_SUB : ZMQ_DEALER;
    if (link_check_connect (endpoint, keys, diag) < 0)
        return NULL;
    own (link_destroy) link_t *self = s_new (kind, type, endpoint, keys, diag);
    if (!self)
        return NULL;
    link_option_connect (self, keys);
    snprintf (self->endpoint, sizeof self->endpoint, "%s", endpoint);
    if (link_watch_connected (self) || zmq_connect (self->raw, endpoint)) {
        s_failed (self, "connect to", endpoint, diag);
        return NULL;
    }
    return own_take (self);
}

//  DEALER: replace the socket whose peer is gone, and drop all messages that wait in it.
static void
s_renew (link_t *self)
{
    zsock_t *sock = zsock_new (self->type);
    self->watch.stale = false;
    if (!sock) { //  keep the old one; its messages are sent late
        log_error ("no new socket", kv ("endpoint", self->endpoint),
                   kv ("error", zmq_strerror (zmq_errno ())));
        return;
    }
    curve_keys_t keys = s_keys (self);
    link_watch_end (self);
    zsock_destroy (&self->sock);
    self->sock = sock;
    self->raw = zsock_resolve (sock);
    link_option_set (self, ZMQ_IPV6, self->watch.ipv6);
    link_option_connect (self, &keys);
    curve_wipe (&keys);
    if (link_watch_connected (self) || zmq_connect (self->raw, self->endpoint))
        log_error ("cannot connect", kv ("endpoint", self->endpoint),
                   kv ("error", zmq_strerror (zmq_errno ())));
}

void
link_close (link_t **self_p, int linger_ms)
{
    link_t *self = *self_p;
    if (!self)
        return;
    if (self->raw && self->held && linger_ms > 0)
        held_flush (self->held, s_push_held, self);
    held_destroy (&self->held);
    topic_t *topic, *next;
    HASH_ITER (hh, self->topics, topic, next) {
        HASH_DEL (self->topics, topic);
        free (topic);
    }
    if (self->raw)
        link_option_set (self, ZMQ_LINGER, linger_ms);
    link_watch_end (self);
    zsock_destroy (&self->sock);
    codec_destroy (&self->codec);
    buf_fini (&self->out);
    free (self);
    *self_p = NULL;
}

void
link_destroy (link_t **self_p)
{
    link_close (self_p, 0);
}

const char *
link_endpoint (const link_t *self)
{
    return self->endpoint;
}

int
link_subscribe (link_t *self, const char *prefix)
{
    assert (self->type == ZMQ_SUB);
    return zmq_setsockopt (self->raw, ZMQ_SUBSCRIBE, prefix, strlen (prefix)) ? -zmq_errno () : 0;
}

void
link_set_session (link_t *self, uint64_t session)
{
    self->session = session;
    self->seq = 0;
}

//  --- receiving

//  The meaningful parts of one message; the rest is read and dropped.
typedef struct {
    zmq_msg_t parts [LIMIT_PARTS];
    int count; //  parts in the message, also beyond LIMIT_PARTS
} parts_t;

static void
s_parts_close (parts_t *parts)
{
    for (int i = 0; i < LIMIT_PARTS && i < parts->count; i++)
        zmq_msg_close (&parts->parts [i]);
}

//  Read every part, or the rest would count as the next message.  XPUB: libzmq treats each part
//  from a peer as a subscription, so each is a message of its own.
static int
s_parts_recv (link_t *self, parts_t *parts)
{
    parts->count = 0;
    for (bool more = true; more; parts->count++) {
        zmq_msg_t surplus;
        zmq_msg_t *part = parts->count < LIMIT_PARTS ? &parts->parts [parts->count] : &surplus;
        zmq_msg_init (part);
        if (zmq_msg_recv (part, self->raw, ZMQ_DONTWAIT) == -1) {
            zmq_msg_close (part);
            return zmq_errno () == EINTR ? -EAGAIN : -zmq_errno ();
        }
        more = self->type != ZMQ_XPUB && zmq_msg_more (part);
        if (part == &surplus)
            zmq_msg_close (part);
    }
    return 0;
}

static void
s_hold (link_msg_t *ret, zmq_msg_t *body)
{
    if (!ret->held_)
        ret->held_ = calloc (1, sizeof (zmq_msg_t));
    else
        zmq_msg_close (ret->held_);
    assert (ret->held_);
    zmq_msg_init (ret->held_);
    zmq_msg_move (ret->held_, body);
}

const char *
link_peer_address (const link_msg_t *msg)
{
    const char *address = msg->held_ ? zmq_msg_gets (msg->held_, "Peer-Address") : NULL;
    return address ? address : "";
}

void
link_msg_fini (link_msg_t *msg)
{
    if (!msg->held_)
        return;
    zmq_msg_close (msg->held_);
    free (msg->held_);
    msg->held_ = NULL;
}

//  Set who sent the message.  libzmq 4.3.4 keeps the ZAP User-Id on body frames only.  Without
//  CURVE it is not authenticated: a peer may choose it in its handshake.
static void
s_identity (const link_t *self, link_msg_t *ret, zmq_msg_t *part)
{
    const char *user = self->curve ? zmq_msg_gets (part, "User-Id") : NULL;
    snprintf (ret->identity, sizeof ret->identity, "%s", user ? user : "");
}

static int
s_envelope (link_t *self, parts_t *parts, link_msg_t *ret, err_diag_t *diag)
{
    zmq_msg_t *first = &parts->parts [0];
    size_t size = zmq_msg_size (first);
    if (self->type == ZMQ_ROUTER && size <= sizeof ret->route.bytes) {
        ret->route.size = (uint8_t) size;
        memcpy (ret->route.bytes, zmq_msg_data (first), size);
    }
    if (self->type == ZMQ_SUB)
        codec_copy ((codec_text_t){zmq_msg_data (first), size}, ret->topic, sizeof ret->topic);
    int lead = self->type == ZMQ_DEALER ? 0 : 1;
    if (parts->count > lead && parts->count <= LIMIT_PARTS)
        s_identity (self, ret, &parts->parts [parts->count - 1]);
    if (parts->count != lead + 2) {
        err_diag (diag, "a message has two frames, header and map; this one has %d",
                  parts->count - lead);
        return ERR_PROTO;
    }
    return lead;
}

static int
s_body (link_t *self, link_msg_t *ret, zmq_msg_t *body, err_diag_t *diag)
{
    if (ret->frame.version != FRAME_VERSION) {
        err_diag (diag, "protocol version %u is not spoken here, only %d", ret->frame.version,
                  FRAME_VERSION);
        return ERR_PROTO;
    }
    const codec_field_t *fields = msg_fields (ret->frame.type);
    if (!fields) {
        err_diag (diag, "message type %u is not known", ret->frame.type);
        return ERR_NONE;
    }
    s_hold (ret, body);
    return codec_decode (self->codec, fields, zmq_msg_data (ret->held_), zmq_msg_size (ret->held_),
                         &ret->msg, sizeof ret->msg, diag);
}

//  Messages that taps send faster than we read wait inside libzmq without a limit.
static int
s_stream_recv (link_t *self, int rc, link_msg_t *ret, zmq_msg_t *part, err_diag_t *diag)
{
    self->burst = rc == 0 ? self->burst + 1 : 0;
    if (rc)
        return rc;
    s_identity (self, ret, part);
    //  one connection too many is cut
    (void) link_watch_message (self, zmq_msg_get (part, ZMQ_SRCFD), ret, &(bool){false});
    rc = s_topic_recv (self, part, diag);
    self->flooded = self->flooded || self->burst > LIMIT_STREAM_BURST;
    return rc;
}

//  May the sender's connection be heard?  Err: ERR_LIMIT; the peer is sent an ERROR once.
static int
s_may_speak (link_t *self, const link_msg_t *msg, int fd)
{
    bool tell = false;
    const int rc = link_watch_message (self, fd, msg, &tell);
    const msg_error_t error = {
        .code = codec_text ("too_many_connections"),
        .text = codec_text ("this key has 8 connections on this socket already; end one of them")};
    if (tell)
        (void) link_send (self, &msg->route, MSG_ERROR, &error, msg->frame.seq);
    return rc;
}

int
link_recv (link_t *self, link_msg_t *ret, err_diag_t *diag)
{
    parts_t parts;
    int rc = s_parts_recv (self, &parts);
    if (rc == -EAGAIN && self->watch.stale)
        s_renew (self);
    ret->route.size = 0;
    ret->identity [0] = ret->topic [0] = 0;
    ret->frame = (frame_t){0};
    ret->bytes = 0;
    if (self->type == ZMQ_XPUB) {
        rc = s_stream_recv (self, rc, ret, &parts.parts [0], diag);
        s_parts_close (&parts);
        return rc;
    }
    if (rc == 0)
        rc = s_envelope (self, &parts, ret, diag);
    if (rc >= 0) {
        zmq_msg_t *header = &parts.parts [rc], *body = &parts.parts [rc + 1];
        ret->bytes = zmq_msg_size (header) + zmq_msg_size (body);
        rc = frame_decode (zmq_msg_data (header), zmq_msg_size (header), &ret->frame);
        if (rc)
            err_diag (diag, "the header is not 32 bytes that start with K8T1");
        else if (self->type == ZMQ_ROUTER)
            rc = s_may_speak (self, ret, zmq_msg_get (body, ZMQ_SRCFD));
        if (rc == 0)
            rc = s_body (self, ret, body, diag);
    }
    s_parts_close (&parts);
    return rc;
}

//  --- sending

static int
s_send_routed (link_t *self, const link_route_t *route, const uint8_t *header)
{
    int rc = -EAGAIN; //  it must wait behind held messages
    if (!held_for (self->held, route))
        rc = s_push (self, route->bytes, route->size, header, self->out.data, self->out.size);
    if (rc == -EAGAIN)
        rc = held_add (self->held, route, link_watch_whose (self, route), header, self->out.data,
                       self->out.size, &self->counts.unsent);
    self->counts.unsent += rc == -EAGAIN;
    return rc;
}

static int64_t
s_send (link_t *self, const link_route_t *route, const char *topic, uint8_t type, const void *from,
        uint64_t corr)
{
    buf_reset (&self->out);
    int rc = codec_encode (msg_fields (type), from, &self->out);
    if (rc)
        return rc;
    frame_t frame = {.version = FRAME_VERSION,
                     .type = type,
                     .session = self->session,
                     .seq = self->seq + 1,
                     .corr = corr};
    uint8_t header [FRAME_BYTES];
    frame_encode (&frame, header);
    if (self->type == ZMQ_DEALER && !link_watch_up (self))
        return -EAGAIN;
    rc = failpoint_before ("send", msg_name (type));
    if (rc)
        return rc;
    if (route)
        rc = s_send_routed (self, route, header);
    else
        rc = s_push (self, topic, topic ? strlen (topic) : 0, header, self->out.data,
                     self->out.size);
    if (rc)
        return rc;
    failpoint_after ("send", msg_name (type));
    return (int64_t) ++self->seq;
}

int64_t
link_send (link_t *self, const link_route_t *route, uint8_t type, const void *from, uint64_t corr)
{
    assert (msg_fields (type) && (self->type == ZMQ_ROUTER) == (route != NULL));
    return s_send (self, route, NULL, type, from, corr);
}

int64_t
link_publish (link_t *self, const char *topic, const void *record)
{
    assert (self->type == ZMQ_XPUB);
    return s_send (self, NULL, topic, MSG_RECORD, record, 0);
}

bool
link_route_equal (const link_route_t *a, const link_route_t *b)
{
    return a->size == b->size && memcmp (a->bytes, b->bytes, a->size) == 0;
}

//  A link with a monitor takes two places: [i] for itself, [count + k] for its monitor.
int
link_wait (link_wait_t *items, size_t count, int64_t timeout_ms)
{
    assert (count <= S_WAIT_ITEMS);
    zmq_pollitem_t polls [2 * S_WAIT_ITEMS];
    size_t owner [2 * S_WAIT_ITEMS], total = count;
    for (size_t i = 0; i < count; i++) {
        link_t *link = items [i].link;
        polls [i] = (zmq_pollitem_t){
            .socket = link ? link->raw : NULL, .fd = link ? 0 : items [i].fd, .events = ZMQ_POLLIN};
        owner [i] = i;
        items [i].readable = false;
        if (link && link->held && held_any (link->held)) {
            held_flush (link->held, s_push_held, link);
            bool soon = timeout_ms < 0 || timeout_ms > S_HELD_MS;
            if (held_any (link->held) && soon)
                timeout_ms = S_HELD_MS; //  a ROUTER does not report when a peer has room again
        }
        if (link && link->monitor) {
            polls [total] =
                (zmq_pollitem_t){.socket = zsock_resolve (link->monitor), .events = ZMQ_POLLIN};
            owner [total++] = i;
        }
    }
    int ready = zmq_poll (polls, (int) total, (long) timeout_ms);
    int found = 0;
    for (size_t i = 0; ready > 0 && i < total; i++) {
        link_wait_t *item = &items [owner [i]];
        if (polls [i].revents == 0)
            continue;
        if (i >= count)
            link_watch_read (item->link);
        found += !item->readable;
        item->readable = true;
    }
    return found;
}
