"""Workers that harm others: two with one key, and one that takes nothing of what it is given.
SPDX-License-Identifier: Apache-2.0
"""
import time

from lib.system import SLOW, fault, wait_until
from worker import RELEASE, Worker

TWO = "two live workers have one key: the second is refused; give each host its own"
ASIDE = "worker set aside, it gets single probes until one succeeds"


def shown(broker, name):
    return next((worker for worker in broker.get("/api/v1/workers")["workers"]
                 if worker["name"] == name), None)


def test_two_workers_with_one_key_do_their_work_once_and_the_second_is_told(secure):
    """A Deployment of two replicas and one Secret: each superseded the other, and incidents
    became dead letters."""
    broker = secure.start_broker()
    first = secure.start_worker("w1")
    first.wait_log("broker connected")
    second = secure.start_worker("w2", keys_dir=secure.peer_keys("worker", "w1"))
    second.wait_log("another live worker has our key")
    secure.publish([fault(f"web-{i}", context="do: slow 1") for i in range(8)])
    rows = broker.wait_terminal(8)
    assert {row["state"] for row in rows} == {"reported"}
    assert all(len(broker.incident(row["id"])["attempts"]) == 1 for row in rows)
    told = broker.records(TWO)[0]
    assert told["level"].startswith("warn"), told
    assert told["address"] and told["refused_address"] \
        and told["session"] != told["refused_session"]
    assert shown(broker, "w1")["twins_refused_total"] >= 1
    assert "another worker has its key" in secure.ctl("workers").stdout
    assert broker.metric("workers_refused_total") >= 1
    #  The first is gone: the second is let in without anybody's doing.
    first.kill9()
    second.wait_log("broker connected", 70)
    secure.publish([fault("later-0")], "later")
    assert len(broker.wait_terminal(9)) == 9
    #  A killed worker that starts again does not wait for its ghost.
    second.kill9()
    began = time.monotonic()
    again = secure.start_worker("w2", keys_dir=secure.peer_keys("worker", "w1"))
    again.wait_log("broker connected")
    assert time.monotonic() - began < 2.5 * SLOW


def test_a_worker_that_takes_nothing_is_set_aside_and_costs_nobody_a_report(system):
    broker = system.start_broker()
    liar = Worker(broker.endpoints["work"], broker.endpoints["files"], name="liar", slots=200)
    liar.hello()
    liar.offer(200)
    good = system.start_worker("good", max_concurrent_agents=2)
    good.wait_log("broker connected")
    system.publish([fault(f"web-{i}", context="do: slow 1") for i in range(12)])

    def refuse():
        kind, body = liar.work.recv(0.05)
        if kind == 4:
            fence = {"incident": body["incident"], "attempt": body["attempt"]}
            liar.work.send(RELEASE, {**fence, "reason": "busy"})
            liar.offer(200)
        return len([row for row in broker.incidents() if row["state"] == "reported"]) == 12

    wait_until(refuse, 60, "all have a report")
    worker = wait_until(lambda: (found := shown(broker, "liar")) and found["quarantined"] and found,
                        10, "set aside")
    assert worker["quarantined_for"] == "it gives back what it is assigned" and not worker["ready"]
    assert broker.records(ASIDE)[0]["worker"] == "liar"
    assert broker.metric("assignments_returned_total") >= 3
    assert "it gives back what it is assigned" in system.ctl("workers").stdout
    liar.close()


def test_a_drain_is_seen_by_who_has_its_answer(system):
    broker = system.start_broker()
    system.start_worker("w1").wait_log("broker connected")
    for _ in range(5):
        system.ctl("workers", "drain", "w1")
        assert shown(broker, "w1")["draining"] and not shown(broker, "w1")["ready"]
        assert broker.get("/api/v1/status")["workers"]["ready"] == 0
        system.ctl("workers", "resume", "w1")
        assert shown(broker, "w1")["ready"]
