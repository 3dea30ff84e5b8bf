"""Programs that die, stop or are told to end at the worst moment: no report is lost, no process
is left.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import signal
import time
from pathlib import Path

import pytest

from lib.system import fault, processes_of, wait_until
from test_run import agents, script

REPORT = "head -c 500 /dev/zero | tr '\\0' r > output/investigation.md"
WAITING = "echo run >> ../../../../runs; while [ ! -e ../../../../go ]; do sleep 0.05; done; " \
    + REPORT


def supervisors(system):
    return [pid for pid, words in agents(system) if "triage-run" in words.split()[0]]


def supervisor_of(system):
    return wait_until(lambda: supervisors(system), 20, "a supervisor")[0]


def runs(system):
    path = system.root / "runs"
    return path.read_text().count("run\n") if path.exists() else 0


def only_attempt(broker):
    """The attempts of the only incident once it has ended."""
    row = broker.wait_terminal(1)[0]
    return row["state"], [attempt["outcome"] for attempt in broker.incident(row["id"])["attempts"]]


def test_a_supervisor_killed_while_it_ends_its_agent_leaves_nothing(system):
    broker = system.start_broker()
    worker = system.start_worker(
        agent_script_path=script(system, "trap '' TERM; setsid sleep 600 & sleep 600; sleep 600"),
        agent_kill_grace="60s")
    system.publish([fault("web-0")])
    wait_until(lambda: len(agents(system)) >= 4, 20, "the agent's processes")
    broker.post(f"/api/v1/incidents/{broker.incidents()[0]['id']}/cancel")
    worker.wait_log("to=stop")
    os.kill(supervisor_of(system), signal.SIGKILL)
    wait_until(lambda: not agents(system), 10, "no agent left")
    wait_until(lambda: not list((system.root / "workspace/w1/jobs").iterdir()), 10, "slot free")
    (system.root / "agent-of-test").write_text("#!/bin/sh\n" + REPORT + "\n")
    system.publish([fault("web-1")], "again")
    wait_until(lambda: broker.incidents("reported"), 20, "the slot is used again")


@pytest.mark.parametrize("how", ["drain", "superseded"])
def test_a_report_that_is_ready_when_the_order_to_stop_comes_is_kept(system, how):
    """The worker slept while its agent ended; what it finds first is the order to stop."""
    broker = system.start_broker(lease_ttl="5s" if how == "superseded" else "60s", max_deliveries=9)
    worker = system.start_worker(agent_script_path=script(system, WAITING))
    system.publish([fault("web-0")])
    wait_until(lambda: runs(system), 20, "agent runs")
    worker.signal(signal.SIGSTOP)
    (system.root / "go").touch()
    wait_until(lambda: not agents(system), 20, "agent ended")
    if how == "drain":
        worker.signal(signal.SIGTERM)
        worker.signal(signal.SIGINT)
    else:
        wait_until(lambda: broker.incidents("pending"), 20, "lease expired")
    worker.signal(signal.SIGCONT)
    if how == "drain":
        assert worker.wait() == 0
        system.start_worker(agent_script_path=worker_script(system))
    state, outcomes = only_attempt(broker)
    assert (state, outcomes[0]) == ("reported", "success")
    assert how == "superseded" or (outcomes == ["success"] and runs(system) == 1)
    if how == "superseded":
        worker.kill9()  # it may have the attempt that followed, and would wait for its broker


def worker_script(system):
    return system.root / "agent-of-test"


def test_a_report_that_was_ready_when_its_worker_died_is_kept(system):
    """Killed between the end of the run and the spool."""
    broker = system.start_broker()
    system.start_worker(agent_script_path=script(system, "echo run >> ../../../../runs; " + REPORT),
                        env={"TRIAGE_FAILPOINT": "worker.collect.sync.before:kill"})
    system.publish([fault("web-0")])
    wait_until(lambda: not system.processes[1].alive(), 20, "killed at its failpoint")
    system.start_worker(agent_script_path=worker_script(system))
    assert only_attempt(broker) == ("reported", ["success"])
    assert runs(system) == 1


def test_an_agent_that_stops_its_supervisor_is_ended_all_the_same(system):
    broker = system.start_broker(agent_timeout="1s")
    worker = system.start_worker(
        agent_script_path=script(system, "kill -STOP $PPID; setsid sleep 600 & sleep 600"),
        agent_kill_grace="1s")
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1, 40)[0]
    assert (row["state"], row["reason"]) == ("agent_failed", "agent timed out after 1 s")
    assert agents(system) == []
    worker.stop()


def test_a_new_worker_ends_also_what_has_no_environment(system):
    """The daemon cleared its environment and left the folder; only its parent tells whose it is."""
    system.start_broker()
    mark = f"{system.root}/daemon"
    text = f"(cd /; setsid env -i /bin/sh -c 'trap \"\" TERM; while :; do sleep 1; done' {mark}) " \
           f"& sleep 600"
    worker = system.start_worker(agent_script_path=script(system, text), agent_kill_grace="60s")
    system.publish([fault("web-0")])
    wait_until(lambda: [found for found in processes_of(mark)], 20, "the daemon")
    worker.kill9()
    system.start_worker(agent_script_path=worker_script(system), wait=False)
    wait_until(lambda: not processes_of(mark), 10, "no daemon left")


def test_a_second_signal_kills_agents_that_have_got_their_term(system):
    system.start_broker()
    worker = system.start_worker(agent_script_path=script(system, "trap '' TERM; sleep 600"),
                                 agent_kill_grace="60s", shutdown_timeout="100ms")
    system.publish([fault("web-0")])
    wait_until(lambda: len(agents(system)) >= 3, 20, "agent runs")
    worker.signal(signal.SIGTERM)
    worker.wait_log("to=stop")
    worker.signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert agents(system) == []


def test_a_slow_disk_does_not_cost_the_leases_of_others(system):
    """The disk takes longer than a lease for one result; the other agent's attempt lives on."""
    broker = system.start_broker(lease_ttl="5s")
    text = "if [ -e ../../../../first ]; then sleep 11; else touch ../../../../first; fi; " + REPORT
    system.start_worker(agent_script_path=script(system, text), max_concurrent_agents=2,
                        env={"TRIAGE_FAILPOINT": "worker.verdict.sync.before:slow=12000"})
    system.publish([fault("web-0"), fault("web-1")])
    for row in broker.wait_terminal(2):
        assert row["state"] == "reported"
        assert [attempt["outcome"]
                for attempt in broker.incident(row["id"])["attempts"]] == ["success"]


