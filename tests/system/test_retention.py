"""Incidents that are kept no longer: what goes, when, and what stays whatever happens.

SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import json
import os
import sqlite3
import time

import pytest

from lib.azure import environment
from lib.azurite import Azurite, given, new_container
from lib.crash import RETIRE, failpoints
from lib.retained import HOUR_MS, Past
from lib.system import crowded, fault, wait_until

#  Long enough for a test to look at what is kept.
KEEP = {"dedup_window_seconds": "0s", "reinvestigate_after": "1h"}


def folders(system):
    return {path.name for path in (system.root / "incidents").iterdir() if path.is_dir()}


def kept(broker):
    return {row["id"] for row in broker.incidents()}


def retention(broker):
    return broker.get("/api/v1/storage/retention")


def saved(broker):
    """Until all that has ended is saved, and no effect waits."""
    wait_until(lambda: broker.get("/api/v1/status")["effects"]["ready"] == 0
               and retention(broker)["folders"] > 0, 30, "saved")


def reported(system, names, slots=4, **options):
    """A broker with reports of these incidents; {name: id}."""
    broker = system.start_broker(**{**KEEP, **options})
    system.start_worker(max_concurrent_agents=slots)
    system.publish([fault(name) for name in names])
    rows = broker.wait_terminal(len(names))
    saved(broker)
    return broker, {row["resource"]["name"]: row["id"] for row in rows}


def rows(system, sql):
    with sqlite3.connect(f"file:{system.root}/state/broker.db?mode=ro", uri=True) as store:
        return store.execute(sql).fetchall()


def whole_stream(system, broker):
    """What is kept has no hole but at the old end, and a tap that begins there shows all of it."""
    wait_until(lambda: rows(system, "SELECT prev FROM journal WHERE kind = 'incident'"
                                    " ORDER BY seq LIMIT 1") > [(0,)], 10, "the oldest are gone")
    text = broker.get("/api/v1/stream?after=0", raw=True)
    records, last = [json.loads(line) for line in text.splitlines()], {}
    for record in records:
        assert record["prev"] == last.get(record["topic"], record["prev"]), record
        last[record["topic"]] = record["seq"]
    tap = system.start_tap(after=0, count=len(records), url=system.url())
    assert tap.wait() == 0
    shown = [json.loads(line) for line in tap.out().splitlines()]
    assert [line["seq"] for line in shown if "seq" in line] == [row["seq"] for row in records]
    gaps = {line["gap"]["topic"] for line in shown if "gap" in line}
    assert "incident/prod/" in gaps <= {"incident/prod/", "attempt/prod/"}, "it says what is gone"


def test_what_is_old_goes_and_the_rest_stays(system):
    """Folder, rows and records; the first time 24 h later unless an operator says now."""
    broker, names = reported(system, ["old-0", "old-1"], retain_incidents="3s")
    told = wait_until(lambda: broker.records("old incidents will be removed for the first time; "
                                             "triagectl storage retention --dry-run shows "
                                             "how many, "
                                             "retain_incidents keeps them longer"), 20, "told")
    assert told[0]["incidents"] in ("1", "2") and told[0]["level"] == "warn"
    wait_until(lambda: retention(broker)["not_before_at"]
               and retention(broker)["removable"]["incidents"] == 2, 10, "both are found")
    state = retention(broker)
    assert not state["removes"] and state["removed_total"] == 0
    assert broker.metric("retention_pending") == 2
    assert "2 will be removed" in system.ctl("status").stdout
    dry = system.ctl("storage", "retention", dry_run=True).stdout
    assert "incidents to be removed   2" in dry and state["not_before_at"] in dry
    assert folders(system) == set(names.values()) == kept(broker)
    system.publish([fault("new-0")], name="later")
    broker.wait_terminal(3)
    token = system.root / "state/admin.token"
    said = system.ctl("storage", "retention", now=True, token_file=token).stdout
    assert "from now on" in said
    wait_until(lambda: not folders(system) & set(names.values()), 20, "the old folders are gone")
    wait_until(lambda: retention(broker)["removed_total"] >= 2, 10, "rows")
    assert not kept(broker) & set(names.values())
    for table in ("incident", "attempt", "effect", "folder"):
        column = "id" if table == "incident" else "incident"
        left = {row[0] for row in rows(system, f"SELECT {column} FROM {table}")}
        assert not left & set(names.values()), table
    wait_until(lambda: not {row[0] for row in rows(system, "SELECT incident FROM journal")}
               & set(names.values()), 10, "their records are gone")
    assert rows(system, "SELECT count (*) FROM event")[0][0] == 3  # their ids are still known
    system.publish([fault("old-0")], name="again")
    wait_until(lambda: [row for row in broker.incidents("reported")
                        if row["resource"]["name"] == "old-0"], 20, "it is investigated anew")


def test_option_broker_retain_incidents(system):
    """Nothing younger goes; 0 keeps all."""
    broker, names = reported(system, ["web-0"], retain_incidents="0")
    system.ctl("storage", "retention", now=True, token_file=system.root / "state/admin.token")
    assert "for ever" in system.ctl("storage", "retention").stdout
    broker.stop()
    broker = system.start_broker(**KEEP, retain_incidents="1h")
    wait_until(lambda: retention(broker)["removable"], 20, "looked for")
    assert retention(broker)["removable"]["incidents"] == 0 and kept(broker) == folders(system)
    broker.stop()
    broker = system.start_broker(**KEEP, retain_incidents="1s")
    wait_until(lambda: not folders(system) and not kept(broker), 20, "removed")


def test_option_broker_retain_bytes(system):
    """The oldest go until the rest fits; none that was seen within dedup_window_seconds."""
    broker, names = reported(system, ["a", "b"], slots=1, retain_bytes="1KiB",
                             dedup_window_seconds="1h")
    wait_until(lambda: retention(broker)["removable"], 20, "looked for")
    assert retention(broker)["removable"]["incidents"] == 0
    bytes_ = retention(broker)["folder_bytes"]
    assert bytes_ > 1024 and retention(broker)["folders"] == 2
    broker.stop()
    broker = system.start_broker(**KEEP, retain_bytes=bytes_ - 1)
    wait_until(lambda: retention(broker)["not_before_at"], 20, "announced")
    system.ctl("storage", "retention", now=True, token_file=system.root / "state/admin.token")
    wait_until(lambda: len(folders(system)) == 1, 20, "one is enough")
    wait_until(lambda: retention(broker)["folders"] == 1, 10, "counted")
    assert kept(broker) == folders(system) and retention(broker)["folder_bytes"] < bytes_
    row = broker.incidents()[0]
    assert row["number"] == 2, "the older one went"
    whole_stream(system, broker)


@pytest.fixture(scope="module")
def account(tmp_path_factory):
    """The account that the environment names, or an Azurite."""
    known = given()
    if known:
        yield known
        return
    azurite = Azurite(tmp_path_factory.mktemp("azurite"))
    yield azurite
    azurite.close()


@pytest.fixture
def container(account):
    name = new_container()
    account.make(name)
    yield name
    with contextlib.suppress(OSError):
        account.drop(name)


def blobs(account, container):
    """The incidents with blobs; the check of the storage has one of its own."""
    return {name.split("/")[0] for name in account.names(container) if "/" in name}


def test_a_thousand_old_incidents_are_gone_within_a_minute(system, account, container):
    """From folder, blobs and store; nothing that is younger, open, or waits."""
    past = Past(system, env=environment(account.connection(), container), retain_incidents="1h",
                retain_blobs=True)
    old = past.make(1000, 2 * HOUR_MS)
    young = past.make(20, HOUR_MS // 2)
    seen = past.make(5, 2 * HOUR_MS, last_seen_ms=past.now_ms)
    opened = past.make(5, 2 * HOUR_MS, state=1, completed_ms=0, winner=0)
    waits = past.make(5, 2 * HOUR_MS)
    past.run("UPDATE effect SET state = 0, next_ms = 9e12 WHERE incident IN ("
             + ", ".join(f"'{ident}'" for ident in waits) + ")")
    past.run(*(f"DELETE FROM {table} WHERE incident IN ('" + "','".join(opened) + "')"
               for table in ("attempt", "effect", "folder")))
    stay = {past.template, *young, *seen, *opened, *waits}
    past.upload(account, container, [*old, *young], ["result.json"])
    past.upload(account, container, old[:50], ["output/investigation.md"])
    broker, began = past.start(), time.monotonic()
    wait_until(lambda: past.folders() == stay, 60, "folders gone")
    wait_until(lambda: broker.metric("retention_removed_total") == 1000, 10, "all removed")
    took = time.monotonic() - began
    assert took < 60 * crowded(), took
    assert blobs(account, container) == {past.template, *young}
    wait_until(lambda: not past.left(old), 10, lambda: past.left(old))
    assert {row["id"] for row in broker.incidents()} == stay
    assert broker.metric("loop_turn_max_seconds") < 1
    assert retention(broker)["folders"] == len(stay) - len(opened)
    assert broker.metric("retention_oldest_timestamp_seconds") > 0


def test_a_crash_anywhere_leaves_nothing_behind(system, account, container):
    """Each start is killed at one point of a removal, and the next one goes on."""
    past = Past(system, env=environment(account.connection(), container), retain_incidents="1h",
                retain_blobs=True)
    names = [name for name in failpoints("broker")
             if name.startswith((*RETIRE, "broker.effect.run."))]
    points = [f"{name}:kill" for name in names] \
        + [f"broker.store.commit.{side}:kill:{nth}" for side in ("before", "after")
           for nth in (1, 2, 3)]
    assert len(points) == 12, points
    old = []
    for point in points:
        made = past.make(2, 2 * HOUR_MS)
        past.upload(account, container, made, ["result.json", "output/investigation.md"])
        old += made
        broker = past.start(TRIAGE_FAILPOINT=point)
        assert broker.wait() == -9, point
    broker = past.start()
    wait_until(lambda: past.folders() == {past.template}, 30, "folders gone")
    wait_until(lambda: not past.left(old), 10, lambda: past.left(old))
    assert blobs(account, container) == {past.template}
    assert not broker.get("/api/v1/effects?state=dead")["effects"]


def test_folders_without_an_incident_go_when_they_are_old(system):
    """Those of a lost store; young ones stay, and all do before retention has begun."""
    past = Past(system, retain_incidents="1h")
    old, young = (past.make(1, age)[0] for age in (2 * HOUR_MS, HOUR_MS // 2))
    other = system.root / "incidents/notes"
    other.mkdir()
    past.run("DELETE FROM folder WHERE incident <> ''", "DELETE FROM attempt", "DELETE FROM effect",
             "DELETE FROM incident WHERE number > 1000", "DELETE FROM retention")
    for ident in (old, young):
        folder = system.root / "incidents" / ident
        os.utime(folder, (time.time() - 7200,) * 2)
    broker = past.start()
    wait_until(lambda: retention(broker)["not_before_at"], 20, "announced")
    assert retention(broker)["folders_without_incident"] == 1
    wait_until(lambda: retention(broker)["folders"] == 1, 20, "the template's is found again")
    assert past.folders() == {old, young, "notes", past.template}
    broker.stop()
    past.run("UPDATE retention SET not_before_ms = 1")
    broker = past.start()
    wait_until(lambda: old not in past.folders(), 20, "removed")
    assert past.folders() == {young, "notes", past.template}
