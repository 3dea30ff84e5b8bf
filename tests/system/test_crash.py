"""kill -9 of every program at every failpoint and at random moments:
nothing is lost, nothing is twice.

One run of 500 incidents; whenever a program dies it is started again with its next failpoint armed.
Witnesses are the publisher's log, the files, a webhook and a subscriber of our own, never
the broker's tables.
SPDX-License-Identifier: Apache-2.0
"""
import collections
import hashlib
import json
import os
import random
import sqlite3

import pytest

from lib.crash import Crashes, outcome
from lib.system import SLOW, fault, wait_until
from test_flow import FaultServer, clusters_yaml

INCIDENTS, BATCH = 500, 8
TERMINAL = {"reported", "agent_failed", "failed", "cancelled"}
LARGE = 300_000  # more than an ingest frame takes; the last of each batch
LARGEST = 1_500_000  # more than the window of the files socket


class LargeFaults(FaultServer):
    """An MCP server of one fault, told again and again with other words."""
    NAME = "large"

    def __init__(self, system):
        super().__init__(system, "mcp")
        self.told = 0

    def emit_large(self):
        self.told += 1
        self.emit([fault(self.NAME, cluster="mcp", context=f"{self.told} times " + "x" * LARGE)])


def fault_batches():
    """All faults; of each batch one is large, and one has an agent that leaves a deep folder."""
    faults = []
    for number in range(INCIDENTS):
        size = LARGEST if number == BATCH - 1 else LARGE if number % BATCH == BATCH - 1 else 0
        context = "do: deep" if number % BATCH == 4 else "it crashed" + " again" * (size // 6)
        faults.append(fault(f"pod-{number:03}", cluster=f"c{number % 3}", context=context))
    return [faults[at:at + BATCH] for at in range(0, INCIDENTS, BATCH)]


def check_acknowledged(system, incidents):
    """Each line was sent under one id only, was acknowledged, and always with the same incident."""
    acks = collections.defaultdict(set)
    for process in [process for process in system.processes if process.name == "publisher"][:1]:
        for record in process.records("event acknowledged"):
            acks[os.path.basename(record["file"]),
                 record["line"]].add((record["event_id"], record["incident_id"]))
    assert len(acks) == INCIDENTS, f"{len(acks)} lines were acknowledged"
    assert all(len(found) == 1 for found in acks.values()), "one event, two ids or two incidents"
    named = {incident for found in acks.values() for _, incident in found}
    assert named == set(incidents), "an acknowledged event has no incident, or an incident no event"


def check_folder(folder, seen):
    """One report, of an attempt that is kept beside it, and as it was when it was seen first."""
    event, result = (json.loads((folder / name).read_text())
                     for name in ("event.json", "result.json"))
    assert result["status"] == "success", result
    assert result["incident_id"] == event["incidentId"] == folder.name
    report = (folder / "output/investigation.md").read_bytes()
    title = report.split(b"\n", 1)[0].decode()
    assert title.startswith(f"# Report of {folder.name}, attempt "), title
    attempt = title.rsplit(" ", 1)[1]
    assert (folder / f"attempts/{attempt}/output/investigation.md").read_bytes() == report
    assert outcome(folder) == seen, "the outcome has changed"
    return event["resource"]["name"]


def check_stream(records):
    """What was sent was committed: no number has two meanings; and no incident ends twice."""
    numbers, ends = {}, collections.Counter()
    for record in records:
        if record["seq"]:
            assert numbers.setdefault(record["seq"], record) == record, \
                "a record was sent and not committed"
    for record in numbers.values():
        if record["kind"] == "incident" and record["change"] in TERMINAL:
            ends[record["incident"]] += 1
    assert ends and max(ends.values()) == 1, [incident for incident,
                                              count in ends.items() if count > 1]


def check_told(messages, incidents):
    """Slack heard of each incident; what it heard twice said so."""
    told = set()
    for incident, marked in messages:
        assert marked or incident not in told, f"{incident} was told twice without a mark"
        told.add(incident)
    assert told == set(incidents)


def leftovers(system):
    """Files and folders that only something under way has."""
    # what goes meanwhile is none
    found = [f"{folder}/{name}" for folder, folders, files in os.walk(system.root)
             for name in folders + files
             if name.endswith((".tmp", ".part", ".staging", ".new", ".ids"))]
    for part in ("jobs", "spool", "trash"):
        found += system.root.glob(f"workspace/*/{part}/*")
    return found


def check_leftovers(system):
    """What is swept bit by bit may take a moment."""
    try:
        wait_until(lambda: not leftovers(system), 20)
    except AssertionError:
        raise AssertionError(f"left over: {leftovers(system)[:5]}") from None


def check_bodies(system, written):
    """Each large event has its file, and no other file is there but of the server's events."""
    bodies = [json.dumps(event).encode() for event in written]
    wanted = {hashlib.sha256(body).hexdigest() for body in bodies if len(body) > 262_144}
    kept = {path.stem: path for path in (system.root / "state/events").glob("*.json")}
    assert wanted <= set(kept)
    for digest, path in kept.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
        assert digest in wanted \
            or json.loads(path.read_text())["resource"]["name"] == LargeFaults.NAME


def check(system, crashes):
    folders = {path.parent.name: path.parent
               for path in (system.root / "incidents").glob("*/result.json")}
    assert len(folders) == len(list((system.root / "incidents").glob("*-*"))), \
        "a folder without a result"
    names = {name: check_folder(folder, crashes.outcomes[name]) for name, folder in folders.items()}
    assert len(crashes.from_server()) == 1, "the server's one fault has more than one incident"
    ours = {incident: name for incident, name in names.items()
            if incident not in crashes.from_server()}
    assert sorted(ours.values()) == [f"pod-{number:03}" for number in range(INCIDENTS)]
    check_acknowledged(system, ours)
    check_stream(crashes.tap.records)
    check_told(crashes.messages(), folders)
    check_leftovers(system)
    check_bodies(system, crashes.written)


def stop(system):
    for process in reversed(system.processes):
        if process.alive():
            process.stop(expect=None if process.name.startswith("mcp") else 0)
    wait_until(lambda: not system.stray(), 10, "nothing left running")
    with sqlite3.connect(f"file:{system.root}/state/broker.db?mode=ro", uri=True) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def crash_run(system, random_kills, record_property):
    seed = int(os.environ.get("TRIAGE_SEED", random.randrange(2**32)))
    print(f"TRIAGE_SEED={seed} repeats these choices")
    record_property("seed", seed)
    server = LargeFaults(system)
    crashes = Crashes(system, fault_batches(), random_kills, seed, server,
                      clusters_yaml(system, {"mcp": server}))
    try:
        crashes.run()
        for program, points in crashes.points.items():
            print(f"{program}, {len(points)} failpoints, each killed it:", *points, sep="\n    ")
            record_property(f"failpoints of {program}", " ".join(points))
            assert not set(points) - set(crashes.hits), \
                f"never hit: {set(points) - set(crashes.hits)}"
        print("killed at random:", *crashes.random_kills, f"; starts: {dict(crashes.lives)}")
        check(system, crashes)
    finally:
        crashes.close()
    stop(system)


@pytest.mark.timeout(400 * SLOW)
def test_killed_at_every_failpoint_and_at_random_moments(system, record_property):
    crash_run(system, 10, record_property)


@pytest.mark.nightly
@pytest.mark.timeout(600 * SLOW)
def test_killed_at_a_hundred_random_moments(system, record_property):
    crash_run(system, 100, record_property)
