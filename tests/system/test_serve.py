"""triage-publisher --serve: recorded faults as an MCP server, for the official SDK's client,
for bad clients, and for the broker.
SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import signal
import socket

import pytest

from lib.mcp import BOTH, Client
from lib.system import BIN, ROOT, Process, fault, wait_until
from test_flow import connected, node

DEMO = sorted((ROOT / "configs/demo").glob("*.jsonl"))
PING = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"})


def sources_yaml(system, names, url):
    """A broker's clusters; url has the cluster's name in place of %s."""
    path = system.root / "sources.yaml"
    path.write_text("clusters:\n"
                    + "".join(f"  - {{name: {name}, mcp: {{endpoint: "
                              f"'http://{url.replace('%s', name)}'}}}}\n"
                                            for name in names))
    return path


def demo_clusters():
    return [path.stem for path in DEMO]


def demo_faults():
    return [json.loads(line) for path in DEMO for line in path.read_text().splitlines()]


def demo_objects():
    """(cluster, name) of each condition in the demo's files; one of them is recorded twice."""
    return sorted({(one["cluster"], (one.get("resource") or one["event"]["involvedObject"])["name"])
                   for one in demo_faults()})


def told(broker):
    """The same of the broker's incidents, once every fault has been counted."""
    rows = broker.incidents()
    if sum(row["occurrences"] for row in rows) < len(demo_faults()):
        return None
    return sorted((row["cluster"], row["resource"]["name"]) for row in rows)


# --- the official client

def test_the_official_client_gets_every_fault_and_deletes_its_session(system):
    server = system.start_server([fault(f"web-{n}") for n in range(50)])
    client = Process(system, "sdk-client", [node(), ROOT / "tests/system/peers/mcp_client.mjs"],
                     env={"URL": f"http://{server.address}/mcp", "COUNT": "50"})
    assert client.wait(60) == 0, client.log_tail()
    said = [json.loads(line) for line in client.out().splitlines()]
    merged = {key: value for line in said for key, value in line.items()}
    assert merged["capabilities"]["logging"] == {}
    assert [tool["name"] for tool in merged["tools"]] == [
        "events_subscribe", "events_unsubscribe", "events_list_subscriptions"]
    assert merged["subscribed"].startswith(
        "# Event Subscription Created\n\n{\n  \"cluster\": \"prod\",")
    faults = [line["fault"] for line in said if "fault" in line]
    assert [one["data"]["resource"]["name"] for one in faults] == [f"web-{n}" for n in range(50)]
    assert {(one["logger"], one["level"], one["data"]["cluster"]) for one in faults} == {
        ("kubernetes/faults", "warning", "prod")}
    assert "\"total\": 1" in merged["listed"]
    assert merged["after"] == 404
    assert "sessions=0" in server.log()


# --- clients that are wrong

def test_wrong_requests_get_their_status_and_the_server_lives(system):
    server = system.start_server([fault("web-0")])
    client = Client(server.address)
    assert client.request("POST", PING).status == 400
    client.session = "NOSUCHSESSION"
    for method in ("POST", "GET", "DELETE"):
        assert client.request(method, PING if method == "POST" else None).status == 404
    client.session = None
    client.initialize()
    assert client.request("POST", PING, Accept="application/json").status == 406
    assert client.request("GET", Accept="application/json").status == 406
    assert client.request("POST", PING, Content_Type="text/plain").status == 415
    assert client.request("POST", PING, MCP_Protocol_Version="2030-01-01").status == 400
    assert client.request("PUT", PING).status == 405
    assert client.request("POST", PING, Host="evil.example").status == 403
    assert client.request("POST", PING, Origin="http://evil.example").status == 403
    for body in ("", "{", "[]", "null", "\x00", "[" * 10000,
                 json.dumps({"jsonrpc": "2.0", "id": 1})):
        answer = client.request("POST", body)
        assert answer.status == 400 \
            and json.loads(answer.body)["error"]["code"] in (-32700, -32600), body
    assert client.post("no/such").message()["error"]["code"] == -32601
    assert client.post("logging/setLevel", {"level": "loud"}).message()["error"]["code"] == -32602
    assert client.post("tools/call", {"name": "pods_list"}).message()["error"]["code"] == -32602
    client.path = "/mcp/elsewhere"
    assert client.request("POST", PING).status == 404
    client.path = "/mcp"
    stream = client.open()
    assert client.request("GET").status == 409
    assert client.request("GET", Last_Event_ID="7").status in (400, 409)
    stream.close()
    assert client.post("ping").message()["result"] == {}
    assert server.alive()


