"""Runs in containers of podman and docker, each with a storage of its own.
SPDX-License-Identifier: Apache-2.0
"""
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

from lib import claude, engines
from lib.system import BIN, System, fault, processes_of, wait_until
from test_boxed import KEY, THIEF, provider  # noqa: F401
from test_escape import escape, judge
from test_run import script

ENGINES = ["podman", pytest.param("docker", marks=pytest.mark.nightly)]
CLAUDE = claude.PROGRAM.resolve().parent
NIGHTLY = [pytest.param(name, marks=pytest.mark.nightly) for name in ("podman", "docker")]
# It shows what it is, and waits for a file that the test makes in its workspace.
AGENT = """
{ id -u; grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; touch /x /usr/x 2>&1
  ls /proc | grep -c '^[0-9]'; env | grep -E '^(CONTAINERS_|DOCKER_|HOME=)'; } > output/seen
head -c 500 /dev/zero | tr '\\0' r > output/investigation.md
while [ ! -e go ]; do sleep 0.05; done
"""


@pytest.fixture
def root():
    """A folder that the agent's user can pass, in namespaces of its own."""
    engines.need_namespaces()
    with engines.namespaces():
        path = Path(tempfile.mkdtemp(prefix="triage-cont-"))
        path.chmod(0o711)
        yield path
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def engine(request, root):
    engines.need(request.param)
    with engines.running(request.param, root / "engine") as engine:
        engine.import_host(f"{root}/system/programs:{CLAUDE}:{BIN}:/usr/bin")
        yield engine


@pytest.fixture
def system(engine, root):
    (root / "system").mkdir()
    system = System(root / "system")
    yield system
    system.close()


def options(engine, **more):
    """A worker's options for containers of the test's image."""
    programs = engine.folder.parent / "system/programs"
    return {"agent_runtime": engine.name, "agent_image": engines.IMAGE,
            "agent_network": "gateway",
            "agent_read_paths": f"{engines.mounts()}:{CLAUDE}:{programs}", **more}


def start(system, engine, text=AGENT, **more):
    """A worker with an agent of the test's own; it is ready."""
    (system.root / "programs").mkdir(exist_ok=True)
    worker = system.start_worker(agent_script_path=script(system, text), env=engine.env,
                                 **options(engine, **more))
    worker.wait_log("agents can run")
    return worker


def workspace(system):
    """That of the only run, whose agent waits."""
    jobs = system.root / "workspace/w1/jobs"
    return wait_until(lambda: list(jobs.glob("*/output/seen")), 30, "an agent")[0].parents[1]


def in_containers(system):
    """Processes of agents, but for those that serve them."""
    return [found for found in processes_of(system.root / "workspace/w1/jobs")
            if "agent-of-test" in found[1] and "triage-" not in found[1].split()[0]]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_run_is_a_container_without_rights(system, engine):
    broker = system.start_broker()
    start(system, engine, agent_memory="300MiB", agent_pids="100")
    system.publish([fault("web-0")])
    folder = workspace(system)
    incident = broker.incidents()[0]["id"]
    assert engine.containers() == [f"triage-agent-{incident}-1"]
    host = engine.inspect(engine.containers()[0])["HostConfig"]
    assert (host["Memory"], host["PidsLimit"], host["NetworkMode"], host["ReadonlyRootfs"]) == \
        (300 << 20, 100, "none", True)
    seen = (folder / "output/seen").read_text()
    words = seen.split()
    assert words[0] == "65534" and "CapBnd: 0000000000000000" in " ".join(words), seen
    assert "NoNewPrivs:\t1" in seen and "Seccomp:\t2" in seen, seen
    assert "CONTAINERS_" not in seen and "DOCKER_" not in seen, seen
    assert not Path("/x").exists() and int(seen.split("\n")[6]) < 10, seen
    (folder / "go").touch()
    assert broker.wait_terminal(1)[0]["state"] == "reported"
    assert engine.containers() == []


@pytest.mark.parametrize("engine", NIGHTLY, indirect=True)
def test_an_agent_works_without_its_key(system, engine):
    """The real Claude Code, found in the image's own PATH.  A file that an option names is there,
    also when the worker looks at its start."""
    provider = claude.provider()
    servers = system.root / "mcp.json"
    servers.write_text('{"mcpServers": {"gone": {"command": "/nonexistent", "args": []}}}')
    try:
        system.start_broker(agent_model="sonnet")
        worker = claude.start_worker(system, provider, env=engine.env,
                                     **options(engine, agent_env="", agent_mcp_config=servers))
        worker.wait_log("agents can run")
        assert worker.records("agents can run")[0]["version"].startswith("2.")
        found = claude.ask(system, "ok")
        attempt, folder = claude.first_attempt(system, found["ok"])
        assert attempt["outcome"] == "success", (attempt, worker.log_tail())
        assert provider.keys() == {claude.KEY}
        assert "MCP server gone" in (folder / "logs/agent.stderr.log").read_text()
        assert not [path for path in folder.rglob("*") if path.is_file()
                    and claude.KEY.encode() in path.read_bytes()]
    finally:
        provider.close()


