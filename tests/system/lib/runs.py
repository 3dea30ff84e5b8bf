"""Single runs by triage-run itself, without a worker.
SPDX-License-Identifier: Apache-2.0
"""
import glob
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

BIN = Path(os.environ.get("TRIAGE_BIN", "build/debug/bin")).resolve()
NOBODY = 65534
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


def need(runtime):
    """Skip where this runtime does not start; tests/may-skip.txt says where that may be."""
    if runtime == "bwrap" and not shutil.which("bwrap"):
        pytest.skip("bwrap is not installed")


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
