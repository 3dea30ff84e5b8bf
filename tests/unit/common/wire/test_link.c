//  test_link - real sockets on loopback: plain, CURVE with ZAP, forged parts.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/link.h"

#include "common/base/limits.h"
#include "common/base/own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

enum { S_WAIT_MS = 5000 };

static const curve_keys_t s_plain = {0};

//  Wait until the link has a message; returns link_recv's result.  While it holds messages, each
//  wait is short.
static int
s_next (link_t *link, link_msg_t *msg, err_diag_t *diag)
{
    for (int i = 0; i < S_WAIT_MS; i++) {
        int rc = link_recv (link, msg, diag);
        if (rc != -EAGAIN)
            return rc;
        link_wait_t item = {.link = link};
        link_wait (&item, 1, 1);
    }
    return -ETIMEDOUT;
}

//  DEALERs have IMMEDIATE set: wait until the connection exists.
static int64_t
s_send (link_t *link, const link_route_t *route, uint8_t type, const void *from)
{
    int64_t rc = -EAGAIN;
    for (int i = 0; i < S_WAIT_MS && rc == -EAGAIN; i++) {
        rc = link_send (link, route, type, from, 0);
        link_wait_t item = {.link = link};
        if (rc == -EAGAIN)
            link_wait (&item, 1, 1);
    }
    return rc;
}

static void
test_a_message_goes_there_and_its_answer_back (void **state)
{
    own (link_destroy) link_t *server = link_bind (LINK_WORK, "tcp://127.0.0.1:*", &s_plain, NULL);
    assert_non_null (server);
    own (link_destroy) link_t *client =
        link_connect (LINK_WORK, link_endpoint (server), &s_plain, NULL);
    link_set_session (client, 77);
    own (link_msg_fini) link_msg_t got = {0};
    msg_ping_t ping = {.now_ms = 42};
    assert_int_equal (s_send (client, NULL, MSG_PING, &ping), 1);
    assert_int_equal (s_next (server, &got, NULL), 0);
    assert_int_equal (got.frame.type, MSG_PING);
    assert_int_equal (got.frame.session, 77);
    assert_int_equal (got.frame.seq, 1);
    assert_int_equal (got.msg.ping.now_ms, 42);
    assert_string_equal (got.identity, "");
    link_route_t route = got.route;
    assert_true (s_send (server, &route, MSG_PONG, &ping) > 0);
    assert_int_equal (s_next (client, &got, NULL), 0);
    assert_int_equal (got.frame.type, MSG_PONG);
}

//  A server and a client whose route it knows.
typedef struct {
    link_t *server, *client;
    link_route_t route;
    link_msg_t got;
} pair_t;

static pair_t
s_pair (link_t *server, const curve_keys_t *keys)
{
    pair_t self = {.server = server};
    self.client = link_connect (LINK_FILES, link_endpoint (server), keys, NULL);
    msg_at_t get = {.incident = codec_text ("i"), .attempt = 1, .path = codec_text ("p")};
    assert_int_equal (s_send (self.client, NULL, MSG_GET, &get), 1);
    assert_int_equal (s_next (server, &self.got, NULL), 0);
    self.route = self.got.route;
    return self;
}

static void
s_pair_fini (pair_t *self)
{
    link_msg_fini (&self->got);
    link_destroy (&self->client);
}

static int
s_pair_setup (void **state)
{
    static pair_t self;
    self = s_pair (link_bind (LINK_FILES, "tcp://127.0.0.1:*", &s_plain, NULL), &s_plain);
    *state = &self;
    return 0;
}

static int
s_pair_teardown (void **state)
{
    pair_t *self = *state;
    s_pair_fini (self);
    link_destroy (&self->server);
    return 0;
}

//  Send answers of `bytes` each until there is no room, at most max; returns how many fitted.
static int64_t
s_answer_many (pair_t *self, size_t bytes, int64_t max)
{
    static char body [LIMIT_CHUNK_BYTES];
    int64_t taken = 0, rc = 1;
    while (taken < max && rc > 0) {
        msg_chunk_t data = {.incident = codec_text ("i"),
                            .attempt = 1,
                            .path = codec_text ("p"),
                            .offset = taken,
                            .size = LIMIT_INCIDENT_BYTES,
                            .bytes = {body, bytes}};
        rc = link_send (self->server, &self->route, MSG_DATA, &data, 0);
        taken += rc > 0;
    }
    assert_true (rc > 0 || rc == -EAGAIN);
    return taken;
}

