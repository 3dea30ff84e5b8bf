#!/usr/bin/python3
"""A worker in Python, written from docs/protocol.md alone: pyzmq and msgpack,
no code of the project.

    worker.py --work tcp://127.0.0.1:5570 --files tcp://127.0.0.1:5573 [--keys DIR] [--count N]

Takes N incidents to a report and ends.  With --keys it uses worker.key, worker.key_secret
and broker.key.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import hashlib
import json
import os
import re
import struct
import sys
import time
import uuid

import msgpack
import zmq

HEADER = struct.Struct("<4sBBHQQQ")
(HELLO, WELCOME, CREDIT, ASSIGN, ACCEPT, STARTED, PROGRESS, LEASE, VERDICT, VERDICT_ACK,
 RELEASE, CANCEL, PING, PONG, BYE, ERROR) = range(1, 17)
PUT, GO, SEAL, SEALED, GET, DATA = range(48, 54)
CHUNK, WINDOW = 256 * 1024, 1024 * 1024


class Refused(Exception):
    """The broker answered ERROR."""

    def __init__(self, body):
        super().__init__(f"{body.get('code')}: {body.get('text')}")
        self.code = body.get("code")


def read_key(path, field):
    with open(path, encoding="ascii") as file:
        return re.search(field + r'\s*=\s*"(.{40})"', file.read()).group(1).encode("ascii")


class Link:
    """A DEALER that speaks header and map."""

    def __init__(self, endpoint, session, keys=None):
        self.sock = zmq.Context.instance().socket(zmq.DEALER)
        self.sock.setsockopt(zmq.LINGER, 2000)
        if keys:
            self.sock.curve_serverkey = read_key(f"{keys}/broker.key", "public-key")
            self.sock.curve_publickey = read_key(f"{keys}/worker.key_secret", "public-key")
            self.sock.curve_secretkey = read_key(f"{keys}/worker.key_secret", "secret-key")
        self.sock.connect(endpoint)
        self.session, self.seq = session, 0

    def send(self, kind, body, corr=0):
        self.seq += 1
        header = HEADER.pack(b"K8T1", 1, kind, 0, self.session, self.seq, corr)
        self.sock.send_multipart([header, msgpack.packb(body, use_bin_type=True)])
        return self.seq

    def recv(self, timeout_s):
        """The next (type, body), or (None, None) when there is none in time."""
        if not self.sock.poll(max(0, int(timeout_s * 1000))):
            return None, None
        header, body = self.sock.recv_multipart()
        magic, version, kind, _, _, _, _ = HEADER.unpack(header)
        assert magic == b"K8T1" and version == 1
        body = msgpack.unpackb(body, raw=False)
        if kind == ERROR:
            raise Refused(body)
        return kind, body

    def wait(self, kinds, timeout_s=20):
        """The next message of one of these types; others are dropped."""
        deadline = time.monotonic() + timeout_s
        while True:
            kind, body = self.recv(deadline - time.monotonic())
            if kind is None:
                raise TimeoutError(f"no message of type {kinds}")
            if kind in kinds:
                return kind, body

    def close(self):
        self.sock.close()


class Worker:
    def __init__(self, work, files, keys=None, name="python", slots=1, agent=None):
        self.session = int.from_bytes(os.urandom(7), "little") + 1
        self.work = Link(work, self.session, keys)
        self.files = Link(files, self.session, keys)
        self.name, self.slots, self.credit, self.keys = name, slots, 0, keys
        self.worker_id = str(uuid.uuid4())
        self.agent = agent

    def hello(self, running=()):
        body = {"proto_min": 1, "proto_max": 1, "name": self.name, "slots": self.slots,
                "running": list(running), "spooled": []}
        if not self.keys:
            body["worker_id"] = self.worker_id
        if self.agent:
            body["agent"] = self.agent
        for _ in range(10):
            self.work.send(HELLO, body)
            try:
                self.welcome = self.work.wait([WELCOME], 2)[1]
                return self.welcome
            except TimeoutError:
                continue
        raise TimeoutError("no WELCOME")

    def offer(self, free, **more):
        self.credit += 1
        self.work.send(CREDIT, {"number": self.credit, "total": self.slots, "free": free, **more})

    def fetch(self, fence, path):
        data, size = b"", None
        while size is None or len(data) < size:
            self.files.send(GET, {**fence, "path": path, "upto": len(data)})
            _, body = self.files.wait([DATA])
            assert body["path"] == path and body["offset"] == len(data)
            data, size = data + body["bytes"], body["size"]
        return data

    def upload(self, fence, contents):
        """PUT each file within the window, then SEAL; the broker's answer."""
        manifest = []
        for path, data in contents.items():
            sent = upto = 0
            while upto < len(data):
                while sent < len(data) and sent - upto < WINDOW:
                    chunk = data[sent:sent + CHUNK]
                    self.files.send(PUT, {**fence, "path": path, "offset": sent, "size": len(data),
                                          "bytes": chunk})
                    sent += len(chunk)
                upto = self.files.wait([GO])[1]["upto"]
            manifest.append({"path": path, "size": len(data),
                             "sha256": hashlib.sha256(data).hexdigest()})
        self.files.send(SEAL, {**fence, "files": manifest})
        return manifest, self.files.wait([SEALED])[1]

    def verdict(self, fence, outcome, files=(), reason=None, exit_code=0, **more):
        """Send until acknowledged; the disposition."""
        now = int(time.time() * 1000)
        body = {**fence, "outcome": outcome, "exit_code": exit_code, "started_ms": now,
                "completed_ms": now, "files": list(files), **more}
        if reason:
            body["reason"] = reason
        for _ in range(20):
            self.work.send(VERDICT, body)
            try:
                while True:
                    ack = self.work.wait([VERDICT_ACK], 2)[1]
                    if (ack["incident"], ack["attempt"]) == (fence["incident"], fence["attempt"]):
                        return ack["disposition"]
            except TimeoutError:
                continue
        raise TimeoutError("no VERDICT_ACK")

    def assignment(self, timeout_s=20):
        body = self.work.wait([ASSIGN], timeout_s)[1]
        fence = {"incident": body["incident"], "attempt": body["attempt"]}
        self.work.send(ACCEPT, fence)
        return body, fence

    def one(self):
        """Take one incident to its report."""
        self.offer(1)
        _, fence = self.assignment(60)
        incident = json.loads(self.fetch(fence, "incident.json"))
        assert json.loads(self.fetch(fence, "event.json"))["incidentId"] == fence["incident"]
        assert self.fetch(fence, "prompt.md") and self.fetch(fence, "system-prompt.md")
        self.work.send(STARTED, fence)
        self.work.send(PROGRESS, {**fence, "phase": "run"})
        assert self.work.wait([LEASE])[1]["ms"] > 0
        report = f"# Report on {incident['resource']}\n\n" + "Written by a worker in Python.\n" * 8
        manifest, sealed = self.upload(fence, {"output/investigation.md": report.encode()})
        assert sealed["result"] == "stored", sealed
        return fence["incident"], self.verdict(fence, "success", manifest)

    def close(self):
        self.work.send(BYE, {"reason": "drain"})
        self.work.close()
        self.files.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", default="tcp://127.0.0.1:5570")
    parser.add_argument("--files", default="tcp://127.0.0.1:5573")
    parser.add_argument("--keys")
    parser.add_argument("--count", type=int, default=1)
    options = parser.parse_args()
    worker = Worker(options.work, options.files, options.keys)
    worker.hello()
    for _ in range(options.count):
        print(*worker.one(), flush=True)
    worker.close()


if __name__ == "__main__":
    sys.exit(main())
