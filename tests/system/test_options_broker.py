"""Each row of the broker's option table changes behaviour: one named test a row.
SPDX-License-Identifier: Apache-2.0
"""
import json
import signal
import socket
import subprocess
import time

import pytest

from lib.slack import FakeSlack
from lib.system import BIN, ROOT, Broker, fault, free_port, wait_until
from receiver import Receiver
from test_flow import FaultServer, clusters_yaml, connected, replay
from worker import Worker


def yaml(system, text):
    path = system.root / "broker.yaml"
    path.write_text(text)
    return path


def python_worker(broker, name="python", agent=None):
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"], name=name, agent=agent)
    worker.hello()
    return worker


def assigned(broker, agent=None):
    """An ASSIGN as a worker gets it."""
    worker = python_worker(broker, agent=agent)
    worker.offer(1)
    body, _ = worker.assignment()
    worker.close()
    return body


def states(broker):
    return sorted((row["fault_type"] if row["state"] == "x" else row["state"])
                  for row in broker.incidents())


def test_option_broker_log_level(system):
    broker = system.start_broker(log_level="error")
    assert "level=info" not in broker.log()


def test_option_broker_log_format(system):
    broker = system.start_broker(log_format="json")
    assert [json.loads(line)["msg"] for line in broker.log().splitlines()]


def test_option_broker_ready_file(system):
    broker = system.start_broker()
    assert set(broker.endpoints) == {"work", "stream", "ingest", "files", "admin"}


def endpoint_is_bound(system, name):
    port = free_port()
    broker = system.start_broker(**{f"{name}_endpoint": f"tcp://127.0.0.1:{port}"})
    assert broker.endpoints[name].endswith(f":{port}")
    with socket.create_connection(("127.0.0.1", port), 5):
        pass


def test_option_broker_work_endpoint(system):
    endpoint_is_bound(system, "work")


def test_option_broker_stream_endpoint(system):
    endpoint_is_bound(system, "stream")


def test_option_broker_ingest_endpoint(system):
    endpoint_is_bound(system, "ingest")


def test_option_broker_files_endpoint(system):
    endpoint_is_bound(system, "files")


def test_option_broker_admin_listen(system):
    port = free_port()
    broker = system.start_broker(admin_listen=f"127.0.0.1:{port}")
    assert broker.endpoints["admin"] == f"127.0.0.1:{port}" and broker.get("/api/v1/status")


def test_option_broker_admin_token_file(system):
    """Made where it is named; who knows it commands, also after a restart."""
    token = system.root / "operators.token"
    broker = system.start_broker(admin_token_file=token)
    first = token.read_text()
    assert token.stat().st_mode & 0o7777 == 0o600 \
        and not (system.root / "state/admin.token").exists()
    refused = system.ctl("incidents", "retry", "1", expect=1)
    assert str(token) in refused.stderr
    assert "no such incident" in system.ctl("incidents", "retry", "1", token_file=token,
                                            expect=4).stderr
    broker.kill9()
    broker = system.start_broker(admin_token_file=token)
    assert token.read_text() == first
    broker.kill9()
    token.chmod(0o644)
    broker = system.start_broker(wait=False, admin_token_file=token)
    assert broker.wait() == 78 and "chmod 600" in broker.log()


def test_option_broker_state_path(system):
    system.start_broker(state_path=system.root / "elsewhere/facts.db")
    assert (system.root / "elsewhere/facts.db").exists()


def test_option_broker_workspace_root(system):
    broker = system.start_broker(workspace_root=system.root / "records")
    system.start_worker()
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    wait_until(lambda: (system.root / "records" / row["id"] / "result.json").exists(), 10,
               "result.json")


def test_option_broker_keys_dir(secure):
    """With keys, a worker without an enrolled key is not heard."""
    broker = secure.start_broker()
    stranger = Worker(broker.endpoints["work"], broker.endpoints["files"])
    stranger.work.send(1, {"proto_min": 1, "proto_max": 1, "name": "x", "slots": 1})
    with pytest.raises(TimeoutError):
        stranger.work.wait([2], 1)
    stranger.work.sock.close(0)
    stranger.files.sock.close(0)
    known = Worker(broker.endpoints["work"], broker.endpoints["files"],
                   str(secure.peer_keys("worker", "first")))
    assert known.hello()["proto"] == 1
    known.close()


