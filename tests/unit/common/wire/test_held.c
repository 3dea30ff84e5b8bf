//  test_held - messages that wait for room: in order for each peer, shared by key.
//  SPDX-License-Identifier: Apache-2.0
#include "common/wire/held.h"

#include "common/base/own.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { PEERS = 32 };

static const uint8_t s_header [FRAME_BYTES];

static link_route_t
s_route (int number)
{
    link_route_t route = {.size = 5, .bytes = {0, 0, 0, 0, (uint8_t) number}};
    memset (route.bytes + 5, rand () & 0xff, sizeof route.bytes - 5); //  unused bytes
    return route;
}

//  Add messages until there is no room; returns how many fitted.  *dropped: others' messages.
static int
s_fill (held_t *self, int peer, const char *identity, size_t size, int max, int64_t *dropped)
{
    static char body [LIMIT_MIB (1)];
    const link_route_t route = s_route (peer);
    int taken = 0, rc = 0;
    while (taken < max && rc == 0) {
        if (size >= sizeof taken)
            memcpy (body, &taken, sizeof taken);
        rc = held_add (self, &route, identity, s_header, body, size, dropped);
        taken += rc == 0;
    }
    assert_true (rc == 0 || rc == -EAGAIN);
    return taken;
}

//  The messages that a flush sends to each peer, numbered in order.
typedef struct {
    int count [PEERS];
    int room; //  per peer
} sink_t;

static int
s_sink (void *context, const link_route_t *route, const uint8_t *header, const void *body,
        size_t size)
{
    sink_t *self = context;
    int *count = &self->count [route->bytes [4]], number;
    if (*count >= self->room)
        return -EAGAIN;
    if (size >= sizeof number) {
        memcpy (&number, body, sizeof number);
        assert_int_equal (number, *count);
    }
    ++*count;
    return 0;
}

static void
test_each_peers_messages_stay_in_order_and_a_full_peer_stops_nobody (void **state)
{
    own (held_destroy) held_t *self = held_new ();
    const link_route_t second = s_route (2), third = s_route (3);
    int64_t dropped = 0;
    assert_int_equal (s_fill (self, 1, "worker:a", 4, 10, &dropped), 10);
    assert_int_equal (s_fill (self, 2, "worker:b", 4, 3, &dropped), 3);
    assert_true (held_for (self, &second));
    assert_false (held_for (self, &third));
    sink_t sink = {.room = 4};
    held_flush (self, s_sink, &sink);
    assert_int_equal (sink.count [1], 4);
    assert_int_equal (sink.count [2], 3);
    assert_false (held_for (self, &second));
    sink.room = 100;
    held_flush (self, s_sink, &sink);
    assert_int_equal (sink.count [1], 10);
    assert_false (held_any (self));
    assert_int_equal (dropped, 0);
}

static void
test_a_key_has_one_share_on_all_its_connections (void **state)
{
    own (held_destroy) held_t *self = held_new ();
    int64_t dropped = 0;
    int taken = 0;
    for (int peer = 0; peer < 8; peer++)
        taken += s_fill (self, peer, "worker:a", 10, 200, &dropped);
    assert_int_equal (taken, LIMIT_HELD_KEY_MESSAGES);
    assert_int_equal (s_fill (self, 20, "worker:b", LIMIT_KIB (100), 100, &dropped), 10);
    assert_int_equal (dropped, 0);
}

//  Peers without a key: each counts for itself.
static void
test_connections_without_a_key_have_a_share_each (void **state)
{
    own (held_destroy) held_t *self = held_new ();
    int64_t dropped = 0;
    for (int peer = 0; peer < 2; peer++)
        assert_int_equal (s_fill (self, peer, "", 10, INT32_MAX, &dropped),
                          LIMIT_HELD_KEY_MESSAGES);
    assert_int_equal (dropped, 0);
}

//  The room is full.  A newcomer gets as much as the others then have, and they lose their newest.
static void
s_assert_shared (size_t size, int others, int share)
{
    own (held_destroy) held_t *self = held_new ();
    char identity [32];
    int64_t dropped = 0;
    int held = 0;
    for (int peer = 0; peer < others; peer++) {
        snprintf (identity, sizeof identity, "worker:%d", peer);
        held += s_fill (self, peer, identity, size, INT32_MAX, &dropped);
    }
    assert_int_equal (dropped, 0);
    assert_int_equal (s_fill (self, PEERS - 1, "worker:late", size, INT32_MAX, &dropped), share);
    assert_int_equal (dropped, share);
    sink_t sink = {.room = INT32_MAX};
    held_flush (self, s_sink, &sink);
    int sum = 0;
    for (int peer = 0; peer < others; peer++) {
        assert_in_range (sink.count [peer], share, share + 1);
        sum += sink.count [peer];
    }
    assert_int_equal (sum, held - share);
    assert_false (held_any (self));
}

static void
test_who_holds_least_gets_room_from_who_holds_most (void **state)
{
    s_assert_shared (8, 2, LIMIT_HELD_MESSAGES / 3);
    s_assert_shared (LIMIT_KIB (16), 4, 256 / 5);
}

static void
test_nobody_loses_for_one_that_finds_no_room_after_all (void **state)
{
    own (held_destroy) held_t *self = held_new ();
    char identity [32];
    int64_t dropped = 0;
    for (int peer = 0; peer < 16; peer++) { //  4 MiB from 16 keys
        snprintf (identity, sizeof identity, "worker:%d", peer);
        assert_int_equal (s_fill (self, peer, identity, LIMIT_KIB (64), 4, &dropped), 4);
    }
    assert_int_equal (s_fill (self, 30, "worker:big", LIMIT_KIB (255), 1, &dropped), 0);
    assert_int_equal (dropped, 0);
    assert_int_equal (s_fill (self, 30, "worker:big", LIMIT_KIB (128), 1, &dropped), 1);
    assert_int_equal (dropped, 2);
}

int
main (void)
{
    const struct CMUnitTest tests [] = {
        cmocka_unit_test (test_each_peers_messages_stay_in_order_and_a_full_peer_stops_nobody),
        cmocka_unit_test (test_a_key_has_one_share_on_all_its_connections),
        cmocka_unit_test (test_connections_without_a_key_have_a_share_each),
        cmocka_unit_test (test_who_holds_least_gets_room_from_who_holds_most),
        cmocka_unit_test (test_nobody_loses_for_one_that_finds_no_room_after_all),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
