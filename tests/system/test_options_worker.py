"""Each row of the worker's option table changes behaviour: one named test a row.
SPDX-License-Identifier: Apache-2.0
"""
import datetime
import json
import re
import signal
import time

import pytest

from lib.system import fault, wait_until


HELD = "agents cannot run here: this worker takes no work"


def report_of(system, order="do: environment", name="w1", env=None, **options):
    """Run one incident; its report's text (environment or arguments of the agent)."""
    broker = system.broker or system.start_broker()
    worker = system.start_worker(name, env=env, **options)
    system.publish([fault("web-0", context=order)])
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "reported", worker.log_tail()
    wait_until(lambda: system.result(row["id"]), 10, "result.json")
    return (system.root / "incidents" / row["id"] / "output/investigation.md").read_text()


def test_option_worker_log_level(system):
    system.start_broker()
    assert "level=info" not in system.start_worker(log_level="error").log()


def test_option_worker_log_format(system):
    system.start_broker()
    worker = system.start_worker(log_format="json", log_level="info")
    worker.wait_log('"msg"')
    assert [json.loads(line)["msg"] for line in worker.log().splitlines()]


def test_option_worker_ready_file(system):
    system.start_broker()
    assert system.start_worker().ready_path.exists()


def test_option_worker_broker_endpoint(system):
    broker = system.start_broker()
    system.start_worker("here")
    wait_until(lambda: [row["name"] for row in broker.get("/api/v1/workers")["workers"]] == [
        "here"], 10, "joined")


def test_option_worker_broker_files_endpoint(system):
    """Without the right files endpoint nothing can be fetched, with it everything."""
    broker = system.start_broker(lease_ttl="1s", max_deliveries=30)
    worker = system.start_worker(broker_files_endpoint="tcp://127.0.0.1:9")
    system.publish([fault("web-0")])
    wait_until(lambda: broker.incidents("investigating"), 10, "assigned")
    worker.kill9()
    assert not system.results()
    system.start_worker(broker_files_endpoint=broker.endpoints["files"])
    assert broker.wait_terminal(1)[0]["state"] == "reported"


def test_option_worker_worker_name(system):
    broker = system.start_broker()
    system.start_worker("zebra")
    wait_until(lambda: broker.get("/api/v1/workers")["workers"], 10, "joined")
    assert broker.get("/api/v1/workers")["workers"][0]["name"] == "zebra"
    assert (system.root / "workspace/zebra").is_dir()


def test_option_worker_keys_dir(secure):
    broker = secure.start_broker()
    secure.start_worker("first")
    wait_until(lambda: broker.get("/api/v1/workers")["workers"], 10, "joined with its key")
    assert broker.get("/api/v1/workers")["workers"][0]["identity"].startswith("worker:")


def test_option_worker_workspace_root(system):
    system.start_broker()
    system.start_worker(workspace_root=system.root / "scratch")
    assert (system.root / "scratch/w1").is_dir()


def test_option_worker_agent_script_path(system):
    script = system.root / "mine.sh"
    script.write_text(
        '#!/bin/sh\nmkdir -p output\n'
        'head -c 200 /dev/zero | tr "\\0" m > output/investigation.md\n')
    script.chmod(0o755)
    assert report_of(system, agent_script_path=script) == "m" * 200


def test_option_worker_agent_cli(system):
    assert "\nAGENT_CLI=custom\n" in report_of(system, agent_cli="custom")


def test_option_worker_agent_model(system):
    """The worker's own value wins over the broker's."""
    system.start_broker(agent_model="opus")
    assert "\nLLM_MODEL=haiku\n" in report_of(system, agent_model="haiku")


def test_option_worker_agent_image(system):
    assert "\nAGENT_IMAGE=mine:1\n" in report_of(system, agent_image="mine:1")


def test_option_worker_agent_timeout(system):
    """The smaller of the worker's and the assignment's wins."""
    broker = system.start_broker(agent_timeout=60)
    system.start_worker(agent_timeout=1)
    system.publish([fault("web-0", context="do: slow 60")])
    assert broker.wait_terminal(1)[0]["reason"] == "agent timed out after 1 s"


def test_option_worker_max_concurrent_agents(system):
    broker = system.start_broker()
    worker = system.start_worker(max_concurrent_agents=3)
    system.publish([fault(f"web-{n}", context="do: slow 60") for n in range(5)])
    wait_until(lambda: len(broker.incidents("investigating")) == 3, 20, "three at once")
    assert len(broker.incidents("pending")) == 2
    worker.kill9()  # it would wait for its agents


def test_option_worker_agent_env(system):
    text = report_of(system, agent_env="MY_PROXY", env={"MY_PROXY": "p:1", "MY_SECRET": "s"})
    assert "\nMY_PROXY=p:1\n" in text and "MY_SECRET" not in text


def test_option_worker_agent_kill_grace(system):
    """An agent that ignores TERM lives for three quarters of a short grace; as the broker sees
    it, so not to the point."""
    broker = system.start_broker(agent_timeout=1)
    system.start_worker(agent_kill_grace="4s")
    system.publish([fault("web-0", context="do: late 60")])
    row = broker.wait_terminal(1)[0]
    assert row["reason"] == "agent timed out after 1 s"
    result = wait_until(lambda: system.result(row["id"]), 10, "result.json")
    began, ended = (datetime.datetime.fromisoformat(result[key].rstrip("Z"))
                    for key in ("started_at", "completed_at"))
    assert 3 < (ended - began).total_seconds() < 9


