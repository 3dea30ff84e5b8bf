//  bare - the floor: the messages of a job between bare ROUTER and DEALER sockets,
//  nothing behind them.
//
//  The same frames in the same order and sizes as a job without files: EVENT, EVENT_ACK,
//  ASSIGN, ACCEPT, STARTED, VERDICT, VERDICT_ACK.  No state, no check, no store:
//  what libzmq itself can carry here.
//  SPDX-License-Identifier: Apache-2.0
#include "common/base/limits.h"
#include "common/wire/frame.h"
#include "common/wire/msg.h"
#include "tests/bench/bench.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

enum { PEERS = 4, SLOTS = 64, WINDOW = PEERS * SLOTS, TYPES = 64, ROUTE_MAX = 32 };

typedef struct {
    void *context;
    bool curve;
    char public_key [41], secret_key [41];
    char ingest [64], work [64]; //  endpoints
    int64_t jobs;
} bare_t;

static buf_t s_bodies [TYPES]; //  by type; encoded once

static void
s_must (bool good, const char *what)
{
    if (!good)
        bench_die ("%s: %s", what, zmq_strerror (errno));
}

//  --- bodies of the sizes that the real thing has

static void
s_body (uint8_t type, const void *from)
{
    s_bodies [type] = buf_init (LIMIT_WORK_FRAME_BYTES);
    s_must (codec_encode (msg_fields (type), from, &s_bodies [type]) == 0, "body");
}

static void
s_bodies_init (void)
{
    static char text [700];
    memset (text, 'x', sizeof text);
    const codec_text_t id = codec_text ("01900000-0000-7000-8000-000000000000");
    const msg_fence_t fence = {id, 1};
    s_body (MSG_EVENT, &(msg_event_t){.event_id = id, .body = {text, sizeof text}});
    s_body (MSG_EVENT_ACK, &(msg_event_ack_t){id, codec_text ("new"), id});
    s_body (MSG_ASSIGN, &(msg_assign_t){.incident = id,
                                        .attempt = 1,
                                        .cluster = codec_text ("c1"),
                                        .fault_type = codec_text ("CrashLoop"),
                                        .severity = codec_text ("critical"),
                                        .timeout_ms = 300000,
                                        .lease_ms = 60000,
                                        .model = codec_text ("sonnet"),
                                        .allowed_tools = codec_text ("Read,Write,Grep,Glob,Bash")});
    s_body (MSG_ACCEPT, &fence);
    s_body (MSG_STARTED, &fence);
    s_body (MSG_VERDICT, &(msg_verdict_t){.incident = id,
                                          .attempt = 1,
                                          .outcome = codec_text ("agent"),
                                          .exit_code = 1,
                                          .reason = codec_text ("bench")});
    s_body (MSG_VERDICT_ACK, &(msg_verdict_ack_t){id, 1, codec_text ("committed")});
}

//  --- sockets

static void
s_key (void *socket, int option, const char *key)
{
    s_must (zmq_setsockopt (socket, option, key, 41) == 0, "key");
}

static void *
s_socket (const bare_t *self, int type)
{
    const int hwm = 4096, linger = 0, yes = 1;
    void *socket = zmq_socket (self->context, type);
    s_must (socket, "socket");
    zmq_setsockopt (socket, ZMQ_SNDHWM, &hwm, sizeof hwm);
    zmq_setsockopt (socket, ZMQ_RCVHWM, &hwm, sizeof hwm);
    zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger);
    if (self->curve) {
        if (type == ZMQ_ROUTER)
            zmq_setsockopt (socket, ZMQ_CURVE_SERVER, &yes, sizeof yes);
        else {
            s_key (socket, ZMQ_CURVE_SERVERKEY, self->public_key);
            s_key (socket, ZMQ_CURVE_PUBLICKEY, self->public_key);
        }
        s_key (socket, ZMQ_CURVE_SECRETKEY, self->secret_key);
    }
    return socket;
}

//  Take one message: its route on a ROUTER, and its type.  False when there is none.
static bool
s_take (void *socket, char *route, size_t *route_size, uint8_t *ret_type)
{
    if (route) {
        const int size = zmq_recv (socket, route, ROUTE_MAX, ZMQ_DONTWAIT);
        if (size < 0)
            return false;
        *route_size = (size_t) size;
    }
    uint8_t header [FRAME_BYTES];
    if (zmq_recv (socket, header, sizeof header, route ? 0 : ZMQ_DONTWAIT) < 0)
        return false;
    zmq_msg_t body;
    zmq_msg_init (&body);
    s_must (zmq_msg_recv (&body, socket, 0) >= 0, "receive");
    zmq_msg_close (&body);
    *ret_type = header [5];
    return true;
}

static void
s_give (void *socket, const char *route, size_t route_size, uint8_t type)
{
    uint8_t header [FRAME_BYTES];
    frame_encode (&(frame_t){.version = FRAME_VERSION, .type = type, .session = 1, .seq = 1},
                  header);
    if (route)
        s_must (zmq_send (socket, route, route_size, ZMQ_SNDMORE) >= 0, "send");
    s_must (zmq_send (socket, header, sizeof header, ZMQ_SNDMORE) >= 0, "send");
    s_must (zmq_send (socket, s_bodies [type].data, s_bodies [type].size, 0) >= 0, "send");
}

//  --- the broker's side

typedef struct {
    char route [ROUTE_MAX];
    size_t route_size;
    int busy;
} bare_peer_t;

