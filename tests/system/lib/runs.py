"""Single runs by triage-run itself, without a worker.
SPDX-License-Identifier: Apache-2.0
"""
import ctypes
import functools
import glob
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

BIN = Path(os.environ.get("TRIAGE_BIN", "build/debug/bin")).resolve()
CHECKOUT = Path(__file__).resolve().parents[3]
NOBODY = 65534
CAP_SYS_PTRACE = 19
LANDLOCK_CREATE_RULESET, LANDLOCK_VERSION = 444, 1
MIB = 1024 * 1024


def runtimes():
    """The runtimes of one host that are tested: those that start in a few milliseconds."""
    return ["none", "landlock", "bwrap"]


def box(runtime):
    """The flags of a box of this runtime for an agent that is not root."""
    words = ["--runtime", runtime]
    if runtime != "none" and os.geteuid() == 0:
        words += ["--user", f"{NOBODY}:{NOBODY}"]
    return words


def landlock_abi():
    """0: the kernel has no Landlock."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, libc.syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0),
                               LANDLOCK_VERSION))


def closed():
    """A folder above programs and scripts that the user of agents cannot pass; None: they are
    open."""
    paths = [BIN, *BIN.parents, CHECKOUT, *CHECKOUT.parents]
    return next((path for path in paths if not path.stat().st_mode & 0o001), None)


@functools.cache
def refusal(runtime, prefix=()):
    """Why this machine lets nobody make such a box, whatever our programs do; "": it does.
    prefix: words that choose another user."""
    if runtime == "bwrap" and not shutil.which("bwrap"):
        return "bwrap is not installed"
    if runtime == "bwrap":
        words = ["bwrap", "--unshare-pid", "--unshare-ipc", "--unshare-net", "--ro-bind", "/", "/",
                 "--proc", "/proc", "--dev", "/dev"]
        if prefix or os.geteuid() != 0:
            words.append("--unshare-user")
        tried = subprocess.run([*prefix, *words, "true"], capture_output=True, text=True,
                               stdin=subprocess.DEVNULL, check=False)
        return "" if tried.returncode == 0 else f"no namespaces can be had: {tried.stderr}"
    if runtime == "landlock" and landlock_abi() == 0:
        return "the kernel has no Landlock"
    if runtime == "landlock" and os.geteuid() == 0 and closed():
        return f"the user of agents cannot pass {closed()}"
    return ""


def need(runtime, prefix=()):
    """Skip where this machine has no such box; tests/may-skip.txt says where that may be."""
    why = refusal(runtime, prefix)
    if why:
        pytest.skip(why)


def need_to_look():
    """Skip where root may not look into processes of other users."""
    text = Path("/proc/self/status").read_text()
    capabilities = int(text.partition("CapEff:")[2].split()[0], 16)
    if os.geteuid() == 0 and not capabilities & 1 << CAP_SYS_PTRACE:
        pytest.skip("processes of agents cannot be looked into without CAP_SYS_PTRACE")


def command(folder, script, *flags, timeout_ms=60000, grace_ms=2000, shell="/bin/sh"):
    """The words that run the shell script in folder/ws; its results lie in folder."""
    workspace = folder / "ws"
    workspace.mkdir(exist_ok=True)
    return [BIN / "triage-run", "--workspace", workspace, "--timeout-ms", timeout_ms, "--grace-ms",
            grace_ms, "--stdout", folder / "out", "--stderr", folder / "err", "--result",
            folder / "run.json", *flags, "--", shell, "-c", script]


def start(folder, script, *flags, **options):
    words = [str(word) for word in command(folder, script, *flags, **options)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            env={"PATH": "/usr/bin:/bin", "WORKSPACE_DIR": str(folder / "ws")})


def run(folder, script, *flags, **options):
    """Run it to its end; run.json."""
    process = start(folder, script, *flags, **options)
    try:
        process.stdout.read()
        assert process.wait(120) == 0
    finally:
        process.stdin.close()
        process.kill()
        process.wait()
    return json.loads((folder / "run.json").read_text())


def cgroups(part=""):
    """The cgroups of runs that are there, whose names contain part."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words, _, rest = line.partition(" - ")
        if rest.startswith("cgroup"):
            base = words.split()[4]
            found += [path for path in glob.glob(f"{base}/**/triage-*/", recursive=True)
                      if part in path]
    return sorted(found)
