"""The real kubernetes-mcp-server: an MCP server with sessions and streams, and without event tools.
SPDX-License-Identifier: Apache-2.0
"""
import calendar
import json
import time
import urllib.request

from lib.mcp import Client
from lib.system import Process, fault, free_port, wait_until
from test_flow import NPM, connected

PROGRAM = NPM / "kubernetes-mcp-server-linux-amd64/bin/kubernetes-mcp-server-linux-amd64"


class KubernetesServer(Process):
    """Its cluster's API server is a closed port: it starts all the same and lists its tools."""

    def __init__(self, system, port=None):
        kubeconfig = system.root / "kubeconfig"
        kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "closed",
            "clusters": [{"name": "closed", "cluster": {"server": "http://127.0.0.1:9"}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "closed", "context": {"cluster": "closed", "user": "nobody"}}]}))
        port = port or free_port()
        self.address = f"127.0.0.1:{port}"
        super().__init__(system, "kubernetes-mcp-server", [
            PROGRAM, "--kubeconfig", kubeconfig, "--bind-address", "127.0.0.1", "--port", port,
            "--log-file", "stderr"])
        wait_until(lambda: self.reached() or not self.alive(), 30, "kubernetes-mcp-server")
        assert self.alive(), self.log_tail()

    def reached(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}/healthz", timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False

    def calls(self):
        """How often each method was called."""
        with urllib.request.urlopen(f"http://{self.address}/stats", timeout=10) as answer:
            return json.loads(answer.read())["tool_calls_by_name"]


def source(broker):
    return (broker.get("/api/v1/status")["sources"] or [{}])[0]


def test_a_server_without_event_tools_is_told_once_and_asked_slowly(system):
    server = KubernetesServer(system)
    broker = system.start_broker(mcp_endpoint=f"http://{server.address}",
                                 sse_reconnect_initial_backoff="1s")
    wait_until(lambda: source(broker).get("state") == "unsupported", 30, "unsupported")
    found = source(broker)
    assert found["last_error"].startswith("the server has no event tools (events_subscribe)")
    retry_at = calendar.timegm(time.strptime(found["retry_at"][:19], "%Y-%m-%dT%H:%M:%S"))
    assert 240 < retry_at - time.time() <= 301, \
        "asked again in five minutes, not after the backoff of one second"
    # The session is not left behind, and the broker works for others meanwhile.
    wait_until(lambda: "server session disconnected" in server.log(), 20, "the session is deleted")
    system.publish([fault("web-0")])
    assert len(broker.incidents()) == 1
    assert server.calls()["initialize"] == 1
    told = broker.records("event source")
    assert [(line["change"], line["level"]) for line in told] == [("unsupported", "warn")]
    assert "triage_mcp_connection_up{cluster=\"default\"} 0" in broker.get("/metrics", raw=True)


def test_a_server_with_event_tools_beside_it_is_not_held_up(system):
    recorded = system.start_server([fault("web-0", "good")])
    plain = KubernetesServer(system)
    config = system.root / "both.yaml"
    config.write_text(f"clusters:\n  - {{name: plain, mcp: {{endpoint: "
                      f"'http://{plain.address}'}}}}\n"
                      f"  - {{name: good, mcp: {{endpoint: 'http://{recorded.address}'}}}}\n")
    broker = system.start_broker(config=config)
    wait_until(lambda: connected(broker, "good"), 30, "connected")
    assert wait_until(broker.incidents, 20, "incident")[0]["cluster"] == "good"


def test_it_speaks_as_our_own_server_does(system):
    """The same plain client gets the same statuses from both."""
    recorded = system.start_server([fault("web-0")])
    real = KubernetesServer(system)
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})
    seen = []
    for address in (recorded.address, real.address):
        client = Client(address).initialize()
        stream = client.open()
        said = [client.request("GET").status, client.request("POST", ping).status,
                client.request("POST", "{").status,
                client.request("POST", ping, Content_Type="text/plain").status,
                client.request("POST", ping, Host="evil.example").status,
                client.post("tools/call",
                            {"name": "no_such_tool", "arguments": {}}).message()["error"]["code"],
                client.delete()]
        while stream.read():
            pass
        said += [client.request("POST", ping).status, client.request("GET").status]
        seen.append(said)
    assert seen[0] == seen[1] == [409, 200, 400, 415, 403, -32602, 204, 404, 404]