def test_bodies_over_the_limit_are_refused(system):
    """Told by their length, or only by what comes."""
    server = system.start_server([fault("web-0")])
    host, port = server.address.split(":")
    head = (f"POST /mcp HTTP/1.1\r\nHost: {server.address}\r\nAccept: {BOTH}\r\n"
            "Content-Type: application/json\r\n")
    with socket.create_connection((host, int(port)), timeout=20) as told_before:
        told_before.sendall(f"{head}Content-Length: {(1 << 20) + 1}\r\n\r\n".encode())
        assert told_before.recv(4096).startswith(b"HTTP/1.1 413")
    with socket.create_connection((host, int(port)), timeout=20) as chunked:
        chunked.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(17):
            chunked.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        chunked.sendall(b"0\r\n\r\n")
        assert chunked.recv(4096).startswith(b"HTTP/1.1 413")
    assert Client(server.address).initialize().post("ping")


# --- streams

def test_the_tape_waits_for_a_client_that_comes_back(system):
    rate, count = 8, 32
    server = system.start_server([fault(f"web-{n}") for n in range(count)], rate=rate)
    client = Client(server.address).initialize()
    subscription = client.subscribe()
    stream = client.open()
    stream.wait(2)
    stream.close()
    wait_until(lambda: server.records("stream closed"), 20, "the end is noticed")
    assert client.subscriptions() == [subscription]
    other = Client(server.address).initialize()
    other.subscribe()
    stays = other.open()  # when it has heard all, a tape that does not wait is over
    wait_until(lambda: stays.read() and f"web-{count - 1}" in stays.text, 20,
               "the other's last one")
    again = client.open()
    wait_until(lambda: (again.read() and f"web-{count - 1}" in again.text), 20, "the last one")
    names = again.names()
    assert names == [f"web-{n}" for n in range(count - len(names), count)] \
        and len(names) > count / 4
    assert not set(names) & set(stream.names())


def test_each_subscriber_gets_the_whole_recording(system):
    server = system.start_server([fault(f"web-{n}") for n in range(20)])
    clients = [Client(server.address).initialize() for _ in range(5)]
    streams = [client.open() for client in clients]
    for client in clients:
        client.subscribe()
    for stream in streams:
        stream.wait(20)
        assert stream.names() == [f"web-{n}" for n in range(20)]


def test_large_faults_come_whole(system):
    server = system.start_server([fault("big", context="x" * 5000000), fault("small")])
    client = Client(server.address).initialize()
    stream = client.open()
    client.subscribe()
    (_, big), (_, small) = stream.wait(2)
    assert len(big["context"]) == 5000000 and small["resource"]["name"] == "small"


def test_sigterm_ends_streams_in_order(system):
    server = system.start_server([fault("web-0")])
    client = Client(server.address).initialize()
    stream = client.open()
    client.subscribe()
    stream.wait(1)
    server.signal(signal.SIGTERM)
    while stream.read():
        pass
    assert server.wait() == 0
    with pytest.raises(OSError):
        client.post("ping")


def test_a_second_signal_stops_it_now(system):
    server = system.start_server([fault("web-0")], faithful=True, shutdown_timeout="1h")
    client = Client(server.address).initialize()
    stream = client.open()
    server.signal(signal.SIGTERM)
    server.wait_log("stopping")
    assert server.alive()
    assert server.stop() == 0
    stream.close()


# --- files

