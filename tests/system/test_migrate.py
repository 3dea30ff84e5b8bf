"""Stores of earlier versions at their first start: each incident is as it was, and no crash
leaves half a store.

The stores are those of tests/golden/store; what they hold was said by the programs that made them.
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import itertools
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from lib.crash import MIGRATION, failpoints
from lib.disk import FullOfBytes, mounted_or_shim
from lib.system import ROOT, wait_until
from receiver import Receiver

GOLDEN = ROOT / "tests/golden/store"
STORES = sorted(path.parent for path in GOLDEN.glob("schema-*/*/expected.json"))
KILLED = GOLDEN / "schema-3/killed"
EFFECTS = ("ready", "sending", "done", "dead", "cancelled")
#  Nobody is missed meanwhile, and the open breaker of the stores holds nothing.
LASTING = {"lease_ttl": "600s", "reconnect_grace": "600s", "breaker_mode": "alert"}
HALF_OPEN = {**LASTING, "breaker_mode": "pause", "failure_threshold_for_alert": 3}
NEW = ("broker.migrate.commit.after", "broker.migrate.checkpoint.")  # it is migrated by then
NEW_NAMES = {"resolved": "reported"}
SCHEMA, AGENT_FAILED, MESSAGE = 7, 4, 1  # as rows hold them


@pytest.fixture
def slack():
    """A webhook that puts off whatever is posted."""
    receiver = Receiver(lambda kind, number: (503, {"Retry-After": "500"}))
    yield receiver
    receiver.close()


def lay(store, folder):
    """Put a golden store into a folder."""
    shutil.copytree(store, folder, ignore=shutil.ignore_patterns("expected.json"))
    folder.chmod(0o700)


def said_of(system, store):
    """What a golden store must hold; the reports that its messages quote are laid beside it."""
    said = json.loads((store / "expected.json").read_text())
    for effect in said["effects"]["ready"] + said["effects"]["sending"]:
        folder = system.root / "incidents" / effect["incident"] / "output"
        folder.mkdir(parents=True)
        (folder / "investigation.md").write_text("# Report\n\n" + "The limit is too low.\n" * 8)
    return said


def laid(system, store):
    lay(store, system.root / "state")
    return said_of(system, store)


def named(rows, member):
    """What was said, in the names of today."""
    return [{**row, member: NEW_NAMES.get(row[member], row[member])} for row in rows]


def of_today(now, then):
    """Of what is said today the members that were there then, at every depth."""
    if isinstance(then, dict) and isinstance(now, dict):
        return {key: of_today(now[key], then[key]) for key in then}
    if isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        return [of_today(*pair) for pair in zip(now, then)]
    return now


def pages(get):
    """All of a stream."""
    records, after = [], 0
    while True:
        text = get(f"/api/v1/stream?after={after}&limit=200", raw=True)
        page = [json.loads(line) for line in text.splitlines()]
        if not page:
            return records
        records, after = records + page, page[-1]["seq"]


def check_incidents(broker, said):
    """Every incident with its attempts; what has become of its message is another matter."""
    then = {row["id"]: row for row in named(said["incidents"], "state")}
    now = {row["id"]: broker.incident(row["id"]) for row in broker.incidents()}
    assert now.keys() == then.keys()
    for key, row in then.items():
        effects = [effect["key"] for effect in row.pop("effects")]
        assert of_today(now[key], row) == row
        assert [effect["key"] for effect in now[key]["effects"]] == effects


def check_effects(broker, said):
    """Those that were to be done still are, and have been tried since; others are as they were."""
    then = said["effects"]
    now = {state: broker.get(f"/api/v1/effects?state={state}&limit=200")["effects"]
           for state in EFFECTS}
    for state in EFFECTS[2:]:
        assert len(now[state]) == len(then[state])
        assert [of_today(*rows) for rows in zip(now[state], then[state])] == then[state]
    due, was = ({row["key"]: row["tries"] for state in EFFECTS[:2] for row in rows[state]}
                for rows in (now, then))
    assert due.keys() == was.keys() and all(due[key] >= tries for key, tries in was.items())


def check(broker, said):
    """The store is what it was."""
    check_incidents(broker, said)
    check_effects(broker, said)
    status, then = broker.get("/api/v1/status"), dict(said["breaker"])
    then.pop("opened_total")  # since the start
    assert of_today(status["breaker"], then) == then
    assert status["dead_letters"] == said["dead_letters"]
    told = pages(broker.get)[:len(said["records"])]
    assert [of_today(*rows) for rows in zip(told, said["records"])] == named(said["records"],
                                                                            "change")


def content(path, scratch):
    """(version, {table: rows}) of a store that may have a log; it is left as it is."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    for name in (path.name, path.name + "-wal"):
        if (path.parent / name).exists():
            shutil.copyfile(path.parent / name, scratch / name)
    with contextlib.closing(sqlite3.connect(scratch / path.name)) as store:
        rows = {table: sorted(store.execute(f"SELECT * FROM {table}")) for table in
                ("incident", "attempt", "effect", "breaker", "alert", "topic", "event", "journal")}
        (version,) = store.execute("SELECT v FROM meta WHERE k = 'schema_version'").fetchone()
    return version, rows


