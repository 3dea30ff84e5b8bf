"""What a worker does when its broker talks nonsense: it lives, does what it was asked for in order,
and no more.
SPDX-License-Identifier: Apache-2.0
"""
import collections
import random
import signal

import pytest

from hostile_broker import HostileBroker, pack
from lib.system import fault, wait_until
from test_run import agents, script
from test_run_killed import REPORT
from worker import (ASSIGN, BYE, CANCEL, CREDIT, DATA, ERROR, GET, GO, LEASE, PROGRESS, RELEASE,
                    SEALED, STARTED, VERDICT, VERDICT_ACK, WELCOME)

ID = "0190163d-8694-739b-aea5-966c26f8ad91"


@pytest.fixture
def hostile(system):
    broker = HostileBroker()
    system.broker_ports = {f"{name}_endpoint": endpoint for name,
                           endpoint in broker.endpoints.items()}
    yield broker
    broker.close()


def rss_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def finishes_one(hostile):
    """The worker takes an incident to its verdict."""
    fence = hostile.assign()
    hostile.serve(lambda: [body for body in hostile.all(VERDICT)
                           if body["incident"] == fence["incident"]])
    return next(body for body in hostile.all(VERDICT) if body["incident"] == fence["incident"])


def nonsense(dice):
    """One message that no broker should send."""
    fence = {"incident": dice.choice([ID, "../../../../etc", "x" * 40, "\n", ""]),
             "attempt": dice.choice([0, -1, 1, 2**31, 2**63 - 1])}
    kind = dice.choice([ASSIGN, CANCEL, LEASE, VERDICT_ACK, WELCOME, ERROR, DATA, GO, SEALED,
                        PROGRESS, 0, 99, 255])
    body = {**fence,
            "path": dice.choice(["event.json", "../../x", "/etc/passwd",
                                 "output/investigation.md"]),
            "offset": dice.choice([0, 2**63 - 1, -5]), "size": dice.choice([0, 5, 2**62]),
            "bytes": b"x" * 10,
            "upto": dice.choice([0, 2**62, -1]), "result": "stored", "disposition": "missing",
            "reason": "r" * 200,
            "cluster": "c\x1b[2J", "timeout_ms": dice.choice([0, -1, 2**63 - 1]),
            "lease_ms": 2**63 - 1,
            "ms": dice.choice([0, 1]), "code": "closed", "text": "\x00\x07" * 100, "fatal": False,
            "proto": 1, "now_ms": -1, "ping_ms": dice.choice([-1, 0, 2**63 - 1]),
            "revoke": [fence] * dice.choice([0, 3])}
    parts = pack(kind, body, version=dice.choice([1, 1, 1, 0, 7]),
                 magic=dice.choice([b"K8T1", b"K8T1", b"HTTP"]))
    shape = dice.randrange(6)
    if shape == 0:
        parts = [dice.randbytes(dice.randrange(100)) for _ in range(dice.randrange(1, 7))]
    elif shape == 1:
        parts[1] = parts[1][:dice.randrange(len(parts[1]))]
    elif shape == 2:
        parts[1] = b"\x91" * 2000 + b"\xdd\xff\xff\xff\xff"
    return parts


def test_nonsense_is_survived(system, hostile):
    worker = system.start_worker(agent_script_path=script(system, REPORT))
    hostile.serve(lambda: hostile.all(CREDIT))
    assert finishes_one(hostile)["outcome"] == "success"
    before, dice = rss_kib(worker), random.Random(7)
    for name in ("work", "files"):
        for _ in range(3000):
            hostile.raw(name, nonsense(dice))
            hostile.receive(0)
    hostile.send("work", WELCOME, {"proto": 1, "now_ms": 1, "ping_ms": 1000, "lease_ms": 60000})
    assert finishes_one(hostile)["outcome"] == "success"
    assert worker.alive() and rss_kib(worker) < before + 20000
    assert len(worker.records("bad message from the broker")) < 30
    assert [path.name for path in system.root.iterdir() if path.name == "x"] == []


def test_assignments_beyond_the_credit_are_given_back(system, hostile):
    worker = system.start_worker(agent_script_path=script(system, "sleep 600"),
                                 max_concurrent_agents=2, shutdown_timeout="100ms")
    hostile.serve(lambda: hostile.all(CREDIT))
    before = rss_kib(worker)
    for _ in range(5000):
        hostile.assign()
        message = hostile.receive(0)
        if message:
            hostile.answer(*message)
    hostile.serve(lambda: len([words for _, words in agents(system)
                               if "triage-run" in words.split()[0]]) == 2)
    assert len(list((system.root / "workspace/w1/jobs").iterdir())) == 2
    assert {body["reason"] for body in hostile.all(RELEASE)} == {"busy"}
    assert rss_kib(worker) < before + 20000