//  All arrive in order while the server only waits.
static void
s_assert_arrive (pair_t *self, int64_t count)
{
    for (int64_t number = 0; number < count; number++) {
        int rc = -EAGAIN;
        for (int i = 0; i < S_WAIT_MS && rc == -EAGAIN; i++) {
            link_wait_t items [] = {{.link = self->server}, {.link = self->client}};
            link_wait (items, 2, 1);
            rc = link_recv (self->client, &self->got, NULL);
        }
        assert_int_equal (rc, 0);
        assert_int_equal (self->got.msg.chunk.offset, number);
    }
}

static void
test_a_burst_of_answers_to_one_peer_arrives_whole (void **state)
{
    pair_t *self = *state;
    enum { BURST = 100 * LIMIT_FILES_HWM };
    assert_int_equal (s_answer_many (self, 10, BURST), BURST);
    s_assert_arrive (self, BURST);
}

static void
test_what_waits_for_a_peer_is_bounded_and_nothing_taken_is_lost (void **state)
{
    pair_t *self = *state;
    enum { MANY = 1000 }; //  250 MiB, far more than sockets can hold
    int64_t taken = s_answer_many (self, LIMIT_CHUNK_BYTES, MANY);
    assert_in_range (taken, LIMIT_FILES_HWM, MANY - 1);
    s_assert_arrive (self, taken);
    assert_int_equal (s_answer_many (self, 10, 1), 1);
}

static void
test_a_peer_that_reads_nothing_leaves_room_for_others (void **state)
{
    pair_t *self = *state;
    enum { BURST = 100 * LIMIT_FILES_HWM };
    int64_t taken = s_answer_many (self, 10, INT32_MAX);
    assert_in_range (taken, LIMIT_HELD_KEY_MESSAGES, INT32_MAX - 1);
    assert_int_equal (link_take_counts (self->server).unsent, 1);
    pair_t other = s_pair (self->server, &s_plain);
    assert_int_equal (s_answer_many (&other, 10, BURST), BURST);
    s_assert_arrive (&other, BURST);
    s_pair_fini (&other);
}

static void
test_what_waits_for_a_peer_that_left_is_dropped (void **state)
{
    pair_t *self = *state;
    (void) s_answer_many (self, LIMIT_CHUNK_BYTES, 1000);
    link_destroy (&self->client);
    msg_at_t go = {.incident = codec_text ("i"), .attempt = 1, .path = codec_text ("p")};
    int64_t rc = -EAGAIN;
    for (int i = 0; i < S_WAIT_MS && rc != -EHOSTUNREACH; i++) {
        link_wait_t item = {.link = self->server};
        link_wait (&item, 1, 1);
        rc = link_send (self->server, &self->route, MSG_GO, &go, 0);
    }
    assert_int_equal (rc, -EHOSTUNREACH);
}

static void
test_a_peer_that_comes_back_is_noticed (void **state)
{
    link_t *server = link_bind (LINK_WORK, "tcp://127.0.0.1:*", &s_plain, NULL);
    char endpoint [256];
    snprintf (endpoint, sizeof endpoint, "%s", link_endpoint (server));
    own (link_destroy) link_t *client = link_connect (LINK_WORK, endpoint, &s_plain, NULL);
    for (int64_t expected = 1; expected <= 3; expected++) {
        link_wait_t item = {.link = client};
        for (int i = 0; i < S_WAIT_MS / 10 && link_connections (client) < expected; i++)
            link_wait (&item, 1, 10);
        assert_int_equal (link_connections (client), expected);
        link_destroy (&server);
        for (int i = 0; i < S_WAIT_MS && !server; i++)
            server = link_bind (LINK_WORK, endpoint, &s_plain, NULL);
        assert_non_null (server);
    }
    link_destroy (&server);
}

static void
test_an_unknown_route_is_told (void **state)
{
    own (link_destroy) link_t *server = link_bind (LINK_WORK, "tcp://127.0.0.1:*", &s_plain, NULL);
    link_route_t route = {.size = 5, .bytes = {0, 1, 2, 3, 4}};
    msg_ping_t ping = {0};
    assert_int_equal (link_send (server, &route, MSG_PONG, &ping, 0), -EHOSTUNREACH);
}

