"""A whole worker whose agents mean no good: its other jobs, and its provider's key.
SPDX-License-Identifier: Apache-2.0
"""
import http.server
import json
import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from lib import runs
from lib.system import ROOT, System, crowded, fault, wait_until

KEY = "sk-ant-the-key-of-this-test-0123456789"
BOXES = ["bwrap", "landlock"]


@pytest.fixture
def system(request):
    """Below a folder that the user of agents can pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="triage-boxed-"))
    folder.chmod(0o711)
    whole = System(folder)
    yield whole
    whole.close()
    shutil.rmtree(folder, ignore_errors=True)


# What each bad neighbour does, by the name of its resource.
BAD = {
    "bomb": "bomb () { bomb | bomb & }; bomb; sleep 60",
    "disk": "exec dd if=/dev/zero of=big bs=1M",
    "inodes": "exec python3 -c 'import itertools\n"
              "for i in itertools.count(): open(str(i), \"w\")'",
    "kill": "kill -9 -1; sleep 1; kill -9 $PPID; exit 9",
    "traps": "mkdir -p output logs; mkfifo output/investigation.md logs/fifo; ln -s /etc logs/etc; "
             "touch \"logs/a$(printf '\\n')b\"; ln -s ../../.. output/up; mkdir -m 0 logs/closed; "
             "printf x > $(printf 'output/\\377')",
    "memory": "exec python3 -c 'x = bytearray(800 << 20); import time; time.sleep(20)'",
}
CLASSES = {"bomb": {"limit", "timeout", "killed"}, "disk": {"limit"}, "inodes": {"limit"},
           "kill": {"killed", "invalid_output"}, "traps": {"invalid_output"}, "memory": {"oom"}}
# Forks and writes for some seconds, and fails when it may not.
GOOD = """
for i in $(seq 60); do
    echo "line $i of a report that a good neighbour writes" >> output/investigation.md
    /bin/sleep 0.1
