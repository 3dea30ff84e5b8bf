"""What died half-way leaves files behind: they go, and nothing that a row names goes with them.
SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import os
import time

from lib.system import fault, wait_until
from worker import PUT, GO, Worker

OLD = 2 * 3600


def aged(path, text="left over", age_s=OLD):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time() - age_s
    for place in (path, *(parent for parent in path.parents if "staging" in str(parent))):
        os.utime(place, (then, then))
    return path


def python_worker(broker, name):
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"], name=name)
    worker.hello()
    worker.offer(1)
    return worker


def test_files_of_events_that_no_row_names_go_and_the_others_stay(system):
    broker = system.start_broker()
    system.publish([fault("big", context="x" * 400_000)])
    incident = broker.incidents()[0]["id"]
    broker.stop()
    events = system.root / "state/events"
    named = list(events.glob("*.json"))
    assert len(named) == 1
    aged(named[0], named[0].read_text())
    orphan = aged(events / f"{hashlib.sha256(b'orphan').hexdigest()}.json")
    young = aged(events / f"{hashlib.sha256(b'young').hexdigest()}.json", age_s=60)
    half = aged(events / f".{orphan.name}.77.0.tmp")
    broker = system.start_broker()
    wait_until(lambda: not orphan.exists() and not half.exists(), 20, "what nobody names is gone")
    assert named[0].exists() and young.exists()
    worker = python_worker(broker, "w1")
    _, fence = worker.assignment()
    assert fence["incident"] == incident and len(worker.fetch(fence, "event.json")) > 400_000
    worker.close()


def test_a_repeated_large_event_finds_its_file(system):
    """The same body again under another id: one file, two rows, and each way to it works."""
    broker = system.start_broker(dedup_window_seconds=0)
    big = fault("big", context="x" * 400_000)
    system.publish([big], name="p1")
    system.publish([{**big, "faultId": "other"}], name="p2")
    system.publish([big], name="p3")
    worker = python_worker(broker, "w1")
    _, fence = worker.assignment()
    assert len(worker.fetch(fence, "event.json")) > 400_000
    worker.close()


def test_what_a_dead_worker_has_staged_goes_when_the_incident_is_over(system):
    broker = system.start_broker(lease_ttl="1s", reconnect_grace="1s")
    system.publish([fault("web-0")])
    dead = python_worker(broker, "dead")
    _, fence = dead.assignment()
    dead.files.send(PUT, {**fence, "path": "output/investigation.md", "offset": 0, "size": 5000,
                          "bytes": b"x" * 4000})
    dead.files.wait([GO])
    staged = system.root / "incidents" / fence["incident"] / f"attempts/{fence['attempt']}.staging"
    assert staged.exists()
    dead.work.sock.close(0)
    dead.files.close()
    broker.kill9()  # nobody remembers the upload
    broker = system.start_broker(lease_ttl="1s", reconnect_grace="1s")
    system.start_worker()
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "reported" and row["id"] == fence["incident"]
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    assert not staged.exists()


def test_staged_files_of_incidents_that_are_over_go_at_the_start(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("done")], name="p1")
    done = broker.wait_terminal(1)[0]["id"]
    wait_until(lambda: system.result(done), 10, "result.json")
    system.processes[1].stop()
    system.publish([fault("open")], name="p2")
    opened = broker.incidents()[0]["id"]
    broker.stop()
    incidents = system.root / "incidents"
    report = incidents / done / "attempts/1/output/investigation.md"
    gone = aged(incidents / done / "attempts/2.staging/output/investigation.md")
    unknown = "019b76da-0000-7000-8000-000000000000"
    kept = [aged(incidents / opened / "attempts/1.staging/output/investigation.md"),
            aged(incidents / unknown / "attempts/1.staging/output/investigation.md"),
            report, incidents / done / "result.json", incidents / done / "output/investigation.md"]
    system.start_broker()
    wait_until(lambda: not gone.exists(), 20, "what is left over is gone")
    assert not [path for path in kept if not path.exists()]