def test_option_broker_k8s_cluster_mcp_endpoint(system):
    server = FaultServer(system, "alone")
    broker = system.start_broker(mcp_endpoint=f"http://{server.address}")
    wait_until(lambda: first_source(broker).get("state") == "active", 30, "connected")
    server.emit([fault("web-0", "alone")])
    assert wait_until(broker.incidents, 20, "incident")[0]["cluster"] == "alone"


def test_option_broker_clusters(system):
    servers = {name: FaultServer(system, name) for name in ("one", "two")}
    text = "clusters:\n" \
        + "".join(f"  - name: {name}\n    mcp: {{endpoint: 'http://{server.address}/mcp'}}\n"
                                   for name, server in servers.items())
    broker = system.start_broker(config=yaml(system, text))
    for name in servers:
        wait_until(lambda n=name: connected(broker, n), 30, "connected")


def one_cluster(system, server, extra=""):
    return yaml(system,
                f"clusters:\n  - name: named\n    mcp:\n"
                f"      endpoint: http://{server.address}/mcp\n{extra}")


def test_option_broker_clusters_name(system):
    server = FaultServer(system, "own-name")
    broker = system.start_broker(config=one_cluster(system, server))
    wait_until(lambda: connected(broker, "named"), 30, "connected")
    server.emit([fault("web-0", "own-name")])
    assert wait_until(broker.incidents, 20, "incident")[0]["cluster"] == "named"


def test_option_broker_clusters_mcp_endpoint(system):
    server = FaultServer(system, "x")
    broker = system.start_broker(config=one_cluster(system, server))
    wait_until(lambda: connected(broker, "named"), 30, "connected")


def test_option_broker_clusters_mcp_token_file(system):
    """A server that wants a bearer token is entered with it and not without."""
    server = FaultServer.__new__(FaultServer)
    token = system.root / "token"
    token.write_text("opensesame\n")
    from test_flow import Process, node
    Process.__init__(server, system, "mcp-auth",
                     [node(), ROOT / "tests/system/peers/mcp_faults_server.mjs"],
                     env={"PORT": "0", "CLUSTER": "x", "TOKEN": "opensesame"})
    wait_until(lambda: "listening " in server.out(), 20, "MCP server")
    server.address = server.out().split("listening ", 1)[1].split()[0]
    broker = system.start_broker(config=one_cluster(system, server, f"      token_file: {token}\n"))
    wait_until(lambda: connected(broker, "named"), 30, "connected")
    broker.stop()
    assert "opensesame" not in broker.log()
    broker = system.start_broker(config=one_cluster(system, server))
    wait_until(lambda: "401" in json.dumps(broker.get("/api/v1/status")["sources"]), 20,
               "401 is told")
    assert not connected(broker, "named")


def mode_subscribed(server):
    return [subscription["mode"] for session in server.control("state")["sessions"]
            for subscription in session["subscriptions"]]


def test_option_broker_clusters_mcp_mode(system):
    server = FaultServer(system, "x")
    broker = system.start_broker(config=one_cluster(system, server, "      mode: events\n"))
    wait_until(lambda: connected(broker, "named"), 30, "connected")
    assert mode_subscribed(server) == ["events"]


def test_option_broker_subscribe_mode(system):
    server = FaultServer(system, "x")
    broker = system.start_broker(config=one_cluster(system, server), subscribe_mode="events")
    wait_until(lambda: connected(broker, "named"), 30, "connected")
    assert mode_subscribed(server) == ["events"]


def test_option_broker_clusters_triage_enabled(system):
    server = FaultServer(system, "x")
    broker = system.start_broker(config=one_cluster(system, server,
                                                    "    triage:\n      enabled: false\n"))
    wait_until(lambda: connected(broker, "named"), 30, "connected")
    server.emit([fault("web-0", "x")])
    row = wait_until(broker.incidents, 20, "recorded")[0]
    assert (row["state"], row["suppressed"]) == ("suppressed", "triage_disabled")


