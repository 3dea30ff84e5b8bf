"""The Slack of the tests: it takes what Slack takes, and refuses the rest as Slack does.

SPDX-License-Identifier: Apache-2.0
"""
import http.client
import json
import urllib.error
import urllib.parse
import urllib.request

import pytest

from lib.slack import (Clock, FakeSlack, Rates, Refused, Step, balanced, check_message, forged,
                       parse_json, references)

JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def slack():
    with FakeSlack(burst=100) as found:
        yield found


def send(url, data, kind=JSON, token=None):
    """Status, headers and text of the answer."""
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, data, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def call(slack, method, kind=JSON, token=None, **args):
    """The document of the answer."""
    data = json.dumps(args) if kind == JSON else urllib.parse.urlencode(args)
    return json.loads(send(f"{slack.api_url}/{method}", data.encode(), kind,
                           token or slack.token)[2])


def post(slack, text="hello", channel="C0TRIAGE1", **args):
    return call(slack, "chat.postMessage", channel=channel, text=text, **args)


def section(text, **more):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, **more}}


def test_a_bot_knows_itself_by_its_token(slack):
    assert call(slack, "auth.test")["bot_id"] == slack.bot["bot_id"]
    slack.refused_tokens["xoxb-old"] = "token_revoked"
    assert call(slack, "auth.test", token="xoxb-old")["error"] == "token_revoked"
    assert call(slack, "auth.test", token="xoxb-none")["error"] == "invalid_auth"
    assert json.loads(send(f"{slack.api_url}/auth.test", b"{}")[2])["error"] == "not_authed"


@pytest.mark.parametrize("method, scope, args", [
    ("chat.postMessage", "chat:write", {"text": "x"}),
    ("conversations.history", "channels:history", {}),
    ("files.getUploadURLExternal", "files:write", {"filename": "a", "length": 1})])
def test_a_scope_that_is_missing_is_named(slack, method, scope, args):
    slack.tokens[slack.token] = {"nothing"}
    if method != "files.getUploadURLExternal":
        args = {"channel": "C0TRIAGE1", **args}
    kind = JSON if method.startswith("chat") else FORM
    answer = call(slack, method, kind=kind, **args)
    assert (answer["error"], answer["needed"]) == ("missing_scope", scope)


def test_a_private_channel_wants_another_scope(slack):
    slack.state.add_channel("G0PRIVATE", "secret", private=True)
    slack.tokens[slack.token] = {"channels:history"}
    answer = call(slack, "conversations.history", kind=FORM, channel="G0PRIVATE")
    assert answer["needed"] == "groups:history"


def test_a_channel_must_be_there_and_have_the_bot(slack):
    slack.state.add_channel("C0OTHER", "other", member=False)
    slack.state.add_channel("C0OLD", "old", archived=True)
    assert [post(slack, channel=name)["error"] for name in ("C0NONE", "C0OTHER", "C0OLD")] == [
        "channel_not_found", "not_in_channel", "is_archived"]
    answer = post(slack, channel="#triage")
    assert answer["channel"] == "C0TRIAGE1"  # only a post takes a name
    assert call(slack, "chat.update", channel="#triage", ts=answer["ts"],
                text="x")["error"] == "channel_not_found"


@pytest.mark.parametrize("kind, data, error", [
    (JSON, b"{", "invalid_json"), (JSON, b"[]", "json_not_object"),
    (JSON, b'{"text":"\xff"}', "invalid_charset"), (JSON, b'{"text":"\\ud800"}', "invalid_charset"),
    (JSON, b'{"a":1,"a":2}', "invalid_json"), (JSON, b'{"token":"x"}', "not_authed"),
    ("application/json", b"{}", "invalid_charset"), ("text/plain", b"x", "invalid_post_type"),
    (FORM, b"text=%ff", "invalid_form_data"),
    (JSON, b'{"channel":"C0TRIAGE1","txt":"x"}', "invalid_arg_name")])
def test_bytes_that_are_no_arguments_are_refused(slack, kind, data, error):
    answer = json.loads(send(f"{slack.api_url}/chat.postMessage", data, kind, slack.token)[2])
    assert answer["error"] == error


