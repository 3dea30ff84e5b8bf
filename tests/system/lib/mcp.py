"""A plain MCP client over HTTP for the tests of servers: it says exactly what it is told to say.

SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import select

from lib.system import SLOW

BOTH = "application/json, text/event-stream"


class Answer:
    """One response, read to its end."""

    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.body = response.read().decode()

    def message(self):
        """The JSON-RPC message of a body that is an event stream."""
        lines = [line[6:] for line in self.body.splitlines() if line.startswith("data: ")]
        return json.loads(lines[0])


class Client:
    """One session at http://ADDRESS/PATH."""

    def __init__(self, address, path="/mcp"):
        self.address, self.path, self.session, self.number = address, path, None, 0

    def request(self, method, body=None, timeout_s=20, **headers):
        """One request on a connection of its own; headers: Accept="..." and so on,
        None leaves one out."""
        sent = {"Accept": BOTH, "Mcp-Session-Id": self.session,
                **{k.replace("_", "-"): v for k, v in headers.items()}}
        if method == "POST":
            sent = {"Content-Type": "application/json", **sent}
        connection = http.client.HTTPConnection(self.address, timeout=timeout_s * SLOW)
        try:
            connection.request(method, self.path, body=body,
                               headers={k: v for k, v in sent.items() if v is not None})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def post(self, method, params=None, **more):
        """A JSON-RPC request; its answer, which must come with status 200."""
        self.number += 1
        body = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params or {}}
        answer = self.request("POST", json.dumps(body), **more)
        assert answer.status == 200, (answer.status, answer.body)
        assert answer.message()["id"] == self.number
        return answer

    def initialize(self, level="info"):
        """A new session, told of everything from this level on (None: no level is set)."""
        answer = self.post("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                          "clientInfo": {"name": "test", "version": "1"}})
        self.session = answer.headers["Mcp-Session-Id"]
        notification = json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert self.request("POST", notification).status == 202
        if level:
            self.post("logging/setLevel", {"level": level})
        return self

    def call(self, tool, timeout_s=20, **arguments):
        """The text of a tool's result."""
        message = self.post("tools/call", {"name": tool, "arguments": arguments},
                            timeout_s=timeout_s).message()
        return message["result"]["content"][0]["text"]

    def subscribe(self, **arguments):
        text = self.call("events_subscribe", **{"mode": "faults", **arguments})
        assert text.startswith("# Event Subscription Created"), text
        return json.loads(text[text.index("{"):text.rindex("}") + 1])["subscriptionId"]

    def subscriptions(self):
        text = self.call("events_list_subscriptions")
        return [entry["subscriptionId"]
                for entry in json.loads(text[text.index("{"):])["subscriptions"]]

    def open(self):
        """The session's stream."""
        return Stream(self)

    def delete(self):
        return self.request("DELETE").status


class Stream:
    """A GET that stays open; reads as far as it is asked to."""

    def __init__(self, client):
        self.text = ""
        self.connection = http.client.HTTPConnection(client.address, timeout=20 * SLOW)
        self.connection.request("GET", client.path, headers={
            "Accept": "text/event-stream", "Mcp-Session-Id": client.session or ""})
        self.response = self.connection.getresponse()
        assert self.response.status == 200, (self.response.status, self.response.read())

    def faults(self):
        """Of what was read so far: (logger, data) of each whole notification."""
        whole = self.text[:self.text.rfind("\n\n") + 1]
        messages = [json.loads(line[6:]) for line in whole.splitlines()
                    if line.startswith("data: ")]
        return [(message["params"]["logger"], message["params"]["data"]) for message in messages]

    def names(self):
        """The objects' names of the faults so far."""
        return [(data.get("resource") or data["event"]["involvedObject"])["name"] for _,
                data in self.faults()]

    def read(self):
        """What the next part brings; "" at the end.  A cut raises http.client.IncompleteRead."""
        part = self.response.read1(65536).decode()
        self.text += part
        return part

    def wait(self, count):
        """Read until so many faults have come."""
        while len(self.faults()) < count:
            assert self.read(), f"the stream ended after {len(self.faults())} faults"
        return self.faults()

    def silent(self, seconds):
        """Does nothing come for so long?  Only for what must never come."""
        return not select.select([self.connection.sock], [], [], seconds)[0]

    def close(self):
        self.connection.close()
        self.response.close()
