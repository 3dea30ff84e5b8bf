"""Keys that are not there, or not the right ones.
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import os
import socket
import time

import pytest

from lib.disk import StallShim
from lib.peer import Peer, python_worker
from lib.system import System, fault, wait_until
from worker import HELLO, WELCOME


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
