"""Keys: who may speak on which socket, what a role may do there, and how fast a deleted key is cut.

Peers are pyzmq with CURVE, and the real programs.  SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import hashlib
import json
import os
import signal
import socket
import time
import uuid

import msgpack
import pytest
import zmq
from zmq.utils.monitor import parse_monitor_message

from lib.disk import StallShim
from lib.system import SLOW, System, fault, wait_until
from test_flow import check_chain
from test_run import script
from worker import (CREDIT, ERROR, GET, HEADER, HELLO, LEASE, PING, PONG, PROGRESS, PUT, SEAL,
                    VERDICT, VERDICT_ACK, WELCOME, Refused, Worker, read_key)

EVENT, EVENT_ACK, PUT_EVENT, GO_EVENT, SEAL_EVENT = 32, 33, 54, 55, 56
SOCKETS = ("work", "ingest", "files", "stream")
RIGHTS = {("worker", "work"), ("worker", "files"), ("publisher", "ingest"), ("publisher", "files"),
          ("tap", "stream")}


class Peer:
    """A socket of some role's key, speaking frames."""

    def __init__(self, endpoint, keys, role, kind=zmq.DEALER):
        self.sock = zmq.Context.instance().socket(kind)
        self.sock.linger = 0
        self.sock.curve_serverkey = read_key(f"{keys}/broker.key", "public-key")
        self.sock.curve_publickey = read_key(f"{keys}/{role}.key_secret", "public-key")
        self.sock.curve_secretkey = read_key(f"{keys}/{role}.key_secret", "secret-key")
        self.monitor = self.sock.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL)
        if kind == zmq.SUB:
            self.sock.sndhwm = 0  # libzmq drops a subscription that finds its queue full
            self.sock.subscribe(b"")
        self.sock.connect(endpoint)
        self.session, self.seq = int.from_bytes(os.urandom(7), "little") + 1, 0

    def handshake(self):
        assert self.monitor.poll(int(10000 * SLOW)), "no end of the handshake"
        event = parse_monitor_message(self.monitor.recv_multipart())
        return event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED

    def send(self, kind, body):
        self.seq += 1
        self.sock.send_multipart([HEADER.pack(b"K8T1", 1, kind, 0, self.session, self.seq, 0),
                                  msgpack.packb(body, use_bin_type=True)])

    def answer(self, timeout_s=10):
        """(type, body) of the next message; (None, None) when there is none."""
        if not self.sock.poll(int(timeout_s * 1000 * SLOW)):
            return None, None
        *_, header, body = self.sock.recv_multipart()
        return HEADER.unpack(header)[2], msgpack.unpackb(body)

    def ask(self, kind, body):
        self.send(kind, body)
        return self.answer()

    def refused(self, kind, body, code):
        got, answer = self.ask(kind, body)
        assert (got, answer.get("code")) == (ERROR, code), (kind, got, answer)

    def close(self):
        self.sock.disable_monitor()
        self.monitor.close(0)
        self.sock.close(0)


def revoke(system, role, name):
    """Delete the enrolled key; when that was."""
    (system.keys_dir / f"clients/{role}-{name}.key").unlink()
    return time.monotonic()


def within(seconds, began, **conditions):
    """All come true so soon.  What a sleep of 10 ms takes over a tenth of a second is the machine's
    doing and does not count, and of what a look takes over that at most two seconds."""
    late_asleep = late_looking = 0
    while conditions:
        looked = time.monotonic()
        conditions = {what: condition for what, condition in conditions.items() if not condition()}
        slept = time.monotonic()
        time.sleep(0.01)
        now = time.monotonic()
        late_looking = min(2, late_looking + max(0, slept - looked - 0.1))
        late_asleep += max(0, now - slept - 0.1)
        assert now - began - late_looking - late_asleep < seconds, [*conditions]


def python_worker(system, name, offer=1):
    broker = system.broker
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"],
                    str(system.peer_keys("worker", name)), name=name)
    worker.hello()
    if offer:
        worker.offer(offer)
    return worker