static void
test_more_than_a_frame_may_hold_is_not_sent (void **state)
{
    own (link_destroy) link_t *server =
        link_bind (LINK_INGEST, "tcp://127.0.0.1:*", &s_plain, NULL);
    own (link_destroy) link_t *client =
        link_connect (LINK_INGEST, link_endpoint (server), &s_plain, NULL);
    static char body [LIMIT_INGEST_FRAME_BYTES];
    msg_event_t event = {.event_id = codec_text ("e"), .body = {body, sizeof body}};
    assert_int_equal (link_send (client, NULL, MSG_EVENT, &event, 0), ERR_LIMIT);
}

static void
test_remote_endpoints_need_keys (void **state)
{
    err_diag_t diag = {0};
    assert_null (link_bind (LINK_WORK, "tcp://0.0.0.0:*", &s_plain, &diag));
    assert_non_null (strstr (diag.text, "without keys only loopback"));
    assert_null (link_connect (LINK_WORK, "tcp://192.0.2.1:5570", &s_plain, &diag));
}

static void
test_an_address_in_use_is_told (void **state)
{
    own (link_destroy) link_t *first = link_bind (LINK_WORK, "tcp://127.0.0.1:*", &s_plain, NULL);
    err_diag_t diag = {0};
    assert_null (link_bind (LINK_WORK, link_endpoint (first), &s_plain, &diag));
    assert_non_null (strstr (diag.text, "in use"));
}

//  Forged messages, sent with bare libzmq.
static void
test_forged_parts_are_refused_and_the_next_message_is_heard (void **state)
{
    own (link_destroy) link_t *server = link_bind (LINK_WORK, "tcp://127.0.0.1:*", &s_plain, NULL);
    void *context = zmq_ctx_new ();
    void *raw = zmq_socket (context, ZMQ_DEALER);
    assert_int_equal (zmq_connect (raw, link_endpoint (server)), 0);
    uint8_t header [FRAME_BYTES];
    frame_encode (&(frame_t){.version = 1, .type = MSG_PING, .session = 1, .seq = 1}, header);
    zmq_send (raw, "alone", 5, 0);
    for (int i = 0; i < 20; i++)
        zmq_send (raw, "part", 4, i < 19 ? ZMQ_SNDMORE : 0);
    zmq_send (raw, "garbage", 7, ZMQ_SNDMORE);
    zmq_send (raw, "\x80", 1, 0);
    zmq_send (raw, header, sizeof header, ZMQ_SNDMORE);
    zmq_send (raw, "\xdd\x04\x00\x00\x00", 5, 0);
    header [4] = 2;
    zmq_send (raw, header, sizeof header, ZMQ_SNDMORE);
    zmq_send (raw, "\x80", 1, 0);
    header [4] = 1;
    header [5] = 200;
    zmq_send (raw, header, sizeof header, ZMQ_SNDMORE);
    zmq_send (raw, "\x80", 1, 0);
    header [5] = MSG_PING;
    zmq_send (raw, header, sizeof header, ZMQ_SNDMORE);
    zmq_send (raw, "\x80", 1, 0);

    own (link_msg_fini) link_msg_t got = {0};
    static const struct {
        int rc;
        const char *says;
    } expected [] = {{ERR_PROTO, "two frames"},
                     {ERR_PROTO, "two frames"},
                     {ERR_PROTO, "32 bytes"},
                     {ERR_PROTO, "not a map"},
                     {ERR_PROTO, "version 2"},
                     {ERR_NONE, "type 200"},
                     {0, ""}};
    for (size_t i = 0; i < sizeof expected / sizeof expected [0]; i++) {
        err_diag_t diag = {0};
        assert_int_equal (s_next (server, &got, &diag), expected [i].rc);
        assert_true (got.route.size > 0);
        if (!strstr (diag.text, expected [i].says))
            fail_msg ("\"%s\" does not say \"%s\"", diag.text, expected [i].says);
    }
    zmq_close (raw);
    zmq_ctx_term (context);
}

//  Read all messages.
static void
s_subscriptions (link_t *stream, link_msg_t *got)
{
    int rc = 0;
    while (rc == 0)
        rc = link_recv (stream, got, NULL);
    assert_int_equal (rc, -EAGAIN);
}

