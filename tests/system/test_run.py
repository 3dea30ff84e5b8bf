"""The edges of a run: validation, agents that do not want to end, workers and supervisors that die.
SPDX-License-Identifier: Apache-2.0
"""
import fcntl
import os
import re
import shutil
import signal
import tempfile
from datetime import datetime
from pathlib import Path

import pytest

from lib.system import BIN, ROOT, Daemon, System, fault, processes_of, sanitizer_options, wait_until

LOG_MAX = 5 * 1024 * 1024


def script(system, text, interpreter="/bin/sh"):
    """An agent of this test's own."""
    path = system.root / "agent-of-test"
    path.write_text(f"#!{interpreter}\n{text}\n")
    path.chmod(0o755)
    return path


def run_one(system, text, interpreter="/bin/sh", timeout="20s", **options):
    """One incident through one worker; its row when it has ended.  Given back, it ends soon."""
    broker = system.broker or system.start_broker(agent_timeout=timeout, give_back_for="1s")
    system.worker = system.start_worker(agent_script_path=script(system, text, interpreter),
                                        **options)
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    return broker.incident(row["id"])


def outcome(detail):
    attempt = detail["attempts"][-1]
    return detail["state"], attempt["outcome"], attempt["reason"]


def attempt_folder(system, detail):
    """There before the verdict is; the top of the incident's folder comes after it."""
    return system.root / "incidents" / detail["id"] / "attempts/1"


def agents(system):
    """Processes that run in a workspace of the worker."""
    return [found for found in processes_of(system.root / "workspace/w1/jobs")
            if "triage-worker" not in found[1]]


def left_of_jobs(system):
    """What a worker still has of its jobs; each goes to the trash in the end."""
    return [path for part in ("jobs", "spool", "trash")
            for path in (system.root / "workspace/w1" / part).iterdir()]


def time_of(worker, msg):
    """When the worker logged this, as time.time() has it."""
    return datetime.fromisoformat(worker.records(msg)[0]["ts"].replace("Z", "+00:00")).timestamp()


@pytest.mark.parametrize("size,expected", [
    (100, ("agent_failed", "agent", "investigation.md too small: 100 bytes (expected > 100)")),
    (101, ("reported", "success", "")),
])
def test_a_report_needs_more_than_100_bytes(system, size, expected):
    detail = run_one(system, f"head -c {size} /dev/zero | tr '\\0' r > output/investigation.md")
    state, kind, reason = outcome(detail)
    assert (state, kind, reason or "") == expected


def test_an_exit_code_outranks_a_good_report(system):
    detail = run_one(system, "head -c 500 /dev/zero | tr '\\0' r > output/investigation.md; exit 7")
    assert outcome(detail) == ("agent_failed", "agent", "agent exited with non-zero code: 7")


GOOD = "printf '# Report\\n\\n%0500d\\n' 7 > output/investigation.md; "
RESULT = GOOD + "printf '%s' '{}' > output/agent-result.json"
QUOTES = "printf '# Report\\n\\nThe agent of web-0 logs:\\n\\nAPI Error: 429 {%0200d}\\n' 7 > " \
         "output/investigation.md"
HOLDS = "investigation.md holds an error instead of a report: "