def test_option_broker_clusters_labels(system):
    """Shown with the cluster, in the prompt and in incident.json; a reload changes what
    is made from then on."""
    head = "clusters:\n  - name: prod\n    labels:\n"
    path = yaml(system, head + "      env: prod\n      region: eu\n  - name: bare\n")
    broker = system.start_broker(config=path)
    system.publish([fault("web-0"), fault("web-1", cluster="bare")])

    def labels():
        return {row["cluster"]: row["labels"]
                for row in json.loads(system.ctl("clusters", "-o", "json").stdout)}
    wait_until(lambda: labels() == {"prod": {"env": "prod", "region": "eu"}, "bare": {}}, 10,
               "labels are listed")
    shown = system.ctl("clusters").stdout.splitlines()
    assert "LABELS" in shown[0] and any("env=prod,region=eu" in line for line in shown[1:])
    worker = Worker(broker.endpoints["work"], broker.endpoints["files"], slots=2)
    worker.hello()
    worker.offer(2)
    fences = {fence["incident"]: fence for _, fence in (worker.assignment() for _ in range(2))}
    prompts, incidents = {}, {}
    for row in broker.incidents():
        prompts[row["cluster"]] = worker.fetch(fences[row["id"]], "prompt.md").decode()
        incidents[row["cluster"]] = json.loads(worker.fetch(fences[row["id"]], "incident.json"))
    known = {name: json.loads(prompt.split("# Fault\n")[1].split("\n\n")[1]) for name,
             prompt in prompts.items()}
    assert known["prod"]["cluster"] == "prod" \
        and known["prod"]["cluster labels"] == {"env": "prod", "region": "eu"}
    assert known["bare"]["cluster labels"] == {}
    assert incidents["prod"]["clusterLabels"] == {"env": "prod", "region": "eu"}
    assert incidents["bare"]["clusterLabels"] == {}
    path.write_text(head + "      env: canary\n")
    broker.signal(signal.SIGHUP)
    wait_until(lambda: labels()["prod"] == {"env": "canary"}, 10, "new labels are listed")
    worker.close()
    system.start_worker()
    system.publish([fault("web-2")], name="p2")
    stored = next(row for row in broker.wait_terminal(1) if row["state"] == "reported")["id"]
    wait_until(lambda: system.result(stored), 20, "stored")
    assert json.loads((system.root / "incidents" / stored / "incident.json").read_text())[
        "clusterLabels"] == {
        "env": "canary"}


def test_option_broker_agent_system_prompt_file(system):
    prompt = system.root / "prompt.md"
    prompt.write_text("You are a careful tester.\n")
    broker = system.start_broker(agent_system_prompt_file=prompt)
    system.publish([fault("web-0")])
    worker = python_worker(broker)
    worker.offer(1)
    _, fence = worker.assignment()
    assert worker.fetch(fence, "system-prompt.md") == prompt.read_bytes()
    worker.close()


def test_option_broker_agent_allowed_tools(system):
    broker = system.start_broker(agent_allowed_tools="Read,Grep")
    system.publish([fault("web-0")])
    assert assigned(broker)["allowed_tools"] == "Read,Grep"


def test_option_broker_agent_model(system):
    broker = system.start_broker(agent_model="opus")
    system.publish([fault("web-0")])
    assert assigned(broker)["model"] == "opus"


@pytest.mark.parametrize("agent, severity, model", [
    ("claude", "critical", "opus"), ("claude", "warning", "sonnet"), ("codex", "warning", "gpt-5"),
    ("gemini", "critical", "")])
def test_option_broker_agent_models(system, agent, severity, model):
    """The model of agent_model is no other CLI's."""
    text = "agent_model: haiku\nagent_models:\n  claude: {default: sonnet, critical: opus}\n" \
           "  codex: {warning: gpt-5}\n"
    broker = system.start_broker(config=yaml(system, text))
    system.publish([fault("web-0", severity=severity)])
    assert assigned(broker, agent=agent).get("model", "") == model


def test_option_broker_agent_timeout(system):
    broker = system.start_broker(agent_timeout=77)
    system.publish([fault("web-0")])
    assert assigned(broker)["timeout_ms"] == 77000


def test_option_broker_agent_attempts(system):
    broker = system.start_broker(agent_attempts=3)
    system.start_worker()
    system.publish([fault("web-0", context="do: exit 1")])
    row = broker.wait_terminal(1)[0]
    assert len(broker.incident(row["id"])["attempts"]) == 3


