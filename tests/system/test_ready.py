"""A worker that cannot run agents says so at its start, and takes no work.
SPDX-License-Identifier: Apache-2.0
"""
import datetime
import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from lib import claude
from lib.system import BIN, ROOT, Daemon, crowded, fault, wait_until
from test_metrics import Metrics, wait_metric
from test_run import script

HELD = "agents cannot run here: this worker takes no work"
SCRIPT = ROOT / "agent-container/run-agent.sh"


class Models(http.server.BaseHTTPRequestHandler):
    """A provider's list of models, for one key."""

    def do_GET(self):
        good = self.path == "/v1/models" and self.headers["x-api-key"] == claude.KEY
        body = json.dumps({"data": []} if good else {"type": "error", "error": {
            "type": "authentication_error",
            "message": f"invalid x-api-key: {self.headers['x-api-key']}"}}).encode()
        known = self.path == "/v1/models"
        self.send_response(200 if good else 401 if known else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def models():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Models) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def held(worker):
    return wait_until(lambda: worker.records(HELD), 10, "held")[0]["why"]


def test_a_program_that_is_missing_is_told_within_a_second(system):
    """The key chooses claude, which is not there.  No incident is failed by that."""
    broker = system.start_broker()
    worker = system.start_worker(agent_script_path=SCRIPT, agent_network="gateway",
                                 env={"ANTHROPIC_API_KEY": "sk-0123456789"})
    assert "needs the program 'claude', which is not on PATH: install it" in held(worker)
    started, told = (datetime.datetime.fromisoformat(worker.records(msg)[0]["ts"].rstrip("Z"))
                     for msg in ("worker started", HELD))
    assert (told - started).total_seconds() < 1
    wait_metric(broker, 1, "workers_held", **{"class": "infra"})
    system.publish([fault(f"web-{number}") for number in range(3)])
    system.start_worker("sound")
    rows = broker.wait_terminal(3)
    assert {row["state"] for row in rows} == {"reported"}
    assert {attempt["worker"] for row in rows
            for attempt in broker.incident(row["id"])["attempts"]} == {"sound"}


def claude_of_test(system):
    """An environment whose PATH has a program of this name."""
    programs = system.root / "programs"
    programs.mkdir()
    (programs / "claude").write_text("#!/bin/sh\necho 2.1.0\n")
    (programs / "claude").chmod(0o755)
    return {"PATH": f"{programs}:/usr/bin:/bin"}


@pytest.mark.parametrize("network,ready", [("gateway", False), ("proxy", True)])
def test_a_key_that_is_missing_is_told(system, network, ready):
    """Where the agent logs in by itself, it needs none."""
    broker = system.start_broker()
    worker = system.start_worker(agent_script_path=SCRIPT, agent_cli="claude",
                                 agent_network=network, env=claude_of_test(system))
    if ready:
        worker.wait_log("agents can run")
    else:
        assert "needs ANTHROPIC_API_KEY, which is not set" in held(worker)
        wait_metric(broker, 1, "workers_held", **{"class": "auth"})


@pytest.mark.parametrize("option,value,why", [
    ("agent_args", "--one 'two", "AGENT_ARGS cannot be split: --one 'two"),
    ("agent_mcp_config", "{\"mcpServers\": 7}", "AGENT_MCP_CONFIG cannot be read: ")])
def test_an_option_that_every_run_would_fail_by_is_told(system, option, value, why):
    programs = system.root / "programs"
    programs.mkdir()
    (programs / "claude").write_text("#!/bin/sh\necho 2.1.0\n")
    (programs / "claude").chmod(0o755)
    if option == "agent_mcp_config":
        (system.root / "mcp.json").write_text(value)
        value = system.root / "mcp.json"
    system.start_broker()
    worker = system.start_worker(agent_script_path=SCRIPT, agent_cli="claude",
                                 env={"PATH": f"{programs}:/usr/bin:/bin",
                                      "ANTHROPIC_API_KEY": "sk-0123456789"}, **{option: value})
    assert why in held(worker)


def test_an_agent_without_a_driver_is_refused_with_those_that_are_there(system):
    system.start_broker()
    worker = system.start_worker("wrong", wait=False, agent_script_path=SCRIPT, agent_cli="claud")
    assert worker.wait() == 78 and "no driver claud.sh" in worker.log()
    assert "claude" in worker.log() and "codex" in worker.log()


