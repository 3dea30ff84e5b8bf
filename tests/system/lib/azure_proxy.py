"""A proxy before Azure's Blob service that goes wrong as networks, clocks and disks do.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import contextlib
import email.utils
import http.client
import http.server
import threading
import time
import urllib.parse

Request = collections.namedtuple("Request", "method path status at")
ERROR = ('<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code>'
         "<Message>no\nRequestId:0\nTime:0</Message></Error>")


class AzureProxy:
    """Passes requests on to an account, but for those that `judge` answers.

    judge (method, path, number) gives None: pass it on; (status, code, headers): answer so;
    "cut": take half of the body and close; "lose": pass it on and close without its answer.
    number counts all requests. skew_s: the server's clock is so far ahead of ours.
    """

    def __init__(self, account, judge=None):
        self.account, self.judge, self.skew_s, self.delay_s = account, judge, 0, 0
        self.requests, self.lock, self.under_way, self.most = [], threading.Lock(), 0, 0
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_all(self):
                with proxy.lock:
                    number = len(proxy.requests)
                    proxy.requests.append(Request(self.command, self.path, 0, time.monotonic()))
                    proxy.under_way += 1
                    proxy.most = max(proxy.most, proxy.under_way)
                try:
                    status = self.answer(number)
                finally:
                    with proxy.lock:
                        proxy.under_way -= 1
                with proxy.lock:
                    proxy.requests[number] = proxy.requests[number]._replace(status=status)

            do_GET = do_PUT = do_DELETE = do_HEAD = handle_all

            def answer(self, number):
                size = int(self.headers.get("Content-Length") or 0)
                order = proxy.judge(self.command, self.path, number) if proxy.judge else None
                if order == "cut":
                    self.rfile.read(size // 2)
                    return self.hang_up()
                body = self.rfile.read(size)
                time.sleep(proxy.delay_s)
                if proxy.skewed(self.headers):
                    order = (403, "AuthenticationFailed", {})
                if isinstance(order, tuple):
                    return self.reply(*order)
                status, headers, content = proxy.forward(self.command, self.path,
                                                         self.headers, body)
                if order == "lose":
                    return self.hang_up()
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("date", "connection", "transfer-encoding",
                                            "keep-alive"):
                        self.send_header(name, value)
                if not any(name.lower() == "content-length" for name, _ in headers):
                    self.send_header("Content-Length", str(len(content)))
                self.send_header("Date", proxy.date())
                self.end_headers()
                self.wfile.write(content)
                return status

            def hang_up(self):
                self.close_connection = True
                self.connection.close()
                return 0

            def reply(self, status, code, headers):
                content = ERROR.format(code=code).encode() if code else b""
                self.send_response_only(status)
                named = {"Date": proxy.date(), "Content-Length": len(content), **headers}
                if code:
                    named["x-ms-error-code"] = code
                for name, value in named.items():
                    self.send_header(name, str(value))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)
                return status

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *words: None
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}{account.url.path}"

    def connection(self, **other):
        """The account's connection string, by way of this proxy."""
        return self.account.connection(BlobEndpoint=self.endpoint, **other)

    def date(self):
        return email.utils.formatdate(time.time() + self.skew_s, usegmt=True)

    def skewed(self, headers):
        """As Azure does: a signature whose clock is more than 15 minutes off is refused."""
        signed = headers.get("x-ms-date")
        if not self.skew_s or not signed:
            return False
        theirs = email.utils.parsedate_to_datetime(signed).timestamp()
        return abs(time.time() + self.skew_s - theirs) > 15 * 60

    def forward(self, method, path, headers, body):
        url = urllib.parse.urlsplit(self.account.endpoint)
        with contextlib.closing(http.client.HTTPConnection(url.netloc, timeout=30)) as connection:
            try:
                connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
                for name, value in headers.items():
                    connection.putheader(name, value if name != "Host" else url.netloc)
                connection.endheaders(body or None)
                answer = connection.getresponse()
                return answer.status, answer.getheaders(), answer.read()
            except OSError:
                return 502, [], b""

    def close(self):
        self.server.shutdown()
        self.server.server_close()
