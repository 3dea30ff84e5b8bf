"""Inputs of tests/golden/cases that once gave a wrong value, from a publisher to what the broker
answers and Slack hears.

Each is one of a kind; the kinds have tests of their own.
SPDX-License-Identifier: Apache-2.0
"""
import json
import re
import subprocess
from pathlib import Path

import pytest

from lib.disk import mounted_or_skipped
from lib.system import BIN, ROOT, Daemon, System, fault, has_ipv6, wait_until
from receiver import Receiver, texts_of
from test_run import script

CASES = ROOT / "tests/golden/cases"
REPORTS = {path.stem: path for folder in ("05-confidence", "06-root-cause", "08-error-for-a-report")
           for path in sorted((CASES / folder).iterdir())}
RIGHT = {"r12-pct-high-word": "UNKNOWN|LOW|MEDIUM", "q03": "MEDIUM", "r14-HIGH-in-brackets": "LOW",
         "q01": "UNKNOWN|LOW|MEDIUM", "q06": "UNKNOWN|HIGH", "q09": "MEDIUM", "q15": "HIGH"}
CAUSES = {"r02-rootcause-identified": ("The ConfigMap app-config lacks", "HIGH"),
          "r04-detailed": ("The image tag v2.3 does not exist", "HIGH"),
          "r09-plain-fence": ("DNS lookups of the api", "MEDIUM"),
          "r05-contributing": ("The node ran out of inodes", "LOW"),
          "r06-pod-root-cause": ("The liveness probe asks port 8081", "HIGH"),
          "r31-label-of": ("The HPA scaled to zero", "HIGH"),
          "r18-moderate": ("The image cannot be pulled", "MEDIUM"),
          "q29": ("Misconfigured liveness probe.", "HIGH")}
AGENT = f"""
case=$(sed -n 's/.*"context": *"case: \\([^"]*\\)".*/\\1/p' event.json | head -n 1)
case $case in
'') printf '# Report\\n\\n%0300d\\n' 7 > output/investigation.md ;;
*.json)
    printf '# Report\\n\\n%0300d\\n' 7 > output/investigation.md
    cp "{CASES}/$case" output/agent-result.json ;;
*) cp "{CASES}/$case" output/investigation.md ;;
esac
"""


class Played:
    """All cases that need no configuration of their own, played once."""

    def __init__(self, root):
        self.system, self.slack = System(root), Receiver()
        try:
            self.play()
        finally:
            self.slack.close()
            self.system.close()

    def play(self):
        system = self.system
        broker = system.start_broker(env={"SLACK_WEBHOOK_URL": self.slack.url}, log_level="info",
                                     give_back_for="1s")
        system.start_worker(agent_script_path=script(system, AGENT), max_concurrent_agents=4)
        reports = {**REPORTS, "array": CASES / "07-claude-result-array/agent-result.json"}
        faults = {name: fault(name, context=f"case: {path.relative_to(CASES)}") for name,
                  path in reports.items()}
        # What these say of the provider holds the worker, so they come last.
        refused = [faults.pop(name) for name in ("array", "auth")]
        lines = [line for number in ("01", "02", "13") for path in CASES.glob(f"{number}-*.jsonl")
                 for line in path.read_text().splitlines()]
        system.publish(list(faults.values()))
        path = system.root / "cases.jsonl"
        path.write_text("\n".join(lines) + "\n")
        system.publish(path, name="cases")
        broker.wait_terminal(len(faults) + len(lines))
        system.publish(refused, name="refused")
        rows = broker.wait_terminal(len(faults) + len(lines) + len(refused))
        wait_until(lambda: not broker.get("/api/v1/effects?state=ready")["effects"], 30,
                   "no effect left")
        wait_until(lambda: not broker.get("/api/v1/effects?state=sending")["effects"], 30,
                   "no effect left")
        self.rows = [broker.incident(row["id"]) for row in rows]
        self.results = system.results()
        self.messages = [post.body for post in self.slack.delivered() if post.kind == "incident"]
        self.listed = system.ctl("incidents", "list").stdout

    def row(self, name):
        found = [row for row in self.rows if row["resource"]["name"] == name]
        assert len(found) == 1, (name, found)
        return found[0]

    def message(self, row):
        return next(texts_of(body) for body in self.messages
                    if any(row["id"] in text for text in texts_of(body)))


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    return Played(tmp_path_factory.mktemp("cases"))


