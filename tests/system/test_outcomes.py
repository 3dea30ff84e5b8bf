"""Each row of the outcomes table, seen from outside: state, reason, class, attempts, workers.
SPDX-License-Identifier: Apache-2.0
"""
import os
import stat

import pytest

from lib.system import AGENTS, ROOT, fault, wait_until
from test_reload import Reloaded
from worker import STARTED, Worker


def only(rows):
    assert len(rows) == 1, rows
    return rows[0]


def test_success_is_reported(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("web-0")])
    row = only(broker.wait_terminal(1))
    assert row["state"] == "reported"
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    result = system.result(row["id"])
    assert result["status"] == "success" and result["exit_code"] == 0 \
        and not result.get("failure_reason")
    folder = system.root / "incidents" / row["id"]
    assert (folder / "output/investigation.md").stat().st_size > 100
    assert (folder / "event.json").exists() and (folder / "incident.json").exists()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("order,reason", [
    ("do: exit 7", "agent exited with non-zero code: 7"),
    ("do: none", "investigation.md file not found"),
    ("do: bytes 100", "investigation.md too small: 100 bytes (expected > 100)"),
    ("do: slow 60", "agent timed out after 1 s"),
])
def test_an_agent_failure_is_charged_once_by_default(system, order, reason):
    broker = system.start_broker(agent_timeout="1s" if "timed out" in reason else None)
    system.start_worker()
    system.publish([fault("web-0", context=order)])
    row = only(broker.wait_terminal(1))
    assert row["state"] == "agent_failed" and row["reason"] == reason
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    result = system.result(row["id"])
    assert result["status"] == "failed" and result["failure_reason"] == reason
    detail = broker.incident(row["id"])
    assert [(attempt["outcome"], attempt["reason"])
            for attempt in detail["attempts"]] == [("agent", reason)]


@pytest.mark.parametrize("files,reason", [
    ({"output/investigation.md": b" " * 200}, "investigation.md has no text"),
    ({"output/investigation.md": b"# Report\n" + b"r" * 200,
      "output/agent-result.json": b'{"is_error": true, "result": "Overloaded"}'},
     "agent reported an error: Overloaded"),
    ({"output/investigation.md": b"API Error: 429 " + b"x" * 100},
     "investigation.md holds an error instead of a report: API Error: 429 " + "x" * 100),
])
def test_a_success_that_a_worker_claims_without_a_report_is_an_agent_failure(system, files, reason):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"])
    worker.hello()
    worker.offer(1)
    _, fence = worker.assignment()
    worker.work.send(STARTED, fence)
    manifest, sealed = worker.upload(fence, files)
    assert sealed["result"] == "stored"
    assert worker.verdict(fence, "success", manifest) == "committed"
    worker.close()
    row = only(broker.wait_terminal(1))
    assert (row["state"], row["reason"]) == ("agent_failed", reason)


def test_an_agent_failure_is_tried_again_up_to_agent_attempts(system):
    broker = system.start_broker(agent_attempts=2)
    system.start_worker()
    system.publish([fault("web-0", context="do: first_fails"),
                    fault("web-1", context="do: exit 9")])
    rows = {row["resource"].split("/")[-1] if isinstance(row["resource"], str)
            else row["resource"]["name"]: row
            for row in broker.wait_terminal(2)}
    assert rows["web-0"]["state"] == "reported"
    assert rows["web-1"]["state"] == "agent_failed"
    assert len(broker.incident(rows["web-0"]["id"])["attempts"]) == 2
    assert len(broker.incident(rows["web-1"]["id"])["attempts"]) == 2


def test_a_worker_whose_agent_cannot_start_does_not_turn_the_queue_into_failures(system):
    broker = system.start_broker()
    system.start_worker("broken", agent_script_path=no_interpreter(system))
    system.start_worker("sound", max_concurrent_agents=2)
    system.publish([fault(f"web-{number}") for number in range(20)])
    rows = broker.wait_terminal(20)
    assert {row["state"] for row in rows} == {"reported"}
    wait_until(lambda: quarantined(broker) == {"broken": True, "sound": False}, 20,
               "broken alone is quarantined")


