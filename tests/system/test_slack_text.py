"""What the broker writes to Slack, made of random and hostile reports: Slack takes all of it,
nobody is mentioned, nothing becomes a link.

The judge is slack_rules, which shares no line with the broker.
SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import subprocess

import pytest

from lib.slack import FakeSlack, check_message, forged, parse_json, parts_of, urls_of
from lib.system import BIN, fault, wait_until

URL = "https://reports.example/a%2Fb?sig=x&se=1"  # of slack_bodies
EDIT_MAX = 4_000
HOSTILE = "<!channel> @here <@U012AB3CD> x@\uff48\uff45re \uff1c!here\uff1e ```*b* :fire: & \u202e"


def bodies(count, seed):
    """Those of so many reports."""
    done = subprocess.run([BIN / "slack_bodies", str(count), str(seed)], stdout=subprocess.PIPE,
                          check=True, timeout=200)
    return done.stdout.split(b"\n")[:-1]


def judge(line, found):
    """Fail unless Slack takes this body, as a post and as an edit, and it forges nothing."""
    body = parse_json(line)
    check_message(body, EDIT_MAX)
    assert not forged(body, {URL}), line
    for part in parts_of(body):
        found["broken"] += part["text"].count("@\u200b")
        found["escaped"] += part["text"].count("&lt;!")
        found["cut"] += part["text"].count(" \u2026")
        found["unknown"] += part["text"].count("\ufffd")
    found["buttons"] += len(urls_of(body))


@pytest.mark.parametrize("seed", [1, 2])
def test_ten_thousand_hostile_reports_forge_nothing(seed):
    found = dict.fromkeys(("broken", "escaped", "cut", "unknown", "buttons"), 0)
    lines = bodies(5_000, seed)
    for line in lines:
        judge(line, found)
    assert len(lines) > 5_000
    assert min(found.values()) > 500, f"not hostile enough: {found}"


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 120))
def test_many_more_hostile_reports_forge_nothing(seed):
    found = dict.fromkeys(("broken", "escaped", "cut", "unknown", "buttons"), 0)
    for line in bodies(10_000, seed):
        judge(line, found)


def test_three_hundred_bodies_are_taken_over_http():
    """As a webhook, as a bot's post, and as its edit."""
    lines = bodies(300, 3)
    with FakeSlack(speed=100_000) as slack:
        link = http.client.HTTPConnection("127.0.0.1", slack.port, timeout=10)

        def send(path, data):
            link.request("POST", path, data, {"Content-Type": "application/json; charset=utf-8",
                                              "Authorization": f"Bearer {slack.token}"})
            answer = link.getresponse()
            return answer.status, answer.read()

        ts = None
        for line in lines:
            assert send(f"/services/{slack.webhook_secret}", line) == (200, b"ok"), line
            call = {**json.loads(line), "channel": slack.channel.id, **({"ts": ts} if ts else {})}
            _, answer = send(f"/api/chat.{'update' if ts else 'postMessage'}",
                             json.dumps(call).encode())
            assert json.loads(answer)["ok"], (answer, line)
            ts = json.loads(answer)["ts"] if not ts else None  # the next one is an edit
        link.close()
        assert not slack.refusals() and len(slack.messages()) == len(lines) * 3 // 2


def ids_of(slack):
    """The incidents that messages are about, in their order."""
    texts = [part["text"] for message in slack.messages() for part in parts_of(message)]
    return [text.split()[1] for text in texts if text.startswith("Incident: ")]


def hostile_agent(system):
    """An agent whose reports are those of slack_bodies."""
    script = system.root / "hostile.sh"
    script.write_text('#!/bin/sh\nset -eu\nmkdir -p "$WORKSPACE_DIR/output"\n'
                      f'exec {BIN / "slack_bodies"} report "0x${{INCIDENT_ID##*-}}" '
                      '> "$WORKSPACE_DIR/output/investigation.md"\n')
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("count", [60, pytest.param(300, marks=pytest.mark.nightly)])
def test_hostile_incidents_are_told_once_each(system, count):
    """Through a real broker and worker; Slack's clock and the broker's pace are sped up."""
    with FakeSlack(speed=60) as slack:
        broker = system.start_broker(env={"SLACK_WEBHOOK_URL": slack.webhook_url,
                                          "TRIAGE_MESSAGE_PACE_MS": "20"})
        system.start_worker(agent_script_path=hostile_agent(system), max_concurrent_agents=8)
        system.publish([fault(f"{HOSTILE} {number}", cluster=HOSTILE, fault_type=HOSTILE)
                        for number in range(count)])

        def reported():
            rows = broker.incidents()
            if len(rows) < count or any(row["state"] in ("pending", "investigating")
                                      for row in rows):
                return None
            return {row["id"] for row in rows if row["state"] == "reported"}
        ids = wait_until(reported, 120, "all investigated", 0.5)
        assert len(ids) > count * 0.9, "reports of the wrong kind"
        wait_until(lambda: len(slack.messages()) >= len(ids), 60, "all told", 0.2)
        assert sorted(ids_of(slack)) == sorted(ids), "one message each"
        assert not slack.refusals()
        found = [forged(message) for message in slack.messages()]
        assert not [one for one in found if one]
        counted = sum(part["text"].count("@\u200b") for message in slack.messages()
                      for part in parts_of(message))
        assert counted > count, "not hostile enough"
