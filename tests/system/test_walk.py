"""A newcomer's walk: each command that README.md and --help print is run as printed.

Only names of hosts, ports and /etc/triage are put in their place; ports that are not printed come
by the environment.  What is no command must be listed here, so that a misspelt one does not pass
for a picture.
SPDX-License-Identifier: Apache-2.0
"""
import json
import os
import re
import shutil
import subprocess

import pytest

from lib import claude
from lib.clis import KUBECTL, KubeApi
from kube_api import TOKEN
from lib.system import BIN, ROOT, SLOW, Process, System, fault, free_port, sanitizer_options, \
    wait_until
from test_flow import FaultServer

PROGRAMS = {"make", "triage-broker", "triage-worker", "triage-publisher", "triage-tap",
            "triage-preview", "triagectl"}
OTHERS = {"kubectl"}  # a pipeline begins with it
#  how indented blocks begin that are no commands, or one for root
PICTURES = ("kubernetes-mcp-server(s)", "incidents/<id>/event.json")
ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=\S*\s+")
RECORDER = "some-recorder | "  # stands for whatever writes events


def program_of(command):
    rest = command.removeprefix(RECORDER)
    while ASSIGNMENT.match(rest):
        rest = rest[ASSIGNMENT.match(rest).end():]
    return rest.split()[0] if rest.split() else ""


def commands_of(block):
    """The commands of an indented block; [] when it is one of the pictures."""
    text = "\n".join(line.strip() for line in block).replace("\\\n", "")
    if text.startswith(PICTURES):
        return []
    return text.splitlines()


def readme():
    """{section: [command]} in order."""
    sections, title, block = {}, "", []
    for line in (ROOT / "README.md").read_text().splitlines() + [""]:
        if re.match(r" {4,}\S", line):
            block.append(line)
            continue
        if block:
            sections.setdefault(title, []).extend(commands_of(block))
        block = []
        if line.startswith("## "):
            title = line[3:]
    return sections


def help_of(program):
    done = subprocess.run([BIN / program, "--help"], capture_output=True, text=True,
                          timeout=30, env={})
    assert done.returncode == 0 and not done.stderr
    examples = done.stdout.split("\nExamples:\n", 1)[1].split("\n\n", 1)[0]
    return [line.strip() for line in examples.splitlines()]


def stays(command):
    """Does it run until it is stopped?"""
    asked = re.search("--(check-config|check-agent|print-config|count)", command)
    program = program_of(command)
    return not asked and (program in ("triage-broker", "triage-worker", "triage-tap",
                                      "triage-preview") or "--serve" in command)