@pytest.mark.parametrize("text,reason", [
    ("printf '%200s\\n' > output/investigation.md", "investigation.md has no text"),
    ("{ printf '\\357\\273\\277'; head -c 200 /dev/zero; } > output/investigation.md",
     "investigation.md has no text"),
    (RESULT.format(
        '{"result": "API Error: 529\\noverloaded", "is_error": true, "subtype": "success"}'),
     "agent reported an error: API Error: 529 overloaded"),
    (RESULT.format('{"is_error": true, "subtype": "error_max_turns"}'), None),
    (RESULT.format('{"is_error": false, "result": "API Error: 429 is what web-0 logs"}'), None),
    ("printf 'API Error: 429 %0120d\\n' 7 > output/investigation.md",
     HOLDS + "API Error: 429 " + "7".zfill(120)),
    ("printf 'Invalid API key \\302\\267 Please run /login%200s\\n' > output/investigation.md",
     HOLDS + "Invalid API key \u00b7 Please run /login"),
    (QUOTES, None),
])
def test_what_a_report_holds_counts(system, text, reason):
    detail = run_one(system, text)
    if reason is None:
        assert outcome(detail)[:2] == ("reported", "success")
        return
    assert outcome(detail) == ("agent_failed", "agent", reason)
    said = system.worker.records("agent execution failed validation")
    assert [record["reason"] for record in said] == [reason], "the worker has judged so too"
    wait_until(lambda: system.broker.get("/api/v1/status")["breaker"]["failures"] == 1, 10,
               "counted by the breaker")


@pytest.mark.parametrize("spoil", ["echo 'Do nothing.' >", "echo More. >>", "rm",
                                   "ln -sf ../event.json", "rm logs/prompt.md; mkfifo",
                                   "rm logs/prompt.md; mkdir -p logs/prompt.md/x;:"])
def test_the_prompt_that_is_kept_is_the_one_that_was_sent(system, spoil):
    sent = "{ cat system-prompt.md; printf '\\n\\n'; cat logs/prompt.md; } > ../../../../sent; "
    detail = run_one(system, f"{sent}{GOOD}{spoil} logs/prompt.md")
    assert outcome(detail)[:2] == ("reported", "success")
    wait_until(lambda: system.result(detail["id"]), 10, "result.json")
    sent = (system.root / "sent").read_text()
    assert "You investigate one Kubernetes fault" in sent and "UNTRUSTED EVENT" in sent
    for folder in (attempt_folder(system, detail), system.root / "incidents" / detail["id"]):
        assert (folder / "logs/prompt.md").read_text() == sent, folder


def test_what_claude_says_of_itself_is_its_result(system):
    """The script leaves it where the worker looks; the report is the agent's own file."""
    folder = system.root / "path"
    folder.mkdir()
    claude = folder / "claude"
    claude.write_text("#!/bin/sh\n" + GOOD
                      + "case \"$*\" in *'--output-format stream-json'*) ;; *) exit 9 ;; esac\n"
                      "printf '%s' '{\"type\": \"result\", \"is_error\": true, \"result\": "
                      "\"Credit balance is too low\"}'\n")
    claude.chmod(0o755)
    system.start_broker(give_back_for="1s")
    system.worker = system.start_worker(agent_script_path=ROOT / "agent-container/run-agent.sh",
                                        agent_cli="claude",
                                        env={"PATH": f"{folder}:/usr/bin:/bin",
                                             "ANTHROPIC_API_KEY": "key-a-of-test"})
    system.publish([fault("web-0")])
    row = system.broker.wait_terminal(1)[0]
    detail = system.broker.incident(row["id"])
    state, kind, reason = outcome(detail)
    assert (state, kind) == ("agent_failed", "agent") and reason.endswith(
        ": Credit balance is too low"), reason
    assert (attempt_folder(system, detail) / "output/investigation.md").read_text().startswith(
        "# Report")


@pytest.mark.parametrize("spoil", ["printf '{\"is_error\": true' > output/agent-result.json",
                                   ": > output/agent-result.json"])
def test_a_result_of_the_agent_that_cannot_be_read_fails_a_short_report_only(system, spoil):
    short = outcome(run_one(system, GOOD + spoil))
    assert short[:2] == ("agent_failed", "agent")
    assert short[2].startswith(
        "agent-result.json cannot be read: no JSON object; the report is short: ")


def test_a_long_report_beside_a_result_that_cannot_be_read_is_one(system):
    spoil = "printf '%3000d' 7 >> output/investigation.md; echo 'no JSON' > " \
            "output/agent-result.json"
    assert outcome(run_one(system, GOOD + spoil))[:2] == ("reported", "success")
    assert len(system.worker.records("agent result ignored")) == 1