static void
test_a_subscriber_gets_its_topics_only (void **state)
{
    own (link_destroy) link_t *stream =
        link_bind (LINK_STREAM, "tcp://127.0.0.1:*", &s_plain, NULL);
    own (link_destroy) link_t *tap =
        link_connect (LINK_STREAM, link_endpoint (stream), &s_plain, NULL);
    assert_int_equal (link_subscribe (tap, "incident/a/"), 0);
    msg_record_t record = {.seq = 1,
                           .kind = codec_text ("incident"),
                           .cluster = codec_text ("a"),
                           .change = codec_text ("pending")};
    own (link_msg_fini) link_msg_t got = {0};
    assert_int_equal (link_topics (stream), 0);
    assert_false (link_subscribed (stream));
    //  publish until the subscription has arrived
    int rc = -EAGAIN;
    for (int i = 0; i < S_WAIT_MS && rc == -EAGAIN; i++) {
        s_subscriptions (stream, &got);
        link_publish (stream, "incident/b/", &record);
        link_publish (stream, "incident/a/", &record);
        link_wait_t item = {.link = tap};
        link_wait (&item, 1, 1);
        rc = link_recv (tap, &got, NULL);
    }
    assert_int_equal (rc, 0);
    assert_int_equal (link_connections (tap), 1);
    assert_string_equal (got.topic, "incident/a/");
    assert_int_equal (got.msg.record.seq, 1);
    for (int i = 0; i < S_WAIT_MS && link_topics (stream) == 0; i++)
        s_subscriptions (stream, &got);
    assert_int_equal (link_topics (stream), 1);
    assert_true (link_subscribed (stream));
    link_destroy (&tap);
    for (int i = 0; i < S_WAIT_MS && link_topics (stream) > 0; i++) {
        link_wait_t item = {.link = stream};
        link_wait (&item, 1, 1);
        s_subscriptions (stream, &got);
    }
    assert_int_equal (link_topics (stream), 0);
    assert_true (link_subscribed (stream));
}

//  They are no subscriptions, but libzmq keeps each one until it is read.
static void
test_what_taps_send_without_a_pause_is_too_much (void **state)
{
    own (link_destroy) link_t *stream =
        link_bind (LINK_STREAM, "tcp://127.0.0.1:*", &s_plain, NULL);
    own (link_msg_fini) link_msg_t got = {0};
    void *context = zmq_ctx_new (), *raw = zmq_socket (context, ZMQ_XSUB);
    const int unbounded = 0, linger = 0;
    assert_int_equal (zmq_setsockopt (raw, ZMQ_SNDHWM, &unbounded, sizeof unbounded), 0);
    assert_int_equal (zmq_setsockopt (raw, ZMQ_LINGER, &linger, sizeof linger), 0);
    assert_int_equal (zmq_connect (raw, link_endpoint (stream)), 0);
    for (int i = 0; i <= LIMIT_STREAM_BURST; i++) {
        assert_int_equal (zmq_send (raw, "none", 4, 0), 4);
        assert_int_equal (s_next (stream, &got, NULL), ERR_PROTO);
        assert_int_equal (link_recv (stream, &got, NULL), -EAGAIN);
    }
    assert_false (link_flooded (stream));
    for (int i = 0; i <= LIMIT_STREAM_BURST; i++)
        assert_int_equal (zmq_send (raw, "none", 4, 0), 4);
    for (int i = 0; i <= LIMIT_STREAM_BURST; i++) {
        assert_false (link_flooded (stream));
        link_wait_t item = {.link = stream};
        for (int k = 0; k < S_WAIT_MS && !item.readable; k++)
            link_wait (&item, 1, 1); //  waiting for each one leaves no pause
        assert_int_equal (link_recv (stream, &got, NULL), ERR_PROTO);
    }
    assert_true (link_flooded (stream));
    zmq_close (raw);
    zmq_ctx_term (context);
}

//  --- CURVE

typedef struct {
    char root [64], keys [96], peer [96], other_peer [96];
    curve_keys_t server, worker, other;
    clk_t *clk;
    curve_zap_t *zap;
} curve_fixture_t;

