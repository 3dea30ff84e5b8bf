"""Keys: who may speak on which socket, what a role may do there, and how fast a deleted key is cut.

Peers are pyzmq with CURVE, and the real programs.
SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import json
import time
import uuid

import msgpack
import zmq

from lib.peer import (EVENT, EVENT_ACK, GO_EVENT, PUT_EVENT, Peer, Raw, SEAL_EVENT, event,
                      python_worker)
from lib.system import fault, wait_until
from test_flow import check_chain
from test_run import script
from worker import (CREDIT, GET, HEADER, HELLO, LEASE, PING, PONG, PROGRESS, PUT, SEAL, VERDICT,
                    VERDICT_ACK, WELCOME, Refused, read_key)

SOCKETS = ("work", "ingest", "files", "stream")
RIGHTS = {("worker", "work"), ("worker", "files"), ("publisher", "ingest"), ("publisher", "files"),
          ("tap", "stream")}


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