def test_methods_that_read_take_no_json(slack):
    assert call(slack, "conversations.history", channel="C0TRIAGE1")["error"] == "invalid_arguments"
    assert call(slack, "conversations.history", kind=FORM, channel="C0TRIAGE1")["ok"]


@pytest.mark.parametrize("blocks, pointer", [
    ([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}], "/blocks/0/text"),
    ([{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}], "/blocks/0/text/type"),
    ([section("x" * 3001)], "/blocks/0/text/text"), ([section("")], "/blocks/0/text/text"),
    ([section("\U0001f600" * 1501)], "/blocks/0/text/text"),
    ([section("x", emoji=True)], "/blocks/0/text/emoji"),
    ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}], "/blocks/0/fields"),
    ([{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
     "/blocks/0/fields/0/text"),
    ([{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
     "/blocks/0/elements"),
    ([section("x")] * 51, "/blocks"), ([{"type": "table"}], "/blocks/0/type"),
    ([{"type": "image", "image_url": "https://x/y"}], "/blocks/0"),
    ([{"block_id": "x" * 256, **section("x")}], "/blocks/0/block_id"),
    ([{"block_id": "x", **section("x")}] * 2, "/blocks/1/block_id")])
def test_blocks_over_a_limit_are_refused_where_they_are(slack, blocks, pointer):
    answer = post(slack, blocks=blocks)
    assert answer["error"] == "invalid_blocks" and f"pointer:{pointer}" in \
        answer["response_metadata"]["messages"][0]
    with pytest.raises(Refused, match="invalid_blocks"):
        check_message({"text": "x", "attachments": [{"blocks": blocks}]})


@pytest.mark.parametrize("change", [{"url": "file:///etc"}, {"url": "https://x/" + "y" * 3000},
                                    {"url": "./report"}, {"action_id": "x" * 256},
                                    {"text": {"type": "plain_text", "text": "x" * 76}},
                                    {"text": {"type": "mrkdwn", "text": "x"}}])
def test_a_button_over_a_limit_is_refused(slack, change):
    button = {"type": "button", "text": {"type": "plain_text", "text": "View"},
              "url": "https://x/y?a=1&b=2"}
    assert post(slack, blocks=[{"type": "actions", "elements": [button]}])["ok"]
    answer = post(slack, blocks=[{"type": "actions", "elements": [{**button, **change}]}])
    assert answer["error"] == "invalid_blocks"


def test_a_text_stands_beside_blocks_and_is_not_too_long(slack):
    assert post(slack, text="", blocks=[section("x")])["error"] == "no_text"
    assert post(slack, text="x" * 40_001)["error"] == "msg_too_long"
    ts = post(slack)["ts"]
    assert call(slack, "chat.update", channel="C0TRIAGE1", ts=ts,
                text="x" * 4_001)["error"] == "msg_too_long"


@pytest.mark.parametrize("metadata", [[], {"event_type": "a"}, {"event_type": "a b",
                                                                "event_payload": {}},
                                      {"event_type": "a", "event_payload": {"x": None}},
                                      {"event_type": "a", "event_payload": {"x": {"y": {}}}}])
def test_metadata_has_a_form(slack, metadata):
    assert post(slack, metadata=metadata)["error"] == "invalid_metadata_format"


def test_metadata_has_a_size(slack):
    big = {"event_type": "a", "event_payload": {"x": "y" * 9000}}
    assert post(slack, metadata=big)["error"] == "metadata_too_large"


def test_every_ts_is_new_and_later(slack):
    stamps = [post(slack)["ts"] for _ in range(20)]
    assert stamps == sorted(set(stamps))


def test_an_edit_keeps_what_it_does_not_name(slack):
    metadata = {"event_type": "t", "event_payload": {"n": 1}}
    ts = post(slack, blocks=[section("a")], attachments=[{"color": "good", "text": "b"}],
              metadata=metadata)["ts"]
    assert call(slack, "chat.update", channel="C0TRIAGE1", ts=ts, text="new", blocks=[])["ok"]
    [message] = slack.messages()
    assert message["blocks"] == [] and message["attachments"] and message["edited"]
    assert (message["text"], message["metadata"], message["ts"]) == ("new", metadata, ts)
    assert call(slack, "chat.update", channel="C0TRIAGE1", ts="1.000001",
                text="x")["error"] == "message_not_found"


def test_only_the_bots_own_messages_can_be_edited(slack):
    other = slack.state.add_message(slack.channel, {"text": "a person's", "user": "U0PERSON"})
    assert call(slack, "chat.update", channel="C0TRIAGE1", ts=other["ts"],
                text="x")["error"] == "cant_update_message"


def read(slack, method="conversations.history", **args):
    return call(slack, method, kind=FORM, channel="C0TRIAGE1", **args)


def test_history_is_read_backwards_in_pages_without_threads(slack):
    stamps = [post(slack, f"{n}")["ts"] for n in range(5)]
    post(slack, "reply", thread_ts=stamps[0])
    first = read(slack, limit=3)
    rest = read(slack, limit=3, cursor=first["response_metadata"]["next_cursor"])
    found = [one["text"] for one in first["messages"] + rest["messages"]]
    assert found == ["4", "3", "2", "1", "0"] and first["has_more"] and not rest["has_more"]
    assert [one["text"] for one in read(slack, oldest=stamps[1], latest=stamps[3])[
        "messages"]] == ["2"]
    assert len(read(slack, oldest=stamps[1], latest=stamps[3], inclusive="true")["messages"]) == 3
    assert read(slack, limit=1000)["error"] == "invalid_limit"
    assert read(slack, cursor="x")["error"] == "invalid_cursor"


def test_metadata_is_read_only_when_asked_for(slack):
    metadata = {"event_type": "t", "event_payload": {"n": 1}}
    post(slack, metadata=metadata)
    assert read(slack)["messages"][0]["metadata"] == {"event_type": "t"}
    assert read(slack, include_all_metadata="true")["messages"][0]["metadata"] == metadata


def test_a_thread_hangs_on_a_message_and_not_on_a_reply(slack):
    ts = post(slack)["ts"]
    reply = post(slack, "reply", thread_ts=ts)["ts"]
    assert post(slack, "x", thread_ts=reply)["error"] == "thread_not_found"
    found = read(slack, "conversations.replies", ts=ts)["messages"]
    assert [one["text"] for one in found] == ["hello", "reply"]
    assert found[0]["reply_count"] == 1 and len(slack.messages()) == 1


def test_a_broadcast_reply_stands_in_thread_and_channel(slack):
    ts = post(slack)["ts"]
    assert post(slack, reply_broadcast=True)["error"] == "invalid_arguments"
    reply = post(slack, "again", thread_ts=ts, reply_broadcast=True)["ts"]
    assert [one["ts"] for one in read(slack)["messages"]] == [reply, ts]
    assert slack.replies(ts)[0]["subtype"] == "thread_broadcast"


def upload(slack, data, length=None):
    """A file up to its bytes: its id, and the status of the upload."""
    got = call(slack, "files.getUploadURLExternal", kind=FORM, filename="report.md",
               length=len(data) if length is None else length)
    return got["file_id"], send(got["upload_url"], data, "application/octet-stream")[0]


def test_a_file_goes_up_in_three_steps_into_a_thread(slack):
    ts = post(slack)["ts"]
    name, status = upload(slack, b"# Report")
    assert status == 200
    done = {"files": [{"id": name, "title": "Report"}], "channel_id": "C0TRIAGE1", "thread_ts": ts}
    assert call(slack, "files.completeUploadExternal", **done)["files"][0]["id"] == name
    assert slack.replies(ts)[0]["files"][0]["name"] == "report.md"
    assert slack.state.files[name].data == b"# Report"
    assert call(slack, "files.completeUploadExternal", **done)["error"] == "file_not_found"


def test_a_file_of_another_length_or_without_bytes_is_none(slack):
    name, status = upload(slack, b"# Report", length=3)
    assert status == 400
    assert call(slack, "files.completeUploadExternal",
                files=[{"id": name}])["error"] == "file_not_found"
    assert call(slack, "files.getUploadURLExternal", kind=FORM, filename="a",
                length=0)["error"] == "invalid_arguments"


def test_posts_and_edits_have_their_rates():
    with FakeSlack(burst=2) as slack:
        ts = [post(slack)["ts"], post(slack)["ts"]][0]
        status, headers, text = send(f"{slack.api_url}/chat.postMessage",
                                     b'{"channel":"C0TRIAGE1","text":"x"}', JSON, slack.token)
        assert (status, headers["Retry-After"], json.loads(text)["error"]) == (
            429, "1", "ratelimited")
        edits = [call(slack, "chat.update", channel="C0TRIAGE1", ts=ts, text="x").get("error")
                 for _ in range(51)]
        assert edits == [None] * 50 + ["ratelimited"]


def test_a_faster_clock_has_faster_rates():
    clock = Clock(speed=1000)
    rates = Rates(clock, burst=1)
    begun = clock.now()
    while clock.now() < begun + 100:
        rates.wait_s("webhook", "C1")
    assert rates.wait_s("chat.postMessage", "C1") == 0
    assert rates.wait_s("chat.postMessage", "C2") == 0, "each channel has its own"


def test_a_webhook_takes_messages_and_says_what_is_wrong(slack):
    def told(body, url=slack.webhook_url):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return send(url, data)[::2]

    assert told({"text": "hello"}) == (200, "ok") and slack.messages()[0]["text"] == "hello"
    assert told({"text": "x", "blocks": [{"type": "x"}]}) == (400, "invalid_blocks")
    assert told(b"{") == (400, "invalid_payload") and told({}) == (400, "no_text")
    assert told({"text": "x"}, slack.webhook_url + "x") == (404, "no_service")
    slack.channel.archived = True
    assert told({"text": "x"}) == (410, "is_archived")
    assert [one.error for one in slack.refusals()] == [
        "invalid_blocks", "invalid_payload", "no_text", "no_service", "is_archived"]


def test_calls_go_wrong_as_planned(slack):
    slack.plan("chat.postMessage", Step(status=500), Step(error="internal_error"),
               Step(drop="before"), Step(drop="after"), None)
    assert not post(slack)["ok"] and post(slack)["error"] == "internal_error"
    for count in (0, 1):
        with pytest.raises((OSError, http.client.HTTPException)):
            post(slack)
        assert len(slack.messages()) == count
    assert post(slack)["ok"]
    slack.down = True
    with pytest.raises((OSError, http.client.HTTPException)):
        post(slack)


@pytest.mark.parametrize("text, found", [
    ("<!here> <!channel>", ["all", "all"]), ("<@U012>", ["user"]), ("<#C1|x>", ["channel"]),
    ("<!subteam^S1>", ["group"]), ("<https://x.y|z>", ["link"]), ("&lt;!here&gt; a < b", []),
    ("<mailto:a@b.c|x>", ["link"]), ("<!date^1^{date}|x>", ["date"])])
def test_mrkdwn_is_read_as_slack_reads_it(text, found):
    assert [kind for kind, _, _ in references(text)] == found


@pytest.mark.parametrize("text", [
    "<!here>", "<@U1>", "<https://evil|good>", "a & b", "a < b", "```x", "`x", "see @here",
    "https://evil", "WWW.evil.org", "@\u2060channel", "x@\uff48\uff45re", "\uff1c!here\uff1e",
    "mailto:a@b"])
def test_what_a_hostile_text_forges_is_found(text):
    message = {"text": "x", "blocks": [section(text)]}
    assert forged(message)
    assert not forged({"text": "x", "blocks": [section("plain &lt;!here&gt; `code` a@b.c x_y")]})
    allowed = {"text": "x", "blocks": [section("<https://good|report>")]}
    assert forged(allowed) and not forged(allowed, {"https://good"})


def test_fences_and_json_are_judged():
    assert balanced("```a``` `b`") and not balanced("``` `") and not balanced("a ` b")
    assert parse_json(b'{"a": [1]}') == {"a": [1]}
    with pytest.raises(Refused, match="invalid_json"):
        parse_json(b"[" * 100_000)
