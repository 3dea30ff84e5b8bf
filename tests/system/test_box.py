"""A run in its box: the real Claude Code through the worker, behind the key gateway.
SPDX-License-Identifier: Apache-2.0
"""
import os
import socketserver
import tempfile
import threading
from pathlib import Path

import pytest

from lib import claude, runs
from lib.system import ROOT, System
from test_options_worker import report_of


@pytest.fixture
def system():
    """In a folder through which the agent's user can pass."""
    with tempfile.TemporaryDirectory(prefix="triage-box-") as folder:
        Path(folder).chmod(0o711)
        system = System(Path(folder))
        try:
            yield system
        finally:
            system.close()


@pytest.fixture
def provider():
    provider = claude.provider()
    yield provider
    provider.close()


def boxed(system, provider, runtime, **options):
    """A worker whose agents are enclosed; it is ready."""
    worker = claude.start_worker(system, provider, **{
        "agent_runtime": runtime, "agent_network": "gateway", "agent_env": "", **options})
    worker.wait_log("agents can run")
    return worker


@pytest.mark.parametrize("runtime", ["bwrap", "landlock",
                                     pytest.param("none", marks=pytest.mark.nightly)])
def test_the_agent_works_without_its_key(system, provider, runtime):
    """It holds a token of its run; the provider gets the key, which stands in no file."""
    runs.need(runtime)
    system.start_broker(agent_model="sonnet")
    system.worker = boxed(system, provider, runtime)
    found = claude.ask(system, "ok")
    attempt, folder = claude.first_attempt(system, found["ok"])
    assert attempt["outcome"] == "success", (attempt, system.worker.log_tail())
    assert provider.keys() == {claude.KEY}
    assert not [path for path in folder.rglob("*") if path.is_file()
                and claude.KEY.encode() in path.read_bytes()]


class Hello(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"hello from the API server\n")


@pytest.mark.parametrize("runtime", ["bwrap", "landlock", "none"])
def test_an_api_server_on_this_host_is_reached_at_its_port(system, runtime):
    """And only that one: the port of another server is not."""
    runs.need(runtime)
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Hello) as server, \
            socketserver.ThreadingTCPServer(("127.0.0.1", 0), Hello) as other:
        for each in (server, other):
            threading.Thread(target=each.serve_forever, daemon=True).start()
        port, wrong = server.server_address[1], other.server_address[1]
        (system.root / "kc").write_text(
            f"clusters: [{{name: c, cluster: {{server: 'https://127.0.0.1:{port}'}}}}]\n")
        path = system.root / "dial.sh"
        path.write_text("#!/bin/bash\n{ printf '%0200d\\n' 0; cat \"$KUBECONFIG\"\n"
                        f"cat </dev/tcp/127.0.0.1/{port}; echo\n"
                        f"cat </dev/tcp/127.0.0.1/{wrong} || echo none at the other; }} "
                        ">output/investigation.md\n")
        path.chmod(0o755)
        text = report_of(system, agent_script_path=path, agent_runtime=runtime,
                         agent_network="gateway", kubeconfig=system.root / "kc")
        for each in (server, other):
            each.shutdown()
    assert f"https://127.0.0.1:{port}" in text
    assert text.count("hello from the API server") == (2 if runtime == "none" else 1), text
    assert ("none at the other" in text) == (runtime != "none")


def test_the_keys_of_a_worker_of_root_are_in_no_box(system):
    """A script that looks for the key where it may read."""
    runs.need("landlock")
    path = system.root / "look.sh"
    path.write_text("#!/bin/bash\n{ printf '%0200d\\n' 0; env | rev; cat /proc/*/environ "
                    "/proc/*/cmdline | tr '\\0' '\\n' | rev; } >output/investigation.md "
                    "2>/dev/null; exit 0\n")
    path.chmod(0o755)
    text = report_of(system, agent_script_path=path, agent_runtime="landlock", agent_cli="codex",
                     env={"ANTHROPIC_API_KEY": "sk-of-another-agent",
                          "OPENAI_API_KEY": "sk-of-this-agent"})
    assert "tnega-siht" in text, "it could look"
    assert "tnega-rehtona" not in text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's agents have another user")
@pytest.mark.parametrize("runtime,ready", [("bwrap", True), ("landlock", False)])
def test_a_program_in_a_closed_folder_is_told(system, runtime, ready):
    """As below root's home.  bwrap opens what is above it; in landlock no incident is failed."""
    runs.need(runtime)
    closed = system.root / "closed"
    (closed / "bin").mkdir(parents=True)
    (closed / "bin/claude").write_text("#!/bin/sh\necho 2.1.330\n")
    (closed / "bin/claude").chmod(0o755)
    closed.chmod(0o700)
    system.start_broker()
    worker = system.start_worker(agent_script_path=ROOT / "agent-container/run-agent.sh",
                                 agent_cli="claude", agent_runtime=runtime,
                                 agent_network="gateway",
                                 env={"ANTHROPIC_API_KEY": "sk-0123456789",
                                      "PATH": f"{closed}/bin:/usr/bin:/bin"})
    if ready:
        worker.wait_log("agents can run")
        return
    worker.wait_log("this worker takes no work")
    assert f"{closed}/bin/claude: the agent's user cannot run it in the sandbox (landlock)" \
        in worker.log()
