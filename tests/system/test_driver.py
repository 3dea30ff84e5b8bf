"""A driver of the user's own: one file makes another agent, from AGENT_CLI to the artifacts.

The file is the example of agent-container/README.md.
SPDX-License-Identifier: Apache-2.0
"""
import re

import pytest

from lib.claude import SCRIPT, ask, first_attempt, said, transcript
from lib.system import ROOT, wait_until

# The CLI of that example.  The event says if it goes well.
ACME = r"""#!/bin/bash
[ "$1" != --version ] || { echo 'acme 7.8.9 (libacme 1.2.3)'; exit; }
if grep -q scenario=fail event.json; then
    echo '{"type": "error", "status": 429, "message": "slower, please"}'
    echo '{"type": "done", "ok": false}'
    exit 9
fi
echo '{"type": "usage", "id": "a", "in": 11, "out": 2}'
printf '{"type": "text", "text": "%s"}\n' "${*:3}; $(tr -d '"' <"$2"); $SSL_CERT_FILE \
$NODE_EXTRA_CA_CERTS $CODEX_CA_CERTIFICATE; $(grep -c 'UNTRUSTED EVENT')"
echo '{"type": "tool", "id": "t", "name": "shell", "arguments": {"command": "ls"}}'
echo '{"type": "output", "id": "t", "text": "event.json", "status": 0}'
echo '{"type": "usage", "id": "b", "in": 20, "out": 3}'
printf '# Report\n\n## Root Cause\n\nThe disk is full.\n\n%0200d\n' 7 >output/investigation.md
echo '{"type": "done", "ok": true, "summary": "written"}'
"""


def example():
    """The driver that the page shows."""
    page = (ROOT / "agent-container/README.md").read_text()
    return re.search(r"^## A driver\n.*?^```bash\n(.*?)^```$", page, re.M | re.S).group(1)


@pytest.fixture
def run(system):
    """Run one incident of a scenario: its id, first attempt and folder."""
    drivers, programs = system.root / "drivers", system.root / "programs"
    drivers.mkdir()
    programs.mkdir()
    (drivers / "acme.sh").write_text(example())
    (programs / "acme").write_text(ACME)
    (programs / "acme").chmod(0o755)
    system.start_broker(agent_model="sonnet")
    system.worker = system.start_worker(
        agent_script_path=SCRIPT, agent_cli="acme", agent_drivers_dir=drivers,
        agent_args="--deep 'two words'",
        env={"PATH": f"{programs}:/usr/bin:/bin", "OPENAI_API_KEY": "sk-the-key-of-acme",
             "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "SSL_CERT_FILE": "/a.pem",
             "NODE_EXTRA_CA_CERTS": "/b.pem", "CODEX_CA_CERTIFICATE": "/c.pem"})

    def one(scenario):
        incident = ask(system, scenario)[scenario]
        return incident, *first_attempt(system, incident)
    return one


UNHELD = "the agent's CLI has no list of allowed tools: agent_allowed_tools does not hold it"


def test_one_file_makes_an_agent_that_is_chosen_by_its_name(system, run):
    incident, attempt, folder = run("ok")
    assert attempt["outcome"] == "success", (attempt, system.broker.log_tail())
    wait_until(lambda: system.result(incident), 10, "result.json")
    assert system.result(incident)["root_cause"] == "The disk is full."
    result, (text, step) = said(folder), transcript(folder)
    assert (result["agent"], result["version"], result["model"]) == ("acme", "7.8.9", "acme-large")
    assert (result["result"], result["num_turns"], result["total_cost_usd"]) == ("written", 2, None)
    assert (result["usage"]["input_tokens"], result["usage"]["output_tokens"]) == (31, 5)
    assert text["text"].split("; ") == [
        "--model acme-large --deep two words", "{url: http://127.0.0.1:9/v1, retries: 1}",
        "/a.pem /b.pem /c.pem", "2"], "arguments, settings, certificates, the prompt"
    assert (step["tool"], step["output"]["head"], step["exit"]) == ("shell", "event.json", 0)
    assert "UNTRUSTED EVENT" in (folder / "logs/prompt.md").read_text()
    assert '"usage"' in (folder / "logs/agent.stdout.log").read_text()
    assert [line["agent"] for line in system.worker.records(UNHELD)] == ["acme"], "once a worker"
    assert (folder / "logs/agent.stderr.log").read_text() == ""


def test_its_errors_have_class_and_sentence(run):
    _, attempt, folder = run("fail")
    assert attempt["class"] == "rate_limited", attempt
    assert attempt["reason"] == "agent exited with non-zero code: 9: slower, please"
    assert said(folder)["exit_code"] == 9