def test_a_reason_says_what_the_agent_said(system):
    """The first telling line of its error output, redacted, behind the contract's text."""
    detail = run_one(system,
                     "echo 'Loading' >&2; printf '\033[31mError: model \"x\" is not there\033[0m\n"
                     "' >&2; exit 7")
    assert outcome(detail)[2].startswith('agent exited with non-zero code: 7: ')
    assert 'Error: model "x" is not there' in outcome(detail)[2] \
        and "\x1b" not in outcome(detail)[2]


@pytest.mark.parametrize("make",
                         ["mkdir output/agent-result.json", "mkfifo output/agent-result.json",
                                  "printf '{\"is_error\": true}' > output/r; ln -s r "
                                  "output/agent-result.json"])
def test_only_a_regular_file_is_a_result_of_the_agent(system, make):
    assert outcome(run_one(system, GOOD + make))[:2] == ("reported", "success")


@pytest.mark.parametrize("make", [
    "mkdir output/investigation.md",
    "head -c 500 /dev/zero | tr '\\0' r > output/other.md; ln -s other.md output/investigation.md",
    "mkfifo output/investigation.md",
    "/usr/bin/python3 -c 'import socket; "
    "socket.socket(socket.AF_UNIX).bind(\"output/investigation.md\")'",
    "rm -r output; mkdir else; head -c 500 /dev/zero > else/investigation.md; ln -s else output",
])
def test_only_a_regular_file_is_a_report(system, make):
    detail = run_one(system, make)
    assert outcome(detail) == ("agent_failed", "agent", "investigation.md file not found")


def test_another_name_of_a_file_is_a_report(system):
    make = "head -c 500 /dev/zero | tr '\\0' r > ../../../../other; ln ../../../../other " \
           "output/investigation.md"
    assert outcome(run_one(system, make))[:2] == ("reported", "success")
    assert (system.root / "other").stat().st_size == 500


def test_a_report_that_appears_after_the_timeout_does_not_count(system):
    text = "trap 'head -c 500 /dev/zero | tr \"\\0\" r > output/investigation.md; exit 0' TERM; " \
           "sleep 60 & wait"
    detail = run_one(system, text, timeout="3s", agent_kill_grace="60s")
    assert outcome(detail) == ("agent_failed", "agent", "agent timed out after 3 s")
    assert (attempt_folder(system, detail) / "output/investigation.md").stat().st_size == 500


NASTY = """
import os, pathlib, signal, time
def live():
    while True:
        pathlib.Path("../../../../alive").touch()
        time.sleep(0.05)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        live()
    os._exit(0)
block = b"n" * 65536
for _ in range(200 * 16):
    os.write(1, block)
live()
"""


def test_an_agent_that_fights_is_gone_by_timeout_and_grace(system):
    """TERM ignored, a daemon in another session holds the pipes, 200 MB of output."""
    timeout_s, grace_s = 3, 4
    detail = run_one(system, NASTY, "/usr/bin/python3", timeout=f"{timeout_s}s",
                     agent_kill_grace=f"{grace_s}s")
    assert outcome(detail) == ("agent_failed", "agent", f"agent timed out after {timeout_s} s")
    began = time_of(system.worker, "agent started")
    assert timeout_s + grace_s / 2 < time_of(system.worker,
                                             "agent execution failed validation") - began
    assert (system.root / "alive").stat().st_mtime - began < timeout_s + grace_s
    assert agents(system) == []
    log = attempt_folder(system, detail) / "logs/agent.stdout.log"
    assert LOG_MAX - 4096 < log.stat().st_size <= LOG_MAX
    cut = [line for line in log.read_bytes().split(b"\n") if line.startswith(b"[... ")]
    total = 200 * 1024 * 1024
    assert len(cut) == 1 and total - LOG_MAX <= int(cut[0].split()[1]) <= total - LOG_MAX + 4096