static int
setup_curve (void **state)
{
    static curve_fixture_t self;
    snprintf (self.root, sizeof self.root, "/tmp/test_link.XXXXXX");
    if (!mkdtemp (self.root))
        return -1;
    snprintf (self.keys, sizeof self.keys, "%s/keys", self.root);
    snprintf (self.peer, sizeof self.peer, "%s/peer", self.root);
    snprintf (self.other_peer, sizeof self.other_peer, "%s/other", self.root);
    if (curve_key_new (self.keys, CURVE_ROLE_WORKER, "w", self.peer, NULL)
        || curve_key_new (self.keys, CURVE_ROLE_WORKER, "o", self.other_peer, NULL)
        || curve_load_broker (self.keys, &self.server, NULL)
        || curve_load_peer (self.peer, CURVE_ROLE_WORKER, &self.worker, NULL)
        || curve_load_peer (self.other_peer, CURVE_ROLE_WORKER, &self.other, NULL))
        return -1;
    self.clk = clk_new ();
    self.zap = curve_zap_new (self.keys, self.clk, NULL);
    *state = &self;
    return self.zap ? 0 : -1;
}

static int
teardown_curve (void **state)
{
    static const char *const names [] = {"keys/clients/worker-w.key",
                                         "keys/clients/worker-o.key",
                                         "keys/clients",
                                         "keys/broker.key",
                                         "keys/broker.key_secret",
                                         "keys",
                                         "peer/worker.key",
                                         "peer/worker.key_secret",
                                         "peer/broker.key",
                                         "peer",
                                         "other/worker.key",
                                         "other/worker.key_secret",
                                         "other/broker.key",
                                         "other",
                                         ""};
    curve_fixture_t *self = *state;
    curve_zap_destroy (&self->zap);
    clk_destroy (&self->clk);
    for (size_t i = 0; i < sizeof names / sizeof names [0]; i++) {
        char path [256];
        snprintf (path, sizeof path, "%s/%s", self->root, names [i]);
        remove (path);
    }
    return 0;
}

static void
test_an_enrolled_key_is_the_identity_of_its_messages (void **state)
{
    curve_fixture_t *self = *state;
    own (link_destroy) link_t *server =
        link_bind (LINK_WORK, "tcp://127.0.0.1:*", &self->server, NULL);
    own (link_destroy) link_t *client =
        link_connect (LINK_WORK, link_endpoint (server), &self->worker, NULL);
    own (link_msg_fini) link_msg_t got = {0};
    msg_ping_t ping = {0};
    assert_true (s_send (client, NULL, MSG_PING, &ping) > 0);
    assert_int_equal (s_next (server, &got, NULL), 0);
    char identity [CURVE_IDENTITY];
    snprintf (identity, sizeof identity, "worker:%s", self->worker.public_key);
    assert_string_equal (got.identity, identity);
}

//  A worker's key on the stream, an unknown key and no key at all: all are rejected.
static void
test_others_are_not_heard (void **state)
{
    curve_fixture_t *self = *state;
    own (link_destroy) link_t *server =
        link_bind (LINK_INGEST, "tcp://127.0.0.1:*", &self->server, NULL);
    curve_keys_t stranger = self->worker;
    assert_int_equal (zmq_curve_keypair (stranger.public_key, stranger.secret_key), 0);
    own (link_destroy) link_t *wrong_role =
        link_connect (LINK_INGEST, link_endpoint (server), &self->worker, NULL);
    own (link_destroy) link_t *unknown =
        link_connect (LINK_INGEST, link_endpoint (server), &stranger, NULL);
    own (link_destroy) link_t *bare =
        link_connect (LINK_INGEST, link_endpoint (server), &s_plain, NULL);
    link_t *peers [] = {wrong_role, unknown, bare};
    own (link_msg_fini) link_msg_t got = {0};
    msg_ping_t ping = {0};
    for (int i = 0; i < 150; i++) {
        for (size_t k = 0; k < 3; k++)
            link_send (peers [k], NULL, MSG_PING, &ping, 0);
        link_wait_t item = {.link = server};
        link_wait (&item, 1, 5);
        assert_int_equal (link_recv (server, &got, NULL), -EAGAIN);
    }
}

//  A peer that connects but sends nothing.
static int
s_knock (const link_t *server)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons ((in_port_t) strtol (
                                       strrchr (link_endpoint (server), ':') + 1, NULL, 10)),
                                   .sin_addr.s_addr = htonl (INADDR_LOOPBACK)};
    const int fd = socket (AF_INET, SOCK_STREAM, 0);
    assert_true (fd >= 0);
    assert_int_equal (connect (fd, (const struct sockaddr *) &to, sizeof to), 0);
    return fd;
}

