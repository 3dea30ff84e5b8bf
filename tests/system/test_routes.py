"""Who gets the messages about an incident: receivers, routes, the signed webhook.

SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from lib.ctl import table
from lib.hook import Hook
from lib.system import BIN, ROOT, fault, wait_until

SECRET = "a secret of enough bytes"


@pytest.fixture
def hook():
    server = Hook()
    yield server
    server.close()


def verifier():
    """The function that docs/routes.md gives to receivers."""
    text = (ROOT / "docs/routes.md").read_text()
    scope = {}
    exec(re.search(r"```python\n(.*?)```", text, re.S).group(1), scope)  # noqa: S102
    return scope["verified"]


def configure(system, hook, routes, receivers=("team", "audit"), more=""):
    """A configuration with a Slack webhook `team`, a signed one `audit`, and these routes."""
    ways = {"team": {"slack_webhook_url": hook.url("/team")},
            "audit": {"webhook_url": hook.url("/audit"), "webhook_secret": SECRET}}
    path = system.root / "broker.yaml"
    path.write_text(json.dumps({"slack_webhook_url": hook.url("/default"),
                                "receivers": {name: ways[name] for name in receivers},
                                "routes": routes})[:-1] + more + "}\n")
    return path


def start(system, config, worker=True, **options):
    broker = system.start_broker(config=config, env={"TRIAGE_MESSAGE_PACE_MS": "1"}, **options)
    if worker:
        system.start_worker()
    return broker


def reload(broker):
    count = len(broker.records("configuration reloaded"))
    broker.signal(signal.SIGHUP)
    wait_until(lambda: len(broker.records("configuration reloaded")) > count, 20, "reloaded")


def counts(hook):
    return {path: len(hook.delivered(path)) for path in ("/team", "/audit", "/default")}


def all_sent(broker):
    return lambda: not any(broker.get(f"/api/v1/effects?state={state}")["effects"]
                           for state in ("ready", "sending"))


def test_clusters_tell_their_own_receivers(system, hook):
    """Two clusters, two receivers, the default one for the rest; the signature is good, and that
    of a changed body, time or secret is not."""
    broker = start(system, configure(system, hook, [{"cluster": "a*", "receiver": "team"},
                                                    {"cluster": "b", "receiver": "audit"}]))
    system.publish([fault("web-0", cluster=name) for name in ("a1", "b", "c")])
    broker.wait_terminal(3)
    wait_until(lambda: counts(hook) == {"/team": 1, "/audit": 1, "/default": 1}, 20,
               lambda: counts(hook))
    wait_until(all_sent(broker), 20, "nothing waits")
    assert "a1" in json.dumps(hook.delivered("/team")) and "a1" not in json.dumps(
        hook.delivered("/default"))
    told, = hook.got("/audit")
    doc, verified = json.loads(told.body), verifier()
    assert verified(SECRET, told.headers, told.body)
    stamp, sign = told.headers["X-Triage-Timestamp"], told.headers["X-Triage-Signature"]
    assert not verified(SECRET, told.headers, told.body.replace(b'"b"', b'"a"', 1))
    assert not verified(SECRET + "x", told.headers, told.body)
    assert not verified(SECRET, {**told.headers, "X-Triage-Timestamp": str(int(stamp) + 1)},
                        told.body)
    assert not verified(SECRET, {"X-Triage-Timestamp": "1", "X-Triage-Signature": sign}, told.body)
    row = next(row for row in broker.incidents() if row["cluster"] == "b")
    assert (doc["version"], doc["event"], doc["repeat"]) == (1, "incident.reported", False)
    assert doc["incident"] | {"id": row["id"], "number": row["number"], "state": "reported",
                              "cluster": "b", "severity": "critical", "namespace": "shop",
                              "completed_at": row["completed_at"]} == doc["incident"]
    assert doc["report"]["root_cause"] and Path(doc["link"]["path"]).is_file()
    assert told.headers["X-Triage-Delivery"] == doc["id"]
    assert told.headers["X-Triage-Event"] == doc["event"]
    for text in (broker.log(), broker.get("/api/v1/effects?state=done", raw=True)):
        assert SECRET not in text and hook.url("/audit") not in text


def test_each_route_that_continues_is_told_once(system, hook):
    """What ends without a report reaches only who asked for that; the retry is another end."""
    broker = start(system, configure(system, hook, [
        {"receiver": "audit", "continue": True},
        {"severity": "critical|warning", "receiver": "audit", "continue": True},
        {"fault_type": "CrashLoop", "receiver": "slack", "continue": True},
        {"namespace": "nowhere", "receiver": "team"}]))
    system.publish([fault("web-0", context="do: first_fails"),
                    fault("web-1", fault_type="OOMKilled")])
    broker.wait_terminal(2)
    wait_until(lambda: counts(hook)["/audit"] == 2, 20, lambda: counts(hook))
    assert sorted(doc["event"] for doc in hook.delivered("/audit")) == [
        "incident.failed", "incident.reported"]
    failed = next(doc for doc in hook.delivered("/audit") if doc["report"] is None)
    assert failed["incident"]["state"] == "agent_failed" and failed["incident"]["reason"]
    system.ctl("incidents", "retry", str(failed["incident"]["number"]))
    wait_until(lambda: counts(hook) == {"/team": 0, "/audit": 3, "/default": 1}, 20,
               lambda: counts(hook))
    wait_until(all_sent(broker), 20, "nothing waits")
    again = hook.delivered("/audit")[-1]
    assert again["incident"]["id"] == failed["incident"]["id"] and again["id"] != failed["id"]
    assert again["event"] == "incident.reported"


def test_a_receiver_that_is_gone_and_back(system, hook):
    """A reload removes a receiver while a message waits for it."""
    hook.answers["/team"] = (503, {})
    routes = [{"cluster": "prod", "receiver": "team"}]
    broker = start(system, configure(system, hook, routes))
    system.publish([fault("web-0")])
    wait_until(lambda: hook.got("/team"), 20, "tried")
    configure(system, hook, [], receivers=("audit",))
    reload(broker)

    def dead():
        return broker.get("/api/v1/effects?state=dead")["effects"]
    wait_until(dead, 20, "dead")
    assert dead()[0]["error"] == "receiver team is not configured"
    hook.answers.clear()
    configure(system, hook, routes)
    reload(broker)
    assert not hook.delivered("/team")
    system.ctl("effects", "retry", all=True)
    wait_until(lambda: hook.delivered("/team"), 20, "sent")
    assert not dead()


@pytest.mark.parametrize("answer, state", [
    ((410, {}), "dead"), ((302, {"Location": "/default"}), "dead"), ((400, {}), "dead"),
    ([(429, {"Retry-After": "1"}), (500, {}), (204, {})], "done")])
def test_answers_of_a_signed_webhook(system, hook, answer, state):
    """What is final and what is tried again, each time with the same id."""
    hook.answers["/audit"] = answer
    broker = start(system, configure(system, hook, [{"receiver": "audit"}]))
    system.publish([fault("web-0")])

    def ended():
        return [row for row in broker.get(f"/api/v1/effects?state={state}")["effects"]
                if row["key"].endswith("@audit")]
    row = wait_until(ended, 30, state)[0]
    posts = hook.got("/audit")
    assert len({post.headers["X-Triage-Delivery"] for post in posts}) == 1
    assert not hook.got("/default")
    if state == "dead":
        assert len(posts) == 1 and row["error"] == f"the webhook answered {answer[0]}"
        return
    assert [post.status for post in posts] == [429, 500, 204]
    assert int(posts[1].headers["X-Triage-Timestamp"]) > int(posts[0].headers["X-Triage-Timestamp"])


@pytest.mark.parametrize("side, posts", [("before", 0), ("after", 1)])
def test_a_broker_killed_around_a_signed_post_repeats_its_id(system, hook, side, posts):
    config = configure(system, hook, [{"receiver": "audit"}])
    broker = start(system, config)
    broker.stop()
    broker = system.start_broker(config=config, env={
        "TRIAGE_FAILPOINT": f"broker.webhook.post.{side}:kill"})
    system.start_publisher([fault("web-0")])
    assert broker.wait(30) == -9
    sent = hook.delivered("/audit")
    broker = start(system, config, worker=False)
    wait_until(lambda: len(hook.delivered("/audit")) == posts + 1, 30, "sent again")
    last = hook.delivered("/audit")[-1]
    assert len(sent) == posts and all(doc["id"] == last["id"] and not doc["repeat"] for doc in sent)
    assert last["repeat"] is True
    wait_until(all_sent(broker), 20, "nothing waits")


def test_routes_are_shown_and_tested_without_addresses(system, hook):
    config = configure(system, hook, [
        {"cluster": "prod-*", "labels": {"env": "prod"}, "receiver": "team", "continue": True},
        {"namespace": "noisy", "receiver": "none"},
        {"severity": "critical", "receiver": "audit"}],
        more=', "clusters": [{"name": "prod-eu", "labels": {"env": "prod"}}]')
    broker = start(system, config, worker=False)
    shown = table(system.ctl("routes").stdout)
    assert [(row["ROUTE"], row["LABELS"], row["RECEIVER"], row["KIND"], row["THEN"])
            for row in shown[:3]] == [("1", "env=prod", "team", "slack_webhook", "continue"),
                                      ("2", "*", "none", "none", "end"),
                                      ("3", "*", "audit", "webhook", "end")]
    told = system.ctl("routes", "test", cluster="prod-eu", severity="critical").stdout
    assert told.splitlines()[:2] == ["route 1: team, continue", "route 3: audit"]
    assert [(row["RECEIVER"], row["KIND"]) for row in table(told.split("\n", 2)[2])] == [
        ("team", "slack_webhook"), ("audit", "webhook")]
    quiet = system.ctl("routes", "test", cluster="x", namespace="noisy").stdout
    assert quiet == "route 2: none\nnobody gets a message\n"
    assert system.ctl("routes", "test", cluster="x").stdout.startswith(
        "no route matches: the default receiver\n")
    doc = json.loads(system.ctl("routes", "test", cluster="prod-eu", output="json").stdout)
    assert doc["labels"] == {"env": "prod"} and doc["default"] is False \
        and doc["receivers"] == [{"name": "team", "kind": "slack_webhook", "gets": "reports"}]
    listed = json.loads(system.ctl("routes", "list", output="json").stdout)
    assert [row["number"] for row in listed["routes"]] == [1, 2, 3]
    for text in (told, json.dumps(listed), broker.log()):
        assert "127.0.0.1:" + str(hook.server.server_port) not in text
    assert "needs --cluster" in system.ctl("routes", "test", expect=2).stderr
    assert "severity: info, warning or critical" in system.ctl(
        "routes", "test", cluster="x", severity="loud", expect=2).stderr
    assert "label: KEY=VALUE" in system.ctl("routes", "test", cluster="x", label="env",
                                            expect=2).stderr
    broker.stop()
    system.ctl("routes", expect=3)


def test_without_a_default_receiver_a_test_of_routes_says_so(system):
    system.start_broker()
    assert system.ctl("routes", "test", cluster="x").stdout == (
        "no route matches, and there is no default receiver: no slack_ option is set\n"
        "nobody gets a message\n")


def test_check_config_and_print_config_keep_secrets(system, hook):
    """What is printed is read again; no receiver is contacted."""
    config = configure(system, hook, [{"receiver": "team", "continue": True},
                                      {"receiver": "audit"}])

    def run(*words):
        return subprocess.run([BIN / "triage-broker", "--config", config, "--workspace-root",
                               system.root / "incidents", "--state-path", system.root / "b.db",
                               *words], capture_output=True, text=True)
    checked = run("--check-config")
    assert checked.returncode == 0, checked.stderr
    for name in ("Slack webhook of receiver team", "webhook of receiver audit"):
        assert f"not checked: {name}: nothing is sent to the network\n" in checked.stdout
    printed = run("--print-config")
    assert SECRET not in printed.stdout and "127.0.0.1:" + str(
        hook.server.server_port) not in checked.stdout + printed.stdout
    config.write_text(printed.stdout)
    assert run("--print-config").stdout == printed.stdout
    refused = run("--check-config")
    assert refused.returncode == 78 and "receivers.audit.webhook_secret: expected the secret, " \
        "got what --print-config shows instead" in refused.stderr
    assert not hook.posts


def test_what_does_not_fit_stops_a_start_and_not_a_running_broker(system, hook):
    config = configure(system, hook, [{"receiver": "team"}])
    broker = start(system, config, worker=False)
    config.write_text("receivers:\n  team:\n    webhook_url: " + hook.url("/team")
                      + "\n    webhook_secret: " + SECRET + "\nroutes:\n- receiver: teem\n")
    broker.signal(signal.SIGHUP)
    broker.wait_log("configuration not reloaded, the old one stays")
    line = f"{config}:6: routes[0].receiver: unknown receiver, did you mean \"team\"?"
    assert [row["reason"] for row in broker.records("configuration not reloaded")] == [line]
    assert table(system.ctl("routes").stdout)[0]["KIND"] == "slack_webhook"
    done = subprocess.run([BIN / "triage-broker", "--config", config, "--check-config"],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()) == (
        78, [f"warning: {config}:2: receivers.team: no route names this receiver",
             f"warning: {config}:5: routes: no default receiver: alerts about the system go "
             "nowhere; set slack_webhook_url, or slack_bot_token and slack_channel", line])
