"""Everything at once: programs killed, stopped and held, keys that come and go, bad configurations,
disk errors, and an operator who drains, cancels and retries, while events come in.

Whoever ends is started again.  The storm says what it did; what must hold afterwards is the test's
business.
SPDX-License-Identifier: Apache-2.0
"""
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

from lib.crash import Tap
from lib.system import BIN, fault, free_port, wait_until
from receiver import Receiver, texts_of

WORKERS = ("w1", "w2", "w3")
BATCH, AHEAD = 6, 18  # events; how many may be under way
GAP_S = (0.02, 0.4)   # between two blows
TERMINAL = {"reported", "agent_failed", "failed", "cancelled"}
# 74: the disk; 1: stopped before its end
ENDS = {"broker": {0, -9, 74}, "publisher": {0, -9, 1}, "worker": {0, -9, 74}}
ORDERS = ["it crashed"] * 6 + ["do: slow 1", "do: slow 4", "do: exit 3", "do: none",
                               "do: first_fails"]

FAULTY = r"""
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <errno.h>
    #include <fcntl.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/stat.h>
    #include <unistd.h>
    /* One call in eight on a file of ours fails while a file says so, with the number in it. */
    static __thread unsigned s_seed;
    static int s_fails (void) {
        const char *path = getenv ("FAULTY_DISK"); int was = errno, number = 0; char text [16] = "";
        int fd = path ? open (path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0) { errno = was; return 0; }
        if (read (fd, text, sizeof text - 1) > 0) number = atoi (text);
        close (fd); errno = was;
        if (!s_seed) s_seed = (unsigned) (size_t) &s_seed ^ (unsigned) getpid ();
        if (!number || rand_r (&s_seed) % 8) return 0;
        errno = number; return 1; }
    static int s_ours (int fd) {
        struct stat st; char link [64], path [4096]; const char *root = getenv ("FAULTY_ROOT");
        if (fstat (fd, &st) || !(S_ISREG (st.st_mode) || S_ISDIR (st.st_mode))) return 0;
        snprintf (link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t n = readlink (link, path, sizeof path - 1);
        if (n < 0 || !root) return 0;
        path [n] = 0; return !strncmp (path, root, strlen (root)) && !strstr (path, ".log"); }
    #define REAL(name) ((__typeof__ (&name)) dlsym (RTLD_NEXT, #name))
    int fsync (int fd) { return s_ours (fd) && s_fails () ? -1 : REAL (fsync) (fd); }
    int fdatasync (int fd) { return s_ours (fd) && s_fails () ? -1 : REAL (fdatasync) (fd); }
    ssize_t write (int fd, const void *b, size_t n) {
        return s_ours (fd) && s_fails () ? -1 : REAL (write) (fd, b, n); }
    ssize_t pwrite (int fd, const void *b, size_t n, off_t at) {
        return s_ours (fd) && s_fails () ? -1 : REAL (pwrite) (fd, b, n, at); }
    ssize_t pwrite64 (int fd, const void *b, size_t n, off64_t at) {
        return s_ours (fd) && s_fails () ? -1 : REAL (pwrite64) (fd, b, n, at); }
    int renameat (int a, const char *from, int b, const char *to) {
        return s_fails () ? -1 : REAL (renameat) (a, from, b, to); }
    int mkdirat (int fd, const char *path, mode_t mode) {
        return s_fails () ? -1 : REAL (mkdirat) (fd, path, mode); }
"""
DISK_ERRORS = (5, 28, 122, 30)  # EIO, ENOSPC, EDQUOT, EROFS


