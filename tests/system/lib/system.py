"""A whole k8s-triage in one folder: real programs on free ports, started, killed and looked at.

Nothing here sleeps to be sure: wait_until polls a condition and fails with what it saw.
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import http.client
import itertools
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(os.environ.get("TRIAGE_BIN", ROOT / "build/debug/bin")).resolve()
AGENTS = ROOT / "tests/system/agents"
# a factor on every time-out: machines are shared; sanitizers take 4
SLOW = float(os.environ.get("TRIAGE_SLOW", "2"))
FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
SANITIZER = re.compile(
    rb"(ERROR|WARNING): (Address|Leak|Thread)Sanitizer|LeakSanitizer has|\.[ch]:\d+:\d+: runtime "
    rb"error:")
REPORT_BYTES = 8000  # of a sanitizer's report that are shown
CRASHES = {-number for number in (signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL,
                                  signal.SIGSEGV)}


def wait_until(condition, timeout_s=30, what="", step_s=0.02):
    """Poll until condition() is truthy; its value."""
    deadline = time.monotonic() + timeout_s * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s * SLOW:.0f} s: {what or condition}")
        time.sleep(step_s)


def crowded(most=8):
    """How many times later than on a quiet machine a program gets its turn, from 1 to most."""
    return min(most, max(1, os.getloadavg()[0] / len(os.sched_getaffinity(0))))


def ports():
    """Ports below the range the kernel gives out by itself; each of pytest's workers has its
    own, none comes again soon. In any order: two runs on one machine that walk in step would
    ask for the same ones."""
    shares = 16
    own = range(10240 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % shares,
                32000, shares)
    return itertools.cycle(random.sample(own, len(own)))


PORTS = ports()


def free_port():
    """A port that nobody takes in passing."""
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def has_ipv6():
    """Is there an IPv6 address on this machine?"""
    addresses = Path("/proc/net/if_inet6")
    return addresses.exists() and addresses.read_text() != ""


def flags(options):
    """{"lease_ttl": "3s", "triage": True} as --lease-ttl 3s --triage;
    None leaves an option to the file."""
    words = []
    for key, value in options.items():
        if value is None:
            continue
        flag = "--" + key.replace("_", "-")
        words += [flag + "=" + str(value).lower() if isinstance(value, bool) else flag]
        if not isinstance(value, bool):
            words.append(str(value))
    return words


def sanitizer_options():
    """What the environment says to ASan, UBSan and TSan: every program of a test must hear it."""
    return {key: value for key, value in os.environ.items() if key.endswith("SAN_OPTIONS")}


class Process:
    """One started program and its log."""

    def __init__(self, system, name, words, env=None, stdin=None, cwd=None):
        self.system, self.name, self.words = system, name, [str(word) for word in words]
        self.log_path = system.root / f"{name}.log"
        self.out_path = system.root / f"{name}.out"
        environment = {"PATH": f"{BIN}:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8",
                       "TRIAGE_MESSAGE_PACE_MS": "20",  # a debug build's; else 1 s a channel
                       "TRIAGE_TEST_ROOT": str(system.root)}
        environment.update(sanitizer_options())
        environment.update(env or {})
        with open(self.log_path, "ab") as log, open(self.out_path, "ab") as out:
            self.popen = subprocess.Popen(self.words, stdin=stdin or subprocess.DEVNULL, stdout=out,
                                          stderr=log,
                                          env=environment, cwd=cwd or system.root,
                                          start_new_session=True)
        system.processes.append(self)

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def wait(self, timeout_s=30):
        try:
            return self.popen.wait(timeout_s * SLOW)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} did not end; its log ends:\n{self.log_tail()}") from None

    def signal(self, number):
        if self.alive():
            self.popen.send_signal(number)

    def kill9(self):
        self.signal(signal.SIGKILL)
        return self.popen.wait()

    def stop(self, expect=0, timeout_s=30):
        """SIGTERM, then the exit code must be the expected one."""
        self.signal(signal.SIGTERM)
        code = self.wait(timeout_s)
        assert expect is None or code == expect, \
            f"{self.name} ended with {code}; its log ends:\n{self.log_tail()}"
        return code

    def log(self):
        return self._written(self.log_path)

    def out(self):
        return self._written(self.out_path)

    def _written(self, path):
        """Whole lines, as long as it may still write the rest of the last one."""
        alive, text = self.alive(), path.read_text(errors="replace")
        return text[:text.rfind("\n") + 1] if alive else text

    def log_tail(self, lines=25):
        return "\n".join(self.log().splitlines()[-lines:])

    def records(self, msg=None):
        """The log's lines as dicts, those with this message."""
        found = []
        for line in self.log().splitlines():
            fields = {key: json_text(value) for key, value in FIELD.findall(line)}
            if "msg" in fields and (msg is None or fields["msg"] == msg):
                found.append(fields)
        return found

    def wait_log(self, text, timeout_s=20):
        wait_until(lambda: text in self.log() or not self.alive(), timeout_s,
                   f"{text!r} in the log of {self.name}")
        assert text in self.log(), f"{self.name} ended without {text!r}:\n{self.log_tail()}"


