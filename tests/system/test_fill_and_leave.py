"""Peers that fill their queues while the other side does not read, and then are gone with a reset.

libzmq 4.3.4 ends a process that sends or answers a heartbeat on such a connection.
SPDX-License-Identifier: Apache-2.0
"""
import os
import random
import resource
import signal
import socket
import struct
import threading
import time
import uuid

import msgpack
import pytest
import zmq
from zmq.utils.monitor import parse_monitor_message

from lib.disk import MIB, StallShim
from lib.peer import resident
from lib.system import SLOW, System, fault, wait_until
from worker import HEADER, read_key

EVENT, PING, PUT, PUT_EVENT = 32, 13, 48, 54
STALL_S, HEARTBEAT_S = 25, 5
GROUPS = (1, 4, 40)
ROLES = {"work": "worker", "ingest": "publisher", "files": "publisher", "stream": "tap"}
KEY_CONNECTIONS = 8


class Filler:
    """One connection of a role, which sends until nothing more goes."""

    def __init__(self, context, name, endpoint, keys):
        self.name, self.sock, self.fd = name, \
            context.socket(zmq.SUB if name == "stream" else zmq.DEALER), -1
        self.sock.linger = 0
        self.sock.sndhwm = 4
        if keys:
            role = ROLES[name]
            self.sock.curve_serverkey = read_key(f"{keys}/broker.key", "public-key")
            self.sock.curve_publickey = read_key(f"{keys}/{role}.key_secret", "public-key")
            self.sock.curve_secretkey = read_key(f"{keys}/{role}.key_secret", "secret-key")
        self.monitor = self.sock.get_monitor_socket(zmq.EVENT_CONNECTED
                                                    | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        self.sock.connect(endpoint)
        self.sent = 0

    def reached(self):
        """Wait for the handshake; the descriptor is told by the connection's event."""
        while True:
            assert self.monitor.poll(int(20000 * SLOW)), f"{self.name} not reached"
            event = parse_monitor_message(self.monitor.recv_multipart())
            if event["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED:
                return
            self.fd = event["value"]

    def fill(self):
        """Send what fits now; how many that were."""
        before = self.sent
        try:
            for _ in range(50 if self.name != "stream" else 20 - self.sent):
                self.one()
                self.sent += 1
        except zmq.Again:
            pass
        return self.sent - before

    def one(self):
        if self.name == "stream":
            self.sock.subscribe(os.urandom(500))
            return
        kind, body = {"work": (PING, {"filling": "x" * 60000}),
                      "ingest": (EVENT, {"event_id": str(uuid.uuid4()), "body": b"{" * 250000}),
                      "files": (PUT_EVENT, {"event_id": "e", "offset": 1, "size": 500000,
                                            "bytes": b"{" * 250000})}[self.name]
        self.sock.send_multipart([HEADER.pack(b"K8T1", 1, kind, 0, 9, 1, 0), msgpack.packb(body)],
                                 zmq.DONTWAIT)

    def reset(self):
        """Gone at once, and its peer is told so by a reset."""
        with socket.socket(fileno=os.dup(self.fd)) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.disable_monitor()
        self.monitor.close(0)
        self.sock.close(0)


class Side:
    """A broker with a slow disk, and those who fill it up."""

    def __init__(self, root, keys):
        root.mkdir()
        self.system = System(root, keys=keys)
        self.keyed, self.disk = keys, StallShim(root)
        self.broker = self.system.start_broker(env=self.disk.env)
        self.context, self.fillers = zmq.Context(), []
        self.context.max_sockets = 4096

    def keys(self, name, number):
        return self.system.key(ROLES[name], f"{name}-{number // KEY_CONNECTIONS}") if self.keyed \
            else None

    def prepare(self):
        """Events that are acknowledged, and every key that will be needed."""
        self.system.publish([fault(f"before-{n}") for n in range(50)], "before")
        for name in ROLES:
            for number in range(sum(GROUPS)):
                self.keys(name, number)

    def stall(self):
        """Both threads that own sockets wait for the disk: the loop in a commit,
        the other one in a seal."""
        self.disk.stall()
        self.large = self.system.start_publisher([fault("large", context="x" * 400000)], "large")
        self.late = self.system.start_publisher([fault(f"late-{n}") for n in range(500)], "late")
        self.killed = self.system.start_publisher([fault(f"killed-{n}", context="y" * 100000)
                                                   for n in range(500)], "killed")

    def connect(self, names=tuple(ROLES), groups=GROUPS):
        for name in names:
            for number in range(sum(groups)):
                self.fillers.append(Filler(self.context, name, self.broker.endpoints[name],
                                           self.keys(name, number)))
        for filler in self.fillers:
            filler.reached()

    def fill(self):
        """Until nobody has got anything away for a second."""
        began = quiet = time.monotonic()
        while time.monotonic() - quiet < 1:
            sent = {filler.name for filler in self.fillers if filler.fill()}
            if sent:
                quiet = time.monotonic()
            assert quiet - began < 10 * SLOW, f"{sent}: read all the time"
            time.sleep(0.02)

    def leave(self):
        for filler in self.fillers:
            filler.reset()
        self.fillers = []
        self.killed.kill9()

    def judge(self):
        """Alive, small, and all that was acknowledged is there."""
        broker = self.broker
        wait_until(lambda: not broker.alive() or not self.late.alive() and not self.large.alive(),
                   60, "all is published")
        assert broker.alive(), broker.log_tail()
        assert self.late.wait(1) == 0 and self.large.wait(1) == 0, self.late.log_tail()
        names = {row["resource"]["name"] for row in broker.incidents() if row["resource"]}
        missing = [name for name in [f"before-{n}" for n in range(50)]
                   + [f"late-{n}" for n in range(500)] + ["large"]
                   if name not in names]
        assert not missing, missing
        assert broker.status_of("/healthz") == 200

    def close(self):
        for filler in self.fillers:
            filler.reset()
        self.context.term()
        self.system.close()


@pytest.fixture
def sides(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    made = [Side(tmp_path / "plain", False), Side(tmp_path / "keyed", True)]
    yield made
    for side in made:
        side.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def at_once(calls):
    """Run them in threads of their own; the first that failed fails here."""
    failed = []

    def run(call):
        try:
            call()
        except BaseException as error:  # handed on below
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def test_peers_fill_up_a_broker_whose_disk_stalls_and_are_gone(sides):
    """1, 4 and 40 connections on each of the four sockets, with and without keys."""
    at_once([side.prepare for side in sides])
    for side in sides:
        side.stall()
    began = time.monotonic()
    at_once([lambda side=side: (side.connect(), side.fill(), side.leave()) for side in sides])
    grown = [resident(side.broker) // MIB for side in sides]
    left_s = STALL_S - (time.monotonic() - began)
    assert left_s > 5, "they were to be gone for longer than a heartbeat takes"
    time.sleep(left_s)  # the stall itself
    for side in sides:
        side.disk.go_on()
    for side in sides:
        side.judge()
    assert max(grown) < 600, grown


def test_a_tap_that_nobody_reads_and_a_stopped_worker_outlive_their_broker(system):
    """The tap's queue is full, for its output goes nowhere; the worker is stopped with
    all it could be assigned."""
    options = {"global_queue_size": 100000, "cluster_queue_size": 100000}
    broker = system.start_broker(**options)
    os.mkfifo(system.root / "tap.out")
    reader = os.open(system.root / "tap.out", os.O_RDWR | os.O_NONBLOCK)
    try:
        tap = system.start_tap()
        broker.wait_topics(1)
        worker = system.start_worker(max_concurrent_agents=256)
        wait_until(lambda: broker.get("/api/v1/status")["workers"]["ready"] == 1, 20,
                   "the worker is there")
        worker.signal(signal.SIGSTOP)
        # over what a tap's queue holds
        system.publish([fault(f"web-{n}") for n in range(12000)], window=4096)
        broker.kill9()
        worker.signal(signal.SIGCONT)
        time.sleep(2 * HEARTBEAT_S + 2)  # the stall itself: nobody reads, nobody is there
        assert tap.alive() and worker.alive()
        broker = system.start_broker(**options)
        wait_until(lambda: broker.get("/api/v1/status")["workers"]["ready"] == 1, 60,
                   "the worker is back")
        heard = b""

        def told():
            nonlocal heard
            try:
                heard = heard[-4096:] + os.read(reader, MIB)
            except BlockingIOError:
                pass
            return b'"joined"' in heard

        wait_until(told, 60, "and the tap tells of it", 0)
        # what it has to say goes on being read, or it would wait for that
        tap.signal(signal.SIGTERM)
        wait_until(lambda: told() is None or not tap.alive(), 30, "the tap ends", 0)
        tap.stop()
        worker.kill9()
    finally:
        os.close(reader)


@pytest.mark.nightly
@pytest.mark.parametrize("keys", [False, True])
def test_a_hundred_rounds_at_random_moments(tmp_path, keys):
    """As above, on one socket at a time, some connections, a stall of some seconds;
    with and without keys 200 in all."""
    dice = random.Random(7)
    side = Side(tmp_path / "side", keys)
    try:
        for number in range(int(os.environ.get("TRIAGE_ROUNDS", "100"))):
            name, count, stalls = dice.choice(list(ROLES)), dice.choice((1, 4, 12)), \
                dice.random() < 0.7
            if stalls:
                side.disk.stall()
                side.system.start_publisher(
                    [fault(f"round-{number}", context="x" * dice.choice((10, 400000)))],
                    f"p{number}")
            side.connect([name], [count])
            until = time.monotonic() + dice.random() * 3
            while time.monotonic() < until:
                for filler in side.fillers:
                    filler.fill()
                time.sleep(0.01)
            for filler in side.fillers:
                filler.reset()
            side.fillers = []
            time.sleep(dice.random() * 7)
            if stalls:
                side.disk.go_on()
                published = side.system.processes[-1]
                assert published.wait(60) == 0, published.log_tail()
            assert side.broker.alive(), (number, name, count, side.broker.log_tail())
            wait_until(lambda: side.broker.status_of("/healthz") == 200, 20, "healthy")
    finally:
        side.close()