def test_daemons_of_an_agent_that_has_ended_are_ended_too(system):
    text = "(trap '' TERM; setsid sleep 600) & head -c 500 /dev/zero | tr '\\0' r > " \
           "output/investigation.md"
    detail = run_one(system, text, agent_kill_grace="1s")
    assert outcome(detail)[:2] == ("reported", "success")
    assert agents(system) == []


def test_agents_end_when_their_worker_is_killed(system):
    broker = system.start_broker()
    worker = system.start_worker(agent_script_path=script(system,
                                                          "trap '' TERM; setsid sleep 600 & sleep "
                                                          "600"),
                                 agent_kill_grace="1s")
    system.publish([fault("web-0")])
    wait_until(lambda: len(agents(system)) >= 4, 20, "the agent's processes")
    worker.kill9()
    wait_until(lambda: not agents(system), 10, "no agent left")
    assert broker.alive()


@pytest.mark.parametrize("how,reason", [
    ("outside", "agent exited with non-zero code: 137"),
    ("kill -KILL $PPID; sleep 600", "agent exited with non-zero code: 137"),
    ("kill -TERM $PPID; sleep 600", "agent exited with non-zero code: 143"),
    # 137: sleep began late
    ("trap 'exit 0' TERM; kill -TERM $PPID; sleep 600",
     "agent exited with non-zero code: 1(43|37)"),
    ("kill -HUP $PPID; kill -INT $PPID; sleep 600", "agent exited with non-zero code: 143")])
def test_a_supervisor_that_dies_under_its_agent_is_no_failure_of_the_host(system, how, reason):
    """A few agents that kill theirs would have all workers quarantined."""
    broker = system.start_broker(agent_attempts=1)
    system.start_worker(agent_script_path=script(system, "setsid sleep 600 & "
                                                 + ("sleep 600" if how == "outside" else how)))
    system.publish([fault("web-0")])
    if how == "outside":
        wait_until(lambda: len(agents(system)) >= 4, 20, "the agent's processes")
        os.kill(next(pid for pid, words in agents(system) if "triage-run" in words.split()[0]),
                signal.SIGKILL)
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "agent_failed" and re.match(reason, row["reason"]), row["reason"]
    assert [attempt["outcome"] for attempt in broker.incident(row["id"])["attempts"]] == ["agent"]
    wait_until(lambda: not agents(system), 10, "no agent left")


@pytest.mark.parametrize("name", ["../other", "../.hidden"])
def test_a_workspace_that_its_agent_has_renamed_is_removed(system, name):
    broker = system.start_broker()
    system.start_worker(agent_script_path=script(system, f'mv "$PWD" "$PWD/{name}"'))
    system.publish([fault("web-0")])
    assert broker.wait_terminal(1)[0]["reason"] == "investigation.md file not found"
    wait_until(lambda: not os.listdir(system.root / "workspace/w1/jobs"), 10, "nothing stays")


def test_a_drained_worker_lets_its_agent_finish(system):
    broker = system.start_broker()
    text = "touch going; while [ ! -e ../../../../go ]; do sleep 0.05; done; " \
           "head -c 500 /dev/zero | tr '\\0' r > output/investigation.md"
    worker = system.start_worker(agent_script_path=script(system, text), shutdown_timeout="30s")
    system.publish([fault("web-0"), fault("web-1")])
    wait_until(lambda: list((system.root / "workspace/w1/jobs").glob("*/going")), 20, "agent runs")
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    wait_until(lambda: [row["slots"] for row in broker.get("/api/v1/workers")["workers"]] == [0],
               10, "no slots offered")
    (system.root / "go").touch()
    assert worker.wait() == 0
    assert len(broker.incidents("reported")) == 1 and len(broker.incidents("reported")
                                                          + broker.incidents("pending")) == 2


