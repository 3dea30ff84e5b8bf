"""Claude Code and its driver, without broker and worker: limits, skills, a resume.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import signal
import subprocess

import pytest

from lib import claude
from lib.system import SLOW, wait_until

TOOLS = "Read,Write,Grep,Glob,Bash,Skill"


@pytest.fixture
def provider():
    provider = claude.provider()
    yield provider
    provider.close()


class Run:
    """One workspace, and run-agent.sh in it."""

    def __init__(self, root, provider, scenario):
        self.workspace, self.provider = root / "workspace", provider
        (self.workspace / "logs").mkdir(parents=True)
        self.prompt, self.system = self.workspace / "logs/prompt.md", root / "system.md"
        self.prompt.write_text(f"# Investigate scenario={scenario}\n")
        self.system.write_text("You are an SRE.\n")
        (self.workspace / "event.json").write_text("{}\n")

    def start(self, **env):
        return subprocess.Popen(
            [claude.SCRIPT, "--workspace", self.workspace, "--agent", "claude", "--model",
             "sonnet", "--allowed-tools", TOOLS, "--timeout", "60", "--prompt-file", self.prompt,
             "--system-prompt-file", self.system], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            env={"PATH": f"{claude.PROGRAM.parent}:/usr/bin:/bin", "NO_PROXY": "127.0.0.1",
                 "ANTHROPIC_BASE_URL": self.provider.url, "ANTHROPIC_API_KEY": claude.KEY,
                 "HTTPS_PROXY": "http://127.0.0.1:9", **env})

    def run(self, **env):
        process = self.start(**env)
        self.out, self.err = process.communicate(timeout=60 * SLOW)
        return process.returncode

    def begun(self):
        """The first record of the stream: what the CLI offers."""
        return json.loads(self.out.splitlines()[0])

    def result(self):
        return claude.said(self.workspace)


@pytest.mark.parametrize("scenario,limit,sentence", [
    ("report_loops", {"AGENT_MAX_TURNS": "3"}, "Reached maximum number of turns (3)"),
    ("report_loops", {"AGENT_MAX_BUDGET_USD": "0.0001"}, "Reached maximum budget ($0.0001)")])
def test_a_limit_ends_the_run_and_counts_what_it_used(tmp_path, provider, scenario, limit,
                                                      sentence):
    run = Run(tmp_path, provider, scenario)
    assert run.run(**limit) == 1
    result = run.result()
    assert (result["class"], result["result"]) == ("limit", sentence)
    billed = provider.billed()
    assert result["usage"]["input_tokens"] == billed["input"]
    assert result["usage"]["output_tokens"] == billed["output"]
    assert result["total_cost_usd"] > 0


def test_the_system_prompt_and_the_prompt_are_what_was_asked(tmp_path, provider):
    run = Run(tmp_path, provider, "ok")
    assert run.run() == 0, run.err
    asked = (run.workspace / "logs/prompt.md").read_text()
    assert asked == "You are an SRE.\n\n\n# Investigate scenario=ok\n"
    first = json.loads(provider.made()[0].body)
    assert "You are an SRE." in json.dumps(first["system"])
    assert "# Investigate scenario=ok" in json.dumps(first["messages"])
    assert run.begun()["tools"] == sorted(TOOLS.split(",")), "no tool but the allowed ones"
    result, billed = run.result(), provider.billed()
    assert (result["usage"]["input_tokens"], result["usage"]["output_tokens"]) == \
        (billed["input"], billed["output"])


def test_skills_are_offered_and_their_copy_cannot_be_changed(tmp_path, provider):
    skill = tmp_path / "skills/pods/SKILL.md"
    skill.parent.mkdir(parents=True)
    skill.write_text("---\nname: pods\ndescription: looks at pods, skill-word-7\n---\nLook.\n")
    run = Run(tmp_path, provider, "ok")
    assert run.run(AGENT_SKILLS_DIR=str(tmp_path / "skills")) == 0, run.err
    assert any(name.endswith("pods") for name in run.begun()["skills"])
    assert b"skill-word-7" in provider.bodies()
    copies = list((run.workspace / ".claude").rglob("SKILL.md"))
    assert {path.parent.name for path in copies} == {"pods", "kubernetes-triage"}
    assert [path for path in copies if path.stat().st_mode & 0o222] == []


def test_a_prompt_cannot_name_a_file_outside_the_workspace(tmp_path, provider):
    """The broker takes the sign away; this is the second wall."""
    secret = tmp_path / "secret.txt"
    secret.write_text("canary-77aa\n")
    run = Run(tmp_path, provider, f"ok see @{secret} ")
    assert run.run() == 0, run.err
    assert b"canary-77aa" not in provider.bodies()


def arguments(process):
    """The arguments of every process of its session."""
    found = b""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getsid(int(pid)) == process.pid:
                found += open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError:
            continue
    return found


def test_a_run_that_is_ended_can_be_resumed_and_its_figures_add_up(tmp_path, provider):
    run = Run(tmp_path, provider, "report_resumed")
    process = run.start()
    wait_until(lambda: len(provider.made()) == 2, 30, "the endless turn")
    seen = arguments(process)
    assert b"--output-format" in seen and claude.KEY.encode() not in seen
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=20 * SLOW)
    assert process.returncode == 143
    first, ended = run.result(), provider.made()[0].billed
    assert (first["num_turns"], first["class"], first["is_error"]) == (1, None, True)
    assert first["usage"]["input_tokens"] == ended["input"]
    assert run.run(AGENT_RESUME="1") == 0, run.err
    last = provider.made()[-1]
    assert b"Finish now" in last.body and b"toolu_1" in last.body, "it knows what it did"
    result = run.result()
    assert (result["num_turns"], result["session_id"]) == (2, first["session_id"])
    for kind in ("input", "output"):
        assert result["usage"][f"{kind}_tokens"] == ended[kind] + last.billed[kind]
    assert [step["n"] for step in claude.transcript(run.workspace)] == [1, 2]


def test_a_run_that_is_ended_while_its_provider_fails_says_so(tmp_path, provider):
    run = Run(tmp_path, provider, "s529")
    process = run.start(CLAUDE_CODE_MAX_RETRIES="50")
    wait_until(lambda: len(provider.made()) >= 3, 60, "retries")
    os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=20 * SLOW)
    assert (process.returncode, run.result()["class"]) == (143, None)
    assert run.result()["result"] == "the provider answers 529: overloaded"


def test_a_tool_server_that_does_not_start_is_a_warning(tmp_path, provider):
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"gone": {
        "command": "/nonexistent/server", "args": []}}}))
    run = Run(tmp_path, provider, "ok")
    assert run.run(AGENT_MCP_CONFIG=str(tmp_path / "mcp.json")) == 0, run.err
    said = "the MCP server gone has not started: the agent works without its tools"
    assert run.err.decode().count(said) == 1, run.err