class Walk:
    """A folder like a fresh checkout after make build, and the network of a machine
    that nobody shares."""

    def __init__(self, system):
        self.system, self.here, self.running = system, system.root / "checkout", {}
        self.started = 0
        (self.here / "build/release").mkdir(parents=True)
        (self.here / "build/release/bin").symlink_to(BIN)
        for name in ("configs", "agent-container"):
            shutil.copytree(ROOT / name, self.here / name)
        recorder = system.root / "bin/some-recorder"
        recorder.parent.mkdir()
        recorder.write_text("#!/bin/sh\nexec cat configs/demo/staging-eu.jsonl\n")
        recorder.chmod(0o755)
        self.ports = {name: free_port() for name in ("work", "stream", "ingest", "files", "admin",
                                                     "preview", "serve")}
        endpoint = {name: f"tcp://127.0.0.1:{port}" for name, port in self.ports.items()}
        self.env = {"PATH": f"{self.here}/build/release/bin:{recorder.parent}:/usr/bin:/bin",
                    "HOME": str(system.root),
                    "LANG": "C.UTF-8", "TRIAGE_TEST_ROOT": str(system.root),
                    "TRIAGE_WORK_ENDPOINT": endpoint["work"],
                    "TRIAGE_STREAM_ENDPOINT": endpoint["stream"],
                    "TRIAGE_INGEST_ENDPOINT": endpoint["ingest"],
                    "TRIAGE_FILES_ENDPOINT": endpoint["files"],
                    "TRIAGE_ADMIN_LISTEN": f"127.0.0.1:{self.ports['admin']}",
                    "TRIAGE_BROKER_ENDPOINT": endpoint["work"],
                    "TRIAGE_BROKER_FILES_ENDPOINT": endpoint["files"],
                    "TRIAGE_LISTEN": f"127.0.0.1:{self.ports['preview']}",
                    "TRIAGE_URL": f"http://127.0.0.1:{self.ports['admin']}", **sanitizer_options()}
        self.places = {"0.0.0.0:5570": f"0.0.0.0:{self.ports['work']}",
                       "0.0.0.0:5573": f"0.0.0.0:{self.ports['files']}",
                       "broker:5570": f"127.0.0.1:{self.ports['work']}",
                       "broker:5573": f"127.0.0.1:{self.ports['files']}",
                       "127.0.0.1:8080": f"127.0.0.1:{self.ports['serve']}",
                       "127.0.0.1:5590": f"127.0.0.1:{self.ports['preview']}",
                       "/etc/triage": str(system.root / "etc")}

    def run(self, command):
        """Run it to its end, or until it is up; what it printed on stdout."""
        for printed, real in self.places.items():
            command = command.replace(printed, real)
        if not stays(command):
            done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True,
                                  timeout=100 * SLOW, cwd=self.here,
                                  env=self.env, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, (command, done.stdout, done.stderr)
            return done.stdout
        self.started += 1
        name = f"{program_of(command)}-{self.started}"
        ready = self.system.root / f"{name}.ready"
        process = Process(self.system, name, ["/bin/bash", "-c", "exec env " + command],
                          env={**self.env, "TRIAGE_READY_FILE": str(ready)}, cwd=self.here)
        wait_until(lambda: ready.exists() or not process.alive(), 60, f"{command} is up")
        assert ready.exists(), (command, process.log_tail())
        self.running[command] = process
        return ""

    def stop(self):
        """Everything that was left running ends in order."""
        for process in reversed(list(self.running.values())):
            process.stop(timeout_s=60)
        self.running = {}

    def incidents(self):
        return json.loads(self.run("triagectl incidents list -o json"))


@pytest.fixture
def walk(tmp_path):
    """The end of a walk: nothing is left."""
    system = System(tmp_path)
    yield Walk(system)
    system.close()


def test_every_block_of_the_readme_is_commands_or_a_picture():
    sections = readme()
    assert {program_of(command) for commands in sections.values()
            for command in commands} <= PROGRAMS | OTHERS, sections
    assert set(sections) == {"Two commands", "How it flows", "On one machine",
                             "A report on your own cluster", "Run it for real",
                             "What an incident leaves", "Replay"}


def test_two_commands():
    """The tests are one of them, the other one is a step of theirs."""
    commands = readme()["Two commands"]
    assert [command.split("#")[0].strip() for command in commands] == ["make demo", "make test"]
    for command in commands:
        subprocess.run(["/bin/bash", "-c", command.replace("make", "make --dry-run")], check=True,
                       cwd=ROOT, timeout=60, stdout=subprocess.DEVNULL)
    assert "make --no-print-directory demo" in (ROOT / "scripts/test.sh").read_text()


def test_configuring_again_builds_nothing_again(tmp_path):
    """make configures each time; flags that changed by it made the second make demo
    a build of everything."""
    seen = []
    for _ in range(2):
        subprocess.run(["cmake", "--preset", "release", "-B", tmp_path], check=True,
                       capture_output=True, cwd=ROOT, timeout=120)
        lines = (tmp_path / "build.ninja").read_text().splitlines()
        seen.append([line for line in lines
                     if re.match(r"  (FLAGS|INCLUDES|DEFINES|LINK_FLAGS|LINK_LIBRARIES) =", line)])
    assert len(seen[0]) > 100 and seen[0] == seen[1]