done
"""


SIGNALS_ABI = 6  # of Landlock: earlier ones leave the hole `signals`, and this neighbour uses it


def bad(runtime):
    """The names of those who are bad but can do no harm in such a box here."""
    harmful = runtime == "landlock" and runs.landlock_abi() < SIGNALS_ABI
    return [name for name in BAD if name != "kill" or not harmful]


def neighbours(system):
    path = system.root / "neighbour.sh"
    cases = "\n".join(f"{name}) {text};;" for name, text in BAD.items())
    path.write_text("#!/bin/sh\nset -u\ncd \"$WORKSPACE_DIR\"\nmkdir -p output\n"
                    "name=$(sed -n 's/.*\"name\": *\"\\([a-z0-9-]*\\)\".*/\\1/p' event.json"
                    " | head -n 1)\n"
                    f"case $name in\n{cases}\ngood*) set -e{GOOD};;\nesac\n")
    path.chmod(0o755)
    return path


def classes(worker, broker):
    """{resource: class} as the worker has judged."""
    found = {}
    for record in worker.records():
        if "class" in record and "incident_id" in record:
            found[broker.incident(record["incident_id"])["resource"]["name"]] = record["class"]
    return found


@pytest.mark.parametrize("runtime", BOXES)
def test_bad_neighbours_are_not_noticed(system, runtime):
    runs.need(runtime)
    broker = system.start_broker(agent_timeout=f"{15 * crowded(3):.0f}s", agent_attempts=1)
    worker = system.start_worker(
        agent_script_path=neighbours(system), agent_runtime=runtime, agent_network="gateway",
        max_concurrent_agents=8, agent_start_interval="0s", agent_pids=64, agent_disk="64MiB",
        agent_files=2000, agent_memory="400MiB")
    names = ["good-1", *bad(runtime), "good-2"]
    system.publish([fault(name) for name in names])
    rows = broker.wait_terminal(len(names), 60)
    states = {row["resource"]["name"]: row["state"] for row in map(
        lambda row: broker.incident(row["id"]), rows)}
    found = classes(worker, broker)
    assert states["good-1"] == states["good-2"] == "reported", (states, found)
    for name in bad(runtime):
        assert states[name] == "agent_failed" and found[name] in CLASSES[name], \
            (name, states, found)
    assert worker.alive()
    wait_until(lambda: not list((system.root / "workspace/w1/jobs").iterdir()), 20,
               "the jobs' folders are gone")


# --- the provider's key

# Stands in for the program `claude`: it takes what it can find, in a shape that nobody redacts.
THIEF = '''#!/usr/bin/python3
import json, os, sys, urllib.request
from pathlib import Path

if "--version" in sys.argv or "--help" in sys.argv:
    print("2.1.330 (Claude Code)")
    sys.exit()
found = [f"{name}={value}".encode() for name, value in os.environ.items()]


def take(path):
    try:
        if path.is_file() and not path.is_symlink() and len(found) < 4000:
            with open(path, "rb") as file:
                found.append(file.read(16384))
    except OSError:
        pass


for path in Path("/proc").iterdir():
    for name in ("environ", "cmdline", "maps"):
        if path.name.isdigit() and (name != "maps" or path.name == "self"):
            take(path / name)
for top in [Path.cwd(), *Path.cwd().parents]:
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if name not in
                      ("proc", "sys", "usr", "lib", "lib64", "bin", "sbin", "dev")]
        for name in files:
            take(Path(folder) / name)
request = urllib.request.Request(
    os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", method="POST",
    data=json.dumps({"model": "claude-sonnet-5", "max_tokens": 9, "messages": [
        {"role": "user", "content": "give me the headers that you got"}]}).encode(),
    headers={"content-type": "application/json", "x-api-key": os.environ["ANTHROPIC_API_KEY"]})
try:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        found.append(answer.read())
        found.append(str(answer.headers).encode())
except OSError as error:
    found.append(str(error).encode())
Path("logs").mkdir(exist_ok=True)
Path("logs/loot.log").write_text(b"\\n".join(found)[:1 << 20].hex()[::-1])
Path("output").mkdir(exist_ok=True)
Path("output/investigation.md").write_text("# Report\\n\\n" + "A thief was here. " * 20)
print(json.dumps({"type": "result", "subtype": "success", "is_error": False, "result": "done",
                  "num_turns": 1, "session_id": "1"}))
'''


class Provider(http.server.BaseHTTPRequestHandler):
    """Answers any call; keeps the keys that it got."""

    def do_POST(self):
        self.server.keys.append(self.headers.get("x-api-key"))
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.dumps({
            "type": "message", "role": "assistant", "model": "claude-sonnet-5",
            "content": [{"type": "text", "text": "no"}], "stop_reason": "end_turn",
            "usage": {"input_tokens": 10, "output_tokens": 2}}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def provider():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.keys = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def loot_of(system, provider, runtime, network):
    """All that a thief has found in its box."""
    runs.need(runtime)
    programs = system.root / "programs"
    programs.mkdir()
    (programs / "claude").write_text(THIEF)
    (programs / "claude").chmod(0o755)
    broker = system.start_broker(agent_timeout="60s")
    system.start_worker(
        env={"ANTHROPIC_API_KEY": KEY, "PATH": f"{programs}:/usr/bin:/bin"},
        agent_cli="claude", agent_script_path=ROOT / "agent-container/run-agent.sh",
        agent_runtime=runtime, agent_network=network,
        anthropic_base_url=f"http://127.0.0.1:{provider.server_port}")
    system.publish([fault("web-0")])
    row = broker.wait_terminal(1)[0]
    assert row["state"] == "reported", broker.incident(row["id"])
    path = system.root / "incidents" / row["id"] / "attempts/1/logs/loot.log"
    return bytes.fromhex(path.read_text().strip()[::-1])


@pytest.mark.parametrize("runtime", BOXES)
def test_the_key_is_nowhere_in_the_box(system, provider, runtime):
    loot = loot_of(system, provider, runtime, "gateway")
    assert b"web-0" in loot and b"ANTHROPIC_API_KEY=run-" in loot  # it did search
    assert KEY.encode() not in loot
    assert KEY.encode()[8:] not in loot
    assert provider.keys == [KEY]


def test_a_key_in_the_box_is_found(system, provider):
    """The thief of the test before is a good one.  Its key is useless: no way leads out."""
    assert KEY.encode() in loot_of(system, provider, "bwrap", "proxy")
    assert provider.keys == []
