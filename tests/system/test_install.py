"""What cmake --install leaves works from any folder.  SPDX-License-Identifier: Apache-2.0"""
import re
import subprocess
from pathlib import Path

import lib.system
from lib.system import BIN, ROOT, fault, wait_until

FILES = ["bin/triage-broker", "bin/triage-worker", "bin/triage-run", "bin/triage-playbook",
         "bin/triage-publisher",
         "bin/triage-tap", "bin/triagectl", "libexec/k8s-triage/run-agent.sh",
         "libexec/k8s-triage/drivers/lib.jq",
         *(f"libexec/k8s-triage/drivers/{name}.sh"
           for name in ("claude", "codex", "gemini", "opencode", "qwen", "goose", "playbook",
                        "custom")),
         "libexec/k8s-triage/skills/kubernetes-triage/SKILL.md", "share/k8s-triage/mcp.json",
         "share/k8s-triage/broker.yaml",
         "share/k8s-triage/worker.yaml", "share/k8s-triage/publisher.yaml",
         "share/k8s-triage/triage-system-prompt.md",
         "share/doc/k8s-triage/docs/configuration.md", "share/doc/k8s-triage/README.md",
         "share/bash-completion/completions/triagectl"]


def install(prefix):
    subprocess.run(["cmake", "--install", BIN.parent, "--prefix", prefix], check=True,
                   capture_output=True)


def test_installed_programs_need_no_checkout_and_say_where_they_keep_what(system, monkeypatch):
    prefix = system.root / "usr"
    install(prefix)
    assert [name for name in FILES if not (prefix / name).exists()] == []
    monkeypatch.setattr(lib.system, "BIN", prefix / "bin")
    somewhere = system.root / "empty"
    somewhere.mkdir()
    options = {"agent_system_prompt_file": None, "state_path": "../state/broker.db",
               "workspace_root": "../incidents"}
    broker = system.start_broker(prefix=["env", "-C", somewhere], **options)
    system.start_worker(agent_script_path=None, agent_cli="playbook")
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "reported"
    wait_until(lambda: system.result(row["id"]), 20, "saved")
    assert [record["state_path"]
            for record in broker.records("new store")] == [str(system.root / "state/broker.db")]
    assert [record["workspace_root"]
            for record in broker.records("artifacts")] == [str(system.root / "incidents")]
    broker.stop()
    again = system.start_broker(prefix=["env", "-C", somewhere], **options)
    assert len(again.records("new store")) == 1 and len(again.records("store")) == 1


def test_a_prompt_that_was_asked_for_and_is_not_there_is_refused_and_the_default_one_is_built_in(
    system):
    broker = system.start_broker(wait=False, agent_system_prompt_file=system.root / "mine.md")
    assert broker.wait(20) == 78 and "mine.md" in broker.log()
    broker = system.start_broker(agent_system_prompt_file=None)
    gate, script = system.gated_agent()
    system.start_worker(agent=script)
    system.publish([fault("web-0")])
    jobs = system.root / "workspace/w1/jobs"
    prompt = wait_until(lambda: list(jobs.glob("*/system-prompt.md")), 20, "fetched")[0]
    wait_until(lambda: prompt.read_bytes() == (
        ROOT / "configs/triage-system-prompt.md").read_bytes(), 10, "whole")
    gate.touch()
    broker.wait_terminal(1)


def test_every_link_of_an_installed_page_leads_to_a_file(tmp_path):
    install(tmp_path)
    pages = list((tmp_path / "share/doc/k8s-triage").rglob("*.md"))
    links = [(page, link) for page in pages
             for link in re.findall(r"\]\(([^):#]+)\)", page.read_text())]
    assert len(links) > 10
    assert [(str(page), link) for page, link in links if not (page.parent / link).is_file()] == []


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def libraries(program):
    """The files of the libraries that a program itself names, but for the C library."""
    named = set(re.findall(r"NEEDED +(\S+)", output("objdump", "-p", program)))
    if not named:
        return set()  # linked statically
    found = dict(re.findall(r"(\S+) => (\S+)", output("ldd", program)))
    return {found[name] for name in named if name in found and not name.startswith("libc.so")}


def owner(path):
    """The Debian package of a library; dpkg may know it by its name below /lib
    or below /usr/lib."""
    name = Path(path).resolve().name
    return {line.split(":")[0] for line in output("dpkg-query", "-S", f"*/{name}").splitlines()
            if line.split()[-1].removeprefix("/usr") == str(Path(path).resolve()).removeprefix(
                "/usr")}


NOT_LINKED = {"bubblewrap", "ca-certificates", "jq"}  # used, not linked


def test_the_readme_names_the_packages_of_a_host_that_only_runs_the_programs(tmp_path):
    install(tmp_path)
    told = re.search(r"needs the packages `([^`]+)`", (ROOT / "README.md").read_text())[1].split()
    used = set().union(*(libraries(program) for program in (tmp_path / "bin").iterdir()))
    assert set().union(*(owner(path) for path in used)) == set(told) - NOT_LINKED