def test_option_worker_agent_start_interval(system):
    broker = system.start_broker()
    system.start_worker(agent_start_interval="2s", max_concurrent_agents=4, agent="quick.sh")
    begin = time.monotonic()
    system.publish([fault(f"web-{n}") for n in range(3)])
    broker.wait_terminal(3)
    assert time.monotonic() - begin >= 4


def clusters_yaml(system, kubeconfig):
    path = system.root / "worker.yaml"
    path.write_text(f"clusters:\n  - name: prod\n    kubeconfig: {kubeconfig}\n")
    return path


def test_option_worker_clusters(system):
    (system.root / "kc").write_text("apiVersion: v1\n")
    text = report_of(system, "do: arguments", config=clusters_yaml(system, system.root / "kc"))
    assert re.search(rf"^--kubeconfig\n{system.root}/workspace/.*/.home/.kube/config$", text, re.M)


def test_option_worker_clusters_name(system):
    """Of two kubeconfigs the one of the incident's cluster is given."""
    for name in ("staging", "prod"):
        (system.root / name).write_text(f"current-context: {name}\n")
    path = system.root / "worker.yaml"
    path.write_text("clusters:\n"
                    + "".join(f"  - name: {name}\n    kubeconfig: {system.root / name}\n"
                                           for name in ("staging", "prod")))
    text = report_of(system, "do: kubeconfig", config=path)
    assert '"current-context": "prod"' in text and "staging" not in text


def test_option_worker_clusters_kubeconfig(system):
    (system.root / "kc2").write_text("current-context: two\n")
    text = report_of(system, "do: kubeconfig", config=clusters_yaml(system, system.root / "kc2"))
    assert '"current-context": "two"' in text


def test_option_worker_kubeconfig(system):
    """Agents get a copy of it, which needs no other file; it may be a list of files."""
    (system.root / "t").write_text("token-of-a-file\n")
    (system.root / "all").write_text("users: [{name: u, user: {tokenFile: t}}]\n")
    (system.root / "more").write_text("current-context: second\n")
    env = {"KUBECONFIG": f"all:{system.root}/more"}
    text = report_of(system, "do: kubeconfig", env=env)
    assert '"token": "***' in text and '"current-context": "second"' in text


def test_a_kubeconfig_that_is_not_there_holds_the_worker(system):
    """One of a list, and one of a cluster; what can be read is not mentioned."""
    (system.root / "all").write_text("apiVersion: v1\n")
    (system.root / "worker.yaml").write_text("clusters:\n  - name: prod\n    kubeconfig: nowhere\n")
    system.start_broker()
    worker = system.start_worker(config=system.root / "worker.yaml",
                                 kubeconfig=f"{system.root}/all:{system.root}/gone")
    why = wait_until(lambda: worker.records(HELD), 10, "held")[0]["why"]
    assert f"kubeconfig {system.root}/gone: " in why and "kubeconfig nowhere: " in why
    assert "/all" not in why
    (system.root / "gone").write_text("apiVersion: v1\n")
    (system.root / "nowhere").write_text("apiVersion: v1\n")
    worker.signal(signal.SIGHUP)
    worker.wait_log("agents can run")


def only_key(system, agent, variable):
    """Only the chosen CLI's key reaches the agent, and no key is in a log."""
    keys = {"ANTHROPIC_API_KEY": "key-a", "OPENAI_API_KEY": "key-o", "GEMINI_API_KEY": "key-g",
            "GOOGLE_API_KEY": "key-gg"}
    text = report_of(system, agent_cli=agent, env=keys)
    assert f"\n{variable}={keys[variable]}\n" in text
    others = [key for name, key in keys.items() if name != variable and not
              (agent == "gemini" and name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"))]
    assert not [key for key in others if f"={key}\n" in text]
    for process in system.processes:
        assert "key-a" not in process.log() and "key-o" not in process.log()


def test_option_worker_anthropic_api_key(system):
    only_key(system, "claude", "ANTHROPIC_API_KEY")


def test_option_worker_openai_api_key(system):
    only_key(system, "codex", "OPENAI_API_KEY")


def test_option_worker_gemini_api_key(system):
    only_key(system, "gemini", "GEMINI_API_KEY")


def test_option_worker_google_api_key(system):
    only_key(system, "gemini", "GOOGLE_API_KEY")


@pytest.mark.parametrize("timeout,order,state",
                         [("30s", "slow 3", "reported"), ("1s", "slow 20", "pending")])
def test_option_worker_shutdown_timeout(system, timeout, order, state):
    """A running agent has this long to end after SIGTERM, then it is stopped."""
    broker = system.start_broker()
    worker = system.start_worker(shutdown_timeout=timeout)
    system.publish([fault("web-0", context=f"do: {order}")])
    wait_until(lambda: [row for row in broker.incidents("investigating")
                        if broker.incident(row["id"])["attempts"][-1]["started_at"]], 20,
               "agent runs")
    worker.stop()
    wait_until(lambda: broker.incidents(state), 20, state)