def resident(process):
    """Bytes of memory it has."""
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def event(name="web-0"):
    return {"event_id": str(uuid.uuid4()), "body": json.dumps(fault(name)).encode()}


def workers(broker):
    return {row["name"]: row for row in broker.get("/api/v1/workers")["workers"]}


#  --- roles

def test_a_key_is_let_in_where_its_role_speaks_and_nowhere_else(secure):
    broker = secure.start_broker()
    found = {}
    for role in ("worker", "publisher", "tap"):
        for name in SOCKETS:
            peer = Peer(broker.endpoints[name], secure.key(role, "x"), role,
                        zmq.SUB if name == "stream" else zmq.DEALER)
            found[role, name] = peer.handshake()
            peer.close()
    assert {pair for pair, let_in in found.items() if let_in} == RIGHTS
    refused = broker.records("peer refused: its key is not enrolled for this socket")
    assert len(refused) >= len(found) - len(RIGHTS)
    assert {record["socket"] for record in refused} == set(SOCKETS)


def stranger(system):
    """A key that no broker has ever known."""
    keys = system.key("worker", "gone")
    revoke(system, "worker", "gone")
    return keys


def test_a_stranger_who_tries_again_and_again_does_not_fill_the_log(secure):
    keys = stranger(secure)
    broker = secure.start_broker()

    def refused():
        peer = Peer(broker.endpoints["work"], keys, "worker")
        assert not peer.handshake()
        peer.close()
        for line in broker.get("/metrics", raw=True).splitlines():
            if line.startswith("triage_wire_refused_total "):
                return int(line.split()[1]) >= 40

    wait_until(refused, 60, "40 refusals are counted", 0.05)
    assert len(broker.records("peer refused: its key is not enrolled for this socket")) == 20


def test_a_key_that_is_not_enrolled_and_a_peer_without_a_key_reach_nothing(secure):
    keys = stranger(secure)
    broker = secure.start_broker()
    for name in ("work", "ingest", "files"):
        peer = Peer(broker.endpoints[name], keys, "worker")
        assert not peer.handshake()
        peer.close()
        with zmq.Context.instance().socket(zmq.DEALER) as plain:
            plain.linger = 0
            plain.connect(broker.endpoints[name])
            plain.send_multipart([HEADER.pack(b"K8T1", 1, HELLO, 0, 1, 1, 0), b"\x80"])
            assert not plain.poll(300)
    assert "triage_wire_bad_messages_total 0" in broker.get("/metrics", raw=True)


def test_a_worker_may_not_ingest_and_a_publisher_may_not_touch_attempts_on_files(secure):
    broker = secure.start_broker()
    secure.publish([fault("web-0")])
    worker = python_worker(secure, "w1")
    _, fence = worker.assignment()
    body = b"{}"
    digest = hashlib.sha256(body).hexdigest()
    as_worker = Peer(broker.endpoints["files"], secure.key("worker", "w2"), "worker")
    as_worker.refused(PUT_EVENT, {"event_id": "e1", "offset": 0, "size": 2, "bytes": body}, "role")
    as_worker.refused(SEAL_EVENT, {"event_id": "e1", "size": 2, "sha256": digest}, "role")
    as_worker.close()
    #  an attempt of another worker's does not exist for this one
    as_other = Peer(broker.endpoints["files"], secure.key("worker", "w3"), "worker")
    as_other.refused(GET, {**fence, "path": "prompt.md", "upto": 0}, "unknown")
    as_other.refused(PUT, {**fence, "path": "run.json", "offset": 0, "size": 2, "bytes": body},
                     "unknown")
    as_other.refused(SEAL, {**fence, "files": []}, "unknown")
    as_other.close()
    as_publisher = Peer(broker.endpoints["files"], secure.key("publisher", "p1"), "publisher")
    as_publisher.refused(GET, {**fence, "path": "prompt.md", "upto": 0}, "role")
    as_publisher.refused(PUT, {**fence, "path": "run.json", "offset": 0, "size": 2, "bytes": body},
                         "role")
    as_publisher.refused(SEAL, {**fence, "files": []}, "role")
    kind, answer = as_publisher.ask(PUT_EVENT,
                                    {"event_id": "e1", "offset": 0, "size": 2, "bytes": body})
    assert (kind, answer["upto"]) == (GO_EVENT, 2)
    as_publisher.close()
    assert worker.fetch(fence, "prompt.md")  # nobody has got in the way
    worker.close()
    assert len(broker.incidents()) == 1