@pytest.mark.parametrize("engine", NIGHTLY, indirect=True)
def test_a_thief_finds_no_key(system, engine, provider):
    """It is the image's `claude`, and searches all that it can read."""
    programs = system.root / "programs"
    programs.mkdir()
    (programs / "claude").write_text(THIEF)
    (programs / "claude").chmod(0o755)
    broker = system.start_broker(agent_timeout="120s")
    system.start_worker(
        env={**engine.env, "ANTHROPIC_API_KEY": KEY}, agent_cli="claude",
        agent_script_path=claude.SCRIPT, **options(engine),
        anthropic_base_url=f"http://127.0.0.1:{provider.server_port}")
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1, 120)[0]
    assert row["state"] == "reported", broker.incident(row["id"])
    path = system.root / "incidents" / row["id"] / "attempts/1/logs/loot.log"
    loot = bytes.fromhex(path.read_text().strip()[::-1])
    assert b"ANTHROPIC_API_KEY=run-" in loot and KEY.encode() not in loot
    assert provider.keys == [KEY]


@pytest.mark.parametrize("engine", NIGHTLY, indirect=True)
def test_a_program_that_the_image_lacks_is_told(system, engine):
    (system.root / "programs").mkdir()
    system.start_broker()
    worker = system.start_worker(
        agent_script_path=claude.SCRIPT, agent_cli="codex", **options(engine),
        env={**engine.env, "OPENAI_API_KEY": "sk-0123456789"})
    worker.wait_log("agents cannot run here")
    why = worker.records("agents cannot run here: this worker takes no work")[0]["why"]
    assert engines.IMAGE in why and "needs the program 'codex'" in why, why


@pytest.mark.parametrize("engine", NIGHTLY, indirect=True)
def test_a_worker_that_is_killed_leaves_no_container(system, engine):
    """Its next start removes them and reports their attempts as lost, at once."""
    broker = system.start_broker(max_deliveries=9, lease_ttl="60s")
    worker = start(system, engine)
    system.publish([fault("web-0")])
    workspace(system)
    name = engine.containers()[0]
    worker.kill9()
    worker = start(system, engine)
    assert name not in engine.containers()  # removed by its triage-run, or by this start
    incident = broker.incidents()[0]["id"]
    wait_until(lambda: broker.incident(incident)["attempts"][0]["outcome"] == "lost", 10, "lost")
    folder = wait_until(lambda: [path for path in (system.root / "workspace/w1/jobs").iterdir()
                                 if path.name.endswith(".2") and (path / "output/seen").exists()],
                        30, "the second attempt")[0]
    assert engine.containers() == [f"triage-agent-{incident}-2"]
    (folder / "go").touch()
    assert broker.wait_terminal(1)[0]["state"] == "reported"
    assert engine.containers() == []


@pytest.mark.parametrize("engine", NIGHTLY, indirect=True)
def test_a_supervisor_that_is_killed_leaves_no_container(system, engine):
    system.start_broker()
    start(system, engine)
    system.publish([fault("web-0")])
    workspace(system)
    name = engine.containers()[0]
    pid = [pid for pid, words in processes_of(system.root / "workspace/w1/jobs")
           if "triage-run" in words.split()[0]][0]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: name not in engine.containers(), 20, "removed")


@pytest.mark.nightly
@pytest.mark.parametrize("engine", ["podman"], indirect=True)
def test_an_engine_that_hangs_delays_a_start_and_no_more(system, engine):
    """Attempts are lost at once all the same; the next start removes the container."""
    slow = engine.can_hang()
    broker = system.start_broker(max_deliveries=9, lease_ttl="60s")
    worker = start(system, engine)
    system.publish([fault("web-0")])
    workspace(system)
    name = engine.containers()[0]
    worker.kill9()
    slow.touch()
    worker = start(system, engine)  # its own limit is 30 s
    worker.wait_log("containers of an earlier life cannot be looked for")
    incident = broker.incidents()[0]["id"]
    wait_until(lambda: broker.incident(incident)["attempts"][0]["outcome"] == "lost", 10, "lost")
    worker.kill9()
    slow.unlink()
    assert name in engine.containers()
    worker = start(system, engine)
    assert name not in engine.containers()


@pytest.mark.nightly
@pytest.mark.parametrize("engine", ["docker"], indirect=True)
def test_only_what_is_named_is_open(root, engine):
    """test_escape.py has podman."""
    engine.run("tag", engines.IMAGE, "escape:1")
    folder = root / "escape"
    folder.mkdir(mode=0o711)
    words = [f"{key}={value}" for key, value in engine.env.items()]
    judge(escape(folder, "docker", prefix=["env", "OWN_NETWORK=1", *words]))