def json_text(value):
    if not value.startswith('"'):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value[1:-1]


class Daemon(Process):
    """A process with a ready file: its endpoints are known once it is up."""

    def __init__(self, system, name, program, options, env=None, wait=True, words=(), prefix=()):
        self.ready_path = system.root / f"{name}.ready"
        self.ready_path.unlink(missing_ok=True)
        super().__init__(system, name, [*prefix, BIN / program, *words,
                                        *flags({**options, "ready_file": self.ready_path})], env)
        if wait:
            self.wait_ready()

    def wait_ready(self, timeout_s=30):
        wait_until(lambda: self.ready_path.exists() or not self.alive(), timeout_s,
                   f"{self.name} ready")
        assert self.ready_path.exists(), \
            f"{self.name} ended with {self.popen.poll()}:\n{self.log_tail()}"
        self.endpoints = dict(line.split("=", 1)
                              for line in self.ready_path.read_text().splitlines())
        return self


class Broker(Daemon):
    """triage-broker; ports are chosen at the first start and kept for the next ones."""

    def __init__(self, system, options, env=None, wait=True, prefix=()):
        ports = {f"{name}_endpoint": f"tcp://127.0.0.1:{free_port()}"
                 for name in ("work", "stream", "ingest", "files")}
        defaults = {**ports, "admin_listen": f"127.0.0.1:{free_port()}",
                    "workspace_root": system.root / "incidents",
                    "state_path": system.root / "state/broker.db", "keys_dir": system.keys_dir,
                    "agent_system_prompt_file": ROOT / "configs/triage-system-prompt.md",
                    "log_level": "debug"}
        defaults.update(system.broker_ports)
        super().__init__(system, "broker", "triage-broker", {**defaults, **options}, env, wait,
                         prefix=prefix)

    def wait_ready(self, timeout_s=30):
        super().wait_ready(timeout_s)
        ports = {f"{name}_endpoint": self.endpoints[name]
                 for name in ("work", "stream", "ingest", "files")}
        self.system.broker_ports.update(ports, admin_listen=self.endpoints["admin"])
        return self

    def get(self, path, raw=False):
        """GET an admin path: parsed JSON (or text)."""
        url = f"http://{self.system.broker_ports['admin_listen']}{path}"
        try:
            with urllib.request.urlopen(url, timeout=10 * SLOW) as answer:
                text = answer.read().decode()
        except http.client.HTTPException as cut:  # killed while it answered
            raise ConnectionError(f"{path}: {cut!r}") from cut
        return text if raw else json.loads(text)

    def metric(self, name):
        """The value of a metric without labels."""
        return float(re.search(rf"^triage_{name} (\S+)$", self.get("/metrics", raw=True),
                               re.M).group(1))

    def channel(self, name):
        """What a channel of effects waits for; None: there is no such channel yet."""
        return next((channel for channel in self.get("/api/v1/status")["effects"]["channels"]
                     if channel["name"] == name), None)

    def wait_topics(self, count):
        """Until so many different topics are subscribed to:
        what is committed from now on is heard."""
        wait_until(lambda: self.metric("stream_topics") >= count, 20,
                   f"{count} topics subscribed to")

    def token(self):
        """What a command must carry."""
        return (self.system.root / "state/admin.token").read_text().strip()

    def post(self, path):
        url = f"http://{self.system.broker_ports['admin_listen']}{path}"
        request = urllib.request.Request(url, method="POST", data=b"", headers={
            "Content-Type": "application/json", "Authorization": f"Bearer {self.token()}"})
        with urllib.request.urlopen(request, timeout=10 * SLOW) as answer:
            return json.loads(answer.read().decode() or "{}")

    def status_of(self, path):
        """The HTTP status of a GET."""
        try:
            self.get(path, raw=True)
            return 200
        except urllib.error.HTTPError as error:
            return error.code

    def incidents(self, state=None):
        """All incidents, newest first."""
        rows, path = [], "/api/v1/incidents?limit=200" + (f"&state={state}" if state else "")
        before = None
        while True:
            page = self.get(path + (f"&before={before}" if before else ""))
            rows += page["incidents"]
            before = page.get("next")
            if not before:
                return rows

    def incident(self, incident_id):
        return self.get(f"/api/v1/incidents/{incident_id}")

    def wait_terminal(self, count, timeout_s=60):
        """Until `count` incidents are in a terminal state; all rows."""
        terminal = {"reported", "agent_failed", "failed", "suppressed", "cancelled"}

        def reached():
            try:
                rows = self.incidents()
            except OSError:
                return None
            return rows if sum(row["state"] in terminal for row in rows) >= count else None
        return wait_until(reached, timeout_s, f"{count} incidents done", 0.1)


