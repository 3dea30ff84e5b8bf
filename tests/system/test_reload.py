"""SIGHUP: what may change reaches every thread, what may not keeps the old configuration whole.
SPDX-License-Identifier: Apache-2.0
"""
import errno
import http.server
import os
import signal
import sqlite3
import threading

import pytest

from lib.system import fault, free_port, wait_until
from test_flow import FaultServer, connected
from worker import Worker


class Reloaded:
    """A broker with a configuration file that is written anew and read again."""

    def __init__(self, system, text="", **options):
        self.system, self.path = system, system.root / "broker.yaml"
        self.path.write_text(text)
        self.broker = system.start_broker(config=self.path, log_level=None, **options)

    def hup(self, text, msg="configuration reloaded"):
        """Write, SIGHUP, and wait until the broker says so."""
        before = len(self.broker.records(msg))
        self.path.write_text(text)
        self.broker.signal(signal.SIGHUP)
        wait_until(lambda: len(self.broker.records(msg)) > before, 20, msg)
        return self.broker

    def refused(self, text):
        broker = self.hup(text, "configuration not reloaded, the old one stays")
        assert not broker.records("configuration reloaded")
        return broker


def python_worker(broker):
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"])
    worker.hello()
    worker.offer(1)
    return worker


def end_of(broker, name):
    """The row of this fault's incident once it has ended."""
    rows = wait_until(lambda: [row for row in broker.incidents() if row["resource"]["name"] == name
                               and row["state"] not in ("pending", "investigating")], 30,
                      f"the end of {name}")
    return rows[0]


def test_the_text_and_the_place_of_the_system_prompt_reach_the_next_download(system):
    first, second = system.root / "first.md", system.root / "second.md"
    first.write_text("one\n")
    second.write_text("three\n")
    reloaded = Reloaded(system, f"agent_system_prompt_file: {first}\n",
                        agent_system_prompt_file=None)
    system.publish([fault("web-0")])
    worker = python_worker(reloaded.broker)
    _, fence = worker.assignment()
    assert worker.fetch(fence, "system-prompt.md") == b"one\n"
    first.write_text("two\n")
    reloaded.hup(reloaded.path.read_text())
    wait_until(lambda: worker.fetch(fence, "system-prompt.md") == b"two\n", 10, "the new text")
    reloaded.hup(f"agent_system_prompt_file: {second}\n")
    wait_until(lambda: worker.fetch(fence, "system-prompt.md") == b"three\n", 10, "the new file")
    worker.close()


@pytest.mark.parametrize("how", ["missing", "too large"])
def test_a_system_prompt_that_cannot_be_read_keeps_the_old_configuration(system, how):
    prompt = system.root / "prompt.md"
    prompt.write_text("one\n")
    reloaded = Reloaded(system, f"agent_system_prompt_file: {prompt}\nagent_model: sonnet\n",
                        agent_system_prompt_file=None)
    if how == "missing":
        prompt.unlink()
    else:
        prompt.write_text("x" * (64 * 1024 + 1))
    broker = reloaded.refused(f"agent_system_prompt_file: {prompt}\nagent_model: opus\n")
    assert str(prompt) in broker.log()
    system.publish([fault("web-0")])
    worker = python_worker(broker)
    body, fence = worker.assignment()
    assert body["model"] == "sonnet" and worker.fetch(fence, "system-prompt.md") == b"one\n"
    worker.close()


def test_whether_failed_investigations_are_uploaded_reaches_delivery(system):
    reloaded = Reloaded(system)
    system.start_worker()
    for name, keep in (("before", False), ("after", True)):
        if keep:
            reloaded.hup("upload_failed_investigations: true\n")
        system.publish([fault(name, context="do: exit 7")], name=name)
        row = end_of(reloaded.broker, name)
        wait_until(lambda r=row: system.result(r["id"]), 10, "result.json")
        assert (system.root / "incidents" / row["id"] / "output/investigation.md").exists() == keep


