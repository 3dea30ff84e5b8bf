"""/metrics as promtool and an operator read it: well-formed, and true to what has happened.
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import re
import shutil
import signal
import subprocess

from lib.system import ROOT, fault, wait_until
from receiver import Receiver
from test_flow import FaultServer, clusters_yaml, connected
from worker import Worker

SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def promtool(text):
    """promtool check metrics; what it complains of."""
    program = shutil.which("promtool") or ROOT / "build/tools/promtool"
    assert shutil.which(str(program)), "no promtool: run make test-deps"
    done = subprocess.run([program, "check", "metrics"], input=text, capture_output=True, text=True,
                          timeout=60)
    return done.stdout + done.stderr if done.returncode else ""


class Metrics:
    """One scrape."""

    def __init__(self, broker):
        self.text = broker.get("/metrics", raw=True)
        self.values = {}
        for line in self.text.splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                key = (name, frozenset(LABEL.findall(labels or "")))
                assert key not in self.values, f"twice: {line}"
                self.values[key] = float(value)

    def get(self, name, **labels):
        return self.values.get(("triage_" + name, frozenset(labels.items())))


def wait_metric(broker, expected, name, **labels):
    return wait_until(lambda: Metrics(broker).get(name, **labels) == expected, 20,
                      f"{name}{labels} is {expected}")


def test_promtool_finds_nothing_also_with_hostile_names(system):
    server = FaultServer(system, "east")
    hostile = 'a"b\\c\nd\x7fé‮'
    broker = system.start_broker(config=clusters_yaml(system,
                                                      {"east": server,
                                                       hostile.replace("\n", " ").replace(
        '"', "'").replace("\\", "/").replace("\x7f", ""): server}))
    empty = Metrics(broker)
    assert promtool(empty.text) == ""
    system.start_worker()
    for _ in range(2):  # two peers with one label
        Worker(broker.endpoints["work"], broker.endpoints["files"], name=hostile[:20]).hello()
    system.publish([fault("web-0", cluster=hostile), fault("web-1", cluster="\\"),
                    fault("web-2", context="do: exit 3")])
    broker.wait_terminal(3)
    wait_metric(broker, 1, "events_received_total", cluster="\\\\", severity="critical")
    full = Metrics(broker)
    assert promtool(full.text) == ""
    assert len(full.values) > len(empty.values)
    assert promtool(full.text + "triage_extra 1\ntriage_extra 1\n"), "promtool sees nothing"


def test_counts_are_what_has_happened(system):
    broker = system.start_broker(severity_threshold="warning", cluster_queue_size=2)
    system.publish([fault(f"web-{n}", context="do: exit 3" if n == 3 else "") for n in range(4)]
                   + [fault("low", severity="info"), fault("web-9", cluster="edge")])
    wait_metric(broker, 2, "queue_depth", cluster="prod")
    seen = Metrics(broker)
    assert seen.get("events_received_total", cluster="prod", severity="critical") == 4
    assert seen.get("events_received_total", cluster="prod", severity="info") == 1
    assert seen.get("events_suppressed_total", cluster="prod", reason="overflow") == 2
    assert seen.get("events_suppressed_total", cluster="prod", reason="below_severity") == 1
    assert seen.get("queue_lost_total", source="local") == 2
    assert seen.get("queue_depth", cluster="edge") == 1 \
        and seen.get("agents_active", cluster="edge") == 0
    assert seen.get("time_to_report_seconds_count") == 0
    system.start_worker()
    broker.wait_terminal(6)
    wait_metric(broker, 2, "agent_runs_total", outcome="success")
    wait_metric(broker, 3, "storage_uploads_total", backend="filesystem", outcome="success")
    seen = Metrics(broker)
    assert seen.get("agent_runs_total", outcome="agent") == 1 \
        and seen.get("queue_depth", cluster="prod") == 0
    assert seen.get("agent_run_duration_seconds_count", outcome="success") == 2
    assert seen.get("agent_run_duration_seconds_count", outcome="agent") == 1
    assert seen.get("time_to_report_seconds_count") \
        == seen.get("time_to_report_seconds_bucket", le="+Inf") == 2
    assert seen.get("time_to_report_seconds_sum") > 0
    assert seen.get("validation_failures_total", reason="exit_code") == 1
    assert seen.get("validation_failures_total", reason="timeout") == 0
    assert seen.get("storage_upload_duration_seconds_count", backend="filesystem") == 3
    assert seen.get("incidents", state="reported") == 2 \
        and seen.get("incidents", state="suppressed") == 3


def test_the_build_says_of_which_revision_it_is(system):
    info = re.search(r'^triage_build_info\{version="([^"]+)",revision="([^"]+)"\} 1$',
                     system.start_broker().get("/metrics", raw=True), re.M)
    assert re.fullmatch(r"\d+\.\d+\.\d+", info.group(1))
    assert re.fullmatch(r"[0-9a-f]{7,40}", info.group(2)) or not (ROOT / ".git").exists()


def test_messages_are_timed(system):
    with contextlib.closing(Receiver(lambda kind, number: (500, {}) if number == 0
                                     else (200, {}))) as slack:
        broker = system.start_broker(slack_webhook_url=slack.url)
        system.start_worker()
        system.publish([fault("web-0")])
        wait_metric(broker, 2, "notification_latency_seconds_count", integration="slack")
        assert Metrics(broker).get("time_to_first_notification_seconds_count") == 1


def test_a_reload_is_shown_whether_it_was_taken_or_not(system):
    path = system.root / "broker.yaml"
    path.write_text("severity_threshold: info\n")
    broker = system.start_broker(config=path)
    wait_metric(broker, 1, "config_last_reload_successful")
    begin = Metrics(broker).get("config_last_reload_success_timestamp_seconds")
    path.write_text("severity_threshold: loud\n")
    broker.signal(signal.SIGHUP)
    wait_metric(broker, 0, "config_last_reload_successful")
    assert Metrics(broker).get("config_last_reload_success_timestamp_seconds") == begin
    path.write_text("severity_threshold: warning\n")
    broker.signal(signal.SIGHUP)
    wait_metric(broker, 1, "config_last_reload_successful")
    assert Metrics(broker).get("config_last_reload_success_timestamp_seconds") > begin


def test_brokers_that_are_set_alike_have_one_config_hash(system):
    path = system.root / "broker.yaml"
    path.write_text("severity_threshold: warning\n")
    broker = system.start_broker(config=path, env={"SLACK_WEBHOOK_URL": "http://127.0.0.1:9/one"})

    def reload(text):
        """The hash once the broker has read this."""
        read = Metrics(broker).get("config_last_reload_success_timestamp_seconds")
        path.write_text(text)
        broker.signal(signal.SIGHUP)
        wait_until(lambda: Metrics(broker).get(
            "config_last_reload_success_timestamp_seconds") > read, 20, "read")
        return Metrics(broker).get("config_hash")
    first = Metrics(broker).get("config_hash")
    assert first == int(first) and 0 < first < 2 ** 48
    assert reload("# the same\nseverity_threshold: warning\n") == first
    assert reload("slack_webhook_url: http://127.0.0.1:9/two\n") == first
    assert reload("severity_threshold: info\n") != first
    assert reload("severity_threshold: warning\n") == first


def test_reconnects_tell_a_lost_stream_from_a_lost_session(system):
    server = FaultServer(system, "east")
    broker = system.start_broker(config=clusters_yaml(system, {"east": server}),
                                 sse_reconnect_initial_backoff="1s")
    wait_until(lambda: connected(broker, "east"), 30, "connected")

    def reconnects(reason):
        return Metrics(broker).get("mcp_reconnects_total", cluster="east", reason=reason)
    assert (reconnects("stream"), reconnects("session")) == (0, 0)
    server.control("cut", {})
    wait_until(lambda: reconnects("stream") >= 1 and connected(broker, "east"), 30,
               "the stream is open again")
    assert reconnects("session") == 0
    server.control("drop", {})
    wait_until(lambda: reconnects("session") >= 1 and connected(broker, "east"), 60,
               "a new session")


def test_log_lines_that_operators_search_for(system):
    """Their texts are the contract's; no line fails the format of all."""
    broker = system.start_broker()
    worker = system.start_worker()
    system.publish([fault("web-0"), fault("web-1", context="do: exit 7")])
    rows = {row["state"]: row["id"] for row in broker.wait_terminal(2)}
    wait_until(lambda: {record["incident_id"]
                        for record in broker.records("incident artifacts saved to storage")}
               == set(rows.values()), 10, "saved")
    assert {record["path"] for record in broker.records("incident artifacts saved to storage")} == {
        str(system.root / "incidents" / row) for row in rows.values()}
    assert broker.records("storage backend initialized")[0]["mode"] == "filesystem"
    assert broker.records("no MCP endpoint: waiting for events on ingest")[0]["level"] == "warn"
    failed = worker.records("agent execution failed validation")[0]
    assert (failed["incident_id"], failed["reason"]) \
        == (rows["agent_failed"], "agent exited with non-zero code: 7")
    shape = re.compile(
        r'ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z level=(debug|info|warn|error) component=\w+ '
        r'msg=\S')
    assert all(shape.match(line) for line in broker.log().splitlines() + worker.log().splitlines())