class Storm:
    """A secure system in a storm of so many seconds."""

    def __init__(self, system, seconds, seed):
        self.system, self.seconds, self.random = system, seconds, random.Random(seed)
        self.done, self.ends = collections.Counter(), collections.Counter()
        # name: process that stands still; (when, what puts it right)
        self.held, self.later = {}, []
        self.running = {}                     # name: process
        self.retried = collections.Counter()  # incidents, with the answer lost counted too
        self.batch, self.published, self.written, self.key_number = None, 0, [], 0
        # of its own: it is asked by another thread
        self.calmed, answers = False, random.Random(seed)
        self.slack = Receiver(lambda kind,
                              number: (200 if self.calmed or answers.random() < 0.8 else 503, {}))
        self.flag, self.config = system.root / "disk-errors", system.root / "broker.yaml"
        self.build_shim()
        system.broker_ports.update({f"{name}_endpoint": f"tcp://127.0.0.1:{free_port()}"
                                    for name in ("work", "stream", "ingest", "files")},
                                   admin_listen=f"127.0.0.1:{free_port()}")
        self.good_config()
        self.keys = {name: system.key("worker", name) for name in WORKERS}
        self.keys["publisher"] = system.key("publisher", "publisher")
        self.start("broker")
        system.broker.wait_ready()
        self.tap = Tap(system.broker_ports["stream_endpoint"], system.key("tap", "tap"))

    def build_shim(self):
        library = self.system.root / "faulty.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", library],
                       input=FAULTY, text=True, check=True)
        self.shim = {"LD_PRELOAD": str(library), "FAULTY_DISK": str(self.flag),
                     "FAULTY_ROOT": str(self.system.root),
                     "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "")
                     + ":verify_asan_link_order=0"}

    # --- programs

    def start(self, name):
        system = self.system
        if name == "broker":
            process = system.start_broker(
                env={**self.shim, "SLACK_WEBHOOK_URL": self.slack.url}, wait=False,
                config=self.config, lease_ttl="2s",
                reconnect_grace="4s", max_deliveries=32, agent_attempts=2, log_level="info",
                breaker_mode="alert", retry_after_recovery=False)
        elif name == "publisher":
            process = system.start_publisher(self.batch, keys_dir=self.keys[name])
            process.told_before = len(process.log())  # all publishers write to one file
        else:
            process = system.start_worker(name, env=self.shim, wait=False, keys_dir=self.keys[name],
                                          agent_kill_grace="1s",
                                          max_concurrent_agents=4, shutdown_timeout="1s",
                                          log_level="info")
        self.running[name] = process

    @staticmethod
    def finished(publisher):
        """It was killed when all was acknowledged and its ids were gone: another start
        would publish all anew."""
        return re.search(r'msg="replay finished".* outstanding=0 ',
                         publisher.log()[publisher.told_before:]) is not None

    def look_after(self):
        """Who has ended starts again, unless it ended as it never may."""
        for name, process in list(self.running.items()):
            if process.alive():
                continue
            code, role = process.popen.returncode, name if name in ENDS else "worker"
            self.ends[role, code] += 1  # -15: before it had begun
            # a full disk holds up the first
            twice = code == 1 and "second signal, stopping now" in process.log_tail()
            assert code in ENDS[role] | {-15} or twice, \
                f"{name} ended with {code}:\n{process.log_tail()}"
            del self.running[name]
            self.held.pop(name, None)
            if name == "publisher" and (code == 0 or self.finished(process)):
                self.batch = None
        for name in ("broker", *WORKERS):
            if name not in self.running:
                self.start(name)
        if self.batch and "publisher" not in self.running:
            self.start("publisher")

    def feed(self, more):
        if self.batch or not more or self.published - len(self.results()) > AHEAD:
            return
        path = self.system.root / f"batch-{len(self.written):03}.jsonl"
        events = [fault(f"pod-{self.published + n:05}", cluster=f"c{self.random.randrange(3)}",
                        context=self.random.choice(ORDERS),
                        severity=self.random.choice(("critical", "warning")))
                  for n in range(BATCH)]
        path.write_text("".join(json.dumps(event) + "\n" for event in events))
        self.published += BATCH
        self.written.append(path)
        self.batch = path

    def results(self):
        return list((self.system.root / "incidents").glob("*/result.json"))

    # --- blows

    def good_config(self):
        self.config.write_text(f"agent_timeout: {self.random.randrange(20, 60)}s\n"
                               f"dedup_window_seconds: 24h\n"
                               f"log_level: {self.random.choice(('info', 'debug'))}\n")

    def somebody(self):
        return self.random.choice([name for name in sorted(self.running) if name not in self.held]
                                  or [None])

    def send(self, number):
        name = self.somebody()
        if name and self.running[name].alive():
            self.running[name].signal(number)

    def blow_kill(self):
        self.send(signal.SIGKILL)

    def blow_term(self):
        self.send(signal.SIGTERM)

    def blow_reload(self):
        """A good file, a bad one or a half of one; it is good again when the broker may start."""
        bad = self.random.choice((None, "agent_timeout: never\n", "no_such_key: 1\n",
                                  "clusters: [\n", "agent_system_prompt_file: /nowhere\n"))
        self.good_config()
        broker = self.running.get("broker")
        if not broker or not broker.ready_path.exists() or "broker" in self.held:
            return
        if bad:
            self.config.write_text(bad)
        broker.signal(signal.SIGHUP)
        if bad:
            time.sleep(0.05)  # time to read it; whether it did is of no weight
            self.good_config()

    def blow_hold(self):
        """SIGSTOP, and on again after a while."""
        name = self.somebody()
        if not name or not self.running[name].alive():
            return
        process = self.running[name]
        process.signal(signal.SIGSTOP)
        self.held[name] = process

        def go_on():
            process.signal(signal.SIGCONT)
            if self.held.get(name) is process:
                del self.held[name]
        self.later.append((time.monotonic() + self.random.uniform(0.1, 6), go_on))

    def blow_disk(self):
        """Errors for a while, of the broker and all workers."""
        if self.flag.exists():
            return
        part = self.flag.with_suffix(".new")
        part.write_text(str(self.random.choice(DISK_ERRORS)))
        part.rename(self.flag)
        self.later.append((time.monotonic() + self.random.uniform(0.1, 1.5),
                           lambda: self.flag.unlink(missing_ok=True)))

    def enrolled(self, name):
        role = "publisher" if name == "publisher" else "worker"
        return self.system.keys_dir / f"clients/{role}-{name}.key"

    def blow_key_gone(self):
        """A key is taken away, and given back."""
        path = self.enrolled(self.random.choice(sorted(self.keys)))
        aside = path.with_suffix(".aside")
        if aside.exists() or not path.exists():
            return
        path.rename(aside)
        self.later.append((time.monotonic() + self.random.uniform(0.1, 4),
                           lambda: aside.rename(path)))

    def blow_key_new(self):
        """A new key is written over the old one; its owner starts anew with it."""
        name = self.random.choice(sorted(self.keys))
        path = self.enrolled(name)
        if not path.exists():
            return
        self.key_number += 1
        role, fresh = path.name.split("-", 1)[0], f"fresh{self.key_number}"
        out = self.system.root / f"key-{fresh}"
        subprocess.run([BIN / "triagectl", "key", "new", "--role", role, "--name", fresh,
                        "--keys-dir", self.system.keys_dir,
                        "--out", out], check=True, capture_output=True)
        made = self.system.keys_dir / f"clients/{role}-{fresh}.key"
        shutil.copyfile(made, path)
        made.unlink()
        self.keys[name] = out
        if name in self.running:
            self.running[name].signal(signal.SIGKILL)

    def command(self, path):
        if "broker" in self.held:
            return False  # it would be waited for
        try:
            self.system.broker.post(path)
            return True
        except OSError:  # not there, or not now
            return False

    def blow_drain(self):
        name = self.random.choice(WORKERS)
        if self.command(f"/api/v1/workers/{name}/drain"):
            self.later.append((time.monotonic() + self.random.uniform(0.1, 3),
                               lambda: self.command(f"/api/v1/workers/{name}/resume")))

    def some_incident(self, states):
        if "broker" in self.held:
            return None
        try:
            rows = self.system.broker.get("/api/v1/incidents?limit=50")["incidents"]
        except OSError:
            return None
        return self.random.choice([row["id"] for row in rows if row["state"] in states] or [None])

    def blow_cancel(self):
        incident = self.some_incident({"pending", "investigating"})
        if incident:
            self.command(f"/api/v1/incidents/{incident}/cancel")

    def blow_retry(self):
        incident = self.some_incident(TERMINAL - {"reported"})
        if incident:
            self.retried[incident] += 1
            self.command(f"/api/v1/incidents/{incident}/retry")

    # --- the run

    def put_right(self, all_of_it=False):
        now = time.monotonic()
        due = [what for when, what in self.later if all_of_it or when <= now]
        self.later = [] if all_of_it else [pair for pair in self.later if pair[0] > now]
        for what in due:
            what()

    def step(self, more=True):
        self.put_right()
        self.look_after()
        self.feed(more)
        self.tap.drain()

    def blow(self):
        blows = sorted(name for name in dir(self) if name.startswith("blow_"))
        name = self.random.choice(blows)
        self.done[name[5:]] += 1
        getattr(self, name)()

    def run(self):
        end, next_blow = time.monotonic() + self.seconds, 0
        while time.monotonic() < end:
            self.step()
            if time.monotonic() > next_blow:
                next_blow = time.monotonic() + self.random.uniform(*GAP_S)
                self.blow()
            time.sleep(0.01)

    def settled(self):
        """All is published, has ended, and was told and stored."""
        self.step(more=False)
        broker = self.system.broker
        if self.batch or "broker" not in self.running or not broker.ready_path.exists():
            return False
        try:
            if any(broker.get(f"/api/v1/effects?state={state}")["effects"]
                   for state in ("ready", "sending")):
                return False
            return all(row["state"] in TERMINAL | {"suppressed"} for row in broker.incidents())
        except OSError:
            return False

    def calm(self, timeout_s):
        """No more faults: everybody is let in, runs, and takes work; until all is done."""
        self.put_right(all_of_it=True)
        self.good_config()
        self.calmed = True
        for name in WORKERS:
            process = self.running.get(name)
            if process:
                process.signal(signal.SIGTERM)  # a new session is not drained
        wait_until(self.settled, timeout_s, "calm after the storm", 0.1)
        self.tap.drain()

    def messages(self):
        """[(incident, was it marked as a repeat)] as they came in."""
        told = []
        for post in self.slack.delivered():
            if post.kind == "incident":
                line = next(text for text in texts_of(post.body) if text.startswith("Incident: "))
                told.append((line.split()[1], post.marked))
        return told

    def close(self):
        self.put_right(all_of_it=True)
        for process in self.held.values():
            process.signal(signal.SIGCONT)
        self.tap.close()
        self.slack.close()
