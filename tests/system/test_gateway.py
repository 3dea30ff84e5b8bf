"""test_gateway - the gateway with real TLS peers, real clients and the worker's own proxy.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading

import pytest

from lib.clis import CLIS, KUBECTL, NODE, SCRIPT
from lib.system import BIN, SLOW

TOKEN = b"Proxy-Authorization: Basic cnVuOnJ1bi10b2tlbi0x\r\n"  # run:run-token-1
NAME = "api.fake.test"  # resolved by the worker's own proxy alone

MESSAGE = json.dumps({"type": "message", "model": "claude-haiku-4-5", "stop_reason": "end_turn",
                      "usage": {"input_tokens": 3, "output_tokens": 4}}).encode()


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A CA and a certificate of it for 127.0.0.1: (ca file, certificate, key)"""
    folder = tmp_path_factory.mktemp("ca")
    ca, key, request, cert = (folder / name for name in ("ca.pem", "key.pem", "r.pem", "cert.pem"))
    extra = folder / "extra"
    extra.write_text(f"subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:{NAME}\n")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", folder / "ca.key", "-out", ca, "-days", "2", "-subj", "/CN=Test CA")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1")
    openssl("x509", "-req", "-in", request, "-CA", ca, "-CAkey", folder / "ca.key",
            "-CAcreateserial", "-out", cert, "-days", "2", "-extfile", extra)
    return ca, cert, key


class Provider(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.server.keys.append(self.headers.get("x-api-key"))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(MESSAGE)))
        self.end_headers()
        self.wfile.write(MESSAGE)

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format, *args):  # noqa: A002  (the name of the base class)
        pass


def tls(authority):
    _, cert, key = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@contextlib.contextmanager
def provider(authority):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.keys = []
    server.socket = tls(authority).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Gateway:
    """gateway_host; its report when it has ended."""

    def __init__(self, base_url, *hosts, **environment):
        plain = {name: value for name, value in os.environ.items()
                 if "proxy" not in name.lower() and name != "SSL_CERT_FILE"}
        self.process = subprocess.Popen(
            [BIN / "gateway_host", "anthropic", base_url, "sk-real-key", *hosts], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**plain, **environment})
        self.port = int(self.process.stdout.readline())

    def post(self):
        """Status and body of a call."""
        with socket.create_connection(("127.0.0.1", self.port), 30) as connection:
            connection.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\n"
                               b"x-api-key: run-token-1\r\nConnection: close\r\n"
                               b"Content-Length: 2\r\n\r\n{}")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body

    def end(self):
        out, log = self.process.communicate("", timeout=30)
        return json.loads(out), log

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def test_tls_with_an_authority_of_our_own(authority):
    with provider(authority) as server:
        url = f"https://127.0.0.1:{server.server_port}"
        with Gateway(url, SSL_CERT_FILE=str(authority[0])) as gateway:
            status, body = gateway.post()
            assert (status, MESSAGE in body) == (200, True)
            report, _ = gateway.end()
        assert server.keys == ["sk-real-key"]
    assert (report["calls"], report["input"], report["output"]) == (1, 3, 4)


def test_tls_unknown_authority_is_refused(authority):
    with provider(authority) as server:
        with Gateway(f"https://127.0.0.1:{server.server_port}") as gateway:
            status, body = gateway.post()
            report, _ = gateway.end()
        assert server.keys == []
    assert status == 502
    assert report["class"] == "provider"
    assert "certificate" in report["sentence"]
    assert report["sentence"].encode() in body