def lose_workers(system, broker, count):
    """So many workers that start the incident and vanish; the incident's state in the end."""
    def last():
        return broker.incident(fence["incident"])["attempts"][-1]
    while count:
        worker = python_worker(broker)
        worker.offer(1)
        _, fence = worker.assignment(30)
        worker.work.send(6, fence)
        wait_until(lambda: last()["started_at"] or last()["ended_at"], 10, "started")
        # or its lease has ended before, which is free of charge
        count -= bool(last()["started_at"])
        worker.work.sock.close(0)
        worker.files.close()
    return wait_until(lambda: [row for row in broker.incidents()
                               if row["state"] not in ("investigating", "pending")],
                      30, "given up")[0]


def test_option_broker_max_deliveries(system):
    broker = system.start_broker(max_deliveries=2, lease_ttl="1s", reconnect_grace="1s")
    system.publish([fault("web-0")])
    assert lose_workers(system, broker, 2)["state"] == "failed"


def test_option_broker_give_back_for(system):
    """An incident whose provider fails is tried again for so long, and then has failed."""
    broker = system.start_broker(give_back_for="2s")
    system.publish([fault("web-0")])
    worker = python_worker(broker)
    worker.offer(1)
    _, fence = worker.assignment()
    words = {"class": "overloaded", "retry_ms": 60000}
    assert worker.verdict(fence, "agent", reason="529", exit_code=1, **words) == "committed"
    assert broker.incident(fence["incident"])["state"] == "pending"
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "agent_failed" and row["reason"] == "529"
    ended, failed = [record["at_ms"] for record in replay(broker)
                     if record["change"] in ("ended", "agent_failed")]
    assert 1900 < failed - ended < 10000


def test_option_broker_lease_ttl(system):
    broker = system.start_broker(lease_ttl="1s")
    system.publish([fault("web-0")])
    assert assigned(broker)["lease_ms"] == 1000
    wait_until(lambda: broker.incidents("pending"), 10, "lease expired")


def test_option_broker_reconnect_grace(system):
    """After a restart an attempt waits for its worker just so long."""
    broker = system.start_broker(lease_ttl="60s")
    system.publish([fault("web-0")])
    worker = python_worker(broker)
    worker.offer(1)
    _, fence = worker.assignment()
    worker.work.send(6, fence)
    wait_until(lambda: broker.incident(fence["incident"])["attempts"][-1]["started_at"], 10,
               "started")
    worker.close()
    broker.kill9()
    broker = system.start_broker(lease_ttl="60s", reconnect_grace="1s")
    wait_until(lambda: broker.incidents("pending"), 20, "handed out anew")


def test_option_broker_dedup_window_seconds(system):
    """Within the window a finished condition only counts up;
    without a window it is a new incident."""
    broker = system.start_broker(dedup_window_seconds=0)
    system.start_worker()
    for number in range(2):
        system.publish([fault("web-0", timestamp=f"2026-01-15T12:0{number}:00Z")],
                       name=f"p{number}")
        broker.wait_terminal(number + 1)
    assert len(broker.incidents()) == 2
    broker.stop()
    broker = system.start_broker(dedup_window_seconds=3600)
    system.publish([fault("web-0", timestamp="2026-01-15T12:05:00Z")], name="p3")
    assert len(broker.incidents()) == 2 and max(row["occurrences"]
                                                for row in broker.incidents()) == 2


def test_option_broker_reinvestigate_after(system):
    broker = system.start_broker(reinvestigate_after="1s")
    system.start_worker()
    system.publish([fault("web-0")], name="p0")
    first = broker.wait_terminal(1)[0]
    deadline = time.monotonic() + 20
    number = 1
    while len(broker.incidents()) < 2 and time.monotonic() < deadline:
        system.publish([fault("web-0", timestamp=f"2026-01-15T12:{number:02d}:00Z")],
                       name=f"p{number}")
        number += 1
    rows = broker.wait_terminal(2)
    assert broker.incident(rows[0]["id"])["linked"] == first["id"]


def test_option_broker_global_queue_size(system):
    broker = system.start_broker(global_queue_size=3)
    system.publish([fault(f"web-{n}", cluster=f"c{n}") for n in range(5)])
    rows = broker.incidents()
    assert [row["suppressed"] for row in rows if row["state"] == "suppressed"] == ["overflow"] * 2


