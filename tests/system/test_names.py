"""Names: whole or told, never cut in silence.
SPDX-License-Identifier: Apache-2.0
"""
import json
import subprocess

import pytest

from lib.system import BIN, fault, wait_until

# 63 bytes: what follows tells them apart
ARN = "arn:aws:eks:us-east-1:123456789012:cluster/payments-production-"
PROGRAMS = {"triage-broker": "clusters:\n  - name: {0}\n  - name: {1}\n",
            "triage-worker": "clusters:\n  - name: {0}\n  - name: {1}\n"}


def check(tmp_path, program, one, two):
    path = tmp_path / "config.yaml"
    path.write_text(PROGRAMS[program].format(one, two))
    return subprocess.run([BIN / program, "--config", path, "--check-config"], capture_output=True,
                          text=True, timeout=30, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_cluster_name_given_twice_or_too_long_is_refused_with_its_line(tmp_path, program):
    done = check(tmp_path, program, "prod", "prod")
    assert done.returncode == 78 and "config.yaml:3: clusters[1].name: given twice" in done.stderr
    done = check(tmp_path, program, "prod", "x" * 254)
    assert done.returncode == 78 \
        and "config.yaml:3: clusters[1].name: expected text of 1 to 253 bytes" in done.stderr
    assert check(tmp_path, program, "x" * 252 + "a", "x" * 252 + "b").returncode in (0, 78)
    assert "clusters" not in check(tmp_path, program, "x" * 252 + "a", "x" * 252 + "b").stderr


def test_clusters_whose_names_differ_after_63_bytes_are_two_everywhere(system):
    """Labels, triage.enabled, kubeconfig, topic, metrics, API: each by the whole name."""
    blue, green, longest = ARN + "blue", ARN + "green", "c" * 252
    broker_yaml, worker_yaml = system.root / "broker.yaml", system.root / "worker.yaml"
    broker_yaml.write_text(f"clusters:\n- {{name: '{blue}', triage: {{enabled: false}}}}\n"
                           f"- {{name: '{green}', labels: {{env: green}}}}\n"
                           f"- {{name: {longest}1}}\n- {{name: {longest}2, triage: {{enabled: "
                           f"false}}}}\n")
    worker_yaml.write_text(f"clusters:\n- {{name: '{blue}', kubeconfig: {system.root}/blue}}\n"
                           f"- {{name: '{green}', kubeconfig: {system.root}/green}}\n")
    for name in ("blue", "green", "all"):
        (system.root / name).write_text(f"current-context: '{name}'\n")
    broker = system.start_broker(config=broker_yaml)
    worker = system.start_worker(config=worker_yaml, kubeconfig=str(system.root / "all"))
    system.publish([fault(f"web-{i}", cluster=name, context="do: kubeconfig")
                    for i, name in enumerate((blue, green, longest + "1", longest + "2"))])
    rows = {row["cluster"]: row for row in broker.wait_terminal(4)}
    assert {name: row["state"] for name, row in rows.items()} == {
        blue: "suppressed", green: "reported", longest + "1": "reported",
        longest + "2": "suppressed"}
    report = {name: (system.root / "incidents" / rows[name]["id"] / "output/investigation.md")
              for name in (green, longest + "1")}
    wait_until(lambda: all(path.exists() for path in report.values()), 10, "reports")
    assert '"current-context": "green"' in report[green].read_text()
    assert "current-context" not in report[longest + "1"].read_text()
    assert [line["cluster"]
            for line in worker.records("no kubeconfig for this cluster: its agent gets none")] == [
                longest + "1"]
    prompt = system.root / "incidents" / rows[longest + "1"]["id"] / "logs/prompt.md"
    assert prompt.read_text().endswith("the cluster cannot be asked. Say so in the report.\n")
    records = [json.loads(line) for line in broker.get("/api/v1/stream", raw=True).splitlines()]
    assert {line["topic"] for line in records
            if line["kind"] == "incident"} == {f"incident/{name}/" for name in rows}
    wait_until(lambda: all(f'cluster="{name}"' in broker.get("/metrics", raw=True)
                           for name in rows), 10, "metrics of each")


def test_an_event_of_a_cluster_with_a_longer_name_is_kept_under_a_digest(system):
    broker = system.start_broker()
    system.start_worker()
    system.publish([fault("web-0", cluster="c" * 300 + end) for end in "ab"])
    rows = broker.wait_terminal(2)
    names = {row["cluster"] for row in rows}
    assert len(names) == 2 and all(len(name) == 253 and name[236] == "~" for name in names)
    wait_until(lambda: broker.metric("events_shortened_total") == 2, 10, "the metric")
