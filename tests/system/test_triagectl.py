"""triagectl against a real broker and worker: each command, for people and for programs.
SPDX-License-Identifier: Apache-2.0
"""
import collections
import contextlib
import itertools
import json
import re
import socket
import sqlite3
import time

from lib.ctl import table
from lib.system import fault, processes_of, wait_until
from receiver import Receiver, texts_of
from test_flow import FaultServer, clusters_yaml


def effects_done(system):
    rows = system.ctl("effects", "list", "--state", "done").stdout
    return 0 if rows == "no effects\n" else len(table(rows))


def wait_state(system, number, state, timeout_s=30):
    return wait_until(lambda: system.broker.incident(number)["state"] == state, timeout_s,
                      f"{number} is {state}")


def test_status_for_people_and_for_programs(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("web-0")])
    broker.wait_terminal(1)

    def counted():
        shown = json.loads(system.ctl("status", "-o", "json").stdout)
        return shown["incidents"]["reported"] == 1 and shown["workers"]["slots_free"] == 1
    wait_until(counted, 10, "counted, and the slot free again")
    shown = dict(line.split(None, 1) for line in system.ctl("status").stdout.splitlines())
    assert shown["broker"].startswith("ready, up ")
    assert shown["incidents"] == "1 reported" and shown["outcomes"] == "1 success since the start"
    assert shown["workers"] == "1 of 1 ready, 0 quarantined; 1 of 1 slots free"
    taken, \
        repeats = re.fullmatch(r"(\d+) taken since the start, (\d+) of them delivered again, "
                               "0 added to a known incident", shown["events"]).groups()
    assert int(taken) - int(repeats) == 1  # what is acknowledged late is sent again


def counts_of(system):
    """(what status says, what the rows say): incidents by state, those without a report,
    suppressed by reason."""
    doc, rows = system.broker.get("/api/v1/status"), system.broker.incidents()
    states = collections.Counter(row["state"] for row in rows)
    told = [{key: count for key, count in doc[name].items() if count}
            for name in ("incidents", "suppressed")]
    reasons = collections.Counter(row["suppressed"] for row in rows if row["state"] == "suppressed")
    return [*told, doc["without_report"]], [states, reasons,
                                            states["agent_failed"] + states["failed"]]


def test_status_counts_all_history_also_what_memory_has_forgotten(system):
    """The windows are over, or the broker is another process:
    those without a report are still told."""
    windows = {"dedup_window_seconds": "1s", "reinvestigate_after": "1s", "agent_attempts": 1}
    broker = system.start_broker(**windows)
    system.start_worker()
    failing = [fault(f"web-{n}", context="do: exit 3") for n in range(3)]
    system.publish([*failing, fault("good"), fault("low", severity="info")])
    broker.wait_terminal(5)
    tries = itertools.count()

    def forgotten():
        """The same fault again is a new incident: its window is over, and with
        it that of the others."""
        system.publish(failing[:1], name=f"again-{next(tries)}")
        return len(broker.incidents()) > 5
    wait_until(forgotten, 30, "the windows are over", 0.5)
    broker.wait_terminal(6)

    def told():
        said, true = counts_of(system)
        assert said == true and true[0] == {"agent_failed": 4, "reported": 1, "suppressed": 1}
        shown = re.sub(r" +", " ", system.ctl("status").stdout)
        assert "\nincidents 1 reported, 4 agent_failed, 1 suppressed\nno report 4\n" in shown
        metrics = broker.get("/metrics", raw=True)
        assert 'triage_incidents{state="agent_failed"} 4\n' in metrics \
            and 'triage_incidents{state="reported"} 1\n' in metrics
    told()
    broker.kill9()
    broker = system.start_broker(**windows)
    told()


def test_what_the_store_does_not_tell_is_unknown_and_not_zero(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("web-0")])
    broker.wait_terminal(1)
    wait_until(lambda: effects_done(system) == 1, 10, "stored")
    with contextlib.closing(sqlite3.connect(system.root / "state/broker.db")) as store:
        store.execute("DROP TABLE counted")
    doc = broker.get("/api/v1/status")
    assert doc["incidents"] is None and doc["without_report"] is None and doc["counts_error"]
    lines = system.ctl("status").stdout.splitlines()
    for name in ("incidents", "no report", "suppressed", "effects", "dead letters"):
        assert re.search(rf"^{name} +- \(unknown: the store did not answer\)$", "\n".join(lines),
                         re.M), (name, lines)
    assert "\ntriage_dead_letters " not in broker.get("/metrics", raw=True)