def test_option_broker_cluster_queue_size(system):
    broker = system.start_broker(cluster_queue_size=2)
    system.publish([fault(f"web-{n}") for n in range(3)] + [fault("other", cluster="quiet")])
    assert sum(row["state"] == "suppressed" for row in broker.incidents()) == 1
    assert [row["state"] for row in broker.incidents() if row["cluster"] == "quiet"] == ["pending"]


def test_option_broker_queue_overflow_policy(system):
    """drop gives up the oldest of the lowest severity, reject the newcomer."""
    broker = system.start_broker(global_queue_size=2, queue_overflow_policy="reject")
    system.publish([fault(f"web-{n}") for n in range(3)])
    lost = [row for row in broker.incidents() if row["state"] == "suppressed"]
    assert [name_of(row) for row in lost] == ["web-2"]
    broker.stop()
    broker = system.start_broker(global_queue_size=2, queue_overflow_policy="drop")
    system.publish([fault("web-3")], name="p2")
    lost = [row for row in broker.incidents() if row["state"] == "suppressed"]
    assert sorted(name_of(row) for row in lost) == ["web-0", "web-2"]


def name_of(row):
    return row["resource"].split("/")[-1] if isinstance(row["resource"], str) \
        else row["resource"]["name"]


def test_option_broker_severity_threshold(system):
    broker = system.start_broker(severity_threshold="critical")
    system.publish([fault("low", severity="warning"), fault("high", severity="critical")])
    found = {name_of(row): (row["state"], row.get("suppressed")) for row in broker.incidents()}
    assert found["low"] == ("suppressed", "below_severity") and found["high"][0] == "pending"


@pytest.mark.parametrize("keep", [False, True])
def test_option_broker_upload_failed_investigations(system, keep):
    """What a failed attempt left stands at the top of its folder only when the switch is on."""
    broker = system.start_broker(upload_failed_investigations=keep)
    system.start_worker()
    system.publish([fault("web-0", context="do: exit 7")])
    row = broker.wait_terminal(1)[0]
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    folder = system.root / "incidents" / row["id"]
    assert (folder / "attempts/1/output/investigation.md").exists() or keep
    assert (folder / "output/investigation.md").exists() == keep


def breaker(broker):
    return broker.get("/api/v1/status")["breaker"]


def test_option_broker_failure_threshold_for_alert(system):
    broker = system.start_broker(failure_threshold_for_alert=2)
    system.start_worker()
    system.publish([fault("web-0", context="do: exit 1")], name="p0")
    wait_until(lambda: breaker(broker)["failures"] == 1, 20, "counted")
    assert breaker(broker)["state"] == "closed"
    system.publish([fault("web-1", context="do: exit 1")], name="p1")
    wait_until(lambda: breaker(broker)["state"] == "open", 20, "open")
    assert broker.records("circuit breaker threshold reached, system degraded")[0][
        "failure_count"] == "2"
    assert "triage_circuit_breaker_state 1" in broker.get("/metrics", raw=True)


@pytest.fixture
def slack():
    receiver = Receiver()
    yield receiver
    receiver.close()


def fail_once(system, broker, number=0):
    system.publish([fault(f"web-{number}", context="do: exit 1")], name=f"p{number}")
    broker.wait_terminal(number + 1)


def test_option_broker_slack_webhook_url(system, slack):
    """Where messages go, given by a file; --print-config masks it; SIGHUP turns it off."""
    secret = system.root / "webhook"
    secret.write_text(slack.url + "\n")
    config = yaml(system, f"slack_webhook_url_file: {secret}\n")
    broker = system.start_broker(config=config)
    system.start_worker()
    system.publish([fault("web-0")], name="p0")
    wait_until(lambda: slack.kinds() == ["incident"], 20, "told")
    printed = subprocess.run([BIN / "triage-broker", "--config", config, "--print-config"],
                             capture_output=True, text=True, check=True).stdout
    assert "slack_webhook_url" in printed and slack.secret not in printed
    config.write_text("log_level: debug\n")
    broker.signal(signal.SIGHUP)
    broker.wait_log("configuration reloaded")
    system.publish([fault("web-1")], name="p1")
    broker.wait_terminal(2)
    assert slack.kinds() == ["incident"]
    assert not broker.get("/api/v1/effects?state=dead")["effects"]