def test_hosts_do_not_count_on_the_network_of_the_host(system):
    system.start_broker()
    worker = system.start_worker(agent_network="host", agent_allowed_hosts="http://a/")
    worker.wait_log("agents can run")
    done = subprocess.run([*worker.words, "--check-config"], capture_output=True, text=True,
                          cwd=system.root, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_program_that_goes_away_holds_the_worker_after_one_run(system):
    """The next incidents wait, and are not failed one by one."""
    broker = system.start_broker()
    env = claude_of_test(system)
    worker = system.start_worker(agent_script_path=SCRIPT, agent_cli="claude", env=env,
                                 shutdown_timeout="1s")
    worker.wait_log("agents can run")
    (system.root / "programs/claude").unlink()
    system.publish([fault("web-0")])
    assert "needs the program 'claude'" in held(worker)
    wait_metric(broker, 1, "workers_held", **{"class": "infra"})
    system.publish([fault("web-1")], name="later")
    wait_until(lambda: len(broker.incidents("pending")) == 2, 10, "both wait")
    later = next(row for row in broker.incidents() if row["resource"]["name"] == "web-1")
    assert not broker.incident(later["id"])["attempts"]
    (system.root / "programs/claude").write_text("#!/bin/sh\necho 2.1.0\n")
    (system.root / "programs/claude").chmod(0o755)
    worker.signal(signal.SIGHUP)
    wait_until(lambda: broker.incident(later["id"])["attempts"], 20, "assigned")


def test_a_script_of_the_users_has_its_key_and_that_is_told_once(system):
    system.start_broker()
    worker = system.start_worker(agent_network="gateway", agent_cli="claude",
                                 env={"ANTHROPIC_API_KEY": "sk-0123456789"})
    worker.wait_log("its keys are in its environment")
    assert worker.log().count("its keys are in its environment") == 1


@pytest.mark.parametrize("name", ["run-agent.sh", "mine.sh"])
def test_a_script_that_is_not_there_names_its_option(system, name):
    system.start_broker()
    path = system.root / "gone" / name
    system.start_worker(agent_script_path=path, agent_cli="claude", wait=False)
    wait_until(lambda: f"agent_script_path {path}: No such file or directory: name the agent's "
               "script" in re.sub(r"\s+", " ", system.ctl("status").stdout), 20, "it is held")


# What lies in the place of bwrap, and what is then said of it.
BROKEN, MISSING = "/bin/false", "/dev/null"
SAID = {BROKEN: "bwrap: it failed and said nothing", MISSING: "install one of these packages: "}


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")
@pytest.mark.parametrize("agent,bwrap", [("claude", BROKEN), ("claude", MISSING),
                                         ("playbook", BROKEN)])
def test_without_any_sandbox_no_work_is_taken(system, agent, bwrap):
    """And it is told what bwrap says, or what to install.  The playbook runs: it is no program of
    others."""
    system.start_broker()
    system.root.chmod(0o700)  # no other user can pass: nothing for Landlock
    (system.root / "programs").mkdir()
    (system.root / "programs/claude").symlink_to(claude.PROGRAM)
    worker = Daemon(system, "w1", "triage-worker", {
        "broker_endpoint": system.broker_ports["work_endpoint"], "worker_name": "w1",
        "broker_files_endpoint": system.broker_ports["files_endpoint"],
        "keys_dir": system.peer_keys("worker", "w1"), "workspace_root": system.root / "workspace",
        "agent_script_path": SCRIPT, "agent_cli": agent},
        env={"ANTHROPIC_API_KEY": "sk-0123456789",
             "PATH": f"{system.root}/programs:/usr/bin:/bin"},
        prefix=["unshare", "-m", "sh", "-c",
                f'mount --bind {bwrap} /usr/bin/bwrap && exec "$@"', "sh"])
    if agent == "playbook":
        worker.wait_log("agents can run")
        return
    why = held(worker)
    assert "no sandbox holds on this host" in why and SAID[bwrap] in why
    assert ("bubblewrap" in why) == (bwrap == MISSING)


def check_agent(system, models, key, agent="claude", **env):
    programs = system.root / "programs"
    programs.mkdir()
    (programs / "claude").symlink_to(claude.PROGRAM)
    path = system.root / "key"
    path.write_text(f"{key}\n")
    return subprocess.run(
        [BIN / "triage-worker", "--check-agent", "--agent-cli", agent, "--script-path", SCRIPT,
         "--agent-runtime", "bwrap"], capture_output=True, text=True, timeout=60,
        env={"PATH": f"{programs}:/usr/bin:/bin", "ANTHROPIC_API_KEY_FILE": str(path),
             "ANTHROPIC_BASE_URL": models, **env})


def test_check_agent_says_that_all_is_well(system, models):
    done = check_agent(system, models, claude.KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "HTTP 200" in done.stdout and "bwrap" in done.stdout and claude.KEY not in done.stdout
    assert "agents cannot ask any cluster: set KUBECONFIG" in done.stdout


def test_check_agent_names_the_kubeconfig(system, models):
    path = system.root / "a.kubeconfig"
    path.write_text("apiVersion: v1\nkind: Config\n")
    done = check_agent(system, models, claude.KEY, KUBECONFIG=str(path))
    assert done.returncode == 0 and re.search(rf"kubeconfig +set +{path}", done.stdout), done.stdout


@pytest.mark.parametrize("name,value", [("AGENT_ALLOWED_HOSTS", "http://a/"),
                                        ("AGENT_READ_PATHS", "/usr:/nope"),
                                        ("AGENT_USER", "nobodyy")])
def test_check_agent_names_an_option_that_would_fail_runs(system, models, name, value):
    if name == "AGENT_USER" and os.geteuid() != 0:
        pytest.skip("only root chooses a user")
    done = check_agent(system, models, claude.KEY, **{name: value})
    shown = " ".join(done.stdout.split())
    assert done.returncode == 1 and f"ready NO {name.lower()}" in shown, done.stdout
    assert "sandbox" not in shown


def test_check_agent_names_a_bad_key(system, models):
    begun = time.monotonic()
    done = check_agent(system, models, "sk-of-nobody")
    assert done.returncode == 1 and time.monotonic() - begun < 15 * crowded()
    shown = " ".join(done.stdout.split())
    assert "HTTP 401 auth: invalid x-api-key: ************; correct anthropic_api_key" in shown
    assert "sk-of-nobody" not in done.stdout


@pytest.mark.parametrize("network,code", [("gateway", 1), ("proxy", 0)])
def test_check_agent_with_a_key_that_is_no_option(system, models, network, code):
    """A driver of one's own may want any variable.  The gateway cannot add such a key."""
    (system.root / "mine.sh").write_text(
        "driver_program=true driver_provider=openai driver_key_env=MINE_API_KEY\n"
        "driver_version () { echo 1.0.0; }\ndriver_run () { true; }\n")
    done = check_agent(system, models, claude.KEY, AGENT_DRIVERS_DIR=str(system.root),
                       MINE_API_KEY="x", AGENT_ENV="MINE_API_KEY", AGENT_NETWORK=network,
                       agent="mine")
    shown = " ".join(done.stdout.split())
    assert done.returncode == code, shown
    assert ("the agent logs in by itself" if network == "proxy" else
            "which the gateway cannot add: name it in agent_env, and set agent_network: proxy"
            ) in shown


def test_check_agent_does_not_blame_the_key_where_no_models_are_listed(system, models):
    done = check_agent(system, f"{models}/proxy", claude.KEY)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = " ".join(done.stdout.split())
    assert "provider unknown" in shown and "FAILED" not in shown
    assert "HTTP 404: the base URL is wrong, or this provider has no list" in shown


def test_folders_of_options_that_are_missing_hold_the_worker(system):
    """Each is named.  Made later, they are found by SIGHUP."""
    broker = system.start_broker()
    worker = system.start_worker(agent_skills_dir="skills", agent_mcp_config="mcp.json",
                                 agent_drivers_dir="drivers")
    why = held(worker)
    for option in ("agent_skills_dir skills", "agent_mcp_config mcp.json",
                   "agent_drivers_dir drivers"):
        assert f"{option}: No such file" in why, why
    wait_metric(broker, 1, "workers_held", **{"class": "config"})
    (system.root / "skills").mkdir()
    (system.root / "drivers").mkdir()
    (system.root / "mcp.json").write_text("{}")
    worker.signal(signal.SIGHUP)
    worker.wait_log("agents can run")


def test_a_long_name_is_cut_and_the_worker_stays_held(system):
    """In the middle of a character, which the broker would have refused."""
    broker = system.start_broker()
    worker = system.start_worker(agent_skills_dir="x" + "\u00e9" * 200)
    wait_metric(broker, 1, "workers_held", **{"class": "config"})
    assert not worker.records("broker refused a message")


def test_a_key_that_is_added_is_read_on_sighup(system):
    system.start_broker()
    config = system.root / "worker.yaml"
    config.write_text("agent_cli: claude\n")
    worker = system.start_worker(config=config, agent_script_path=SCRIPT, agent_network="gateway",
                                 env=claude_of_test(system))
    assert "needs ANTHROPIC_API_KEY" in held(worker)
    config.write_text(f"agent_cli: claude\nanthropic_api_key: {claude.KEY}\n")
    worker.signal(signal.SIGHUP)
    worker.wait_log("agents can run")


def test_a_new_key_outlives_a_reload_that_fails_during_its_look(system):
    system.start_broker()
    env, slow, looks = claude_of_test(system), system.root / "slow", system.root / "looks"
    (system.root / "programs/claude").write_text(
        f"#!/bin/sh\necho >>{looks}\nwhile [ -e {slow} ]; do sleep 0.05; done\necho 2.1.0\n")
    config = system.root / "worker.yaml"
    config.write_text("agent_cli: claude\n")
    worker = system.start_worker(config=config, agent_script_path=SCRIPT, agent_network="gateway",
                                 agent_read_paths=system.root, env=env)
    held(worker)

    def hup(text, answer):
        before = len(worker.records(answer))
        config.write_text(text)
        worker.signal(signal.SIGHUP)
        wait_until(lambda: len(worker.records(answer)) > before, 10, answer)

    slow.touch()
    hup(f"agent_cli: claude\nanthropic_api_key: {claude.KEY}\n", "configuration reloaded")
    hup("no_such_option: 1\n", "configuration not reloaded")
    seen = len(looks.read_text())
    slow.unlink()
    wait_until(lambda: len(looks.read_text()) > seen, 20, "a look after that")
    seen = len(looks.read_text())
    hup("no_such_option: 1\n", "configuration not reloaded")
    wait_until(lambda: len(looks.read_text()) > seen, 20, "one more: that before has ended")
    worker.signal(signal.SIGUSR1)
    worker.wait_log("msg=state")
    assert worker.records("state")[0]["held"] == ""


def test_a_key_that_chooses_another_agent_needs_a_restart(system):
    system.start_broker()
    config = system.root / "worker.yaml"
    config.write_text("agent_timeout: 60s\n")
    worker = system.start_worker(config=config)
    config.write_text(f"agent_timeout: 60s\nanthropic_api_key: {claude.KEY}\n")
    worker.signal(signal.SIGHUP)
    worker.wait_log("the keys choose another agent, which needs a restart")
    assert not worker.records("configuration reloaded")


NEEDS_GOOD_KEY = r"""
case "$ANTHROPIC_API_KEY" in good-*) ;; *) exit 77 ;; esac
mkdir -p output
exec >output/investigation.md
echo "# Report"; echo "It was said with $ANTHROPIC_API_KEY"; head -c 200 /dev/zero | tr '\0' x
"""


@pytest.mark.parametrize("told", [True, False])
def test_a_new_key_in_its_file_ends_the_hold(system, told):
    """On SIGHUP, or within 30 s.  No incident waits, so that no probe could end it."""
    broker = system.start_broker(give_back_for="1s")
    key, new = system.root / "key", system.root / "new"
    key.write_text("bad-key-0001\n")
    worker = system.start_worker(agent_script_path=script(system, NEEDS_GOOD_KEY),
                                 agent_cli="claude", anthropic_api_key_file=key)
    system.publish([fault("web-0")])
    assert broker.wait_terminal(1)[0]["state"] == "agent_failed"
    wait_metric(broker, 1, "workers_held", **{"class": "auth"})
    new.write_text("good-key-0002\n")
    new.rename(key)
    if told:
        worker.signal(signal.SIGHUP)
    wait_until(lambda: Metrics(broker).get("workers_held", **{"class": "auth"}) == 0, 45, "lifted")
    system.publish([fault("web-1")], name="again")
    row = next(row for row in broker.wait_terminal(2) if row["resource"]["name"] == "web-1")
    assert row["state"] == "reported"
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    report = system.root / "incidents" / row["id"] / "output/investigation.md"
    assert f"It was said with {'*' * len('good-key-0002')}\n" in report.read_text()


def test_a_reload_with_the_same_key_ends_no_hold(system):
    broker = system.start_broker(give_back_for="1s")
    worker = system.start_worker(agent_script_path=script(system, NEEDS_GOOD_KEY),
                                 agent_cli="claude", env={"ANTHROPIC_API_KEY": "bad-key-0001"})
    system.publish([fault("web-0")])
    broker.wait_terminal(1)
    wait_metric(broker, 1, "workers_held", **{"class": "auth"})
    worker.signal(signal.SIGHUP)
    worker.wait_log("configuration reloaded")
    system.start_worker("later")
    wait_until(lambda: len(broker.get("/api/v1/workers")["workers"]) == 2, 20,
               "a worker that looks, too, and later")
    assert Metrics(broker).get("workers_held", **{"class": "auth"}) == 1


def test_list_runtimes_says_what_holds(system):
    done = subprocess.run([BIN / "triage-worker", "--list-runtimes"], capture_output=True,
                          text=True, timeout=60, env={"PATH": "/usr/bin:/bin"})
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert done.returncode == 0 and {"podman", "docker", "bwrap", "landlock", "none"} <= set(lines)
    assert " yes " in lines["bwrap"] and "all: nothing is held" in lines["none"]
    chosen = next(name for name in ("podman", "docker", "bwrap") if " yes " in lines[name])
    assert f"agent_runtime auto takes {chosen}." in done.stdout
    assert "triage-run" in lines["disk"]
    for limit in ("memory", "processes"):
        assert any(by in lines[limit] for by in ("cgroup v1", "cgroup v2", "triage-run"))
