"""Claude Code, unmodified from npm, run by workers against a scripted provider.
SPDX-License-Identifier: Apache-2.0
"""
import json
import sys

from lib.system import ROOT, fault, wait_until

sys.path.insert(0, str(ROOT / "tests/system/peers"))

import llm_anthropic  # noqa: E402
from llm_provider import Provider  # noqa: E402

PROGRAM = ROOT / "tests/npm/node_modules/@anthropic-ai/claude-code-linux-x64/claude"
SCRIPT = ROOT / "agent-container/run-agent.sh"
KEY = "sk-scripted-key-1"


def provider(scenario="ok"):
    """Own: close() it."""
    return Provider(llm_anthropic, scenario)


def start_worker(system, server, name="w1", env=None, **options):
    """A worker with nothing but a key and a base URL: its agents run in the sandbox, behind the
    gateway.  Proxies lead nowhere."""
    programs = system.root / "programs"
    if not programs.exists():
        programs.mkdir()
        (programs / "claude").symlink_to(PROGRAM)
    env = {"PATH": f"{programs}:/usr/bin:/bin", "ANTHROPIC_BASE_URL": server.url,
           "ANTHROPIC_API_KEY": KEY, "HTTPS_PROXY": "http://127.0.0.1:9",
           "NO_PROXY": "127.0.0.1", **(env or {})}
    defaults = {"agent_script_path": SCRIPT, "agent_cli": "claude", "agent_timeout": "60s",
                "agent_runtime": "bwrap", "agent_network": "gateway"}
    return system.start_worker(name, env=env, **{**defaults, **options})


def ask(system, *scenarios, severity="critical"):
    """Publish one incident for each scenario; {scenario: its id}."""
    names = {scenario: f"web-{scenario.replace('_', '-')}" for scenario in scenarios}
    system.publish([fault(name, context=f"scenario={scenario}", severity=severity)
                    for scenario, name in names.items()], name=f"publisher-{scenarios[0]}")
    found = wait_until(lambda: ids(system, names.values()), 20, "incidents")
    return {scenario: found[name] for scenario, name in names.items()}


def ids(system, names):
    rows = {row["resource"]["name"]: row["id"] for row in system.broker.incidents()}
    return rows if set(names) <= set(rows) else None


def first_attempt(system, incident, timeout_s=60):
    """The first attempt of an incident when it has ended, and the folder of its files."""
    def ended():
        attempts = system.broker.incident(incident)["attempts"]
        return attempts and attempts[0]["outcome"] and attempts[0]
    attempt = wait_until(ended, timeout_s, f"an attempt of {incident}", 0.1)
    return attempt, system.root / f"incidents/{incident}/attempts/1"


def said(folder):
    """What the driver has left."""
    return json.loads((folder / "output/agent-result.json").read_text())


def transcript(folder):
    return [json.loads(line)
            for line in (folder / "logs/transcript.jsonl").read_text().splitlines()]