@pytest.mark.parametrize("size", [10, 300 * 1024], ids=["small", "large"])
def test_triage_of_a_cluster_is_switched_off_for_events_of_every_size(system, size):
    reloaded = Reloaded(system)
    system.publish([fault("before", context="x" * size)], name="p1")
    assert [row["state"] for row in reloaded.broker.incidents()] == ["pending"]
    reloaded.hup("clusters:\n  - name: prod\n    triage: {enabled: false}\n")
    system.publish([fault("after", context="x" * size)], name="p2")
    assert end_of(reloaded.broker, "after")["suppressed"] == "triage_disabled"


def test_what_travels_with_an_assignment_is_what_was_read_last(system):
    reloaded = Reloaded(system, "agent_model: sonnet\nagent_timeout: 100\n")
    reloaded.hup(
        "agent_model: opus\nagent_timeout: 200\nagent_allowed_tools: Read\nlease_ttl: 40s\n")
    system.publish([fault("web-0")])
    worker = python_worker(reloaded.broker)
    body, _ = worker.assignment()
    assert (body["model"], body["timeout_ms"], body["allowed_tools"], body["lease_ms"]) == (
        "opus", 200000, "Read", 40000)
    worker.close()


def test_thresholds_and_queues_count_from_the_next_event_on(system):
    reloaded = Reloaded(system)
    system.publish([fault("low-0", severity="warning")], name="p0")
    reloaded.hup("severity_threshold: critical\n")
    system.publish([fault("low-1", severity="warning")], name="p1")
    reloaded.hup("cluster_queue_size: 1\nqueue_overflow_policy: reject\n")
    system.publish([fault("low-2", severity="warning")], name="p2")
    found = {row["resource"]["name"]: (row["state"], row.get("suppressed"))
             for row in reloaded.broker.incidents()}
    assert found["low-0"][0] == "pending"
    assert found["low-1"] == ("suppressed", "below_severity") \
        and found["low-2"] == ("suppressed", "overflow")


def test_a_longer_dedup_window_knows_what_the_shorter_one_had_forgotten(system):
    """An incident last seen two hours ago: new with half an hour, counted with six."""
    broker = system.start_broker()
    system.publish([fault("web-0", context="do: exit 7")])
    system.start_worker()
    broker.wait_terminal(1)
    system.processes[-1].stop()
    broker.stop()
    with sqlite3.connect(system.root / "state/broker.db") as store:
        store.execute("UPDATE incident SET last_seen_ms = last_seen_ms - 7200000")
    reloaded = Reloaded(system, "dedup_window_seconds: 1800\n")
    system.publish([fault("other")], name="p1")  # a turn: what the window has passed is forgotten
    reloaded.hup("dedup_window_seconds: 6h\n")
    system.publish([fault("web-0", timestamp="2026-01-15T18:00:00Z")], name="p2")
    rows = [row for row in reloaded.broker.incidents() if row["resource"]["name"] == "web-0"]
    assert [row["occurrences"] for row in rows] == [2]


def refused_for_its_token(broker):
    return any("401" in (source["last_error"] or "")
               for source in broker.get("/api/v1/status")["sources"])


def test_sources_come_go_and_get_their_new_token(system):
    token = system.root / "token"
    token.write_text("wrong\n")
    guarded = FaultServer(system, "guarded", TOKEN="opensesame")
    plain = FaultServer(system, "plain")

    def entry(server, name, more=""):
        return f"  - name: {name}\n    mcp:\n      endpoint: http://{server.address}/mcp\n{more}"

    with_token = entry(guarded, "guarded", f"      token_file: {token}\n")
    reloaded = Reloaded(system, "clusters:\n" + with_token + "sse_reconnect_initial_backoff: 1h\n"
                        "sse_reconnect_max_backoff: 1h\n")
    broker = reloaded.broker
    wait_until(lambda: refused_for_its_token(broker), 20, "401 is told")
    token.write_text("opensesame\n")
    reloaded.hup("clusters:\n" + with_token + entry(plain, "plain"))
    wait_until(lambda: connected(broker, "plain") and connected(broker, "guarded"), 30,
               "both connected")
    reloaded.hup("clusters:\n" + entry(plain, "plain"))
    wait_until(lambda: guarded.control("state")["deleted"] == 1, 20,
               "the session of the removed one is deleted")
    wait_until(lambda: [source["cluster"]
                        for source in broker.get("/api/v1/status")["sources"]] == ["plain"], 10,
               "one source")


