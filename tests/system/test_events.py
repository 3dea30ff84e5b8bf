"""Events of every shape: who they are about, and that one odd thing in them harms nobody.
SPDX-License-Identifier: Apache-2.0
"""
import gzip
import json
import sqlite3
import subprocess

import pytest

from lib.system import BIN, fault, free_port, wait_until


def event(name, reason, **extra):
    """A bare Kubernetes Event, as `kubectl get events -o json` has it."""
    return {"apiVersion": "v1", "kind": "Event", "type": "Warning", "reason": reason,
            "message": f"{reason} for {name}",
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": name,
                               "namespace": "shop"},
            "firstTimestamp": None, "lastTimestamp": None,
            "eventTime": "2026-01-15T12:00:00.123456Z",
            "metadata": {"name": f"{name}.17a", "namespace": "shop"}, **extra}


def test_bare_kubernetes_events_are_incidents_of_their_objects_and_named_by_their_reason(system):
    broker = system.start_broker(severity_threshold="warning")
    system.start_worker()
    system.publish([event("api-0", "BackOff"), event("db-0", "FailedScheduling"),
                    event("db-0", "Scheduled", type="Normal"),
                    {"cluster": "prod", "event": {"namespace": "shop", "type": "Warning",
                                                  "reason": "FailedMount", "message": "m",
                                                  "involvedObject": {"kind": "Pod",
                                                                     "name": "p-1"}}},
                    {"labels": {"alertname": "KubeNodeNotReady", "node": "node-7"},
                     "annotations": {"summary": "gone"}},
                    {"a": 1}, {"a": 2}])
    rows = broker.wait_terminal(7)
    seen = {(row["fault_type"], row["resource"]["kind"], row["resource"]["name"], row["state"],
             row["suppressed"]) for row in rows}
    assert seen == {("BackOff", "Pod", "api-0", "reported", None),
                    ("FailedScheduling", "Pod", "db-0", "reported", None),
                    ("Scheduled", "Pod", "db-0", "suppressed", "below_severity"),
                    ("FailedMount", "Pod", "p-1", "reported", None),
                    ("KubeNodeNotReady", "Node", "node-7", "reported", None),
                    ("Unparsed", "", "", "suppressed", "unparsed")}
    assert all(row["occurrences"] == 1 for row in rows)


def test_an_odd_character_is_shown_as_a_replacement_and_the_fault_is_investigated(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("nul", context="last line \0\0 panic: out of memory"),
                    fault("half", context="a \ud800 b")])
    rows = {row["resource"]["name"]: row for row in broker.wait_terminal(2)}
    assert {row["state"] for row in rows.values()} == {"reported"}
    assert broker.incident(rows["nul"]["id"])["cluster"] == "prod"
    files = {name: system.root / "incidents" / row["id"] / "event.json" for name,
             row in rows.items()}
    wait_until(lambda: all(path.exists() for path in files.values()), 10, "event.json")
    assert json.loads(files["nul"].read_text())[
        "context"] == "last line \ufffd\ufffd panic: out of memory"
    assert json.loads(files["half"].read_text())["context"] == "a \ufffd b"


def test_an_event_of_many_values_costs_little_more_than_its_size(system):
    """8 MiB of {},{},... were 670 MiB of heap; now neither the intake nor the artifact nor
    the delivery builds a tree."""
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("before")])
    broker.wait_terminal(1)
    before = peak(broker)
    body = fault("many")
    body["list"] = [{}] * 2_700_000
    (system.root / "many.jsonl").write_text(json.dumps(body, separators=(",", ":")) + "\n")
    assert (system.root / "many.jsonl").stat().st_size > 8_000_000
    assert system.start_publisher(system.root / "many.jsonl").wait(60) == 0
    row = [row for row in broker.wait_terminal(2) if row["resource"]["name"] == "many"][0]
    assert row["state"] == "reported"
    path = system.root / "incidents" / row["id"] / "result.json"
    wait_until(path.exists, 20, "saved")
    assert json.loads((path.parent / "event.json").read_text())["list"] == body["list"]
    assert peak(broker) - before < 48 << 20