def test_status_shows_an_open_breaker(system):
    broker = system.start_broker(failure_threshold_for_alert=2)
    system.start_worker()
    assert "breaker      closed\n" in system.ctl("status").stdout
    system.publish([fault("web-0", context="do: exit 3"), fault("web-1", context="do: exit 3")])
    broker.wait_terminal(2)
    shown = re.compile(r"^breaker +open, 2 failed in a row, for \d+[sm]; 0 wait, one is tried "
                       r"(in \d+s: triagectl breaker probe tries it now|as soon as .*)$", re.M)
    wait_until(lambda: shown.search(system.ctl("status").stdout), 10, "open")


def test_incidents_are_listed_newest_first_over_many_pages(system):
    system.start_broker(cluster_queue_size=10000)
    system.publish([fault(f"web-{n}", severity="warning" if n % 2 else "critical")
                    for n in range(430)])
    rows = table(system.ctl("incidents", "list", "--limit", 425).stdout)
    assert [int(row["NUMBER"]) for row in rows] == list(range(430, 5, -1))
    assert {row["STATE"] for row in rows} == {"pending"} \
        and {row["SEVERITY"] for row in rows} == {"warning", "critical"}
    assert len(table(system.ctl("incidents").stdout)) == 50
    found = json.loads(system.ctl("incident", "list", "--limit", 3, "-o", "json").stdout)
    assert [row["number"] for row in found] == [430, 429,
                                                428] and found[0]["resource"]["name"] == "web-429"
    assert system.ctl("incidents", "list", "--state", "failed").stdout == "no incidents\n"
    assert json.loads(system.ctl("incidents", "list", "--state", "failed", "-o",
                                 "json").stdout) == []


def test_an_empty_list_says_what_it_looked_for(system):
    system.start_broker()
    # others may be done
    assert system.ctl("effects").stdout == "no effects wait, and none is dead\n"
    assert system.ctl("effects", "--state", "done").stdout == "no effects\n"
    assert system.ctl(
        "clusters").stdout == "no clusters: none is configured, and none was heard of since the " \
                              "start\n"
    assert json.loads(system.ctl("effects", "-o", "json").stdout) == json.loads(
        system.ctl("clusters", "-o", "json").stdout) == []


def test_one_incident_by_number_and_by_id(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("web-0", context="do: exit 7")])
    row = broker.wait_terminal(1)[0]
    wait_until(lambda: effects_done(system) == 1, 10, "stored")
    text = system.ctl("incidents", "show", 1).stdout
    assert text == system.ctl("incident", "show", row["id"]).stdout
    facts = dict(line.split(None, 1) for line in text.split("\n\n")[0].splitlines())
    assert facts["id"] == row["id"] and facts["state"] == "agent_failed" \
        and facts["resource"] == "Pod shop/web-0"
    assert facts["reason"] == "agent exited with non-zero code: 7" and facts["fault"] == "CrashLoop"
    assert re.search(r"^ +1 ended +w1 +invalid_output +7 ", text, re.M)
    assert "storage/" + row["id"] in text
    assert re.search(r"^event\.json +\d+$", text, re.M)
    document = json.loads(system.ctl("incidents", "show", 1, "-o", "json").stdout)
    assert document["attempts"][0]["exit_code"] == 7 and document["artifacts"]["complete"]


def test_the_folder_of_an_incident_is_told_whole_also_below_a_relative_root(system):
    """Who reads it in Slack, or runs triagectl, stands in another folder than the broker."""
    with contextlib.closing(Receiver()) as slack:
        broker = system.start_broker(workspace_root="./incidents", slack_webhook_url=slack.url)
        system.start_worker()
        system.publish([fault("web-0")])
        folder = str(system.root / "incidents" / broker.wait_terminal(1)[0]["id"])
        assert broker.incident(1)["artifacts"]["folder"] == folder
        assert re.search(rf"^folder +{re.escape(folder)}$",
                         system.ctl("incidents", "show", 1).stdout, re.M)
        wait_until(slack.kinds, 20, "delivered")
        assert any(f"{folder}/output/investigation.html" in text
                   for text in texts_of(slack.posts[0].body))