def pump(source, sink):
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def connect_proxy(context=None):
    """A CONNECT proxy that leads every tunnel to one port: (its port, what was asked for, where).

    context: it ends TLS itself.
    """
    asked, listener = [], socket.create_server(("127.0.0.1", 0))
    to = {}

    def lead(inside):
        with contextlib.suppress(OSError):
            inside = context.wrap_socket(inside, server_side=True) if context else inside
            outside = socket.create_connection(("127.0.0.1", to["port"]))
            for pair in ((inside, outside), (outside, inside)):
                threading.Thread(target=pump, args=pair, daemon=True).start()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                inside, _ = listener.accept()
                head = b""
                while b"\r\n\r\n" not in head:
                    head += inside.recv(65536)
                asked.append(head.split()[1].decode())
                inside.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                threading.Thread(target=lead, args=(inside,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], asked, to
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_own_proxy_of_the_worker(authority):
    """Calls and tunnels go through https_proxy, which resolves the names."""
    with provider(authority) as server, connect_proxy() as (port, asked, to):
        to["port"] = server.server_port
        proxy = {"https_proxy": f"http://127.0.0.1:{port}", "SSL_CERT_FILE": str(authority[0]),
                 "no_proxy": "direct.test"}
        with Gateway("https://nowhere.test", "hidden.test:6443", "direct.test", **proxy) as gateway:
            status, _ = gateway.post()  # the certificate is for another name
            assert status == 502
            with socket.create_connection(("127.0.0.1", gateway.port), 30) as tunnel:
                tunnel.sendall(b"CONNECT hidden.test:6443 HTTP/1.1\r\n" + TOKEN + b"\r\n")
                assert b" 200 " in tunnel.recv(4096)
                context = ssl.create_default_context(cafile=authority[0])
                with context.wrap_socket(tunnel, server_hostname="localhost") as inner:
                    inner.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                    assert b" 200 " in inner.recv(4096)
            with socket.create_connection(("127.0.0.1", gateway.port), 30) as direct:
                direct.sendall(b"CONNECT direct.test:443 HTTP/1.1\r\n" + TOKEN + b"\r\n")
                assert b" 502 " in direct.recv(4096)
            report, log = gateway.end()
    assert asked == ["nowhere.test:443", "hidden.test:6443"]
    assert (report["allowed"], report["refused"]) == (2, 0)
    assert "host=hidden.test port=6443" in log


PYTHON = ("import ssl, sys, urllib.request as u; "
          "print(u.urlopen(sys.argv[1], context=ssl.create_default_context(cafile=sys.argv[2]))"
          ".read().decode())")


@pytest.mark.parametrize("client", ["curl", "python", "kubectl"])
def test_clients_show_the_token(authority, client):
    """They make a Proxy-Authorization of HTTPS_PROXY=http://run:TOKEN@...; without it: 407."""
    url, ca = f"https://{NAME}/", str(authority[0])
    words = {"curl": ["curl", "-sS", "--cacert", ca, url],
             "python": [sys.executable, "-c", PYTHON, url, ca],
             "kubectl": [KUBECTL, "--server", url, "--certificate-authority", ca, "--token", "t",
                         "get", "--raw", "/"]}[client]
    with provider(authority) as server, connect_proxy() as (port, asked, to):
        to["port"] = server.server_port
        with Gateway(url, NAME, https_proxy=f"http://127.0.0.1:{port}") as gateway:
            for user, heard in (("", ""), ("run:run-token-2@", ""), ("run:run-token-1@", "hello")):
                done = subprocess.run(
                    words, capture_output=True, text=True, timeout=30 * SLOW, check=False,
                    env={"PATH": os.environ["PATH"], "HOME": "/nonexistent",
                         "HTTPS_PROXY": f"http://{user}127.0.0.1:{gateway.port}"})
                assert done.stdout.strip() == heard, (user, done.stderr)
            _, log = gateway.end()
    assert set(asked) == {f"{NAME}:443"}
    assert log.count("asked without the token") == 1


@pytest.mark.parametrize("name", ["claude", "codex", "gemini"])
def test_agents_show_the_token(authority, tmp_path, name):
    """A CLI with a key of its own reaches its provider by a tunnel of the gateway alone."""
    cli, workspace, programs = CLIS[name], tmp_path / "workspace", tmp_path / "programs"
    for folder in (workspace, programs):
        folder.mkdir()
    for program, path in ((name, cli.program), ("node", NODE)):
        (programs / program).symlink_to(os.path.realpath(path))
    (tmp_path / "prompt.md").write_text("Investigate.\n")
    server, ca = cli.provider("ok"), str(authority[0])
    try:
        with connect_proxy(tls(authority)) as (port, asked, to):
            to["port"] = int(server.url.rpartition(":")[2])
            with Gateway("https://nowhere.test", NAME,
                         https_proxy=f"http://127.0.0.1:{port}") as gateway:
                proxy = f"http://run:run-token-1@127.0.0.1:{gateway.port}"
                base = f"https://{NAME}" + ("/v1" if name == "codex" else "")
                done = subprocess.run(
                    [SCRIPT, "--workspace", workspace, "--agent", name, "--prompt-file",
                     tmp_path / "prompt.md"],
                    env={"PATH": f"{programs}:/usr/bin:/bin", cli.key: "sk-1", cli.url: base,
                         "HTTPS_PROXY": proxy, "https_proxy": proxy, "SSL_CERT_FILE": ca,
                         "NODE_EXTRA_CA_CERTS": ca, "CODEX_CA_CERTIFICATE": ca},
                    capture_output=True, timeout=120 * SLOW, check=False)
                made = len(server.made())
                report, _ = gateway.end()
    finally:
        server.close()
    assert done.returncode == 0, done.stderr[-2000:]
    assert f"{NAME}:443" in asked and made > 0 and report["allowed"] == 1
