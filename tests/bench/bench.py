#!/usr/bin/python3
"""bench.py - what the system carries on this machine, beside what its parts
carry alone, in one run.

Machines differ and are noisy: read the ratios, not the figures.
Nothing here decides whether a change passes.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
from lib.system import BIN, System, wait_until  # noqa: E402  (the harness of the system tests)

JOBS = int(os.environ.get("BENCH_JOBS", "10000"))
OPEN = int(os.environ.get("BENCH_OPEN", "100000"))
IDLE = int(os.environ.get("BENCH_IDLE", "1000"))
WORKERS, SLOTS, WINDOW = 4, 64, 256
TICKS = os.sysconf("SC_CLK_TCK")


def say(what, figure, note=""):
    print(f"  {what:<58} {figure:>16}  {note}", flush=True)


def program(*words):
    """Run one of the benchmark's programs; the JSON it prints."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          timeout=900, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{words[0]}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def load_words(system, jobs, keys, workers=WORKERS, report=0, one_by_one=False, hold=False,
               first=0):
    """The command line of bench-load against the system's broker."""
    ports = system.broker_ports
    words = [BIN / "bench-load", "--ingest", ports["ingest_endpoint"], "--jobs", jobs,
             "--window", WINDOW]
    if workers:
        words += ["--work", ports["work_endpoint"], "--workers", workers, "--slots", SLOTS]
    if report:
        words += ["--files", ports["files_endpoint"], "--report", report]
    if keys:
        for number in range(first, first + workers):
            system.key("worker", f"b{number}")
        words += ["--publisher-keys", system.key("publisher", "bench"), "--worker-keys",
                  system.root / "worker-b", "--first", first]
    return [*words, *(["--one-by-one"] if one_by_one else []), *(["--hold"] if hold else [])]


