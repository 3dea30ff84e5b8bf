"""A storm: whatever is done to the programs, their keys, their disk and their configuration,
at random and at once, an acknowledged event has one outcome and its folder when it is calm again.
SPDX-License-Identifier: Apache-2.0
"""
import collections
import json
import os
import random
import sqlite3

import pytest

from lib.storm import TERMINAL, Storm
from lib.system import SLOW, wait_until
from test_crash import check_leftovers

AGENTS_OWN = ("agent exited with non-zero code: 3", "investigation.md file not found")
LONG_S = float(os.environ.get("TRIAGE_STORM_S", "600"))


def acknowledged(system):
    """{(file, line): incident}, each event acknowledged under one id and with one incident."""
    acks = collections.defaultdict(set)
    for process in [process for process in system.processes if process.name == "publisher"][:1]:
        for record in process.records("event acknowledged"):
            acks[os.path.basename(record["file"]),
                 record["line"]].add((record["event_id"], record["incident_id"]))
    assert all(len(found) == 1 for found in acks.values()), \
        [found for found in acks.values() if len(found) > 1][:5]
    return {line: next(iter(found))[1] for line, found in acks.items()}


def check_outcomes(storm, rows):
    """Every line that was published has an incident of its own, which has ended,
    and its folder says the same."""
    acks = acknowledged(storm.system)
    assert len(acks) == storm.published, f"{len(acks)} of {storm.published} lines were acknowledged"
    assert sorted(acks.values()) == sorted(rows), \
        "an acknowledged event has no incident, or an incident no event"
    for incident, row in rows.items():
        folder = storm.system.root / "incidents" / incident
        if row["state"] == "agent_failed" and row["reason"] in AGENTS_OWN:
            assert [path for path in (folder / "attempts").iterdir()
                    if (path / "logs/agent.stdout.log").exists()], incident
        if row["state"] != "reported":
            continue
        event, result = (json.loads((folder / name).read_text())
                         for name in ("event.json", "result.json"))
        assert result["status"] == "success" \
            and result["incident_id"] == event["incidentId"] == incident
        report = (folder / "output/investigation.md").read_text()
        assert f"incident {incident} attempt " in report


def check_once(storm, rows):
    """No incident ended twice or was told twice without a mark, but for those that were retried."""
    numbers, ends = {}, collections.Counter()
    for record in storm.tap.records:
        if record["seq"]:
            assert numbers.setdefault(record["seq"], record) == record, \
                "a record was sent and not committed"
    for record in numbers.values():
        if record["kind"] == "incident" and record["change"] in TERMINAL:
            ends[record["incident"]] += 1
    twice = [incident for incident, count in ends.items() if count > 1 + storm.retried[incident]]
    assert not twice, twice
    told = collections.Counter(incident for incident, marked in storm.messages() if not marked)
    twice = [incident for incident, count in told.items() if count > 1 + storm.retried[incident]]
    assert not twice, twice
    heard = {incident for incident, _ in storm.messages()}
    reported = {incident for incident, row in rows.items() if row["state"] == "reported"}
    assert reported <= heard, f"not told: {reported - heard}"


def check_store(system):
    with sqlite3.connect(f"file:{system.root}/state/broker.db?mode=ro", uri=True) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("SELECT count(*) - count(DISTINCT id) FROM incident").fetchone() == (
            0,)
        assert store.execute(
            "SELECT max(seq) - min(seq) + 1 - count(*) FROM journal").fetchone() == (0,)


def weather(system, seconds, record_property):
    seed = int(os.environ.get("TRIAGE_SEED", random.randrange(2**32)))
    print(f"TRIAGE_SEED={seed} repeats these choices")
    record_property("seed", seed)
    storm = Storm(system, seconds, seed)
    try:
        storm.run()
        storm.calm(150)  # an attempt whose lease ran out may report until its hard deadline
        rows = {row["id"]: row for row in system.broker.incidents()}
        print(f"{storm.published} events, "
              f"{dict(collections.Counter(row['state'] for row in rows.values()))}, "
              f"blows {dict(storm.done)}, ends {dict(storm.ends)}")
        check_outcomes(storm, rows)
        check_once(storm, rows)
        check_leftovers(system)
    finally:
        storm.close()
    for process in reversed(system.processes):
        if process.alive():
            process.stop()
    wait_until(lambda: not system.stray(), 10, "nothing left running")
    check_store(system)


@pytest.mark.timeout(300 * SLOW)
def test_a_short_storm(secure, record_property):
    weather(secure, 20, record_property)


@pytest.mark.nightly
@pytest.mark.timeout((LONG_S + 400) * SLOW)
def test_a_long_storm(secure, record_property):
    weather(secure, LONG_S, record_property)