class Guard(http.server.BaseHTTPRequestHandler):
    """Refuses every token; the second one is replaced while it is being refused."""

    def do_POST(self):
        self.server.seen.append(self.headers["Authorization"])
        if len(self.server.seen) == 2:
            self.server.token.write_text("opensesame\n")
        self.send_error(401)

    def log_message(self, *words):
        pass


def test_a_token_that_came_while_the_old_one_was_refused_is_tried_by_a_reload(system):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Guard) as guard:
        guard.seen, guard.token = [], system.root / "token"
        guard.token.write_text("wrong\n")
        threading.Thread(target=guard.serve_forever, daemon=True).start()
        text = f"clusters:\n  - name: guarded\n    mcp:\n" \
               f"      endpoint: http://127.0.0.1:{guard.server_port}/mcp\n" \
               f"      token_file: {guard.token}\nsse_reconnect_initial_backoff: 1h\n" \
               f"sse_reconnect_max_backoff: 1h\n"
        reloaded = Reloaded(system, text)
        wait_until(lambda: len(guard.seen) == 2 and refused_for_its_token(reloaded.broker), 20,
                   "401 twice")
        reloaded.hup(text)
        wait_until(lambda: guard.seen[-1] == "Bearer opensesame", 20, "the new token")
        guard.shutdown()


def test_the_log_level_changes(system):
    reloaded = Reloaded(system, "log_level: warn\n")
    assert "level=info" not in reloaded.broker.log()
    reloaded.hup("log_level: info\n")
    assert "level=info" in reloaded.broker.log()


FIXED = {
    "work_endpoint": lambda root: f"tcp://127.0.0.1:{free_port()}",
    "admin_listen": lambda root: f"127.0.0.1:{free_port()}",
    "state_path": lambda root: str(root / "elsewhere.db"),
    "workspace_root": lambda root: str(root / "elsewhere"),
    "keys_dir": lambda root: str(root / "elsewhere"),
}


@pytest.mark.parametrize("key", FIXED)
def test_a_changed_endpoint_or_path_keeps_the_old_configuration_whole(system, key):
    options = {key: None}
    text = f"{key}: {FIXED[key](system.root)}\n"
    reloaded = Reloaded(system, text + "agent_model: sonnet\n", **options)
    broker = reloaded.refused(f"{key}: {FIXED[key](system.root)}x\nagent_model: opus\n"
                              if "path" in key or "root" in key
                              or "dir" in key
                              else f"{key}: {FIXED[key](system.root)}\nagent_model: opus\n")
    assert [record for record in broker.records("configuration not reloaded")
            if key in record["reason"]]
    system.publish([fault("web-0")])
    worker = python_worker(broker)
    assert worker.assignment()[0]["model"] == "sonnet"
    worker.close()


def test_a_bad_file_keeps_the_old_configuration_and_is_told_with_its_line(system):
    reloaded = Reloaded(system, "agent_model: sonnet\n")
    broker = reloaded.refused("agent_model: opus\nagent_timout: 5\n")
    assert [record for record in broker.records("configuration not reloaded")
            if "broker.yaml:2" in record["reason"] and "agent_timeout" in record["reason"]]
    assert broker.get("/readyz", raw=True)


def test_a_shorter_shutdown_timeout_bounds_the_stop(system):
    server = FaultServer(system, "stuck")
    text = f"clusters:\n  - name: stuck\n    mcp:\n      endpoint: http://{server.address}/mcp\n"
    reloaded = Reloaded(system, text + "shutdown_timeout: 1h\n")
    wait_until(lambda: connected(reloaded.broker, "stuck"), 30, "connected")
    reloaded.hup(text + "shutdown_timeout: 1s\n")
    server.signal(signal.SIGSTOP)  # it never answers the DELETE of the session, which may take 3 s
    reloaded.broker.stop(expect=1)
    assert reloaded.broker.records("shutdown_timeout passed, stopping now")
    server.signal(signal.SIGCONT)