//  Too few descriptors are left: the connection is cut before it can authenticate.
static void
test_a_connection_that_we_cut_is_no_refusal (void **state)
{
    curve_fixture_t *self = *state;
    enum { FEW = 64 };
    struct rlimit before;
    own (link_destroy) link_t *server =
        link_bind (LINK_WORK, "tcp://127.0.0.1:*", &self->server, NULL);
    assert_int_equal (getrlimit (RLIMIT_NOFILE, &before), 0);
    const struct rlimit few = {.rlim_cur = FEW, .rlim_max = before.rlim_max};
    int spare [FEW], count = 0; //  descriptors above these exceed the limit
    for (int fd = 0; fd < FEW - LIMIT_FD_RESERVE; fd = spare [count++])
        assert_true ((spare [count] = dup (0)) >= 0);
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &few), 0);
    own (own_fd) int knock = s_knock (server);
    assert_true (knock >= 0);
    link_counts_t counts = {0};
    int64_t shed = 0, ended = 0, refused = 0;
    for (int i = 0; i < S_WAIT_MS && ended == 0; i++) {
        link_wait_t item = {.link = server};
        link_wait (&item, 1, 1);
        counts = link_take_counts (server);
        shed += counts.shed;
        ended += counts.ended;
        refused += counts.refused;
    }
    assert_int_equal (setrlimit (RLIMIT_NOFILE, &before), 0);
    while (count > 0)
        close (spare [--count]);
    assert_int_equal (shed, 1);
    assert_int_equal (ended, 1);
    assert_int_equal (refused, 0);
}

static void
test_connections_of_one_key_that_read_nothing_leave_room_for_another_key (void **state)
{
    curve_fixture_t *self = *state;
    enum { MANY = 3, BURST = 100 * LIMIT_FILES_HWM };
    own (link_destroy) link_t *server =
        link_bind (LINK_FILES, "tcp://127.0.0.1:*", &self->server, NULL);
    pair_t deaf [MANY];
    for (int i = 0; i < MANY; i++) {
        deaf [i] = s_pair (server, &self->worker);
        (void) s_answer_many (&deaf [i], 10, INT32_MAX);
    }
    pair_t other = s_pair (server, &self->other);
    assert_int_equal (s_answer_many (&other, 10, BURST), BURST);
    s_assert_arrive (&other, BURST);
    s_pair_fini (&other);
    for (int i = 0; i < MANY; i++)
        s_pair_fini (&deaf [i]);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        //  first: sockets of other tests would free their descriptors meanwhile
        cmocka_unit_test_setup_teardown (test_a_connection_that_we_cut_is_no_refusal, setup_curve,
                                         teardown_curve),
        cmocka_unit_test (test_a_message_goes_there_and_its_answer_back),
        cmocka_unit_test_setup_teardown (test_a_burst_of_answers_to_one_peer_arrives_whole,
                                         s_pair_setup, s_pair_teardown),
        cmocka_unit_test_setup_teardown (
            test_what_waits_for_a_peer_is_bounded_and_nothing_taken_is_lost, s_pair_setup,
            s_pair_teardown),
        cmocka_unit_test_setup_teardown (test_a_peer_that_reads_nothing_leaves_room_for_others,
                                         s_pair_setup, s_pair_teardown),
        cmocka_unit_test_setup_teardown (test_what_waits_for_a_peer_that_left_is_dropped,
                                         s_pair_setup, s_pair_teardown),
        cmocka_unit_test (test_a_peer_that_comes_back_is_noticed),
        cmocka_unit_test (test_an_unknown_route_is_told),
        cmocka_unit_test (test_more_than_a_frame_may_hold_is_not_sent),
        cmocka_unit_test (test_remote_endpoints_need_keys),
        cmocka_unit_test (test_an_address_in_use_is_told),
        cmocka_unit_test (test_forged_parts_are_refused_and_the_next_message_is_heard),
        cmocka_unit_test (test_a_subscriber_gets_its_topics_only),
        cmocka_unit_test (test_what_taps_send_without_a_pause_is_too_much),
        cmocka_unit_test_setup_teardown (test_an_enrolled_key_is_the_identity_of_its_messages,
                                         setup_curve, teardown_curve),
        cmocka_unit_test_setup_teardown (test_others_are_not_heard, setup_curve, teardown_curve),
        cmocka_unit_test_setup_teardown (
            test_connections_of_one_key_that_read_nothing_leave_room_for_another_key, setup_curve,
            teardown_curve),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
