"""A webhook that stands for Slack: records what is posted and answers as told.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import http.server
import json
import threading
import time

Post = collections.namedtuple("Post", "kind marked status at body")
HEADERS = {"Kubernetes Incident Triage": "incident",
           "AI Agent System Degraded": "degraded",
           "AI Agent System Recovered": "recovered", "Incident Queue Full": "overflow"}
MARK = "This may be a repeat"


def blocks_of(body):
    """All blocks of a message, also those behind a coloured bar."""
    return body.get("blocks", []) + [block for part in body.get("attachments", [])
                                     for block in part["blocks"]]


def texts_of(body):
    """Every text that Slack would show."""
    found = []
    for block in blocks_of(body):
        parts = [block["text"]] if "text" in block \
            else block.get("fields", []) + block.get("elements", [])
        found += [part["text"] for part in parts]
    return found


def kind_of(body):
    return next(HEADERS[block["text"]["text"].partition(":")[0]] for block in blocks_of(body)
                if block["type"] == "header")


# what Slack says besides the status
WORDS = {403: "action_prohibited", 404: "no_service", 410: "channel_is_archived"}


class Receiver:
    """Listens on a free port; answer(kind, number) gives (status, headers),
    number counting a kind's posts.

    Status 0: the connection ends without an answer.
    """

    def __init__(self, answer=lambda kind, number: (200, {}), delay_s=0, port=0):
        self.posts, self.lock = [], threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                # before the answer is made up: what it says of time counts from later on
                at = time.monotonic()
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                kind, marked = kind_of(body), any(MARK in text for text in texts_of(body))
                with receiver.lock:
                    number = sum(post.kind == kind for post in receiver.posts)
                    status, headers = answer(kind, number)
                    receiver.posts.append(Post(kind, marked, status, at, body))
                time.sleep(delay_s)
                if not status:  # no answer at all
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                text = WORDS.get(status, "ok").encode()
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *words: None  # who was killed does not hear the answer
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.secret = "T0SECRET/B0SECRET/x0x0x0x0x0"
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/{self.secret}"

    def delivered(self):
        """What was answered with 200."""
        return [post for post in self.posts if post.status == 200]

    def kinds(self):
        return [post.kind for post in self.delivered()]

    def close(self):
        self.server.shutdown()
        self.server.server_close()