def test_case_01_a_nul_in_the_text(played):
    row = played.row("nul")
    assert (row["state"], row["cluster"], row["namespace"],
            row["fault_type"]) == ("reported", "prod", "shop", "CrashLoop")


def test_case_02_raw_events_are_three_incidents(played):
    wanted = {"BackOff", "FailedScheduling", "NodeNotReady"}
    rows = [row for row in played.rows if row["fault_type"] in wanted]
    assert {row["fault_type"] for row in rows} == wanted and len(rows) == 3
    assert len({(row["resource"]["kind"], row["resource"]["name"]) for row in rows}) == 3
    assert all(row["resource"]["name"] for row in rows)
    assert {row["state"] for row in rows} == {"reported"}


@pytest.mark.parametrize("name,right", RIGHT.items())
def test_case_05_confidence(played, name, right):
    row = played.row(name)
    assert played.results[row["id"]]["confidence"] in right.split("|")
    shown = re.search(r"\*Root Cause \((\w+) confidence\):\*", "\n".join(played.message(row)))
    assert shown[1] in right.split("|")


@pytest.mark.parametrize("name,right", CAUSES.items())
def test_case_06_root_cause(played, name, right):
    row = played.row(name)
    result = played.results[row["id"]]
    assert result["root_cause"].startswith(right[0]) and result["confidence"] == right[1], result
    assert any(right[0] in text for text in played.message(row))


def test_case_07_a_result_as_an_array(played):
    row = played.row("array")
    assert row["state"] == "agent_failed"
    assert row["reason"].startswith("agent reported an error: API Error: Rate limit reached"), \
        row["reason"]


def test_case_08_an_error_for_a_report(played):
    row = played.row("auth")
    assert row["state"] == "agent_failed" and "holds an error instead of a report" in row[
        "reason"], row["reason"]
    assert not [body for body in played.messages
                if any(row["id"] in text for text in texts_of(body))]


def test_case_13_the_reason_of_an_event_is_its_type(played):
    row = played.row("p-1")
    assert row["fault_type"] == "FailedMount" and "FailedMount" in played.listed
    assert "*Reason:*\nFailedMount" in played.message(row)


def checked(system, config):
    """What --check-config of a broker says."""
    return subprocess.run([BIN / "triage-broker", "--check-config", "-c", config],
                          capture_output=True, text=True, cwd=system.root,
                          env={"AGENT_SYSTEM_PROMPT_FILE": str(
                              ROOT / "configs/triage-system-prompt.md")})


LONG = "arn:aws:eks:us-east-1:123456789012:cluster/payments-production-"


def test_case_03_long_names_are_two_clusters(system):
    config = CASES / "03-long-cluster-name/broker.yaml"
    done = checked(system, config)
    assert done.returncode == 0, done.stderr
    broker = system.start_broker(config=config)
    system.start_worker()
    system.publish([fault("web-0", cluster=LONG + color) for color in ("blue", "green")])
    rows = {row["cluster"]: row for row in broker.wait_terminal(2)}
    assert {name: row["state"] for name,
            row in rows.items()} == {LONG + "blue": "suppressed", LONG + "green": "reported"}
    listed = wait_until(lambda: broker.get("/api/v1/clusters")["clusters"], 10, "clusters")
    labels = {row["cluster"]: row["labels"] for row in listed}
    assert labels[LONG + "blue"] == {"env": "blue"} and labels[LONG + "green"] == {"env": "green"}


