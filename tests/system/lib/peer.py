"""What the tests of keys share: a peer of any role that speaks frames.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import socket
import uuid

import msgpack
import zmq
from zmq.utils.monitor import parse_monitor_message

from lib.system import SLOW, fault
from worker import ERROR, HEADER, Worker, read_key

EVENT, EVENT_ACK, PUT_EVENT, GO_EVENT, SEAL_EVENT = 32, 33, 54, 55, 56


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
