"""Claude Code that has a report but does not end: partial, or resumed once; what it all used.
SPDX-License-Identifier: Apache-2.0
"""
import json

import pytest

from lib import claude
from lib.system import wait_until
from receiver import Receiver


@pytest.fixture
def provider():
    provider = claude.provider()
    yield provider
    provider.close()


@pytest.fixture
def slack():
    receiver = Receiver()
    yield receiver
    receiver.close()


def one(system, provider, scenario, timeout, resumed=1, env=None, **options):
    """The row of one incident when it is over, and the folder of its attempt."""
    broker = system.start_broker(agent_model="sonnet", agent_timeout=timeout, env=env)
    system.worker = claude.start_worker(system, provider, **options)
    claude.ask(system, scenario)
    row = broker.wait_terminal(1)[0]
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    assert len(system.worker.records("agent resumed")) == resumed, system.worker.log_tail()
    return row, system.root / f"incidents/{row['id']}/attempts/1"


def used_as_counted(system, provider, row):
    """The usage of both runs is what the provider has counted."""
    usage, counted = claude.used(system, row["id"]), claude.counted(provider)
    assert {name: usage[name] for name in counted} == counted, usage
    assert counted["calls"] >= 2 and counted["cost_usd"] > 0
    return usage


def test_a_report_beside_a_timeout_is_partial_and_every_turn_is_told(system, provider, slack):
    row, folder = one(system, provider, "report_endless", claude.lasting(14),
                      env={"SLACK_WEBHOOK_URL": slack.url})
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
    assert "too low for its heap" in result["root_cause"], "its report is shown"
    shown(system, row["id"])
    wait_until(lambda: system.broker.get("/api/v1/status")["breaker"]["failures"] == 1, 20,
               "counted once")
    assert not slack.posts, "a partial report is no incident message"


def shown(system, incident):
    """A person is told that the report is partial; the steps and the prompt are listed."""
    assert "partial: " in system.ctl("incidents", "show", incident).stdout
    listed = json.loads(system.ctl("incidents", "show", incident, "-o", "json").stdout)
    files = {file["path"] for file in listed["artifacts"]["files"] if file["size"] > 0}
    assert {"output/investigation.md", "attempts/1/logs/transcript.jsonl",
            "attempts/1/logs/prompt.md"} <= files, files


def test_a_resume_that_finishes_is_a_success_and_adds_up(system, provider):
    """The first run has no turn left."""
    row, folder = one(system, provider, "report_resumed", "240s", agent_max_turns=1)
    assert row["state"] == "reported", (row, system.worker.log_tail())
    said = claude.said(folder)
    first, last = provider.made()
    assert b"Finish now" in last.body and b"toolu_1" in last.body, "it knows what it did"
    assert (said["is_error"], said["result"]) == (False, "Done.")
    for kind in ("input", "output"):
        assert said["usage"][f"{kind}_tokens"] == first.billed[kind] + last.billed[kind]
    assert [step["n"] for step in claude.transcript(folder)] == [1, 2]
    prompt = (folder / "logs/prompt.md").read_text()
    assert prompt.count("Finish now") == 1 and prompt.endswith("Start no new investigation.\n")
    assert used_as_counted(system, provider, row)["turns"] >= 2


def test_without_turns_and_report_a_run_has_met_its_limit(system, provider):
    row, _ = one(system, provider, "loops", claude.lasting(60), resumed=0, agent_max_turns=2)
    assert row["state"] == "agent_failed", row
    result = system.result(row["id"])
    assert (result["class"], result["partial"]) == ("limit", False)
    assert "Reached maximum number of turns (2)" in result["failure_reason"], result