def test_an_incident_without_a_resource_shows_none(system):
    system.start_broker()
    system.publish([{"cluster": "prod", "faultType": "Odd"},
                    {"cluster": "prod", "faultType": "Odd", "resource": {"kind": "Node"}}])
    assert not re.search("^resource", system.ctl("incidents", "show", 1).stdout, re.M)
    assert re.search("^resource +Node$", system.ctl("incidents", "show", 2).stdout, re.M)


def test_a_failed_incident_is_retried_and_reported(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("web-0", context="do: first_fails"), fault("web-1")])
    broker.wait_terminal(2)
    assert broker.incident(1)["state"] == "agent_failed"
    assert system.ctl("incidents", "retry", 2, expect=1).stderr == (
        "triagectl: 2: only an incident that ended without a report can be retried\n")
    assert system.ctl("incidents", "retry", 1).stdout == "1: queued again\n"
    wait_state(system, 1, "reported")
    # its old name
    assert table(system.ctl("incidents", "list", state="resolved").stdout)[0]["STATE"] == "reported"
    done = broker.incident(1)
    assert done["winner"] == 2 \
        and [row["outcome"] for row in done["attempts"]] == ["agent", "success"]
    wait_until(lambda: (system.result(done["id"]) or {}).get("status") == "success", 10,
               "stored anew")


def test_a_dead_letter_of_long_ago_is_retried_after_a_restart(system):
    """It is in the store only: its windows have passed, and the broker was started anew."""
    windows = {"dedup_window_seconds": 0, "reinvestigate_after": "1s"}
    broker = system.start_broker(max_deliveries=1, lease_ttl="2s", reconnect_grace="1s", **windows)
    worker = system.start_worker()
    system.publish([fault("web-0", context="do: slow 600")])
    #  a machine that sleeps longer than the lease loses it without our help
    wait_until(lambda: [attempt for attempt in broker.incident(1)["attempts"]
                        if attempt["started"]], 20, "started")
    worker.kill9()
    wait_state(system, 1, "failed")
    assert "dead letters 1" in system.ctl("status").stdout
    broker.stop()
    time.sleep(1.1)  # reinvestigate_after, in the store's wall clock
    broker = system.start_broker(**windows)
    assert json.loads(system.ctl("incidents", "retry", "--state", "failed", "-o",
                                 "json").stdout)["result"] == "queued again"
    assert broker.incident(1)["state"] == "pending" \
        and "dead letters 0" in system.ctl("status").stdout
    assert system.ctl("incidents", "retry", "--state", "failed").stdout == "nothing to retry\n"


def test_what_overflowed_is_revived_by_its_reason(system):
    broker = system.start_broker(cluster_queue_size=2)
    system.publish([fault(f"web-{n}") for n in range(5)] + [fault("low", cluster="other")])
    assert [row["STATE"]
            for row in table(system.ctl("incidents", "list", "--reason", "overflow").stdout)] == [
                "suppressed"] * 3
    full = system.ctl("incidents", "retry", "--reason", "overflow", expect=1)
    first, more = full.stderr.splitlines()  # the reason once, however many met it
    assert first.endswith(
        ": the queue is full") and more == "triagectl: 2 more: the queue is full" \
        and not full.stdout
    lines = system.ctl("incidents", "retry", "--reason", "overflow", "-o", "json",
                       expect=1).stdout.splitlines()
    assert [json.loads(line)["error"] for line in lines] == ["the queue is full"] * 3
    system.start_worker()
    broker.wait_terminal(6)
    assert system.ctl("incident", "retry", "--reason", "overflow", "--limit",
                      1).stdout.endswith(": queued again\n")
    wait_until(lambda: len(broker.incidents("reported")) == 4, 30, "one revived")
    assert system.ctl("incident", "retry", "--reason", "overflow").stdout.count("queued again") == 2
    wait_until(lambda: len(broker.incidents("reported")) == 6, 30, "all revived")


