"""Disks that are full, locked or broken, and files that are damaged: nothing is lost, nothing
is said too early.
SPDX-License-Identifier: Apache-2.0
"""
import re
import shutil
import sqlite3
import subprocess
import time

import pytest

from lib.disk import BrokenLoop, BrokenShim, FullByLimit, broken_disk, full_disk
from lib.system import ROOT, SLOW, fault, wait_until
from test_flow import FaultServer, connected, replay
from test_reload import Reloaded
from worker import Link, Worker

REPORT = b"# Report\n\n" + b"What happened, and why, at some length.\n" * 8


def start(system, disk, **options):
    return system.start_broker(prefix=disk.prefix, env=getattr(disk, "env", None), log_level="info",
                               **{"state_path": disk.folder / "state/broker.db", **options})


def python_worker(broker, **options):
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"], **options)
    worker.hello()
    worker.offer(worker.slots)
    return worker


def finished(worker):
    """Take an incident and seal its report, up to the verdict."""
    _, fence = worker.assignment()
    manifest, sealed = worker.upload(fence, {"output/investigation.md": REPORT})
    assert sealed["result"] == "stored"
    return fence, manifest


def acknowledged(publisher):
    return {record["event_id"] for record in publisher.records("event acknowledged")}


def check_store(broker, path, count):
    """The file is sound and every event has one incident."""
    broker.stop()
    copy = broker.system.root / "copy.db"
    shutil.copy(path, copy)
    with sqlite3.connect(copy) as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.execute("SELECT count(*), count(DISTINCT id) FROM incident").fetchone() == (
            count, count)
        assert store.execute(
            "SELECT max(seq) - min(seq) + 1 - count(*) FROM journal").fetchone() == (0,)


#  --- full

def many(number, size=3000):
    return [fault(f"web-{n}", context="x" * size) for n in range(number)]


@pytest.mark.parametrize("make", [full_disk, FullByLimit], ids=["disk", "limit"])
def test_a_full_disk_refuses_events_keeps_verdicts_and_goes_on_when_there_is_room(system, make):
    disk = make(system)
    broker = start(system, disk)
    system.publish(many(40), name="p0")
    worker = python_worker(broker)
    fence, manifest = finished(worker)
    disk.fill()
    publisher = system.start_publisher([fault(f"late-{n}", context="x" * 3000) for n in range(20)],
                                       name="p1")
    broker.wait_log("turn rolled back")
    broker.wait_log("reserve freed, new events are refused" if disk.reserve_helps
                    else "store refused")
    wait_until(lambda: broker.status_of("/readyz") == 503, 20, "not ready")
    if disk.reserve_helps:
        assert worker.verdict(fence, "success", manifest) == "committed"
        assert broker.incident(fence["incident"])["state"] == "reported"
    else:
        worker.work.send(9, {**fence, "outcome": "success", "exit_code": 0, "files": manifest})
        assert worker.work.sock.poll(500) == 0, "nothing may be said before it is durable"
    assert publisher.alive() and not acknowledged(publisher) and broker.alive()
    assert len(broker.incidents()) == 40
    disk.empty()
    assert publisher.wait(60) == 0 and len(acknowledged(publisher)) == 20
    broker.wait_log("room on the disk again, events are accepted")
    if not disk.reserve_helps:
        assert worker.verdict(fence, "success", manifest) == "committed"
    wait_until(lambda: broker.status_of("/readyz") == 200, 20, "ready again")
    assert broker.metric("store_full_total") >= 1
    assert {row["id"] for row in broker.incidents("reported")} == {fence["incident"]}
    path = disk.mount.seen / "state/broker.db" if disk.reserve_helps \
        else disk.folder / "state/broker.db"
    worker.close()
    check_store(broker, path, 60)


def test_what_the_reserve_frees_is_not_given_to_events(system):
    """Full to the last byte: the 64 MiB that come free are for verdicts, not for the next event."""
    disk = full_disk(system)
    broker = start(system, disk)
    system.publish(many(3), name="p0")
    disk.fill()
    publisher = system.start_publisher(many(200), name="p1")
    broker.wait_log("turn rolled back")
    time.sleep(3)  # three looks for room
    assert "room on the disk again" not in broker.log() and publisher.alive()
    assert len(broker.incidents()) == 3
    disk.empty()
    assert publisher.wait(60) == 0


