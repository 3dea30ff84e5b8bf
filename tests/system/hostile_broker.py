"""The broker's end of the two worker sockets, saying whatever a test wants: pyzmq and msgpack, no
code of the project.
SPDX-License-Identifier: Apache-2.0
"""
import time
import uuid

import msgpack
import zmq

from lib.system import SLOW, free_port
from worker import (ASSIGN, DATA, GET, GO, HEADER, HELLO, PING, PONG, PUT, SEAL, SEALED, VERDICT,
                    VERDICT_ACK, WELCOME)


def pack(kind, body, version=1, magic=b"K8T1", corr=0):
    return [HEADER.pack(magic, version, kind, 0, 0, 1, corr),
            msgpack.packb(body, use_bin_type=True)]


class HostileBroker:
    """One worker's peer.  `heard` has every (socket, type, body) that it received."""

    def __init__(self):
        self.endpoints, self.sockets, self.routes, self.heard = {}, {}, {}, []
        for name in ("work", "files"):
            sock = zmq.Context.instance().socket(zmq.ROUTER)
            sock.setsockopt(zmq.LINGER, 0)
            self.endpoints[name] = f"tcp://127.0.0.1:{free_port()}"
            sock.bind(self.endpoints[name])
            self.sockets[name] = sock
        self.sessions = set()

    def receive(self, timeout_s):
        """One message of either socket: (socket, type, body), or None."""
        ready = dict(self.poller().poll(int(timeout_s * 1000)))
        for name, sock in self.sockets.items():
            if sock in ready:
                route, header, body = sock.recv_multipart()
                _, _, kind, _, session, self.seq, _ = HEADER.unpack(header)
                self.routes[name] = route
                self.sessions.add(session)
                self.heard.append((name, kind, msgpack.unpackb(body, raw=False)))
                return self.heard[-1]
        return None

    def poller(self):
        poller = zmq.Poller()
        for sock in self.sockets.values():
            poller.register(sock, zmq.POLLIN)
        return poller

    def serve(self, until, timeout_s=20, silent=(), **welcome):
        """Answer like an honest broker, but for the types in `silent`, until until() is true."""
        deadline = time.monotonic() + timeout_s * SLOW
        while not until():
            assert time.monotonic() < deadline, \
                f"not reached; heard {[kind for _, kind, _ in self.heard][-30:]}"
            message = self.receive(0.05)
            while message:
                if message[1] not in silent:
                    self.answer(*message, **welcome)
                message = self.receive(0)

    def answer(self, name, kind, body, ping_ms=1000, lease_ms=60000):
        fence = {key: body[key] for key in ("incident", "attempt") if key in body}
        if kind == HELLO:
            self.send("work", WELCOME,
                      {"proto": 1, "now_ms": 1, "ping_ms": ping_ms, "lease_ms": lease_ms})
        elif kind == PING:
            self.send("work", PONG, {})
        elif kind == GET:
            data = b"{}" * 8
            self.send("files", DATA,
                      {**fence, "path": body["path"], "offset": body["upto"], "size": len(data),
                                      "bytes": data[body["upto"]:]})
        elif kind == PUT:
            self.send("files", GO,
                      {**fence, "path": body["path"], "upto": body["offset"] + len(body["bytes"])})
        elif kind == SEAL:
            self.send("files", SEALED, {**fence, "result": "stored"})
        elif kind == VERDICT:
            self.send("work", VERDICT_ACK, {**fence, "disposition": "committed"})

    def send(self, name, kind, body, **options):
        self.raw(name, pack(kind, body, **options))

    def raw(self, name, parts):
        self.sockets[name].send_multipart([self.routes[name], *parts])

    def assign(self, **more):
        """Assign a new incident; its fence."""
        fence = {"incident": str(uuid.uuid4()), "attempt": 1}
        self.send("work", ASSIGN,
                  {**fence, "cluster": "prod", "timeout_ms": 20000, "lease_ms": 60000, **more})
        return fence

    def all(self, kind):
        return [body for _, seen, body in self.heard if seen == kind]

    def close(self):
        for sock in self.sockets.values():
            sock.close()