def test_a_publisher_gets_no_assignment_and_a_worker_publishes_nothing_on_the_others_socket(secure):
    """The verbs of another socket mean nothing, whoever says them."""
    broker = secure.start_broker()
    publisher = Peer(broker.endpoints["ingest"], secure.key("publisher", "p1"), "publisher")
    for kind, body in ((HELLO, {"proto_min": 1, "proto_max": 1, "name": "x", "slots": 1}),
                       (CREDIT, {"number": 1, "total": 1, "free": 1})):
        publisher.refused(kind, body, "unknown_type")
    assert publisher.ask(EVENT, event())[0] == EVENT_ACK
    assert publisher.answer(0.5) == (None, None)
    publisher.close()
    worker = Peer(broker.endpoints["work"], secure.key("worker", "w1"), "worker")
    assert worker.ask(HELLO,
                      {"proto_min": 1, "proto_max": 1, "name": "x", "slots": 1})[0] == WELCOME
    worker.refused(EVENT, event("other"), "unknown_type")
    worker.close()
    assert [row["resource"]["name"] for row in broker.incidents()] == ["web-0"]


def test_who_a_peer_is_stands_in_its_key_and_not_in_what_it_says(secure):
    broker = secure.start_broker()
    secure.publish([fault("web-0")])
    owner = python_worker(secure, "owner")
    _, fence = owner.assignment()
    owner_key = "worker:" + read_key(f"{secure.key('worker', 'owner')}/worker.key",
                                     "public-key").decode()
    thief_keys = secure.key("worker", "thief")
    thief_key = "worker:" + read_key(f"{thief_keys}/worker.key", "public-key").decode()
    forged = {"worker_id": str(uuid.uuid4()), "identity": owner_key, "User-Id": owner_key,
              "peer": owner_key}
    thief = Peer(broker.endpoints["work"], thief_keys, "worker")
    thief.session = owner.session
    body = {"proto_min": 1, "proto_max": 1, "name": "thief", "slots": 1, "running": [fence],
            **forged}
    assert thief.ask(HELLO, body)[0] == WELCOME
    wait_until(lambda: "thief" in workers(broker), 10, "the thief is known")
    assert (workers(broker)["thief"]["identity"],
            workers(broker)["owner"]["identity"]) == (thief_key, owner_key)
    kind, lease = thief.ask(PROGRESS, {**fence, "phase": "run", **forged})
    assert kind != LEASE or lease["ms"] == 0
    kind, ack = thief.ask(VERDICT, {**fence, "outcome": "agent", "exit_code": 1, "reason": "forged",
                                    **forged})
    assert (kind, ack["disposition"]) == (VERDICT_ACK, "stale")
    thief.close()
    files = Peer(broker.endpoints["files"], thief_keys, "worker")
    files.refused(GET, {**fence, "path": "prompt.md", "upto": 0, **forged}, "unknown")
    files.close()
    assert broker.incident(fence["incident"])["state"] == "investigating"
    owner.work.send(PROGRESS, {**fence, "phase": "run"})
    assert owner.work.wait([LEASE])[1]["ms"] > 0
    owner.close()


