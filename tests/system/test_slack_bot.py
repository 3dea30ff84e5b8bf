"""The bot: one message per incident, edited, with its thread; against a Slack on loopback.

SPDX-License-Identifier: Apache-2.0
"""
import collections
import json

import pytest

from lib.crash import failpoints
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
    said = [shown(call.args) for call in slack.called("chat.update")]
    assert len(said) == len(set(said)), "an equal body was sent"


#  Killed there once the answer to a message was lost: only in doubt is Slack asked.
DOUBT = {"history": [Step(drop="after")], "replies": [None, Step(drop="after")]}
KILLS = [f"{point}:kill" for point in failpoints("broker") if point.startswith("broker.bot.")] \
    + [f"broker.effect.run.{side}:kill:{nth}" for side in ("before", "after") for nth in (1, 2)] \
    + [f"broker.store.commit.{side}:kill:{nth}" for side in ("before", "after")
       for nth in (3, 5)]


class Life:
    """A system whose broker is killed at one point after the other, and started again."""

    def __init__(self, system, slack):
        self.system, self.slack, self.count = system, slack, 0
        self.options = {"lease_ttl": "10s", "max_deliveries": 30}
        self.broker = system.start_broker(env=bot(slack), **self.options)
        self.worker = system.start_worker()

    def incident(self, point):
        """An incident whose messages pass this point, where the broker dies."""
        self.broker.stop()
        armed = bot(self.slack, TRIAGE_FAILPOINT=point)
        self.slack.plan("chat.postMessage", *DOUBT.get(point.split(".")[2], []))
        self.broker = self.system.start_broker(env=armed, wait=False, **self.options)
        self.count += 1
        self.system.start_publisher([fault(f"web-{self.count}")], name=f"p{self.count}")
        wait_until(lambda: not self.broker.alive(), 30, f"killed at {point}", 0.02)
        assert self.broker.popen.returncode == -9, self.broker.log_tail()
        self.broker = self.system.start_broker(env=bot(self.slack), **self.options)
        self.broker.wait_terminal(self.count)
        settled(self.broker)


@pytest.mark.parametrize("part", range(4))
def test_a_killed_broker_posts_nothing_twice(system, slack, part):
    life = Life(system, slack)
    for point in KILLS[part::4]:
        life.incident(point)
    rows = life.broker.incidents()
    assert len(rows) == life.count == len(slack.messages())
    for row in rows:
        assert thread(slack, row["id"]) == WHOLE, f"of {row['resource']['name']}"
        assert "Root Cause" in shown(top(slack, row["id"]))
    assert "may be a repeat" not in json.dumps(slack.messages())
    assert not slack.refusals() and not dead(life.broker)


def told(slack, count, timeout_s=30):
    """Until so many messages stand in the channel."""
    wait_until(lambda: len(slack.messages()) >= count, timeout_s, f"{count} messages", 0.05)


def reported(system, broker, count):
    """So many incidents, each with a report; their ids in the order of their end."""
    have = len(broker.incidents())
    system.publish([fault(f"web-{have + at}") for at in range(count)], name=f"p{have}")
    rows = broker.wait_terminal(have + count)
    return [row["id"] for row in rows]


def test_an_outage_drains_in_order_at_the_allowed_rate(system, slack):
    """Nothing is lost, nothing is twice, and Slack never has to ask for a pause."""
    slack.down = True
    broker = system.start_broker(env=bot(slack))
    system.start_worker()
    names = reported(system, broker, 8)
    failed = wait_until(lambda: broker.records("slack notification failed"), 20, "a failed call")
    waiting = sorted((row["id"], row["incident"]) for state in ("ready", "sending")
                     for row in broker.get(f"/api/v1/effects?state={state}&limit=200")["effects"]
                     if row["key"].startswith("incident/"))
    assert len(waiting) == 8
    slack.down = False
    wait_until(lambda: all(thread(slack, name) == WHOLE for name in names), 60, "all told", 0.1)
    settled(broker)
    order = [about(one)[0] for one in slack.messages()]
    assert order == [name for _, name in waiting] and sorted(order) == sorted(names)
    assert not [call for call in slack.calls if call.error == "ratelimited"]
    assert not slack.refusals() and failed[0]["permanent"] == "0"


def test_a_slack_that_is_away_is_tried_again_within_a_minute(system):
    """Nobody listens at first; nothing of that is in doubt."""
    port = free_port()
    with FakeSlack(speed=SPEED, port=port) as slack:
        env = bot(slack)
    broker = system.start_broker(env=env)
    system.start_worker()
    reported(system, broker, 1)
    wait_until(lambda: broker.records("slack notification failed"), 20, "a failed call")
    waits = broker.get("/api/v1/status")
    with FakeSlack(speed=SPEED, port=port) as slack:
        slack.tokens = {env["SLACK_BOT_TOKEN"]: set(next(iter(slack.tokens.values())))}
        told(slack, 1, 60)
        settled(broker)
        assert not slack.called("conversations.history"), waits


@pytest.mark.parametrize("error, advice", [
    ("invalid_auth", "slack_bot_token"), ("not_in_channel", "invite"),
    ("missing_scope", "chat:write"), ("channel_not_found", "slack_channel"),
    ("is_archived", "another slack_channel")])