def test_what_a_full_queue_did_not_keep_is_told_on_who_lost_it(secure):
    """A publisher that invents clusters beside one that does not:
    the loss stands beside its own name."""
    broker = secure.start_broker(global_queue_size=20, cluster_queue_size=4)
    assert "queue lost" not in secure.ctl("status").stdout
    secure.publish([fault(f"q-{n}", cluster="prod") for n in range(4)], name="quiet")
    secure.publish([fault(f"f-{n}", cluster=f"invented-{n % 9}") for n in range(90)], name="flood")
    told = wait_until(lambda: broker.records(
        "the queue is full, incidents are recorded and not investigated"), 20, "logged")
    (flood,) = {line["source"] for line in told}
    assert flood.removeprefix("publisher:") in (
        secure.keys_dir / "clients/publisher-flood.key").read_text()

    def lost():
        return json.loads(secure.ctl("status", "-o", "json").stdout)["queue"]["lost"]
    wait_until(lambda: lost()["sources"] == {flood: 74}, 20, "told by source")
    assert sum(lost()["clusters"].values()) == 74 and "prod" not in lost()["clusters"]
    (line,) = [line for line in secure.ctl("status").stdout.splitlines()
               if line.startswith("queue lost")]
    assert "of invented-" in line and f" and of 5 more; sent by: 74 of {flood}" in line
    assert f'triage_queue_lost_total{{source="{flood}"}} 74\n' in broker.get("/metrics", raw=True)
    assert len([row for row in broker.incidents("pending") if row["cluster"] == "prod"]) == 4


def test_a_running_incident_is_cancelled_and_its_agent_stopped(system):
    broker = system.start_broker()
    worker = system.start_worker()
    system.publish([fault("web-0", context="do: slow 600"), fault("web-1", context="do: slow 600"),
                    fault("web-2")])
    wait_until(lambda: broker.incident(1)["state"] == "investigating" and any(
        "sleep 600" in words for _, words in processes_of(system.root)), 20, "running")
    assert system.ctl("incidents", "cancel", 1, 2).stdout == "1: cancelled\n2: cancelled\n"
    wait_until(lambda: not any("sleep 600" in words for _, words in processes_of(system.root)), 20,
               "agent gone")
    wait_state(system, 3, "reported")
    assert [broker.incident(n)["state"] for n in (1, 2)] == ["cancelled", "cancelled"]
    (attempt,) = broker.incident(1)["attempts"]
    assert attempt["outcome"] == "cancelled" and attempt["reason"] == "cancelled by an operator"
    counted = wait_until(lambda: (found := broker.get("/api/v1/status")["outcomes"])["success"]
                         and found, 20, "counted")
    assert counted["cancelled"] >= 1 and counted["lost"] == 0 \
        and "cancelled since" in system.ctl("status").stdout
    assert f'triage_agent_runs_total{{outcome="cancelled"}} {counted["cancelled"]}\n' in broker.get(
        "/metrics", raw=True)
    again = system.ctl("incidents", "cancel", 1, "-o", "json", expect=1)
    assert json.loads(again.stdout) == {"name": "1", "error": "the incident has ended already"}
    # an operator may change his mind
    assert system.ctl("incidents", "retry", 1).stdout == "1: queued again\n"
    wait_state(system, 1, "investigating")
    worker.kill9()  # it would wait for its agent


def test_a_drained_worker_finishes_and_gets_no_more_until_it_is_resumed(system):
    broker = system.start_broker()
    worker = system.start_worker()
    system.publish([fault("web-0", context="do: slow 2")])
    wait_state(system, 1, "investigating")
    assert system.ctl("workers", "drain", "w1").stdout == "w1: gets no more work\n"
    wait_until(lambda: " draining " in system.ctl("workers", "list").stdout, 10, "shown")
    assert re.search(r"(?m)^workers +0 of \d ready, 0 quarantined, 1 draining; ",
                     system.ctl("status").stdout)
    system.publish([fault("web-1")], name="p2")
    wait_state(system, 1, "reported")
    assert broker.incident(2)["state"] == "pending"
    row = json.loads(system.ctl("workers", "-o", "json").stdout)[0]
    assert row["draining"] and not row["ready"] and row["free"] == 0
    assert system.ctl("worker", "resume", "w1").stdout == "w1: gets work again\n"
    wait_state(system, 2, "reported")
    assert system.ctl("workers", "drain", "nobody",
                      expect=4).stderr == "triagectl: nobody: no such worker\n"
    # A process that ends in order ends its drain: the next one gets work.
    system.ctl("workers", "drain", "w1")
    worker.stop()
    system.start_worker()
    system.publish([fault("web-2")], name="p3")
    wait_state(system, 3, "reported")


