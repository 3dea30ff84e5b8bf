"""What Slack is told: the example flow and its variations, against a local webhook.

SPDX-License-Identifier: Apache-2.0
"""
import email.utils
import socket
import subprocess
import time

import pytest

from lib.system import BIN, fault, free_port, wait_until
from receiver import Receiver, texts_of

#  valid, API error, empty, timeout, valid
FLOW = ["diagnose", "exit 1", "bytes 0", "slow 60", "diagnose"]
REASONS = ["agent exited with non-zero code: 1",
           "investigation.md too small: 0 bytes (expected > 100)", "agent timed out after 3 s"]
TOLD = ["incident", "degraded", "recovered", "incident"]
#  Each order is played once: what failed is not put back, and nothing waits for a probe.
OPTIONS = {"agent_timeout": "3s", "lease_ttl": "3s", "reconnect_grace": "3s", "max_deliveries": 30,
           "breaker_mode": "alert", "retry_after_recovery": False}


@pytest.fixture
def slack():
    receiver = Receiver()
    yield receiver
    receiver.close()


class Player:
    """A system whose broker is started again when its failpoint kills it;
    plays one event after the other."""

    def __init__(self, system, receiver, failpoint=None, **options):
        self.system, self.receiver, self.count = system, receiver, 0
        self.env = {"SLACK_WEBHOOK_URL": receiver.url}
        self.options = {**OPTIONS, **options}
        self.killed = False
        self.broker = system.start_broker(env=self.env, **self.options)
        self.worker = system.start_worker()
        if failpoint and "RECORD" in failpoint:  # records are sent to those who listen
            system.start_tap()
        if failpoint:  # armed once everything is up
            self.broker.stop()
            armed = {**self.env, "TRIAGE_FAILPOINT": failpoint}
            self.broker = system.start_broker(env=armed, wait=False, **self.options)

    def alive(self):
        """Start the broker again if its failpoint has killed it."""
        if self.broker.alive():
            return True
        assert not self.killed and self.broker.popen.returncode == -9, self.broker.log_tail()
        self.killed = True
        self.broker = self.system.start_broker(env=self.env, **self.options)
        return True

    def ended(self, name):
        """The state of the incident of this name once it is over."""
        try:
            rows = self.broker.incidents()
        except OSError:
            return None
        found = [row["state"] for row in rows if row["resource"]["name"] == name]
        return found[0] if found and found[0] not in ("pending", "investigating") else None

    def play(self, order):
        """One event, until its incident is over; the state."""
        self.count += 1
        name = f"web-{self.count}"
        self.system.start_publisher([fault(name, context=f"do: {order}")],
                                    name=f"publisher-{self.count}")
        return wait_until(lambda: self.alive() and self.ended(name), 60,
                          f"{name} ({order}) over", 0.05)

    def told(self, count, timeout_s=60):
        """Until so many different messages were delivered."""
        wait_until(lambda: self.alive() and len(first_of_each(self.receiver)) >= count, timeout_s,
                   f"{count} messages", 0.05)

    def settled(self):
        """Nothing is left to do, so nothing more will be told."""
        def done():
            self.alive()
            try:
                return not any(effects_in(self.broker, state) for state in ("ready", "sending"))
            except OSError:
                return False
        wait_until(done, 60, "no effect left", 0.05)

    def flow(self):
        """The example flow; its first message is out before the next event comes."""
        for number, order in enumerate(FLOW):
            self.play(order)
            if number == 0:
                self.told(1)
        self.told(len(TOLD))
        self.settled()


def effects_in(broker, state):
    return broker.get(f"/api/v1/effects?state={state}")["effects"]


def counted(broker, *samples):
    """The figures are a second old at most."""
    wait_until(lambda: all(sample in broker.get("/metrics", raw=True) for sample in samples), 10,
               str(samples))


def identity(post):
    """What makes two posts the same message."""
    return post.kind, tuple(text for text in texts_of(post.body)
                            if not text.startswith("This may be"))


def first_of_each(receiver):
    """Delivered messages in order, repeats left out."""
    seen, found = set(), []
    for post in receiver.delivered():
        if identity(post) not in seen:
            seen.add(identity(post))
            found.append(post)
    return found


