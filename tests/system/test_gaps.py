"""What a source said while nobody listened is told as a gap: in the stream, the log and the
metrics.
SPDX-License-Identifier: Apache-2.0
"""
import re
import sqlite3
import time

import pytest

from lib.system import fault, wait_until
from test_flow import FaultServer, clusters_yaml, connected, replay
from test_reload import Reloaded


def start(system, server, **options):
    broker = system.start_broker(config=clusters_yaml(system, {"prod": server}), **options)
    wait_until(lambda: connected(broker, "prod"), 30, "connected")
    return broker


def gaps(broker):
    """(milliseconds, record) of every gap in the stream."""
    return [(int(record["reason"].split(" ms", 1)[0]), record) for record in replay(broker)
            if record["kind"] == "source" and record["change"] == "gap"]


def source(broker):
    return broker.get("/api/v1/status")["sources"][0]


def gaps_metric(broker):
    return int(re.search(r'triage_events_gap_total\{cluster="prod"\} (\d+)',
                         broker.get("/metrics", raw=True)).group(1))


def test_a_first_start_has_no_gap(system):
    broker = start(system, FaultServer(system, "prod"))
    wait_until(lambda: [record for record in replay(broker) if record["change"] == "connected"], 10,
               "connected")
    assert gaps(broker) == [] and gaps_metric(broker) == 0


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_the_brokers_own_downtime_is_a_gap(system, how):
    server = FaultServer(system, "prod")
    broker = start(system, server)
    if how == "kill":
        broker.kill9()
    else:
        broker.stop()
    down = time.monotonic()
    server.emit([fault("missed")])
    time.sleep(0.3)
    away_ms = (time.monotonic() - down) * 1000
    broker = start(system, server)
    (length_ms, record), = wait_until(lambda: gaps(broker), 10, "the gap")
    assert length_ms >= away_ms and record["cluster"] == "prod" \
        and "did not follow" in record["reason"]
    wait_until(lambda: gaps_metric(broker) == 1, 10, "the metric")
    assert [found for found in broker.records("event source") if found.get("change") == "gap"]
    assert broker.incidents() == []


def test_a_cluster_whose_server_moves_has_a_gap(system):
    before, after = (FaultServer(system, name) for name in ("before", "after"))
    text = "clusters:\n  - name: prod\n    mcp:\n      endpoint: http://{}/mcp\n"
    reloaded = Reloaded(system, text.format(before.address))
    broker = reloaded.broker
    wait_until(lambda: connected(broker, "prod"), 30, "connected")
    reloaded.hup(text.format(after.address))
    wait_until(lambda: after.control("state")["subscribe"] == 1, 30, "the new place is followed")
    (_, record), = wait_until(lambda: gaps(broker), 10, "the gap")
    assert record["cluster"] == "prod" and before.control("state")["deleted"] == 1


def test_events_received_and_not_committed_are_told_and_lie_in_the_next_gap(system):
    server = FaultServer(system, "prod")
    broker = start(system, server)
    with sqlite3.connect(system.root / "state/broker.db", isolation_level=None,
                         timeout=20) as store:
        store.execute("BEGIN IMMEDIATE")
        server.emit([fault("a")])
        broker.wait_log("turn rolled back")
        received_ms = time.time() * 1000
        time.sleep(1)
        server.emit([fault("b")])
        wait_until(lambda: source(broker)["events_total"] == 2, 10, "the second event")
        broker.stop()
        store.execute("ROLLBACK")
    left = [found for found in broker.records()
            if found["msg"].startswith("events were received and not committed")]
    assert [found["events"] for found in left] == ["2"]
    broker = start(system, server)
    (length_ms, record), = wait_until(lambda: gaps(broker), 10, "the gap")
    assert record["at_ms"] - length_ms <= received_ms + 500
    server.emit([fault("a"), fault("b")])  # the condition persists: the server sends it again
    wait_until(lambda: len(broker.incidents()) == 2, 20, "both incidents")
