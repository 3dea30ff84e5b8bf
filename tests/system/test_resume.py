"""A run that has a report but no time or turns left is resumed once, in what is left of its time.
SPDX-License-Identifier: Apache-2.0
"""
import json
import time

import pytest

from lib.system import ROOT, crowded, fault, wait_until

DRIVER = """driver_program=sh
driver_resumes=true
driver_run () { exec "$driver_path" %s "$resume"; }
"""

#  The order is FIRST_SECOND: what the first run does after its report, and what the second does.
AGENT = r"""#!/bin/sh
set -eu
order=$(sed -n 's/^ *"context": *"do: \([a-z]*\)_\([a-z]*\).*/\1 \2/p' "$WORKSPACE_DIR/event.json")
report="$WORKSPACE_DIR/output/investigation.md"
write () {
    { printf '# Report\n\n%s: ' "$1"; head -c 120 /dev/zero | tr '\0' x; echo; } >"$report"
}
echo "run $1"
echo "{\"n\": $1, \"text\": \"run $1\"}" >>"$WORKSPACE_DIR/logs/transcript.jsonl"
if [ "$1" = 0 ]; then
    word=${order% *}
    write first
else
    word=${order#* }
    rm -f "$WORKSPACE_DIR/output/agent-result.json"
fi
case $word in
good) write second ;;
fail) exit 3 ;;
spoil) : >"$report"; exit 3 ;;
turns)
    printf '{"is_error": true, "subtype": "error_max_turns", "errors": ["no turns left"]}' \
        >"$WORKSPACE_DIR/output/agent-result.json"
    exit 1 ;;
dial) user=${HTTPS_PROXY#http://}
dial="exec 3<>/dev/tcp/127.0.0.1/${HTTPS_PROXY##*:}
printf 'CONNECT x:1 HTTP/1.1\r\nProxy-Authorization: Basic %s\r\n\r\n' \
    $(printf %s "${user%@*}" | base64 -w 0) >&3
head -n 1 <&3 | grep ' 403 '"
    bash -c "$dial" && write second ;;
hang) while :; do sleep 0.1; done ;;
esac
"""


class Resumed:
    """A broker, and a worker whose agent is a driver of this test."""

    def __init__(self, system, timeout, order, resumes=True, **options):
        self.system = system
        drivers = system.root / "drivers"
        drivers.mkdir()
        agent = system.root / "twice.sh"
        agent.write_text(AGENT)
        agent.chmod(0o755)
        driver = DRIVER % agent
        (drivers / "twice.sh").write_text(driver if resumes else driver.replace("true", "false"))
        self.broker = system.start_broker(agent_timeout=timeout)
        self.worker = system.start_worker(
            agent_script_path=ROOT / "agent-container/run-agent.sh", agent_cli="twice",
            env={"AGENT_DRIVERS_DIR": str(drivers)},
            agent_read_paths=agent, **options)
        system.publish([fault("web-0", context=f"do: {order}")])

    def end(self):
        row = self.broker.wait_terminal(1)[0]
        wait_until(lambda: self.system.result(row["id"]), 10, "result.json")
        return row, self.system.root / "incidents" / row["id"]


def report_of(folder):
    return (folder / "attempts/1/output/investigation.md").read_text()


def logs_of(folder):
    logs = folder / "attempts/1/logs"
    return {path.name: path.read_text() for path in logs.iterdir()}


def test_a_run_without_time_is_resumed_and_succeeds(system):
    started = time.monotonic()
    row, folder = Resumed(system, "8s", "hang_good").end()
    assert row["state"] == "reported" and time.monotonic() - started < 12 * crowded()
    assert "second: " in (folder / "output/investigation.md").read_text()
    logs = logs_of(folder)
    assert logs["agent-first.stdout.log"] == "run 0\n" and logs["agent.stdout.log"] == "run 1\n"
    steps = [json.loads(line)["n"] for line in logs["transcript.jsonl"].splitlines()]
    assert steps == [0, 1]


def test_a_run_without_turns_is_resumed_at_once(system):
    row, folder = Resumed(system, "60s", "turns_good").end()
    assert row["state"] == "reported"
    assert "second: " in (folder / "output/investigation.md").read_text()


@pytest.mark.parametrize("runtime", ["bwrap", "none"])
def test_a_resumed_run_has_its_gateway_again(system, runtime):
    """Its proxy answers: it refuses a host that is not allowed."""
    row, folder = Resumed(system, "60s", "turns_dial", agent_runtime=runtime,
                          agent_network="gateway").end()
    assert row["state"] == "reported"
    assert "second: " in (folder / "output/investigation.md").read_text()


def test_a_resume_that_fails_leaves_a_partial_report(system):
    row, folder = Resumed(system, "60s", "turns_fail").end()
    assert (row["state"], row["reason"]) == ("agent_failed", "agent exited with non-zero code: 3")
    assert "first: " in report_of(folder)


def test_a_resume_cannot_spoil_the_report(system):
    row, folder = Resumed(system, "60s", "turns_spoil").end()
    assert row["state"] == "agent_failed"
    assert "first: " in report_of(folder)


def test_both_runs_have_one_deadline_and_there_are_no_more(system):
    started = time.monotonic()
    row, folder = Resumed(system, "8s", "hang_hang").end()
    assert time.monotonic() - started < 14 * crowded()
    assert (row["state"], row["reason"]) == ("agent_failed", "agent timed out after 8 s")
    logs = logs_of(folder)
    assert logs["transcript.jsonl"].count("\n") == 2
    assert "first: " in report_of(folder)


def test_an_agent_that_cannot_resume_has_all_of_its_time(system):
    row, folder = Resumed(system, "4s", "hang_good", resumes=False).end()
    assert (row["state"], row["reason"]) == ("agent_failed", "agent timed out after 4 s")
    assert "agent-first.stdout.log" not in logs_of(folder)


def test_a_worker_that_dies_in_a_resume_loses_that_attempt_only(system):
    resumed = Resumed(system, "60s", "turns_hang")
    running = wait_until(lambda: resumed.broker.incidents("investigating"), 20, "assigned")[0]
    jobs = system.root / "workspace/w1/jobs"
    wait_until(lambda: list(jobs.glob("*/logs/agent-first.stdout.log")), 20, "resumed")
    resumed.worker.kill9()
    wait_until(lambda: not system.stray(), 15, "agent gone")
    system.start_worker()
    row, _ = resumed.end()
    assert row["id"] == running["id"] and row["state"] == "reported"
    outcomes = [attempt["outcome"] for attempt in resumed.broker.incident(row["id"])["attempts"]]
    assert outcomes == ["lost", "success"]
