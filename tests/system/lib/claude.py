"""Claude Code, unmodified from npm, run by workers against a scripted provider.
SPDX-License-Identifier: Apache-2.0
"""
import json
import math
import operator
import sys

from lib.system import ROOT, crowded, fault, wait_until

sys.path.insert(0, str(ROOT / "tests/system/peers"))

import llm_anthropic  # noqa: E402
from llm_provider import Provider  # noqa: E402

PROGRAM = ROOT / "tests/npm/node_modules/@anthropic-ai/claude-code-linux-x64/claude"
KUBECTL = ROOT / "tests/npm/node_modules/.bin/kubectl"
SCRIPT = ROOT / "agent-container/run-agent.sh"
KEY = "sk-scripted-key-1"
# USD for a million tokens, as in worker/gateway/price.c: input, output, read from the cache.
# "" is any other model.
PRICES = {"claude-sonnet-5-5": (2, 10, 0.1), "claude-haiku-5-5": (0.1, 0.5, 0.01)}


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
        (programs / "kubectl").symlink_to(KUBECTL)
    env = {"PATH": f"{programs}:/usr/bin:/bin", "ANTHROPIC_BASE_URL": server.url,
           "ANTHROPIC_API_KEY": KEY, "HTTPS_PROXY": "http://127.0.0.1:9",
           "NO_PROXY": "127.0.0.1", **(env or {})}
    defaults = {"agent_script_path": SCRIPT, "agent_cli": "claude", "agent_timeout": "240s",
                "agent_runtime": "bwrap", "agent_network": "gateway", "agent_kill_grace": "30s"}
    return system.start_worker(name, env=env, **{**defaults, **options})


def ask(system, *scenarios, severity="critical"):
    """Publish one incident for each scenario; {scenario: its id}."""
    names = {scenario: f"web-{scenario.replace('_', '-')}" for scenario in scenarios}
    system.publish([fault(name, context=f"scenario={scenario}", severity=severity)
                    for scenario, name in names.items()], name=f"publisher-{scenarios[0]}")
    found = wait_until(lambda: ids(system, names.values()), 20, "incidents")
    return {scenario: found[name] for scenario, name in names.items()}


def lasting(seconds):
    """An agent_timeout of so many seconds, and of more while the machine is busy."""
    return f"{seconds * crowded(5):.0f}s"


def ids(system, names):
    rows = {row["resource"]["name"]: row["id"] for row in system.broker.incidents()}
    return rows if set(names) <= set(rows) else None


def first_attempt(system, incident, timeout_s=100):
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


def micro_usd(call):
    """What a call cost by the price list, each rounded up."""
    model = json.loads(call.body)["model"]
    prices = next(row for name, row in PRICES.items() if model.startswith(name))
    tokens = (call.billed.get(kind, 0) for kind in ("input", "output", "cache_read"))
    return math.ceil(round(sum(map(operator.mul, tokens, prices)), 3))


def counted(provider):
    """The usage of one run as the provider has counted it."""
    billed, calls = provider.billed(), provider.made()
    return {"calls": len(calls), "input_tokens": billed["input"],
            "output_tokens": billed["output"], "cache_read_tokens": billed["cache_read"],
            "cache_write_tokens": 0, "cost_usd": sum(map(micro_usd, calls)) / 1e6}


def used(system, incident):
    """The usage of an incident of one attempt: the same in each place that shows it."""
    shown = json.loads(system.ctl("incidents", "show", incident, "-o", "json").stdout)
    usage = system.result(incident)["usage"]
    assert [attempt["usage"] for attempt in shown["attempts"]] == [usage], (usage, shown)
    return usage