def test_option_broker_slack_bot_token(system):
    """Given by a file, it makes the default receiver a bot, which goes before the webhook; masked
    in --print-config; without a channel the start is refused."""
    with FakeSlack() as slack:
        secret = system.root / "token"
        secret.write_text(slack.token + "\n")
        config = yaml(system, f"slack_bot_token_file: {secret}\n"
                      f"slack_webhook_url: {slack.webhook_url}\n"
                      f"slack_channel: {slack.channel.id}\nslack_api_url: {slack.api_url}\n")
        broker = system.start_broker(config=config)
        system.start_worker()
        system.publish([fault("web-0")])
        wait_until(slack.messages, 20, "told")
        assert slack.called("chat.postMessage") and not slack.called("webhook")
        assert "slack_webhook_url is not used" in broker.log()
        printed = subprocess.run([BIN / "triage-broker", "--config", config, "--print-config"],
                                 capture_output=True, text=True, check=True).stdout
        assert "slack_bot_token" in printed and slack.token not in printed
    broker = system.start_broker(wait=False, env={"SLACK_BOT_TOKEN": "xoxb-1"})
    assert broker.wait() == 78 and "slack_channel must name" in broker.log()


def test_option_broker_slack_channel(system):
    """Where the bot posts; a name is refused, and so is a channel without a token in a check."""
    with FakeSlack() as slack:
        other = slack.state.add_channel("C0OTHER99", "other")
        system.start_broker(slack_channel=other.id, slack_api_url=slack.api_url,
                            env={"SLACK_BOT_TOKEN": slack.token})
        system.start_worker()
        system.publish([fault("web-0")])
        wait_until(lambda: slack.messages(other), 20, "told there")
        assert not slack.messages()
    for channel in ("#triage", "triage", "c0123456789", "U0123456789"):
        checked = subprocess.run([BIN / "triage-broker", "--check-config"],
                                 env={"SLACK_CHANNEL": channel, "SLACK_BOT_TOKEN": "xoxb-1"},
                                 cwd=system.root, capture_output=True, text=True, check=False)
        assert checked.returncode == 78 and "a channel's ID" in checked.stderr, checked.stderr


def test_option_broker_slack_api_url(system):
    """The bot's calls go there, with or without a slash at its end."""
    with FakeSlack() as slack:
        system.start_broker(slack_api_url=slack.api_url + "/",
                            env={"SLACK_BOT_TOKEN": slack.token,
                                 "SLACK_CHANNEL": slack.channel.id})
        system.start_worker()
        system.publish([fault("web-0")])
        wait_until(slack.messages, 20, "told")


def test_option_broker_external_url(system, slack):
    broker = system.start_broker(env={"SLACK_WEBHOOK_URL": slack.url},
                                 external_url="https://triage.example.com")
    system.start_worker()
    system.publish([fault("web-0")])
    wait_until(lambda: slack.kinds() == ["incident"], 20, "told")
    incident = broker.incidents()[0]["id"]
    assert f'"url": "https://triage.example.com/api/v1/incidents/{incident}"' in json.dumps(
        slack.posts[0].body)


def test_option_broker_artifacts_url(system, slack):
    """A button leads to the file on a web server, unless external_url leads to the incident."""
    config = yaml(system, "artifacts_url: https://files.example.com/triage/\n")
    broker = system.start_broker(config=config, env={"SLACK_WEBHOOK_URL": slack.url})
    system.start_worker()
    system.publish([fault("web-0")], name="p0")
    wait_until(lambda: slack.kinds() == ["incident"], 20, "told")
    incident = broker.incidents()[0]["id"]
    link = f"https://files.example.com/triage/{incident}/output/investigation."
    assert f'"url": "{link}' in json.dumps(slack.posts[0].body)
    config.write_text(config.read_text() + "external_url: https://triage.example.com\n")
    broker.signal(signal.SIGHUP)
    broker.wait_log("configuration reloaded")
    system.publish([fault("web-1")], name="p1")
    wait_until(lambda: slack.kinds() == ["incident"] * 2, 20, "told again")
    body = json.dumps(slack.posts[1].body)
    assert '"url": "https://triage.example.com/api/v1/incidents/' in body
    assert "files.example.com" not in body