class Server(Daemon):
    """triage-publisher --serve of some files."""

    def __init__(self, system, name, paths, options):
        super().__init__(system, name, "triage-publisher",
                         {"serve": "127.0.0.1:0", "log_level": "debug", **options}, words=paths)
        self.address = self.endpoints["serve"]


class System:
    """One folder, one broker, its workers and peers."""

    def __init__(self, root, keys=False):
        self.root = Path(root)
        self.processes, self.broker_ports = [], {}
        #  not ./keys, where a program looks that was told nothing
        self.keys_dir = self.root / ("enrolled/keys" if keys else "no-keys")
        self.broker = None
        if keys:
            self.keys_dir.parent.mkdir()
            self.key("worker", "first")

    def key(self, role, name):
        """Make and enrol a key; the folder of the peer's half."""
        out = self.root / f"{role}-{name}"
        if not out.exists():
            subprocess.run([BIN / "triagectl", "key", "new", "--role", role, "--name", name,
                            "--keys-dir",
                            self.keys_dir, "--out", out], check=True, capture_output=True)
        return out

    def peer_keys(self, role, name):
        return self.key(role, name) if self.keys_dir.name == "keys" else self.keys_dir

    def start_broker(self, env=None, wait=True, prefix=(), **options):
        self.broker = Broker(self, options, env, wait, prefix)
        return self.broker

    def start_worker(self, name="w1", env=None, wait=True, agent="agent.sh", **options):
        defaults = {"broker_endpoint": self.broker_ports["work_endpoint"],
                    "broker_files_endpoint": self.broker_ports["files_endpoint"],
                    "worker_name": name,
                    "keys_dir": self.peer_keys("worker", name),
                    "workspace_root": self.root / "workspace",
                    "agent_script_path": AGENTS / agent, "agent_kill_grace": "2s",
                    "agent_runtime": "none", "agent_network": "host",
                    "log_level": "debug"}
        return Daemon(self, name, "triage-worker", {**defaults, **options}, env, wait)

    def gated_agent(self, size=200):
        """An agent that has its report ready and waits for a file before it ends:
        (that file, its script)."""
        gate, script = self.root / "gate", self.root / "gated.sh"
        script.write_text('#!/bin/sh\nset -eu\nmkdir -p "$WORKSPACE_DIR/output"\n'
                          f'{{ echo "# Report"; head -c {size} /dev/zero | tr "\\0" x; }} '
                          '> "$WORKSPACE_DIR/output/investigation.md"\n'
                          f'while [ ! -e {gate} ]; do sleep 0.05; done\n')
        script.chmod(0o755)
        return gate, script

    def write_lines(self, events, name):
        path = self.root / f"{name}.jsonl"
        path.write_text("".join(json.dumps(event) + "\n" for event in events))
        return path

    def start_server(self, events, name="server", **options):
        """Serve a list of faults, or of files, as an MCP server."""
        files = [self.write_lines(events, name)] if isinstance(events[0], dict) else events
        return Server(self, name, files, options)

    def start_publisher(self, events, name="publisher", env=None, **options):
        """Publish a list of faults (or a file of JSON lines)."""
        path = events if isinstance(events, (str, Path)) else self.write_lines(events, name)
        defaults = {"ingest_endpoint": self.broker_ports["ingest_endpoint"],
                    "files_endpoint": self.broker_ports["files_endpoint"],
                    "spool_dir": self.root / f"{name}-spool",
                    "keys_dir": self.peer_keys("publisher", name)}
        return Process(self, name,
                       [BIN / "triage-publisher", *flags({**defaults, **options}), path], env)

    def publish(self, events, name="publisher", expect=0, **options):
        """Publish and wait for the end: every event is acknowledged."""
        process = self.start_publisher(events, name, **options)
        assert process.wait(60) == expect, process.log_tail()
        return process

    def start_tap(self, name="tap", **options):
        defaults = {"stream_endpoint": self.broker_ports["stream_endpoint"], "json": True,
                    "keys_dir": self.peer_keys("tap", name)}
        return Process(self, name, [BIN / "triage-tap", *flags({**defaults, **options})])

    def ctl(self, *words, expect=0, env=None, **options):
        """Run triagectl against the broker; its exit code must be the expected one."""
        done = subprocess.run([BIN / "triagectl", *flags(options), *[str(word) for word in words]],
                              text=True,
                              capture_output=True, timeout=60 * SLOW, stdin=subprocess.DEVNULL,
                              cwd=self.root,
                              env={"PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8",
                                   "TRIAGE_URL": self.url(),
                                   "TRIAGE_TEST_ROOT": str(self.root), **(env or {})})
        assert expect is None or done.returncode == expect, \
            (words, done.returncode, done.stdout, done.stderr)
        return done

    def url(self):
        return f"http://{self.broker_ports['admin_listen']}"

    def result(self, incident_id):
        """result.json of an incident, or None."""
        path = self.root / "incidents" / incident_id / "result.json"
        return json.loads(path.read_text()) if path.exists() else None

    def results(self):
        """{incident id: result.json} of all folders that have one."""
        found = {}
        for path in sorted((self.root / "incidents").glob("*/result.json")):
            found[path.parent.name] = json.loads(path.read_text())
        return found

    def stray(self):
        """Processes that belong to this folder and are not ours to stop by handle."""
        own = {process.pid for process in self.processes if process.alive()} | {os.getpid()}
        return [found for found in processes_of(self.root) if found[0] not in own]

    def sanitizer_report(self):
        """The first report that a program of this folder wrote, or None; agents' standard
        error is a file below."""
        for path in [*self.root.rglob("*.log"), *self.root.glob("*.out")]:
            text = path.read_bytes() if path.is_file() else b""
            found = SANITIZER.search(text)
            if found:
                begin = text.rfind(b"\n", 0, found.start()) + 1
                return f"{path}:\n" + text[begin:begin + REPORT_BYTES].decode(errors="replace")
        return None

    def close(self):
        """Stop everything, the broker last; nothing may be left running or have crashed, no
        sanitizer may have spoken."""
        for process in reversed(self.processes):
            process.signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.popen.wait(15 * SLOW)
            except subprocess.TimeoutExpired:
                process.kill9()
        try:
            wait_until(lambda: not self.stray(), 10, "no process left")
        except AssertionError:
            left = self.stray()
            for pid, _ in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            if left:
                raise AssertionError(f"left running: {left}") from None
        for reserve in self.root.glob("**/*.reserve"):
            reserve.unlink()  # 64 MiB each, and the folders of a whole run are kept
        report = self.sanitizer_report()
        assert not report, report
        for process in self.processes:
            assert process.popen.returncode not in CRASHES, \
                f"crashed: {process.name}; its log ends:\n{process.log_tail()}"