def test_on_one_machine_and_replay(walk):
    sections = readme()
    for command in sections["On one machine"]:
        if command.startswith("triagectl incidents show"):
            wait_until(lambda: {row["state"] for row in walk.incidents()} == {"reported"}, 90,
                       "reports")
        walk.run(command)
    count = len(walk.incidents())
    assert count >= 10
    replay = sections["Replay"]
    for command in replay[:2]:
        walk.run(command)
    assert len(walk.incidents()) == count and "Traceback" not in walk.run("triagectl status")
    walk.stop()
    for name in ("state", "incidents", "workspace"):
        shutil.rmtree(walk.here / name)
    for command in replay[2:]:  # recorded faults as an MCP server, and a broker that listens to it
        walk.run(command)
    wait_until(lambda: {row["cluster"] for row in walk.incidents()} == {"prod-us-east-1"}, 60,
               "served")
    walk.stop()


def test_a_report_on_your_own_cluster(walk, tmp_path):
    """The unmodified Claude Code and kubectl; provider and API server are ours."""
    provider, api = claude.provider(), KubeApi(tmp_path)
    folder, programs = walk.system.root / "etc", walk.system.root / "bin"
    folder.mkdir()
    (folder / "key").write_text(f"{claude.KEY}\n")
    api.kubeconfig(folder / "agent.kubeconfig")
    for program in (claude.PROGRAM, KUBECTL):
        (programs / program.name).symlink_to(program)
    walk.env |= {"ANTHROPIC_BASE_URL": provider.url, "AGENT_RUNTIME": "bwrap",
                 "KUBECONFIG": str(folder / "agent.kubeconfig")}
    for command in readme()["A report on your own cluster"]:
        if command == "triagectl incidents list":
            wait_until(lambda: [row["state"] for row in walk.incidents()] == ["reported"],
                       200 * SLOW, "the report")
        said = walk.run(command)
        if "--check-agent" in command:
            assert re.search(r"(?m)^ready +yes", said), said
    assert re.search(r"(?m)^folder +(\S+)", said)
    walk.stop()
    assert {call.key for call in provider.made()} == {claude.KEY}
    provider.close()
    api.close()


def blocks_of(page, heading):
    """The indented blocks below a heading."""
    part = (ROOT / page).read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return ["\n".join(line[4:] for line in block.splitlines())
            for block in re.findall(r"(?m)(?:^ {4}.*\n)+", part)]


def test_the_kubeconfig_of_agents(tmp_path):
    """The account is as kubectl wants it, and the file that is made reads the cluster.  Only the
    token comes from elsewhere: the API server of the test issues none."""
    api = KubeApi(tmp_path)
    account, file = blocks_of("docs/operations.md", "What a worker's host needs")
    env = {"PATH": f"{KUBECTL.parent}:/usr/bin:/bin", "HOME": str(tmp_path),
           "KUBECONFIG": str(api.kubeconfig(tmp_path / "admin.kubeconfig"))}

    def run(text):
        return subprocess.run(["/bin/bash", "-e", "-c", text], capture_output=True, text=True,
                              check=True, cwd=tmp_path, env=env, timeout=60).stdout
    dry = "\n".join(f"{line} --dry-run=client -o name" for line in account.splitlines())
    assert len(run(dry).split()) == 5
    run('kubectl () { [ "$1 $2" = "create token" ] && echo ' + TOKEN + ' || command kubectl "$@"; }'
        "\n" + file)
    made = tmp_path / "agent.kubeconfig"
    assert made.stat().st_mode & 0o77 == 0
    assert "checkout-7d9f" in run(f"kubectl --kubeconfig {made} get pods --all-namespaces")
    checked = subprocess.run([BIN / "triage-worker", "--check-agent", "--kubeconfig", made,
                              "--agent-cli", "playbook"], capture_output=True, text=True,
                             cwd=ROOT, env={**env, **sanitizer_options()}, timeout=60)
    assert re.search(r"(?m)^ready +yes", checked.stdout), checked.stdout
    api.close()


