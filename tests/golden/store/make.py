#!/usr/bin/python3
"""Make a store that has something of everything, by the programs of one commit.

    make.py BIN OUT

BIN is the folder of a debug build's programs, OUT the folder to make; README.md says more.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

if len(sys.argv) != 3:
    sys.exit(__doc__)
BIN, OUT = (Path(word).resolve() for word in sys.argv[1:])
os.environ["TRIAGE_BIN"] = str(BIN)
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "system"))

from lib.system import System, fault, wait_until  # noqa: E402
from receiver import Receiver  # noqa: E402
from worker import Worker  # noqa: E402

LONG = "600s"
GOOD = {"output/investigation.md": b"# Report\n\n" + b"The limit is too low.\n" * 8}
REPORTED = ("resolved", "reported")  # its old name and its name
EFFECTS = ("ready", "sending", "done", "dead", "cancelled")
STARTED, RELEASE = 6, 11
OPTIONS = {"failure_threshold_for_alert": 3, "cluster_queue_size": 4, "max_deliveries": 2,
           "severity_threshold": "warning", "reinvestigate_after": "1s", "breaker_mode": "pause"}
CLUSTERS = "clusters:\n  - name: quiet\n    triage: {enabled: false}\n"
LEFT_OUT = (".lock", ".reserve", ".token", ".db-shm")
READING = "reading"  # what was read when, for the next start only


class Slack:
    """A webhook: what it answers to the next posts, or nothing until it refuses."""

    def __init__(self):
        self.answer, self.over = (200, {}), threading.Event()
        self.receiver = Receiver(self.say)

    def say(self, kind, number):
        if self.answer:
            return self.answer
        self.over.wait()
        return 0, {}

    def hang(self):
        self.answer = None

    def refuse(self):
        self.answer = (503, {"Retry-After": "500"})
        self.over.set()

    def end(self):
        self.over.set()
        self.receiver.close()


class Maker:
    def __init__(self, root):
        self.system, self.slack, self.count, self.workers = System(root), Slack(), 0, []
        (root / "broker.yaml").write_text(CLUSTERS)

    def start(self, grace):
        """A broker that gives workers so long to come back, and to say that they are alive."""
        self.broker = self.system.start_broker(
            env={"SLACK_WEBHOOK_URL": self.slack.receiver.url}, log_level=None,
            config=self.system.root / "broker.yaml", lease_ttl=grace, reconnect_grace=grace,
            **OPTIONS)

    def publish(self, *events):
        self.count += 1
        self.system.publish(list(events), name=f"publisher-{self.count}")

    def row(self, name):
        """The newest incident of this resource."""
        rows = [row for row in self.broker.incidents() if row["resource"]["name"] == name]
        return rows[0] if rows else None

    def command(self, name, verb):
        self.broker.post(f"/api/v1/incidents/{self.row(name)['id']}/{verb}")

    def wait_state(self, name, *states):
        wait_until(lambda: (self.row(name) or {}).get("state") in states, 60, f"{name} {states}")

    def effects(self, state):
        return self.broker.get(f"/api/v1/effects?state={state}&limit=200")["effects"]

    def wait_effects(self, what, ready, sending, tried=False):
        """Until so many are in these states, and, if asked for, one of them was tried."""
        def reached():
            due = self.effects("ready")
            return (len(due), len(self.effects("sending"))) == (ready, sending) and \
                (not tried or any(row["tries"] for row in due))
        wait_until(reached, 30, what)

    def take(self, name):
        """A worker that is moved by hand, with the next assignment: (worker, fence)."""
        worker = Worker(self.broker.endpoints["work"], self.broker.endpoints["files"], name=name)
        worker.hello()
        worker.offer(1)
        _, fence = worker.assignment(40)
        worker.offer(0)
        self.workers.append(worker)
        return worker, fence

    def end(self, name, context):
        """One event whose agent does this, until its incident has ended."""
        self.publish(fault(name, context=context))
        self.wait_state(name, *REPORTED, "agent_failed")


def agents(maker):
    """What a real worker ends: reports, failures, a retry, one found again, a large event."""
    worker = maker.system.start_worker()
    maker.end("plain", "do: diagnose")
    maker.end("large", "a large one " * 22000)
    maker.end("again", "do: first_fails")
    maker.command("again", "retry")
    maker.wait_state("again", *REPORTED)
    maker.end("broken", "do: exit 7")
    maker.wait_effects("all told", 0, 0)
    first = maker.row("plain")
    time.sleep(1)  # from then on it counts as found again, see OPTIONS
    maker.publish(fault("plain", context="do: diagnose"))
    wait_until(lambda: maker.row("plain")["linked"] == first["id"], 20, "found again")
    maker.wait_state("plain", *REPORTED)
    maker.wait_effects("all told", 0, 0)
    maker.slack.answer = (404, {})
    maker.end("refused", "do: diagnose")
    maker.end("given-up", "do: diagnose")
    maker.wait_effects("all refused", 0, 0)
    key = "incident/" + maker.row("given-up")["id"]
    effect = next(row["id"] for row in maker.effects("dead") if row["key"] == key)
    maker.broker.post(f"/api/v1/effects/{effect}/cancel")
    maker.slack.answer = (200, {})
    worker.stop()


def lost(maker):
    """A dead letter, one cancelled at its worker, one given back, one whose lease is over."""
    maker.publish(fault("vanishing"))
    for number in range(2):
        worker, fence = maker.take(f"vanishing-{number}")
        worker.work.send(STARTED, fence)
        maker.wait_state("vanishing", "pending", "failed")
    maker.wait_state("vanishing", "failed")
    maker.publish(fault("unwanted"))
    maker.take("unwanted")
    maker.command("unwanted", "cancel")
    maker.publish(fault("elsewhere"))
    worker, fence = maker.take("poor-host")
    worker.work.send(RELEASE, {**fence, "reason": "host"})
    maker.wait_state("elsewhere", "pending")
    worker, fence = maker.take("better-host")
    manifest, _ = worker.upload(fence, GOOD)
    worker.verdict(fence, "success", manifest)
    maker.publish(fault("slow"))
    maker.take("sleeper")
    maker.wait_state("slow", "pending")
    maker.wait_effects("all told", 0, 0)


def open_ones(maker):
    """A second attempt, one that has begun, one that has not, and two whose reports are to come."""
    maker.take("second")
    held = []
    for name in ("begun", "assigned", "telling", "untold"):
        maker.publish(fault(name))
        held.append(maker.take(f"worker-of-{name}"))
        maker.wait_state(name, "investigating")
    worker, fence = held[0]
    worker.work.send(STARTED, fence)
    maker.publish(fault("begun"))
    return held[2:]


def suppressed(maker):
    """An incident for each reason, an alert of a full queue, and two that an operator cancels."""
    line = maker.system.root / "unparsed.jsonl"
    line.write_text("this is no event\n")
    process = maker.system.start_publisher(line, name="unparsed")
    assert process.wait() in (0, 1), process.log_tail()
    maker.publish(fault("calm", severity="info"), fault("still", cluster="quiet"))
    maker.publish(*[fault(f"edge-{number}", cluster="edge") for number in range(6)])
    for name in ("edge-4", "edge-5"):
        maker.command(name, "cancel")


def breaker(maker):
    """Three failures open it and its alert is told; then a probe is under way."""
    worker = maker.system.start_worker()
    for number in range(3):
        maker.end(f"failing-{number}", f"do: exit {number + 1}")
    worker.stop()
    suppressed(maker)
    maker.wait_effects("all told", 0, 0)
    maker.take("prober")
    wait_until(lambda: maker.broker.get("/api/v1/status")["breaker"]["state"] == "half_open", 20,
               "a probe")


def unsent(maker, held):
    """One message is under way for ever, another waits behind it."""
    maker.slack.hang()
    for worker, fence in held:
        worker.hello(running=[fence])
        manifest, _ = worker.upload(fence, GOOD)
        assert worker.verdict(fence, "success", manifest) == "committed"
    maker.wait_effects("one under way", 1, 1)


def expected(maker):
    """All that the API says."""
    broker = maker.broker
    incidents = [broker.incident(row["id"]) for row in broker.incidents()]
    for row in incidents:
        row.pop("artifacts")
    records, after = [], 0
    while True:
        text = broker.get(f"/api/v1/stream?after={after}&limit=200", raw=True)
        page = [json.loads(line) for line in text.splitlines()]
        if not page:
            break
        records, after = records + page, page[-1]["seq"]
    status = broker.get("/api/v1/status")
    return {"incidents": incidents, "effects": {state: maker.effects(state) for state in EFFECTS},
            "breaker": status["breaker"], "dead_letters": status["dead_letters"],
            "records": records}


def keep(maker, form, said):
    """The store as the broker has left it, and what it said of it."""
    state, out = maker.system.root / "state", OUT / form
    out.mkdir(parents=True)
    for path in sorted(state.rglob("*")):
        if path.is_file() and path.parent.name != READING and not path.name.endswith(LEFT_OUT):
            target = out / path.relative_to(state)
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(path, target)
    (out / "expected.json").write_text(json.dumps(said, indent=1) + "\n")


def make(maker):
    maker.start("1s")
    agents(maker)
    lost(maker)
    maker.broker.stop()
    maker.start(LONG)
    held = open_ones(maker)
    breaker(maker)
    maker.broker.stop()  # so that the log begins anew
    maker.start(LONG)
    unsent(maker, held)
    said = expected(maker)
    maker.broker.kill9()
    keep(maker, "killed", said)
    maker.slack.refuse()
    maker.start(LONG)
    maker.wait_effects("one waits for its next try", 2, 0, tried=True)
    said = expected(maker)
    maker.broker.stop()
    keep(maker, "stopped", said)


def main():
    with tempfile.TemporaryDirectory() as folder:
        maker = Maker(Path(folder))
        try:
            make(maker)
        finally:
            maker.slack.end()
            maker.system.close()


if __name__ == "__main__":
    main()