def test_clusters_show_their_connection_and_counts(system):
    server = FaultServer(system, "east")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        path = clusters_yaml(system, {"east": server})
        with open(path, "a", encoding="utf-8") as file:
            file.write(
                f"  - name: west\n    mcp:\n      endpoint: "
                f"http://127.0.0.1:{nobody.getsockname()[1]}/mcp\n")
        system.start_broker(config=path)

        def row(name):
            rows = json.loads(system.ctl("clusters", "list", "-o", "json").stdout)
            return next((row for row in rows if row["cluster"] == name), {})
        wait_until(lambda: row("east") and row("east")["mcp"]["state"] == "active", 20,
                   "east is active")
        server.emit([{"faultId": "f1", "resource": {"kind": "Pod", "name": "web-0"}}])
        wait_until(lambda: row("east")["events_total"] == 1, 20, "the event is counted")
        wait_until(lambda: row("west")["mcp"]["last_error"], 20, "west's error is told")
        system.publish([fault("web-1", cluster="edge", severity="warning"),
                        fault("web-2", cluster="edge")])
        wait_until(lambda: row("edge").get("pending") == 2, 20,
                   "what publishers send is counted too")
        shown = {row["CLUSTER"]: row for row in table(system.ctl("clusters").stdout)}
        assert shown["east"]["STATE"] == "active" and shown["east"]["EVENTS"] == "1" \
            and shown["west"]["STATE"] != "active"
        assert shown["edge"]["STATE"] == "ingest" and shown["edge"]["PENDING"] == "2" \
            and row("edge")["mcp"] is None
        assert "1 of 2 connected" in system.ctl("status").stdout


def test_a_dead_effect_is_listed_and_retried(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("web-0"), fault("web-1")])
    first, second = (row["id"] for row in broker.wait_terminal(2))
    wait_until(lambda: effects_done(system) == 2, 10, "stored")
    assert system.ctl("effects", "list", "--state", "dead").stdout == "no effects\n"
    broker.stop()
    for name in (first, second):
        (system.root / "incidents" / name / "result.json").unlink()
    with sqlite3.connect(system.root / "state/broker.db") as store:
        store.execute("UPDATE effect SET state = 2, tries = 20, error = 'no such host'")
    system.start_broker()
    rows = table(system.ctl("effects", "list", "--state", "dead").stdout)
    assert {row["KEY"] for row in rows} == {f"storage/{first}",
                                            f"storage/{second}"} and rows[0]["TRIES"] == "20"
    assert "0 due, 2 dead: triagectl effects list" in system.ctl("status").stdout
    assert 'triage_effects{state="dead"} 2\n' in system.broker.get("/metrics", raw=True)
    number = rows[0]["EFFECT"]
    assert system.ctl("effects", "retry", number).stdout == f"{number}: due again\n"
    wait_until(lambda: effects_done(system) == 1, 20, "done")
    assert "only a dead effect" in system.ctl("effect", "retry", number, expect=1).stderr
    assert "only an effect that is dead" in system.ctl("effect", "cancel", number, expect=1).stderr
    left = rows[1]["EFFECT"]
    assert system.ctl("effects", "retry",
                      "--all").stdout == f"{left}: due again\n1 dead effect is tried again\n"
    wait_until(lambda: system.result(first) and system.result(second), 20, "stored again")
    assert system.ctl("effects", "retry", 99, expect=4).stderr == "triagectl: 99: no such effect\n"
    assert system.ctl("effects", "retry", "--all").stdout == "nothing to retry\n"


def test_a_message_that_slack_has_refused_is_sent_when_it_is_retried(system):
    answers = {"status": 404}
    with contextlib.closing(Receiver(lambda kind, number: (answers["status"], {}))) as slack:
        broker = system.start_broker(slack_webhook_url=slack.url)
        system.start_worker()
        system.publish([fault("web-0")])
        broker.wait_terminal(1)
        wait_until(lambda: "slack" in system.ctl("effects", "list", "--state", "dead").stdout,
                   20, "dead")
        row = table(system.ctl("effects", "list", "--state", "dead").stdout)[0]
        assert row["CHANNEL"] == "slack" and row["STATE"] == "dead" \
            and "404" in system.ctl("incidents", "show", 1).stdout
        assert slack.secret not in system.ctl("effects", "-o", "json").stdout
        answers["status"] = 200
        assert system.ctl("effects", "retry", row["EFFECT"]).stdout.endswith(": due again\n")
        wait_until(slack.kinds, 20, "delivered")
        wait_until(lambda: system.ctl("effects", "list", "--state",
                                      "dead").stdout == "no effects\n", 10, "none is dead")
        assert slack.kinds() == ["incident"]


