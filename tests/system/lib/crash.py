"""Programs that are killed at named points and at random moments, and started
again until all is done.

A *life* is one start of a program, armed with at most one failpoint, which says its name before
it kills. What the run does besides killing is publish, look at files and listen to the stream: it
never asks the broker.
SPDX-License-Identifier: Apache-2.0
"""
import collections
import hashlib
import json
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import msgpack
import zmq

from lib.system import BIN, SLOW, free_port
from receiver import Receiver, texts_of
from worker import HEADER, HELLO, PING, Link, read_key

LEASE_S = 2
BROKER = {"lease_ttl": f"{LEASE_S}s", "reconnect_grace": "4s", "max_deliveries": 32,
          "log_level": "info"}
WORKER = {"agent": "crash.sh", "agent_cli": "claude", "max_concurrent_agents": 4,
          "log_level": "info"}
# the agent writes it down: it is removed again
SECRET = {"ANTHROPIC_API_KEY": "sk-of-the-crash-test"}
PROGRAMS = {"broker": "triage-broker", "worker": "triage-worker", "run": "triage-run",
            "publisher": "triage-publisher"}
SEAL_EVENT, RECORD = 56, 64
PATIENCE_S, AGAIN_S, LIMIT_S = 4, 0.3, 240
RESERVE = 8  # batches kept for the slow points

#  Points that come by themselves only when something particular is done; `act_for` does it.
STRAY = ("broker.send.EVENT_NACK", "broker.send.ERROR", "broker.send.PONG")
TWIN = ("broker.send.PING", "worker.send.PONG")
STOPPED = ("broker.send.BYE", "broker.close.checkpoint", "worker.send.BYE")
BY_SERVER = ("broker.body.",)
NEWCOMER = ("worker.id.",)
PATIENT = ("worker.send.PING",)
SLOW_WORK = ("worker.send.PROGRESS", "broker.send.LEASE", "broker.send.CANCEL",
             "worker.send.RELEASE")
OFTEN = ("broker.store.commit", "broker.send.ASSIGN", "broker.send.VERDICT_ACK",
         "broker.send.EVENT_ACK", "broker.send.GO.",
         "broker.send.DATA", "broker.send.RECORD", "broker.render.", "broker.save.",
         "worker.send.GET", "worker.send.PUT",
         "worker.collect.", "worker.discard.", "publisher.send.EVENT", "publisher.ack.")


#  Points that only the first start with an earlier store passes: test_migrate.py kills there.
MIGRATION = ("broker.copy.", "broker.migrate.")
#  Points of a bot's messages and of signed ones: test_slack_bot.py and test_routes.py kill there.
BOT = ("broker.bot.", "broker.webhook.")
#  Points of a second run, which needs an agent that can go on: test_resume.py kills there.
RESUME = ("worker.resume.", "run.resume.")
#  Points of uploads to Azure: test_azure_crash.py kills there.
AZURE = ("broker.blob.",)
#  Points of retention, which needs old incidents: test_retention.py kills there.
RETIRE = ("broker.retire.",)
ELSEWHERE = MIGRATION + RESUME + BOT + AZURE + RETIRE


def failpoints(program):
    """The failpoints of a program, as it lists them."""
    listed = subprocess.run([BIN / PROGRAMS[program]], env={"TRIAGE_FAILPOINT": "list"},
                            capture_output=True, text=True, timeout=20, check=True)
    return listed.stdout.split()


class Tap:
    """A subscriber of our own; it may miss what a killed broker did not send."""

    def __init__(self, endpoint, keys=None):
        self.sock = zmq.Context.instance().socket(zmq.SUB)
        self.sock.rcvhwm = 100000
        if keys:
            self.sock.curve_serverkey = read_key(f"{keys}/broker.key", "public-key")
            self.sock.curve_publickey = read_key(f"{keys}/tap.key_secret", "public-key")
            self.sock.curve_secretkey = read_key(f"{keys}/tap.key_secret", "secret-key")
        self.sock.subscribe(b"")
        self.sock.connect(endpoint)
        self.records = []

    def drain(self):
        while self.sock.poll(0):
            _, header, body = self.sock.recv_multipart()
            assert HEADER.unpack(header)[:3] == (b"K8T1", 1, RECORD)
            self.records.append(msgpack.unpackb(body, raw=False))

    def lost(self, incident, since):
        """Was an attempt of the incident given up, by the records from number `since` on?"""
        return any(record["kind"] == "attempt" and record["change"] == "lost"
                   and record["incident"] == incident
                   for record in self.records[since:])

    def close(self):
        self.sock.close(0)