def test_option_broker_notify_on_agent_failure(system, slack):
    broker = system.start_broker(env={"SLACK_WEBHOOK_URL": slack.url},
                                 failure_threshold_for_alert=1, notify_on_agent_failure=False)
    system.start_worker()
    fail_once(system, broker)
    wait_until(lambda: breaker(broker)["state"] == "open", 20, "open")
    assert not any(row["channel"] == "slack" for state in ("ready", "sending", "done", "dead")
                   for row in broker.get(f"/api/v1/effects?state={state}")["effects"])
    wait_until(lambda: 'triage_notifications_suppressed_total{reason="disabled"} 1\n' in broker.get(
        "/metrics", raw=True),
               10, "what was not told is counted")
    broker.stop()
    broker = system.start_broker(env={"SLACK_WEBHOOK_URL": slack.url},
                                 failure_threshold_for_alert=1, retry_after_recovery=False)
    system.publish([fault("web-good")], name="good")
    broker.wait_terminal(2)
    wait_until(lambda: slack.kinds() == ["incident"], 20,
               "told: it waits for its upload, and an alert would pass it")
    fail_once(system, broker, 2)
    wait_until(lambda: slack.kinds() == ["incident", "degraded"], 20, "told")


def test_option_broker_breaker_mode(system):
    """pause: the open breaker holds the queue until its probe; what that says closes it."""
    broker = system.start_broker(failure_threshold_for_alert=1, breaker_mode="pause",
                                 retry_after_recovery=False)
    system.start_worker()
    system.publish([fault("web-0", context="do: exit 1")], name="p0")
    wait_until(lambda: breaker(broker)["state"] == "open", 20, "open")
    system.publish([fault("web-1")], name="p1")
    broker.wait_terminal(2)
    wait_until(lambda: breaker(broker)["state"] == "closed", 20, "closed")
    records = [record for record in replay(broker) if record["kind"] == "breaker"
               or record["change"] == "assigned"]
    assert [record["change"] for record in records] \
        == ["assigned", "opened", "assigned", "probed", "closed"]
    assert records[2]["at_ms"] - records[1]["at_ms"] > 4900


def test_option_broker_shutdown_timeout(system):
    """A server that never answers the DELETE of its session holds the stop up,
    but no longer than this."""
    server = FaultServer(system, "stuck")
    for timeout, code in (("30s", 0), ("1s", 1)):
        broker = system.start_broker(config=clusters_yaml(system, {"stuck": server}),
                                     shutdown_timeout=timeout)
        wait_until(lambda b=broker: connected(b, "stuck"), 30, "connected")
        server.signal(signal.SIGSTOP)
        broker.stop(expect=code)
        server.signal(signal.SIGCONT)
        assert bool(broker.records("shutdown_timeout passed, stopping now")) == (code == 1)


def first_source(broker):
    return (broker.get("/api/v1/status")["sources"] or [{}])[0]


def retries(broker, seconds):
    """How often an unreachable server is tried within so many seconds."""
    first = broker.get("/api/v1/status")["sources"][0]["reconnects_total"]
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end, seconds + 5)
    return broker.get("/api/v1/status")["sources"][0]["reconnects_total"] - first


def test_option_broker_sse_reconnect_initial_backoff(system):
    text = yaml(system,
                "clusters:\n  - name: gone\n    mcp: {endpoint: 'http://127.0.0.1:9/mcp'}\n")
    broker = system.start_broker(config=text, sse_reconnect_initial_backoff="60s")
    wait_until(lambda: first_source(broker).get("last_error"), 20, "first try failed")
    assert retries(broker, 3) == 0


def test_option_broker_sse_reconnect_max_backoff(system):
    text = yaml(system,
                "clusters:\n  - name: gone\n    mcp: {endpoint: 'http://127.0.0.1:9/mcp'}\n")
    broker = system.start_broker(config=text, sse_reconnect_initial_backoff="1s",
                                 sse_reconnect_max_backoff="1s")
    wait_until(lambda: first_source(broker).get("reconnects_total", 0) >= 7, 15,
               "doubled, they would take a minute")
    assert isinstance(broker, Broker)
