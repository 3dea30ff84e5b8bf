//  link_option - libzmq's options for each kind of socket: limits, keepalive, keys.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/link_part.h"

#include <assert.h>

enum {
    //  ZMQ_ZAP_ENFORCE_DOMAIN: a draft name, but the option works in 4.3.4
    S_ZAP_ENFORCE_DOMAIN = 93,
    S_SLACK_BYTES = LIMIT_KIB (64), //  a peer accepts a little more than the broker may send
    //  XPUB: messages of taps that wait.  libzmq takes in messages without limit while they come
    //  without a pause, before we count one.
    S_XPUB_READ_HWM = 8
};

//  The differences between the four sockets.
static const struct {
    const char *domain;
    int frame_bytes, hwm, broker_read_hwm, broker_send_hwm;
} s_kinds [] = {
    [LINK_WORK] = {"work", LIMIT_WORK_FRAME_BYTES, LIMIT_WORK_HWM, LIMIT_WORK_HWM,
                   LIMIT_WORK_SEND_HWM},
    [LINK_INGEST] = {"ingest", LIMIT_INGEST_FRAME_BYTES, LIMIT_INGEST_HWM, LIMIT_INGEST_READ_HWM,
                     LIMIT_INGEST_SEND_HWM},
    [LINK_FILES] = {"files", LIMIT_FILES_FRAME_BYTES, LIMIT_FILES_HWM, LIMIT_FILES_HWM,
                    LIMIT_FILES_HWM},
    [LINK_STREAM] = {"stream", LIMIT_WORK_FRAME_BYTES, LIMIT_STREAM_HWM, S_XPUB_READ_HWM,
                     LIMIT_STREAM_HWM},
};

const char *
link_option_domain (link_kind_t kind)
{
    return s_kinds [kind].domain;
}

size_t
link_option_frame_bytes (link_kind_t kind)
{
    return (size_t) s_kinds [kind].frame_bytes;
}

void
link_option_set (link_t *self, int option, int value)
{
    int rc = zmq_setsockopt (self->raw, option, &value, sizeof value);
    assert (rc == 0); //  constant options of a socket of the right type
    (void) rc;
}

static void
s_options_common (link_t *self, int64_t max_bytes)
{
    link_option_set (self, ZMQ_SNDHWM, s_kinds [self->kind].hwm);
    link_option_set (self, ZMQ_RCVHWM, s_kinds [self->kind].hwm);
    int rc = zmq_setsockopt (self->raw, ZMQ_MAXMSGSIZE, &max_bytes, sizeof max_bytes);
    assert (rc == 0);
    (void) rc;
    //  No ZMTP heartbeats on either side.  libzmq 4.3.4 aborts the process if it sends or answers a
    //  ping on a closed connection with unread messages.  TCP keepalive finds a vanished host.
    link_option_set (self, ZMQ_TCP_KEEPALIVE, 1);
    link_option_set (self, ZMQ_TCP_KEEPALIVE_IDLE, LIMIT_KEEPALIVE_S);
    link_option_set (self, ZMQ_TCP_KEEPALIVE_INTVL, LIMIT_KEEPALIVE_S);
    link_option_set (self, ZMQ_TCP_KEEPALIVE_CNT, LIMIT_KEEPALIVE_TRIES);
    link_option_set (self, ZMQ_TCP_MAXRT, LIMIT_TCP_DEAD_MS);
    link_option_set (self, ZMQ_HANDSHAKE_IVL, 5000);
    link_option_set (self, ZMQ_LINGER, 0);
}

void
link_option_bind (link_t *self, const curve_keys_t *keys)
{
    s_options_common (self,
                      self->type == ZMQ_XPUB ? LIMIT_KIB (1) : s_kinds [self->kind].frame_bytes);
    link_option_set (self, ZMQ_SNDHWM, s_kinds [self->kind].broker_send_hwm);
    link_option_set (self, ZMQ_RCVHWM, s_kinds [self->kind].broker_read_hwm);
    link_option_set (self, ZMQ_BACKLOG, 4096);
    if (self->type == ZMQ_ROUTER)
        link_option_set (self, ZMQ_ROUTER_MANDATORY, 1);
    if (!keys->enabled)
        return;
    link_option_set (self, ZMQ_CURVE_SERVER, 1);
    zmq_setsockopt (self->raw, ZMQ_CURVE_SECRETKEY, keys->secret_key, CURVE_KEY);
    const char *domain = s_kinds [self->kind].domain;
    zmq_setsockopt (self->raw, ZMQ_ZAP_DOMAIN, domain, strlen (domain));
    link_option_set (self, S_ZAP_ENFORCE_DOMAIN, 1);
    //  Report every tap's subscription, also to a known topic: the first one names its key.
    if (self->type == ZMQ_XPUB)
        link_option_set (self, ZMQ_XPUB_VERBOSE, 1);
}

void
link_option_connect (link_t *self, const curve_keys_t *keys)
{
    s_options_common (self, s_kinds [self->kind].frame_bytes + S_SLACK_BYTES);
    link_option_set (self, ZMQ_RECONNECT_IVL, 100);
    link_option_set (self, ZMQ_RECONNECT_IVL_MAX, 2000);
    if (!keys->enabled)
        return;
    zmq_setsockopt (self->raw, ZMQ_CURVE_SERVERKEY, keys->server_key, CURVE_KEY);
    zmq_setsockopt (self->raw, ZMQ_CURVE_PUBLICKEY, keys->public_key, CURVE_KEY);
    zmq_setsockopt (self->raw, ZMQ_CURVE_SECRETKEY, keys->secret_key, CURVE_KEY);
}
