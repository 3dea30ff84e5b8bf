"""kill -9 of every program at every failpoint and at random moments: nothing is lost, nothing is twice.

One long run: 500 incidents, and whenever a program dies it is started again with its next failpoint armed.
Witnesses are the publisher's log and the files; the store is asked for its integrity only.
SPDX-License-Identifier: Apache-2.0
"""
import collections
import json
import os
import random
import sqlite3
import subprocess
import time

import pytest

from lib.system import BIN, fault, wait_until

#  Short leases by configuration, so that what a dead worker held is handed out again soon.
BROKER = {"lease_ttl": "3s", "reconnect_grace": "3s", "max_deliveries": 32, "log_level": "info"}
WORKER = {"agent": "quick.sh", "max_concurrent_agents": 4, "log_level": "info"}


def failpoints(program):
    """The failpoints of a program, as it lists them."""
    listed = subprocess.run([BIN / program], env={"TRIAGE_FAILPOINT": "list"}, capture_output=True, text=True,
                            check=True)
    return listed.stdout.split()


class Crashes:
    """Keeps the programs of one system running and kills them at one point after the other."""

    def __init__(self, system, random_kills, seed):
        self.system, self.random = system, random.Random(seed)
        self.points = {program: failpoints(program)
                       for program in ("triage-broker", "triage-worker", "triage-publisher")}
        self.todo = {program: collections.deque(points) for program, points in self.points.items()}
        self.armed, self.hit, self.random_left = {}, [], random_kills
        self.next_random = time.monotonic() + 1
        self.published = False

    def environment(self, program):
        """Arm the program's next failpoint, at its first to fifth pass."""
        self.armed[program] = self.todo[program].popleft() if self.todo[program] else None
        if not self.armed[program]:
            return {}
        return {"TRIAGE_FAILPOINT": f"{self.armed[program]}:kill:{self.random.randint(1, 3)}"}

    def start(self, name):
        system = self.system
        if name == "broker":
            return system.start_broker(env=self.environment("triage-broker"), wait=False, **BROKER)
        if name == "publisher":
            return system.start_publisher(self.events, env=self.environment("triage-publisher"))
        return system.start_worker(name, env=self.environment("triage-worker"), wait=False, **WORKER)

    def died(self, name, process):
        """Note why it is gone; an end that nobody ordered is a failure."""
        program = os.path.basename(process.words[0])
        code = process.popen.returncode
        if name == "publisher" and code == 0:
            self.published = not self.todo[program] and not self.armed[program]
            if self.armed[program]:
                self.todo[program].append(self.armed[program])  # it ended before it got there
            return
        assert code == -9, f"{name} ended with {code}:\n{process.log_tail()}"
        if self.armed[program] and name != self.killed_by_us:
            self.hit.append(self.armed[program])
        elif self.armed[program]:
            self.todo[program].append(self.armed[program])
        self.killed_by_us = None

    def run(self, events, done):
        """Until every failpoint was hit, all random kills are spent and done() says so."""
        self.events, self.killed_by_us, running = events, None, {}
        running["broker"] = self.system.start_broker(**BROKER)
        running["w1"], running["w2"] = self.start("w1"), self.start("w2")
        running["publisher"] = self.start("publisher")
        deadline = time.monotonic() + 600
        while not (self.finished() and done()):
            assert time.monotonic() < deadline, f"left: {self.todo} {self.armed} {self.random_left}, hit: {self.hit}"
            for name, process in list(running.items()):
                if not process.alive():
                    self.died(name, process)
                    if not (name == "publisher" and self.published):
                        running[name] = self.start(name)
            self.kill_somebody(running)
            time.sleep(0.02)

    def finished(self):
        return not self.random_left and not any(self.todo.values()) and self.published

    def kill_somebody(self, running):
        if not self.random_left or time.monotonic() < self.next_random or self.killed_by_us:
            return
        name = self.random.choice([name for name, process in running.items() if process.alive()])
        self.next_random = time.monotonic() + self.random.uniform(0.2, 1.5)
        self.random_left -= 1
        self.killed_by_us = name
        running[name].signal(9)


def check_nothing_lost(system, names):
    """Each event is acknowledged with an incident, and each incident ended once with a report."""
    acknowledged = {}
    for record in system_log(system, "publisher", "event acknowledged"):
        acknowledged.setdefault(record["event_id"], set()).add(record["incident_id"])
    assert all(len(incidents) == 1 for incidents in acknowledged.values()), "one event, two incidents"
    by_name = collections.Counter()
    for incident_id, result in system.results().items():
        assert result["status"] == "success", result
        folder = system.root / "incidents" / incident_id
        report = (folder / "output/investigation.md").read_text()
        assert incident_id in report.splitlines()[0]
        by_name[json.loads((folder / "event.json").read_text())["resource"]["name"]] += 1
    assert set(by_name) == set(names), f"missing: {sorted(set(names) - set(by_name))[:5]}"
    assert max(by_name.values()) == 1, f"twice: {[name for name, count in by_name.items() if count > 1][:5]}"


def system_log(system, name, msg):
    return [record for process in system.processes if process.name == name for record in process.records(msg)][:10**6]


def crash_run(system, incidents, random_kills, seed):
    print(f"seed {seed}")
    names = [f"pod-{number:04d}" for number in range(incidents)]
    crashes = Crashes(system, random_kills, seed)
    crashes.run([fault(name, cluster=f"c{number % 3}") for number, name in enumerate(names)],
                lambda: len(system.results()) >= incidents)
    for program, points in crashes.points.items():
        print(program, len(points), "failpoints:", " ".join(points))
        assert points and not set(points) - set(crashes.hit), f"never hit: {set(points) - set(crashes.hit)}"
    wait_until(lambda: all(row["state"] == "resolved" for row in system.broker.incidents()), 60, "all resolved")
    check_nothing_lost(system, names)
    for process in system.processes:
        process.stop(expect=None)
    with sqlite3.connect(f"file:{system.root}/state/broker.db?mode=ro", uri=True) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert not system.stray()


@pytest.mark.nightly
def test_killed_at_every_failpoint_and_at_random_moments(system):
    crash_run(system, 500, 10, int(os.environ.get("TRIAGE_SEED", random.randrange(2**32))))


@pytest.mark.nightly
def test_killed_at_a_hundred_random_moments(system):
    crash_run(system, 500, 100, int(os.environ.get("TRIAGE_SEED", random.randrange(2**32))))