def test_what_slack_will_never_take_is_cancelled(system):
    with contextlib.closing(Receiver(lambda kind, number: (404, {}))) as slack:
        broker = system.start_broker(slack_webhook_url=slack.url)
        system.start_worker()
        system.publish([fault(f"web-{n}") for n in range(3)])
        broker.wait_terminal(3)
        wait_until(lambda: system.ctl("effects", "list", "--state",
                                      "dead").stdout.count(" dead ") == 3, 20, "all dead")
        first = table(system.ctl("effects", "list", "--state", "dead").stdout)[-1]["EFFECT"]
        assert system.ctl("effects", "cancel", first).stdout == f"{first}: cancelled\n"
        assert system.ctl("effects", "cancel",
                          "--all").stdout.endswith(": cancelled\n2 dead effects are given up\n")
        assert system.ctl("effects", "cancel", "--all").stdout == "nothing to cancel\n"
        assert "only a dead effect" in system.ctl("effects", "retry", first, expect=1).stderr
        assert system.ctl("effects", "cancel", 99,
                          expect=4).stderr == "triagectl: 99: no such effect\n"
        wait_until(lambda: 'triage_effects{state="dead"} 0\n' in broker.get("/metrics", raw=True),
                   10, "the alert ends")
        broker.kill9()
        system.start_broker(slack_webhook_url=slack.url)
        shown = system.ctl("effects", "list", "--state", "cancelled").stdout
        assert shown.count(" cancelled ") == 3 \
            and system.ctl("effects", "list", "--state", "dead").stdout == "no effects\n"
        assert len(slack.posts) == 3


def test_the_message_that_others_wait_for_is_named(system):
    """Nobody answers: `effects` said "no effects" while all messages waited behind one."""
    slack = Receiver()
    slack.close()
    broker = system.start_broker(slack_webhook_url=slack.url)
    system.start_worker()
    system.publish([fault(f"web-{n}") for n in range(4)])
    broker.wait_terminal(4)
    lane = wait_until(lambda: (found := broker.channel("slack")) and found["effect"]
                      and found["effect"]["behind"] == 3 and found, 20, "three wait behind it")
    head = lane["effect"]
    assert head["error"] and lane["failing"] == 1 and head["tries"] >= 1 \
        and head["next_try_ms"] <= 60000 and lane["waiting"] == 4 and not lane["ok_at"]
    blocked = broker.metric('effects_blocked_seconds{channel="slack"}')
    assert blocked > 0 and lane["blocked_ms"] > 0 and lane["blocked_since"]
    assert broker.metric('effects_waiting{channel="slack"}') == 4
    line = next(line for line in system.ctl("status").stdout.splitlines()
                if line.startswith("slack "))
    assert "3 wait behind it" in line and f"(effect {head['id']})" in line \
        and head["error"][:20] in line and "triagectl effects retry --channel slack" in line
    rows = table(system.ctl("effects").stdout)
    assert len(rows) == 4 and int(rows[0]["EFFECT"]) == head["id"] and rows[0]["NEXT"] \
        and rows[0]["ERROR"] != "-"
    assert {row["STATE"] for row in rows[1:]} == {"ready"}
    assert system.ctl("effects").stdout.count(f" behind {head['id']} ") == 3
    assert "behind" not in system.ctl("effects", "-o", "json").stdout
    rows = table(system.ctl("effects", "list", "--state", "ready").stdout)
    assert len(rows) >= 3
    assert system.ctl("effects", "retry", "--channel", "slack").stdout \
        == "slack: 0 dead due again, 4 waiting tried now, in order\n"


def test_one_folder_that_cannot_be_written_does_not_hold_up_others(system):
    broker = system.start_broker()
    system.publish([fault("poisoned-0")])
    poisoned = wait_until(broker.incidents, 20, "taken")[0]["id"]
    (system.root / "incidents" / poisoned / "result.json").mkdir(parents=True)
    system.start_worker()
    broker.wait_terminal(1)
    head = wait_until(lambda: (broker.channel("storage") or {}).get("effect"), 20,
                      "it cannot be written")
    assert head["key"] == f"storage/{poisoned}"
    system.publish([fault(f"web-{n}") for n in range(10)], "others")
    rows = broker.wait_terminal(11)
    others = [row["id"] for row in rows if row["id"] != poisoned]
    wait_until(lambda: all((system.root / "incidents" / row / "result.json").is_file()
                           for row in others), 20, "all saved")
    line = next(line for line in system.ctl("status").stdout.splitlines()
                if line.startswith("storage "))
    assert line.split()[1] == "1" and "next try in" in line or "under way" in line
    (system.root / "incidents" / poisoned / "result.json").rmdir()
    system.ctl("effects", "retry", head["id"], expect=None)
    wait_until(lambda: (system.root / "incidents" / poisoned / "result.json").is_file(), 30,
               "saved after all")