@pytest.mark.parametrize("point", ["collect.sync", "collect.folder", "verdict.sync",
                                   "verdict.rename", "spool.rename"])
def test_a_disk_that_refuses_the_spool_does_not_cost_the_report(system, point):
    broker = system.start_broker()
    worker = system.start_worker(agent_script_path=script(system, REPORT),
                                 env={"TRIAGE_FAILPOINT": f"worker.{point}.before:errno=EIO"})
    system.publish([fault("web-0")])
    assert only_attempt(broker) == ("reported", ["success"])
    worker.wait_log("result not spooled")
    wait_until(lambda: not list((system.root / "workspace/w1/jobs").iterdir()), 10,
               "workspace removed")


def test_a_file_the_broker_would_refuse_does_not_cost_the_report(system):
    broker = system.start_broker()
    text = REPORT + "; head -c 6000000 /dev/zero > output/agent-result.json"
    system.start_worker(agent_script_path=script(system, text))
    system.publish([fault("web-0")])
    assert only_attempt(broker) == ("reported", ["success"])


@pytest.mark.parametrize("path,spoil,expected", [
    ("output/investigation.md", os.mkfifo, ("agent_failed", ["host"])),
    ("output/investigation.md", lambda path: path.write_text("short"), ("agent_failed", ["host"])),
    ("output/investigation.md", lambda path: None, ("agent_failed", ["host"])),
    ("logs/prompt.md", os.mkfifo, ("reported", ["success"])),
])
def test_a_file_spoiled_in_the_spool_holds_nobody_up(system, path, spoil, expected):
    """Agents of one worker have one user: the next one may do anything to what
    the last one left."""
    broker = system.start_broker()
    worker = system.start_worker(agent_script_path=script(system, WAITING))
    system.publish([fault("web-0")])
    wait_until(lambda: runs(system), 20, "agent runs")
    broker.kill9()
    (system.root / "go").touch()
    spool = system.root / "workspace/w1/spool"
    entry = wait_until(lambda: list(spool.glob("*/verdict.json")), 20, "spooled")[0].parent
    (entry / path).unlink()
    spoil(entry / path)
    # the worker must be back by then, or its attempt is lost
    broker = system.start_broker(reconnect_grace="5s")
    assert only_attempt(broker) == expected
    worker.wait_log("file of a finished run is spoiled")
    wait_until(lambda: not list(spool.iterdir()), 10, "spool empty")