def test_many_reloads_while_incidents_are_worked_on_lose_nothing(system):
    reloaded = Reloaded(system)
    system.start_worker(max_concurrent_agents=2, agent="quick.sh")
    publisher = system.start_publisher([fault(f"web-{n}") for n in range(30)])
    for number in range(25):
        reloaded.hup(
            f"agent_model: m{number}\nupload_failed_investigations: "
            f"{'true' if number % 2 else 'false'}\n")
    assert publisher.wait(60) == 0
    assert {row["state"] for row in reloaded.broker.wait_terminal(30)} == {"reported"}


def test_sigusr1_writes_the_state_to_the_log_and_ends_nothing(system):
    broker = system.start_broker()
    worker = system.start_worker(shutdown_timeout="1s")
    system.publish([fault("web-0", context="do: slow 60"), fault("web-1")])
    row = wait_until(lambda: broker.incidents("investigating"), 20, "an agent")[0]
    wait_until(lambda: broker.incident(row["id"])["attempts"][0]["started_at"], 20, "it runs")
    broker.signal(signal.SIGUSR1)
    broker.wait_log("state of a cluster")
    state = broker.records("state")[0]
    assert (state["pending"], state["investigating"], state["breaker"]) == ("1", "1", "closed")
    assert [(found["worker"], found["running"])
            for found in broker.records("state of a worker")] == [("w1", "1")]
    assert [(found["cluster"], found["pending"])
            for found in broker.records("state of a cluster")] == [("prod", "1")]
    worker.signal(signal.SIGUSR1)
    worker.wait_log("state of a job")
    assert worker.records("state of a job")[0]["job"] == "run" \
        and worker.records("state")[0]["busy"] == "1"
    state = worker.records("state")[0]
    assert (state["runtime"], state["held"]) == ("none", "")
    held = system.start_worker("w2", kubeconfig="/nonexistent")
    held.wait_log("takes no work")
    held.signal(signal.SIGUSR1)
    held.wait_log("msg=state")
    assert "kubeconfig /nonexistent: No such file" in held.records("state")[0]["held"]
    assert broker.alive() and worker.alive()


def test_sigusr1_does_not_end_a_publisher(system):
    """Neither one that waits for its broker, nor one that serves."""
    broker = system.start_broker()
    broker.stop()
    events = [fault("web-0")]
    waiting = system.start_publisher(events, ready_file=system.root / "waiting.ready")
    serving = system.start_publisher(events, "serving", serve="127.0.0.1:0",
                                     ready_file=system.root / "serving.ready")
    for name in ("waiting", "serving"):
        wait_until((system.root / f"{name}.ready").exists, 20, f"{name} is ready")
    for publisher in (waiting, serving):
        publisher.signal(signal.SIGUSR1)
    broker = system.start_broker()
    assert waiting.wait(60) == 0 and len(broker.incidents()) == 1
    serving.signal(signal.SIGTERM)
    assert serving.wait(20) == 0


@pytest.mark.parametrize("program", ["broker", "worker"])
def test_signals_that_come_before_they_are_wanted_wait(system, program):
    """Its configuration comes from a FIFO: nothing else of the start has been done
    when the signals arrive."""
    if program == "worker":
        system.start_broker()
    path, fifo, log_level = system.root / "early.yaml", system.root / "early.fifo", \
        "log_level: debug\n"
    os.mkfifo(fifo)
    path.symlink_to(fifo)
    start = system.start_broker if program == "broker" else system.start_worker
    early = start(config=path, log_level=None, wait=False)
    writer = wait_until(lambda: opened_by_a_reader(fifo), 20, "the program reads its configuration")
    for number in (signal.SIGHUP, signal.SIGUSR1) * 3:
        early.signal(number)
    regular = system.root / "regular.yaml"
    regular.write_text(log_level)
    os.rename(regular, path)  # the reload that SIGHUP asks for reads this one
    os.write(writer, log_level.encode())
    os.close(writer)
    early.wait_ready()
    if program == "broker":
        early.wait_log("configuration reloaded")
    assert early.stop() == 0


def opened_by_a_reader(fifo):
    """A descriptor to write, once somebody has it open to read."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        assert error.errno == errno.ENXIO, error
        return None