def test_a_list_says_what_it_leaves_out_and_json_leaves_nothing_out(system):
    broker = system.start_broker()
    system.publish([fault(f"web-{n}") for n in range(230)])
    assert broker.metric("queue_oldest_age_seconds") >= 0
    shown = system.ctl("incidents")
    assert len(table(shown.stdout)) == 50 \
        and shown.stderr == "triagectl: 50 of 230 incidents are shown (--limit)\n"
    assert len(json.loads(system.ctl("incidents", "-o", "json").stdout)) == 230
    assert len(json.loads(system.ctl("incidents", "-o", "json", "--limit", 7).stdout)) == 7
    assert system.ctl("incidents", "list", "--limit", 230).stderr == ""


def test_a_message_that_waits_for_its_next_try_goes_at_once_or_never(system):
    answers = {"status": 503}
    with contextlib.closing(Receiver(lambda kind,
                                     number: (answers["status"], {"Retry-After": "500"}))) as slack:
        broker = system.start_broker(slack_webhook_url=slack.url)
        system.start_worker()
        system.publish([fault("web-0"), fault("web-1")])
        broker.wait_terminal(2)

        def waiting():
            return [row for row in broker.get("/api/v1/effects?state=ready")["effects"]
                    if row["channel"] == "slack"]
        wait_until(lambda: len(waiting()) == 2 and waiting()[-1]["tries"] == 1, 20,
                   "the first one waits, and the other behind it")
        second, first = (row["id"] for row in waiting())
        answers["status"] = 200
        assert system.ctl("effects", "cancel", second).stdout == f"{second}: cancelled\n"
        assert system.ctl("effects", "retry", first).stdout == f"{first}: due now\n"
        wait_until(lambda: not waiting(), 20, "none waits")
        wait_until(lambda: len(slack.delivered()) == 1, 20, "delivered")
        wait_until(lambda: {row["id"]
                            for row in broker.get("/api/v1/effects?state=done")["effects"]} >= {
                                first}, 10, "done")
        assert len(slack.posts) == 2


def test_a_channel_is_retried_as_a_whole(system):
    answers = {"status": 404}
    with contextlib.closing(Receiver(lambda kind,
                                     number: (answers["status"], {"Retry-After": "600"}))) as slack:
        broker = system.start_broker(slack_webhook_url=slack.url)
        system.start_worker()
        system.publish([fault("web-0"), fault("web-1")])
        broker.wait_terminal(2)
        count = lambda state: len(broker.get(f"/api/v1/effects?state={state}")["effects"])
        wait_until(lambda: count("dead") == 2, 20, "both are dead")
        answers["status"] = 429
        system.publish([fault("web-2")], "later")
        broker.wait_terminal(3)
        wait_until(lambda: count("ready") == 1 and len(slack.posts) == 3, 20, "one waits")
        answers["status"] = 200
        assert system.ctl("effects", "retry", "--channel", "slack").stdout \
            == "slack: 2 dead due again, 1 waiting tried now\n"
        wait_until(lambda: len(slack.delivered()) == 3, 20, "all delivered")
        wait_until(lambda: not broker.channel("slack")["effect"], 10, "it is free again")
        assert broker.channel("slack")["ok_at"]