def of_now(version, rows):
    """The rows of an earlier store in the names of today."""
    assert version == 3
    journal = [(*row[:5], NEW_NAMES.get(row[5], row[5]), *row[6:]) for row in rows["journal"]]
    incident = [(*row, 0, int(row[2] == AGENT_FAILED), 0, 0, 0, 0, 0) for row in rows["incident"]]
    attempt = [(*row, 0, "", "", "", *[-1] * 8) for row in rows["attempt"]]
    effect = [(*row, "slack" if row[1] == MESSAGE else "") for row in rows["effect"]]
    breaker = [(*row, 0, 0, 0, 0, 0) for row in rows["breaker"]]
    alert = [(*row, 0, 0, 0, 0) for row in rows["alert"]]
    return {**rows, "journal": journal, "incident": incident, "attempt": attempt,
            "effect": effect, "breaker": breaker, "alert": alert}


def points():
    """Where a migration can be killed; each step once."""
    return [(point, nth) for point in failpoints("broker") if point.startswith(MIGRATION)
            for nth in ((1, 2, 3, 4) if ".step." in point else (1,))]


@pytest.mark.parametrize("store", STORES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_store_of_before_opens_and_is_as_it_was(system, slack, store):
    said = laid(system, store)
    options = {**HALF_OPEN, "slack_webhook_url": slack.url}
    broker = system.start_broker(**options)
    check(broker, said)
    (copied,) = broker.records("store copied")
    copy = system.root / f"state/broker.db.{store.parent.name}"
    assert copied["copy"] == str(copy) and 'msg="store migrated; keep the copy' in broker.log()
    old = content(store / "broker.db", system.root / "other")
    assert content(copy, system.root / "scratch") == old
    broker.stop()
    broker = system.start_broker(**options)
    assert len(broker.records("store copied")) == 1  # by the first start
    check(broker, said)
    assert broker.incidents("resolved") == broker.incidents("reported")  # the old name is read


def test_a_store_of_before_goes_on(system, slack):
    """What has ended can be tried again, and what waits is investigated."""
    laid(system, KILLED)
    broker = system.start_broker(**LASTING, slack_webhook_url=slack.url)
    (failed,) = broker.incidents("failed")
    (waits,) = broker.incidents("pending")
    broker.post(f"/api/v1/incidents/{failed['id']}/retry")
    assert broker.incident(failed["id"])["state"] == "pending"
    broker.stop()
    broker = system.start_broker(**LASTING, slack_webhook_url=slack.url)
    assert broker.incident(failed["id"])["state"] == "pending" and not broker.incidents("failed")
    assert broker.get("/api/v1/status")["dead_letters"] == 0
    system.start_worker()
    wait_until(lambda: broker.incident(waits["id"])["state"] == "reported", 30, "a report")
    folder = system.root / "incidents" / waits["id"]
    wait_until((folder / "result.json").exists, 10, "its folder")
    assert json.loads((folder / "incident.json").read_text())["status"] == "reported"


def commands(page, begin):
    """The first block of commands behind a sentence of a page."""
    lines = (ROOT / "docs" / page).read_text().split(begin, 1)[1].splitlines()
    block = itertools.dropwhile(lambda line: not line.startswith("    "), lines)
    return "\n".join(itertools.takewhile(lambda line: line.startswith("    "), block))


def test_the_way_back_forgets_what_was_done_since(system, slack):
    """A folder of an attempt that the store does not know would take no other files."""
    laid(system, KILLED)
    options = {**LASTING, "slack_webhook_url": slack.url}
    broker = system.start_broker(**options)
    (waits,) = broker.incidents("pending")
    for again in (False, True):
        worker = system.start_worker(f"w{again}")
        wait_until(lambda: broker.incident(waits["id"])["state"] == "reported", 30, "a report")
        if again:
            return
        worker.stop()
        broker.stop()
        words = commands("operations.md", "To go back,").replace("schema-N", "schema-3")
        words = words.replace("STATE", "state").replace("ROOT", "../incidents")
        subprocess.run(["sh", "-euc", words], cwd=system.root, check=True)
        broker = system.start_broker(**options)
        assert broker.incident(waits["id"])["state"] == "pending"


@pytest.mark.parametrize("point,nth", points(), ids=str)
def test_a_killed_migration_leaves_the_old_store_or_the_new_one(system, slack, point, nth):
    said, path = laid(system, KILLED), system.root / "state/broker.db"
    old = content(KILLED / "broker.db", system.root / "other")
    options = {**HALF_OPEN, "slack_webhook_url": slack.url}
    broker = system.start_broker(env={"TRIAGE_FAILPOINT": f"{point}:kill:{nth}"}, wait=False,
                                 **options)
    assert broker.wait() == -9 and f"failpoint {point}\n" in broker.log(), broker.log_tail()
    version, rows = content(path, system.root / "scratch")
    new = point.startswith(NEW)
    assert (version, rows) == ((SCHEMA, of_now(*old)) if new else old)
    copied = point.startswith(("broker.migrate.", "broker.copy.rename.after",
                               "broker.copy.folder."))
    copy = system.root / "state/broker.db.schema-3"
    assert copy.exists() == copied and (not copied or content(copy, system.root / "scratch") == old)
    broker = system.start_broker(**options)
    check(broker, said)
    assert sorted(found.name for found in path.parent.glob("broker.db.schema-*")) == [copy.name]


@pytest.mark.parametrize("point,nth", [(point, nth) for point, nth in points()
                                       if point.endswith(".before")], ids=str)
def test_a_failed_migration_leaves_the_old_store_or_the_new_one(system, slack, point, nth):
    said = laid(system, KILLED)
    old = content(KILLED / "broker.db", system.root / "other")
    options = {**HALF_OPEN, "slack_webhook_url": slack.url}
    broker = system.start_broker(env={"TRIAGE_FAILPOINT": f"{point}:errno=ENOSPC:{nth}"},
                                 wait=False, **options)
    assert broker.wait() == 74 and broker.records("store cannot be opened"), broker.log_tail()
    now = content(system.root / "state/broker.db", system.root / "scratch")
    assert now == ((SCHEMA, of_now(*old)) if point.startswith(NEW) else old)
    assert not list((system.root / "state").glob("*.tmp"))
    check(system.start_broker(**options), said)


def test_a_full_disk_leaves_the_store_as_it_was(system, slack):
    disk = mounted_or_shim(lambda system: FullOfBytes(system, "size=128m"))(system)
    lay(KILLED, disk.seen / "state")
    said = said_of(system, KILLED)
    old = content(KILLED / "broker.db", system.root / "other")
    options = {**HALF_OPEN, "slack_webhook_url": slack.url,
               "state_path": disk.folder / "state/broker.db"}
    disk.fill()
    if hasattr(disk, "ballast"):  # room to open it, not to copy it
        os.truncate(disk.ballast, disk.ballast.stat().st_size - 200_000)
    broker = system.start_broker(wait=False, prefix=disk.prefix, env=disk.env, **options)
    assert broker.wait() == 74, broker.log_tail()
    assert "make room and start again: it is as it was" in broker.log(), broker.log_tail()
    assert content(disk.seen / "state/broker.db", system.root / "scratch") == old
    assert not list((disk.seen / "state").glob("*.schema-*"))
    disk.empty()
    check(system.start_broker(prefix=disk.prefix, env=disk.env, **options), said)


def test_a_copy_that_does_not_fit_leaves_the_store_as_it_was(system, slack):
    """The copy may not be as large as the store: no room of another kind is missing."""
    said = laid(system, KILLED)
    options = {**HALF_OPEN, "slack_webhook_url": slack.url}
    broker = system.start_broker(wait=False, prefix=("prlimit", "--fsize=100000"), **options)
    assert broker.wait() == 74, broker.log_tail()
    assert "the store cannot be copied, and is as it was" in broker.log(), broker.log_tail()
    assert not list((system.root / "state").glob("*.schema-*"))
    check(system.start_broker(**options), said)


def test_a_store_of_a_later_version_is_refused(system):
    system.start_broker().stop()
    path = system.root / "state/broker.db"
    with contextlib.closing(sqlite3.connect(path)) as store, store:
        store.execute("UPDATE meta SET v = 99 WHERE k = 'schema_version'")
    before = path.read_bytes()
    broker = system.start_broker(wait=False)
    assert broker.wait() == 65, broker.log_tail()
    assert "has schema 99, this program knows 3 to 7; use the version that wrote it" in broker.log()
    assert path.read_bytes() == before and not list(path.parent.glob("*.schema-*"))