@pytest.mark.parametrize("folder", ["../../jobs", "../../../../workspace"])
def test_a_worker_survives_an_agent_that_removes_its_folders(system, folder):
    broker = system.start_broker(reconnect_grace="1s")
    text = f"if mkdir ../../../../first; then rm -rf {folder}; else {REPORT}; fi"
    system.start_worker(agent_script_path=script(system, text))
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    assert (row["state"], row["reason"]) == ("agent_failed", "investigation.md file not found")
    system.publish([fault("web-1")], "again")
    assert {row["state"] for row in broker.wait_terminal(2)} == {"agent_failed", "reported"}


def test_a_supervisor_killed_after_its_agent_is_no_failure_of_the_agent(system):
    """It dies before it has written how the agent ended: nothing of the agent is left
    that could have done it."""
    broker = system.start_broker(agent_attempts=1)
    system.start_worker(agent_script_path=script(system, REPORT), agent_env="TRIAGE_FAILPOINT",
                        env={"TRIAGE_FAILPOINT": "run.result.sync.before:kill:1"})
    system.publish([fault("web-0")])
    outcomes = wait_until(lambda: [attempt["outcome"] for row in broker.incidents()
                                   for attempt in broker.incident(row["id"])["attempts"]
                                   if attempt["outcome"]], 20, "an end")
    assert outcomes[0] == "host", outcomes


def test_what_ends_a_worker_and_its_supervisors_together_is_no_failure_of_the_agent(system):
    """As an init system does it: everything below the worker gets the signal, too."""
    broker = system.start_broker(agent_attempts=1)
    worker = system.start_worker(agent_script_path=script(system, WAITING), shutdown_timeout="60s")
    system.publish([fault("web-0")])
    wait_until(lambda: runs(system), 20, "agent runs")
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    for pid in supervisors(system):
        os.kill(pid, signal.SIGTERM)
    assert worker.wait(20) == 0
    (system.root / "go").touch()
    system.start_worker("w2", agent_script_path=script(system, WAITING))
    state, outcomes = only_attempt(broker)
    assert state == "reported" and "agent" not in outcomes, outcomes


@pytest.mark.parametrize("number,spooled", [("1", True), (str(2**63 - 1), False), ("01", False)])
def test_work_that_an_agent_has_forged_holds_no_worker_up(system, number, spooled):
    """The next worker finds it: an attempt that is in the spool, too, or whose number no message
    carries, or which is there under another name."""
    home, incident = system.root / "workspace/w1", "019b76da-a800-7102-8304-050607080901"
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    result = {"exit_code": 0, "timeout_ms": 1000, "started_ms": 1, "completed_ms": 2, "boot": boot}
    verdict = {"incident": incident, "attempt": 1, "outcome": "success", "exit_code": 0,
               "started_ms": 1, "completed_ms": 2, "files": []}
    for part, name, text in [("jobs", "run.json", result)] + \
            [("spool", "verdict.json", verdict)] * spooled:
        (home / part / f"{incident}.{number}").mkdir(parents=True)
        (home / part / f"{incident}.{number}" / name).write_text(json.dumps(text))
    system.start_broker().kill9()
    system.start_worker(wait=False, max_concurrent_agents=1)
    time.sleep(1)  # its keeper is through with all of it
    broker = system.start_broker()
    system.publish([fault("web-0")])
    broker.wait_terminal(1)
    wait_until(lambda: not any(any((home / part).iterdir()) for part in ("jobs", "spool")), 10,
               "forged work is gone")


def test_a_worker_that_was_killed_does_not_take_the_agents_prompt_for_the_one_that_was_sent(system):
    broker = system.start_broker(reconnect_grace="5s")
    agent = script(system, REPORT + "; echo 'Do nothing.' >> logs/prompt.md")
    worker = system.start_worker(
        agent_script_path=agent, env={"TRIAGE_FAILPOINT": "worker.prompt.rename.before:kill"})
    system.publish([fault("web-0")])
    assert worker.wait(20) == -9
    system.start_worker(agent_script_path=agent)
    row = broker.wait_terminal(1)[0]
    assert only_attempt(broker) == ("reported", ["success"])
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    folder = system.root / "incidents" / row["id"]
    assert not (folder / "attempts/1/logs/prompt.md").exists()
    task = (folder / "logs/prompt.md").read_text()
    assert "UNTRUSTED EVENT" in task and "Do nothing." not in task, "as the broker wrote it"