class Raw:
    """A peer that speaks ZMTP 3.0 without keys by itself, and so says what no libzmq would."""

    def __init__(self, endpoint, kind, **properties):
        host, port = endpoint.removeprefix("tcp://").split(":")
        self.sock = socket.create_connection((host, int(port)), 10)
        self.sock.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0")
                          + bytes(32))
        self.until(b"READY")
        named = {"Socket-Type": kind, "Identity": b"",
                 **{name.replace("_", "-"): value for name, value in properties.items()}}
        self.send(b"\x05READY" + b"".join(bytes([len(name)]) + name.encode()
                                          + len(value).to_bytes(4, "big") + value
                                         for name, value in named.items()), flags=4)

    def send(self, body, flags=0):
        self.sock.sendall(bytes([flags | 2]) + len(body).to_bytes(8, "big") + body)

    def until(self, mark):
        heard = b""
        while mark not in heard:
            chunk = self.sock.recv(4096)
            assert chunk, heard
            heard += chunk


def test_without_keys_a_name_in_the_handshake_is_not_believed(system):
    """A NULL peer may send any property; User-Id would be a key's identity."""
    broker = system.start_broker()
    hello = {"proto_min": 1, "proto_max": 1, "name": "forger", "slots": 1,
             "worker_id": str(uuid.uuid4())}
    raw = Raw(broker.endpoints["work"], b"DEALER", User_Id=b"worker:" + b"x" * 40)
    with raw.sock:
        raw.send(HEADER.pack(b"K8T1", 1, HELLO, 0, 7, 1, 0), flags=1)
        raw.send(msgpack.packb(hello))
        raw.until(b"K8T1")
        wait_until(lambda: "forger" in workers(broker), 10, "the worker is known")
        assert workers(broker)["forger"]["identity"] == "local:" + hello["worker_id"]


def test_half_uploads_of_one_peer_leave_room_for_the_others(secure):
    broker = secure.start_broker()
    part = {"offset": 0, "size": 1000, "bytes": b"{"}
    greedy = Peer(broker.endpoints["files"], secure.key("publisher", "greedy"), "publisher")
    answers = [greedy.ask(PUT_EVENT, {**part, "event_id": f"e{n}"}) for n in range(300)]
    assert answers[0][0] == GO_EVENT and answers[-1][1]["reason"] == "overload"
    other = Peer(broker.endpoints["files"], secure.key("publisher", "other"), "publisher")
    assert other.ask(PUT_EVENT, {**part, "event_id": "e0"})[0] == GO_EVENT
    #  a worker: 12 attempts of 30 MiB each, announced and never sent
    secure.publish([fault(f"web-{n}") for n in range(13)])
    hog = python_worker(secure, "hog", offer=0)
    hog.slots = 12
    hog.hello()
    hog.offer(12)
    fences = [hog.assignment()[1] for _ in range(12)]
    files = Peer(broker.endpoints["files"], secure.key("worker", "hog"), "worker")
    last = [files.ask(PUT, {**fence, "path": f"logs/{n}.log", "offset": 0, "size": 5 << 20,
                            "bytes": b"x"})[1]
            for fence in fences for n in range(6)][-1]
    assert last.get("code") == "io", last
    fair = python_worker(secure, "fair", offer=0)
    fair.hello()
    fair.offer(1)
    _, fence = fair.assignment()
    manifest, sealed = fair.upload(fence, {"logs/agent.stdout.log": b"x" * (5 << 20)})
    assert manifest and sealed["result"] == "stored"
    for peer in (greedy, other, files, hog, fair):
        peer.close()


#  --- a key is deleted

def test_a_worker_whose_key_is_deleted_is_cut_on_work_and_files(secure):
    broker = secure.start_broker()
    secure.publish([fault("one")], name="p1")
    gone = python_worker(secure, "gone", offer=0)
    gone.slots = 2
    gone.hello()
    gone.offer(2)
    _, fence = gone.assignment()
    other = python_worker(secure, "other", offer=0)
    assert gone.fetch(fence, "prompt.md")

    def cut(link, kind, body):
        link.send(kind, body)
        try:
            assert link.recv(20)[0], "each gets its answer"
        except Refused as refused:
            return refused.code == "role"
        return False

    within(1, revoke(secure, "worker", "gone"), work=lambda: cut(gone.work, PING, {}),
           files=lambda: cut(gone.files, GET, {**fence, "path": "prompt.md", "upto": 0}))
    broker.wait_log("worker cut, its key is not enrolled any more")
    #  it has a free slot, and gets nothing any more; the other one gets it at once
    secure.publish([fault("two")], name="p2")
    assert gone.work.sock.poll(500) == 0
    other.offer(1)
    assert other.assignment(10)[1]["incident"] != fence["incident"]
    #  what it sends is not heard, a verdict neither
    assert cut(gone.work, VERDICT,
               {**fence, "outcome": "agent", "exit_code": 1, "reason": "too late"})
    assert broker.incident(fence["incident"])["state"] == "investigating"
    gone.work.sock.close(0)
    gone.files.close()
    other.close()