def test_bad_lines_are_told_with_file_and_line(system):
    path = system.root / "bad.jsonl"
    path.write_text(json.dumps(fault("web-0")) + "\n{\"cut\":\n[1]\n")
    server = Process(system, "bad", [BIN / "triage-publisher", "--serve", "127.0.0.1:0", path,
                                     system.root / "missing.jsonl"])
    assert server.wait() == 78
    log = server.log()
    assert f"file={path} line=2" in log and f"file={path} line=3" in log and "missing.jsonl" in log


def test_standard_input_is_served_too(system):
    source = system.root / "in.jsonl"
    source.write_text(json.dumps(fault("web-0")) + "\n")
    ready = system.root / "stdin.ready"
    with open(source, "rb") as stdin:
        Process(system, "stdin",
                [BIN / "triage-publisher", "--serve", "127.0.0.1:0", "--ready-file", ready, "-"],
                stdin=stdin)
    wait_until(ready.exists, 20, "ready")
    client = Client(ready.read_text().strip().split("=", 1)[1]).initialize()
    stream = client.open()
    client.subscribe()
    assert stream.wait(1)[0][1]["resource"]["name"] == "web-0"


# --- the broker

def test_recorded_demo_faults_become_reports(system):
    server = system.start_server(DEMO)
    broker = system.start_broker(config=sources_yaml(system, demo_clusters(),
                                                     f"{server.address}/mcp/%s"))
    system.start_worker(agent="quick.sh", max_concurrent_agents=4)
    objects = demo_objects()
    rows = broker.wait_terminal(len(objects), 120)
    assert {row["state"] for row in rows} == {"reported"}
    assert wait_until(lambda: told(broker), 20, "every fault counted") == objects
    wait_until(lambda: len(system.results()) == len(objects), 20, "all results")
    for incident in system.results():
        report = system.root / "incidents" / incident / "output/investigation.md"
        assert report.stat().st_size > 100


def test_one_endpoint_of_all_clusters_is_told_the_context(system):
    server = system.start_server(DEMO)
    broker = system.start_broker(config=sources_yaml(system, demo_clusters(),
                                                     f"{server.address}/mcp"))
    assert wait_until(lambda: told(broker), 60, "every fault counted") == demo_objects()


def test_a_broker_killed_in_the_middle_misses_nothing(system):
    """Its new session gets the recording from the start; what it knows already only counts up."""
    names = [f"web-{n}" for n in range(40)]
    server = system.start_server([fault(name) for name in names], rate=20)
    config = sources_yaml(system, ["prod"], f"{server.address}/mcp")
    broker = system.start_broker(config=config)
    wait_until(lambda: len(broker.incidents()) > 5, 30, "some incidents")
    broker.kill9()
    broker = system.start_broker(config=config)
    rows = wait_until(lambda: [row for row in [broker.incidents()] if len(row) == len(names)], 60,
                      "all incidents")[0]
    assert sorted(row["resource"]["name"] for row in rows) == sorted(names)


# --- faithful: what the real event server does to its clients

def faithful(system, names, **options):
    server = system.start_server([fault(name) for name in names], faithful=True,
                                 **{"rate": 4, **options})
    return server, Client(server.address)


def test_faithful_d1_only_a_session_with_a_stream_and_a_level_is_told(system):
    server, client = faithful(system, ["web-0", "web-1", "web-2", "web-3"], repeat=0)
    client.initialize(level=None)
    stream = client.open()
    subscription = client.subscribe()
    assert stream.silent(1)
    stream.close()
    wait_until(lambda: server.records("stream closed"), 20, "closed")
    assert client.subscriptions() == [subscription]
    leveled = Client(server.address).initialize()
    stream = leveled.open()
    leveled.subscribe()
    assert stream.wait(1)


