"""A test that fails while the machine stands still is run once more, and no other one.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import subprocess
import sys

import pytest
from lib.system import BIN, ROOT

STOPPED = 'subprocess.run(["sh", "-c", f"kill -STOP {os.getpid()}; sleep 1.5; kill -CONT {os.getpid()}"])'
TEST = """
import os, subprocess
from pathlib import Path

def test_it():
    with open({counter!r}, "a") as file:
        file.write("x")
    {premise}
    assert Path({counter!r}).read_text() == {expected!r}
"""


@pytest.mark.parametrize("premise, expected, code, runs", [
    (STOPPED, "xx", 0, 2), (STOPPED, "xxx", 1, 2), ("pass", "xx", 1, 1), (STOPPED, "x", 0, 1)],
    ids=["again", "fails again", "did not stand still", "passed all the same"])
def test_only_a_failure_while_the_machine_stood_still_has_a_second_run(tmp_path, premise, expected, code, runs):
    counter = tmp_path / "counter"
    (tmp_path / "test_it.py").write_text(TEST.format(counter=str(counter), premise=premise, expected=expected))
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p", "no:cacheprovider", "-c", "/dev/null",
                           "--rootdir", tmp_path, "--basetemp", tmp_path / "base", "--junitxml", tmp_path / "seen.xml",
                           tmp_path / "test_it.py"], capture_output=True, text=True, check=False, cwd=tmp_path,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "tests/system"), "TRIAGE_BIN": str(BIN)})
    assert done.returncode == code, done.stdout
    assert counter.read_text() == "x" * runs
    summary = subprocess.run([sys.executable, ROOT / "scripts/summary.py", "0", tmp_path / "seen.xml"],
                             capture_output=True, text=True, check=False)
    again = re.findall(r"^run again, the machine stood still for [12]\.\d s: seen: test_it$", summary.stdout, re.M)
    assert len(again) == runs - 1