class Bench:
    """One system with a broker; its folder is gone at the end."""

    def __init__(self, keys=False, **options):
        self.folder = tempfile.TemporaryDirectory(prefix="triage-bench-",
                                                  ignore_cleanup_errors=True)
        self.keys, self.system = keys, System(Path(self.folder.name), keys=keys)
        self.options = {"log_level": "warn", "global_queue_size": 100000,
                        "cluster_queue_size": 100000, **options}
        self.system.start_broker(**self.options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.system.close()
        self.folder.cleanup()

    def load(self, jobs, **options):
        return program(*load_words(self.system, jobs, self.keys, **options))

    def rss_mib(self):
        pages = int(Path(f"/proc/{self.system.broker.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20

    def cpu_s(self):
        fields = Path(f"/proc/{self.system.broker.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stored(self, jobs):
        """Every incident has ended and every effect is done (status is up to a second old)."""
        status = self.system.broker.get("/api/v1/status")
        ended = status["incidents"].get("reported", 0) + status["incidents"].get("agent_failed", 0)
        return ended >= jobs and status["effects"]["ready"] == 0


def floor():
    print("\nThe parts alone")
    bare = program(BIN / "bench-bare", JOBS * 2)
    say("bare ROUTER/DEALER loop, plain, jobs/s", f"{bare['plain_per_s']:.0f}",
        "7 messages a job, nothing behind them")
    say("bare ROUTER/DEALER loop, CURVE, jobs/s", f"{bare['curve_per_s']:.0f}")
    best = 0
    for batch in (1, 8, 32, 128):
        with tempfile.TemporaryDirectory(prefix="triage-bench-") as folder:
            alone = program(BIN / "bench-store", JOBS if batch > 1 else JOBS // 10, batch,
                            Path(folder) / "broker.db")
        say(f"SQLite alone, {batch} jobs a commit, jobs/s", f"{alone['store_per_s']:.0f}",
            f"{alone['writes_per_job']} rows a job; the core alone: {alone['core_per_s']:.0f}/s")
        best = max(best, alone["store_per_s"])
    return min(bare["curve_per_s"], best)


def throughput(aim):
    print(
        f"\nDurable jobs from event to acknowledged verdict, {WORKERS} workers of {SLOTS} slots, "
        f"instant agent")
    for name, keys, report in (("plain", False, 0), ("CURVE", True, 0),
                               ("CURVE, each with a 2 KiB report", True, 2048)):
        jobs = JOBS // 10 if report else JOBS
        with Bench(keys) as bench:
            seen = bench.load(jobs, report=report)
            begin = time.monotonic()
            wait_until(lambda: bench.stored(jobs), 900, "every effect is done", 0.2)
            late = time.monotonic() - begin
        say(f"{name}, jobs/s", f"{seen['per_s']:.0f}",
            f"{seen['per_s'] / aim:.2f} of the slower part; acknowledged "
            f"in {seen['ack_p50_us'] / 1e3:.1f} ms, p99 {seen['ack_p99_us'] / 1e3:.1f} ms")
        say("   storage done, jobs/s", f"{jobs / (seen['seconds'] + late):.0f}",
            f"{late:.1f} s after the last verdict")


def latency():
    print("\nOne event at a time, an idle worker, CURVE")
    with Bench(True) as bench:
        seen = bench.load(300, workers=1, one_by_one=True)
    for what, name in (("event to acknowledgement", "ack"),
                       ("event to assignment at the worker", "assign")):
        say(f"{what}, p50 / p99 ms",
            f"{seen[name + '_p50_us'] / 1e3:.2f} / {seen[name + '_p99_us'] / 1e3:.2f}")


def backlog():
    print(f"\n{OPEN} open incidents")
    with Bench() as bench:
        before = bench.rss_mib()
        seen = bench.load(OPEN, workers=0)
        say("events to committed, events/s", f"{seen['per_s']:.0f}",
            f"p99 {seen['ack_p99_us'] / 1e3:.1f} ms")
        say("resident memory, MiB", f"{bench.rss_mib():.0f}", f"{before:.0f} when empty")
        bench.system.broker.kill9()
        begin = time.monotonic()
        bench.system.start_broker(**bench.options)
        say("kill -9, start, ready again, s", f"{time.monotonic() - begin:.2f}",
            f"{bench.rss_mib():.0f} MiB")


def idle():
    print(f"\n{IDLE} idle workers, CURVE")
    with Bench(True) as bench:
        halves = []
        for first in range(0, IDLE, IDLE // 2):
            for number in range(first, first + IDLE // 2):
                bench.system.key("worker", f"b{number}")
        begin = time.monotonic()
        for first in range(0, IDLE, IDLE // 2):
            words = load_words(bench.system, 0, True, workers=IDLE // 2, hold=True, first=first)
            # three a worker; CZMQ's own limit is 1023
            env = {**os.environ, "ZSYS_MAX_SOCKETS": "8192"}
            halves.append(subprocess.Popen([str(word) for word in words], env=env,
                                           stdout=subprocess.DEVNULL))
        try:
            wait_until(lambda: bench.system.broker.get("/api/v1/status")["workers"]["ready"] >= IDLE
                       or any(half.poll() is not None for half in halves), 120, "all greet", 0.1)
            assert all(half.poll() is None for half in halves), "a load program has ended"
            say("all connected and greeted, s", f"{time.monotonic() - begin:.1f}",
                f"{bench.rss_mib():.0f} MiB")
            before, start = bench.cpu_s(), time.monotonic()
            time.sleep(10)
            say("broker's processor time while they idle, %",
                f"{100 * (bench.cpu_s() - before) / (time.monotonic() - start):.1f}")
        finally:
            for half in halves:
                half.terminate()
                half.wait()


def gateway():
    """Streams of agents through the worker's gateway, beside the same ones without it."""
    seen = program(BIN / "bench-gateway")
    print(f"\n{seen['runs']} streams at once, each event 5 ms after the other")
    for what, name in (("directly", "direct"), ("through the gateway", "through")):
        say(f"event sent to read, {what}, p50 / p99 ms",
            f"{seen[name + '_p50_us'] / 1e3:.2f} / {seen[name + '_p99_us'] / 1e3:.2f}")
    added = (seen["through_p99_us"] - seen["direct_p99_us"]) / 1e3
    say("added at the p99, ms", f"{added:.2f}", "less than 5 is wanted")


def main():
    gateway()
    floor_rate = floor()
    throughput(floor_rate)
    latency()
    backlog()
    idle()


if __name__ == "__main__":
    main()