def test_the_work_of_a_worker_whose_key_is_deleted_goes_to_another(secure):
    """The real program, cut while its agent runs."""
    broker = secure.start_broker(lease_ttl="1s", reconnect_grace="1s", max_deliveries=32)
    gone = secure.start_worker("gone", agent_script_path=script(secure, "exec sleep 600"),
                               shutdown_timeout="0s")
    secure.publish([fault("web-0")])
    wait_until(lambda: broker.incidents("investigating"), 20, "taken")
    revoke(secure, "worker", "gone")
    broker.wait_log("worker cut, its key is not enrolled any more")
    assert [row["worker"]
            for row in broker.records("worker cut, its key is not enrolled any more")] == ["gone"]
    gone.wait_log(
        "the broker does not know our key any more: this worker gets no work; make it a new one")
    secure.start_worker("heir", max_concurrent_agents=1)
    rows = broker.wait_terminal(1, 60)
    attempts = broker.incident(rows[0]["id"])["attempts"]
    assert rows[0]["state"] == "reported" and attempts[-1]["worker"] == "heir"


def test_a_worker_whose_key_is_enrolled_again_comes_back_by_itself(secure):
    broker = secure.start_broker()
    secure.start_worker("gone")
    enrolled = secure.keys_dir / "clients/worker-gone.key"
    kept = enrolled.read_text()
    wait_until(lambda: workers(broker).get("gone", {}).get("ready"), 20, "there")
    revoke(secure, "worker", "gone")
    broker.wait_log("worker cut, its key is not enrolled any more")
    enrolled.write_text(kept)
    wait_until(lambda: workers(broker).get("gone", {}).get("ready"), 60, "back")


def test_a_publisher_whose_key_is_deleted_is_cut_on_ingest_and_files(secure):
    broker = secure.start_broker()
    ingest = Peer(broker.endpoints["ingest"], secure.key("publisher", "p1"), "publisher")
    files = Peer(broker.endpoints["files"], secure.key("publisher", "p1"), "publisher")
    part = {"event_id": "e1", "offset": 0, "size": 9, "bytes": b"{}"}
    assert ingest.ask(EVENT, event("before"))[0] == EVENT_ACK \
        and files.ask(PUT_EVENT, part)[0] == GO_EVENT
    within(1, revoke(secure, "publisher", "p1"),
           files=lambda: files.ask(PUT_EVENT, part)[1].get("code") == "role",
           ingest=lambda: ingest.ask(EVENT, event("before"))[1].get("code") == "role")
    ingest.refused(EVENT, event("after"), "role")
    assert [row["resource"]["name"] for row in broker.incidents()] == ["before"]
    ingest.close()
    files.close()