def test_a_start_on_a_full_disk_frees_the_reserve_and_refuses_events(system):
    disk = full_disk(system)
    if isinstance(disk, FullByLimit):
        broker = start(system, disk)
        disk.fill()
    else:
        start(system, disk).stop()
        disk.fill()
        broker = start(system, disk)
    publisher = system.start_publisher(many(2), name="p1")
    wait_until(lambda: broker.status_of("/readyz") == 503, 20, "not ready")
    publisher.wait_log("the broker takes no events for now")
    assert not acknowledged(publisher)
    disk.empty()
    assert publisher.wait(60) == 0 and len(broker.incidents()) == 2
    assert [row["reason"]
            for row in publisher.records(
                "the broker takes no events for now, they are sent again")] == ["store"]
    assert len(publisher.records("the broker takes events again")) == 1


def test_an_effect_and_a_source_change_of_a_turn_that_was_rolled_back_are_not_lost(system):
    """What is said once only: the end of a save, and that the store's lock was taken in between."""
    broker = system.start_broker(log_level="info")
    system.start_worker()
    path = system.root / "state/broker.db"
    for number in range(6):
        system.publish([fault(f"web-{number}")], name=f"p{number}")
        #  take the lock while the incident comes to its end
        with sqlite3.connect(path, isolation_level=None, timeout=5) as store:
            wait_until(lambda: locked(store), 20, "the lock")
            time.sleep(0.1 * number)
            store.execute("ROLLBACK")
    broker.wait_terminal(6)
    wait_until(lambda: len(system.results()) == 6, 30, "every incident is saved")
    wait_until(lambda: {effect["state"] for row in broker.incidents()
                        for effect in broker.incident(row["id"])["effects"]}
               == {"done"}, 30, "every effect is done")


def test_a_source_change_of_a_turn_that_was_rolled_back_is_recorded(system):
    server = FaultServer(system, "prod")
    reloaded = Reloaded(system)
    with sqlite3.connect(system.root / "state/broker.db", isolation_level=None, timeout=5) as store:
        wait_until(lambda: locked(store), 20, "the lock")
        reloaded.hup(
            f"clusters:\n  - name: prod\n    mcp:\n      endpoint: http://{server.address}/mcp\n")
        wait_until(lambda: connected(reloaded.broker, "prod"), 30, "connected")
        reloaded.broker.wait_log("turn rolled back")
        assert replay(reloaded.broker) == []
        store.execute("ROLLBACK")
    wait_until(lambda: [record["change"] for record in replay(reloaded.broker)
                        if record["kind"] == "source"]
               == ["connected"], 20, "it is recorded, once")


def locked(store):
    try:
        store.execute("BEGIN IMMEDIATE")
        return True
    except sqlite3.OperationalError:
        return False


#  --- locked by another

def test_a_store_that_another_holds_refuses_and_goes_on_when_it_is_free(system):
    broker = system.start_broker(log_level="info")
    system.publish(many(2), name="p0")
    worker = python_worker(broker)
    fence, manifest = finished(worker)
    with sqlite3.connect(system.root / "state/broker.db", isolation_level=None, timeout=5) as store:
        wait_until(lambda: locked(store), 20, "the lock")
        publisher = system.start_publisher([fault("late")], name="p1")
        broker.wait_log("turn rolled back")
        link = Link(broker.endpoints["ingest"], 7)
        link.send(32, {"event_id": "e1", "body": b"{}"})
        kind, nack = link.recv(20)
        assert (kind, nack["reason"]) == (34, "store") and 100 <= nack["retry_ms"] <= 60000
        link.sock.close(0)
        worker.work.send(9, {**fence, "outcome": "success", "exit_code": 0, "files": manifest})
        assert worker.work.sock.poll(500) == 0
        assert publisher.alive() and not acknowledged(publisher)
        assert broker.get("/healthz", raw=True)  # it lives, and says why
        wait_until(lambda: broker.metric("store_busy_total") >= 1, 10, "counted")
        store.execute("ROLLBACK")
    assert worker.verdict(fence, "success", manifest) in ("committed", "duplicate")
    assert publisher.wait(60) == 0
    assert broker.incident(fence["incident"])["state"] == "reported"
    worker.close()
    check_store(broker, system.root / "state/broker.db", 3)


