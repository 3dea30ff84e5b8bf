"""test_gateway_run - agents behind the worker's gateway: what is billed, ended and refused.

SPDX-License-Identifier: Apache-2.0
"""
import pytest

from lib import claude
from lib.clis import CLIS


@pytest.fixture
def provider():
    provider = claude.provider()
    yield provider
    provider.close()


def start(system, provider, **options):
    """A worker whose agents reach nothing but the gateway."""
    system.start_broker(agent_model="sonnet", agent_attempts=1)
    return claude.start_worker(system, provider, env={"ANTHROPIC_BASE_URL": provider.url},
                               agent_network="gateway", agent_env="", **options)


def test_usage_is_what_was_billed(system, provider):
    system.worker = start(system, provider)
    incident = claude.ask(system, "ok")["ok"]
    attempt, _ = claude.first_attempt(system, incident, 120)
    assert attempt["outcome"] == "success", attempt
    assert provider.keys() == {claude.KEY}
    billed = provider.billed()
    usage = attempt["usage"]
    assert usage["calls"] == len(provider.made())
    assert usage["output_tokens"] == billed["output"]
    assert usage["input_tokens"] == billed["input"]


def test_budget_ends_the_run(system, provider):
    """The CLI ends at once, and the reason is the gateway's sentence."""
    system.worker = start(system, provider, agent_max_budget_usd="0.01")
    incident = claude.ask(system, "ok")["ok"]
    attempt, _ = claude.first_attempt(system, incident, 120)
    assert provider.made() == []
    assert "the budget of 0.01 USD would be exceeded" in attempt["reason"], attempt
    assert attempt["class"] == "limit", attempt


@pytest.mark.parametrize("tools,passes", [("Read,Bash,WebSearch", True), ("Read,Bash", False)])
def test_tools_of_the_provider_pass_only_where_they_are_allowed(system, tools, passes):
    """This codex offers a search of the web, whatever its driver says."""
    codex = CLIS["codex"]
    server = codex.provider("ok")
    system.start_broker(agent_allowed_tools=tools, agent_attempts=1)
    try:
        codex.start_worker(system, server, agent_args="--model gpt-5.2 -c 'web_search=\"live\"'")
        incident = claude.ask(system, "ok")["ok"]
        attempt, _ = claude.first_attempt(system, incident, 120)
        bodies = server.bodies()
    finally:
        server.close()
    assert (attempt["outcome"] == "success") == (b'"web_search"' in bodies) == passes, attempt
    assert passes or "may not reach other hosts" in attempt["reason"], attempt