def test_the_longest_possible_deadline_is_a_deadline(system, hostile):
    # nobody will take the verdict
    system.start_worker(agent_script_path=script(system, REPORT), shutdown_timeout="0s")
    hostile.serve(lambda: hostile.all(CREDIT))
    hostile.assign(timeout_ms=2**63 - 1)  # out of range, and not heard
    longest_ms = 366 * 24 * 3600 * 1000
    fence = hostile.assign(timeout_ms=longest_ms, lease_ms=longest_ms)
    hostile.serve(lambda: hostile.all(VERDICT))
    assert hostile.all(VERDICT)[0]["incident"] == fence["incident"]
    assert hostile.all(VERDICT)[0]["outcome"] == "success"


@pytest.mark.parametrize("code", ["closed", "unknown"])
def test_an_attempt_that_is_over_frees_its_slot_before_it_runs(system, hostile, code):
    system.start_worker(agent_script_path=script(system, REPORT))
    hostile.serve(lambda: hostile.all(CREDIT))
    hostile.assign()
    hostile.serve(lambda: "files" in hostile.routes, silent=(GET,))
    hostile.send("files", ERROR, {"code": code, "text": "over"}, corr=hostile.seq)
    # a worker without an answer asks for a minute
    hostile.serve(lambda: hostile.all(RELEASE), silent=(GET,))
    assert hostile.all(RELEASE)[0]["reason"] == "cancelled"


@pytest.mark.nightly
def test_a_broker_that_cannot_give_the_prompt_is_not_answered_by_a_failure_of_the_host(
        system, hostile):
    """Twelve times it says so, then the attempt goes back."""
    system.start_worker(agent_script_path=script(system, REPORT))
    hostile.serve(lambda: hostile.all(CREDIT))
    hostile.assign()
    for number in range(1, 13):
        hostile.serve(lambda: len(hostile.all(GET)) >= number, silent=(GET,))  # noqa: B023
        hostile.send("files", ERROR, {"code": "io", "text": "not now"}, corr=hostile.seq)
    hostile.serve(lambda: hostile.all(RELEASE), silent=(GET,))
    assert hostile.all(RELEASE)[0]["reason"] == "busy"
    assert "cannot fetch the prompt: not now" in hostile.all(RELEASE)[0]["detail"]


def test_a_report_for_a_broker_that_forgot_it_is_not_sent_for_ever(system):
    """The broker came back with an empty store: it says unknown to the files,
    stale to the verdict."""
    broker = system.start_broker()
    text = "touch ../../../../runs; while [ ! -e ../../../../go ]; do sleep 0.05; done; " + REPORT
    system.start_worker(agent_script_path=script(system, text))
    system.publish([fault("web-0")])
    wait_until(lambda: (system.root / "runs").exists(), 20, "agent runs")
    broker.kill9()
    (system.root / "go").touch()
    spool = system.root / "workspace/w1/spool"
    wait_until(lambda: list(spool.glob("*/verdict.json")), 20, "spooled")
    system.start_broker(state_path=system.root / "other/broker.db")
    wait_until(lambda: not list(spool.iterdir()), 20, "spool empty")


def test_every_attempt_of_a_large_worker_is_renewed(system, hostile):
    """More PROGRESS at once than the socket's queue takes: what did not fit is said soon after."""
    slots, timing = 160, {"ping_ms": 1000, "lease_ms": 3000}
    system.start_worker(agent_script_path=script(system, "exec sleep 600"),
                        max_concurrent_agents=slots, shutdown_timeout="0s", log_level="info")
    hostile.serve(lambda: hostile.all(CREDIT), **timing)
    fences = [hostile.assign() for _ in range(slots)]
    hostile.serve(lambda: len(hostile.all(STARTED)) == slots, 60, **timing)
    hostile.heard.clear()
    heard = collections.Counter()

    def most():
        heard.update(body["incident"] for body in hostile.all(PROGRESS))
        hostile.heard.clear()
        return heard and max(heard.values()) >= 12
    hostile.serve(most, 60, **timing)
    assert min(heard[fence["incident"]] for fence in fences) >= 8


def totals(hostile):
    return [body["total"] for body in hostile.all(CREDIT)]


def test_a_draining_worker_renews_its_lease_until_its_agent_has_ended(system, hostile):
    text = "touch ../../../../runs; while [ ! -e ../../../../go ]; do sleep 0.05; done; " + REPORT
    worker = system.start_worker(agent_script_path=script(system, text), shutdown_timeout="300s")
    timing = {"ping_ms": 1000, "lease_ms": 600}
    hostile.serve(lambda: hostile.all(CREDIT), **timing)
    fence = hostile.assign(lease_ms=600)
    hostile.serve((system.root / "runs").exists, **timing)
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    hostile.heard.clear()
    hostile.serve(lambda: len(hostile.all(PROGRESS)) >= 10 and 0 in totals(hostile), **timing)
    assert totals(hostile) == sorted(totals(hostile), reverse=True), "no credit after the signal"
    (system.root / "go").touch()
    hostile.serve(lambda: hostile.all(BYE), **timing)
    assert [(body["incident"], body["outcome"])
            for body in hostile.all(VERDICT)] == [(fence["incident"], "success")]
    assert worker.wait() == 0