@pytest.mark.parametrize("agent", ["codex", "custom"])
def test_a_worker_whose_script_finds_no_agent_does_not_turn_the_queue_into_failures(system, agent):
    """The script starts there, and says that it has nothing to run: its program went away."""
    broker = system.start_broker()
    folder = system.root / "path"
    folder.mkdir()
    program = folder / "agent"
    program.write_text("#!/bin/sh\necho 1.2.3\n")
    program.chmod(0o755)
    (folder / "codex").symlink_to(program)
    worker = system.start_worker(
        "broken", agent_script_path=ROOT / "agent-container/run-agent.sh", agent_cli=agent,
        agent_env="AGENT_CUSTOM_COMMAND",
        env={"PATH": f"{folder}:/usr/bin:/bin", "AGENT_CUSTOM_COMMAND": str(program)})
    worker.wait_log("agents can run")
    program.unlink()
    system.start_worker("sound")
    system.publish([fault(f"web-{number}", context="do: slow 1") for number in range(6)])
    rows = broker.wait_terminal(6)
    assert {row["state"] for row in rows} == {"reported"}
    attempts = {(row["id"], attempt["attempt"]): attempt for row in rows
                for attempt in broker.incident(row["id"])["attempts"]
                if attempt["worker"] == "broken"}
    #  An assignment that was under way when it noticed is given back, and counts for nothing.
    attempts = {key: attempt for key, attempt in attempts.items()
                if attempt["started"] or attempt["outcome"] != "lost"}
    assert {(attempt["outcome"], attempt["class"]) for attempt in attempts.values()} \
        == {("host", "infra")}
    for attempt in attempts.values():  # the contract's text, then what the script said
        assert attempt["reason"].startswith(
            f"agent exited with non-zero code: 127: run-agent.sh: agent '{agent}' needs ")
    (incident, number), *_ = attempts
    why = system.root / "incidents" / incident / f"attempts/{number}/logs/agent.stderr.log"
    assert f"agent '{agent}'" in why.read_text()


@pytest.mark.parametrize("agent", ["codex", "custom"])
def test_a_worker_without_its_agent_takes_no_work(system, agent):
    broker = system.start_broker()
    worker = system.start_worker(
        "broken", agent_script_path=ROOT / "agent-container/run-agent.sh", agent_cli=agent,
        env={"PATH": "/usr/bin:/bin"})
    worker.wait_log("agents cannot run here: this worker takes no work")
    system.start_worker("sound")
    system.publish([fault(f"web-{number}") for number in range(3)])
    rows = broker.wait_terminal(3)
    assert {row["state"] for row in rows} == {"reported"}
    assert {attempt["worker"] for row in rows
            for attempt in broker.incident(row["id"])["attempts"]} == {"sound"}


def no_interpreter(system):
    """A script that looks good, but cannot be executed."""
    path = system.root / "no-interpreter.sh"
    path.write_text("#!/nonexistent/shell\n")
    path.chmod(0o755)
    return path


def quarantined(broker):
    return {row["name"]: row["quarantined"] for row in broker.get("/api/v1/workers")["workers"]}


def test_an_agent_that_no_worker_can_start_is_an_error(system):
    broker = system.start_broker(reconnect_grace="1s")
    system.start_worker("broken", agent_script_path=no_interpreter(system))
    system.publish([fault("web-0")])
    row = only(broker.wait_terminal(1))
    assert row["state"] == "agent_failed"
    assert row["reason"].startswith("agent execution error: ")
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    assert system.result(row["id"])["status"] == "error"


def test_a_host_without_room_for_an_agent_is_an_error(system):
    broker = system.start_broker(reconnect_grace="1s")
    system.start_worker("w1")
    jobs = system.root / "workspace/w1/jobs"
    jobs.rmdir()
    jobs.write_text("in the way")
    system.publish([fault("web-0")])
    row = only(broker.wait_terminal(1))
    assert row["state"] == "agent_failed"
    assert row["reason"] == "agent execution error: cannot make the workspace: Not a directory"
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    assert system.result(row["id"])["status"] == "error"


def test_a_lost_worker_is_replaced_and_the_attempt_is_not_charged_to_the_agent(system):
    reloaded = Reloaded(system, "lease_ttl: 5s\n")
    broker = reloaded.broker
    workers = {name: system.start_worker(name) for name in ("first", "second")}
    wait_until(lambda: set(quarantined(broker)) == set(workers), 20, "both are there")
    system.publish([fault("web-0", context="do: slow 4")])
    running = wait_until(lambda: broker.incidents("investigating"), 20, "assigned")[0]
    lost = broker.incident(running["id"])["attempts"][0]["worker"]
    workers.pop(lost).kill9()
    reloaded.hup("lease_ttl: 20s\n")  # the other one is not to be lost
    row = only(broker.wait_terminal(1))
    assert row["state"] == "reported"
    attempts = broker.incident(row["id"])["attempts"]
    assert [attempt["outcome"] for attempt in attempts] == ["lost", "success"]
    assert [attempts[1]["worker"]] == list(workers)


def test_an_incident_that_keeps_losing_its_worker_becomes_a_dead_letter(system):
    broker = system.start_broker(lease_ttl="1s", reconnect_grace="1s", max_deliveries=2)
    system.publish([fault("web-0", context="do: slow 60")])
    for number in range(2):
        worker = system.start_worker(f"w{number}")
        #  a machine that sleeps longer than a lease loses an attempt without our help
        wait_until(lambda n=number: started(broker, n) or broker.incidents("failed"), 20, "started")
        worker.kill9()
    row = only(broker.wait_terminal(1))
    assert row["state"] == "failed"
    assert [attempt["outcome"] for attempt in broker.incident(row["id"])["attempts"]
            if attempt["started_at"]] == ["lost"] * 2
    assert broker.post(f"/api/v1/incidents/{row['id']}/retry") is not None
    assert broker.incident(row["id"])["state"] in ("pending", "investigating")