def test_faithful_d1_the_older_transport_cannot_subscribe(system):
    server, client = faithful(system, ["web-0"])
    connection = http.client.HTTPConnection(server.address, timeout=20)
    connection.request("GET", "/sse", headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    head = response.read1(4096).decode()
    assert head.startswith("event: endpoint\ndata: /sse?sessionid=")
    client.path = head.split("data: ", 1)[1].strip()
    for method, params in (("initialize", {}),
                           ("tools/call", {"name": "events_subscribe", "arguments": {}})):
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        assert client.request("POST", body).status == 202
    text = ""
    while "isError" not in text:
        text += response.read1(65536).decode()
    assert "event subscriptions require an HTTP/SSE transport" in text


def test_faithful_d2_a_fault_without_a_stream_is_lost_and_cancels_in_silence(system):
    server, client = faithful(system, [f"web-{n}" for n in range(60)], rate=1)
    client.initialize()
    lost = client.subscribe()
    wait_until(lambda: client.subscriptions() == [], 20, "cancelled")
    assert client.post("ping").message()["result"] == {}
    stream = client.open()
    again = client.subscribe()
    assert again != lost
    stream.wait(1)
    assert "web-0" not in stream.names()
    assert client.subscriptions() == [again]


def test_faithful_d3_the_stream_is_silent_and_has_no_ids(system):
    _, client = faithful(system, ["web-0"])
    client.initialize()
    stream = client.open()
    assert stream.silent(1)
    client.subscribe()
    stream.wait(1)
    assert stream.text.startswith("event: message\ndata: {")
    assert not [line for line in stream.text.splitlines() if line.startswith(("id", "retry", ":"))]
    assert client.request("GET", Last_Event_ID="1").status in (400, 409)


def test_faithful_d4_faults_ignore_filters(system):
    _, client = faithful(system, ["web-0", "web-1"])
    client.initialize()
    stream = client.open()
    client.subscribe(namespaces=["none"], labelSelector="a=b", involvedName="none")
    stream.wait(2)


def test_faithful_d4_short_rights_hang_subscribe_and_all_event_tools(system):
    _, client = faithful(system, ["web-0"], denied="prod")
    client.initialize()
    for tool in ("events_subscribe", "events_list_subscriptions"):
        with pytest.raises((TimeoutError, socket.timeout)):
            client.call(tool, timeout_s=1, mode="faults")
    assert client.post("ping").message()["result"] == {}


def test_faithful_d5_a_cancelled_subscription_goes_on_until_its_session_is_deleted(system):
    _, client = faithful(system, [f"web-{n}" for n in range(8)], repeat=0)
    client.initialize()
    stream = client.open()
    first = client.subscribe()
    stream.wait(1)
    assert "\"cancelled\": true" in client.call("events_unsubscribe", subscriptionId=first)
    assert client.subscriptions() == []
    after = len(stream.faults())
    assert stream.wait(after + 3)[-1][1]["subscriptionId"] == first
    assert client.delete() == 204
    while stream.read():
        pass


def test_faithful_sigterm_refuses_at_once_and_cuts_streams_later(system):
    server, client = faithful(system, ["web-0"], shutdown_timeout="1s")
    client.initialize()
    stream = client.open()
    server.signal(signal.SIGTERM)
    server.wait_log("stopping")
    with pytest.raises(OSError):
        client.post("ping")
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        while stream.read():
            pass
    assert server.wait() == 0


def test_the_broker_follows_a_faithful_server(system):
    names = [f"web-{n}" for n in range(12)]
    server, _ = faithful(system, names, rate=8)
    broker = system.start_broker(config=sources_yaml(system, ["prod"], f"{server.address}/mcp"))
    wait_until(lambda: connected(broker, "prod"), 30, "connected")
    rows = wait_until(lambda: [row for row in [broker.incidents()] if len(row) == len(names)], 30,
                      "all")[0]
    assert sorted(row["resource"]["name"] for row in rows) == sorted(names)


@pytest.mark.nightly
def test_the_broker_calls_a_hanging_subscribe_wedged(system):
    """Its limit for that answer is a minute."""
    server, _ = faithful(system, ["web-0"], denied="prod")
    broker = system.start_broker(config=sources_yaml(system, ["prod"], f"{server.address}/mcp"))

    def wedged():
        return [found for found in broker.get("/api/v1/status")["sources"]
                if found["state"] == "wedged"]
    found = wait_until(wedged, 100, "wedged", 0.5)[0]
    assert found["last_error"] == "the server does not answer events_subscribe" \
        and found["retry_at"]
    assert [line["change"] for line in broker.records("event source")] == ["wedged"]