def test_run_it_for_real(walk):
    server = FaultServer(walk.system, "")
    walk.places["mcp.example.com:8080"] = server.address
    os.makedirs(walk.system.root / "etc")
    (walk.system.root / "etc/key").write_text("sk-ant-none\n")
    (walk.system.root / "etc/key").chmod(0o600)
    (walk.system.root / "etc/agent.kubeconfig").write_text("apiVersion: v1\nkind: Config\n")
    for command in readme()["Run it for real"]:
        walk.run(command)
        if program_of(command) == "triage-broker":
            wait_until(lambda: [cluster
                                for cluster in json.loads(walk.run("triagectl clusters -o json"))
                                if cluster["mcp"]["state"] == "active"], 30, "MCP")
            server.emit([fault("web-0")])
            wait_until(walk.incidents, 30, "the incident")
        elif program_of(command) == "triage-worker":
            wait_until(lambda: json.loads(walk.run("triagectl workers -o json")), 30,
                       "the worker has joined")
    walk.stop()


@pytest.mark.parametrize("program", sorted(PROGRAMS - {"make"}))
def test_examples_of_help(walk, program):
    server = FaultServer(walk.system, "")
    walk.places["mcp.example.com:8080"] = server.address
    examples = help_of(program)
    shown = subprocess.run([BIN / program, "--help"], capture_output=True, text=True, timeout=30,
                           env={}).stdout
    assert not [line for line in shown.splitlines() if line != line.rstrip()]
    assert examples and {program_of(command) for command in examples} <= PROGRAMS
    brokers = [command for command in examples if program_of(command) == "triage-broker"]
    if not brokers:  # it wants one
        walk.run("triage-broker")
    if program in ("triagectl", "triage-tap"):
        walk.run("triage-publisher configs/demo/*.jsonl")
    for command in examples:
        before = dict(walk.running)
        walk.run(command)
        if program != "triage-preview":  # its examples belong together
            for name in set(walk.running) - set(before):
                walk.running.pop(name).stop(timeout_s=60)
    walk.stop()


@pytest.mark.parametrize("program", sorted(PROGRAMS - {"make"}))
def test_help_fits_a_terminal(program):
    """Broken by the terminal, it is broken inside words, and its columns are lost."""
    text = subprocess.run([BIN / program, "--help"], capture_output=True, text=True, timeout=30,
                          env={}).stdout
    #  a list of values is one word
    assert not [line for line in text.splitlines() if len(line) > 80 and len(line.split()) > 2]


def test_help_of_triagectl_names_every_command_that_there_is(walk):
    text = subprocess.run([BIN / "triagectl", "--help"], capture_output=True, text=True, timeout=30,
                          env={}).stdout
    lines = text.split("\nCommands:\n", 1)[1].split("\n\n", 1)[0].splitlines()
    words = [re.split(r"  +", line.strip())[0] for line in lines]
    assert len(words) > 12 and len(words) == len(set(words))
    walk.run("triage-broker")
    walk.run("triage-publisher configs/demo/*.jsonl")
    values = {"ID": "1", "[ID...]": "1", "ID...": "1", "NAME...": "nobody", "-- WORD...": "-- inc"}
    for usage in words:
        command = "triagectl " + " ".join(values.get(word, word)
                                          for word in re.split(r" (?=[\[A-Z-])", usage, maxsplit=1))
        done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True,
                              timeout=60, cwd=walk.here, env=walk.env)
        usual = {"incidents retry": 1, "effects retry": 1, "effects cancel": 1, "workers drain": 4,
                 "workers resume": 4, "key new": 2, "routes test": 2,
                 "breaker probe": 1}
        expected = next((code for start, code in usual.items() if usage.startswith(start)), 0)
        assert done.returncode == expected, (command, done)
    walk.stop()