static bare_peer_t *
s_peer (bare_peer_t *peers, int *count, const char *route, size_t size)
{
    for (int i = 0; i < *count; i++)
        if (peers [i].route_size == size && memcmp (peers [i].route, route, size) == 0)
            return &peers [i];
    bare_peer_t *peer = &peers [(*count)++];
    memcpy (peer->route, route, size);
    peer->route_size = size;
    return peer;
}

static void *
s_broker (void *arg)
{
    bare_t *self = arg;
    void *ingest = s_socket (self, ZMQ_ROUTER), *work = s_socket (self, ZMQ_ROUTER);
    size_t size = sizeof self->ingest;
    s_must (zmq_bind (ingest, "tcp://127.0.0.1:*") == 0, "bind");
    s_must (zmq_bind (work, "tcp://127.0.0.1:*") == 0, "bind");
    zmq_getsockopt (ingest, ZMQ_LAST_ENDPOINT, self->ingest, &size);
    size = sizeof self->work;
    zmq_getsockopt (work, ZMQ_LAST_ENDPOINT, self->work, &size);
    void *ready = zmq_socket (self->context, ZMQ_PAIR);
    s_must (zmq_connect (ready, "inproc://ready") == 0 && zmq_send (ready, "", 0, 0) == 0, "ready");
    zmq_close (ready);

    bare_peer_t peers [PEERS] = {0};
    int peer_count = 0;
    int64_t queued = 0, done = 0;
    zmq_pollitem_t items [] = {{ingest, 0, ZMQ_POLLIN, 0}, {work, 0, ZMQ_POLLIN, 0}};
    char route [ROUTE_MAX];
    uint8_t type;
    while (done < self->jobs) {
        zmq_poll (items, 2, -1);
        while (s_take (ingest, route, &size, &type)) {
            s_give (ingest, route, size, MSG_EVENT_ACK);
            queued++;
        }
        while (s_take (work, route, &size, &type)) {
            bare_peer_t *peer = s_peer (peers, &peer_count, route, size);
            if (type != MSG_VERDICT)
                continue;
            s_give (work, route, size, MSG_VERDICT_ACK);
            peer->busy--;
            done++;
        }
        for (int i = 0; i < peer_count; i++)
            for (; queued > 0 && peers [i].busy < SLOTS; queued--, peers [i].busy++)
                s_give (work, peers [i].route, peers [i].route_size, MSG_ASSIGN);
    }
    const int linger = 1000; //  the last acknowledgements
    zmq_setsockopt (work, ZMQ_LINGER, &linger, sizeof linger);
    zmq_close (ingest);
    zmq_close (work);
    return NULL;
}

//  --- the peers' side

static void
s_peers (bare_t *self)
{
    void *ingest = s_socket (self, ZMQ_DEALER), *work [PEERS];
    zmq_pollitem_t items [PEERS + 1] = {{ingest, 0, ZMQ_POLLIN, 0}};
    s_must (zmq_connect (ingest, self->ingest) == 0, "connect");
    for (int i = 0; i < PEERS; i++) {
        work [i] = s_socket (self, ZMQ_DEALER);
        s_must (zmq_connect (work [i], self->work) == 0, "connect");
        s_give (work [i], NULL, 0, MSG_ACCEPT); //  a HELLO: the broker learns the route
        items [i + 1] = (zmq_pollitem_t){work [i], 0, ZMQ_POLLIN, 0};
    }
    int64_t sent = 0, acked = 0, done = 0;
    uint8_t type;
    while (done < self->jobs) {
        for (; sent < self->jobs && sent - acked < WINDOW; sent++)
            s_give (ingest, NULL, 0, MSG_EVENT);
        zmq_poll (items, PEERS + 1, -1);
        while (s_take (ingest, NULL, NULL, &type))
            acked++;
        for (int i = 0; i < PEERS; i++)
            while (s_take (work [i], NULL, NULL, &type)) {
                if (type == MSG_VERDICT_ACK)
                    done++;
                if (type != MSG_ASSIGN)
                    continue;
                s_give (work [i], NULL, 0, MSG_ACCEPT);
                s_give (work [i], NULL, 0, MSG_STARTED);
                s_give (work [i], NULL, 0, MSG_VERDICT);
            }
    }
    zmq_close (ingest);
    for (int i = 0; i < PEERS; i++)
        zmq_close (work [i]);
}

static double
s_run (int64_t jobs, bool curve)
{
    bare_t self = {.context = zmq_ctx_new (), .curve = curve, .jobs = jobs};
    s_must (self.context && zmq_curve_keypair (self.public_key, self.secret_key) == 0, "keys");
    void *ready = zmq_socket (self.context, ZMQ_PAIR);
    s_must (zmq_bind (ready, "inproc://ready") == 0, "ready");
    pthread_t broker;
    s_must (pthread_create (&broker, NULL, s_broker, &self) == 0, "thread");
    zmq_recv (ready, NULL, 0, 0);
    zmq_close (ready);
    const int64_t begin_us = bench_now_us ();
    s_peers (&self);
    const double seconds = (double) (bench_now_us () - begin_us) / 1e6;
    pthread_join (broker, NULL);
    zmq_ctx_term (self.context);
    return (double) jobs / seconds;
}

int
main (int argc, char **argv)
{
    const int64_t jobs = argc == 2 ? strtoll (argv [1], NULL, 10) : 0;
    if (jobs < 1)
        bench_die ("usage: bench-bare JOBS");
    s_bodies_init ();
    const double plain = s_run (jobs, false), curve = s_run (jobs, true);
    printf ("{\"plain_per_s\": %.1f, \"curve_per_s\": %.1f}\n", plain, curve);
    return 0;
}
