"""Keys: one that has too many connections, or a tap that sends too much.
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import os
import signal
import time

import msgpack
import pytest
import zmq

from lib.peer import EVENT, PUT_EVENT, Peer, Raw, event, resident
from lib.system import fault, wait_until
from worker import HEADER, PING, read_key


#  --- a tap that sends too much


def test_subscriptions_without_end_cut_all_taps_and_do_not_grow_the_broker(secure):
    """libzmq keeps every topic it is told, some 30 bytes for each of its bytes,
    and has no bound."""
    broker = secure.start_broker()
    stays = secure.start_tap("stays", url=secure.url())
    broker.wait_topics(1)
    secure.publish([fault("before")], name="p1")
    before = resident(broker)
    greedy = Peer(broker.endpoints["stream"], secure.key("tap", "greedy"), "tap", zmq.SUB)
    assert greedy.handshake()
    said = "all taps are cut, for one sends too much; delete its key, the others come back"
    # much waits when it comes to it: libzmq would take all of that in at once
    broker.signal(signal.SIGSTOP)
    for _ in range(20000):
        greedy.sock.subscribe(os.urandom(500))
    broker.signal(signal.SIGCONT)
    wait_until(lambda: broker.records(said), 30, "cut")
    key = read_key(secure.key("tap", "greedy") / "tap.key_secret", "public-key").decode()
    assert broker.records(said)[0]["peer"] == "tap:" + key
    assert resident(broker) - before < 150 * 2**20
    greedy.close()
    #  the others are back, and have missed nothing
    number = 0

    def heard():
        nonlocal number
        number += 1
        secure.publish([fault(f"web-{number}")], name=f"q{number}")
        return stays.out().count('"pending"') > 1

    wait_until(heard, 30, "the other tap hears again", 0.2)
    wait_until(lambda: stays.out().count('"pending"') >= number + 1, 20, "all of them")
    wait_until(lambda: broker.metric("stream_cuts_total") >= 1, 10, "counted")


def test_a_subscription_that_another_peer_ends_counts_on(system):
    """libzmq tells of an end by one who never began as of any other, and keeps what it has."""
    broker = system.start_broker()
    begins, ends = Raw(broker.endpoints["stream"], b"SUB"), Raw(broker.endpoints["stream"], b"SUB")

    def seen():
        return broker.metric("stream_cuts_total"), broker.metric("stream_topics")

    def round_of():
        topics = [os.urandom(1000) for _ in range(800)]  # two rounds are too much, one is not
        with contextlib.suppress(OSError):  # cut
            for topic in topics:
                begins.send(b"\x01" + topic)
            wait_until(lambda: seen() > (0, 0), 20, "begun")
            for topic in topics:
                ends.send(b"\x00" + topic)
        return wait_until(lambda: seen() in ((0, 0), (1, 0)) and seen(), 20, "ended, or cut")

    with begins.sock, ends.sock:
        assert round_of() == (0, 0)
        assert round_of() == (1, 0)


def test_what_is_no_subscription_is_counted_and_thrown_away(system):
    broker = system.start_broker()
    with zmq.Context() as context, context.socket(zmq.XSUB) as sock:
        sock.linger = 0
        sock.connect(broker.endpoints["stream"])
        sock.send(b"\x01")
        sock.send(b"no subscription")
        wait_until(lambda: broker.metric("wire_bad_messages_total") == 1, 10, "counted")
        sock.send_multipart([b"no subscription", b"\x01incident/"])  # libzmq looks at each part
        broker.wait_topics(2)
        # libzmq does not tell of the second one who wants a topic
        tap = system.start_tap(topic="incident/")

        def heard():
            system.publish([fault("web-0")], name=f"p{time.monotonic_ns()}")
            return tap.out()

        wait_until(heard, 20, "and the tap hears", 0.2)


#  --- many connections of one key


ASKS = {"work": (PING, {}), "ingest": (EVENT, None),
        "files": (PUT_EVENT, {"event_id": "e", "offset": 0, "size": 9, "bytes": b"{}"})}


@pytest.mark.parametrize("name", ASKS)
def test_one_connection_too_many_of_a_key_is_told_so_and_let_in_when_another_ends(secure, name):
    broker = secure.start_broker()
    role = "worker" if name == "work" else "publisher"
    keys = secure.key(role, "many")
    peers = [Peer(broker.endpoints[name], keys, role) for _ in range(9)]
    kind, body = ASKS[name]

    def code(peer):
        return peer.ask(kind, body or event())[1].get("code", "")

    assert [code(peer) for peer in peers[:8]].count("too_many_connections") == 0
    assert code(peers[8]) == "too_many_connections"
    peers[8].send(kind, body or event())
    assert peers[8].answer(0.5) == (None, None), "told once"
    broker.wait_log("too many connections of one key, the newest are not heard")
    wait_until(lambda: broker.metric("wire_crowded_total") == 1, 10, "counted")
    peers[0].close()

    def heard():
        peers[8].send(kind, body or event())
        return peers[8].answer(0.2)[0] is not None

    wait_until(heard, 10, "let in")
    other = Peer(broker.endpoints[name], secure.key(role, "other"), role)
    assert code(other) != "too_many_connections"
    for peer in [*peers[1:], other]:
        peer.close()


def test_one_tap_too_many_of_a_key_is_cut_and_the_others_hear(secure):
    broker = secure.start_broker()
    keys = secure.key("tap", "many")
    taps = [Peer(broker.endpoints["stream"], keys, "tap", zmq.SUB) for _ in range(8)]
    for tap in taps:
        assert tap.handshake()
    wait_until(lambda: broker.metric("stream_topics") == 1, 10, "subscribed")
    late = Peer(broker.endpoints["stream"], keys, "tap", zmq.SUB)
    broker.wait_log("too many connections of one key, the newest are not heard")
    secure.publish([fault("web-0")])
    for tap in taps:
        assert tap.answer()[0] == 64
    late.close()
    wait_until(lambda: broker.metric("wire_crowded_total") >= 1, 10, "counted")
    for tap in taps:
        tap.close()


def test_forty_connections_of_one_key_do_not_grow_the_broker(secure):
    """Each sends all that goes of the largest messages, and nobody reads but the broker."""
    broker = secure.start_broker()
    before = resident(broker)
    keys = secure.key("publisher", "greedy")
    peers = [Peer(broker.endpoints["ingest"], keys, "publisher") for _ in range(40)]
    frame = [HEADER.pack(b"K8T1", 1, EVENT, 0, 7, 1, 0),
             msgpack.packb({"event_id": "same", "body": b'"' + b"x" * 250000})]
    grown, until = 0, time.monotonic() + 3
    while time.monotonic() < until:
        for peer in peers:
            with contextlib.suppress(zmq.Again):
                peer.sock.send_multipart(frame, zmq.DONTWAIT, copy=False)
        grown = max(grown, resident(broker) - before)
    assert broker.alive() and grown < 150 * 2**20, grown >> 20
    wait_until(lambda: broker.metric("wire_crowded_total") >= 32, 20, "all but eight are told")
    for peer in peers:
        peer.close()
