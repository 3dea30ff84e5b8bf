"""A Slack on loopback: incoming webhooks and the Web API that a bot needs.

It enforces what Slack documents: tokens and scopes (a bot needs chat:write, files:write,
channels:history, for a private channel groups:history), channels, the form of each method's
arguments, blocks, texts, metadata, ts and rates.  What it refuses, it refuses with Slack's error.
Every request is kept in `calls`.  plan () says how the next calls of a method go wrong.
SPDX-License-Identifier: Apache-2.0
"""
import http.server
import json
import secrets
import threading
import time
import urllib.parse
from dataclasses import dataclass, field

from slack_methods import METHODS, SCOPES, share, upload
from slack_rules import Refused, check_message, parse_json
from slack_state import Workspace

BODY_MAX = 64 << 20
WEBHOOK_STATUS = {"no_service": 404, "channel_not_found": 404, "is_archived": 410,
                  "invalid_token": 403, "not_in_channel": 403}


@dataclass
class Step:
    """How one call goes: a status and headers without a word of Slack's, an error of Slack's,
    an answer that takes its time, or a connection that ends before or after the deed."""
    status: int = 0
    error: str = ""
    headers: dict = field(default_factory=dict)
    delay_s: float = 0
    drop: str = ""  # "before", "after"


@dataclass
class Call:
    """One request, and what was answered; at: of time.monotonic."""
    method: str
    args: dict
    at: float
    status: int = 0
    error: str = ""
    details: list = field(default_factory=list)
    ts: str = ""


class Dropped(Exception):
    """The connection ends here."""


class FakeSlack:
    """Listens on a free port.  speed: of its clock.  burst: posts that may come at once."""

    def __init__(self, speed=1.0, burst=3, port=0, scopes=SCOPES):
        self.state = Workspace(speed, burst)
        self.token = "xoxb-0-FAKE-" + secrets.token_hex(12)
        self.tokens = {self.token: set(scopes)}
        self.refused_tokens = {}  # token: its error, such as token_revoked
        self.bot = {"user": "U0BOT0001", "bot_id": "B0BOT0001", "app_id": "A0APP0001"}
        self.channel = self.state.add_channel("C0TRIAGE1", "triage")
        self.calls, self.plans, self.down = [], {}, False
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler_of(self))
        self.server.daemon_threads = True
        self.server.handle_error = lambda *words: None  # a client that was killed
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        self.port = self.server.server_port
        self.base = f"http://127.0.0.1:{self.port}"
        self.api_url = f"{self.base}/api"
        self.webhook_secret = f"T0FAKE/B0FAKE/{secrets.token_hex(12)}"
        self.webhooks = {self.webhook_secret: self.channel.id}
        self.webhook_url = f"{self.base}/services/{self.webhook_secret}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def plan(self, method, *steps):
        """The next calls of a method ("webhook", "upload", "chat.update" ...); None: as usual."""
        with self.state.lock:
            self.plans.setdefault(method, []).extend(steps)

    # --- what stands there

    def messages(self, channel=None):
        """The messages of a channel, without threads, oldest first."""
        with self.state.lock:
            return [dict(one) for one in (channel or self.channel).top()]

    def replies(self, ts, channel=None):
        with self.state.lock:
            return [dict(one) for one in (channel or self.channel).thread(ts) if one["ts"] != ts]

    def called(self, method, error=None):
        """The calls of a method; error: "" for those that were taken."""
        with self.state.lock:
            return [call for call in self.calls if call.method == method
                    and (error is None or call.error == error)]

    def refusals(self):
        """All calls that Slack would not take, but for planned ones and rates."""
        with self.state.lock:
            return [call for call in self.calls
                    if call.error and call.error not in ("ratelimited", "planned")]

    # --- one request

    def serve(self, method, kind, query, body, bearer, target=""):
        """The answer: status, headers, document or text."""
        with self.state.lock:
            call = Call(method, {}, time.monotonic())
            self.calls.append(call)
            steps = self.plans.get(method)
            step = Step(drop="before") if self.down else (steps.pop(0) if steps else None) or Step()
        time.sleep(step.delay_s)
        if step.drop == "before" or step.status or step.error:
            call.error, call.status = step.error or "planned", step.status or 200
            if step.drop == "before":
                raise Dropped
            return call.status, step.headers, {"ok": False, "error": step.error or "planned"}
        with self.state.lock:
            answer = self.judge(call, kind, query, body, bearer, target)
        if step.drop == "after":
            raise Dropped
        return answer

    def judge(self, call, kind, query, body, bearer, target):
        headers = {}
        try:
            if call.method == "webhook":
                document = self.webhook(call, kind, body, target)
            elif call.method == "upload":
                document = upload(self, call, target, kind, body)
            else:
                document = self.web(call, kind, query, body, bearer, headers)
            call.status = 200
        except Refused as error:
            call.error, call.details = error.error, error.details
            document = {"ok": False, "error": error.error}
            if error.details:
                document["response_metadata"] = {"messages": [f"[ERROR] {one}"
                                                              for one in error.details]}
            if error.error == "missing_scope":
                document["needed"], document["provided"] = error.details
            call.status = 200
            if error.error == "ratelimited":
                call.status, headers["Retry-After"] = 429, error.details[0]
            elif call.method in ("webhook", "upload"):
                call.status, document = WEBHOOK_STATUS.get(error.error, 400), error.error
        return call.status, headers, document

    def limit(self, method, channel):
        wait_s = self.state.rates.wait_s(method, channel)
        if wait_s:
            raise Refused("ratelimited", str(wait_s))

    def webhook(self, call, kind, body, target):
        if target not in self.webhooks:
            raise Refused("no_service")
        if not kind.startswith("application/json"):
            raise Refused("invalid_payload", kind)
        try:
            call.args = parse_json(body)
        except Refused as error:
            raise Refused("invalid_payload", *error.details) from error
        channel = self.state.channel(self.webhooks[target])
        self.limit("webhook", channel.id)
        check_message(call.args)
        call.ts = self.state.add_message(channel, share(call.args, self.bot))["ts"]
        return "ok"

    def web(self, call, kind, query, body, bearer, headers):
        if call.method not in METHODS:
            raise Refused("unknown_method", call.method)
        method = METHODS[call.method]
        call.args = arguments(kind, query, body, method)
        token = bearer or call.args.pop("token", "")
        scopes = self.scopes_of(token)
        headers["X-OAuth-Scopes"] = ",".join(sorted(scopes))
        needed = method.scope(self, call.args)
        if needed and needed not in scopes:
            raise Refused("missing_scope", needed, ",".join(sorted(scopes)))
        for name in call.args:
            if name not in method.args:
                raise Refused("invalid_arg_name", name)
        channel = str(call.args.get("channel", ""))
        if call.method == "chat.postMessage":
            channel = self.state.channel(channel, by_name=True).id
        self.limit(call.method, channel)
        return {"ok": True, **method.run(self, call)}

    def scopes_of(self, token):
        if not token:
            raise Refused("not_authed")
        if token in self.refused_tokens:
            raise Refused(self.refused_tokens[token])
        if token not in self.tokens:
            raise Refused("invalid_auth")
        return self.tokens[token]


