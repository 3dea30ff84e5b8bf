"""Claude Code that has a report but does not end: partial, or resumed once; what it all used.
SPDX-License-Identifier: Apache-2.0
"""
import pytest

from lib import claude
from lib.system import wait_until


@pytest.fixture
def provider():
    provider = claude.provider()
    yield provider
    provider.close()


def one(system, provider, scenario, timeout, **options):
    """The row of one incident when it is over, and the folder of its attempt."""
    broker = system.start_broker(agent_model="sonnet", agent_timeout=timeout)
    system.worker = claude.start_worker(system, provider, **options)
    claude.ask(system, scenario)
    row = broker.wait_terminal(1)[0]
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    assert len(system.worker.records("agent resumed")) == 1, system.worker.log_tail()
    return row, system.root / f"incidents/{row['id']}/attempts/1"


def used_as_counted(system, provider, row):
    """The usage of both runs is what the provider has counted."""
    usage, counted = claude.used(system, row["id"]), claude.counted(provider)
    assert {name: usage[name] for name in counted} == counted, usage
    assert counted["calls"] >= 2 and counted["cost_usd"] > 0
    return usage


def test_a_report_beside_a_timeout_is_partial_and_every_turn_is_told(system, provider):
    row, folder = one(system, provider, "report_endless", claude.lasting(14))
    assert row["state"] == "agent_failed", row
    attempt = system.broker.incident(row["id"])["attempts"][0]
    assert attempt["reason"].startswith("agent timed out after "), attempt
    logged = system.worker.records("agent execution failed validation")
    assert [line["class"] for line in logged] == ["partial"]
    assert "Root Cause" in (folder / "output/investigation.md").read_text()
    result = system.result(row["id"])
    assert (result["status"], result["class"], result["partial"]) == ("failed", "partial", True)
    ended = [call for call in provider.made() if call.billed.get("output", 0) > 1]
    steps = claude.transcript(folder)
    assert [step["n"] for step in steps] == list(range(1, len(ended) + 1))
    assert "investigation.md" in steps[0]["input"]["command"]
    assert used_as_counted(system, provider, row)["turns"] >= len(ended)


def test_a_resume_that_finishes_is_a_success_and_adds_up(system, provider):
    """The first run has no turn left."""
    row, folder = one(system, provider, "report_resumed", "60s", agent_max_turns=1)
    assert row["state"] == "reported", (row, system.worker.log_tail())
    said = claude.said(folder)
    first, last = provider.made()
    assert b"Finish now" in last.body and b"toolu_1" in last.body, "it knows what it did"
    assert (said["is_error"], said["result"]) == (False, "Done.")
    for kind in ("input", "output"):
        assert said["usage"][f"{kind}_tokens"] == first.billed[kind] + last.billed[kind]
    assert [step["n"] for step in claude.transcript(folder)] == [1, 2]
    assert (folder / "logs/prompt.md").read_text().count("Finish now") == 1
    assert used_as_counted(system, provider, row)["turns"] >= 2