def test_retry_all_says_that_it_means_the_dead_and_leaves_what_waits(system):
    answers = {"status": 404}
    with contextlib.closing(Receiver(lambda kind,
                                     number: (answers["status"], {"Retry-After": "600"}))) as slack:
        broker = system.start_broker(slack_webhook_url=slack.url)
        system.start_worker()
        system.publish([fault("web-0"), fault("web-1")])
        broker.wait_terminal(2)

        def count(state):
            return len(broker.get(f"/api/v1/effects?state={state}")["effects"])
        wait_until(lambda: count("dead") == 2, 20, "both are dead")
        answers["status"] = 429  # not refused: these wait
        system.publish([fault(f"web-{n}") for n in range(2, 5)], "later")
        broker.wait_terminal(5)
        wait_until(lambda: count("ready") == 3 and len(slack.posts) == 3, 20,
                   "three wait, one of them after its first try")
        wait_until(lambda: count("ready") == 3 and count("sending") == 0, 20, "its try has ended")
        cancelled = system.ctl("effects", "cancel", "--all").stdout.splitlines()
        assert len(cancelled) == 3 \
            and cancelled[-1] == "2 dead effects are given up; 3 that wait are left as they are"
        told = "no effect is dead; 3 that wait are left as they are\n"
        assert system.ctl("effects", "retry", "--all").stdout == f"nothing to retry: {told}"
        assert system.ctl("effects", "cancel", "--all").stdout == f"nothing to cancel: {told}"
        assert system.ctl("effects", "retry", "--all", "-o", "json").stdout == ""
        assert count("ready") == 3


def test_dead_messages_are_retried_in_the_order_of_what_they_tell(system):
    answers = {"status": 404}
    with contextlib.closing(Receiver(lambda kind, number: (answers["status"], {}))) as slack:
        broker = system.start_broker(slack_webhook_url=slack.url)
        system.start_worker()
        system.publish([fault(f"web-{n}") for n in range(4)])
        broker.wait_terminal(4)
        wait_until(lambda: system.ctl("effects", "list", "--state",
                                      "dead").stdout.count(" dead ") == 4, 20, "all dead")
        answers["status"] = 200
        *retried, told = system.ctl("effects", "retry", "--all").stdout.splitlines()
        retried = [int(line.split(":")[0]) for line in retried]
        assert told == "4 dead effects are tried again"
        assert len(retried) == 4 and retried == sorted(retried)
        wait_until(lambda: len(slack.delivered()) == 4, 20, "all delivered")
        assert [texts_of(post.body)
                for post in slack.delivered()] == [texts_of(post.body) for post in slack.posts[:4]]


def test_the_stream_is_replayed_over_many_pages(system):
    broker = system.start_broker(cluster_queue_size=10000)
    system.publish([fault(f"web-{n}") for n in range(430)])
    records = [json.loads(line)
               for line in system.ctl("stream", "replay", "-o", "json").stdout.splitlines()]
    assert [record["seq"] for record in records] == list(range(1, len(records) + 1)) \
        and len(records) >= 430
    lines = system.ctl("stream", "replay", "--after", 425, "--limit", 3).stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["426", "427", "428"] and "pending" in lines[0]
    assert system.ctl("stream", "replay", "--after", len(records)).stdout == ""
    broker.stop()
    with sqlite3.connect(system.root / "state/broker.db") as store:
        store.execute("DELETE FROM journal WHERE seq <= 420")
    system.start_broker()
    old = system.ctl("stream", "replay", "--after", 10, "-o", "json")
    assert json.loads(old.stdout.splitlines()[0]) == {
        "gap": {"topic": "incident/prod/", "after": 10, "upto": 420}}
    assert old.stderr == "triagectl: records of incident/prod/ after 10 up to 420 are not kept " \
                         "any more\n"


def test_keys_are_made_and_told(system):
    system.broker_ports["admin_listen"] = "127.0.0.1:1"
    text = system.ctl("key", "new", "--role", "worker", "--name", "w1", "--keys-dir", "keys",
                      "--out", "w1-keys").stdout
    assert "enrolled worker 'w1' in keys/clients" in text \
        and (system.root / "w1-keys/worker.key_secret").exists()
    assert oct((system.root / "w1-keys/worker.key_secret").stat().st_mode)[-3:] == "600"
    done = system.ctl("key", "new", "--role", "tap", "--name", "t", "--keys-dir", "keys", "--out",
                      "t-keys", "-o", "json")
    told = json.loads(done.stdout)
    assert told.pop("note") == "a broker that runs with this folder knows the key within a second"
    assert told == {"role": "tap", "name": "t", "enrolled_in": "keys", "keys_dir": "t-keys"}
    system.ctl("key", "new", "--role", "worker", "--name", "w1", "--keys-dir", "keys", "--out",
               "again", expect=1)
    assert not (system.root / "again").exists()
    assert "--role: worker, publisher or tap" in system.ctl(
        "key", "new", "--role", "king", "--name", "a", "--out", "b",
                                                             expect=2).stderr
