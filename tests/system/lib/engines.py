"""Container engines with a storage of their own, in namespaces of their own.

The namespaces are those of this thread and of what it starts: no network interface, no mount and
no rule of the host's firewall changes.
SPDX-License-Identifier: Apache-2.0
"""
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from lib.system import BIN, ROOT, wait_until

IMAGE = "triage-test:1"
NEWNS, NEWNET = 0x20000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)
CONTAINERS = """
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=8192:8192"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[engine.runtimes]
runc = ["/usr/sbin/runc", "/usr/bin/runc"]
"""
STORAGE = """
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""
DOCKERD = ["--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false"]


def need(name):
    """Skip where the engine is missing; tests/may-skip.txt says where that may be."""
    programs = {"podman": ["podman", "runc"], "docker": ["dockerd", "docker", "runc"]}[name]
    if not all(shutil.which(program) for program in programs):
        pytest.skip(f"{' and '.join(programs)} are needed")
    need_namespaces()


def need_namespaces():
    """The same where nobody may make namespaces for an engine."""
    tried = subprocess.run(["unshare", "-m", "-n", "true"], capture_output=True, check=False)
    if os.geteuid() != 0 or tried.returncode != 0:
        pytest.skip("root is needed, and its right to make namespaces")


def _must(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


@contextlib.contextmanager
def namespaces(network=True):
    """A mount namespace of one's own, and a network that has only a loopback, until the end."""
    kinds = {"mnt": NEWNS, **({"net": NEWNET} if network else {})}
    folder = os.getcwd()
    with contextlib.ExitStack() as stack:
        kept = {kind: stack.enter_context(open(f"/proc/thread-self/ns/{kind}", "rb"))
                for kind in kinds}
        _must(LIBC.unshare(sum(kinds.values())))
        try:
            _must(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None))
            if network:
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            for kind, file in kept.items():
                _must(LIBC.setns(file.fileno(), kinds[kind]))
            os.chdir(folder)


@contextlib.contextmanager
def running(name, folder):
    """An engine until the end, whatever happens; it may then have no container left."""
    engine = Engine(name, folder)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()


class Engine:
    """One engine; env leads to it."""

    def __init__(self, name, folder):
        self.name, self.folder, self.daemon = name, Path(folder), None
        self.folder.mkdir()
        self.env = {}
        if name == "podman":
            (self.folder / "containers.conf").write_text(CONTAINERS)
            (self.folder / "storage.conf").write_text(STORAGE.format(folder=self.folder))
            self.env = {"CONTAINERS_CONF": f"{self.folder}/containers.conf",
                        "CONTAINERS_STORAGE_CONF": f"{self.folder}/storage.conf",
                        "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}
        else:
            self.env = {"DOCKER_HOST": f"unix://{self.folder}/docker.sock",
                        "DOCKER_CONFIG": str(self.folder)}

    def start(self):
        if self.name == "podman":
            return
        with open(self.folder / "dockerd.log", "wb") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", "--data-root", self.folder / "data", "--exec-root",
                 self.folder / "exec", "--pidfile", self.folder / "pid",
                 "-H", self.env["DOCKER_HOST"], *DOCKERD],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(lambda: self.run("version", check=False).returncode == 0, 30, "dockerd")

    def run(self, *words, check=True, **options):
        """A command of the engine; what it said."""
        done = subprocess.run([self.name, *[str(word) for word in words]], capture_output=True,
                              text=True, check=False, stdin=subprocess.DEVNULL,
                              env={**os.environ, **self.env}, **options)
        assert not check or done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-4000:])
        return done

    def import_host(self, path):
        """An image without a program: those of the host are mounted into it; see mounts()."""
        tree = self.folder / "tree"
        for name in ("usr", "etc/alternatives", "proc", "tmp", "dev", "sys", "work"):
            (tree / name).mkdir(parents=True)
        for name in ("bin", "sbin", "lib", "lib64"):
            (tree / name).symlink_to("usr/" + name)
        subprocess.run(["tar", "-C", tree, "-cf", self.folder / "tree.tar", "."], check=True)
        self.run("import", "--change", f"ENV PATH={path}", self.folder / "tree.tar", IMAGE)

    def can_hang(self):
        """Put a program before it; while the file exists, it lists and removes nothing."""
        program, slow = shutil.which(self.name), self.folder / "slow"
        shutil.copy(program, self.folder / "program")
        before = self.folder / "before"
        before.write_text(f'#!/bin/sh\ncase $1 in ps | rm) [ ! -e {slow} ] || sleep 60 ;; esac\n'
                          f'exec {self.folder}/program "$@"\n')
        before.chmod(0o755)
        _must(LIBC.mount(str(before).encode(), program.encode(), None, MS_BIND, None))
        return slow

    def containers(self):
        """The names of all, also of those that have ended."""
        return self.run("ps", "--all", "--format", "{{.Names}}").stdout.split()

    def inspect(self, container):
        return json.loads(self.run("inspect", container).stdout)[0]

    def close(self):
        try:
            left = self.containers()
            if left:
                self.run("rm", "--force", *left)
        finally:
            self._stop()
        assert not left, left

    def _stop(self):
        if not self.daemon:
            subprocess.run(["umount", "-q", self.folder / "storage/overlay"], check=False,
                           stderr=subprocess.DEVNULL)
            return
        self.daemon.send_signal(signal.SIGTERM)
        try:
            self.daemon.wait(60)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()


def mounts():
    """The host's programs and this checkout, as agent_read_paths."""
    return ":".join(str(path) for path in ("/usr", "/etc/alternatives", ROOT, BIN))
