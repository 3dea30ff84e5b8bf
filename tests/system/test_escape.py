"""An agent that wants out of its box. What a runtime names as open must be open, all else closed.
SPDX-License-Identifier: Apache-2.0
"""
import functools
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from lib import engines, runs
from lib.system import BIN, ROOT as ROOT_FOLDER, SLOW, sanitizer_options

HOST = Path(__file__).parent / "peers/escape_host.py"
ROOT = os.geteuid() == 0
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

# Attempts that no runtime lets through: the agent is not root and has no capability.
NEVER = {"make_a_device", "become_root", "raw_socket", "packet_socket", "mount"}
# Which holes let an attempt through, besides `all`.
THROUGH = {
    "see_a_name": {"metadata"}, "hide_room": {"hidden-room"},
    "change_a_mode": {"own-files"}, "change_a_time": {"own-files"},
    "see_processes": {"processes"},
    "signal_it": {"signals"}, "signal_the_supervisor": {"signals"},
    "tcp_broker": {"tcp", "network"}, "tcp_metadata": {"tcp", "network"},
    "tcp_at_the_gateways_port": {"tcp", "tcp-ports", "network"},
    "multipath_tcp": {"network"}, "tcp_by_sending": {"network"}, "tcp_listen": {"network"},
    "udp": {"network"}, "abstract_socket": {"network"}}
# What `none` shows: each of these is open there, or the attempt itself is at fault.
OPEN_WITHOUT_A_BOX = {
    "write_outside", "read_outside", "read_neighbour", "write_neighbour", "read_through_a_link",
    "hard_link", "rename_out", "rename_in", "truncate", "truncate_by_reading",
    "truncate_by_no_mode", "take_a_descriptor", "see_a_name",
    "change_a_mode", "change_a_time", "see_processes", "read_environment", "read_memory",
    "go_by_its_root", "trace", "trace_a_child", "signal_it", "limit_it", "slow_it",
    "bind_it_to_a_cpu", "gain_by_a_program", "keyring", "memory_that_stays",
    "memory_of_others", "tcp_broker", "tcp_at_the_gateways_port", "tcp_listen", "udp",
    "engine_socket", "datagram_by_a_pair", "abstract_socket"}
# Of these, what an engine forbids in its containers, where the tests may run.
FORBIDDEN_IN_CONTAINERS = {"keyring"}
RUNS = [("none", 0, "gateway"), ("bwrap", 0, "gateway"), ("bwrap", 0, "host"),
        ("landlock", 0, "gateway"), ("landlock", 0, "host"), ("landlock", 5, "gateway"),
        ("landlock", 3, "gateway"), ("landlock", 2, "gateway"), ("landlock", 1, "gateway")]


@pytest.fixture
def folder():
    """A folder that the agent's user can pass, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="triage-escape-"))
    path.chmod(0o711)
    yield path
    subprocess.run(["chmod", "-R", "u+rwx", path], check=True)  # the agent has closed a part
    shutil.rmtree(path)


@functools.cache
def own_network():
    """The words that give a command a network namespace of its own, where that can be."""
    words = ("unshare", "-n", "env", "OWN_NETWORK=1")
    tried = ROOT and subprocess.run([*words, "true"], capture_output=True, check=False)
    return words if tried and tried.returncode == 0 else ()


def is_filtered():
    """Does a filter of system calls bind these tests?"""
    return "\nSeccomp:\t2" in Path("/proc/self/status").read_text()


def escape(folder, runtime, abi=0, network="gateway", prefix=()):
    """What came of it: see escape_host.py."""
    prefix = prefix or own_network()
    words = [*prefix, "/usr/bin/python3", HOST, BIN, folder, runtime, abi, network]
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", **sanitizer_options()}
    run = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                         timeout=60 * SLOW, env=environment, stdin=subprocess.DEVNULL)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def judge(found):
    """Named and open are the same."""
    attempts, holes = found["attempts"], set(found["holes"])
    assert found["run"]["exit_code"] == 0, found
    opened = {name for name, said in attempts.items() if said == "open"}
    for name in opened:
        assert holes & ({"all"} | THROUGH.get(name, set())), (name, holes, attempts)
    assert not opened & NEVER, opened & NEVER
    for hole in holes - {"all"}:
        assert any(hole in THROUGH.get(name, set()) for name in opened), (hole, attempts)
    if "all" in holes:
        expected = OPEN_WITHOUT_A_BOX - (FORBIDDEN_IN_CONTAINERS if is_filtered() else set())
        assert not expected - opened, {name: attempts[name] for name in expected - opened}
    assert found["left"] == []
    assert found["victim"] is None, "the victim has ended"


def need(runtime, prefix=()):
    """Without a box, triage-enter changes the user all the same."""
    runs.need("landlock" if runtime == "none" and ROOT else runtime, prefix)


@pytest.mark.parametrize("runtime,abi,network", RUNS, ids=str)
def test_only_what_is_named_is_open(folder, runtime, abi, network):
    need(runtime)
    judge(escape(folder, runtime, abi, network))


@pytest.mark.parametrize("runtime", ["bwrap", "landlock"])
def test_the_same_for_a_worker_that_is_not_root(folder, runtime):
    """bwrap then needs a user namespace; the supervisor belongs to the agent's user."""
    if not ROOT:
        pytest.skip("all tests show it")
    need(runtime, NOBODY)
    need("landlock")
    os.chown(folder, 65534, 65534)
    judge(escape(folder, runtime, prefix=NOBODY))


CONTAINERS = """
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=8192:8192"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
STORAGE = """
[storage]
driver = "vfs"
graphroot = "{folder}/storage"
runroot = "{folder}/podman"
"""


@pytest.fixture
def podman(folder):
    """What comes before words to podman, whose image `escape:1` has links and nothing else."""
    engines.need("podman")
    (folder / "containers.conf").write_text(CONTAINERS)
    image = folder / "image"
    for name in ("usr", "etc", "proc", "tmp", "dev", "sys"):
        (image / name).mkdir(parents=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (image / name).symlink_to("usr/" + name)
    subprocess.run(["tar", "-C", image, "-cf", folder / "image.tar", "."], check=True)
    (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
    prefix = ["unshare", "-n", "-m", "env", "OWN_NETWORK=1",
              f"CONTAINERS_CONF={folder}/containers.conf",
              f"CONTAINERS_STORAGE_CONF={folder}/storage.conf"]
    subprocess.run([*prefix, "podman", "import", "-q", folder / "image.tar", "escape:1"],
                   check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return prefix


def test_landlock_in_a_container_without_any_right(folder, podman):
    """As a worker in a pod: no capability, no namespace, not root."""
    work = folder / "work"
    work.mkdir()
    os.chown(work, 65534, 65534)
    mounts = [f"-v={path}:{path}:ro" for path in ("/usr", "/etc", ROOT_FOLDER, BIN)]
    prefix = [*podman, "podman", "run", "--rm", "--network=none", "--cap-drop=ALL", "--read-only",
              "--security-opt=no-new-privileges", "--user=65534:65534", *mounts,
              f"-v={work}:{work}", "escape:1"]
    judge(escape(work, "landlock", prefix=prefix))


@pytest.mark.nightly
def test_the_same_in_podman(folder, podman):
    judge(escape(folder, "podman", prefix=podman))
