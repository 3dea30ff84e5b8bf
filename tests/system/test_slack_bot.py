"""The bot: one message per incident, edited, with its thread; against a Slack on loopback.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import json

import pytest

from lib.crash import BOT, failpoints
from lib.slack import FakeSlack, Step
from lib.system import fault, free_port, wait_until

#  The broker's pace and Slack's clock: 60 times as fast as in life.
SPEED, PACE_MS = 60, 20


@pytest.fixture
def slack():
    with FakeSlack(speed=SPEED) as fake:
        yield fake


def bot(slack, **more):
    """The environment of a broker with this bot."""
    return {"SLACK_BOT_TOKEN": slack.token, "SLACK_CHANNEL": slack.channel.id,
            "SLACK_API_URL": slack.api_url, "TRIAGE_MESSAGE_PACE_MS": str(PACE_MS), **more}


def about(message):
    """What a message of the bot is about, and which part it is."""
    payload = message.get("metadata", {}).get("event_payload", {})
    return payload.get("incident") or payload.get("alert"), payload.get("part")


def top(slack, name):
    """The message about an incident or alert; it is the only one."""
    found = [one for one in slack.messages() if about(one) == (name, "message")]
    assert len(found) < 2, found
    return found[0] if found else None


def thread(slack, name):
    """How often each part stands in the thread: details, files."""
    message = top(slack, name)
    parts = collections.Counter("file" if "files" in one else about(one)[1]
                                for one in slack.replies(message["ts"])) if message else {}
    return {part: parts[part] for part in sorted(parts)}


WHOLE = {"detail": 1, "file": 1}


def shown(message):
    return json.dumps({name: message.get(name) for name in ("text", "blocks", "attachments")})


def settled(broker):
    """Nothing is left to be told."""
    def done():
        rows = [broker.get(f"/api/v1/effects?state={state}")["effects"]
                for state in ("ready", "sending")]
        return not any(rows)
    wait_until(done, 60, "no effect left", 0.05)


def dead(broker):
    return broker.get("/api/v1/effects?state=dead")["effects"]


def test_an_incident_is_one_message_that_is_edited_through_its_life(system, slack):
    broker = system.start_broker(env=bot(slack))
    worker = system.start_worker()
    system.publish([fault("web-0", context="do: slow 1")], name="p0")
    incident = wait_until(lambda: [row for row in broker.incidents()], 20, "incident")[0]["id"]
    first = wait_until(lambda: top(slack, incident), 20, "posted when it is investigated")
    assert "investigat" in first["text"] and not thread(slack, incident)
    wait_until(lambda: thread(slack, incident) == WHOLE, 20, "the thread of the report")
    assert "Root Cause" in shown(top(slack, incident))
    report = next(iter(slack.state.files.values()))
    path = system.root / "incidents" / incident / "output/investigation.md"
    assert report.data == path.read_bytes() and report.name.endswith(f"{incident}.md")
    settled(broker)
    worker.stop()
    broker.stop()
    broker = system.start_broker(env=bot(slack))
    system.publish([fault("web-0")], name="p1")
    wait_until(lambda: "seen again" in top(slack, incident)["text"], 20, "recurred")
    settled(broker)
    assert top(slack, incident)["ts"] == first["ts"] and thread(slack, incident) == WHOLE
    assert len(slack.messages()) == 1 and not slack.refusals() and not dead(broker)
    said = [shown(call.__dict__["args"]) for call in slack.called("chat.update")]
    assert len(said) == len(set(said)), "an equal body was sent"
