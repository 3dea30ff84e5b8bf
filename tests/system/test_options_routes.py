"""The options receivers and routes of the broker, and those of `triagectl routes test`.

SPDX-License-Identifier: Apache-2.0
"""
import json
import urllib.parse

from lib.hook import Hook
from lib.slack import FakeSlack
from lib.system import fault, wait_until

SECRET = "a secret of enough bytes"
WAYS = {"team": {"slack_webhook_url": "http://127.0.0.1:1/"}}


def told(system, route, *faults, clusters=()):
    """Who gets the messages about each of these faults, with one route to `team`."""
    path = system.root / "broker.yaml"
    path.write_text(json.dumps({"slack_webhook_url": "http://127.0.0.1:1/", "receivers": WAYS,
                                "clusters": list(clusters),
                                "routes": [{"receiver": "team", **route}]}))
    broker = system.start_broker(config=path)
    return [[row["name"] for row in broker.get(
        "/api/v1/routes/test?" + urllib.parse.urlencode({"cluster": "c", **query}))["receivers"]]
        for query in faults]


def test_option_broker_receivers(system):
    assert told(system, {}, {}) == [["team"]]


def sent_by(system, hook, way, **options):
    """What one receiver of this kind gets about one report."""
    path = system.root / "broker.yaml"
    path.write_text(json.dumps({"receivers": {"it": way}, "routes": [{"receiver": "it"}],
                                **options}))
    broker = system.start_broker(config=path)
    system.start_worker()
    system.publish([fault("web-0")])
    broker.wait_terminal(1)
    wait_until(lambda: hook.got("/it"), 20, "sent")
    return hook.got("/it")[0]


def test_option_broker_receivers_slack_webhook_url(system):
    hook = Hook()
    assert "blocks" in json.loads(
        sent_by(system, hook, {"slack_webhook_url": hook.url("/it")}).body)
    hook.close()


def test_option_broker_receivers_webhook_url(system):
    hook = Hook()
    secret = system.root / "secret"
    secret.write_text(SECRET + "\n")
    way = {"webhook_url": hook.url("/it"), "webhook_secret_file": str(secret)}
    assert json.loads(sent_by(system, hook, way).body)["event"] == "incident.reported"
    hook.close()


def test_option_broker_receivers_webhook_secret(system):
    """Another secret makes another signature (test_routes checks that it is the right one)."""
    hook = Hook()
    way = {"webhook_url": hook.url("/it"), "webhook_secret": SECRET}
    sign = sent_by(system, hook, way).headers["X-Triage-Signature"]
    assert sign.startswith("v1=") and len(sign) == 3 + 64
    hook.close()


def test_option_broker_receivers_slack_channel(system):
    """A bot's message in a channel that is not the default one."""
    slack = FakeSlack()
    path = system.root / "broker.yaml"
    path.write_text(json.dumps({
        "slack_bot_token": slack.token, "slack_api_url": slack.api_url,
        "receivers": {"it": {"slack_channel": slack.channel.id}}, "routes": [{"receiver": "it"}]}))
    broker = system.start_broker(config=path)
    system.start_worker()
    system.publish([fault("web-0")])
    broker.wait_terminal(1)
    wait_until(slack.messages, 20, "posted")
    assert broker.get("/api/v1/routes/test?cluster=c")["receivers"] == [
        {"name": "it", "kind": "slack_bot", "gets": "states"}]
    slack.close()


def test_option_broker_routes(system):
    assert told(system, {"cluster": "other"}, {}, {"cluster": "other"}) == [["slack"], ["team"]]


def test_option_broker_routes_cluster(system):
    assert told(system, {"cluster": "a*|b"}, {"cluster": "a1"}, {"cluster": "b"},
                {"cluster": "b1"}) == [["team"], ["team"], ["slack"]]


def test_option_broker_routes_namespace(system):
    assert told(system, {"namespace": "pay-*"}, {"namespace": "pay-eu"}, {"namespace": "pay"},
                {}) == [["team"], ["slack"], ["slack"]]


def test_option_broker_routes_severity(system):
    assert told(system, {"severity": "critical|info"}, {"severity": "critical"},
                {"severity": "warning"}, {"severity": "info"}) == [["team"], ["slack"], ["team"]]


def test_option_broker_routes_fault_type(system):
    assert told(system, {"fault_type": "*Crash*"}, {"type": "PodCrashLoop"},
                {"type": "OOMKilled"}) == [["team"], ["slack"]]


def test_option_broker_routes_labels(system):
    clusters = [{"name": "p", "labels": {"env": "prod", "team": "pay"}},
                {"name": "q", "labels": {"env": "prod"}}]
    assert told(system, {"labels": {"env": "prod", "team": "*"}}, {"cluster": "p"},
                {"cluster": "q"}, {"cluster": "q", "label": "env=prod"},
                clusters=clusters) == [["team"], ["slack"], ["slack"]]


def test_option_broker_routes_receiver(system):
    assert told(system, {"receiver": "none"}, {}) == [[]]


def test_option_broker_routes_continue(system):
    path = system.root / "broker.yaml"
    path.write_text(json.dumps({"slack_webhook_url": "http://127.0.0.1:1/", "receivers": WAYS,
                                "routes": [{"cluster": "a", "receiver": "team", "continue": True},
                                           {"cluster": "b", "receiver": "team"},
                                           {"receiver": "slack"}]}))
    broker = system.start_broker(config=path)
    names = [[row["name"] for row in broker.get(f"/api/v1/routes/test?cluster={name}")["receivers"]]
             for name in ("a", "b")]
    assert names == [["team", "slack"], ["team"]]


def asked(system, **options):
    """Which of two routes `triagectl routes test` names."""
    if not system.broker:
        path = system.root / "broker.yaml"
        path.write_text(json.dumps({
            "clusters": [{"name": "c", "labels": {"env": "test"}}], "receivers": WAYS,
            "routes": [{"cluster": "c|d", "namespace": "n", "severity": "critical",
                        "fault_type": "T", "labels": {"env": "prod", "x": "y"},
                        "receiver": "team"}, {"receiver": "none"}]}))
        system.start_broker(config=path)
    given = {"cluster": "c", "namespace": "n", "severity": "critical", "type": "T",
             "label": "env=prod,x=y", **options}
    return system.ctl("routes", "test", **given).stdout.split(":")[0]


def test_option_triagectl_cluster(system):
    assert [asked(system, cluster=name) for name in "de"] == ["route 1", "route 2"]


def test_option_triagectl_namespace(system):
    assert [asked(system, namespace=name) for name in "nm"] == ["route 1", "route 2"]


def test_option_triagectl_severity(system):
    assert [asked(system, severity=name)
            for name in ("critical", "warning", None)] == ["route 1", "route 2", "route 2"]


def test_option_triagectl_type(system):
    assert [asked(system, type=name) for name in "TU"] == ["route 1", "route 2"]


def test_option_triagectl_label(system):
    assert [asked(system, label=text) for text in ("x=y,env=prod", "env=prod", None)] == [
        "route 1", "route 2", "route 2"]