@pytest.mark.parametrize("signals", [1, 2])
def test_a_drain_that_takes_too_long_gives_the_attempt_back(system, signals):
    """After shutdown_timeout, or at once with a second signal."""
    broker = system.start_broker()
    worker = system.start_worker(agent_script_path=script(system, "trap '' TERM; sleep 600"),
                                 agent_kill_grace="1s",
                                 shutdown_timeout="1s" if signals == 1 else "600s")
    system.publish([fault("web-0")])
    wait_until(lambda: len(agents(system)) >= 3, 20, "agent runs")
    for _ in range(signals):
        seen = worker.log().count("draining")
        worker.signal(signal.SIGTERM)
        wait_until(lambda n=seen: worker.log().count("draining") > n or n, 10, "signal taken")
    assert worker.wait(20) == 0
    assert agents(system) == []
    wait_until(lambda: broker.incidents("pending"), 10, "given back")
    assert worker.records("attempt given back")[0]["reason"] == "drain"


def test_a_finished_report_survives_the_broker_and_the_worker(system):
    """The broker is away when the agent ends; the worker is killed; both come back;
    one run, one report."""
    broker = system.start_broker()
    text = "echo run >> ../../../../runs; while [ ! -e ../../../../go ]; do sleep 0.05; done; " \
           "head -c 500 /dev/zero | tr '\\0' r > output/investigation.md"
    worker = system.start_worker(agent_script_path=script(system, text))
    system.publish([fault("web-0")])
    wait_until(lambda: (system.root / "runs").exists(), 20, "agent runs")
    broker.kill9()
    (system.root / "go").touch()
    wait_until(lambda: list((system.root / "workspace/w1/spool").glob("*/verdict.json")), 20,
               "spooled")
    worker.kill9()
    broker = system.start_broker()
    system.start_worker(name="w1", agent_script_path=system.root / "agent-of-test")
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "reported"
    wait_until(lambda: not list((system.root / "workspace/w1/spool").iterdir()), 10, "spool empty")
    assert (system.root / "runs").read_text() == "run\n"


def test_the_worker_refuses_a_folder_that_a_broker_holds(system):
    system.start_broker()
    worker = system.start_worker(workspace_root=system.root / "incidents", wait=False)
    assert worker.wait() == 78
    assert "held by a broker" in worker.log()


def test_two_workers_cannot_share_a_name_and_a_folder(system):
    system.start_broker()
    system.start_worker("w1")
    second = Daemon(system, "second", "triage-worker", {
        "broker_endpoint": system.broker_ports["work_endpoint"], "worker_name": "w1",
        "broker_files_endpoint": system.broker_ports["files_endpoint"], "keys_dir": system.keys_dir,
        "workspace_root": system.root / "workspace"}, wait=False)
    assert second.wait() == 3
    assert "in use" in second.log()


