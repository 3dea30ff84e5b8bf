"""triage-preview: webhook posts as Slack would show them, and each of its options.

SPDX-License-Identifier: Apache-2.0
"""
import json
import urllib.error
import urllib.request

import pytest

from lib.system import Daemon, free_port, wait_until

MESSAGE = {"text": "fallback",
           "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "Incident"}}]}


def start(system, **options):
    return Daemon(system, "preview", "triage-preview", {"listen": "127.0.0.1:0", **options})


def post(preview, body, path=""):
    """The status and text of the answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(preview.endpoints["webhook"] + path, data,
                                     {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_message_is_taken_and_shown(system):
    preview = start(system)
    assert post(preview, MESSAGE) == (200, "ok")
    wait_until(lambda: "| Incident" in preview.out(), what="the message")
    assert preview.stop() == 0


def test_a_path_of_its_own_tells_receivers_apart(system):
    preview = start(system)
    for path in "", "payments", "%1b%5b31m", "x" * 300:
        assert post(preview, MESSAGE, path) == (200, "ok")
    assert post(preview, {}, "refused") == (400, "no_text")
    wait_until(lambda: preview.out().count("| Incident") == 4, what="the messages")
    told = [line for line in preview.out().splitlines() if line.startswith("to /")]
    assert told[0] == "to /payments" and "\x1b" not in preview.out()
    assert len(told) == 3 and told[1].endswith("[31m") and told[2] == "to /" + "x" * 199


@pytest.mark.parametrize("body, why", [(b"\xff\xfe", "invalid_payload"), (b"[1", "invalid_payload"),
                                       ({"blocks": [{"type": "x"}]}, "invalid_blocks"),
                                       ({}, "no_text")],
                         ids=["bytes", "cut", "block", "empty"])
def test_a_message_that_slack_would_not_take_is_refused(system, body, why):
    preview = start(system)
    assert post(preview, body) == (400, why)
    assert post(preview, MESSAGE) == (200, "ok")
    assert why in preview.log() and preview.out().count("|") == 1


def test_a_message_over_the_limit_is_not_read_to_its_end(system):
    preview = start(system)
    try:
        assert post(preview, {"text": "x" * 2_000_000}) == (400, "too_large")
    except OSError:
        pass  # the answer came while we were still sending
    wait_until(lambda: "too_large" in preview.log(), what="the refusal")
    assert post(preview, MESSAGE) == (200, "ok") and "xxx" not in preview.out()


def test_only_posts_are_taken(system):
    preview = start(system)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(preview.endpoints["webhook"], timeout=10)
    assert refused.value.code == 405


def test_option_preview_listen(system):
    port = free_port()
    preview = start(system, listen=f"127.0.0.1:{port}")
    assert preview.endpoints["webhook"] == f"http://127.0.0.1:{port}/"
    far = Daemon(system, "far", "triage-preview", {"listen": "0.0.0.0:0"}, wait=False)
    assert far.wait() == 78 and "loopback address; that needs authentication" in far.log()
    taken = Daemon(system, "taken", "triage-preview", {"listen": f"127.0.0.1:{port}"}, wait=False)
    assert taken.wait() == 1 and "Address already in use" in taken.log()


def test_option_preview_color(system):
    preview = start(system, color="always")
    assert post(preview, MESSAGE)[0] == 200
    wait_until(lambda: "\033[1mIncident" in preview.out(), what="a bold header")


def test_option_preview_log_level(system):
    preview = start(system, log_level="error")
    assert post(preview, {})[0] == 400
    assert preview.log() == ""


def test_option_preview_log_format(system):
    preview = start(system, log_format="json")
    preview.wait_log("}\n")
    first = json.loads(preview.log().splitlines()[0])
    assert (first["msg"], first["webhook"]) == ("listening for webhooks",
                                                preview.endpoints["webhook"])


def test_option_preview_ready_file(system):
    preview = start(system)
    assert preview.ready_path.read_text().startswith("webhook=http://127.0.0.1:")
