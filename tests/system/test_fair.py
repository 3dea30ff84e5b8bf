"""One source floods while the store is slow: who loses, what, and who is told.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re

from lib.disk import SlowSyncs
from lib.system import fault, wait_until
from test_flow import FaultServer, clusters_yaml, connected, replay

MIB = 1024 * 1024
FLOOD, BATCH, EVENT_BYTES = 600, 20, 200 * 1024  # 120 MB: twice the buffer
RSS_MIB = 192  # the buffer, what one message costs while it is read, and the broker itself


def peak_mib(process):
    with open(f"/proc/{process.pid}/status") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) / 1024


def sources(broker):
    return {source["cluster"]: source for source in broker.get("/api/v1/status")["sources"]}


def test_a_flood_beside_a_quiet_source_loses_its_own(system):
    disk = SlowSyncs(system, 1000)
    servers = {name: FaultServer(system, name) for name in ("flood", "quiet")}
    broker = system.start_broker(config=clusters_yaml(system, servers), env=disk.env,
                                 cluster_queue_size=5000)
    for name in servers:
        wait_until(lambda: connected(broker, name), 30, "connected")
    disk.slow()
    large = "x" * EVENT_BYTES
    quiet = 0
    for first in range(0, FLOOD, BATCH):
        servers["flood"].emit([fault(f"f{i}", "flood", context=large)
                               for i in range(first, first + BATCH)])
        servers["quiet"].emit([fault(f"q{first + i}", "quiet") for i in range(2)])
        quiet += 2
    wait_until(lambda: sources(broker)["flood"]["events_total"] == FLOOD, 60, "all was sent")
    wait_until(lambda: sources(broker)["quiet"]["events_total"] == quiet, 60, "all was sent")
    disk.fast()

    def kept(name):
        return len({incident["resource"]["name"] for incident in broker.incidents()
                    if incident["cluster"] == name})
    wait_until(lambda: kept("quiet") == quiet, 60, "what the quiet one said")
    lost = sources(broker)["flood"]["dropped_total"]
    assert lost > 0 and sources(broker)["quiet"]["dropped_total"] == 0
    wait_until(lambda: kept("flood") == FLOOD - lost, 60, "what the flood did not lose")

    def told():
        records = [record for record in replay(broker) if record["kind"] == "source"
                   and record["change"] == "gap"]
        assert {record["cluster"] for record in records} == {"flood"}
        return [int(re.match(r"(\d+) events dropped, the oldest", record["reason"]).group(1))
                for record in records]
    wait_until(lambda: sum(told()) == lost, 30, "each loss told")
    warned = [line for line in broker.records("event source") if line.get("change") == "gap"]
    wait_until(lambda: sources(broker)["flood"]["gaps_total"] == len(told()), 10,
               "the count of gaps")
    assert len(told()) == len(warned) <= 12, told()
    assert f'triage_events_dropped_total{{cluster="flood"}} {lost}' \
        in broker.get("/metrics", raw=True)
    if "asan" not in str(os.environ.get("TRIAGE_BIN")):
        assert peak_mib(broker) < RSS_MIB, peak_mib(broker)
