"""A test that fails while the machine stands still is run once more, and no other one;
nothing else is excused.

SPDX-License-Identifier: Apache-2.0
"""
import os
import re
import signal
import subprocess
import sys

import pytest
from lib.system import BIN, ROOT, System

STOPPED = 'subprocess.run(["sh", "-c", f"kill -STOP {os.getpid()}; sleep 1.5; kill -CONT ' \
          '{os.getpid()}"])'
AT_ITS_END = "request.addfinalizer(lambda: 1 / (len(Path(counter).read_text()) - 1))"
FOR_EVER = "threading.Event().wait()"
TEST = """
import os, subprocess, threading
from pathlib import Path

counter = {counter!r}

def test_it(request):
    with open(counter, "a") as file:
        file.write("x")
    {premise}
    assert Path(counter).read_text() == {expected!r}
"""


def run(folder, premise, expected, *options):
    """Run TEST: pytest's end, how often it ran, the summary's lines of it."""
    counter = folder / "counter"
    (folder / "test_it.py").write_text(TEST.format(counter=str(counter), premise=premise,
                                                   expected=expected))
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "conftest", "-p",
                           "no:cacheprovider", "-c", "/dev/null",
                           "--rootdir", folder, "--basetemp", folder / "base", "--junitxml",
                           folder / "seen.xml", *options,
                           folder / "test_it.py"], capture_output=True, text=True, check=False,
                          cwd=folder,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "tests/system"),
                               "TRIAGE_BIN": str(BIN)})
    summary = subprocess.run([sys.executable, ROOT / "scripts/summary.py", "0",
                              folder / "seen.xml"],
                             capture_output=True, text=True, check=False)
    again = re.findall(r"^run again, the machine stood still for \d+\.\d s: seen: test_it: (.+)$",
                       summary.stdout, re.M)
    return done, len(counter.read_text()), again


@pytest.mark.parametrize("premise, expected, code, runs", [
    (STOPPED, "xx", 0, 2), (STOPPED, "xxx", 1, 2), ("pass", "xx", 1, 1), (STOPPED, "x", 0, 1),
    (f"{STOPPED}; {AT_ITS_END}", "xx", 1, 1)],
    ids=["again", "fails again", "did not stand still", "passed all the same",
         "fails at its end too"])
def test_only_a_failure_while_the_machine_stood_still_has_a_second_run(
        tmp_path, premise, expected, code, runs):
    done, counted, again = run(tmp_path, premise, expected)
    assert done.returncode == code, done.stdout
    assert counted == runs and again == [f"AssertionError: assert 'x' == '{expected}'"] * (runs - 1)


def test_a_second_run_that_does_not_end_is_ended(tmp_path):
    done, counted, again = run(tmp_path, f"{STOPPED}; {FOR_EVER}", "x", "--timeout", "10")
    assert done.returncode == 1 and "Timeout >10.0s" in done.stdout, done.stdout
    assert counted == 2 and again == ["Failed: Timeout >10.0s"]


def test_a_program_that_crashed_fails_its_test(tmp_path):
    system = System(tmp_path)
    system.start_broker().signal(signal.SIGABRT)
    with pytest.raises(AssertionError, match="crashed: broker"):
        system.close()
