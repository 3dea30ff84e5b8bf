"""What cmake --install leaves works from any folder.  SPDX-License-Identifier: Apache-2.0"""
import subprocess

import lib.system
from lib.system import BIN, ROOT, fault, wait_until

FILES = ["bin/triage-broker", "bin/triage-worker", "bin/triage-run", "bin/triage-playbook", "bin/triage-publisher",
         "bin/triage-tap", "bin/triagectl", "libexec/k8s-triage/run-agent.sh", "share/k8s-triage/broker.yaml",
         "share/k8s-triage/worker.yaml", "share/k8s-triage/publisher.yaml", "share/k8s-triage/triage-system-prompt.md",
         "share/doc/k8s-triage/configuration.md", "share/doc/k8s-triage/README.md",
         "share/bash-completion/completions/triagectl"]


def test_installed_programs_need_no_checkout_and_say_where_they_keep_what(system, monkeypatch):
    prefix = system.root / "usr"
    subprocess.run(["cmake", "--install", BIN.parent, "--prefix", prefix], check=True, capture_output=True)
    assert [name for name in FILES if not (prefix / name).exists()] == []
    monkeypatch.setattr(lib.system, "BIN", prefix / "bin")
    somewhere = system.root / "empty"
    somewhere.mkdir()
    options = {"agent_system_prompt_file": None, "state_path": "../state/broker.db", "workspace_root": "../incidents"}
    broker = system.start_broker(prefix=["env", "-C", somewhere], **options)
    system.start_worker(agent_script_path=None, agent_cli="playbook")
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "resolved"
    wait_until(lambda: system.result(row["id"]), 20, "saved")
    assert [record["state_path"] for record in broker.records("new store")] == [str(system.root / "state/broker.db")]
    assert [record["workspace_root"] for record in broker.records("artifacts")] == [str(system.root / "incidents")]
    broker.stop()
    again = system.start_broker(prefix=["env", "-C", somewhere], **options)
    assert len(again.records("new store")) == 1 and len(again.records("store")) == 1


def test_a_prompt_that_was_asked_for_and_is_not_there_is_refused_and_the_default_one_is_built_in(system):
    broker = system.start_broker(wait=False, agent_system_prompt_file=system.root / "mine.md")
    assert broker.wait(20) == 78 and "mine.md" in broker.log()
    broker = system.start_broker(agent_system_prompt_file=None)
    gate, script = system.gated_agent()
    system.start_worker(agent=script)
    system.publish([fault("web-0")])
    jobs = system.root / "workspace/w1/jobs"
    prompt = wait_until(lambda: list(jobs.glob("*/system-prompt.md")), 20, "fetched")[0]
    wait_until(lambda: prompt.read_bytes() == (ROOT / "configs/triage-system-prompt.md").read_bytes(), 10, "whole")
    gate.touch()
    broker.wait_terminal(1)
