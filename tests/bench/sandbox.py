#!/usr/bin/python3
"""What a run costs in each runtime: triage-run with /bin/true, the median of 20.

    tests/bench/sandbox.py BIN [--image IMAGE] [RUNTIME...]

The runtimes take turns, so that a busy machine slows all of them. Needs no worker and no broker.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 20
NOBODY = 65534


def words(binaries, folder, runtime, image):
    flags = ["--workspace", folder, "--timeout-ms", 60000, "--grace-ms", 1000,
             "--stdout", folder / "out.log", "--stderr", folder / "err.log",
             "--result", folder / "run.json", "--runtime", runtime, "--image", image,
             "--name", f"triage-agent-bench-{os.getpid()}"]
    if os.geteuid() == 0 and runtime != "none":
        flags += ["--user", f"{NOBODY}:{NOBODY}"]
    return [str(word) for word in [binaries / "triage-run", *flags, "--", "/bin/true"]]


def run_ms(command):
    """Wall time of one run; None when it failed."""
    start = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        out = run.stdout.read()
        run.wait()
    took = (time.monotonic() - start) * 1000
    return took if b'"exit_code":0' in out else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin", type=Path)
    parser.add_argument("--image", default="k8s-triage-agent:latest")
    parser.add_argument("runtime", nargs="*", default=["none", "landlock", "bwrap"])
    options = parser.parse_intermixed_args()
    folder = Path(tempfile.mkdtemp(prefix="triage-bench-"))
    folder.chmod(0o711)
    took = {runtime: [] for runtime in options.runtime}
    try:
        for _ in range(RUNS):
            for runtime, times in took.items():
                times.append(run_ms(words(options.bin.resolve(), folder, runtime, options.image)))
    finally:
        shutil.rmtree(folder)
    base = None
    for runtime, times in took.items():
        if None in times:
            print(f"{runtime:10} does not run here")
            continue
        median = statistics.median(times)
        base = median if base is None else base
        print(f"{runtime:10} {median:6.1f} ms, {median - base:+6.1f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
