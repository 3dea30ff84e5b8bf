"""A web server that stands for many webhooks: each path is one.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import http.server
import json
import threading

Post = collections.namedtuple("Post", "status headers body")


class Hook:
    """Records what is posted; answers[path] is (status, headers), or a list of which
    each but the last is used once."""

    def __init__(self):
        self.posts, self.answers, self.lock = {}, {}, threading.Lock()
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers = hook.take(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def take(self, path, headers, body):
        with self.lock:
            planned = self.answers.get(path, (200, {}))
            answer = planned
            if isinstance(planned, list):
                answer = planned.pop(0) if len(planned) > 1 else planned[0]
            self.posts.setdefault(path, []).append(Post(answer[0], headers, body))
        return answer

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def got(self, path):
        """What was posted there."""
        with self.lock:
            return list(self.posts.get(path, []))

    def delivered(self, path):
        """The documents that were answered with 200."""
        return [json.loads(post.body) for post in self.got(path) if post.status == 200]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