def check_flow(receiver, repeats=0):
    """Exactly incident, degraded (3, three reasons), recovered, incident; repeats are marked."""
    first = first_of_each(receiver)
    assert [post.kind for post in first] == TOLD
    assert len(receiver.delivered()) <= len(TOLD) + repeats
    seen = set()
    for post in receiver.delivered():
        assert post.marked or identity(post) not in seen, f"{post.kind} twice without a mark"
        seen.add(identity(post))
    incident, degraded, recovered, last = [texts_of(post.body) for post in first]
    assert "*Failure Count:*\n3" in degraded
    assert "*Sample Failure Reasons (last 3):*\n" + "\n".join(
        "• " + reason.replace(">", "&gt;") for reason in REASONS) in degraded
    assert "*Total Failures:*\n3" in recovered
    for texts, name in ((incident, "web-1"), (last, "web-5")):
        assert f"*Resource:*\nPod/{name}" in texts
        assert "*Root Cause (HIGH confidence):*\nThe limit is too low." in texts


@pytest.mark.parametrize("mode", ["alert", "pause"])
def test_the_example_flow(system, slack, mode):
    player = Player(system, slack, breaker_mode=mode)
    player.flow()
    check_flow(slack)
    assert len(slack.posts) == len(TOLD) and not any(post.marked for post in slack.posts)
    log = player.broker.records
    assert [record["message"].split("/")[0] for record in log("slack notification sent")] == TOLD
    assert [record["failure_count"]
            for record in log("circuit breaker threshold reached, system degraded")] == ["3"]
    assert log("circuit breaker closed, system recovered")
    counted(player.broker, 'triage_circuit_breaker_transitions_total{to="open"} 1',
            'triage_notifications_total{integration="slack"} 4', "triage_circuit_breaker_state 0")


def test_an_incident_links_to_its_report_by_path(system, slack):
    player = Player(system, slack)
    player.play("diagnose")
    player.told(1)
    body = slack.posts[0].body
    report, host, path = texts_of(body)[-1].split(":", 2)
    assert (report, host) == ("Report", " " + socket.gethostname())
    assert "Root Cause" in open(path, encoding="utf-8").read()
    assert "actions" not in [block["type"] for block in body["blocks"]] and body["text"]
    incident = player.broker.incidents()[0]["id"]
    result = system.result(incident)
    assert (result["root_cause"], result["confidence"]) == ("The limit is too low.", "HIGH")


@pytest.mark.parametrize("cli, title", [("playbook", "CRITICAL (rules)"), ("custom", "WARNING"),
                                        (None, "WARNING")])
def test_the_header_has_the_severity_and_says_if_rules_made_the_report(system, slack, cli, title):
    system.start_broker(env={"SLACK_WEBHOOK_URL": slack.url})
    system.start_worker(agent_cli=cli)
    severity = title.partition(" ")[0].lower()
    system.publish([fault("web-1", context="do: diagnose", severity=severity)])
    wait_until(lambda: slack.delivered(), 20, "told")
    body = slack.posts[0].body
    assert body["blocks"][0]["text"]["text"] == f"Kubernetes Incident Triage: {title}"
    assert body["text"].startswith(f"{severity.upper()}: CrashLoop of Pod/web-1 in prod (HIGH")


@pytest.mark.parametrize("after",
                         [lambda: "2",
                          lambda: email.utils.formatdate(time.time() + 3, usegmt=True)],
                         ids=["seconds", "date"])
def test_the_flow_when_the_receiver_refuses_for_a_while(system, after):
    """Of each message: 500, 500, 429 with Retry-After, and only then taken."""
    script = [lambda: (500, {}), lambda: (500, {}), lambda: (429, {"Retry-After": after()}),
              lambda: (200, {})]
    slack = Receiver(lambda kind, number: script[number % 4]())
    try:
        Player(system, slack).flow()
        check_flow(slack)
        assert [post.status for post in slack.posts] == [500, 500, 429, 200] * 4
        assert not any(post.marked for post in slack.posts)
        limited = [number for number, post in enumerate(slack.posts) if post.status == 429]
        assert all(slack.posts[number + 1].at - slack.posts[number].at >= 2 for number in limited)
    finally:
        slack.close()


def failpoints():
    """The broker's, as it lists them."""
    return subprocess.run([BIN / "triage-broker"], env={"TRIAGE_FAILPOINT": "list"},
                          capture_output=True, text=True, check=True).stdout.split()


#  All others that the flow passes: what is done to folders and files, and what is sent.
STEPS = ("mkdir", "render", "staged", "manifest", "seal", "promote", "save")
SENT = ("ASSIGN", "LEASE", "VERDICT_ACK", "EVENT_ACK", "GO", "SEALED", "DATA", "RECORD")
OTHERS = [point for point in failpoints() if point.split(".")[1] in STEPS or
          point.split(".")[1:3] in [["send", name] for name in SENT]]
