"""A driver of the user's own: one file makes another agent, from AGENT_CLI to the artifacts.
SPDX-License-Identifier: Apache-2.0
"""
import json

from lib.system import ROOT, fault, wait_until

DRIVER = r"""
driver_program=sh
driver_jq='
def record:
    if .says then {text: .says}
    elif .ran then {call: {id: 1, tool: "sh", input: .ran}}, {reply: {id: 1, output: .got, exit: 0}}
    elif .asked then {turn: {id: .asked, usage: {input_tokens: 11, output_tokens: 2}}}
    else {end: {is_error: false, result: "written", num_turns: 1, total_cost_usd: 0.125}} end;
'
driver_version () { echo 7.8.9; }
driver_run () {
    exec sh -c '
        cat >got.txt
        echo "{\"asked\": \"a\"}"
        echo "{\"says\": \"hello\"}"
        echo "{\"ran\": \"ls\", \"got\": \"event.json\"}"
        printf "# Report\n\n## Root Cause\n\nThe disk is full.\n\n%0200d\n" 7 \
            >output/investigation.md
        echo "{}"'
}
"""


def test_one_file_makes_an_agent_that_is_chosen_by_its_name(system):
    folder = system.root / "drivers"
    folder.mkdir()
    (folder / "mine.sh").write_text(DRIVER)
    broker = system.start_broker()
    system.start_worker(agent_script_path=ROOT / "agent-container/run-agent.sh", agent_cli="mine",
                        env={"AGENT_DRIVERS_DIR": str(folder)})
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "reported", row
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    assert system.result(row["id"])["root_cause"] == "The disk is full."
    attempt = system.root / f"incidents/{row['id']}/attempts/1"
    said = json.loads((attempt / "output/agent-result.json").read_text())
    assert (said["agent"], said["version"], said["total_cost_usd"]) == ("mine", "7.8.9", 0.125)
    assert said["usage"]["input_tokens"] == 11
    steps = [json.loads(line)
             for line in (attempt / "logs/transcript.jsonl").read_text().splitlines()]
    assert [step.get("tool", step.get("text")) for step in steps] == ["hello", "sh"]
    assert "UNTRUSTED EVENT" in (attempt / "logs/prompt.md").read_text()
    assert '"asked"' in (attempt / "logs/agent.stdout.log").read_text()
