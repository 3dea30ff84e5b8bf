"""triagectl: its exit codes, for words that make no sense and for peers that are no broker.
SPDX-License-Identifier: Apache-2.0
"""
import socket
import subprocess
import threading
import time

import pytest

from lib.ctl import HOSTILE
from lib.system import BIN

WRONG = [
    (), ("nonsense",), ("incidents", "nonsense"), ("incidents", "show"),
    ("incidents", "show", "1", "2"), ("workers", "drain"),
    ("status", "now"), ("status", "--limit", "3"), ("workers", "list", "--state", "failed"),
    ("incidents", "retry"),
    ("incidents", "retry", "1", "--state", "failed"), ("incidents", "retry", "--state", "reported"),
    ("incidents", "retry", "--all"), ("effects", "retry"),
    ("effects", "retry", "1", "--all"), ("effects", "cancel"), ("effects", "cancel", "1", "--all"),
    ("effects", "list", "--state", "lost"), ("incidents", "list", "--state", "lost"),
    ("incidents", "list", "--reason", "bad luck"), ("incidents", "list", "--limit", "0"),
    ("incidents", "list", "--limit", "x"),
    ("stream", "replay", "--after", "-1"), ("--nonsense", "status"), ("-x", "status"),
    ("-o", "xml", "status"), ("-o",),
    ("key", "new"), ("key", "new", "--role", "tap"),
    ("key", "new", "--role", "tap", "--name", "a/b", "--out", "k")]


def test_wrong_usage_ends_with_2_and_says_why(system):
    system.start_broker()
    for words in WRONG:
        done = system.ctl(*words, expect=2)
        assert not done.stdout and done.stderr.strip(), words


@pytest.mark.parametrize("words,wrong", [
    ("", "no command"),
    ("incidnets list", 'unknown command "incidnets", did you mean "incidents list"?'),
    ("incidents lst", 'unknown command "incidents lst", did you mean "incidents list"?'),
    ("incident shwo 1", 'unknown command "incident shwo", did you mean "incidents show"?'),
    ("statsu", 'unknown command "statsu", did you mean "status"?'),
    ("eff", 'unknown command "eff"'),
    ("workers stop w1",
     'unknown command "workers stop": workers list, workers drain, workers resume'),
    ("stream", "stream needs a second word: stream replay"),
    ("key", "key needs a second word: key new"),
    ("retry 1", 'unknown command "retry": incidents retry, effects retry'),
    ("frobnicate", 'unknown command "frobnicate"')])
def test_a_word_that_is_no_command_is_named_with_the_nearest_one(system, words, wrong):
    system.broker_ports["admin_listen"] = "127.0.0.1:1"  # nobody is asked
    assert system.ctl(*words.split(),
                      expect=2).stderr == f"triagectl: {wrong}; see triagectl --help\n"


def test_what_is_not_there_ends_with_4(system):
    system.start_broker()
    for words in (("incidents", "show", "1"), ("incidents", "show", "nonsense"),
                  ("incidents", "show", "../../etc/passwd"),
                  ("incidents", "retry", "01900000-0000-7000-8000-000000000000"),
                  ("incidents", "cancel", "99"),
                  ("workers", "drain", "nobody"), ("workers", "resume", "a/b?c#d"),
                  ("effects", "retry", "1")):
        done = system.ctl(*words, expect=4)
        assert "no such" in done.stderr and not done.stdout, words


class Strange:
    """Something that is no broker: answers each connection with these bytes,
    then waits for it to end."""

    def __init__(self, answer):
        self.answer, self.seen = answer, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                self.seen += 1
                try:
                    connection.recv(65536)
                    for part in self.answer() if callable(self.answer) else [self.answer]:
                        connection.sendall(part)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except OSError:
                    pass


def answer(body, status="200 OK", kind="application/json"):
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def endless():
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for _ in range(64):
        yield b"100000\r\n" + b" " * (1 << 20) + b"\r\n"


STRANGE = {
    "nothing": b"", "bytes": bytes(range(256)) * 4,
    "a page": answer(b"<html>hello</html>", kind="text/html"),
    "a list": answer(b"[1, 2, 3]"), "a number": answer(b"7"),
    "half": answer(b'{"incidents": [')[:-3],
    "deep": answer(b"[" * 100000),
    "an error page": answer(b"<h1>Bad Gateway</h1>", "502 Bad Gateway"),
    "an odd error": answer(b'{"error": "no"}', "500 Internal Server Error"), "endless": endless,
    "pages without end": answer(b'{"incidents": [], "next": 7}'),
    "control bytes": answer(HOSTILE.encode("utf-8", "replace")),
}


@pytest.mark.parametrize("name", sorted(STRANGE))
def test_what_is_no_broker_counts_as_not_reached(system, name):
    strange = Strange(STRANGE[name])
    system.broker_ports["admin_listen"] = strange.address
    for words in (("incidents", "list"), ("workers", "list"), ("stream", "replay")):
        done = system.ctl(*words, expect=3)
        assert done.stderr.startswith("triagectl: ") and done.stderr.count("\n") == 1 \
            and not done.stdout
        assert "\x1b" not in done.stderr
    assert strange.seen


def test_nobody_there_ends_with_3(system):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        system.broker_ports["admin_listen"] = "127.0.0.1:%d" % nobody.getsockname()[1]
        for words in (("status",), ("incidents", "retry", "1"), ("stream", "replay"),
                      ("workers", "drain", "a", "b")):
            done = system.ctl(*words, expect=3)
            assert done.stderr.count("\n") == 1 \
                and system.broker_ports["admin_listen"] in done.stderr


def test_a_server_that_never_answers_is_given_up(system):
    strange = Strange(lambda: iter(lambda: time.sleep(0.5) or b"", None))
    system.broker_ports["admin_listen"] = strange.address
    begin = time.monotonic()
    system.ctl("status", expect=3)
    assert time.monotonic() - begin < 25


def test_an_answer_that_cannot_be_written_is_a_failure(system):
    system.start_broker()
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([BIN / "triagectl", "--url", system.url(), "status"], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=30)
    assert done.returncode == 1 and "cannot write" in done.stderr