def test_case_03_each_cluster_gets_its_own_kubeconfig(system):
    """And one that has none is told, and gets no other's."""
    for name in ("blue", "green", "default"):
        (system.root / f"{name}.kubeconfig").write_text(f"current-context: {name}\n")
    broker = system.start_broker()
    text = "{ echo '# Report'; printf '%0200d\\n' 7; cat \"${KUBECONFIG:-/dev/null}\"; } " \
           "> output/investigation.md"
    worker = system.start_worker(agent_script_path=script(system, text),
                                 config=CASES / "03-long-cluster-name/worker.yaml",
                                 kubeconfig="default.kubeconfig")
    system.publish([fault("web-0", cluster=LONG + color) for color in ("blue", "green", "red")])
    rows = {row["cluster"]: row for row in broker.wait_terminal(3)}
    wait_until(lambda: len(system.results()) == 3, 20, "results")
    reports = {name: system.root / f"incidents/{row['id']}/output/investigation.md" for name,
               row in rows.items()}
    given = {name: re.findall('"current-context": "(.*)"', path.read_text()) for name,
             path in reports.items()}
    assert given == {LONG + "blue": ["blue"], LONG + "green": ["green"], LONG + "red": []}
    told = worker.records("no kubeconfig for this cluster: its agent gets none")
    assert [record["cluster"] for record in told] == [LONG + "red"]


def test_case_04_two_clusters_of_one_name_are_refused(system):
    done = checked(system, CASES / "04-duplicate-cluster-name.yaml")
    assert done.returncode == 78, done.stderr
    assert "04-duplicate-cluster-name.yaml:5" in done.stderr and "twice" in done.stderr, done.stderr


def test_case_09_a_key_with_a_line_end(system):
    broker = system.start_broker()
    leak = (CASES / "09-key-with-newline/leak.sh").read_text().replace("$1", ".")
    system.start_worker(agent_script_path=script(system, leak), agent_cli="custom",
                        agent_env="ANTHROPIC_API_KEY",
                        env={"ANTHROPIC_API_KEY": "sk-ant-field-0001\n"})
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    folder = system.root / "incidents" / row["id"]
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(texts) > 5 and not [path for path, text in texts.items()
                                   if b"sk-ant-field-0001" in text]


@pytest.mark.parametrize("status", [201, 202, 204])
def test_case_10_every_2xx_is_delivered(system, status):
    slack = Receiver(lambda kind, number: (status, {}))
    try:
        broker = system.start_broker(env={"SLACK_WEBHOOK_URL": slack.url})
        system.start_worker()
        system.publish([fault("web-0", context="do: diagnose")])
        broker.wait_terminal(1)
        done = wait_until(lambda: [effect
                                   for effect in broker.get("/api/v1/effects?state=done")["effects"]
                                   if effect["channel"] == "slack"], 20, "delivered")
        assert len(done) == len(slack.posts) == 1 \
            and not broker.get("/api/v1/effects?state=dead")["effects"]
    finally:
        slack.close()


def test_case_12_a_name_with_an_ipv6_address_only(secure):
    if not has_ipv6():
        pytest.skip("no IPv6 here")
    (secure.root / "hosts").write_text("127.0.0.1 localhost\n::1 v6only\n")
    prefix = mounted_or_skipped(secure, "names",
                                [f"mount --bind {secure.root / 'hosts'} /etc/hosts"]).prefix
    broker = secure.start_broker(work_endpoint="tcp://[::1]:*", files_endpoint="tcp://[::1]:*")
    port = {name: broker.endpoints[name].rsplit(":", 1)[1] for name in ("work", "files")}
    options = {"broker_endpoint": f"tcp://v6only:{port['work']}",
               "broker_files_endpoint": f"tcp://v6only:{port['files']}",
               "worker_name": "w1", "keys_dir": secure.peer_keys("worker", "w1"),
               "workspace_root": secure.root / "workspace",
               "agent_script_path": ROOT / "tests/system/agents/agent.sh"}
    Daemon(secure, "w1", "triage-worker", options, prefix=prefix)
    secure.publish([fault("web-0")])
    assert broker.wait_terminal(1)[0]["state"] == "reported"


def test_every_case_has_its_test():
    tests = Path(__file__).read_text()
    numbers = {path.name[:2] for path in CASES.iterdir()} | {"10", "12"}
    assert numbers <= set(re.findall(r"def test_case_(\d\d)", tests)), json.dumps(sorted(numbers))
