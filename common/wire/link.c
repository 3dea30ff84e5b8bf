//  link - see link.h.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/link.h"

#include "common/base/failpoint.h"
#include "common/base/limits.h"
#include "common/base/own.h"

#include <assert.h>
#include <czmq.h>
#include <errno.h>

enum {
    S_ZAP_ENFORCE_DOMAIN =
        93, //  ZMQ_ZAP_ENFORCE_DOMAIN: a draft name, but the option works in 4.3.4
    S_SLACK_BYTES = LIMIT_KIB (64), //  a peer accepts a little more than the broker may send
    S_WAIT_ITEMS = 64
};

//  What differs between the four sockets.
static const struct {
    const char *domain;
    int frame_bytes, hwm, broker_send_hwm;
} s_kinds [] = {
    [LINK_WORK] = {"work", LIMIT_WORK_FRAME_BYTES, LIMIT_WORK_HWM, LIMIT_WORK_SEND_HWM},
    [LINK_INGEST] = {"ingest", LIMIT_INGEST_FRAME_BYTES, LIMIT_INGEST_HWM, LIMIT_INGEST_SEND_HWM},
    [LINK_FILES] = {"files", LIMIT_FILES_FRAME_BYTES, LIMIT_FILES_HWM, LIMIT_FILES_HWM},
    [LINK_STREAM] = {"stream", LIMIT_WORK_FRAME_BYTES, LIMIT_STREAM_HWM, LIMIT_STREAM_HWM},
};

struct link {
    zsock_t *sock;
    void *raw; //  libzmq's socket inside sock
    link_kind_t kind;
    int type; //  ZMQ_ROUTER, ...
    uint64_t session, seq;
    codec_t *codec;
    buf_t out; //  reused by every send
    char endpoint [256];
};

//  --- making

static void
s_set_int (link_t *self, int option, int value)
{
    int rc = zmq_setsockopt (self->raw, option, &value, sizeof value);
    assert (rc == 0); //  constant options of a socket of the right type
    (void) rc;
}