def peak(broker):
    """The most memory the process ever had, in bytes."""
    with open(f"/proc/{broker.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


@pytest.mark.parametrize("large", [False, True], ids=["ingest", "files"])
def test_an_event_that_the_broker_dies_of_three_times_is_set_aside_unread(system, large):
    """Its bytes are kept, its record says so, and what comes behind it is taken in."""
    deadly = {"TRIAGE_FAILPOINT": "broker.event.read.before:kill"}
    bad = fault("bad", context="x" * (400_000 if large else 10))
    broker = system.start_broker(env=deadly)
    publisher = system.start_publisher([bad])
    for _ in range(3):
        broker.wait(20)
        assert not broker.alive()
        broker = system.start_broker(env=deadly)
    row = broker.wait_terminal(1)[0]
    assert (row["state"], row["fault_type"],
            row["suppressed"]) == ("suppressed", "Unparsed", "unparsed")
    assert "died three times" in row["summary"]
    assert publisher.wait(20) == 0
    assert broker.records("an event that the broker died of is set aside unread")
    broker.stop()
    broker = system.start_broker()
    if large:
        files = list((system.root / "state/events").glob("*.json"))
        assert json.loads(files[0].read_text())["context"] == bad["context"]
    else:
        with sqlite3.connect(next(system.root.glob("**/*.db"))) as db:
            assert json.loads(db.execute("select body from event").fetchone()[0])["context"] == bad[
                "context"]
    system.publish([fault("good")], name="second")
    assert {row["fault_type"] for row in broker.incidents()} == {"Unparsed", "CrashLoop"}


def test_a_report_that_the_broker_dies_of_three_times_is_not_read(system):
    """Its file is where it belongs; what is said of it is that nothing is known."""
    deadly = {"TRIAGE_FAILPOINT": "broker.report.read.before:kill"}
    broker = system.start_broker(env=deadly)
    system.start_worker()
    system.publish([fault("web-0")])
    for _ in range(3):
        broker.wait(20)
        broker = system.start_broker(env=deadly)
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "reported"
    wait_until(lambda: system.result(row["id"]), 20, "result.json")
    assert system.result(row["id"])["confidence"] == "UNKNOWN"
    assert (system.root / "incidents" / row["id"] / "output/investigation.md").stat().st_size > 100
    assert broker.records("a report that the broker died of is not read")


def test_an_event_that_is_read_after_two_deaths_is_not_set_aside(system):
    broker = system.start_broker(env={"TRIAGE_FAILPOINT": "broker.event.read.before:kill"})
    publisher = system.start_publisher([fault("web")])
    broker.wait(20)
    broker = system.start_broker(env={"TRIAGE_FAILPOINT": "broker.event.read.before:kill"})
    broker.wait(20)
    broker = system.start_broker()
    assert publisher.wait(20) == 0
    assert broker.incidents()[0]["fault_type"] == "CrashLoop"
    assert broker.records("the broker died while it read an input")[-1]["times"] == "2"


def test_a_list_of_kubectl_is_published_as_its_events(system):
    broker = system.start_broker()
    path = system.root / "events.json"
    path.write_bytes(b"\xef\xbb\xbf"
                     + json.dumps({"apiVersion": "v1",
                                   "items": [event("a", "BackOff"), event("b", "Failed")],
                                                   "kind": "List",
                                   "metadata": {"resourceVersion": ""}}, indent=4).encode())
    publisher = system.start_publisher(path)
    assert publisher.wait(20) == 0, publisher.log_tail()
    assert {(row["fault_type"], row["resource"]["name"])
            for row in broker.incidents()} == {("BackOff", "a"), ("Failed", "b")}


def test_what_is_no_json_is_refused_before_anything_is_sent(system):
    broker = system.start_broker()
    good = system.write_lines([fault("good")], "good")
    for name, data in {"gzip": gzip.compress(good.read_bytes()),
                       "UTF-16": good.read_text().encode("utf-16"),
                       "YAML": b"apiVersion: v1\nkind: List\n"}.items():
        path = system.root / name
        path.write_bytes(data)
        for words in ((good, path), ("--serve", "127.0.0.1:0", good, path)):
            done = subprocess.run([BIN / "triage-publisher", "--ingest-endpoint",
                                   system.broker_ports["ingest_endpoint"], "--spool-dir",
                                   system.root / "spool", *words], capture_output=True, text=True,
                                  timeout=30, cwd=system.root, check=False)
            assert done.returncode not in (0, -9) and "looks like" in done.stderr \
                and name in done.stderr, done.stderr
    assert not broker.incidents()


BROKEN = {"lines": ('{a}\n{cut}\n{b}\n', 3, "line is not JSON, it is sent all the same", "2"),
          "a list on one line": ('{{"apiVersion":"v1","items":[{a},{cut},{b}],"kind":"List"}}\n', 1,
                                 "line is not JSON, it is sent all the same", "1"),
          "a list on one line, cut": ('{{"apiVersion":"v1","items":[{a},{cut}', 1,
                                      "line is not JSON, it is sent all the same", "1"),
          "an array": ('[\n{a},\n{{bad}},\n{b}\n]\n', 3,
                       "line is not JSON, it is sent all the same", "3"),
          "an array, cut": ('[\n{a},\n{b},\n{cut}', 2,
                            "document ends early, its last event is not sent", "4")}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_is_broken_is_told_with_its_line_and_by_the_exit_code(system, name):
    """What is good is sent at once; mended and sent again, nothing counts twice."""
    form, sent, message, line = BROKEN[name]
    broker = system.start_broker()
    good = {"a": json.dumps(fault("web-a")), "b": json.dumps(fault("web-b"))}
    path = system.root / "broken"
    path.write_text(form.format(**good, cut=json.dumps(fault("web-c"))[:-20]))
    publisher = system.start_publisher(path, log_level="info")
    assert publisher.wait(20) == 1, publisher.log_tail()
    assert [record["line"] for record in publisher.records(message)] == [line]
    (summary,) = publisher.records("replay finished")
    assert int(summary["events"]) == int(summary["acked"]) == sent
    path.write_text("\n".join([good["a"], json.dumps(fault("web-c")), good["b"]]))
    publisher = system.start_publisher(path, log_level="info")
    assert publisher.wait(20) == 0, publisher.log_tail()
    rows = [row for row in broker.incidents() if row["fault_type"] != "Unparsed"]
    assert sorted(row["resource"]["name"] for row in rows) == ["web-a", "web-b", "web-c"]
    if name == "lines":
        assert publisher.records("replay finished")[-1]["repeat"] == "2" \
            and {row["occurrences"] for row in rows} == {1}


def test_a_publisher_whom_nobody_answers_says_so_once(system):
    system.broker_ports = {"ingest_endpoint": f"tcp://127.0.0.1:{free_port()}",
                           "files_endpoint": f"tcp://127.0.0.1:{free_port()}"}
    publisher = system.start_publisher([fault("web")], log_level="info")
    publisher.wait_log("nobody answers", 20)
    wait_until(lambda: len(publisher.records("replay goes on")) >= 2, 20, "it goes on")
    assert len([line for line in publisher.log().splitlines() if "nobody answers" in line]) == 1
    broker = system.start_broker()
    assert publisher.wait(60) == 0 and len(broker.incidents()) == 1
    assert [record["endpoint"] for record in publisher.records("the broker answers again")] == [
        broker.endpoints["ingest"]]
