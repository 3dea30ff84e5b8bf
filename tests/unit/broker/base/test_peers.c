//  test_peers - routes, their peers, and which are muted for bad messages.
//  SPDX-License-Identifier: Apache-2.0
#include "broker/base/peers.h"

#include "common/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int
setup (void **state)
{
    *state = peers_new ();
    return *state ? 0 : -1;
}

static int
teardown (void **state)
{
    peers_t *peers = *state;
    peers_destroy (&peers);
    peers_destroy (&peers); //  idempotent by contract
    return 0;
}

static link_route_t
s_route (uint32_t number)
{
    link_route_t route = {.size = 5};
    memcpy (route.bytes + 1, &number, sizeof number);
    return route;
}

static peer_t *
s_peer (peers_t *peers, uint32_t number)
{
    const link_route_t route = s_route (number);
    peer_t *peer = peers_get (peers, &route);
    assert_non_null (peer);
    return peer;
}

static void
s_strike (peer_t *peer, int count, int64_t boot_ms)
{
    for (int i = 0; i < count; i++)
        peers_strike (peer, "files", "worker:x", "malformed", "test", boot_ms);
}

static void
test_the_strike_too_many_of_a_minute_mutes_for_a_while (void **state)
{
    peer_t *peer = s_peer (*state, 1);
    s_strike (peer, LIMIT_STRIKES - 1, 1000);
    assert_false (peers_muted (peer, 1000));
    s_strike (peer, 1, 1000 + 60000);
    assert_true (peers_muted (peer, 61000));
    assert_true (peers_muted (peer, 61000 + LIMIT_MUTE_MS - 1));
    assert_false (peers_muted (peer, 61000 + LIMIT_MUTE_MS));
    s_strike (peer, 1, 61000 + LIMIT_MUTE_MS); //  its strikes start at zero
    assert_false (peers_muted (peer, 61000 + LIMIT_MUTE_MS));
}

static void
test_strikes_of_an_earlier_minute_do_not_count (void **state)
{
    peer_t *peer = s_peer (*state, 1);
    s_strike (peer, LIMIT_STRIKES - 1, 1000);
    s_strike (peer, LIMIT_STRIKES - 1, 1000 + 60001);
    assert_false (peers_muted (peer, 61001));
}

static void
test_a_muted_route_that_keeps_on_sending_is_not_forgotten_for_others (void **state)
{
    s_strike (s_peer (*state, 0), LIMIT_STRIKES, 1000);
    for (uint32_t i = 1; i < 3 * LIMIT_PEERS; i++) {
        s_peer (*state, i);
        if (i % 100 == 0)
            assert_true (peers_muted (s_peer (*state, 0), 1001));
    }
    assert_true (peers_muted (s_peer (*state, 0), 1001));
}

static void
test_the_route_not_heard_for_longest_gives_way (void **state)
{
    peers_bind (*state, s_peer (*state, 0), "worker:x", 7, "10.0.0.7");
    for (uint32_t i = 1; i < LIMIT_PEERS; i++)
        s_peer (*state, i);
    assert_non_null (peers_route (*state, "worker:x", 7));
    s_peer (*state, LIMIT_PEERS);
    assert_null (peers_route (*state, "worker:x", 7));
}

static void
test_a_session_is_found_by_its_newest_route (void **state)
{
    peers_bind (*state, s_peer (*state, 1), "worker:x", 7, "10.0.0.7");
    peers_bind (*state, s_peer (*state, 2), "worker:x", 7, "10.0.0.7");
    const link_route_t newest = s_route (2);
    assert_true (link_route_equal (peers_route (*state, "worker:x", 7), &newest));
    assert_null (peers_identity (s_peer (*state, 1), 7));
    assert_string_equal (peers_identity (s_peer (*state, 2), 7), "worker:x");
    assert_null (peers_identity (s_peer (*state, 2), 8));
    assert_null (peers_route (*state, "worker:y", 7));
}

static void
s_drop_odd (void *ctx, peer_t *peer)
{
    const link_route_t *route;
    const char *identity;
    uint64_t session;
    peers_bound (peer, &identity, &session, &route);
    assert_string_equal (identity, "worker:x");
    const link_route_t expected = s_route ((uint32_t) session);
    assert_true (link_route_equal (route, &expected));
    if (session % 2)
        peers_unbind (ctx, peer);
}

static void
test_a_visit_sees_bound_routes_and_may_drop_them (void **state)
{
    for (uint32_t i = 0; i < 10; i++)
        peers_bind (*state, s_peer (*state, i), "worker:x", i, "10.0.0.7");
    s_peer (*state, 99); //  it sent no HELLO
    peers_each (*state, s_drop_odd, *state);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal (peers_route (*state, "worker:x", i) == NULL, i % 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown (name, setup, teardown)

int
main (void)
{
    const struct CMUnitTest tests [] = {
        TEST (test_the_strike_too_many_of_a_minute_mutes_for_a_while),
        TEST (test_strikes_of_an_earlier_minute_do_not_count),
        TEST (test_a_muted_route_that_keeps_on_sending_is_not_forgotten_for_others),
        TEST (test_the_route_not_heard_for_longest_gives_way),
        TEST (test_a_session_is_found_by_its_newest_route),
        TEST (test_a_visit_sees_bound_routes_and_may_drop_them),
    };
    return cmocka_run_group_tests (tests, NULL, NULL);
}