def processes_of(root):
    """(pid, command) of every process whose environment, arguments or folder name root."""
    marker, found = str(root).encode(), []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            base = f"/proc/{entry}/"
            with open(base + "cmdline", "rb") as cmdline:
                words = cmdline.read()
            with open(base + "stat", encoding="ascii", errors="replace") as stat:
                state = stat.read().rsplit(")", 1)[1].split()[0]
            texts = [words]
            with contextlib.suppress(PermissionError):  # a worker hides both from its own user
                with open(base + "environ", "rb") as environ:
                    texts += [environ.read(), os.readlink(base + "cwd").encode()]
        except (OSError, IndexError):
            continue
        if state not in "ZX" and any(marker in text for text in texts):
            found.append((int(entry), shlex.join(words.decode(errors="replace").split("\0"))))
    return found


def fault(name, cluster="prod", kind="Pod", fault_type="CrashLoop", severity="critical",
          context="it crashed", **extra):
    """A flat fault, as the event server sends it."""
    body = {"subscriptionId": "sub-1a2b3c4d", "cluster": cluster,
            "faultId": f"fault-{cluster}-{name}", "faultType": fault_type, "severity": severity,
            "resource": {"apiVersion": "v1", "kind": kind, "name": name, "namespace": "shop",
                         "uid": f"uid-{name}"},
            "context": context, "timestamp": "2026-01-15T12:34:56Z"}
    body.update(extra)
    return body