def test_what_an_operator_must_put_right_is_said_and_retried_on_command(system, slack, error,
                                                                        advice):
    token, channel = slack.tokens, slack.channel
    scopes = set(token[slack.token])
    if error == "invalid_auth":
        slack.tokens = {}
    elif error == "missing_scope":
        slack.tokens = {slack.token: scopes - {"chat:write"}}
    channel.member, channel.private = error not in ("not_in_channel", "channel_not_found"), \
        error == "channel_not_found"
    channel.archived = error == "is_archived"
    broker = system.start_broker(env=bot(slack))
    system.start_worker()
    name = reported(system, broker, 1)[0]
    rows = wait_until(lambda: dead(broker), 20, "dead")
    assert error in rows[0]["error"] and advice in rows[0]["error"], rows
    slack.tokens, channel.member, channel.private, channel.archived = token, True, False, False
    system.ctl("effects", "retry", "--all")
    wait_until(lambda: thread(slack, name) == WHOLE, 30, "told")
    assert slack.token not in broker.log()


def test_slack_asks_for_a_pause(system, slack):
    """429 with Retry-After: not before its end, and then where it stopped."""
    slack.plan("chat.postMessage", None,
               Step(status=429, error="ratelimited", headers={"Retry-After": "2"}))
    broker = system.start_broker(env=bot(slack))
    system.start_worker()
    name = reported(system, broker, 1)[0]
    wait_until(lambda: thread(slack, name) == WHOLE, 30, "told")
    limited, after = slack.called("chat.postMessage")[1:3]
    assert (limited.error, after.error) == ("ratelimited", "") and after.at - limited.at >= 2


def test_slow_answers_are_in_doubt_and_nothing_is_twice(system, slack):
    """Slack takes the message, but later than anyone waits for the answer."""
    slack.plan("chat.postMessage", Step(delay_s=1.5), None, Step(delay_s=1.5))
    broker = system.start_broker(env=bot(slack, TRIAGE_SLACK_POST_MS="500",
                                         TRIAGE_SLACK_DOUBT_MS="2000"))
    system.start_worker()
    name = reported(system, broker, 1)[0]
    wait_until(lambda: thread(slack, name) == WHOLE, 40, "told")
    settled(broker)
    assert len(slack.messages()) == 1 and slack.called("conversations.history")
    assert thread(slack, name) == WHOLE


def test_a_form_that_is_refused_is_sent_as_plain_text(system, slack):
    slack.plan("chat.postMessage", Step(error="invalid_blocks"))
    broker = system.start_broker(env=bot(slack))
    system.start_worker()
    name = reported(system, broker, 1)[0]
    wait_until(lambda: thread(slack, name) == WHOLE, 30, "told")
    settled(broker)
    plain = slack.called("chat.postMessage")[1].args
    assert plain["text"] and not plain["blocks"] and not plain["attachments"]
    assert broker.records("slack does not take a message's form, it is sent as plain text")


def test_a_message_that_somebody_deleted_is_posted_anew(system, slack):
    broker = system.start_broker(env=bot(slack))
    system.start_worker()
    name = reported(system, broker, 1)[0]
    wait_until(lambda: thread(slack, name) == WHOLE, 30, "told")
    settled(broker)
    with slack.state.lock:
        slack.channel.messages.clear()
    system.publish([fault("web-0")], name="again")
    wait_until(lambda: thread(slack, name) == WHOLE, 30, "told anew")
    assert len(slack.messages()) == 1


def test_the_token_stands_nowhere(system, slack):
    """Not in logs, records, metrics or the store; whatever Slack answers."""
    slack.plan("chat.postMessage", Step(status=500), Step(error="invalid_auth"))
    slack.plan("chat.update", Step(status=302, headers={"Location": slack.base}))
    broker = system.start_broker(env=bot(slack), log_level="debug")
    worker = system.start_worker()
    reported(system, broker, 2)
    settled(broker)
    pages = [broker.get(path, raw=True).encode() for path in
             ("/metrics", "/api/v1/status", "/api/v1/effects?state=dead",
              "/api/v1/stream?limit=200")]
    for process in (worker, broker):
        process.stop()
    files = [path.read_bytes() for path in system.root.rglob("*") if path.is_file()]
    secret = slack.token.encode()
    assert len(files) > 10 and not [text for text in files + pages if secret in text]


def fail_next(system, broker, order="exit 1"):
    """One more incident whose agent does this; until it is over."""
    have = len(broker.incidents())
    system.publish([fault(f"web-{have}", context=f"do: {order}")], name=f"p{have}")
    broker.wait_terminal(have + 1)


def test_alerts_are_one_message_that_counts_on_and_an_answer_in_its_thread(system, slack):
    broker = system.start_broker(env=bot(slack), failure_threshold_for_alert=2,
                                 breaker_mode="alert")
    system.start_worker()
    for _ in range(2):
        fail_next(system, broker)
    first = wait_until(lambda: top(slack, "degraded/1"), 20, "degraded")
    assert "*Failure Count:*\\n2" in shown(first)
    fail_next(system, broker)
    wait_until(lambda: "*Failure Count:*\\n3" in shown(top(slack, "degraded/1")), 20, "counted on")
    fail_next(system, broker, "diagnose")
    answers = wait_until(lambda: slack.replies(first["ts"]), 20, "recovered")
    assert [about(one) for one in answers] == [("recovered/1", "message")]
    settled(broker)
    posts = slack.called("chat.postMessage")
    broadcast = [call.args for call in posts if call.args.get("reply_broadcast")]
    assert len(broadcast) == 1 and broadcast[0]["thread_ts"] == first["ts"]
    assert top(slack, "degraded/1")["ts"] == first["ts"] and not slack.refusals()


def test_an_overflow_is_one_message(system, slack):
    broker = system.start_broker(env=bot(slack), cluster_queue_size=2)
    system.publish([fault(f"web-{number}") for number in range(6)])
    wait_until(slack.messages, 20, "told")
    settled(broker)
    assert len(slack.messages()) == 1
    assert about(slack.messages()[0])[0].startswith("overflow/prod/")