def started(broker, earlier):
    rows = broker.incidents("investigating")
    return rows and len(broker.incident(rows[0]["id"])["attempts"]) > earlier and \
        broker.incident(rows[0]["id"])["attempts"][-1]["started_at"]


def superseded(system):
    """An incident whose first attempt was lost to `old` and is now with `new`,
    which may take its time."""
    reloaded = Reloaded(system, "lease_ttl: 2s\n")
    broker = reloaded.broker
    system.publish([fault("web-0")])
    old = Worker(broker.endpoints["work"], broker.endpoints["files"], name="old")
    old.hello()
    old.offer(1)
    _, first = old.assignment()
    old.offer(0)
    old.work.send(STARTED, first)
    wait_until(lambda: broker.incidents("pending"), 20, "lost")
    reloaded.hup("lease_ttl: 60s\n")
    new = Worker(broker.endpoints["work"], broker.endpoints["files"], name="new")
    new.hello()
    new.offer(1)
    _, second = new.assignment(30)
    assert second["incident"] == first["incident"] and second["attempt"] == first["attempt"] + 1
    return broker, old, first, new, second


REPORT = {"output/investigation.md": b"# A late report\n\n" + b"It came late and it is good.\n" * 5}


def test_a_late_good_report_of_a_superseded_attempt_wins(system):
    broker, old, first, new, second = superseded(system)
    manifest, sealed = old.upload(first, REPORT)
    assert sealed["result"] == "stored"
    assert old.verdict(first, "success", manifest) == "late_win"
    cancel = new.work.wait([12])[1]
    assert (cancel["incident"], cancel["attempt"]) == (second["incident"], second["attempt"])
    assert broker.incident(first["incident"])["state"] == "reported"
    wait_until(lambda: system.result(first["incident"]), 10, "result.json")
    report = system.root / "incidents" / first["incident"] / "output/investigation.md"
    assert report.read_bytes() == REPORT["output/investigation.md"]
    #  the newer one comes too late: nothing changes
    assert new.verdict(second, "agent", reason="too late", exit_code=1) in ("stale", "duplicate")
    assert report.read_bytes() == REPORT["output/investigation.md"]
    assert broker.incident(first["incident"])["state"] == "reported"
    old.close()
    new.close()


def test_a_late_failed_verdict_of_a_superseded_attempt_changes_nothing(system):
    broker, old, first, new, second = superseded(system)
    old.verdict(first, "agent", reason="agent exited with non-zero code: 1", exit_code=1)
    assert broker.incident(first["incident"])["state"] == "investigating"
    manifest, _ = new.upload(second, REPORT)
    assert new.verdict(second, "success", manifest) == "committed"
    assert broker.incident(first["incident"])["state"] == "reported"
    old.close()
    new.close()


def test_the_same_verdict_twice_is_a_duplicate(system):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"])
    worker.hello()
    worker.offer(1)
    _, fence = worker.assignment()
    manifest, _ = worker.upload(fence, REPORT)
    assert worker.verdict(fence, "success", manifest) == "committed"
    assert worker.verdict(fence, "success", manifest) == "duplicate"
    assert len(broker.incident(fence["incident"])["effects"]) == 1
    worker.close()


def test_a_success_without_its_files_must_upload_again(system):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"])
    worker.hello()
    worker.offer(1)
    _, fence = worker.assignment()
    forged = [{"path": "output/investigation.md", "size": 500, "sha256": "0" * 64}]
    assert worker.verdict(fence, "success", forged) == "missing"
    assert broker.incident(fence["incident"])["state"] == "investigating"
    worker.close()


def test_a_draining_worker_gives_its_incident_back_free_of_charge(system):
    broker = system.start_broker()
    system.publish([fault("web-0", context="do: slow 60")])
    first = system.start_worker("first", shutdown_timeout="1s")
    wait_until(lambda: broker.incidents("investigating"), 20, "assigned")
    first.stop()
    row = wait_until(lambda: broker.incidents("pending"), 10, "given back")[0]
    detail = broker.incident(row["id"])
    assert detail["state"] == "pending" and detail["attempts"][0]["outcome"] != "agent"


def test_the_agents_of_a_killed_worker_are_gone(system):
    broker = system.start_broker()
    system.publish([fault("web-0", context="do: slow 60")])
    worker = system.start_worker()
    wait_until(lambda: any("agent.sh" in command for _, command in system.stray()), 20,
               "agent runs")
    worker.kill9()
    wait_until(lambda: not system.stray(), 15, "agent gone")
    assert broker.alive() and os.access(AGENTS / "agent.sh", os.X_OK)