def test_a_start_on_a_locked_store_says_so(system):
    system.start_broker().stop()
    with sqlite3.connect(system.root / "state/broker.db", isolation_level=None) as store:
        store.execute("BEGIN IMMEDIATE")
        broker = system.start_broker(wait=False)
        assert broker.wait(20) == 74 and "locked" in broker.log()
        store.execute("ROLLBACK")
    system.start_broker()


#  --- broken

@pytest.mark.parametrize("make", [broken_disk, BrokenShim], ids=["disk", "library"])
def test_a_failed_sync_ends_with_74_says_nothing_and_the_restart_recovers(system, make):
    disk = make(system)
    broker = start(system, disk)
    system.publish(many(5), name="p0")
    worker = python_worker(broker)
    fence, manifest = finished(worker)
    disk.break_()
    lines = [fault(f"late-{n}", context="x" * 100_000) for n in range(30)]
    publisher = system.start_publisher(lines, name="p1")
    worker.work.send(9, {**fence, "outcome": "success", "exit_code": 0, "files": manifest})
    assert broker.wait(60) == 74
    assert "nothing is sent, the restart recovers" in broker.log()
    early = acknowledged(publisher)
    assert len(early) < 30 and publisher.alive()
    disk.mend()
    broker = start(system, disk)
    ids = {row["id"] for row in broker.incidents()}
    assert len(ids) >= 5 + len(early), "what was acknowledged is there"
    assert publisher.wait(60) == 0 and len(acknowledged(publisher)) == 30
    worker.close()
    worker = python_worker(broker)
    worker.work.sock.close(0)
    worker.files.close()
    path = disk.mount.seen / "state/broker.db" if isinstance(disk, BrokenLoop) \
        else disk.folder / "state/broker.db"
    check_store(broker, path, 35)


#  --- damaged

def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


