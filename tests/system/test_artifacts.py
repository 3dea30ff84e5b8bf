"""The disk of the artifacts is in trouble for longer than an attempt may live: no report is lost,
no host is blamed.
SPDX-License-Identifier: Apache-2.0
"""
import time

import pytest

from lib.disk import FullOfBytes, FullOfFiles, mounted_or_shim, slow_disk, sluggish_disk
from lib.system import fault, wait_until

# An attempt's hard deadline: its time, the kill grace, and a slack that is longer than
# a worker's pause (5 s).
#  A test build makes the last two short; the long form has those of the product.
TIMEOUT_S, SLACK_S = 8, 6
SHORT = {"TRIAGE_AGENT_GRACE_MS": "0", "TRIAGE_REVOKE_SLACK_MS": str(SLACK_S * 1000)}
PRODUCT_S = 10 + 120
SLOTS, QUEUED = 5, 40
DISKS = {"bytes": mounted_or_shim(FullOfBytes), "inodes": mounted_or_shim(FullOfFiles),
         "slow": slow_disk}


def start(system, disk, limits):
    return system.start_broker(prefix=disk.prefix, env={**disk.env, **limits},
                               workspace_root=disk.folder / "incidents",
                               agent_timeout=f"{TIMEOUT_S}s", log_level="info")


def running(broker):
    rows = broker.incidents("investigating")
    return len(rows) == SLOTS and all(row["started_at"] for row in rows) and rows


def readyz(broker):
    """Not ready, and why."""
    return broker.status_of("/readyz") == 503 and broker.get("/api/v1/status")["files"]["trouble"]


def check_nobody_was_judged(broker, ended, slow=False):
    """A disk that is slow takes some reports all the same."""
    states, known = {"pending", "investigating"}, [[], [None]]
    if ended:
        states, known = set(), []
    if ended or slow:
        states, known = states | {"reported"}, [*known, ["success"]]
    rows = broker.incidents()
    assert len(rows) == SLOTS + QUEUED
    assert {row["state"] for row in rows} <= states
    for row in rows:
        outcomes = [attempt["outcome"] for attempt in broker.incident(row["id"])["attempts"]]
        assert outcomes in known, (row["id"], outcomes)
    status = broker.get("/api/v1/status")
    assert status["workers"]["quarantined"] == 0 and status["breaker"]["failures"] == 0
    assert {name: count for name, count in status["outcomes"].items() if count
            and name != "success"} == {}


@pytest.mark.parametrize("make", DISKS.values(), ids=DISKS)
def test_trouble_longer_than_the_hard_deadline_costs_no_report_and_blames_no_host(system, make):
    trouble(system, make, SHORT, SLACK_S)


@pytest.mark.nightly
def test_several_messages_that_are_slow_together_are_trouble_too(system):
    trouble(system, sluggish_disk, SHORT, SLACK_S)


@pytest.mark.nightly
@pytest.mark.parametrize("make", DISKS.values(), ids=DISKS)
def test_trouble_longer_than_the_hard_deadline_of_the_product(system, make):
    trouble(system, make, {}, PRODUCT_S)


def trouble(system, make, limits, slack_s):
    """As long as an attempt may live, and longer: then all 45 have their reports."""
    disk = make(system)
    broker = start(system, disk, limits)
    gate, script = system.gated_agent()
    system.start_worker(agent=script, max_concurrent_agents=SLOTS, agent_start_interval="0s")
    system.publish([fault(f"web-{number}") for number in range(SLOTS + QUEUED)])
    assigned = time.monotonic()
    wait_until(lambda: running(broker), 20, "all slots run agents")
    disk.fill()
    slow = make in (slow_disk, sluggish_disk)
    if not slow:
        wait_until(lambda: readyz(broker), 10, "readyz tells of the disk")
    gate.touch()
    assert wait_until(lambda: readyz(broker), 20,
                      "readyz tells of the disk").startswith("the disk of the artifacts")
    assert "artifacts" in broker.log() and broker.metric("artifacts_refusing") == 1
    assert "nothing is assigned" in system.ctl("status").stdout
    wait_until(lambda: time.monotonic() > assigned + TIMEOUT_S + slack_s + 2, 200,
               "past the hard deadline", 0.1)
    check_nobody_was_judged(broker, ended=False, slow=slow)
    if not slow:
        assert len(broker.incidents("pending")) == QUEUED
        broker.kill9()  # what is durable of the deadlines has passed
        broker = start(system, disk, limits)
        assert broker.status_of("/readyz") == 503
    disk.empty()
    broker.wait_terminal(SLOTS + QUEUED, 60)
    check_nobody_was_judged(broker, ended=True)
    wait_until(lambda: broker.status_of("/readyz") == 200, 30, "ready again")
    broker.wait_log("artifacts are taken again")
    results = disk.seen / "incidents"
    wait_until(lambda: len(list(results.glob("*/result.json"))) == SLOTS + QUEUED, 60,
               "all folders are saved")
    assert len(list(results.glob("*/output/investigation.md"))) == SLOTS + QUEUED


def on_disk(root):
    """(inodes, bytes) of all incidents' folders, an inode of several names once."""
    seen = {}
    for path in root.glob("*-*-*/**/"):
        for entry in [path, *path.iterdir()]:
            stat = entry.lstat()
            seen[stat.st_ino] = stat.st_blocks * 512
    return len(seen), sum(seen.values())


def test_what_the_folders_take_is_counted(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault(f"web-{number}") for number in range(40)])
    began = time.time()
    broker.wait_terminal(40)
    wait_until(lambda: len(system.results()) == 40, 30, "all saved")
    broker.stop()
    broker = system.start_broker()  # it counts at once, and then now and then
    files, size = on_disk(system.root / "incidents")
    wait_until(lambda: broker.metric("artifacts_files") == files, 20, f"{files} inodes counted")
    assert broker.metric("artifacts_bytes") == size and files >= 40 * 8
    assert abs(broker.metric("artifacts_oldest_timestamp_seconds") - began) < 60
    assert broker.metric("artifacts_free_bytes") > 0 and broker.metric("artifacts_free_files") != 0
