"""What follows each class of a run: charged, given back, or its worker held.

The workers are moved by hand, so that each run ends as its test says.
SPDX-License-Identifier: Apache-2.0
"""
import re
import time

import pytest

from lib.system import fault, wait_until
from receiver import Receiver
from test_metrics import wait_metric
from worker import STARTED, Worker

REPORT = {"output/investigation.md": b"# Report\n\n" + b"The limit is too low.\n" * 8}
USAGE = {"agent": "claude", "model": "sonnet", "calls": 3, "input": 1200, "cost_micro_usd": 41000}


def join(broker, name):
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"], name=name)
    worker.hello()
    worker.offer(1)
    return worker


def begin(worker):
    """The next assignment, begun; the worker offers nothing more."""
    _, fence = worker.assignment(30)
    worker.work.send(STARTED, fence)
    worker.offer(0)
    return fence


def fail(worker, name, **more):
    """Take an incident, and end it by this class."""
    fence = begin(worker)
    words = {"outcome": "agent", "exit_code": 1, "reason": f"said {name}", "class": name}
    assert worker.verdict(fence, **{**words, **more}) == "committed"
    return fence


def row(broker, fence):
    return broker.incident(fence["incident"])


def shown(broker, name):
    return next((worker for worker in broker.get("/api/v1/workers")["workers"]
                 if worker["name"] == name), {})


@pytest.mark.parametrize("name", ["rate_limited", "overloaded"])
def test_an_incident_waits_for_its_provider_and_is_not_charged(system, name):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    first, second = join(broker, "first"), join(broker, "second")
    taker = first if first.work.sock.poll(10000) else second
    before = time.monotonic()
    fence = fail(taker, name, retry_ms=1500, usage=USAGE)
    assert row(broker, fence)["state"] == "pending"
    for worker in (first, second):
        worker.offer(1)
    wait_until(lambda: row(broker, fence)["state"] == "investigating", 20, "again")
    assert time.monotonic() - before >= 1.4
    other = second if taker is first else first  # another host is preferred
    fence = begin(other)
    manifest, _ = other.upload(fence, REPORT)
    assert other.verdict(fence, "success", manifest, **{"class": "success"}) == "committed"
    assert row(broker, fence)["state"] == "reported"
    assert [attempt["attempt"] for attempt in row(broker, fence)["attempts"]] == [1, 2]


@pytest.mark.parametrize("usage,line", [
    ({**USAGE, "turns": 2, "output": 90, "duration_ms": 192000},
     "claude sonnet: 3 calls, 2 turns, 1200 tokens in, 90 out, $0.0410, 3m12s"),
    ({"agent": "mine", "duration_ms": 4210}, "mine: 4.2s"), ({"agent": "mine"}, "mine")])
def test_what_a_run_used_is_shown_to_people(system, usage, line):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    worker = join(broker, "w")
    fence = begin(worker)
    manifest, _ = worker.upload(fence, REPORT)
    assert worker.verdict(fence, "success", manifest, usage=usage) == "committed"
    shown = system.ctl("incidents", "show", fence["incident"]).stdout
    assert re.search(r"^attempt 1 +(.*?) *$", shown, re.M).group(1) == line


@pytest.mark.parametrize("name", ["auth", "quota", "config"])
def test_a_key_that_fails_holds_its_worker_and_not_the_incident(system, name):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    bad = join(broker, "bad")
    fence = fail(bad, name)
    bad.offer(1)
    good = join(broker, "good")
    again = begin(good)
    assert again == {"incident": fence["incident"], "attempt": 2}
    wait_until(lambda: shown(broker, "bad").get("quarantined"), 10, "shown")
    assert shown(broker, "bad")["quarantined_for"] == f"{name}: said {name}"
    wait_metric(broker, 1, "workers_held", **{"class": name})
    mend = {"auth": "correct its provider's key", "quota": "give the account credit",
            "config": "correct agent_model, the base URL"}[name]
    assert f"bad: {name}: said {name}; {mend}" in " ".join(system.ctl("status").stdout.split())
    assert f"{name}: said {name}; {mend}" in system.ctl("workers").stdout
    records = broker.get("/api/v1/stream?after=0&limit=200", raw=True)
    assert '"quarantined"' in records


def test_three_overloaded_in_a_row_open_the_breaker_and_tell_slack(system):
    slack = Receiver(lambda kind, number: (200, {}))
    broker = system.start_broker(slack_webhook_url=slack.url)
    worker = join(broker, "w")
    for number in range(3):
        system.publish([fault(f"web-{number}")], name=f"p{number}")
        worker.offer(1)
        fail(worker, "overloaded", retry_ms=600000)
    wait_until(lambda: [post.kind for post in slack.posts] == ["degraded"], 20, "a message")
    wait_until(lambda: broker.get("/api/v1/status")["breaker"]["state"] == "open", 10, "open")
    assert {incident["state"] for incident in broker.incidents()} == {"pending"}
    broker.kill9()  # they are not counted again
    broker = system.start_broker(slack_webhook_url=slack.url)
    wait_until(lambda: broker.get("/api/v1/status")["breaker"]["failures"] == 3, 10, "shown")
    slack.close()


def test_a_partial_report_fails_the_incident(system):
    broker = system.start_broker()
    system.publish([fault("web-0")])
    worker = join(broker, "w")
    fence = begin(worker)
    words = {"outcome": "agent", "exit_code": 143, "class": "partial",
             "reason": "agent timed out after 5 s"}
    listed = [{"path": path, "size": len(data), "sha256": "0" * 64}
              for path, data in REPORT.items()]
    assert worker.verdict(fence, files=listed, **words) == "missing"
    manifest, _ = worker.upload(fence, REPORT)
    assert worker.verdict(fence, files=manifest, **words) == "committed"
    assert row(broker, fence)["state"] == "agent_failed"
    wait_until(lambda: broker.get("/api/v1/status")["breaker"]["failures"] == 1, 10, "counted")


def test_a_worker_that_says_why_gets_no_work(system):
    broker = system.start_broker()
    worker = join(broker, "w")
    worker.offer(1, held="claude is not on PATH; install it", **{"class": "infra"})
    wait_until(lambda: shown(broker, "w").get("ready") is False, 10, "held")
    wait_metric(broker, 1, "workers_held", **{"class": "infra"})
    system.publish([fault("web-0")])
    assert not worker.work.sock.poll(500)
    assert broker.incidents("pending")
    worker.offer(1)
    assert begin(worker)["attempt"] == 1
    wait_metric(broker, 0, "workers_held", **{"class": "infra"})


@pytest.mark.parametrize("said", [{}, {"class": "timeout"}, {"class": "melted"}])
def test_a_worker_that_does_not_say_what_it_lacks_is_counted(system, said):
    broker = system.start_broker()
    join(broker, "w").offer(1, held="no idea", **said)
    wait_metric(broker, 1, "workers_held", **{"class": "other"})
