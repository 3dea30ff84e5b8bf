"""Slack is tried before the first incident: at the start, and when an operator asks.

SPDX-License-Identifier: Apache-2.0
"""
import hashlib
import hmac
import json
import signal

import pytest

from lib.hook import Hook
from lib.slack import FakeSlack, Step
from lib.system import fault, wait_until

ADVICE = "set it to the app's Bot User OAuth Token"
BAD, GOOD = "slack does not take the bot", "slack takes the bot"


@pytest.fixture
def slack():
    with FakeSlack(speed=60) as fake:
        yield fake


def check(system, expect=0, **options):
    """Each receiver's row of triagectl slack check."""
    rows = json.loads(system.ctl("slack", "check", output="json", expect=expect,
                                 **options).stdout)
    assert rows["works"] == (expect == 0)
    return {row["receiver"]: row for row in rows["receivers"]}


def start(system, slack, **receivers):
    config = system.root / "broker.yaml"
    config.write_text(json.dumps({
        "slack_bot_token": slack.token, "slack_channel": slack.channel.id,
        "slack_api_url": slack.api_url, "receivers": receivers,
        "routes": [{"receiver": name} for name in receivers]}))
    return system.start_broker(config=config, env={"TRIAGE_MESSAGE_PACE_MS": "20"})


def test_a_check_names_each_receiver_and_posts_nothing(system, slack):
    other = slack.state.add_channel("C0OTHER99", "other", member=False)
    broker = start(system, slack, team={"slack_channel": other.id},
                   hook={"slack_webhook_url": slack.webhook_url},
                   signed={"webhook_url": f"{slack.base}/services/none",
                           "webhook_secret": "0123456789abcdef"})
    broker.wait_log(GOOD)
    assert len(slack.called("auth.test", "")) == 1 and not slack.called("conversations.info")
    rows = check(system)  # without the scope the token alone
    for name in ("slack", "team"):
        assert rows[name]["result"] == "ok" and "channels:read" in rows[name]["text"]
    slack.tokens[slack.token].add("channels:read")
    rows = check(system, expect=1)
    assert (rows["slack"]["result"], rows["slack"]["channel_name"], rows["slack"]["member"],
            rows["slack"]["team"], rows["slack"]["bot"]) == ("ok", "triage", True, "fake", "triage")
    assert rows["team"]["result"] == "failed" and "invite it" in rows["team"]["text"]
    for name in ("hook", "signed"):
        assert rows[name]["result"] == "skipped" and "without posting" in rows[name]["text"]
    other.member = True
    table = system.ctl("slack", "check").stdout
    assert "it is triage in #other of fake" in " ".join(table.split())
    assert not slack.messages() and not slack.messages(other)
    assert {call.method for call in slack.calls} == {"auth.test", "conversations.info"}
    assert slack.token not in broker.log() + table


def test_a_test_message_goes_to_each_receiver_and_is_no_effect(system, slack):
    hook, other = Hook(), slack.state.add_channel("C0OTHER99", "other", archived=True)
    secret = "0123456789abcdef"
    slack.webhooks[slack.webhook_secret] = slack.state.add_channel("C0HOOKED9", "hooked").id
    broker = start(system, slack, team={"slack_channel": other.id},
                   hook={"slack_webhook_url": slack.webhook_url},
                   signed={"webhook_url": hook.url("/it"), "webhook_secret": secret})
    rows = check(system, expect=1, send=True)
    assert {name: row["result"] for name, row in rows.items()} == {
        "slack": "ok", "team": "failed", "hook": "ok", "signed": "ok"}
    assert "another slack_channel" in rows["team"]["text"]
    for channel in (slack.channel, slack.state.channels["C0HOOKED9"]):
        (message,) = slack.messages(channel)
        assert "Test Message" in json.dumps(message)
    (post,) = hook.got("/it")
    told = json.loads(post.body)
    assert (told["version"], told["event"], told["incident"]) == (1, "test", None)
    signed = post.headers["X-Triage-Timestamp"].encode() + b"." + post.body
    assert post.headers["X-Triage-Signature"] == "v1=" + hmac.new(
        secret.encode(), signed, hashlib.sha256).hexdigest()
    for state in ("ready", "sending", "dead", "done"):
        assert not broker.get(f"/api/v1/effects?state={state}")["effects"]
    assert slack.webhook_secret not in broker.log() + json.dumps(rows)
    hook.close()


def test_a_token_that_is_no_good_is_told_once_and_nothing_is_lost(system, slack):
    slack.refused_tokens[slack.token] = "invalid_auth"
    slack.plan("chat.postMessage", Step(status=503), Step(status=503))
    broker = start(system, slack)
    broker.wait_log(BAD)
    rows = check(system, expect=1)
    assert ADVICE in rows["slack"]["text"] and not slack.called("conversations.info")
    assert broker.log().count(BAD) == 1 and ADVICE in broker.log()
    broker.signal(signal.SIGHUP)
    wait_until(lambda: broker.log().count(BAD) == 2, 20, "told for the new configuration")
    del slack.refused_tokens[slack.token]
    broker.signal(signal.SIGHUP)
    broker.wait_log(GOOD)
    system.start_worker()
    system.publish([fault("web-0")])
    wait_until(slack.messages, 30, "the message")
    assert not broker.get("/api/v1/effects?state=dead")["effects"]


def test_a_slack_that_is_down_stops_no_start_and_no_message(system, slack):
    slack.down = True
    broker = start(system, slack)
    broker.wait_log(BAD)
    assert "auth.test: " in check(system, expect=1)["slack"]["text"]
    system.start_worker()
    system.publish([fault("web-0")])
    broker.wait_terminal(1)
    slack.down = False
    system.ctl("effects", "retry", channel="slack")
    wait_until(slack.messages, 30, "the message")
    assert check(system)["slack"]["result"] == "ok"