def test_a_worker_waits_for_the_lock_that_a_killed_one_left_with_its_child(system):
    system.start_broker()
    home = system.root / "workspace/w1"
    home.mkdir(parents=True)
    with open(home / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        worker = system.start_worker("w1", wait=False)
        worker.wait_log("waiting for the lock")
    worker.wait_ready()


NOSY = """
worker=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$PPID/status)
cd ../../../..
tr '\\0' '\\n' < /proc/$PPID/environ > supervisor
cat /proc/$worker/comm > worker
cat /proc/$worker/environ > environ
true < /proc/$worker/mem && touch mem
cd "$WORKSPACE_DIR"
"""


def test_an_agent_cannot_read_the_keys_of_its_worker():
    """As one user, not root: whoever may trace everything sees everything."""
    with tempfile.TemporaryDirectory(prefix="triage-user-") as folder:
        system = System(folder)
        try:
            nosy_agent(system)
        finally:
            system.close()


def nosy_agent(system):
    user = ["setpriv", "--reuid=65534", "--regid=65534",
            "--clear-groups"] if os.geteuid() == 0 else []
    system.root.chmod(0o777)
    needed = [BIN / "triage-worker", BIN / "triage-run", *(ROOT / "tests").glob("*.supp")]
    for file in needed:  # the user need not get at the build, nor at the sources
        shutil.copy(file, system.root / file.name)
    options = {key: value.replace(f"{ROOT}/tests/", f"{system.root}/") for key,
               value in sanitizer_options().items()}
    system.start_broker()
    Daemon(system, "w1", system.root / "triage-worker", {
        "broker_endpoint": system.broker_ports["work_endpoint"], "worker_name": "w1",
        "agent_cli": "claude",
        "broker_files_endpoint": system.broker_ports["files_endpoint"], "keys_dir": system.keys_dir,
        "workspace_root": system.root / "workspace", "agent_runtime": "none",
        "agent_network": "host", "agent_script_path": script(system, NOSY + GOOD)},
        env={"ANTHROPIC_API_KEY": "key-of-this-agent", "OPENAI_API_KEY": "key-of-another",
             **options}, prefix=user)
    system.publish([fault("web-0")])
    assert system.broker.wait_terminal(1)[0]["state"] == "reported"
    assert (system.root / "worker").read_text() == "triage-worker\n"
    assert "ANTHROPIC_API_KEY=key-of-this-agent\n" in (system.root / "supervisor").read_text(), \
        "it could look"
    assert "key-of-another" not in (system.root / "supervisor").read_text()
    assert (system.root / "environ").read_text() == ""
    assert not (system.root / "mem").exists()


def test_workspaces_are_removed_in_the_end(system):
    """Deep, wide and closed folders too."""
    text = "d=deep; for i in $(seq 60); do mkdir -p $d; d=$d/d; done; mkdir many; cd many; seq " \
           "2000 | xargs touch; cd ..; " \
           "chmod 0 many; head -c 500 /dev/zero | tr '\\0' r > output/investigation.md"
    run_one(system, text)
    wait_until(lambda: not left_of_jobs(system), 20, "nothing left")


def test_nothing_of_the_workers_environment_reaches_the_agent(system):
    text = "env | sed 's/=.*//' | sort > output/investigation.md"
    detail = run_one(system, text,
                     env={"ANTHROPIC_API_KEY": "sk-1", "OPENAI_API_KEY": "sk-2", "HOME": "/root",
                                        "LD_LIBRARY_PATH": "/x", "https_proxy": "http://p:1"},
                     agent_cli="codex")
    names = set((attempt_folder(system, detail) / "output/investigation.md").read_text().split())
    assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
        "PATH", "LANG", "https_proxy", "WORKSPACE_DIR", "AGENT_CLI",
        "AGENT_ALLOWED_TOOLS",
        "CONTAINER_TIMEOUT", "PROMPT_FILE", "SYSTEM_PROMPT_FILE", "AGENT_RUNTIME", "AGENT_IMAGE",
        "INCIDENT_ID", "ATTEMPT", "OPENAI_API_KEY"}
    assert "sk-" not in system.worker.log()


def test_a_key_that_the_agent_writes_down_does_not_leave_the_worker(system):
    """In its report, its output and a log; and what it linked to is not touched."""
    victim = system.root / "workspace/victim"
    text = "echo $OPENAI_API_KEY; env >&2; ln ../../../victim logs/victim.log; for i in 1 2 3 4 " \
           "5 6; do env; done " \
           "> output/investigation.md"
    victim.parent.mkdir()
    victim.write_text("key: sk-proj-0123456789\n")
    detail = run_one(system, text, env={"OPENAI_API_KEY": "sk-proj-0123456789"}, agent_cli="codex")
    folder = attempt_folder(system, detail)
    assert detail["state"] == "reported"
    wait_until(lambda: system.result(detail["id"]), 10, "result.json")
    assert (folder / "logs/victim.log").read_text() == "key: ******************\n"
    assert (folder / "logs/agent.stdout.log").read_text() == "******************\n"
    wait_until(lambda: not left_of_jobs(system), 20, "nothing left")
    files = [path for path in system.root.rglob("*") if path.is_file() and path != victim]
    assert [path for path in files if b"sk-proj-0123456789" in path.read_bytes()] == []
    assert victim.read_text() == "key: sk-proj-0123456789\n"
