"""Event sources that are not what they were taken for: other contexts, no name, normal events,
answers over a limit, proxies.
SPDX-License-Identifier: Apache-2.0
"""
import socket

from lib.system import fault, free_port, wait_until
from test_flow import FaultServer, clusters_yaml, connected, replay


def sources(broker):
    return {source["cluster"]: source for source in broker.get("/api/v1/status")["sources"]}


def yaml(system, address, names, more=""):
    path = system.root / "broker.yaml"
    path.write_text("clusters:\n" + "".join(
        f"  - name: {name}\n    mcp:\n      endpoint: http://{address}/mcp\n{more}"
        for name in names))
    return path


def test_a_cluster_that_the_server_does_not_know_is_not_another_one(system):
    """Else the faults of the server's default cluster come under its name."""
    server = system.start_server([fault("web-e", "east"), fault("web-w", "west")])
    broker = system.start_broker(config=yaml(system, server.address, ["north", "west"]),
                                 sse_reconnect_max_backoff="1s")
    wait_until(lambda: broker.incidents(), 30, "the fault of the cluster that there is")
    north = wait_until(lambda: [row for row in sources(broker).values()
                                if row["state"] == "unsupported"],
                       30, "the state")[0]
    assert north["last_error"] == 'the server has no context "north"; it has east, west' \
        and north["events_total"] == 0
    assert 'triage_mcp_connection_up{cluster="north"} 0' in broker.get("/metrics", raw=True)
    wait_until(lambda: sources(broker)["north"]["retry_at"], 10, "it is tried again")
    told = [record for record in replay(broker) if record["kind"] == "source"
            and record["cluster"] == "north"]
    assert [record["change"] for record in told] == ["unsupported"]
    warned, = [line for line in broker.records("event source") if line["cluster"] == "north"]
    assert warned["level"] == "warn" and "it has east, west" in warned["reason"]
    assert {row["cluster"] for row in broker.incidents()} == {"west"}


def test_a_source_without_a_name_at_a_server_of_several_clusters_is_warned_of(system):
    """One of them is followed, and nothing said that the others are not."""
    events = [fault("web-e", "east"), fault("web-w", "west")]
    server = system.start_server(events)
    broker = system.start_broker(mcp_endpoint=f"http://{server.address}",
                                 sse_reconnect_max_backoff="1s")
    broker.wait_log("this server serves several clusters")
    wait_until(broker.incidents, 20, "the fault of one")
    state = lambda: next(iter(sources(broker).values()))["state"]
    server.stop()
    wait_until(lambda: state() != "active", 20, "it is gone")
    system.start_server(events, "again", serve=server.address)
    wait_until(lambda: state() == "active", 20,
               "it is there again, and said once what it said before")
    warned, = [line for line in broker.records()
               if line["msg"].startswith("this server serves several clusters")]
    assert warned["level"] == "warn" and warned["clusters"] == "east, west" \
        and "`clusters:` with a `name:`" in warned["msg"]


def event(name, kind, reason):
    return {"event": {"namespace": "shop", "timestamp": "2026-01-15T12:34:56Z", "type": kind,
                      "reason": reason, "message": "it happened",
                      "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": name,
                                         "namespace": "shop", "uid": f"uid-{name}"}}}


def test_normal_events_are_asked_for_only_when_they_are_investigated(system):
    server = FaultServer(system, "prod")
    filters = lambda: [entry["filters"] for session in server.control("state")["sessions"]
                       for entry in session["subscriptions"]]
    config = yaml(system, server.address, ["prod"], "      mode: events\n")
    broker = system.start_broker(config=config)
    wait_until(lambda: connected(broker, "prod"), 30, "connected")
    assert filters() == [{"type": "Warning"}]
    server.emit([event("calm", "Normal", "Scheduled"), event("bad", "Warning", "FailedMount")])
    row, = wait_until(broker.incidents, 20, "the warning")
    assert row["resource"]["name"] == "bad"
    wait_until(lambda: sources(broker)["prod"]["events_total"] == 1, 10, "the only one")
    config.write_text(config.read_text() + "severity_threshold: info\n")
    broker.signal(1)
    wait_until(lambda: filters() == [{}], 30, "subscribed to all")
    wait_until(lambda: connected(broker, "prod"), 30, "connected")
    server.emit([event("calm", "Normal", "Scheduled")])
    wait_until(lambda: len(broker.incidents()) == 2, 20, "the normal event")


def test_what_is_worth_less_than_a_warning_is_recorded_only(system):
    broker = system.start_broker()
    system.publish([fault("low", severity="info"), fault("high", severity="warning")])
    found = {row["resource"]["name"]: (row["state"], row.get("suppressed"))
             for row in broker.incidents()}
    assert found == {"low": ("suppressed", "below_severity"), "high": ("pending", None)}


def test_a_source_without_a_name_and_its_cluster_are_one_row(system):
    server = FaultServer(system, "edge-berlin")
    system.start_broker(mcp_endpoint=f"http://{server.address}")
    wait_until(lambda: connected(system.broker, "default"), 30, "connected")
    server.emit([fault("web-0", "edge-berlin")])
    rows = lambda: [line.split()[0] for line in system.ctl("clusters").stdout.splitlines()[1:]
                    if line.strip()]
    wait_until(lambda: connected(system.broker, "edge-berlin") and rows() == ["edge-berlin"], 20,
               "one row")
    system.broker.kill9()
    system.start_broker(mcp_endpoint=f"http://{server.address}")
    wait_until(lambda: connected(system.broker, "edge-berlin") and rows() == ["edge-berlin"], 20,
               "one row again")


def test_a_proxy_of_the_environment_hears_nothing_of_loopback(system):
    """Neither the token of a source nor a command."""
    with socket.create_server(("127.0.0.1", free_port())) as proxy:
        proxy.settimeout(0.01)
        url = "http://%s:%d" % proxy.getsockname()
        env = {"http_proxy": url, "all_proxy": url, "no_proxy": ""}
        server = FaultServer(system, "prod")
        broker = system.start_broker(config=clusters_yaml(system, {"prod": server}), env=env)
        wait_until(lambda: connected(broker, "prod"), 30, "connected")
        assert "prod" in system.ctl("clusters", env=env).stdout
        try:
            proxy.accept()
            raise AssertionError("the proxy was called")
        except TimeoutError:
            pass


def test_an_answer_that_the_broker_dies_of_is_set_aside_and_its_source_says_so(system):
    """Three deaths; then the broker lives, and takes what others send."""
    server = FaultServer(system, "prod")
    config = clusters_yaml(system, {"prod": server})
    deadly = {"TRIAGE_FAILPOINT": "broker.answer.read.before:kill"}
    for _ in range(3):
        broker = system.start_broker(config=config, env=deadly, wait=False)
        broker.wait(20)
    broker = system.start_broker(config=config, env=deadly, sse_reconnect_max_backoff="1s")
    wait_until(lambda: "died three times" in (sources(broker).get("prod", {}).get("last_error")
                                              or ""), 20, "it says so")
    told = broker.records("a message that the broker died of is set aside unread")[0]
    assert told["cluster"] == "prod" and "protocolVersion" in open(told["file"]).read()
    assert 'triage_mcp_bad_messages_total{cluster="prod"} 0' not in broker.get("/metrics", raw=True)
    system.publish([fault("other", "edge")])
    assert [row["cluster"] for row in broker.incidents()] == ["edge"]
