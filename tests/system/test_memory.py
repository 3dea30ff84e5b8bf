"""The worst that each thing a peer may send does to the broker's memory, beside the bound that
docs/operations.md states.

Forty connections each time, on five keys, which is what the bound of connections by key lets in.
Where the machine has a memory cgroup the broker lives under that bound as well; where it has none
the peak is measured and the test says "skipped".
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import http.server
import os
import re
import socket
import threading
import time
import uuid
from pathlib import Path

import msgpack
import pytest
import zmq

from lib.system import ROOT, fault, wait_until
from worker import HEADER, Worker, read_key

MIB, CONNECTIONS, KEY_CONNECTIONS = 1024 * 1024, 40, 8
PING, VERDICT, EVENT, PUT, PUT_EVENT = 13, 9, 32, 48, 54
CGROUP = Path("/sys/fs/cgroup/memory")


def bounds():
    """{thing: MiB}: the table of docs/operations.md."""
    text = (ROOT / "docs/operations.md").read_text().split("## Memory", 1)[1].split("\n## ", 1)[0]
    return {name: int(mib) for name,
            mib in re.findall(r"^\| (\w[\w ]*?) \|.*\| (\d+) MiB \|$", text, re.M)}


def peak_mib(broker):
    return int(re.search(r"VmHWM:\s+(\d+) kB",
                         Path(f"/proc/{broker.pid}/status").read_text()).group(1)) / 1024


@contextlib.contextmanager
def limited(broker, mib):
    """Under a limit of the machine, where one can be made."""
    group = CGROUP / f"triage-{uuid.uuid4()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(mib * MIB))
        (group / "cgroup.procs").write_text(str(broker.pid))
    except OSError:
        if group.exists():
            group.rmdir()
        group = None
    try:
        yield group is not None
    finally:
        if group:
            broker.stop()
            group.rmdir()


class Flood:
    """Forty connections that send one message again and again, and read nothing."""

    def __init__(self, system, role, name, kind=zmq.DEALER):
        self.context, self.sockets = zmq.Context(), []
        for number in range(CONNECTIONS):
            keys = system.key(role, f"flood-{number // KEY_CONNECTIONS}")
            sock = self.context.socket(kind)
            sock.linger, sock.sndhwm = 0, 4
            sock.curve_serverkey = read_key(f"{keys}/broker.key", "public-key")
            sock.curve_publickey = read_key(f"{keys}/{role}.key_secret", "public-key")
            sock.curve_secretkey = read_key(f"{keys}/{role}.key_secret", "secret-key")
            sock.connect(system.broker.endpoints[name])
            self.sockets.append(sock)

    def send(self, message, seconds=3):
        """message(connection, number): kind and body."""
        end, number = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for at, sock in enumerate(self.sockets):
                kind, body = message(at, number)
                frame = [HEADER.pack(b"K8T1", 1, kind, 0, 9 + at, number + 1, 0),
                         msgpack.packb(body)]
                with contextlib.suppress(zmq.Again):
                    sock.send_multipart(frame, zmq.DONTWAIT)
            number += 1

    def close(self):
        self.context.destroy(linger=0)


def flooded(role, name, message):
    def run(system):
        flood = Flood(system, role, name)
        flood.send(message)
        flood.close()
    return run


EMPTY = b"[" + b"{}," * 83000 + b"{}]"  # as many values as an event has room for


def subscriptions(system):
    flood = Flood(system, "tap", "stream", zmq.SUB)
    for sock in flood.sockets:
        for _ in range(20):
            sock.subscribe(os.urandom(500))
    time.sleep(2)
    flood.close()


def connections(system):
    host, port = system.broker.endpoints["work"].rsplit(":", 1)[0][6:], \
        int(system.broker.endpoints["work"].rsplit(":", 1)[1])
    for _ in range(5):
        with contextlib.ExitStack() as stack:
            for _ in range(400):
                sock = stack.enter_context(socket.create_connection((host, port), timeout=10))
                sock.sendall(b"\xff" + bytes(8) + b"\x7f" + os.urandom(200))


def bodies(system):
    """Commands of a megabyte on all connections that there may be."""
    host, port = system.broker_ports["admin_listen"].split(":")
    body = b"[" + b"{}," * 340000 + b"{}]"
    token = system.root / "state/admin.token"  # what commands want, where they want one
    allowed = f"Authorization: Bearer {token.read_text().strip()}\r\n" if token.exists() else ""
    head = (f"POST /api/v1/incidents/1/retry HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Content-Type: application/json\r\n"
            f"{allowed}Content-Length: {len(body)}\r\n\r\n").encode()

    def send():
        with contextlib.suppress(OSError), \
            socket.create_connection((host, int(port)), timeout=10) as sock:
            sock.sendall(head + body)
            sock.recv(65536)
    for _ in range(3):
        threads = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


class Bad(http.server.BaseHTTPRequestHandler):
    """An MCP server whose every answer is 16 MiB of values."""
    body = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[' \
        + b"{}," * (16 * MIB // 3 - 100) + b"{}]}}"
    asked = 0

    def do_POST(self):
        Bad.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(self.body)

    def log_message(self, *args):
        pass


def answers(system):
    wait_until(lambda: Bad.asked >= 2 * CONNECTIONS, 60, "each source was answered twice")


def log_files(system):
    """All that an attempt may leave, of four workers at once."""
    system.publish([fault(f"web-{n}") for n in range(4)], name="some")
    report = b"# Root Cause\n\n" + (b"* " * 32 + b"x\n") * 150000
    contents = {"output/investigation.md": report[:10 * MIB], "output/agent-result.json": EMPTY,
                "logs/agent.stdout.log": os.urandom(5 * MIB),
                "logs/agent.stderr.log": b"\x1b[31m" * MIB}

    def work(number):
        endpoints = system.broker.endpoints
        worker = Worker(endpoints["work"], endpoints["files"],
                        str(system.key("worker", f"w{number}")), name=f"w{number}")
        worker.hello()
        worker.offer(1)
        _, fence = worker.assignment(60)
        manifest, _ = worker.upload(fence, contents)
        worker.verdict(fence, "success", manifest)
        worker.close()
    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


VERDICT_BODY = {"incident": str(uuid.uuid4()), "attempt": 1, "outcome": "success", "exit_code": 0,
                "started_ms": 1, "completed_ms": 2,
                "files": [{"path": "logs/" + "f" * 100, "size": 1, "sha256": "0" * 64}
                          for _ in range(32)], "reason": "r" * 200}
LOADS = {
    "event": flooded("publisher", "ingest", lambda at,
                     n: (EVENT, {"event_id": f"{at}-{n}", "body": EMPTY})),
    "chunk": flooded("publisher", "files", lambda at, n: (PUT_EVENT, {
        "event_id": f"{at}-{n}", "offset": 0, "size": 8 * MIB, "bytes": EMPTY})),
    "file": flooded("worker", "files", lambda at, n: (PUT, {
        "incident": str(uuid.uuid4()), "attempt": 1, "path": "logs/a.log", "offset": 0,
        "size": 8 * MIB, "bytes": EMPTY})),
    "message": flooded("worker", "work", lambda at, n: (PING, {"filling": "x" * 60000})),
    "verdict": flooded("worker", "work", lambda at, n: (VERDICT, VERDICT_BODY)),
    "subscription": subscriptions, "connection": connections, "HTTP body": bodies,
    "MCP answer": answers, "log": log_files,
}


def test_the_table_has_each_thing_that_a_peer_can_send():
    assert set(bounds()) == set(LOADS)


@pytest.mark.parametrize("thing", LOADS)
def test_the_worst_of_its_size_stays_below_its_bound(secure, thing):
    sanitized = any(word in os.environ.get("TRIAGE_BIN", "") for word in ("asan", "tsan"))
    bound = bounds()[thing] * (16 if sanitized else 1)  # their shadow counts, too
    options, server = {}, None
    if thing == "MCP answer":
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Bad)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = secure.root / "broker.yaml"
        path.write_text("clusters:\n" + "".join(
            f"  - name: c{n}\n    mcp:\n      endpoint: http://127.0.0.1:{server.server_port}/mcp\n"
            for n in range(CONNECTIONS)))
        options = {"config": path, "sse_reconnect_max_backoff": "1s"}
    broker = secure.start_broker(**options)
    with limited(broker, bound) as held:
        LOADS[thing](secure)
        assert broker.alive(), broker.log_tail()
        wait_until(lambda: broker.status_of("/healthz") == 200, 30, "it is well")
        peak = peak_mib(broker)
        print(f"memory: {thing}: {peak:.0f} MiB")
        assert peak < bound, (thing, peak)
    if server:
        server.shutdown()
    if not held:
        pytest.skip(
            "no memory cgroup can be made here: the peak was measured, the limit was not set")
