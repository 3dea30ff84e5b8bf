"""A scripted LLM provider on loopback: the server and its books.

A dialect is a module, such as llm_anthropic: key_of (call), is_model_call (call) and
answer (answer, call).  It says how the scenarios of llm_scenarios are told.  A request names its
scenario in the text of its prompt: "scenario=NAME".  Without one it is the provider's own.

Every request, its key and what was billed for it are kept.
SPDX-License-Identifier: Apache-2.0
"""
import http.server
import json
import re
import socket
import threading
from dataclasses import dataclass, field

SCENARIO = re.compile(rb"scenario=([a-z0-9_]+)")
TICK_S = 0.05  # between two pieces of an endless answer


@dataclass
class Call:
    """One request, and what was answered."""
    path: str
    headers: dict
    body: bytes
    scenario: str
    key: str = ""
    status: int = 0
    billed: dict = field(default_factory=dict)


class Gone(Exception):
    """The client has hung up, or the provider closes."""


class Answer:
    """One HTTP answer on its way.  Headers go with the first bytes; chunked unless it is cut."""

    def __init__(self, handler, provider, call):
        self.handler, self.provider, self.call, self.begun = handler, provider, call, False

    def whole(self, status, kind, text, headers=None):
        body = text.encode()
        self.call.status = status
        self.handler.send_response(status)
        for name, value in {"Content-Type": kind, **(headers or {})}.items():
            self.handler.send_header(name, value)
        self.handler.send_header("Content-Length", str(len(body)))
        self.handler.end_headers()
        self.handler.wfile.write(body)

    def json(self, document, status=200, headers=None):
        self.whole(status, "application/json", json.dumps(document), headers)

    def begin(self, kind="text/event-stream"):
        self.begun, self.call.status = True, 200
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", kind)
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def piece(self, text):
        if not self.begun:
            self.begin()
        data = text.encode()
        try:
            self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError as error:
            raise Gone from error

    def end(self):
        self.handler.wfile.write(b"0\r\n\r\n")

    def cut(self):
        """The connection breaks."""
        self.handler.close_connection = True
        self.handler.connection.shutdown(socket.SHUT_RDWR)

    def wait(self):
        """Until the client hangs up or the provider closes: False.  A tick at most."""
        if self.provider.closing.wait(TICK_S):
            raise Gone
        try:
            self.handler.connection.setblocking(False)
            if self.handler.connection.recv(1, socket.MSG_PEEK) == b"":
                raise Gone
        except BlockingIOError:
            pass
        except OSError as error:
            raise Gone from error
        finally:
            self.handler.connection.setblocking(True)

    def bill(self, **tokens):
        for name, count in tokens.items():
            self.call.billed[name] = self.call.billed.get(name, 0) + count


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def answer(self, body):
        provider = self.server.provider
        found = SCENARIO.search(body)
        call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body,
                    found.group(1).decode() if found else provider.scenario)
        call.key = provider.dialect.key_of(call)
        with provider.lock:
            provider.calls.append(call)
        try:
            provider.dialect.answer(Answer(self, provider, call), call)
        except (Gone, OSError):
            self.close_connection = True

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64


class Provider:
    """Own: close() it.  scenario: what a request gets that names none."""

    def __init__(self, dialect, scenario="ok"):
        self.scenario, self.dialect = scenario, dialect
        self.calls, self.lock, self.closing = [], threading.Lock(), threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.provider = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def made(self, scenario=None):
        """The calls to a model so far, of one scenario or of all."""
        with self.lock:
            return [call for call in self.calls if self.dialect.is_model_call(call)
                    and scenario in (None, call.scenario)]

    def billed(self, scenario=None):
        """The sum of what was billed, by kind of token."""
        total = {}
        for call in self.made(scenario):
            for name, count in call.billed.items():
                total[name] = total.get(name, 0) + count
        return total

    def bodies(self):
        with self.lock:
            return b"\n".join(call.body for call in self.calls)

    def keys(self):
        """Every key that came."""
        with self.lock:
            return {call.key for call in self.calls}

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