def test_a_tap_whose_key_is_deleted_hears_nothing_and_the_others_miss_nothing(secure):
    broker = secure.start_broker()
    gone = Peer(broker.endpoints["stream"], secure.key("tap", "gone"), "tap", zmq.SUB)
    assert gone.handshake()
    stays = secure.start_tap("stays", url=secure.url(), topic="incident/")
    broker.wait_topics(2)
    number = 0

    def publish():
        nonlocal number
        number += 1
        secure.publish([fault(f"web-{number}")], name=f"p{number}")

    wait_until(lambda: publish() or (gone.sock.poll(0) and '"incident"' in stays.out()), 30,
               "both taps hear", 0.2)
    other = Peer(broker.endpoints["work"], secure.key("worker", "other"), "worker")
    assert other.ask(HELLO,
                     {"proto_min": 1, "proto_max": 1, "name": "other", "slots": 1})[0] == WELCOME
    within(1.5, revoke(secure, "tap", "gone"), cut=lambda: other.ask(PING, {})[0] == PONG
           and gone.monitor.poll(0))
    assert gone.handshake() is False, "it is cut, comes back and is refused"
    publish()  # which the other tap misses, unless it is back already, and must read again
    other.close()
    while gone.sock.poll(0):
        gone.sock.recv_multipart()
    wait_until(lambda: broker.metric("stream_cuts_total") >= 1
               and broker.metric("stream_topics") >= 1, 20,
               "the other tap is back: what it misses is told by the next record that it hears")
    for _ in range(3):
        publish()
    assert gone.sock.poll(500) == 0
    gone.close()

    def records():
        lines = [json.loads(line) for line in stays.out().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("kind") == "incident"]

    wait_until(lambda: len(records()) >= number, 20, "the other tap has heard of every incident")
    check_chain(records())


def test_one_broken_key_file_does_not_keep_a_deleted_key_alive(secure):
    broker = secure.start_broker()
    ingest = Peer(broker.endpoints["ingest"], secure.key("publisher", "p1"), "publisher")
    assert ingest.ask(EVENT, event("before"))[0] == EVENT_ACK
    (secure.keys_dir / "clients/worker-half.key").write_text("metadata\n    role")
    within(1, revoke(secure, "publisher", "p1"),
           cut=lambda: ingest.ask(EVENT, event("before"))[1].get("code") == "role")
    broker.wait_log("keys are not in force as their folder has them")
    assert "worker-half.key" in broker.log()
    ingest.close()
    worker = python_worker(secure, "first")  # the others are as they were
    worker.work.send(PING, {})
    worker.work.wait([PONG])
    worker.close()


def test_peers_that_come_and_go_keep_no_deleted_key_alive(secure):
    broker = secure.start_broker()
    ingest = Peer(broker.endpoints["ingest"], secure.key("publisher", "p1"), "publisher")
    assert ingest.ask(EVENT, event("before"))[0] == EVENT_ACK
    keys = secure.key("worker", "restless")

    def come_and_go():
        peer = Peer(broker.endpoints["work"], keys, "worker")
        assert peer.handshake()
        peer.close()

    def cut():
        come_and_go()
        return ingest.ask(EVENT, event("before"))[1].get("code") == "role"

    come_and_go()  # known from here on: nobody is asked about a new key
    within(1, revoke(secure, "publisher", "p1"), cut=cut)
    ingest.close()


def test_a_key_enrolled_while_the_broker_runs_is_let_in(secure):
    broker = secure.start_broker()
    secure.publish([fault("web-0")])
    worker = python_worker(secure, "newcomer")
    body, fence = worker.assignment()
    assert body["incident"] == fence["incident"] == broker.incidents()[0]["id"]
    worker.close()


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


#  --- keys that are not there, or not the right ones

def test_a_peer_without_keys_is_refused_counted_and_told_on_both_sides(secure):
    broker = secure.start_broker()
    none = secure.root / "none"
    worker = secure.start_worker("keyless", keys_dir=none, wait=False)
    publisher = secure.start_publisher([fault("web-0")], keys_dir=none)
    tap = secure.start_tap(keys_dir=none)
    for peer in (worker, publisher, tap):
        wait_until(
            lambda peer=peer: "the broker may want keys: --keys-dir names a folder that is not "
                              "there" in peer.log(), 10, f"{peer.name} says so")
    # whoever sees it first ends the handshake: "has no keys", or "left without a key"
    broker.wait_log("peer refused: it ")
    wait_until(lambda: broker.metric("wire_refused_total") >= 3, 10, "counted")
    publisher.kill9()  # it would wait for its broker