def arguments(kind, query, body, method):
    """The arguments of a call, in one of the forms that its method takes."""
    args = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    if kind.startswith("application/json"):
        if not method.json:
            raise Refused("invalid_arguments", "this method takes no JSON")
        if "charset=utf-8" not in kind.replace(" ", "").lower():
            raise Refused("invalid_charset", "missing_charset")
        document = parse_json(body) if body else {}
        if not isinstance(document, dict):
            raise Refused("json_not_object")
        if "token" in document:
            raise Refused("not_authed", "JSON wants the token in a header")
        return {**args, **document}
    if body and not kind.startswith("application/x-www-form-urlencoded"):
        raise Refused("invalid_post_type", kind)
    try:
        args.update(urllib.parse.parse_qsl(body.decode("ascii"), keep_blank_values=True,
                                           strict_parsing=bool(body), errors="strict"))
    except ValueError as error:
        raise Refused("invalid_form_data", str(error)) from error
    for name in ("blocks", "attachments", "metadata", "files"):
        if name in args:
            args[name] = parse_json(args[name].encode())
    return args


def handler_of(slack):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else a busy client waits 40 ms for each answer
        wbufsize = 1 << 16

        def answer(self):
            url = urllib.parse.urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(size) if size <= BODY_MAX else b""
            first, _, rest = url.path.lstrip("/").partition("/")
            method = {"api": rest, "services": "webhook", "upload": "upload"}.get(first)
            kind = self.headers.get("Content-Type", "")
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
            if method is None:
                self.reply(404, {}, "not found")
                return
            try:
                self.reply(*slack.serve(method, kind, url.query, body, bearer, rest))
            except Dropped:
                self.close_connection = True
                self.connection.close()

        do_GET = do_POST = answer

        def reply(self, status, headers, document):
            whole = isinstance(document, dict)
            data = (json.dumps(document) if whole else document).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", ("application/json" if whole else "text/html")
                             + "; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words):
            pass

    return Handler