#  Before and after each of the four posts; commits, records and uploads around them.
POINTS = [f"broker.slack.post.{side}:kill:{nth}" for nth in (1, 2, 3, 4)
          for side in ("before", "after")] + \
         [f"broker.effect.run.{side}:kill:{nth}" for nth in (2, 5, 7, 8)
          for side in ("before", "after")] + \
         [f"broker.store.commit.{side}:kill:{nth}" for nth in (5, 10, 15, 20)
          for side in ("before", "after")] + \
         [f"{point}:kill:2" for point in OTHERS]


@pytest.mark.parametrize("point", POINTS)
def test_the_flow_when_the_broker_is_killed(system, slack, point):
    player = Player(system, slack, failpoint=point)
    player.flow()
    check_flow(slack, repeats=1)
    assert player.killed
    if ".slack.post." in point:
        marked = [post.kind for post in slack.delivered() if post.marked]
        # before: not sent, which nobody could know; after: twice
        assert marked == [TOLD[int(point[-1]) - 1]]
        assert len(slack.delivered()) == len(TOLD) + (".after:" in point)


@pytest.mark.nightly
@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("point", failpoints())
def test_the_flow_when_the_broker_is_killed_anywhere(system, slack, point, nth):
    player = Player(system, slack, failpoint=f"{point}:kill:{nth}")
    player.flow()
    check_flow(slack, repeats=1)


def test_threshold_one(system, slack):
    player = Player(system, slack, failure_threshold_for_alert=1)
    for order in ("exit 1", "diagnose", "exit 1", "exit 1", "diagnose"):
        player.play(order)
    #  alerts of one second say the same, so each is counted
    wait_until(lambda: len(slack.delivered()) >= 6, 60, "6 messages")
    player.settled()
    assert slack.kinds() == ["degraded", "recovered", "incident"] * 2
    assert "*Failure Count:*\n1" in texts_of(slack.posts[3].body)
    assert "*Total Failures:*\n2" in texts_of(slack.posts[4].body)


@pytest.mark.parametrize("revives", [True, False])
def test_an_alert_says_what_broke_how_often_and_what_to_do(system, slack, revives):
    command = "`triagectl incidents retry --state agent_failed`"
    player = Player(system, slack, retry_after_recovery=revives)
    for _ in range(3):
        player.play("exit 1")
    player.told(1)
    degraded = slack.posts[0].body
    assert "*Sample Failure Reasons (last 3):*\n• agent exited with non-zero code: 1, 3 of 3" \
        in texts_of(degraded)
    assert degraded["text"].endswith(": agent exited with non-zero code: 1, 3 of 3")
    told = "\n".join(texts_of(degraded))
    assert (command in told) != revives and ("by itself" in told) == revives


def test_two_failures_a_success_and_two_failures_alert_nobody(system, slack):
    player = Player(system, slack)
    for order in ("exit 1", "exit 1", "diagnose", "exit 1", "exit 1"):
        player.play(order)
    player.told(1)
    player.settled()
    assert slack.kinds() == ["incident"]
    assert player.broker.get("/api/v1/status")["breaker"]["state"] == "closed"


def test_notifications_off_tells_incidents_only(system, slack):
    player = Player(system, slack, notify_on_agent_failure=False)
    for order in ("exit 1", "exit 1", "exit 1", "diagnose"):
        player.play(order)
    player.told(1)
    player.settled()
    assert slack.kinds() == ["incident"] and len(slack.posts) == 1
    assert player.broker.records("circuit breaker threshold reached, system degraded")


def test_a_degraded_alert_that_is_refused_is_dead_and_has_no_recovered(system):
    refusing = [True]
    slack = Receiver(lambda kind, number: (404, {}) if kind == "degraded" and refusing[0]
                     else (200, {}))
    try:
        player = Player(system, slack, failure_threshold_for_alert=1)
        player.play("exit 1")
        dead = wait_until(lambda: effects_in(player.broker, "dead"), 20, "dead")
        assert [(row["key"], row["error"]) for row in dead] == [
            ("degraded/1", "the webhook answered 404: no_service: "
                           "the webhook was removed: make a new one")]
        player.play("diagnose")
        player.told(1)
        player.settled()
        assert slack.kinds() == ["incident"] and len(slack.posts) == 2
        counted(player.broker,
                'triage_notifications_failed_total{integration="slack",reason="clientError"} 1')
        refusing[0] = False  # the operator has put it right
        player.broker.post(f"/api/v1/effects/{dead[0]['id']}/retry")
        player.told(2)
        assert slack.kinds() == ["incident", "degraded"]
    finally:
        slack.close()