DAMAGE = {
    "no database": lambda path: path.write_bytes(b"this is a text file, not a database\n" * 500),
    "first page": lambda path: overwrite(path, 100, b"\xff" * 3000),
    "a page in the middle": lambda path: overwrite(path, path.stat().st_size // 2 // 4096 * 4096,
                                                   b"\xa5" * 4096),
    "half of it": lambda path: path.write_bytes(path.read_bytes()[:path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_is_refused_with_65_and_left_as_it_is(system, damage):
    broker = system.start_broker()
    system.publish(many(60), name="p0")
    broker.stop()
    path = system.root / "state/broker.db"
    backup = system.root / "backup.db"
    shutil.copy(path, backup)
    DAMAGE[damage](path)
    before = path.read_bytes() if path.exists() else None
    broker = system.start_broker(wait=False)
    assert broker.wait(20) == 65, broker.log_tail()
    told = [record for record in broker.records("store cannot be opened")]
    assert len(told) == 1 and str(path) in told[0]["error"] and "backup" in told[0]["error"], \
        broker.log_tail()
    assert (path.read_bytes() if path.exists() else None) == before
    shutil.copy(backup, path)
    assert len(system.start_broker().incidents()) == 60


def test_a_damaged_store_is_salvaged_as_the_page_says(system):
    """The last leaf of the incidents' own tree is gone."""
    command = re.search(r"^    (sqlite3 broker\.db \.dump .*)$",
                        (ROOT / "docs/operations.md").read_text(), re.M)[1]
    broker = system.start_broker()
    system.publish(many(60), name="p0")
    broker.stop()
    state = system.root / "state"
    with sqlite3.connect(state / "broker.db") as store:
        page = store.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'incident'").fetchone()[0]
    data = (state / "broker.db").read_bytes()
    # Src: sqlite.org/fileformat2, right-most pointer
    leaf = int.from_bytes(data[(page - 1) * 4096 + 8:(page - 1) * 4096 + 12], "big")
    overwrite(state / "broker.db", (leaf - 1) * 4096, b"\xa5" * 4096)
    assert system.start_broker(wait=False).wait(20) == 65
    subprocess.run(["/bin/sh", "-c", command], cwd=state, capture_output=True, timeout=60)
    (state / "salvaged.db").rename(state / "broker.db")
    for name in ("broker.db-wal", "broker.db-shm"):
        (state / name).unlink(missing_ok=True)
    broker = system.start_broker()
    kept = len(broker.incidents())
    assert 30 < kept < 60
    assert broker.get("/api/v1/status")["incidents"]["pending"] == kept
    system.publish([fault("after")], name="p1")
    assert len(broker.incidents()) == kept + 1


def test_a_torn_end_of_the_log_costs_only_what_was_not_whole(system):
    broker = system.start_broker()
    system.publish(many(1), name="first")  # a commit of its own: those that follow may be one
    system.publish(many(30), name="p0")
    broker.kill9()
    wal = system.root / "state/broker.db-wal"
    wal.write_bytes(wal.read_bytes()[:wal.stat().st_size - 1000])
    broker = system.start_broker()
    assert 1 <= len(broker.incidents()) <= 30
    system.publish(many(30), name="p1", spool_dir=system.root / "p0-spool")
    assert len(broker.incidents()) == 30


#  --- the disk of the artifacts

@pytest.mark.parametrize("make", [full_disk, FullByLimit], ids=["disk", "limit"])
def test_a_report_that_has_no_room_is_kept_by_its_worker_until_it_has(system, make):
    disk = make(system)
    if isinstance(disk, FullByLimit):
        (disk.folder / "state").mkdir()
        (disk.folder / "state/broker.db-wal").write_bytes(b"x" * 1_000_000)
    broker = system.start_broker(prefix=disk.prefix, workspace_root=disk.folder / "incidents",
                                 log_level="info")
    gate, script = system.gated_agent(3_000_000)
    system.start_worker(agent=script)
    system.publish([fault("web-0")])
    wait_until(lambda: [row for row in broker.incidents("investigating") if row["started_at"]], 20,
               "it runs")
    disk.fill()
    gate.touch()
    broker.wait_log("reason=\"No space left on device\"" if disk.reserve_helps
                    else "reason=\"File too large\"")
    assert [row["state"] for row in broker.incidents()] == ["investigating"]
    disk.empty()
    row = broker.wait_terminal(1, 60)[0]
    assert row["state"] == "reported" and len(broker.incident(row["id"])["attempts"]) == 1
    folder = (disk.mount.seen if disk.reserve_helps else disk.folder) / "incidents" / row["id"]
    wait_until(lambda: (folder / "result.json").exists(), 30, "result.json")
    assert (folder / "output/investigation.md").stat().st_size == 3_000_009


#  --- large

@pytest.mark.nightly
def test_a_start_does_not_take_longer_with_history(system):
    """10^6 ended incidents with their events, out of every window:
    ready in about a second, checked later."""
    broker = system.start_broker(log_level="info")
    system.publish(many(1, size=100), name="p0")
    broker.stop()
    with sqlite3.connect(system.root / "state/broker.db") as store:
        for table, number, texts in (("incident", "number", ("id",)),
                                     ("event", "seq", ("event_id",))):
            names = [row[1] for row in store.execute(f"PRAGMA table_info ({table})")]
            values = {number: "n", **{name: f"{name} || '-' || n" for name in texts}, "state": "3",
                      "last_seen_ms": "1", "received_ms": "received_ms - 86400000"}
            columns = ", ".join(values.get(name, name) for name in names)
            store.execute(f"WITH RECURSIVE c (n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM c WHERE "
                          f"n < 1000000)"
                          f" INSERT INTO {table} SELECT {columns} FROM {table}, c WHERE {number} = "
                          f"1")
    subprocess.run(["sh", "-c", "sync; echo 1 > /proc/sys/vm/drop_caches"], check=False,
                   capture_output=True)
    from_s = time.monotonic()
    broker = system.start_broker(log_level="info")
    took_s = time.monotonic() - from_s
    print(
        f"ready after {took_s:.2f} s with "
        f"{(system.root / 'state/broker.db').stat().st_size / 1e6:.0f} MB")
    assert took_s < 1 * SLOW
    broker.wait_log("store checked", 120)
    assert broker.get("/api/v1/status")["incidents"]["reported"] >= 999_998