static void
s_options_common (link_t *self, int64_t max_bytes)
{
    s_set_int (self, ZMQ_SNDHWM, s_kinds [self->kind].hwm);
    s_set_int (self, ZMQ_RCVHWM, s_kinds [self->kind].hwm);
    int rc = zmq_setsockopt (self->raw, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
    assert (rc == 0);
    (void) rc;
    s_set_int (self, ZMQ_HEARTBEAT_IVL, 5000);
    s_set_int (self, ZMQ_HEARTBEAT_TIMEOUT, 15000);
    s_set_int (self, ZMQ_HEARTBEAT_TTL, 20000);
    s_set_int (self, ZMQ_HANDSHAKE_IVL, 5000);
    s_set_int (self, ZMQ_LINGER, 0);
}

static void
s_options_bind (link_t *self, const curve_keys_t *keys)
{
    s_options_common (self,
                      self->type == ZMQ_XPUB ? LIMIT_KIB (1) : s_kinds [self->kind].frame_bytes);
    s_set_int (self, ZMQ_SNDHWM, s_kinds [self->kind].broker_send_hwm);
    s_set_int (self, ZMQ_BACKLOG, 4096);
    if (self->type == ZMQ_ROUTER)
        s_set_int (self, ZMQ_ROUTER_MANDATORY, 1);
    if (!keys->enabled)
        return;
    s_set_int (self, ZMQ_CURVE_SERVER, 1);
    zmq_setsockopt (self->raw, ZMQ_CURVE_SECRETKEY, keys->secret_key, CURVE_KEY);
    const char *domain = s_kinds [self->kind].domain;
    zmq_setsockopt (self->raw, ZMQ_ZAP_DOMAIN, domain, strlen (domain));
    s_set_int (self, S_ZAP_ENFORCE_DOMAIN, 1);
}

static void
s_options_connect (link_t *self, const curve_keys_t *keys)
{
    s_options_common (self, s_kinds [self->kind].frame_bytes + S_SLACK_BYTES);
    s_set_int (self, ZMQ_IMMEDIATE, 1);
    s_set_int (self, ZMQ_RECONNECT_IVL, 100);
    s_set_int (self, ZMQ_RECONNECT_IVL_MAX, 2000);
    s_set_int (self, ZMQ_TCP_KEEPALIVE, 1);
    s_set_int (self, ZMQ_TCP_KEEPALIVE_IDLE, 30);
    s_set_int (self, ZMQ_TCP_KEEPALIVE_INTVL, 10);
    s_set_int (self, ZMQ_TCP_KEEPALIVE_CNT, 3);
    if (!keys->enabled)
        return;
    zmq_setsockopt (self->raw, ZMQ_CURVE_SERVERKEY, keys->server_key, CURVE_KEY);
    zmq_setsockopt (self->raw, ZMQ_CURVE_PUBLICKEY, keys->public_key, CURVE_KEY);
    zmq_setsockopt (self->raw, ZMQ_CURVE_SECRETKEY, keys->secret_key, CURVE_KEY);
}

static link_t *
s_new (link_kind_t kind, int type, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag)
{
    if (!keys->enabled && !curve_endpoint_local (endpoint)) {
        err_diag (diag,
                  "%s endpoint %s: without keys only loopback and ipc endpoints may be used; make "
                  "keys with "
                  "triagectl key new and set keys_dir",
                  s_kinds [kind].domain, endpoint);
        return NULL;
    }
    zsys_handler_set (NULL); //  signals are ours
    own (link_destroy) link_t *self = calloc (1, sizeof (link_t));
    if (!self)
        return NULL;
    self->kind = kind;
    self->type = type;
    self->out = buf_init ((size_t) s_kinds [kind].frame_bytes);
    self->codec = codec_new ();
    self->sock = zsock_new (type);
    if (!self->codec || !self->sock) {
        err_diag (diag, "%s socket: %s", s_kinds [kind].domain, strerror (errno ? errno : ENOMEM));
        return NULL;
    }
    self->raw = zsock_resolve (self->sock);
    //  only where an IPv6 address is written: with it libzmq reports IPv4 ones in mapped form
    if (strchr (endpoint, '['))
        s_set_int (self, ZMQ_IPV6, 1);
    return own_take (self);
}

static void
s_failed (const link_t *self, const char *verb, const char *endpoint, err_diag_t *diag)
{
    err_diag (diag, "%s socket: cannot %s %s: %s", s_kinds [self->kind].domain, verb, endpoint,
              zmq_strerror (zmq_errno ()));
}

link_t *
link_bind (link_kind_t kind, const char *endpoint, const curve_keys_t *keys, err_diag_t *diag)
{
    int type = kind == LINK_STREAM ? ZMQ_XPUB : ZMQ_ROUTER;
    own (link_destroy) link_t *self = s_new (kind, type, endpoint, keys, diag);
    if (!self)
        return NULL;
    s_options_bind (self, keys);
    if (zmq_bind (self->raw, endpoint)) {
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
    own (link_destroy) link_t *self = s_new (kind, type, endpoint, keys, diag);
    if (!self)
        return NULL;
    s_options_connect (self, keys);
    if (zmq_connect (self->raw, endpoint)) {
        s_failed (self, "connect to", endpoint, diag);
        return NULL;
    }
    snprintf (self->endpoint, sizeof self->endpoint, "%s", endpoint);
    return own_take (self);
}

void
link_close (link_t **self_p, int linger_ms)
{
    link_t *self = *self_p;
    if (!self)
        return;
    if (self->raw)
        s_set_int (self, ZMQ_LINGER, linger_ms);
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

//  The parts of one message that mean something; the rest is read and thrown away.
typedef struct {
    zmq_msg_t parts [LIMIT_PARTS];
    int count; //  parts there were, also beyond LIMIT_PARTS
} parts_t;

static void
s_parts_close (parts_t *parts)
{
    for (int i = 0; i < LIMIT_PARTS && i < parts->count; i++)
        zmq_msg_close (&parts->parts [i]);
}

//  Read every part, or the rest would be taken for the next message.
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
        more = zmq_msg_more (part);
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

void
link_msg_fini (link_msg_t *msg)
{
    if (!msg->held_)
        return;
    zmq_msg_close (msg->held_);
    free (msg->held_);
    msg->held_ = NULL;
}

//  Who sent it: libzmq 4.3.4 keeps the ZAP User-Id on the body frames only.
static void
s_identity (link_msg_t *ret, zmq_msg_t *part)
{
    const char *user = zmq_msg_gets (part, "User-Id");
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
        s_identity (ret, &parts->parts [parts->count - 1]);
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

int
link_recv (link_t *self, link_msg_t *ret, err_diag_t *diag)
{
    parts_t parts;
    int rc = s_parts_recv (self, &parts);
    ret->route.size = 0;
    ret->identity [0] = ret->topic [0] = 0;
    ret->frame = (frame_t){0};
    ret->bytes = 0;
    if (!rc && self->type == ZMQ_XPUB)
        rc = -EAGAIN; //  a subscription: libzmq keeps them
    if (!rc)
        rc = s_envelope (self, &parts, ret, diag);
    if (rc >= 0) {
        zmq_msg_t *header = &parts.parts [rc], *body = &parts.parts [rc + 1];
        ret->bytes = zmq_msg_size (header) + zmq_msg_size (body);
        rc = frame_decode (zmq_msg_data (header), zmq_msg_size (header), &ret->frame);
        if (rc)
            err_diag (diag, "the header is not 32 bytes that start with K8T1");
        else
            rc = s_body (self, ret, body, diag);
    }
    s_parts_close (&parts);
    return rc;
}

//  --- sending

static int
s_send_part (link_t *self, const void *bytes, size_t size, int flags)
{
    return zmq_send (self->raw, bytes, size, flags | ZMQ_DONTWAIT) == -1 ? -zmq_errno () : 0;
}

//  Send [lead] header map.  Once libzmq took the first part it takes the others.
static int64_t
s_send (link_t *self, const void *lead, size_t lead_size, uint8_t type, const void *from,
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
    rc = failpoint_before ("send", msg_name (type));
    if (!rc && lead)
        rc = s_send_part (self, lead, lead_size, ZMQ_SNDMORE);
    if (!rc)
        rc = s_send_part (self, header, sizeof header, ZMQ_SNDMORE);
    if (!rc)
        rc = s_send_part (self, self->out.data, self->out.size, 0);
    if (rc)
        return rc;
    failpoint_after ("send", msg_name (type));
    return (int64_t) ++self->seq;
}

int64_t
link_send (link_t *self, const link_route_t *route, uint8_t type, const void *from, uint64_t corr)
{
    assert (msg_fields (type) && (self->type == ZMQ_ROUTER) == (route != NULL));
    return s_send (self, route ? route->bytes : NULL, route ? route->size : 0, type, from, corr);
}

int64_t
link_publish (link_t *self, const char *topic, const void *record)
{
    assert (self->type == ZMQ_XPUB);
    return s_send (self, topic, strlen (topic), MSG_RECORD, record, 0);
}

bool
link_route_equal (const link_route_t *a, const link_route_t *b)
{
    return a->size == b->size && memcmp (a->bytes, b->bytes, a->size) == 0;
}

int
link_wait (link_wait_t *items, size_t count, int64_t timeout_ms)
{
    assert (count <= S_WAIT_ITEMS);
    zmq_pollitem_t polls [S_WAIT_ITEMS];
    for (size_t i = 0; i < count; i++) {
        polls [i] = (zmq_pollitem_t){.socket = items [i].link ? items [i].link->raw : NULL,
                                     .fd = items [i].link ? 0 : items [i].fd,
                                     .events = ZMQ_POLLIN};
        items [i].readable = false;
    }
    int ready = zmq_poll (polls, (int) count, (long) timeout_ms);
    for (size_t i = 0; ready > 0 && i < count; i++)
        items [i].readable = polls [i].revents != 0;
    return ready > 0 ? ready : 0;
}
