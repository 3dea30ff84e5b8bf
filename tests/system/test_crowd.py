"""Many runs: at once, one after another, and with their worker killed. Nothing of them stays.
SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from lib import runs
from lib.system import SLOW, System, crowded, fault, processes_of, wait_until
from test_run import script

AGENTS = 32
TTL_S = 9
WORKER_MIB = 150  # what a worker may take, whatever its agents print
BOXES = ["bwrap", "landlock"]
MOSTLY = ["bwrap", pytest.param("landlock", marks=pytest.mark.nightly)]
REPORT = "mkdir -p output; yes report | head -c 500 >output/investigation.md"


@pytest.fixture(name="system")
def reachable_system():
    """In a folder through which the agents' user can pass."""
    with tempfile.TemporaryDirectory(prefix="triage-crowd-") as folder:
        Path(folder).chmod(0o711)
        system = System(Path(folder))
        try:
            yield system
        finally:
            system.close()


def zombies(pid):
    """Dead processes that are still children of this one or of what it has started."""
    found, parents = [], {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            text = Path(f"/proc/{entry}/stat").read_text(errors="replace")
            words = text.rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(entry)] = (int(words[1]), words[0])
    for one, (parent, state) in parents.items():
        top = parent
        while top in parents and top != pid:
            top = parents[top][0]
        if state == "Z" and top == pid:
            found.append(one)
    return found


def left(system):
    """Processes, cgroups and mounts of runs of this system."""
    jobs = f"{system.root}/workspace"
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines()
              if jobs in line]
    found = [one for one in processes_of(f"{jobs}/w1/jobs") if "triage-worker" not in one[1]]
    return found + runs.cgroups("triage-w1-" + tag(system)) + mounts


def tag(system):
    """What the names of this worker's cgroups have of its identity."""
    path = system.root / "workspace/w1/worker-id"
    return path.read_text().strip()[-12:] if path.exists() else "no worker"


def peak_mib(process):
    text = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024


@pytest.mark.parametrize("runtime", MOSTLY)
def test_a_crowd_that_prints_as_fast_as_it_can(system, runtime):
    """All are killed by timeout; meanwhile leases are renewed in time."""
    runs.need(runtime)
    broker = system.start_broker(lease_ttl=f"{TTL_S}s", agent_timeout="8s",
                                 failure_threshold_for_alert=1000)
    worker = system.start_worker(
        agent_script_path=script(system, "yes >&2 & exec yes"), agent_runtime=runtime,
        max_concurrent_agents=AGENTS, agent_kill_grace="2s")
    system.publish([fault(f"web-{n}") for n in range(AGENTS + 4)])
    wait_until(lambda: len(worker.records("agent started")) >= AGENTS, 60, "all slots are taken")
    rows = broker.wait_terminal(AGENTS + 4, 120 * SLOW)
    assert {row["reason"] for row in rows} == {"agent timed out after 8 s"}, rows
    late = [int(record["late_ms"]) for record in worker.records("lease renewal sent")]
    memory = peak_mib(worker)
    print(f"crowd: {runtime}: {len(late)} renewals, the latest by {max(late)} ms of "
          f"{TTL_S * 1000} ms; the worker's peak is {memory:.0f} MiB")
    assert len(late) >= AGENTS
    assert max(late) < TTL_S * 1000 / 10 * SLOW
    sanitized = any(word in os.environ.get("TRIAGE_BIN", "") for word in ("asan", "tsan"))
    assert memory < WORKER_MIB * (16 if sanitized else 1)
    wait_until(lambda: not left(system), 10, "nothing is left")
    assert zombies(int(worker.pid)) == []
    worker.stop()
    broker.stop()
    shutil.rmtree(system.root / "incidents")  # 150 MiB that would be looked through


def listed():
    """What runs could leave on this machine, outside of the worker's home."""
    found = set(runs.cgroups())
    for top in ("/tmp", "/run", "/dev/shm", "/var/tmp"):
        found |= {f"{top}/{name}" for name in os.listdir(top)}
    found |= {line.split(" ", 3)[3] for line in
              Path("/proc/self/mountinfo").read_text().splitlines()}
    return found


@pytest.mark.parametrize("runtime", MOSTLY)
def test_nothing_is_left_of_a_hundred_runs(system, runtime):
    runs.need(runtime)
    text = "echo x >/tmp/mine; echo x >/dev/shm/mine; mkfifo $TMPDIR/f; (setsid sleep 60 &); " \
        + REPORT
    broker = system.start_broker()
    system.start_worker(agent_script_path=script(system, text), agent_runtime=runtime,
                        max_concurrent_agents=4, agent_kill_grace="400ms", log_level="info")
    system.publish([fault("first")], "first")
    broker.wait_terminal(1)
    home = system.root / "workspace/w1"
    wait_until(lambda: not any(any((home / part).iterdir())
                               for part in ("jobs", "spool", "trash")), 20, "the home is clean")
    before, names = listed(), sorted(str(path) for path in home.rglob("*"))
    system.publish([fault(f"web-{n}") for n in range(99)])
    rows = broker.wait_terminal(100, 150 * SLOW)
    assert {row["state"] for row in rows} == {"reported"}, rows[0]
    wait_until(lambda: sorted(str(path) for path in home.rglob("*")) == names, 20,
               "the home is as before")
    wait_until(lambda: not left(system), 10, "nothing is left")
    mine = {one for one in listed() - before
            if tag(system) in one or str(system.root) in one or one.endswith("/mine")}
    assert mine == set()


@pytest.mark.parametrize("runtime", BOXES)
def test_a_killed_worker_leaves_nothing_to_the_next(system, runtime):
    """Its supervisors are killed with it, so nobody else can have cleaned up."""
    runs.need(runtime)
    runs.need_to_look()
    broker = system.start_broker(max_deliveries=9, lease_ttl="60s")
    text = "trap '' TERM; (setsid sleep 600 &); sleep 600; sleep 600"
    agent = script(system, text)
    worker = system.start_worker(agent_script_path=agent, agent_runtime=runtime,
                                 max_concurrent_agents=4)
    system.publish([fault(f"web-{n}") for n in range(4)])
    wait_until(lambda: sum("sleep 600" in one[1] for one in left(system)
                           if isinstance(one, tuple)) >= 8, 30, "the agents run")
    supervisors = [pid for pid, words in processes_of(system.root / "workspace/w1/jobs")
                   if "triage-run" in words.split()[0]]
    assert len(supervisors) == 4
    os.kill(int(worker.pid), signal.SIGKILL)
    for pid in supervisors:
        os.kill(pid, signal.SIGKILL)
    worker.wait()
    begin = time.monotonic()
    script(system, REPORT)
    system.start_worker(agent_script_path=agent, agent_runtime=runtime, max_concurrent_agents=4)
    rows = broker.wait_terminal(4, 30)
    took_s = time.monotonic() - begin
    outcomes = [[one["outcome"] for one in broker.incident(row["id"])["attempts"]] for row in rows]
    print(f"killed: {runtime}: attempts lost and run again {took_s:.1f} s after the new start")
    assert all(one[0] != "success" and one[-1] == "success" for one in outcomes), outcomes
    assert took_s < min(50, 20 * SLOW * crowded())  # a lease would have taken 60 s
    wait_until(lambda: not left(system), 10, "nothing is left")