def test_a_degraded_alert_that_fails_for_a_while_still_comes_first(system):
    slack = Receiver(lambda kind, number: (503, {}) if kind == "degraded" and number < 3
                     else (200, {}))
    try:
        player = Player(system, slack, failure_threshold_for_alert=1)
        for order in ("exit 1", "diagnose"):
            player.play(order)
        player.told(3)
        assert slack.kinds() == ["degraded", "recovered", "incident"]
    finally:
        slack.close()


def test_a_receiver_that_is_away_gets_everything_in_order_when_it_is_back(system):
    slack = Receiver(port=free_port())  # which nobody takes meanwhile
    port = slack.server.server_port
    player = Player(system, slack, failure_threshold_for_alert=1)
    slack.close()
    for order in ("exit 1", "diagnose"):
        player.play(order)
    wait_until(lambda: player.broker.records("slack notification failed"), 20, "a failed post")
    back = Receiver(port=port)
    try:
        player.receiver = back
        player.told(3, 90)
        assert back.kinds() == ["degraded", "recovered", "incident"]
        assert not any(post.marked for post in back.posts)  # a refused connection took nothing
    finally:
        back.close()


def test_an_answer_that_never_comes_is_repeated_and_marked(system):
    """The request left, the connection broke: nobody knows whether it was taken."""
    slack = Receiver(lambda kind, number: (0 if number == 0 else 200, {}))
    try:
        player = Player(system, slack)
        player.play("diagnose")
        player.told(1)
        assert [(post.status, post.marked) for post in slack.posts] == [(0, False), (200, True)]
    finally:
        slack.close()


def test_an_orderly_stop_waits_for_the_answer_and_repeats_nothing(system):
    slack = Receiver(delay_s=2)
    try:
        player = Player(system, slack)
        player.play("diagnose")
        wait_until(lambda: slack.posts, 20, "a post under way", 0.005)
        player.broker.stop()
        assert player.broker.records("slack notification sent")
        player.broker = system.start_broker(env=player.env, **player.options)
        player.play("diagnose")
        player.told(2)
        assert slack.kinds() == ["incident", "incident"] \
            and not any(post.marked for post in slack.posts)
    finally:
        slack.close()


def test_an_overflow_is_told_once(system, slack):
    broker = system.start_broker(env={"SLACK_WEBHOOK_URL": slack.url}, cluster_queue_size=2)
    system.publish([fault(f"web-{number}") for number in range(6)]
                   + [fault("quiet", cluster="other")])
    wait_until(lambda: slack.delivered(), 20, "told")
    wait_until(lambda: not effects_in(broker, "ready") + effects_in(broker, "sending"), 20,
               "no effect left")
    assert slack.kinds() == ["overflow"]
    assert "*Cluster:*\nprod" in texts_of(slack.posts[0].body)


def test_the_webhook_stands_nowhere(system, slack):
    """Not in logs, records, metrics or the store; a permanent and a passing error included."""
    player = Player(system,
                    Receiver(lambda kind,
                             number: (404 if kind == "degraded" else 500 * (number == 0)
                                      or 200, {})),
                    failure_threshold_for_alert=1)
    for order in ("diagnose", "exit 1"):
        player.play(order)
    player.settled()
    secret = player.receiver.secret.encode()
    pages = [player.broker.get(path, raw=True).encode() for path in
             ("/metrics", "/api/v1/status", "/api/v1/effects?state=dead",
              "/api/v1/stream?limit=200")]
    for process in (player.worker, player.broker):
        process.stop()  # what they still remove cannot be read
    player.receiver.close()
    files = [path.read_bytes() for path in system.root.rglob("*") if path.is_file()]
    assert len(files) > 10 and not [text for text in files + pages if secret in text]


def test_hostile_names_and_reports_cannot_mention_anybody(system, slack):
    player = Player(system, slack)
    hostile = "<!channel> @here <@U012AB3CD>"
    system.publish([fault(hostile, cluster=hostile, fault_type=hostile, context="do: hostile")])
    player.told(1)
    for text in texts_of(slack.posts[0].body) + [slack.posts[0].body["text"]]:
        assert len(text) < 3000
        assert not [word for word in ("<!", "<@", "@here", "@channel", "@everyone", "<http")
                    if word in text], text