def test_a_peer_that_shows_no_key_is_counted_whoever_ends_the_handshake(secure):
    """The NULL greeting of ZMTP 3.1 in whole, the half of it, and nothing at all."""
    broker = secure.start_broker()
    host, port = broker.endpoints["work"].removeprefix("tcp://").split(":")
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x01NULL".ljust(12 + 16 + 11, b"\0")
    for count, (sent, message, level) in enumerate([
            (greeting.ljust(64, b"\0"), "peer refused: it has no keys, and this broker wants them",
             "warn"),
            (greeting[:11],
             "peer refused: it left without a key; it may have none, or it only tries the port",
             "info"),
            (b"",
             "peer refused: it left without a key; it may have none, or it only tries the port",
             "info")], 1):
        with socket.create_connection((host, int(port)), 10) as peer:
            peer.sendall(sent)
            if len(sent) == 64:
                while peer.recv(4096):  # until the broker has ended it
                    pass
        wait_until(lambda count=count: broker.metric("wire_refused_total") == count, 10, "counted")
        record = broker.records(message)[0]
        assert record["level"] == level and record["socket"] == "work" \
            and record["address"] in ("127.0.0.1", "unknown")


def test_a_peer_with_another_brokers_key_is_told_within_ten_seconds(secure):
    other = System(secure.root / "other", keys=True) if (secure.root / "other").mkdir() is None \
        else None
    keys = secure.key("worker", "w1")
    (keys / "broker.key").write_bytes((other.key("worker", "x") / "broker.key").read_bytes())
    broker = secure.start_broker()
    worker = secure.start_worker("w1", wait=False)
    wait_until(lambda: "broker.key may be another broker's: --keys-dir" in worker.log(), 10,
               "the worker says so")
    broker.wait_log("peer refused: its broker.key is not of this broker")
    wait_until(lambda: broker.metric("wire_refused_total") >= 1, 10, "counted")


def test_a_key_written_over_in_its_file_is_out_and_the_new_one_in(secure):
    broker = secure.start_broker()
    old = python_worker(secure, "turned", offer=0)
    fresh = secure.key("worker", "fresh")
    enrolled = secure.keys_dir / "clients"
    folder = os.stat(enrolled).st_mtime_ns
    time_of = os.stat(enrolled / "worker-turned.key")
    # in place: its folder does not change
    with open(enrolled / "worker-turned.key", "r+b") as file:
        file.write((enrolled / "worker-fresh.key").read_bytes().ljust(time_of.st_size))
    # as cp -p does
    os.utime(enrolled / "worker-turned.key", ns=(time_of.st_atime_ns, time_of.st_mtime_ns))
    assert os.stat(enrolled).st_mtime_ns == folder
    broker.wait_log("worker cut, its key is not enrolled any more")
    old.work.sock.close(0)
    old.files.close()
    peer = Peer(broker.endpoints["work"], fresh, "worker")
    assert peer.ask(HELLO, {"proto_min": 1, "proto_max": 1, "name": "x", "slots": 1})[0] == WELCOME
    peer.close()


def new_key(system, name, out, expect=0):
    return system.ctl("key", "new", expect=expect, role="worker", name=name,
                      keys_dir=system.keys_dir, out=out)


def test_a_new_key_says_when_the_broker_must_be_started_again(system):
    system.keys_dir = system.root / "made-now"
    system.start_broker()  # keyless, as the folder is not there
    assert "start it again" in new_key(system, "w1", system.root / "w1").stdout
    assert "start it again" in new_key(system, "w2", system.root / "w2").stdout
    system.broker.stop()
    assert "within a second" in new_key(system, "w3", system.root / "w3").stdout
    system.start_broker()
    assert "within a second" in new_key(system, "w4", system.root / "w4").stdout
    assert system.broker.get("/api/v1/status")["curve"] is True


def test_a_peers_keys_never_go_into_the_brokers_folder(secure):
    secure.start_broker()
    for out in (secure.keys_dir, secure.keys_dir / "clients", secure.keys_dir / "w9",
                secure.keys_dir / "clients/a", f"{secure.keys_dir}/../keys/w9"):
        refused = new_key(secure, "w9", out, expect=2)
        assert "is in the broker's folder of keys" in refused.stderr
    assert not list(secure.keys_dir.glob("**/*w9*"))
    worker = secure.start_worker("w9", keys_dir=secure.keys_dir, wait=False,
                                 broker_endpoint="tcp://127.0.0.1:1",
                                 broker_files_endpoint="tcp://127.0.0.1:1")
    assert worker.wait(10) == 78
    assert "holds a broker's key, a worker's is wanted" in worker.log()


