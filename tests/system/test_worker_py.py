"""A worker written from docs/protocol.md alone, and what the broker says to golden bad frames.
SPDX-License-Identifier: Apache-2.0
"""
import json
import re

import msgpack
import pytest
import zmq

from golden_frames import BAD
from lib.system import fault, wait_until
from worker import HEADER, Link, Refused, Worker

EVENT, EVENT_ACK = 32, 33


def test_a_python_worker_takes_an_incident_to_its_report(secure):
    broker = secure.start_broker()
    secure.publish([fault("web-0")])
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"],
                    str(secure.peer_keys("worker", "python")))
    worker.hello()
    incident, disposition = worker.one()
    worker.close()
    assert disposition == "committed"
    wait_until(lambda: secure.result(incident), 10, "result.json")
    report = (secure.root / "incidents" / incident / "output/investigation.md").read_text()
    assert "Written by a worker in Python." in report
    assert broker.incident(incident)["state"] == "reported"


def answer(sock, timeout_ms=10000):
    assert sock.poll(timeout_ms), "no answer"
    header, body = sock.recv_multipart()
    return HEADER.unpack(header)[2], msgpack.unpackb(body)


@pytest.mark.parametrize("name,frames,code", BAD, ids=[name for name, _, _ in BAD])
def test_golden_bad_frame_is_refused(system, name, frames, code):
    broker = system.start_broker()
    with zmq.Context() as context, context.socket(zmq.DEALER) as sock:
        sock.linger = 0
        sock.connect(broker.endpoints["work"])
        sock.send_multipart(frames)
        kind, body = answer(sock)
        assert (kind, body["code"]) == (16, code), body
        assert body["text"]
    #  nobody else is harmed
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"])
    assert worker.hello()["proto"] == 1
    worker.close()


@pytest.mark.parametrize("name", ["work", "ingest", "files"])
def test_a_route_that_keeps_sending_garbage_is_muted_and_others_are_not(system, name):
    broker = system.start_broker()
    with zmq.Context() as context, context.socket(zmq.DEALER) as sock:
        sock.linger = 0
        sock.connect(broker.endpoints[name])
        for _ in range(200):
            sock.send_multipart([b"garbage", b"\x80"])
        broker.wait_log("muted")
        answer(sock)
        answers = 1
        while sock.poll(500):
            sock.recv_multipart()
            answers += 1
        assert answers <= 10
    assert len([line for line in broker.log().splitlines() if "muted" in line]) == 1
    wait_until(lambda: "triage_wire_bad_messages_total 200\n" in broker.get("/metrics", raw=True),
               10, "all are counted")
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"])
    worker.hello()
    worker.close()


def test_an_oversize_frame_cuts_its_sender_only(system):
    broker = system.start_broker()
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"])
    worker.hello()
    with zmq.Context() as context, context.socket(zmq.DEALER) as sock, \
        sock.get_monitor_socket() as monitor:
        sock.linger = 0
        sock.reconnect_ivl = -1  # or it connects again before we look, and its end counts too
        sock.connect(broker.endpoints["work"])
        sock.send_multipart([HEADER.pack(b"K8T1", 1, 13, 0, 1, 1, 0), b"\x80" + b"\0" * 2**20])
        wait_until(lambda: disconnected(monitor), 10, "the connection is cut")
    broker.wait_log("connections closed: ")
    ended = 'triage_wire_connections_ended_total{socket="work"} 1\n'
    wait_until(lambda: ended in broker.get("/metrics", raw=True), 10, "it is counted")
    assert broker.log().count("connections closed: ") == 1
    worker.work.send(13, {})
    assert worker.work.wait([14])
    worker.close()


def test_a_peer_that_is_done_is_no_news_in_the_log(system):
    """It was told at info, as if something had gone wrong; the count is in the metrics."""
    broker = system.start_broker(log_level="info")
    ended = re.compile(r'triage_wire_connections_ended_total\{socket="ingest"\} [1-9]')
    system.publish([fault("web-0")])
    wait_until(lambda: ended.search(broker.get("/metrics", raw=True)), 10, "counted")
    broker.stop()
    assert "connections" not in broker.log()


def disconnected(monitor):
    while monitor.poll(0):
        if int.from_bytes(monitor.recv_multipart()[0][:2], "little") == zmq.EVENT_DISCONNECTED:
            return True
    return False


def test_an_event_repeated_at_once_is_known(system):
    """The same sending many times in one turn of the broker: the first is new,
    the others are repeats of it."""
    broker = system.start_broker()
    publisher = Link(broker.endpoints["ingest"], 7)
    body = json.dumps(fault("web-0")).encode()
    for _ in range(20):
        publisher.send(EVENT, {"event_id": "one", "body": body})
    acks = [publisher.wait([EVENT_ACK])[1] for _ in range(20)]
    publisher.sock.close()
    assert [ack["disposition"] for ack in acks] == ["new"] + ["repeat"] * 19
    rows = broker.incidents()
    assert [row["occurrences"] for row in rows] == [1] \
        and {ack["incident"] for ack in acks} == {rows[0]["id"]}


def test_a_verdict_for_an_attempt_of_another_worker_is_stale(system):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    owner = Worker(broker.endpoints["work"], broker.endpoints["files"], name="owner")
    owner.hello()
    owner.offer(1)
    _, fence = owner.assignment()
    thief = Worker(broker.endpoints["work"], broker.endpoints["files"], name="thief")
    thief.hello()
    assert thief.verdict(fence, "agent", reason="forged", exit_code=1) == "stale"
    assert broker.incident(fence["incident"])["state"] == "investigating"
    owner.close()
    thief.close()


def test_a_message_before_hello_is_told_so(system):
    broker = system.start_broker()
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"])
    worker.offer(1)
    with pytest.raises(Refused) as refused:
        worker.work.wait([2])
    assert refused.value.code == "hello_first"
    worker.close()


@pytest.mark.parametrize("name", ["work", "ingest", "files"])
def test_a_type_of_a_newer_version_is_told_and_not_held_against_its_sender(system, name):
    broker = system.start_broker()
    with zmq.Context() as context, context.socket(zmq.DEALER) as sock:
        sock.linger = 0
        sock.connect(broker.endpoints[name])
        for seq in range(1, 21):
            sock.send_multipart([HEADER.pack(b"K8T1", 1, 250, 0, 7, seq, 0), b"\x80"])
            assert sock.poll(10000), "muted"
            header, body = sock.recv_multipart()
            _, _, kind, _, session, _, corr = HEADER.unpack(header)
            assert (kind, session, corr,
                    msgpack.unpackb(body)["code"]) == (16, 0, seq, "unknown_type")
    assert "muted" not in broker.log()