class Life:
    """One start of a program."""

    def __init__(self, role, process, armed, at):
        self.role, self.process, self.armed, self.at = role, process, armed, at
        self.started, self.acted = time.monotonic(), 0
        self.killed = False  # by us, whatever it was armed with
        self.asked = False   # SIGTERM was sent
        # by SIGSTOP: since when, whose slow job, and where the tap's records stood
        self.paused = None

    def log(self):
        with open(self.process.log_path, "rb") as file:
            file.seek(self.at)
            return file.read().decode(errors="replace")

    def said(self, point):
        return any(line == f"failpoint {point}" for line in self.log().splitlines())

    def ready(self):
        return self.process.alive() and (self.role == "publisher"
                                         or self.process.ready_path.exists())

    def due(self):
        """Is it time to do again what brings the armed point about?"""
        if time.monotonic() < self.acted + AGAIN_S:
            return False
        self.acted = time.monotonic()
        return True


class Crashes:
    """Keeps the programs of one system running and kills them at one point after the other."""

    def __init__(self, system, batches, random_kills, seed, server, config):
        self.system, self.random, self.server, self.config = system, random.Random(seed), \
            server, config
        self.points = {program: [point for point in failpoints(program)
                                 if not point.startswith(ELSEWHERE)]
                       for program in PROGRAMS}
        self.point_count = sum(len(points) for points in self.points.values())
        self.hits, self.lives, self.rotated = {}, collections.Counter(), collections.Counter()
        self.batches, self.written = collections.deque(batches), []
        self.total = sum(len(batch) for batch in batches)
        self.queues = {role: collections.deque(self.plan(role))
                       for role in ("broker", "worker", "publisher")}
        self.moments = collections.deque(sorted(self.random.randrange(self.total)
                                                for _ in range(random_kills)))
        self.random_kills, self.random_at = [], None
        self.running, self.outcomes, self.told = {}, {}, 0
        self.published, self.batch, self.moved, self.link = 0, None, time.monotonic(), None
        self.slack = Receiver()
        system.broker_ports.update({f"{name}_endpoint": f"tcp://127.0.0.1:{free_port()}"
                                    for name in ("work", "stream", "ingest", "files")},
                                   admin_listen=f"127.0.0.1:{free_port()}")
        self.tap = Tap(system.broker_ports["stream_endpoint"])

    # --- points

    def plan(self, role):
        """The points of a role in the order in which they are tried:
        patient ones first, slow ones last."""
        order = PATIENT + ("",) + SLOW_WORK
        points = [point for point in self.points[role] if not point.startswith(NEWCOMER)]
        if role == "worker":
            points += self.points["run"]
        self.random.shuffle(points)
        return sorted(points,
                      key=lambda point: max(order.index(start) for start in order
                                            if point.startswith(start)
                                                    and (start or not point.startswith(PATIENT))))

    def slow_phase(self):
        """Only points that need slow work are left."""
        return all(point.startswith(SLOW_WORK) for role in ("broker", "worker")
                   for point in self.left(role))

    def slow_left(self):
        return self.slow_phase() and any(self.left(role) for role in ("broker", "worker"))

    def points_left(self):
        return any(self.left(role) for role in self.queues)

    def left(self, role):
        return [*self.queues[role],
                *(life.armed for life in self.running.values() if life.role == role and life.armed)]

    def patient_left(self):
        return any(point.startswith(PATIENT) for point in self.left("worker"))

    def choice(self, role, name):
        """The next point for this program, or None; it stays in the queue."""
        if role == "broker" and self.patient_left():
            return None  # a ping comes five seconds after the greeting
        slow = self.slow_phase()
        return next((point for point in self.queues[role]
                     if (slow or not point.startswith(SLOW_WORK))
                     and (name == "w1" or not point.startswith("run."))), None)

    def pick(self, role, name):
        point = self.choice(role, name)
        if point:
            self.queues[role].remove(point)
        return point

    def arm(self, point):
        if not point:
            return {}
        nth = self.random.choice((1, 1, 2, 3)) if point.startswith(OFTEN) \
            and not self.rotated[point] else 1
        return {"TRIAGE_FAILPOINT": f"{point}:kill:{nth}"}

    def give_back(self, life, last):
        if life.armed and life.armed not in self.hits:
            (self.queues[life.role].append if last
             else self.queues[life.role].appendleft)(life.armed)

    # --- lives

    def start(self, name):
        role = name if name in ("broker", "publisher") else "worker"
        armed = self.pick(role, name)
        env, path = self.arm(armed), self.system.root / f"{name}.log"
        at = path.stat().st_size if path.exists() else 0
        self.lives[role] += 1
        self.running[name] = Life(role, getattr(self, "start_" + role)(name, env), armed, at)
        if role == "broker":
            self.joined_at = {worker: len(self.log_of(worker)) for worker in ("w1", "w2")}

    def start_broker(self, name, env):
        return self.system.start_broker(env={"SLACK_WEBHOOK_URL": self.slack.url, **env},
                                        wait=False, config=self.config, **BROKER)

    def start_worker(self, name, env):
        options = dict(WORKER)
        if env.get("TRIAGE_FAILPOINT", "").startswith("run."):
            options.update(agent_env="TRIAGE_FAILPOINT", agent_start_interval="1h")
        return self.system.start_worker(name, env={**env, **SECRET}, wait=False, **options)

    def start_publisher(self, name, env):
        return self.system.start_publisher(self.batch, env=env,
                                           ready_file=self.system.root / "publisher.ready")

    def log_of(self, name):
        path = self.system.root / f"{name}.log"
        return path.read_bytes() if path.exists() else b""

    def newcomers(self):
        """Points that only the first start in a folder of its own passes."""
        for number, point in enumerate(point for point in self.points["worker"]
                                       if point.startswith(NEWCOMER)):
            process = self.system.start_worker(f"new{number}", env=self.arm(point), wait=False,
                                               **WORKER)
            self.lives["worker"] += 1
            assert process.wait(20) == -9 and f"failpoint {point}\n" in process.log(), \
                process.log_tail()
            self.hits[point] = 1
            self.system.start_worker(f"new{number}", **WORKER).stop()

    def died(self, name, life):
        code = life.process.popen.returncode
        if code == -9 and life.armed and life.said(life.armed):
            self.hits[life.armed] = self.hits.get(life.armed, 0) + 1
            self.moved = time.monotonic()
        elif code != -9 or not life.killed:
            assert code == 0 and (life.asked or life.role == "publisher"), \
                f"{name}, armed with {life.armed}, ended with {code}:\n{life.process.log_tail()}"
        self.give_back(life, last=life.role == "publisher")
        del self.running[name]
        if life.role == "publisher" and (code == 0 or self.replay_finished(life)):
            self.batch = None

    def replay_finished(self, life):
        """Killed at its very end: it has nothing left to say."""
        return 'msg="replay finished"' in life.log() \
            and not list((self.system.root / "publisher-spool").glob("*.ids"))

    def kill(self, life):
        life.killed = True
        life.process.signal(signal.SIGKILL)

    # --- what brings a point about

    def joined(self, worker):
        """Has this worker greeted the broker that runs now?"""
        life = self.running.get(worker)
        return life and b'msg="broker connected"' in self.log_of(worker)[
            max(life.at, self.joined_at[worker]):]

    def stray(self, point):
        """A peer from outside says what workers and publishers do not."""
        socket = "files_endpoint" if "EVENT_NACK" in point else "work_endpoint"
        self.close_link()
        self.link = link = Link(self.system.broker_ports[socket], self.random.randrange(1, 2**62))
        if "EVENT_NACK" in point:
            link.send(SEAL_EVENT, {"event_id": "never-uploaded", "size": 5,
                                   "sha256": hashlib.sha256(b"x").hexdigest()})
            return
        if "PONG" in point:
            link.send(HELLO, {"proto_min": 1, "proto_max": 1, "name": "stray", "slots": 1,
                              "running": [], "spooled": [],
                              "worker_id": "01890a5d-ac96-774b-bcce-b302099a8057"})
        link.send(PING, {"now_ms": 1})  # who has not said HELLO is told so

    def twin(self, name):
        """Somebody comes with a worker's identity: the broker asks the worker
        whether it is there."""
        workers = [worker for worker in ("w1", "w2") if name in ("broker", worker)
                   and self.joined(worker)]
        if not workers:
            return
        self.close_link()
        self.link = Link(self.system.broker_ports["work_endpoint"], self.random.randrange(1, 2**62))
        worker_id = (self.system.root / "workspace" / self.random.choice(
            workers) / "worker-id").read_text().strip()
        self.link.send(HELLO, {"proto_min": 1, "proto_max": 1, "name": "twin", "slots": 1,
                               "running": [], "spooled": [], "worker_id": worker_id})

    def close_link(self):
        if self.link:
            self.link.sock.close(0)
        self.link = None

    def slow_job(self, worker):
        """The incident of a slow agent that runs on this worker."""
        marks = list((self.system.root / "workspace" / worker / "jobs").glob("*/slow"))
        return marks[0].parent.name.split(".")[0] if marks else None

    def pause(self, name):
        life = self.running.get(name)
        incident = self.slow_job(name)
        if incident and self.joined(name) and life.process.alive() and not life.paused:
            life.paused = (time.monotonic(), incident, len(self.tap.records))
            life.process.signal(signal.SIGSTOP)

    def resume(self):
        """Go on once the broker has given the attempt up, or is gone itself."""
        for life in self.running.values():
            if life.paused and (self.tap.lost(*life.paused[1:]) or "broker" not in self.running
                                or time.monotonic() > life.paused[0] + 4 * LEASE_S):
                life.paused = None
                life.process.signal(signal.SIGCONT)

    def act_for(self, name, life):
        point = life.armed
        if not life.ready() or life.killed:
            return
        if not point:
            if name != "publisher" and self.choice(life.role, name):
                self.kill(life)  # to be armed
            return
        if point.startswith("run.") and life.said(point):
            self.kill(life)
        elif point.startswith(STOPPED):
            greeted = any(self.joined(worker)
                          for worker in (("w1", "w2") if name == "broker" else (name,)))
            if greeted and not life.asked:
                life.asked = True
                life.process.signal(signal.SIGTERM)
        elif point.startswith(STRAY) and life.due():
            self.stray(point)
        elif point.startswith(TWIN) and life.due():
            self.twin(name)
        elif point.startswith(BY_SERVER) and life.due():
            self.server.emit_large()
        elif point.startswith("broker.send.CANCEL"):
            self.pause(self.random.choice(("w1", "w2")))
        elif point.startswith("worker.send.RELEASE"):
            self.pause(name)
        if time.monotonic() > life.started + PATIENCE_S * SLOW \
            and not point.startswith(PATIENT + SLOW_WORK) \
                and not life.paused:
            self.rotated[point] += 1
            self.give_back(life, last=True)
            life.armed = None
            self.kill(life)

    # --- moments

    def kill_somebody(self):
        """At moments chosen by how far the run is, and a little later."""
        if self.random_at is None and self.moments and self.done() >= self.moments[0] \
            and not self.patient_left():
            self.moments.popleft()
            self.random_at = time.monotonic() + self.random.uniform(0, 0.3)
        if self.random_at is None or time.monotonic() < self.random_at:
            return
        names = [name for name, life in self.running.items() if life.process.alive()
                 and not life.paused and not life.killed]
        if names:
            name = self.random.choice(sorted(names))
            self.random_kills.append(name)
            self.random_at = None
            self.kill(self.running[name])

    # --- events and results

    def look(self):
        """Incidents whose result is on disk, as it is seen first."""
        self.tap.drain()
        incidents = self.system.root / "incidents"
        for entry in os.scandir(incidents) if incidents.exists() else ():
            if entry.name not in self.outcomes and os.path.exists(f"{entry.path}/result.json"):
                self.outcomes[entry.name] = outcome(entry.path)
                self.moved = time.monotonic()
                assert self.outcomes[entry.name][1] == "success", \
                    Path(entry.path, "result.json").read_text()

    def done(self):
        """How many of the published events have their result."""
        return len(self.outcomes) - len(self.from_server())

    def from_server(self):
        """The incidents of the MCP server: one, once it is there."""
        return [incident for incident, (name, *_) in self.outcomes.items()
                if name == self.server.NAME]

    def feed(self):
        """The next batch, when the last one is nearly done and the kills keep pace."""
        if "publisher" in self.running:
            return
        if self.batch is None and self.batches and self.time_for_more():
            self.batch = self.write_batch(self.batches.popleft())
        if self.batch is not None:
            self.start("publisher")

    def time_for_more(self):
        under_way = self.published - self.done()
        if self.slow_left():
            return under_way <= 0
        ahead = self.published / self.total > len(self.hits) / self.point_count + 0.1 \
            or len(self.batches) <= RESERVE
        return under_way <= 12 and (not ahead or not self.points_left()
                                    or time.monotonic() > self.moved + 1.5)

    def write_batch(self, batch):
        if self.slow_left():
            batch = [{**event, "context": "do: slow"} if len(event["context"]) < 100 else event
                     for event in batch[:4]] + batch[4:]
        path = self.system.root / f"batch-{len(self.written):02}.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for event in batch))
        self.published += len(batch)
        self.written += batch
        return path

    def messages(self):
        """[(incident, was it marked as a repeat)] as they came in."""
        told = []
        for post in self.slack.delivered():
            assert post.kind == "incident", post
            line = next(text for text in texts_of(post.body) if text.startswith("Incident: "))
            told.append((line.split()[1], post.marked))
        return told

    # --- the run

    def finished(self):
        if self.points_left() or self.batches or self.batch is not None or self.moments \
            or self.random_at is not None \
                or self.done() < self.total:
            return False
        if not self.from_server() and time.monotonic() > self.told + AGAIN_S:
            self.told = time.monotonic()
            self.server.emit_large()  # lost when a broker died that had read and not committed it
        told = {incident for incident, _ in self.messages()}
        return bool(self.from_server()) and told >= set(self.outcomes) and self.joined("w1") \
            and self.joined("w2")

    def step(self):
        for name in ("broker", "w1", "w2"):
            if name not in self.running:
                self.start(name)
        for name, life in list(self.running.items()):
            if life.process.alive():
                self.act_for(name, life)
            else:
                self.died(name, life)
        self.resume()
        self.look()
        self.feed()
        self.kill_somebody()

    def run(self):
        """Until every point was hit, all random kills are spent, every incident has its result
        and was told, and all programs are back."""
        self.newcomers()
        deadline = time.monotonic() + LIMIT_S * SLOW
        while not self.finished():
            assert time.monotonic() < deadline, self.state()
            self.step()
            time.sleep(0.01)

    def state(self):
        armed = {name: life.armed for name, life in self.running.items()}
        return (f"left: {dict(self.queues)}, armed: {armed}, moments: {len(self.moments)}, "
                f"published: {self.published},"
                f" done: {self.done()}, lives: {dict(self.lives)}, rotated: {dict(self.rotated)}")

    def close(self):
        for life in self.running.values():
            life.process.signal(signal.SIGCONT)
        self.close_link()
        self.tap.close()
        self.slack.close()


def outcome(folder):
    """What of an incident must not change once it is there: (name, status, end, report)."""
    event, result = (json.loads(Path(folder, name).read_text())
                     for name in ("event.json", "result.json"))
    report = Path(folder, "output/investigation.md")
    return (event["resource"]["name"], result["status"], result["completed_at"],
            report.read_bytes() if report.exists() else b"")