@pytest.mark.parametrize("wanted", ["worker", "publisher", "tap", "broker"])
def test_a_key_of_another_role_is_named_with_the_role_that_is_wanted(secure, wanted):
    """A folder for the wrong program, or its files under the name of the right one."""
    broker = secure.start_broker()
    start = {"worker": lambda keys: secure.start_worker("odd", keys_dir=keys, wait=False),
             "publisher": lambda keys: secure.start_publisher([fault("web-0")], keys_dir=keys),
             "tap": lambda keys: secure.start_tap(keys_dir=keys),
             "broker": lambda keys: secure.start_broker(keys_dir=keys, wait=False)}
    if wanted == "broker":
        broker.stop()
    for role in sorted({"worker", "publisher", "tap"} - {wanted}):
        keys = secure.key(role, "odd")
        for step in ("as it is", "renamed"):
            if step == "renamed":
                for half in ("key", "key_secret"):
                    (keys / f"{role}.{half}").rename(keys / f"{wanted}.{half}")
            process = start[wanted](keys)
            assert process.wait(10) in (78, 2), process.log_tail()
            whose, how = ("the broker", "--keys-dir FOLDER --role worker") if wanted == "broker" \
                else ("a " + wanted, "--role " + wanted)
            assert f"holds a {role}'s key, {whose}'s " in process.log()
            assert f"triagectl key new {how} " in process.log()


def test_a_key_that_is_refused_is_told_with_the_role_that_it_has(secure):
    broker = secure.start_broker()
    with contextlib.closing(Peer(broker.endpoints["work"], secure.key("tap", "t1"), "tap")) as peer:
        assert not peer.handshake()
    wait_until(lambda: any(record["socket"] == "work" and record["its_role"] == "tap"
                           for record in broker.records(
        "peer refused: its key is not enrolled for this socket")), 10, "told")


def test_a_key_check_that_hangs_is_told(secure):
    """The folder of keys is on a file system that does not answer: who opens it waits."""
    disk = StallShim(secure.root)
    broker = secure.start_broker(env={**disk.env, "SLOW_DISK": "", "SLOW_FOLDER": str(disk.flag)})
    assert broker.metric("wire_key_check_silent_seconds") < 5 and broker.status_of("/readyz") == 200
    disk.stall()
    broker.wait_log("key check hangs: nobody new is let in", 20)
    wait_until(lambda: broker.status_of("/readyz") == 503, 5, "not ready")
    assert broker.metric("wire_key_check_silent_seconds") > 5 \
        and broker.status_of("/healthz") == 200
    disk.go_on()
    broker.wait_log("key check goes on")
    wait_until(lambda: broker.status_of("/readyz") == 200, 5, "ready")


def test_strangers_who_take_all_descriptors_are_cut_and_told(secure):
    """Without a spare one libzmq asks for the next connection again and again, and nobody
    can ask how the broker is."""
    broker = secure.start_broker(prefix=["prlimit", "--nofile=128:128"])
    host, port = broker.endpoints["work"].removeprefix("tcp://").split(":")
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(contextlib.closing(socket.create_connection((host, int(port)))))
        broker.wait_log("connection cut at once: too few file descriptors are left")
        before, began = cpu_s(broker), time.monotonic()
        wait_until(lambda: broker.metric("wire_shed_total") > 0, 10, "counted")
        while time.monotonic() - began < 2:
            assert broker.status_of("/healthz") == 200
            time.sleep(0.1)
        assert (cpu_s(broker) - before) / (time.monotonic() - began) < 0.5
        secure.publish([fault("web-0")])


def cpu_s(process):
    """Processor time it has taken."""
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
