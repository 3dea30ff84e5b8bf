"""The class and the sentence of each row that a script can produce, from the real worker.
SPDX-License-Identifier: Apache-2.0
"""
import json

import pytest

from lib.system import fault, wait_until

#  What the event's context names runs: REPORT, RESULT and CODE of the test's row.
AGENT = r"""#!/bin/bash
set -u
row=$(sed -n 's/^ *"context": *"do: \([a-z0-9_]*\).*/\1/p' "$WORKSPACE_DIR/event.json")
. "%s/$row"
mkdir -p "$WORKSPACE_DIR/output"
[ -z "$report" ] || printf '%%s\n' "$report" >"$WORKSPACE_DIR/output/investigation.md"
[ -z "$result" ] || printf '%%s\n' "$result" >"$WORKSPACE_DIR/output/agent-result.json"
[ -z "$error" ] || printf '%%s\n' "$error" >&2
eval "$end"
"""

REPORT = "# Report\n\n" + "The memory limit of the container is too low for its heap. " * 3
EXIT = "agent exited with non-zero code: "


def said(name, text, **more):
    return {"is_error": True, "class": name, "result": text, **more}


#  name: report, result, standard error, end, class, reason
CHARGED = {
    "refused": ("", said("refused", "I cannot help"), "", "exit 1", "refused",
                EXIT + "1: I cannot help"),
    "too_large": ("", {"is_error": True, "terminal_reason": "prompt_too_long", "result": "long"},
                  "", "exit 1", "too_large", EXIT + "1: long"),
    "limit": ("", {"is_error": True, "subtype": "error_max_turns", "errors": ["no turns left"]},
              "", "exit 1", "limit", EXIT + "1: no turns left"),
    "partial": (REPORT, {"is_error": True, "subtype": "error_max_turns",
                         "errors": ["no turns left"]}, "", "exit 1", "partial",
                EXIT + "1: no turns left"),
    "unknown": ("", None, "Error: no idea", "exit 3", "invalid_output", EXIT + "3: Error: no idea"),
    "nothing": ("", None, "", "exit 0", "invalid_output", "investigation.md file not found"),
    "killed": ("", None, "", "kill -9 $$", "killed", EXIT + "137"),
    "timeout": ("", None, "Error: noise", "sleep 60", "timeout", "agent timed out after 3 s"),
    "late": (REPORT, None, "", "sleep 60", "partial", "agent timed out after 3 s"),
}
GIVEN_BACK = {
    "rate_limited": ("", said("rate_limited", "Request rejected (429)", exit_code=1), "", "exit 75",
                     "rate_limited", EXIT + "1: Request rejected (429)"),
    "overloaded": ("", {"is_error": True, "api_error_status": 529, "result": "Overloaded"}, "",
                   "exit 1", "overloaded", EXIT + "1: Overloaded"),
    "cut": ("", {"is_error": True, "result": "Connection lost mid-response"}, "", "exit 69",
            "provider", EXIT + "69: Connection lost mid-response"),
    "code69": ("", None, "", "exit 69", "provider", EXIT + "69"),
    "code75": ("", None, "", "exit 75", "rate_limited", EXIT + "75"),
}
HELD = {
    "auth": ("", said("auth", "Invalid API key", exit_code=1), "", "exit 77", "auth",
             EXIT + "1: Invalid API key"),
    "quota": ("", {"is_error": True, "api_error_status": 400,
                   "result": "Credit balance is too low"}, "", "exit 1", "quota",
              EXIT + "1: Credit balance is too low"),
    "config": ("", None, "run: no such model", "exit 78", "config",
               EXIT + "78: run: no such model"),
}


def shell(text):
    return "'" + text.replace("'", "'\\''") + "'"


def attempts_of(system, rows, **options):
    """Run these rows, each as one incident; the first ended attempt of each by its name."""
    folder, script = system.root / "rows", system.root / "agent.sh"
    folder.mkdir()
    for name, (report, result, error, end, *_) in rows.items():
        result = json.dumps(result) if result else ""
        (folder / name).write_text(f"report={shell(report)}\nresult={shell(result)}\n"
                                   f"error={shell(error)}\nend={shell(end)}\n")
    script.write_text(AGENT % folder)
    script.chmod(0o755)
    broker = system.start_broker(agent_timeout="3s", **options)
    system.start_worker(agent_script_path=script, max_concurrent_agents=len(rows))
    system.publish([fault(f"web-{name.replace('_', '-')}", context=f"do: {name}")
                    for name in rows])

    def ended():
        found = {}
        for row in broker.get("/api/v1/incidents")["incidents"]:
            detail = broker.incident(row["id"])
            name = detail["resource"]["name"].removeprefix("web-").replace("-", "_")
            found |= {name: attempt for attempt in detail["attempts"][:1] if attempt["ended_at"]}
        return found if len(found) == len(rows) else None

    return broker, wait_until(ended, 30, "an attempt of each row has ended")


GROUPS = [CHARGED, GIVEN_BACK, *({name: row} for name, row in HELD.items())]


@pytest.mark.parametrize("rows", GROUPS, ids=["charged", "given back", *HELD])
def test_each_row_has_its_class_and_its_sentence(system, rows):
    _, attempts = attempts_of(system, rows)
    assert {name: (attempt["class"], attempt["reason"]) for name, attempt in attempts.items()} \
        == {name: tuple(row[4:]) for name, row in rows.items()}


def test_usage_and_the_wait_come_from_the_structured_result(system):
    result = said("rate_limited", "later", exit_code=1, retry_after_ms=3600000, agent="mine",
                  version="1.2", model="small", num_turns=4, total_cost_usd=0.0125,
                  usage={"input_tokens": 10, "output_tokens": 20})
    broker, attempts = attempts_of(system, {"wait": ("", result, "", "exit 75", "", "")})
    usage = attempts["wait"]["usage"]
    assert {key: usage[key] for key in ("agent", "version", "model", "turns", "input_tokens",
                                        "output_tokens", "cost_usd", "calls")} == {
        "agent": "mine", "version": "1.2", "model": "small", "turns": 4, "input_tokens": 10,
        "output_tokens": 20, "cost_usd": 0.0125, "calls": None}
    assert broker.incidents("pending")
